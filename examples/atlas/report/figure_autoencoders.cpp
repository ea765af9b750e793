// SPDX-License-Identifier: MIT
/// \file
/// Autoencoders against PCA of the same rank.

#include <fmt/format.h>

#include <cmath>
#include <tuple>
#include <utility>

#include "figures.hpp"
#include "readings.hpp"
#include "vega.hpp"

namespace atlas_program {

namespace {

/// An autoencoder's share unexplained, and that of PCA, each with its error.
struct unexplained_shares {
  double own, own_error, pca, pca_error;
};

/// As `atlas autoencode` writes them, or `atlas study`.
unexplained_shares unexplained_of(const json& head) {
  const auto of = [&](std::initializer_list<const char*> path) { return real_member(head, path); };
  if (!member(head, {"autoencoder"}).is_null())
    return {of({"autoencoder", "value"}), of({"autoencoder", "standard_error"}),
            of({"pca", "value"}), of({"pca", "standard_error"})};
  return {of({"unexplained"}), of({"unexplained_standard_error"}), of({"pca_unexplained"}),
          of({"pca_standard_error"})};
}

void add_heads(const std::string& panel, const json& heads, number_table& numbers) {
  for (const json& h : heads) {
    const unexplained_shares s = unexplained_of(h);
    for (const auto& [x, error, name] :
         {std::tuple{s.own, s.own_error, "autoencoder"}, std::tuple{s.pca, s.pca_error, "PCA"}}) {
      std::vector<json> row = {panel, member(h, {"head"}), name};
      add_band(x, error, row);
      numbers.rows.push_back(std::move(row));
    }
  }
}

/// What PCA leaves less what autoencoders leave: of heads (`autoencode`), of layers (`study`).
std::vector<reading> advantage_readings(const report_results& results) {
  std::vector<atlas::finding> heads, layers;
  for (const command_result* r : results.of("autoencode")) {
    const json& mean = member(r->content, {"findings", "advantage"});
    layers.push_back(compared(real_member(mean, {"value"}), 0, NAN, real_member(mean, {"p"})));
    for (const json& layer : member(r->content, {"layers"}))
      for (const json& h : member(layer, {"heads"})) {
        const json& own = member(h, {"advantage"});
        heads.push_back(compared(real_member(own, {"value"}), 0, NAN, real_member(own, {"p"})));
      }
  }
  reading_words words{
      "Of held-out variance, what PCA leaves less what autoencoders of the same rank leave is",
      "above 0",
      "below 0",
      "0 but for chance",
      "head",
      "heads",
      3};
  std::vector<reading> out = read_family(std::move(heads), words);
  words.unit = "layer";
  words.units = "layers, over their heads,";
  for (reading& r : read_family(std::move(layers), words)) out.push_back(std::move(r));
  return out;
}

}  // namespace

std::vector<figure> autoencoders_against_pca(const report_results& results) {
  number_table numbers{{"panel", "head", "method", "unexplained", "lower", "upper"}, {}};
  for (const command_result* r : results.of("autoencode")) {
    add_heads(r->source, member(r->content, {"heads"}), numbers);
    for (const json& layer : member(r->content, {"layers"}))
      add_heads(fmt::format("{}, layer {}", r->source, member(layer, {"layer"}).dump()),
                member(layer, {"heads"}), numbers);
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
           std::move(numbers), advantage_readings(results)}};
}

}  // namespace atlas_program
