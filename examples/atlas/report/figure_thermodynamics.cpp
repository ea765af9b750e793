// SPDX-License-Identifier: MIT
/// \file
/// Thermodynamics of attention, and what is lost when it is replaced.

#include <fmt/format.h>

#include <cmath>
#include <cstdio>
#include <utility>

#include "figures.hpp"
#include "readings.hpp"
#include "vega.hpp"

namespace atlas_program {

namespace {

constexpr const char* thermodynamics_section = "Thermodynamics of attention";

/// A quantity of a head and what it is called.
struct drawn_observable {
  const char* key;
  const char* name;
};
constexpr drawn_observable drawn_observables[] = {
    {"effective_temperature", "effective temperature (keys)"},
    {"purity", "purity"},
    {"heat_capacity", "heat capacity"},
    {"argmax_stability", "stability of the argmax"}};

/// Degrees of freedom of the difference of two means, each with a standard error over n blocks
/// (Welch, Biometrika 34, 28, 1947).
double welch_degrees(double error_a, double error_b, double n) {
  const double a = error_a * error_a, b = error_b * error_b;
  return (a + b) * (a + b) / ((a * a + b * b) / (n - 1));
}

/// A head's mean of R less that of random logits, and their error together.
struct ratio_difference {
  double value, null, error, degrees;
};

ratio_difference ratio_of(const json& head, double blocks) {
  const double error = real_member(head, {"ratio", "standard_error"}),
               null_error = real_member(head, {"ratio_null", "standard_error"});
  return {real_member(head, {"ratio", "mean"}), real_member(head, {"ratio_null", "mean"}),
          std::hypot(error, null_error), welch_degrees(error, null_error, blocks)};
}

/// Calls `visit(result, layer, head)` for all heads of `atlas thermo`.
template <class Visit>
void for_each_head(const report_results& results, Visit visit) {
  for (const command_result* r : results.of("thermo"))
    for (const json& layer : member(r->content, {"layers"}))
      for (const json& h : member(layer, {"heads"})) visit(*r, layer, h);
}

/// R, the second largest weight over the largest, beside that of random logits.
std::vector<reading> ratio_readings(const report_results& results) {
  std::vector<atlas::finding> family;
  for_each_head(results, [&](const command_result& r, const json&, const json& h) {
    const double blocks = real_member(r.content, {"source", "blocks"});
    const ratio_difference d = ratio_of(h, blocks);
    if (blocks >= 4 && d.error > 0 && std::isfinite(d.value - d.null))
      family.push_back(atlas::compare_with_null({"R", d.value, d.null, d.error, 0, d.degrees}));
  });
  return read_family(
      std::move(family),
      {"R, the second largest weight over the largest, is", "above that of random logits",
       "below that of random logits", "that of random logits", "head", "heads"});
}

}  // namespace

std::vector<figure> phase_map(const report_results& results) {
  number_table numbers{{"panel", "layer", "head", "value", "standard error"}, {}};
  const bool several = results.of("thermo").size() > 1;
  const auto add = [&](const command_result& r, const std::string& name, const json& layer,
                       const json& head, const json& value, const json& error) {
    numbers.rows.push_back({several ? fmt::format("{}, {}", r.source, name) : name,
                            member(layer, {"layer"}), member(head, {"head"}), value, error});
  };
  for (const drawn_observable& o : drawn_observables)
    for_each_head(results, [&](const command_result& r, const json& layer, const json& h) {
      add(r, o.name, layer, h, member(h, {o.key, "mean"}), member(h, {o.key, "standard_error"}));
    });
  for_each_head(results, [&](const command_result& r, const json& layer, const json& h) {
    const json& share = member(h, {"sink", "share"});
    if (share.is_object())  // results of before sinks were looked for have none
      add(r, "share of queries at a sink", layer, h, member(share, {"mean"}),
          member(share, {"standard_error"}));
  });
  for_each_head(results, [&](const command_result& r, const json& layer, const json& h) {
    const ratio_difference d = ratio_of(h, NAN);
    add(r, "R less that of random logits", layer, h, number(d.value - d.null), number(d.error));
  });
  if (numbers.rows.empty()) return {};
  return {
      {"phase-map", thermodynamics_section, "Phase map of heads",
       "Each head's mean over the text: effective temperature (how many keys it looks at), "
       "purity of its density matrix, heat capacity, and how often its first key stays first "
       "when logits are perturbed; the share of queries that look most at a sink, a key that "
       "draws weight whatever they ask; and R, the second largest weight over the largest, less "
       "that of random logits, its null. Each panel has a scale of its own.",
       "Maps of layers and heads, one for each quantity.",
       map_spec({"panel", "head", "layer", "value"},
                {.x_title = "head", .y_title = "layer", .value_title = "", .own_scales = true}),
       std::move(numbers), ratio_readings(results)}};
}

namespace {

/// `V* + rank 8` says 8; -1 for other rules.
int rank_of(const std::string& rule) {
  int rank = -1;
  return std::sscanf(rule.c_str(), "V* + rank %d", &rank) == 1 ? rank : -1;
}

std::string layers_text(const json& layers) {
  if (!layers.is_array() || layers.empty()) return "";
  return layers.size() == 1
             ? "layer " + layers[0].dump()
             : fmt::format("layers {} to {}", layers.front().dump(), layers.back().dump());
}

/// Residuals in the principal directions beside those in random ones. Few draws of these carry no
/// p.
std::vector<reading> recovery_readings(const report_results& results, const number_table& numbers) {
  std::vector<atlas::finding> family;
  for (const command_result* r : results.of("crystallize"))
    for (const json& at : member(r->content, {"interventions"}))
      for (const json& rule : member(at, {"rules"})) {
        const json& null = member(rule, {"recovered_in_random_directions"});
        family.push_back(compared(real_member(rule, {"recovered", "value"}),
                                  real_member(null, {"value"}), real_member(null, {"sd"}),
                                  real_member(null, {"p"})));
      }
  std::vector<double> values, nulls;
  for (const auto& row : numbers.rows)
    if (row[2].is_number() && row[5].is_number()) {
      values.push_back(row[2].get<double>());
      nulls.push_back(row[5].get<double>());
    }
  std::vector<reading> out = read_family(
      std::move(family),
      {"Of what is lost, low-rank residuals give back", "more than those in random directions",
       "less than those in random directions", "as much as those in random directions",
       "intervention", "interventions of one rank"});
  if (!out.empty() || values.empty()) return out;
  return {{standing::unknown,
           fmt::format("Of what is lost, low-rank residuals give back {}, those in random "
                       "directions {}; so few draws of these carry no p (--random-draws).",
                       values_text(values, 2), values_text(nulls, 2))}};
}

}  // namespace

std::vector<figure> crystallization_curves(const report_results& results) {
  number_table numbers{{"panel", "rank", "recovered", "lower", "upper", "random", "random lower",
                        "random upper", "perplexity"},
                       {}};
  for (const command_result* r : results.of("crystallize"))
    for (const json& at : member(r->content, {"interventions"}))
      for (const json& rule : member(at, {"rules"})) {
        const int rank = rank_of(text_member(rule, {"rule"}));
        if (rank < 0) continue;
        const double x = real_member(rule, {"recovered", "value"}),
                     error = real_member(rule, {"recovered", "standard_error"}),
                     null = real_member(rule, {"recovered_in_random_directions", "value"}),
                     null_error =
                         real_member(rule, {"recovered_in_random_directions", "standard_error"});
        std::vector<json> row = {r->source + ", " + layers_text(member(at, {"layers"})), rank};
        add_band(x, error, row);
        add_band(null, null_error, row);
        row.push_back(member(rule, {"perplexity"}));
        numbers.rows.push_back(std::move(row));
      }
  if (numbers.rows.empty()) return {};
  std::vector<reading> readings = recovery_readings(results, numbers);
  return {
      {"crystallization", thermodynamics_section, "What low-rank residuals give back",
       "The share of lost perplexity that comes back when attention is replaced by the value "
       "it looks at most and a residual of rank r, with 95 % interval. Grey: the same in random "
       "directions.",
       "Curves of recovered perplexity against rank, beside those of random directions.",
       curve_spec({"panel", "", "rank", "recovered", "lower", "upper", "random", "random lower",
                   "random upper"},
                  {.x_title = "rank", .y_title = "share recovered", .x_scale = "log"}),
       std::move(numbers), std::move(readings)}};
}

}  // namespace atlas_program
