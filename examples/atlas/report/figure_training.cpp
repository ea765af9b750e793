// SPDX-License-Identifier: MIT
/// \file
/// Ablations along training, and how the program's own intervals and p behave.

#include <fmt/format.h>

#include <cmath>
#include <utility>

#include "figures.hpp"
#include "layers.hpp"
#include "readings.hpp"
#include "vega.hpp"

namespace atlas_program {

namespace {

/// The mean over heads, and over their surrogates, in the shape of an overlap.
judged_overlap dimension_along(const json& layer) {
  double value = 0, null = 0, heads = 0;
  for (const json& h : member(layer, {"heads"})) {
    value += real_member(main_estimate_of(h), {"dimension"});
    null += real_member(surrogates_of(h), {"mean"});
    ++heads;
  }
  return {value / heads, NAN, NAN, null / heads, NAN, NAN, NAN};
}

void add_step(const std::string& panel, const std::string& model, const json& step,
              const judged_overlap& o, number_table& numbers) {
  std::vector<json> row = {panel, model, step, number(o.mean), number(o.lower), number(o.upper)};
  add_band(o.null_mean, o.null_sd, row);
  numbers.rows.push_back(std::move(row));
}

/// Calls `visit(deepest layer)` for each model, at its last step.
template <class Visit>
void for_each_end(const report_results& results, Visit visit) {
  for (const command_result* r : results.of("ablate"))
    for (const json& m : member(r->content, {"models"})) {
      const json& measurements = member(m, {"measurements"});
      if (!measurements.is_array() || measurements.empty()) continue;
      const json& layers = member(measurements.back(), {"layers"});
      if (layers.is_array() && !layers.empty()) visit(layers.back());
    }
}

/// What the trained models say.
std::vector<reading> ends_of_training(const report_results& results) {
  std::vector<atlas::finding> coordinates, stream, dimensions;
  for_each_end(results, [&](const json& layer) {
    for (auto [space, family] :
         {std::pair{"head_coordinates", &coordinates}, std::pair{"residual_stream", &stream}}) {
      const judged_overlap o = overlap_of(member(layer, {"overlap", space, "global"}), space);
      family->push_back(compared(o.mean, o.null_mean, o.null_sd, o.p));
    }
    for (const json& h : member(layer, {"heads"}))
      dimensions.push_back(compared(
          real_member(main_estimate_of(h), {"dimension"}), real_member(surrogates_of(h), {"mean"}),
          real_member(surrogates_of(h), {"sd"}), real_member(surrogates_of(h), {"p"})));
  });
  std::vector<reading> out;
  const auto add = [&](std::vector<atlas::finding> family, const reading_words& words) {
    for (reading& r : read_family(std::move(family), words)) out.push_back(std::move(r));
  };
  add(std::move(coordinates),
      {"Trained, in their own coordinates, heads overlap", "more than random subspaces",
       "less than random subspaces", "as random subspaces do", "model", "models"});
  add(std::move(stream),
      {"Trained, in the residual stream, heads overlap", "more than turned clouds",
       "less than turned clouds", "as turned clouds do", "model", "models"});
  add(std::move(dimensions),
      {"Trained, clouds have a dimension", "above that of their surrogates",
       "below that of their surrogates", "like that of their surrogates", "head", "heads", 1});
  return out;
}

}  // namespace

std::vector<figure> ablation_along_training(const report_results& results) {
  number_table numbers{
      {"panel", "model", "step", "value", "lower", "upper", "null", "null lower", "null upper"},
      {}};
  for (const command_result* r : results.of("ablate"))
    for (const json& m : member(r->content, {"models"})) {
      const std::string model =
          fmt::format("head dimension {}", member(m, {"head_dimension"}).dump());
      for (const json& at : member(m, {"measurements"})) {
        const json& layers = member(at, {"layers"});
        if (!layers.is_array() || layers.empty()) continue;
        const json& step = member(at, {"step"});
        const json& deepest = layers.back();
        for (const auto& [space, name] :
             {std::pair{"head_coordinates", "overlap, head coordinates"},
              std::pair{"residual_stream", "overlap, residual stream"}})
          add_step(name, model, step,
                   overlap_of(member(deepest, {"overlap", space, "global"}), space), numbers);
        add_step("dimension", model, step, dimension_along(deepest), numbers);
        add_step("perplexity", model, step,
                 {real_member(at, {"perplexity", "value"}), NAN, NAN, NAN, NAN, NAN, NAN}, numbers);
      }
    }
  if (numbers.rows.empty()) return {};
  return {
      {"ablation", "Ablations", "Along training",
       "The deepest layer of models trained from scratch. Dashed, with its 95 % band where it has "
       "one: each model's null in the model's colour: random subspaces and turned clouds for "
       "overlaps, surrogates for the dimension.",
       "Curves of overlap, dimension and perplexity against training steps, one for each model.",
       curve_spec({"panel", "model", "step", "value", "lower", "upper", "null", "null lower",
                   "null upper"},
                  {.x_title = "step",
                   .y_title = "",
                   .whole_x = true,
                   .common_axes = false,
                   .own_nulls = true}),
       std::move(numbers), ends_of_training(results), 3}};
}

namespace {

void add_shares(const json& rows, const char* share, const char* panel, double wanted,
                number_table& numbers) {
  int count = 0;
  for (const json& row : rows) {
    if (member(row, {"should_be_off"}) == json(true)) continue;
    numbers.rows.push_back({panel, ++count, member(row, {share, "value"}),
                            member(row, {share, "lower"}), member(row, {share, "upper"}), wanted,
                            text_member(row, {"item"}), text_member(row, {"data"}),
                            text_member(row, {"quantity"}), member(row, {"clouds"})});
  }
}

/// The mean of estimates over the truth, with the interval that so many clouds allow.
void add_bias(const json& rows, number_table& numbers) {
  int count = 0;
  for (const json& row : rows) {
    const double truth = real_member(row, {"truth"}), mean = real_member(row, {"mean"});
    const double error = real_member(row, {"sd"}) / std::sqrt(real_member(row, {"clouds"}));
    if (member(row, {"truth_is_known"}) != json(true) || !(truth != 0)) continue;
    numbers.rows.push_back({"mean of estimates over the truth", ++count, number(mean / truth),
                            number((mean - 1.96 * error) / truth),
                            number((mean + 1.96 * error) / truth), 1, text_member(row, {"item"}),
                            text_member(row, {"data"}), text_member(row, {"quantity"}),
                            member(row, {"clouds"})});
  }
}

}  // namespace

std::vector<figure> calibration_coverage(const report_results& results) {
  number_table numbers{
      {"panel", "case", "share", "lower", "upper", "wanted", "item", "data", "quantity", "clouds"},
      {}};
  std::vector<reading> readings;
  for (const command_result* r : results.of("calibrate")) {
    add_shares(member(r->content, {"intervals"}), "coverage", "intervals that hold the truth", 0.95,
               numbers);
    add_bias(member(r->content, {"intervals"}), numbers);
    add_shares(member(r->content, {"scores"}), "beyond",
               "p below 0.05 where nothing is to be found", 0.05, numbers);
    const double off = real_member(r->content, {"off"});
    const double rows =
        real_member(r->content, {"rows"}) - real_member(r->content, {"should_be_off"});
    if (!(off >= 0) || !(rows >= off)) continue;
    readings.push_back(
        {standing::fact,
         off > 0
             ? fmt::format("{:.0f} of {:.0f} rows of simulated data of known answers are off: an "
                           "interval or a p does not do there what it says.",
                           off, rows)
             : fmt::format("No row of {:.0f} of simulated data of known answers is off.", rows)});
  }
  if (numbers.rows.empty()) return {};
  return {{"calibration", "Calibration", "Estimators on data of known answers",
           "How often 95 % intervals hold the truth, and how often p is below 0.05 where there is "
           "nothing to find, with the interval that so many simulated clouds allow; and the mean "
           "of estimates over the truth. Ticks: what is promised.",
           "Points of coverage, of estimates over the truth and of false alarms, one for each "
           "case, beside what is promised.",
           curve_spec({.panel = "panel",
                       .series = "",
                       .x = "case",
                       .y = "share",
                       .lower = "lower",
                       .upper = "upper",
                       .null_mean = "wanted",
                       .said = {"item", "data", "quantity"}},
                      {.x_title = "case",
                       .y_title = "share",
                       .whole_x = true,
                       .lines = false,
                       .common_axes = false}),
           std::move(numbers), std::move(readings)}};
}

}  // namespace atlas_program
