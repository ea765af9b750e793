// SPDX-License-Identifier: MIT
/// \file
/// Thermodynamics of attention, and what is lost when it is replaced.

#include <fmt/format.h>

#include <cmath>
#include <cstdio>
#include <tuple>
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
    const ratio_difference d = ratio_of(h, NAN);
    add(r, "R less that of random logits", layer, h, number(d.value - d.null), number(d.error));
  });
  if (numbers.rows.empty()) return {};
  return {{"phase-map", thermodynamics_section, "Phase map of heads",
           "Each head's mean over the text: effective temperature (how many keys it looks at), "
           "purity of its density matrix, heat capacity, and how often its first key stays first "
           "when logits are perturbed; and R, the second largest weight over the largest, less "
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
  return {
      {"crystallization", thermodynamics_section, "What low-rank residuals give back",
       "The share of lost perplexity that comes back when attention is replaced by the value "
       "it looks at most and a residual of rank r, with 95 % interval. Grey: the same in random "
       "directions.",
       "Curves of recovered perplexity against rank, beside those of random directions.",
       curve_spec({"panel", "", "rank", "recovered", "lower", "upper", "random", "random lower",
                   "random upper"},
                  {.x_title = "rank", .y_title = "share recovered", .x_scale = "log"}),
       std::move(numbers)}};
}

std::vector<figure> autoencoders_against_pca(const report_results& results) {
  number_table numbers{{"panel", "head", "method", "unexplained", "lower", "upper"}, {}};
  for (const command_result* r : results.of("autoencode"))
    for (const json& h : member(r->content, {"heads"}))
      for (const auto& [key, error, name] :
           {std::tuple{"unexplained", "unexplained_standard_error", "autoencoder"},
            std::tuple{"pca_unexplained", "pca_standard_error", "PCA"}}) {
        const double x = real_member(h, {key}), e = real_member(h, {error});
        std::vector<json> row = {r->source, member(h, {"head"}), name};
        add_band(x, e, row);
        numbers.rows.push_back(std::move(row));
      }
  if (numbers.rows.empty()) return {};
  return {{"autoencoders-against-pca", "Autoencoders", "Autoencoders against PCA of the same rank",
           "The share of held-out variance that is left unexplained, with 95 % interval over "
           "passages. PCA is the null: what a linear map of the same rank leaves.",
           "Points of unexplained variance for each head, of the autoencoder and of PCA.",
           curve_spec({"panel", "method", "head", "unexplained", "lower", "upper"},
                      {.x_title = "head",
                       .y_title = "share unexplained",
                       .whole_x = true,
                       .from_zero = true,
                       .lines = false}),
           std::move(numbers)}};
}

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

figure claims_figure(std::string id, number_table numbers) {
  return {std::move(id),
          "Claims of the original study",
          "Every comparison against its null",
          "A panel a claim of the original study, a point a comparison (a layer, a text, a model), "
          "beside its null's mean, and its 95 % band where the null has a spread.",
          "Points of measured values beside the bands of their nulls, a panel for each claim.",
          curve_spec({"panel", "", "number", "value", "", "", "null", "null lower", "null upper"},
                     {.x_title = "comparison",
                      .y_title = "",
                      .whole_x = true,
                      .lines = false,
                      .common_axes = false}),
          std::move(numbers)};
}

}  // namespace

std::vector<figure> study_findings(const report_results& results) {
  constexpr int most = 12;  // panels that a page of paper has room for
  const number_table empty{{"panel", "number", "value", "null", "null lower", "null upper", "z",
                            "adjusted p", "verdict", "comparison"},
                           {}};
  std::vector<figure> out;
  number_table numbers = empty;
  int claims = 0;
  const auto end = [&] {
    const std::string id = out.empty() ? "claims" : fmt::format("claims-{}", out.size() + 1);
    if (!numbers.rows.empty()) out.push_back(claims_figure(id, std::exchange(numbers, empty)));
    claims = 0;
  };
  for (const command_result* r : results.of("study"))
    for (const json& claim : member(r->content, {"claims"})) {
      add_claim(claim, numbers);
      if (++claims == most) end();
    }
  end();
  return out;
}

}  // namespace atlas_program
