#include "atlas/dimension/two_nn.hpp"

#include <fmt/format.h>

#include <map>
#include <memory>

#include "atlas/dimension/surrogate.hpp"
#include "atlas/io/npy.hpp"
#include "measure_report.hpp"

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
    check_exclusion_options();
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
    with_typed_names({{"points", file},
                      {"exclude.context", context_file},
                      {"exclude.position", position_file},
                      {"context", context_file},
                      {"position", position_file}},
                     [&] { measure_named(points); });
  }

  template <class Scalar>
  void measure_named(const atlas::owned_tensor<Scalar, 2>& points) const {
    atlas::two_nn_options options;
    options.estimator = estimators.at(estimator);
    options.discard_fraction = discard;
    options.threads = common.threads;
    options.on_progress = progress_bar(common);
    options.exclude = exclusion();
    options.degenerate = atlas::degenerate_policy::report;
    const auto result = atlas::two_nn(points, options);
    const bool estimated = result.fault == atlas::cloud_fault::none;
    json out = dimension_json(result);
    out.update({{"points_used", result.points_used},
                {"duplicates", result.duplicates},
                {"estimator", estimator},
                {"points", points.extent(0)},
                {"coordinates", points.extent(1)},
                {"fault", fault_json(result.fault)}});
    std::vector<std::vector<std::string>> rows = {
        {"dimension", estimated ? with_interval(result.dimension, result.interval, 3)
                                : fmt::format("none: {}", atlas::describe(result.fault))},
        {"points used", std::to_string(result.points_used)},
        {"duplicates", std::to_string(result.duplicates)},
        {"estimator", estimator}};
    if (surrogates > 0) add_surrogates(points, result, out, rows);
    report(common, out, table_text(rows));
  }

  template <class Scalar>
  void add_surrogates(const atlas::owned_tensor<Scalar, 2>& points,
                      const atlas::two_nn_result& result, json& out,
                      std::vector<std::vector<std::string>>& rows) const {
    const auto null = atlas::two_nn_null(
        points, result, {.draws = surrogates, .seed = common.seed, .threads = common.threads});
    out["surrogate"] = surrogate_json(null);
    if (null.fault != atlas::cloud_fault::none) return;
    rows.push_back({"Gaussian surrogates", digits(null.mean, 3) + " (sd " + digits(null.sd, 3) +
                                               "), z " + digits(null.z, 2) +
                                               fmt::format(", p {:.2g}", null.p)});
  }

  std::string exclusion_kind() const {
    return !exclude.empty() ? exclude : context_file.empty() ? "none" : "whole";
  }

  /// Labels and positions that no exclusion would look at.
  void check_exclusion_options() const {
    const std::string kind = exclusion_kind();
    if (kind == "none") refuse_typed(*common.command, {"--context"}, "with --exclude none");
    if (kind == "none" || kind == "whole")
      refuse_typed(*common.command, {"--position"}, "without a window, such as --exclude 8");
  }

  atlas::exclusion exclusion() const {
    const std::string kind = exclusion_kind();
    if (kind == "none") return {};
    if (kind == "whole") {
      if (context_file.empty())
        throw atlas::value_error("--exclude whole", "--context C.npy", "none");
      return atlas::same_context(atlas::io::read_npy<atlas::index_t, 1>(context_file));
    }
    const atlas::index_t width = std::stoll(kind);
    if (position_file.empty())
      throw atlas::value_error("--exclude " + kind, "--position P.npy", "none");
    const auto position = atlas::io::read_npy<atlas::index_t, 1>(position_file);
    if (context_file.empty()) return atlas::nearby_positions(position, width);
    return atlas::same_context_within(atlas::io::read_npy<atlas::index_t, 1>(context_file),
                                      position, width);
  }
};

}  // namespace

void add_two_nn(CLI::App& program) {
  const auto command = std::make_shared<two_nn_command>();
  CLI::App& app = *program.add_subcommand(
      "two-nn", "Intrinsic dimension of a cloud from the ratios of neighbour distances.");
  add_text(app, "X.npy", command->file, "cloud, [N, d]")->required();
  std::vector<std::string> names;
  for (const auto& [name, estimator] : estimators) names.push_back(name);
  add_choice(app, "--estimator", command->estimator, names, "how the ratios are used");
  add_real(app, "--discard", command->discard, discard_range,
           "share of the largest ratios left out");
  add_text(app, "--context", command->context_file, "[N] labels of the texts that rows are from");
  add_text(app, "--position", command->position_file, "[N] places within them, for a window");
  app.add_option("--exclude", command->exclude,
                 "neighbours left out: none; whole (of the same context, the default with "
                 "--context); or a window of positions")
      ->transform(whole_number_or({0}, {"none", "whole"}));
  add_whole(app, "--surrogates", command->surrogates, surrogate_range,
            "Gaussian surrogates for the null, 0: none");
  add_common_options(app, command->common,
                     "atlas two-nn cloud.npy --context labels.npy --surrogates 20");
  app.callback([command] { command->run(); });
}

}  // namespace atlas_program
