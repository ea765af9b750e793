// SPDX-License-Identifier: MIT
#include "atlas/dimension/two_nn.hpp"

#include <fmt/format.h>

#include <cmath>
#include <map>
#include <memory>

#include "atlas/dimension/surrogate.hpp"
#include "label_options.hpp"
#include "measure_report.hpp"
#include "options.hpp"
#include "picked_cloud.hpp"
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
  std::string file;
  picked_cloud picked;
  label_options labels;
  std::string estimator = "censored";
  std::string surrogate_kind = "automatic";
  double discard = 0.1;
  atlas::index_t surrogates = 0;
  bool profile = false;

  void run() {
    check_label_options();
    check_picked_cloud(*common.command, picked);
    begin_stage(common, "reading the cloud");
    const auto use = [&](const auto& points, atlas::stored_precision precision) {
      measure(points, precision);
    };
    if (!picked.is_there()) return with_cloud(file, use);
    const source_layer layer = read_picked_layer(common, picked);
    take_labels(*common.command, layer, labels);
    file = picked.name();
    with_picked_head(layer, picked, use);
  }

 private:
  template <class Scalar>
  void measure(const atlas::owned_tensor<Scalar, 2>& points,
               atlas::stored_precision precision) const {
    typed_names names = {{"points", file}, {"labels", "--surrogate-kind " + surrogate_kind}};
    labels.add_names(names);
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
    options.exclude = labels.exclusion();
    options.context = labels.context();
    options.degenerate = atlas::degenerate_policy::report;
    const auto result = atlas::two_nn(points, options);
    json out = dimension_json(result);
    out.update({{"points_used", result.points_used},
                {"duplicates", result.duplicates},
                {"merged", result.merged},
                {"isolated", result.isolated},
                {"fit", fit_json(result)},
                {"estimator", estimator},
                {"exclude", labels.exclusion_kind()},
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
        {"neighbours left out", labels.exclusion_kind()}};
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
                                          .labels = labels.rows(),
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

  /// Positions that nothing would look at.
  void check_label_options() const {
    if (profile && estimator != "censored")
      throw atlas::value_error("--profile", "--estimator censored", estimator);
    if (!labels.has_window() && surrogates == 0)
      refuse_typed(*common.command, {"--position"},
                   "without a window, such as --exclude 8, or surrogates");
    if (surrogates == 0)
      refuse_typed(*common.command, {"--surrogate-kind"}, "without --surrogates");
  }
};

}  // namespace

void add_two_nn(CLI::App& program) {
  const auto command = std::make_shared<two_nn_command>();
  CLI::App& app = *program.add_subcommand(
      "two-nn", "Intrinsic dimension of a cloud from the ratios of neighbour distances.");
  auto* file = add_text(app, "X.npy", command->file, "cloud, [N, d]")->required();
  add_picked_cloud(app, *file, command->picked, true);
  std::vector<std::string> names;
  for (const auto& [name, estimator] : estimators) names.push_back(name);
  add_choice(app, "--estimator", command->estimator, names, "how the ratios are used");
  add_real(app, "--discard", command->discard, discard_range,
           "share of the largest ratios left out");
  add_label_options(app, command->labels);
  add_surrogate_options(app, command->surrogates, command->surrogate_kind);
  app.add_flag("--profile", command->profile,
               "also the dimension at several scales, and whether it moves");
  add_common_options(
      app, command->common,
      "atlas two-nn cloud.npy --context labels.npy --position places.npy --surrogates 20");
  app.callback([command] { command->run(); });
}

}  // namespace atlas_program
