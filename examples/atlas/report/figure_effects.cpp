// SPDX-License-Identifier: MIT
/// \file
/// Effects of the factors of an ablation.

#include <cmath>
#include <map>
#include <utility>

#include "../ablation_outcome_names.hpp"
#include "figures.hpp"
#include "readings.hpp"
#include "vega.hpp"

namespace atlas_program {

namespace {

/// What tables call an outcome.
std::string title_of(const std::string& key) {
  for (const ablation_outcome& outcome : ablation_outcomes)
    if (key == outcome.key) return outcome.title;
  return key;
}

void add_effect(const std::string& source, const json& e, number_table& numbers) {
  numbers.rows.push_back({title_of(text_member(e, {"outcome"})), source, text_member(e, {"factor"}),
                          member(e, {"effect"}), member(e, {"interval", "lower"}),
                          member(e, {"interval", "upper"}), 0, member(e, {"p"}),
                          member(e, {"p_holm"}), member(e, {"degrees"})});
}

}  // namespace

std::vector<figure> effects_of_factors(const report_results& results) {
  number_table numbers{{"panel", "source", "factor", "effect", "lower", "upper", "null", "p",
                        "p (Holm)", "degrees of freedom"},
                       {}};
  std::vector<reading> readings;
  for (const command_result* r : results.of("ablate")) {
    // One family, as the command corrects for: all factors and outcomes.
    std::vector<atlas::finding> all;
    for (const json& e : member(r->content, {"effects"})) {
      add_effect(r->source, e, numbers);
      const double p = real_member(e, {"p"});
      if (!std::isfinite(p)) continue;
      all.push_back(compared(real_member(e, {"effect"}), 0, NAN, p));
      all.back().label = text_member(e, {"outcome"});
    }
    if (all.empty()) continue;
    std::map<std::string, std::vector<atlas::finding>> families;
    for (atlas::finding& f : atlas::judge(std::move(all))) families[f.label].push_back(f);
    for (auto& [outcome, family] : families)
      for (reading& said :
           read_judged(std::move(family), {"Effects on " + title_of(outcome) + " are", "above 0",
                                           "below 0", "what chance gives", "factor", "factors", 3}))
        readings.push_back(std::move(said));
  }
  if (numbers.rows.empty()) return {};
  const std::string series = if_several("source", numbers);
  return {{"effects", "Ablations", "Effects of factors",
           "Mean of the models with a factor's second level less that of those with its first, "
           "within each seed, with its 95 % interval over seeds (Student's t). Dashed: no effect.",
           "Points with intervals for each factor, a panel for each outcome, beside a line at 0.",
           curve_spec({.panel = "panel",
                       .series = series,
                       .x = "factor",
                       .y = "effect",
                       .lower = "lower",
                       .upper = "upper",
                       .null_mean = "null",
                       .said = {"p", "p (Holm)", "degrees of freedom"}},
                      {.x_title = "factor",
                       .y_title = "effect",
                       .x_scale = "point",
                       .lines = false,
                       .common_axes = false}),
           std::move(numbers), std::move(readings), 2}};
}

}  // namespace atlas_program
