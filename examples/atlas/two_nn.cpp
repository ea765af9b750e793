// SPDX-License-Identifier: MIT
#include "atlas/dimension/two_nn.hpp"

#include <fmt/format.h>

#include <cmath>
#include <map>
#include <memory>

#include "atlas/dimension/surrogate.hpp"
#include "atlas/io/npy.hpp"
#include "measure_report.hpp"
#include "options.hpp"
#include "profile_report.hpp"
#include "stored_type.hpp"
#include "surrogate_names.hpp"

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
  std::vector<std::string> label_files;
  std::string estimator = "censored";
  std::string exclude;  ///< empty: distinct where contexts are given, none otherwise
  std::string surrogate_kind = "automatic";
  double discard = 0.1;
  atlas::index_t surrogates = 0;
  bool profile = false;

  void run() const {
    check_label_options();
    begin_stage(common, "reading the cloud");
    const atlas::io::npy_info info = atlas::io::npy_header(file);
    // Elements of float keep the neighbour search in float; everything else is read as double.
    if (info.type == atlas::io::dtype::f32 || info.type == atlas::io::dtype::f16)
      measure(atlas::io::read_npy<float, 2>(file), precision_of(info.type));
    else
      measure(atlas::io::read_npy<double, 2>(file), precision_of(info.type));
  }

 private:
  template <class Scalar>
  void measure(const atlas::owned_tensor<Scalar, 2>& points,
               atlas::stored_precision precision) const {
    typed_names names = {{"points", file},
                         {"exclude.context", context_file},
                         {"exclude.position", position_file},
                         {"labels", "--surrogate-kind " + surrogate_kind},
                         {"labels.context", context_file},
                         {"labels.position", position_file},
                         {"context", context_file},
                         {"position", position_file}};
    for (std::size_t i = 0; i < label_files.size(); ++i)
      names.emplace(fmt::format("exclude.labels[{}]", i), label_files[i]);
    with_typed_names(names, [&] { measure_named(points, precision); });
  }

  template <class Scalar>
  void measure_named(const atlas::owned_tensor<Scalar, 2>& points,
                     atlas::stored_precision precision) const {
    atlas::two_nn_options options;
    options.precision = precision;
    options.estimator = estimators.at(estimator);
    options.discard_fraction = discard;
    options.threads = common.threads;
    options.on_progress = progress_bar(common);
    options.exclude = exclusion();
    options.context = labels(context_file);
    options.degenerate = atlas::degenerate_policy::report;
    const auto result = atlas::two_nn(points, options);
    json out = dimension_json(result);
    out.update({{"points_used", result.points_used},
                {"duplicates", result.duplicates},
                {"merged", result.merged},
                {"isolated", result.isolated},
                {"fit", fit_json(result)},
                {"estimator", estimator},
                {"exclude", exclusion_kind()},
                {"points", points.extent(0)},
                {"coordinates", points.extent(1)},
                {"fault", fault_json(result.fault)}});
    std::vector<std::vector<std::string>> rows = result_rows(result);
    if (surrogates > 0) add_surrogates(points, result, out, rows);
    std::string text = table_text(rows) + few_contexts_text(result);
    if (profile) add_profile(points, options, out, text);
    report(common, out, text);
  }

  std::vector<std::vector<std::string>> result_rows(const atlas::two_nn_result& result) const {
    const bool estimated = result.fault == atlas::cloud_fault::none;
    std::vector<std::vector<std::string>> rows = {
        {"dimension", estimated ? with_interval(result.dimension, result.interval, 3)
                                : fmt::format("none: {}", atlas::describe(result.fault))},
        {"points used", std::to_string(result.points_used)},
        {"duplicates merged", std::to_string(result.merged)},
        {"duplicates left out", std::to_string(result.duplicates)},
        {"fit of the ratios", "p " + p_text(result.fit.p)},
        {"estimator", estimator},
        {"neighbours left out", exclusion_kind()}};
    if (result.isolated > 0)
      rows.push_back({"without two neighbours", std::to_string(result.isolated)});
    if (result.contexts > 0)
      rows.push_back({"contexts, the units", std::to_string(result.contexts)});
    return rows;
  }

  template <class Scalar>
  void add_surrogates(const atlas::owned_tensor<Scalar, 2>& points,
                      const atlas::two_nn_result& result, json& out,
                      std::vector<std::vector<std::string>>& rows) const {
    const auto null = atlas::two_nn_null(points, result,
                                         {.draws = surrogates,
                                          .kind = surrogate_kinds.at(surrogate_kind),
                                          .labels = {labels(context_file), labels(position_file)},
                                          .seed = common.seed,
                                          .threads = common.threads,
                                          .on_progress = progress_bar(common)});
    out["surrogate"] = surrogate_json(null);
    if (null.fault != atlas::cloud_fault::none) return;
    rows.push_back({fmt::format("{} surrogates", name_of(null.kind)),
                    fmt::format("{} (sd {}), z {}, p {}", digits(null.mean, 3), digits(null.sd, 3),
                                digits(null.z, 2), p_text(null.p))});
  }

  template <class Scalar>
  void add_profile(const atlas::owned_tensor<Scalar, 2>& points, atlas::two_nn_options options,
                   json& out, std::string& text) const {
    options.degenerate = atlas::degenerate_policy::error;
    const auto found = atlas::dimension_profile(points, options, {.seed = common.seed});
    out["profile"] = profile_json(found);
    std::vector<std::vector<std::string>> rows = profile_rows("", found);
    rows.insert(rows.begin(), profile_header(""));
    text += "\n" + table_text(rows) +
            (std::isnan(found.p) ? "Whether the dimension moves with the scale is not known.\n"
             : found.moves       ? "The dimension moves with the scale by more than its errors.\n"
                           : "The dimension does not move with the scale beyond its errors.\n");
  }

  static atlas::owned_tensor<atlas::index_t, 1> labels(const std::string& name) {
    if (name.empty()) return {};
    return atlas::io::read_npy<atlas::index_t, 1>(name);
  }

  std::string exclusion_kind() const {
    return !exclude.empty() ? exclude : context_file.empty() ? "none" : "distinct";
  }
  bool has_window() const {
    const std::string kind = exclusion_kind();
    return kind != "none" && kind != "whole" && kind != "distinct";
  }

  /// Positions that nothing would look at.
  void check_label_options() const {
    if (profile && estimator != "censored")
      throw atlas::value_error("--profile", "--estimator censored", estimator);
    if (!has_window() && surrogates == 0)
      refuse_typed(*common.command, {"--position"},
                   "without a window, such as --exclude 8, or surrogates");
    if (surrogates == 0)
      refuse_typed(*common.command, {"--surrogate-kind"}, "without --surrogates");
  }

  atlas::exclusion exclusion() const {
    atlas::exclusion out = exclusion_by_context();
    for (const std::string& name : label_files)
      out = atlas::also_excluding(std::move(out), labels(name));
    return out;
  }

  atlas::exclusion exclusion_by_context() const {
    const std::string kind = exclusion_kind();
    if (kind == "none") return {};
    const auto context = labels(context_file);
    if (!has_window()) {
      if (context.empty()) throw atlas::value_error("--exclude " + kind, "--context C.npy", "none");
      return kind == "whole" ? atlas::same_context(context) : atlas::distinct_contexts(context);
    }
    const atlas::index_t width = std::stoll(kind);
    if (position_file.empty())
      throw atlas::value_error("--exclude " + kind, "--position P.npy", "none");
    const auto position = labels(position_file);
    if (context.empty()) return atlas::nearby_positions(position, width);
    return atlas::same_context_within(context, position, width);
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
  add_text(app, "--context", command->context_file,
           "[N] labels of the texts that rows are from, the units of the interval");
  add_text(app, "--position", command->position_file,
           "[N] places within them, for a window and for serial surrogates");
  app.add_option("--exclude", command->exclude,
                 "neighbours left out: none; distinct (each neighbour of another context, the "
                 "default with --context); whole (of the same context); or a window of positions")
      ->transform(whole_number_or({0}, {"none", "distinct", "whole"}));
  add_text(app, "--labels", command->label_files,
           "[N] further labels, such as tokens: rows that share one are no neighbours")
      ->delimiter(',');
  add_surrogate_options(app, command->surrogates, command->surrogate_kind);
  app.add_flag("--profile", command->profile,
               "also the dimension at several scales, and whether it moves");
  add_common_options(
      app, command->common,
      "atlas two-nn cloud.npy --context labels.npy --position places.npy --surrogates 20");
  app.callback([command] { command->run(); });
}

}  // namespace atlas_program
