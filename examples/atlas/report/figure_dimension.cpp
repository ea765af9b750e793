// SPDX-License-Identifier: MIT
/// \file
/// Intrinsic dimensions of heads: by layer, as a map, by scale; and neighbours within passages.

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "figures.hpp"
#include "layers.hpp"
#include "readings.hpp"
#include "vega.hpp"

namespace atlas_program {

namespace {

constexpr const char* dimension_section = "Dimension";

/// Mean, smallest and largest of the heads of a layer, of those that have the number.
struct over_heads {
  double sum = 0, least = INFINITY, most = -INFINITY;
  int count = 0;

  void add(double x) {
    if (!std::isfinite(x)) return;
    sum += x;
    least = std::min(least, x);
    most = std::max(most, x);
    ++count;
  }
  double mean() const { return count > 0 ? sum / count : std::nan(""); }
};

template <class Value>
over_heads heads_of(const measured_layer& layer, Value value) {
  over_heads out;
  for (const json& head : layer.heads()) out.add(value(head));
  return out;
}

void add_dimension_row(const measured_layer& l, const char* neighbors, const std::string& name,
                       number_table& numbers) {
  const over_heads all = heads_of(
      l, [&](const json& h) { return real_member(estimate_of(h, neighbors), {"dimension"}); });
  if (all.count == 0) return;
  const bool main = std::string(neighbors) == "distinct" ||
                    heads_of(l, [](const json& h) {
                      return real_member(estimate_of(h, "distinct"), {"dimension"});
                    }).count == 0;
  const over_heads null = heads_of(
      l, [&](const json& h) { return main ? real_member(surrogates_of(h), {"mean"}) : NAN; });
  const over_heads rank = heads_of(l, [](const json& h) { return real_member(h, {"pca_rank"}); });
  numbers.rows.push_back({l.source, name, l.layer, number(all.mean()), number(all.least),
                          number(all.most), number(null.mean()), number(null.least),
                          number(null.most), number(rank.mean())});
}

std::vector<reading> dimension_readings(const std::vector<measured_layer>& layers) {
  std::vector<atlas::finding> family;
  for (const measured_layer& l : layers)
    for (const json& h : l.heads()) {
      const json& null = surrogates_of(h);
      family.push_back(compared(real_member(main_estimate_of(h), {"dimension"}),
                                real_member(null, {"mean"}), real_member(null, {"sd"}),
                                real_member(null, {"p"})));
    }
  return read_family(
      std::move(family),
      {"Clouds of heads have a dimension", "above that of their surrogates",
       "below that of their surrogates", "like that of their surrogates", "head", "heads", 1,
       "Surrogates have no structure but the covariance and how rows hang together along passages: "
       "clouds that differ are not Gaussian. That they are curved does not follow."});
}

}  // namespace

std::vector<figure> dimension_by_layer(const report_results& results) {
  number_table numbers{{"panel", "neighbours", "layer", "dimension", "lowest head", "highest head",
                        "surrogates", "lowest surrogates", "highest surrogates", "PCA rank"},
                       {}};
  const std::vector<measured_layer> layers = measured_layers(results);
  for (const measured_layer& l : layers) {
    add_dimension_row(l, "none", "any", numbers);
    add_dimension_row(l, "distinct", "of other passages", numbers);
  }
  if (numbers.rows.empty()) return {};
  return {
      {"dimension-by-layer", dimension_section, "Dimension by layer",
       "TwoNN, mean over the heads of a layer; lines reach from the lowest head to the highest. "
       "Grey: surrogates, clouds of the same covariance without structure, of which rows of a "
       "passage hang together as in the data. Dotted: principal components of 90 % of the "
       "variance.",
       "Curves of intrinsic dimension against layer, for any neighbours and for neighbours of "
       "other passages, beside the band of surrogates.",
       curve_spec(
           {"panel", if_several("neighbours", numbers), "layer", "dimension", "lowest head",
            "highest head", "surrogates", "lowest surrogates", "highest surrogates", "PCA rank"},
           {.x_title = "layer", .y_title = "dimension", .whole_x = true, .from_zero = true}),
       std::move(numbers), dimension_readings(layers)}};
}

std::vector<figure> dimension_map(const report_results& results) {
  number_table numbers{{"panel", "layer", "head", "dimension", "surrogates", "z"}, {}};
  for (const measured_layer& l : measured_layers(results))
    for (const json& h : l.heads()) {
      const json& null = surrogates_of(h);
      if (!null.is_object()) continue;
      numbers.rows.push_back({l.source, l.layer, member(h, {"head"}),
                              number(real_member(main_estimate_of(h), {"dimension"})),
                              number(real_member(null, {"mean"})),
                              number(real_member(null, {"z"}))});
    }
  if (numbers.rows.empty()) return {};
  double most = 4;
  for (const auto& row : numbers.rows)
    if (row.back().is_number()) most = std::max(most, std::abs(row.back().get<double>()));
  return {{"dimension-map", dimension_section, "Each head against its surrogates",
           "z of each head's dimension: how many standard deviations of surrogates it is from "
           "their mean. The middle of the scale is what the null gives.",
           "A map of layers and heads, coloured by z.",
           map_spec({"panel", "head", "layer", "z"}, {.x_title = "head",
                                                      .y_title = "layer",
                                                      .value_title = "z",
                                                      .diverging = true,
                                                      .low = -most,
                                                      .high = most}),
           std::move(numbers)}};
}

namespace {

std::vector<reading> scale_readings(const std::vector<measured_layer>& layers) {
  std::vector<atlas::finding> family;
  for (const measured_layer& l : layers)
    for (const json& h : l.heads()) {
      const json& sizes = member(h, {"two_nn", "profile", "sizes"});
      family.push_back(compared(real_member(sizes, {"slope"}), 0,
                                real_member(sizes, {"standard_error"}), real_member(sizes, {"p"})));
    }
  return read_family(std::move(family),
                     {"With twice the rows, and so at a finer scale, the dimension", "grows",
                      "falls", "does not move more than by chance", "head", "heads", 2,
                      "There it is a dimension at that scale, not that of a manifold."});
}

/// What one head reads by fewer rows or by farther neighbours.
void add_scales(const measured_layer& l, const json& head, const char* by, const char* name,
                number_table& numbers) {
  for (const json& at : member(head, {"two_nn", "profile", by, "steps"}))
    numbers.rows.push_back({fmt::format("{}, layer {}, {}", l.source, l.layer, name),
                            member(head, {"head"}), member(at, {"distance"}),
                            member(at, {"dimension"}), member(at, {"lower"}), member(at, {"upper"}),
                            member(at, {"points"}), member(at, {"order"})});
}

}  // namespace

std::vector<figure> dimension_by_scale(const report_results& results) {
  number_table numbers{
      {"panel", "head", "distance", "dimension", "lower", "upper", "rows", "order"}, {}};
  const std::vector<measured_layer> layers = measured_layers(results);
  for (const measured_layer& l : deepest_of_each(layers)) {
    for (const json& h : l.heads()) add_scales(l, h, "sizes", "fewer rows", numbers);
    for (const json& h : l.heads()) add_scales(l, h, "orders", "farther neighbours", numbers);
  }
  if (numbers.rows.empty()) return {};
  return {
      {"dimension-by-scale", dimension_section, "Dimension against scale",
       "The deepest layer: TwoNN and its 95 % interval at growing distances, reached by taking "
       "fewer rows, or neighbours of higher order. A manifold has one dimension at all small "
       "scales.",
       "Curves of dimension against distance, one for each head.",
       curve_spec({"panel", if_several("head", numbers), "distance", "dimension", "lower", "upper"},
                  {.x_title = "distance to neighbours",
                   .y_title = "dimension",
                   .x_scale = "log",
                   .from_zero = true,
                   .many_series = different_values("head", numbers) > most_colours}),
       std::move(numbers), scale_readings(layers)}};
}

namespace {

/// A label of rows, in results and in figures.
struct shared_name {
  const char* key;
  const char* name;
};
constexpr shared_name shared_names[] = {
    {"context", "same passage"}, {"token", "same token"}, {"attended", "same token attended to"}};

std::vector<reading> passage_readings(const std::vector<measured_layer>& layers) {
  over_heads shares, chances;
  for (const measured_layer& l : layers)
    for (const json& h : l.heads()) {
      const label_shares s = shares_of(l, h, "context");
      shares.add(s.share);
      chances.add(s.chance);
    }
  if (shares.count == 0 || chances.count == 0) return {};
  return {
      {standing::fact,
       fmt::format("{} % of a head's nearest neighbours are of the same passage of text; chance "
                   "would give {:.1f} %. Where they are many, a dimension of any neighbours is of "
                   "passages as much as of heads.",
                   values_text({100 * shares.least, 100 * shares.most}, 0), 100 * chances.mean())}};
}

}  // namespace

std::vector<figure> neighbours_in_passage(const report_results& results) {
  number_table numbers{{"panel", "label", "layer", "share", "lowest head", "highest head", "chance",
                        "correlation length"},
                       {}};
  const std::vector<measured_layer> layers = measured_layers(results);
  for (const measured_layer& l : layers)
    for (const shared_name& label : shared_names) {
      const auto over = [&](double label_shares::*which) {
        return heads_of(l, [&](const json& h) { return shares_of(l, h, label.key).*which; });
      };
      const over_heads share = over(&label_shares::share), chance = over(&label_shares::chance);
      if (share.count == 0) continue;
      numbers.rows.push_back({l.source, label.name, l.layer, number(share.mean()),
                              number(share.least), number(share.most), number(chance.mean()),
                              member(*l.content, {"design", "correlation_length"})});
    }
  if (numbers.rows.empty()) return {};
  return {
      {"neighbours", dimension_section, "Neighbours that share a label",
       "The share of rows whose nearest neighbour is of the same passage, of the same token, or "
       "of a row whose head attends to the same token; mean over heads, from the lowest to the "
       "highest. Dashed: chance, where the result says it.",
       "Curves of the share of nearest neighbours with a label in common against layer, beside "
       "dashed lines of chance.",
       curve_spec({"panel", if_several("label", numbers), "layer", "share", "lowest head",
                   "highest head", "chance"},
                  {.x_title = "layer",
                   .y_title = "share",
                   .whole_x = true,
                   .from_zero = true,
                   .own_nulls = true}),
       std::move(numbers), passage_readings(layers)}};
}

}  // namespace atlas_program
