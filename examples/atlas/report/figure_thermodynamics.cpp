// SPDX-License-Identifier: MIT
/// \file
/// Thermodynamics of attention, and what is lost when it is replaced.

#include <fmt/format.h>

#include <cmath>
#include <cstdio>
#include <tuple>

#include "atlas/stats/distributions.hpp"
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

/// p of the difference of two means, each with a standard error over n blocks (Welch, Biometrika
/// 34, 28, 1947).
double p_of_difference(double difference, double error_a, double error_b, double n) {
  const double a = error_a * error_a, b = error_b * error_b;
  const double degrees = (a + b) * (a + b) / ((a * a + b * b) / (n - 1));
  if (!(n >= 4) || !(degrees > 0)) return NAN;
  return atlas::two_sided_t_p(difference / std::sqrt(a + b), degrees);
}

/// R, the second largest weight over the largest, beside that of random logits.
std::vector<reading> ratio_readings(const report_results& results) {
  std::vector<atlas::finding> family;
  for (const command_result* r : results.of("thermo"))
    for (const json& layer : member(r->content, {"layers"}))
      for (const json& h : member(layer, {"heads"})) {
        const double value = real_member(h, {"ratio", "mean"}),
                     null = real_member(h, {"ratio_null", "mean"}),
                     error = real_member(h, {"ratio", "standard_error"}),
                     null_error = real_member(h, {"ratio_null", "standard_error"});
        family.push_back(compared(value, null, std::hypot(error, null_error),
                                  p_of_difference(value - null, error, null_error,
                                                  real_member(r->content, {"source", "blocks"}))));
      }
  return read_family(
      std::move(family),
      {"R, the second largest weight over the largest, is", "above that of random logits",
       "below that of random logits", "that of random logits", "head", "heads"});
}

}  // namespace

std::vector<figure> phase_map(const report_results& results) {
  number_table numbers{{"panel", "layer", "head", "value", "standard error"}, {}};
  const auto thermo = results.of("thermo");
  for (const command_result* r : thermo)
    for (const drawn_observable& o : drawn_observables)
      for (const json& layer : member(r->content, {"layers"}))
        for (const json& h : member(layer, {"heads"}))
          numbers.rows.push_back(
              {thermo.size() > 1 ? fmt::format("{}, {}", r->source, o.name) : o.name,
               member(layer, {"layer"}), member(h, {"head"}), member(h, {o.key, "mean"}),
               member(h, {o.key, "standard_error"})});
  for (const command_result* r : thermo)
    for (const json& layer : member(r->content, {"layers"}))
      for (const json& h : member(layer, {"heads"}))
        numbers.rows.push_back(
            {thermo.size() > 1 ? fmt::format("{}, R less random", r->source)
                               : "R less that of random logits",
             member(layer, {"layer"}), member(h, {"head"}),
             number(real_member(h, {"ratio", "mean"}) - real_member(h, {"ratio_null", "mean"})),
             number(std::hypot(real_member(h, {"ratio", "standard_error"}),
                               real_member(h, {"ratio_null", "standard_error"})))});
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
        numbers.rows.push_back({r->source + ", " + layers_text(member(at, {"layers"})), rank,
                                number(x), number(x - 1.96 * error), number(x + 1.96 * error),
                                number(null), number(null - 1.96 * null_error),
                                number(null + 1.96 * null_error), member(rule, {"perplexity"})});
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
        numbers.rows.push_back({r->source, member(h, {"head"}), name, number(x),
                                number(x - 1.96 * e), number(x + 1.96 * e)});
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

std::vector<figure> study_findings(const report_results& results) {
  number_table numbers{{"panel", "number", "value", "null", "null lower", "null upper", "z",
                        "adjusted p", "verdict", "comparison"},
                       {}};
  for (const command_result* r : results.of("study"))
    for (const json& claim : member(r->content, {"claims"})) {
      int count = 0;
      for (const json& f : member(claim, {"findings"})) {
        const double null = real_member(f, {"null_mean"}), sd = real_member(f, {"null_sd"});
        numbers.rows.push_back({member(claim, {"claim"}), ++count, member(f, {"value"}),
                                number(null), number(null - 1.96 * sd), number(null + 1.96 * sd),
                                member(f, {"z"}), member(f, {"adjusted_p"}), member(f, {"verdict"}),
                                member(f, {"label"})});
      }
    }
  if (numbers.rows.empty()) return {};
  return {
      {"claims", "Claims of the original study", "Every comparison against its null",
       "A panel a claim of the original study, a point a comparison (a layer, a text, a model), "
       "beside its null's mean, and its 95 % band where the null has a spread.",
       "Points of measured values beside the bands of their nulls, a panel for each claim.",
       curve_spec({"panel", "", "number", "value", "", "", "null", "null lower", "null upper"},
                  {.x_title = "comparison",
                   .y_title = "",
                   .whole_x = true,
                   .lines = false,
                   .common_axes = false}),
       std::move(numbers)}};
}

}  // namespace atlas_program
