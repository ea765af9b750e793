#include "atlas/dimension/two_nn.hpp"

#include <charconv>
#include <map>
#include <memory>

#include "atlas/dimension/surrogate.hpp"
#include "atlas/io/npy.hpp"
#include "common.hpp"

namespace atlas_program {

namespace {

const std::map<std::string, atlas::two_nn_estimator> estimators = {
    {"censored", atlas::two_nn_estimator::censored},
    {"regression", atlas::two_nn_estimator::regression},
    {"truncated", atlas::two_nn_estimator::truncated},
    {"bayes", atlas::two_nn_estimator::bayesian}};

struct two_nn_command {
  common_options common;
  std::string file, context_file, position_file;
  std::string estimator = "censored";
  std::string exclude;  ///< empty: whole where contexts are given, none otherwise
  double discard = 0.1;
  atlas::index_t surrogates = 0;

  void run() const {
    begin_stage(common, "reading the cloud");
    const atlas::io::npy_info info = atlas::io::npy_header(file);
    // Elements of float keep the neighbour search in float; everything else is read as double.
    if (info.type == atlas::io::dtype::f32 || info.type == atlas::io::dtype::f16)
      measure(atlas::io::read_npy<float, 2>(file));
    else
      measure(atlas::io::read_npy<double, 2>(file));
  }

 private:
  template <class Scalar>
  void measure(const atlas::owned_tensor<Scalar, 2>& points) const {
    check_surrogates(surrogates);
    atlas::two_nn_options options;
    options.estimator = estimators.at(estimator);
    options.discard_fraction = discard;
    options.threads = common.threads;
    options.on_progress = progress_bar(common);
    options.exclude = exclusion();
    const auto result = atlas::two_nn(points, options);
    json out = {{"dimension", number(result.dimension)},  {"lower", number(result.interval.lower)},
                {"upper", number(result.interval.upper)}, {"points_used", result.points_used},
                {"duplicates", result.duplicates},        {"estimator", estimator}};
    std::vector<std::vector<std::string>> rows = {
        {"dimension", with_interval(result.dimension, result.interval, 3)},
        {"points used", std::to_string(result.points_used)},
        {"duplicates", std::to_string(result.duplicates)},
        {"estimator", estimator}};
    if (surrogates > 0) add_surrogates(points, result, options, out, rows);
    report(common, out, table_text(rows));
  }

  template <class Scalar>
  void add_surrogates(const atlas::owned_tensor<Scalar, 2>& points,
                      const atlas::two_nn_result& result, const atlas::two_nn_options& options,
                      json& out, std::vector<std::vector<std::string>>& rows) const {
    const auto null =
        atlas::two_nn_null(points, result, options,
                           {.draws = surrogates, .seed = common.seed, .threads = common.threads});
    out["surrogate"] = {{"mean", number(null.mean)},
                        {"sd", number(null.sd)},
                        {"z", number(null.z)},
                        {"p", number(null.p)}};
    rows.push_back({"Gaussian surrogates", digits(null.mean, 3) + " (sd " + digits(null.sd, 3) +
                                               "), z " + digits(null.z, 2) +
                                               fmt::format(", p {:.2g}", null.p)});
  }

  atlas::exclusion exclusion() const {
    const std::string kind = !exclude.empty() ? exclude : context_file.empty() ? "none" : "whole";
    if (kind == "none") return {};
    if (kind == "whole") {
      if (context_file.empty())
        throw atlas::value_error("--exclude whole", "--context C.npy", "none");
      return atlas::same_context(atlas::io::read_npy<atlas::index_t, 1>(context_file));
    }
    const atlas::index_t width = window(kind);
    if (position_file.empty())
      throw atlas::value_error("--exclude " + kind, "--position P.npy", "none");
    const auto position = atlas::io::read_npy<atlas::index_t, 1>(position_file);
    if (context_file.empty()) return atlas::nearby_positions(position, width);
    return atlas::same_context_within(atlas::io::read_npy<atlas::index_t, 1>(context_file),
                                      position, width);
  }

  static atlas::index_t window(const std::string& text) {
    atlas::index_t width = -1;
    const char* end = text.data() + text.size();
    const auto parsed = std::from_chars(text.data(), end, width);
    if (parsed.ec != std::errc() || parsed.ptr != end || width < 0)
      throw atlas::value_error("--exclude", "none, whole or a window of 0 or more", text);
    return width;
  }
};

}  // namespace

void add_two_nn(CLI::App& program) {
  const auto command = std::make_shared<two_nn_command>();
  CLI::App& app = *program.add_subcommand(
      "two-nn", "Intrinsic dimension of a cloud from the ratios of neighbour distances.");
  app.add_option("X.npy", command->file, "cloud, [N, d]")->required();
  std::vector<std::string> names;
  for (const auto& [name, estimator] : estimators) names.push_back(name);
  app.add_option("--estimator", command->estimator, "how the ratios are used")
      ->check(CLI::IsMember(names))
      ->capture_default_str();
  app.add_option("--discard", command->discard, "share of the largest ratios left out")
      ->capture_default_str();
  app.add_option("--context", command->context_file, "[N] labels of the texts that rows are from");
  app.add_option("--position", command->position_file, "[N] places within them");
  app.add_option("--exclude", command->exclude,
                 "neighbours left out: none; whole (of the same context, the default with "
                 "--context); or a window of positions");
  app.add_option("--surrogates", command->surrogates,
                 "Gaussian surrogates for the null, 10 or more; 0: none")
      ->capture_default_str();
  add_common_options(app, command->common,
                     "atlas two-nn cloud.npy --context labels.npy --surrogates 20");
  app.callback([command] { command->run(); });
}

}  // namespace atlas_program
