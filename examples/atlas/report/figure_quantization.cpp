// SPDX-License-Identifier: MIT
/// \file
/// Quantization: perplexity against bits, and what one basis costs weights and activations.

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "figures.hpp"
#include "readings.hpp"
#include "vega.hpp"

namespace atlas_program {

namespace {

constexpr const char* quantization_section = "Quantization";

/// Perplexities of learned bases beside those of random ones, as one more draw of them (Student's
/// t).
std::vector<reading> basis_readings(const report_results& results) {
  std::vector<atlas::finding> family;
  for (const command_result* r : results.of("quantize")) {
    const double draws = real_member(r->content, {"run", "options", "--draws"});
    for (const json& v : member(r->content, {"verdict"})) {
      const double value = real_member(v, {"perplexity"}),
                   null = real_member(v, {"random_perplexity"}),
                   sd = real_member(v, {"random_perplexity_sd"}) * std::sqrt(1 + 1 / draws);
      if (draws >= 2 && sd > 0 && std::isfinite(value - null))
        family.push_back(atlas::compare_with_null({"basis", value, null, sd, 0, draws - 1}));
    }
  }
  return read_family(
      std::move(family),
      {"Rounded in learned bases the model reads the text with",
       "a higher perplexity than in random ones", "a lower perplexity than in random ones",
       "the perplexity of random ones", "comparison", "comparisons of bases and bits"});
}

}  // namespace

std::vector<figure> quantization_by_bits(const report_results& results) {
  number_table numbers{{"panel", "method", "bits", "perplexity", "random", "random lower",
                        "random upper", "unquantized"},
                       {}};
  for (const command_result* r : results.of("quantize"))
    for (const json& one : member(r->content, {"perplexity"})) {
      const double value = real_member(one, {"value"}), sd = real_member(one, {"sd_of_draws"});
      const bool random = std::isfinite(sd);
      numbers.rows.push_back(
          {r->source, member(one, {"method"}), member(one, {"bits"}), number(value),
           random ? number(value) : json(nullptr),
           random ? number(std::max(value / 2, value - 1.96 * sd)) : json(nullptr),
           random ? number(value + 1.96 * sd) : json(nullptr),
           member(r->content, {"source", "perplexity", "value"})});
    }
  if (numbers.rows.empty()) return {};
  return {{"quantization", quantization_section, "Perplexity against bits",
           "Perplexity of the text when the weights are rounded to so many bits by each method. "
           "Dashed and grey: random bases, with 95 % of their draws, the null of learned ones. "
           "Dotted: the model as it is.",
           "Curves of perplexity against bits, one for each method.",
           curve_spec(
               {"panel", "method", "bits", "perplexity", "", "", "random", "random lower",
                "random upper", "unquantized"},
               {.x_title = "bits", .y_title = "perplexity", .whole_x = true, .logarithmic = true}),
           std::move(numbers), basis_readings(results)}};
}

namespace {

/// How far bases are from the least product of both errors, and how many nothing beats in both.
std::vector<reading> front_readings(const report_results& results) {
  std::vector<double> products;
  int on_front = 0;
  for (const command_result* r : results.of("pareto"))
    for (const json& matrix : member(r->content, {"matrices"}))
      for (const json& p : member(matrix, {"points"})) {
        const double product = real_member(p, {"product"}) / real_member(matrix, {"product_floor"});
        if (std::isfinite(product)) products.push_back(product);
        on_front += member(p, {"on_front"}) == json(true) ? 1 : 0;
      }
  if (products.empty()) return {};
  return {{standing::fact,
           fmt::format("The product of both errors is {} times the least of the matrix; {} of {} "
                       "bases are beaten by no other in both errors.",
                       values_text(products, 2), on_front, products.size())}};
}

}  // namespace

std::vector<figure> pareto_fronts(const report_results& results) {
  number_table numbers{{"panel", "weight error", "activation error", "floor", "t", "on front"}, {}};
  for (const command_result* r : results.of("pareto"))
    for (const json& matrix : member(r->content, {"matrices"}))
      for (const json& p : member(matrix, {"points"})) {
        const double floor = real_member(matrix, {"product_floor"});
        const double weights = real_member(p, {"weight_error"});
        numbers.rows.push_back({fmt::format("{}, layer {}", text_member(matrix, {"name"}),
                                            member(matrix, {"layer"}).dump()),
                                number(weights), member(p, {"activation_error"}),
                                number(floor / weights), member(p, {"t"}),
                                member(p, {"on_front"})});
      }
  if (numbers.rows.empty()) return {};
  return {
      {"pareto", quantization_section, "What one basis costs weights and activations",
       "Each point is a basis on the way from that of the weights' gradients to that of the "
       "activations. Dashed: the least product of both errors that any of them reaches.",
       "Paths of activation error against weight error, one panel a matrix.",
       curve_spec({"panel", "", "weight error", "activation error", "", "", "floor"},
                  {.x_title = "weight error", .y_title = "activation error", .common_axes = false}),
       std::move(numbers), front_readings(results)}};
}

}  // namespace atlas_program
