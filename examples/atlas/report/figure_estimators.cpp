// SPDX-License-Identifier: MIT
/// \file
/// Estimators of dimension: of one cloud beside each other, and on manifolds of known dimension.

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <utility>

#include "figures.hpp"
#include "readings.hpp"
#include "vega.hpp"

namespace atlas_program {

namespace {

constexpr const char* estimators_section = "Estimators of dimension";

}  // namespace

std::vector<figure> dimensions_of_cloud(const report_results& results) {
  number_table numbers{
      {"panel", "estimator", "dimension", "lower", "upper", "null", "null lower", "null upper"},
      {}};
  std::vector<reading> readings;
  for (const command_result* r : results.of("dimension")) {
    for (const json& e : member(r->content, {"estimates"})) {
      if (std::isnan(real_member(e, {"dimension"}))) continue;
      std::vector<json> row = {r->source, text_member(e, {"text"}), member(e, {"dimension"}),
                               member(e, {"lower"}), member(e, {"upper"})};
      add_band(real_member(e, {"surrogate", "mean"}), real_member(e, {"surrogate", "sd"}), row);
      numbers.rows.push_back(std::move(row));
    }
    for (const json& sentence : member(r->content, {"advice"}))
      if (sentence.is_string())
        readings.push_back(
            {standing::fact, fmt::format("{}: {}", r->source, sentence.get<std::string>())});
  }
  if (numbers.rows.empty()) return {};
  return {{"dimensions-of-cloud", estimators_section, "One cloud by several estimators",
           "Estimates with their intervals, which are of the dimension or, for estimators that do "
           "not converge to it, of their own mean. Grey: surrogates of the cloud, where these were "
           "asked for.",
           "Points of the dimension of a cloud, one for each estimator, beside surrogates.",
           curve_spec({"panel", "", "estimator", "dimension", "lower", "upper", "null",
                       "null lower", "null upper"},
                      {.x_title = "", .y_title = "dimension", .x_scale = "point", .lines = false}),
           std::move(numbers), std::move(readings)}};
}

namespace {

/// The share that so many intervals of 95 % hold by chance.
void add_promised(double intervals, std::vector<json>& row) {
  const double sd = std::sqrt(0.95 * 0.05 / intervals);
  row.insert(row.end(), {0.95, number(0.95 - 1.96 * sd), number(std::min(1.0, 0.95 + 1.96 * sd))});
}

void add_trial_bias(const json& trial, number_table& numbers) {
  const double bias = 100 * real_member(trial, {"bias"}),
               error = 100 * real_member(trial, {"bias_error"});
  if (std::isnan(bias)) return;
  numbers.rows.push_back({"bias, %", text_member(trial, {"manifold"}),
                          text_member(trial, {"estimator"}), number(bias),
                          number(bias - 1.96 * error), number(bias + 1.96 * error), 0, 0, 0});
}

void add_trial_coverage(const json& trial, const char* share, const char* panel,
                        number_table& numbers) {
  const double intervals = real_member(trial, {"intervals"});
  if (!(intervals > 0)) return;
  std::vector<json> row = {panel,
                           text_member(trial, {"manifold"}),
                           text_member(trial, {"estimator"}),
                           member(trial, {share, "value"}),
                           member(trial, {share, "lower"}),
                           member(trial, {share, "upper"})};
  add_promised(intervals, row);
  numbers.rows.push_back(std::move(row));
}

/// How many intervals that claim to be of the dimension, or of the own mean, cover less than 95 %
/// beyond what so many clouds allow.
reading coverage_reading(const json& trials) {
  int below = 0, all = 0;
  for (const json& t : trials) {
    const char* share =
        text_member(t, {"claim"}) == "dimension" ? "coverage_of_dimension" : "coverage_of_own_mean";
    const double upper = real_member(t, {share, "upper"});
    if (std::isnan(upper)) continue;
    ++all;
    below += upper < 0.95 ? 1 : 0;
  }
  return {standing::fact,
          fmt::format("Of {} pairs of estimator and manifold, intervals of {} hold what they are "
                      "of less often than 95 %, by more than so many clouds allow.",
                      all, below)};
}

reading ranking_reading(const json& ranking) {
  const json& first = ranking.is_array() && !ranking.empty() ? ranking.front() : ranking;
  return {standing::fact, fmt::format("Nearest to the dimension on average: {}, {:.0f} % away.",
                                      text_member(first, {"estimator"}),
                                      100 * real_member(first, {"mean_deviation"}))};
}

}  // namespace

std::vector<figure> estimators_on_manifolds(const report_results& results) {
  number_table numbers{{"panel", "manifold", "estimator", "value", "lower", "upper", "wanted",
                        "wanted lower", "wanted upper"},
                       {}};
  std::vector<reading> readings;
  for (const command_result* r : results.of("estimators")) {
    const json& trials = member(r->content, {"trials"});
    for (const json& t : trials) add_trial_bias(t, numbers);
    for (const json& t : trials)
      if (text_member(t, {"claim"}) == "dimension")
        add_trial_coverage(t, "coverage_of_dimension", "intervals that hold the dimension",
                           numbers);
    for (const json& t : trials)
      add_trial_coverage(t, "coverage_of_own_mean", "intervals that hold the mean of the estimates",
                         numbers);
    if (trials.empty()) continue;
    readings.push_back(coverage_reading(trials));
    readings.push_back(ranking_reading(member(r->content, {"ranking"})));
  }
  if (numbers.rows.empty()) return {};
  return {{"estimators", estimators_section, "Estimators on manifolds of known dimension",
           "The mean of the estimates over the dimension, less 1; and how often 95 % intervals "
           "hold the dimension, where they claim to, and the mean of the estimates, with the "
           "interval that so many clouds allow. Grey: 95 %, and shares that so many clouds leave "
           "room for.",
           "Points of bias and of coverage by estimator, a colour for each manifold, beside what "
           "is promised.",
           curve_spec({"panel", "manifold", "estimator", "value", "lower", "upper", "wanted",
                       "wanted lower", "wanted upper"},
                      {.x_title = "",
                       .y_title = "",
                       .x_scale = "point",
                       .lines = false,
                       .common_axes = false}),
           std::move(numbers), std::move(readings)}};
}

}  // namespace atlas_program
