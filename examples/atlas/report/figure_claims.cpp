// SPDX-License-Identifier: MIT
/// \file
/// Claims of the original study, every comparison against its null.

#include <fmt/format.h>

#include <utility>

#include "figures.hpp"
#include "readings.hpp"
#include "vega.hpp"

namespace atlas_program {

namespace {

/// A point for each comparison of a claim.
void add_claim(const json& claim, number_table& numbers) {
  int count = 0;
  for (const json& f : member(claim, {"findings"})) {
    std::vector<json> row = {member(claim, {"claim"}), ++count, member(f, {"value"})};
    add_band(real_member(f, {"null_mean"}), real_member(f, {"null_sd"}), row);
    for (const char* name : {"z", "adjusted_p", "verdict", "label"})
      row.push_back(member(f, {name}));
    numbers.rows.push_back(std::move(row));
  }
}

reading reading_of(const json& claim) {
  std::vector<atlas::finding> family;
  for (const json& f : member(claim, {"findings"}))
    family.push_back(compared(real_member(f, {"value"}), real_member(f, {"null_mean"}),
                              real_member(f, {"null_sd"}), real_member(f, {"p"})));
  return read_claim(family, {text_member(claim, {"claim"}), text_member(claim, {"measured"}),
                             text_member(claim, {"null"})});
}

figure claims_figure(std::string id, number_table numbers, std::vector<reading> readings) {
  return {std::move(id),
          "Claims of the original study",
          "Every comparison against its null",
          "A panel a claim of the original study, a point a comparison (a layer, a text, a model), "
          "beside its null's mean, and its 95 % band where the null has a spread.",
          "Points of measured values beside the bands of their nulls, a panel for each claim.",
          curve_spec({.panel = "panel",
                      .series = "",
                      .x = "number",
                      .y = "value",
                      .null_mean = "null",
                      .null_lower = "null lower",
                      .null_upper = "null upper",
                      .said = {"comparison", "adjusted p", "verdict"}},
                     {.x_title = "comparison",
                      .y_title = "",
                      .whole_x = true,
                      .lines = false,
                      .common_axes = false}),
          std::move(numbers),
          std::move(readings),
          0};
}

}  // namespace

std::vector<figure> study_findings(const report_results& results) {
  constexpr std::size_t most = 12;  // panels that a page of paper has room for
  const number_table empty{{"panel", "number", "value", "null", "null lower", "null upper", "z",
                            "adjusted p", "verdict", "comparison"},
                           {}};
  std::vector<figure> out;
  number_table numbers = empty;
  std::vector<reading> readings, all;
  const auto end = [&] {
    const std::string id = out.empty() ? "claims" : fmt::format("claims-{}", out.size() + 1);
    if (!numbers.rows.empty())
      out.push_back(claims_figure(id, std::exchange(numbers, empty), std::exchange(readings, {})));
  };
  for (const command_result* r : results.of("study"))
    for (const json& claim : member(r->content, {"claims"})) {
      add_claim(claim, numbers);
      readings.push_back(reading_of(claim));
      all.push_back(readings.back());
      if (readings.size() == most) end();
    }
  end();
  if (out.empty()) return {};
  for (std::size_t i = 0; out.size() > 1 && i < out.size(); ++i)
    out[i].title += fmt::format(", {} of {}", i + 1, out.size());
  out.front().readings.insert(out.front().readings.begin(), count_claims(all));
  out.front().first = 1;
  return out;
}

}  // namespace atlas_program
