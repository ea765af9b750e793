// SPDX-License-Identifier: MIT
/// \file
/// Overlaps of heads: by layer, by the dimension of their subspaces, and pair by pair.

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "figures.hpp"
#include "layers.hpp"
#include "readings.hpp"
#include "vega.hpp"

namespace atlas_program {

namespace {

constexpr const char* overlap_section = "Overlap of heads";

/// Cells of an overlap, its interval, its null with a band, and random frames.
std::vector<json> with_overlap(std::vector<json> row, const judged_overlap& o) {
  row.insert(row.end(), {number(o.mean), number(o.lower), number(o.upper)});
  add_band(o.null_mean, o.null_sd, row);
  row.push_back(number(o.haar_mean));
  return row;
}

struct overlap_space_words {
  const char* key;
  const char* name;
  reading_words words;
};

std::vector<overlap_space_words> spaces() {
  return {
      {"head_coordinates",
       "head coordinates",
       {"In their own coordinates", "more than random subspaces", "less than random subspaces",
        "as random subspaces do", "layer", "layers"}},
      {"residual_stream",
       "residual stream",
       {"In the residual stream, where they write,", "more than turned clouds",
        "less than turned clouds", "as turned clouds do", "layer", "layers", 2,
        "Turned clouds are the heads' own, turned at random before the weights write them: what is "
        "beyond them is the heads' doing, not the weights' alone."}}};
}

/// Pairs that share keys and values apart from those that do not, where there are both.
std::vector<std::string> groups_of(const json& space) {
  return real_member(space, {"intra", "pairs"}) > 0 ? std::vector<std::string>{"intra", "inter"}
                                                    : std::vector<std::string>{"global"};
}

/// Pairs that overlap for no other reason than their clouds: those that do not share keys and
/// values, where there are pairs that do.
const json& pairs_apart(const json& space) {
  return member(space, {groups_of(space).back().c_str()});
}

std::string group_name(const std::string& group) {
  if (group == "global") return "all pairs";
  return group == "intra" ? "pairs that share keys and values" : "pairs that do not";
}

/// What one kind of pairs says in one space.
std::vector<reading> read_pairs(const std::vector<measured_layer>& layers,
                                const overlap_space_words& space, const std::string& group,
                                const std::string& whose) {
  std::vector<atlas::finding> family;
  for (const measured_layer& l : layers) {
    const json& overlaps = member(l.overlap(), {space.key});
    const std::vector<std::string> groups = groups_of(overlaps);
    if (std::find(groups.begin(), groups.end(), group) == groups.end()) continue;
    const judged_overlap o = overlap_of(member(overlaps, {group.c_str()}), space.key);
    family.push_back(compared(o.mean, o.null_mean, o.null_sd, o.p));
  }
  reading_words words = space.words;
  words.subject += whose;
  return read_family(std::move(family), words);
}

std::vector<reading> readings_of(const std::vector<measured_layer>& layers) {
  std::vector<reading> out;
  for (const auto& [group, whose] :
       {std::pair{"global", " heads overlap"},
        std::pair{"inter", " heads that share no keys and values overlap"},
        std::pair{"intra", " heads that share keys and values overlap"}})
    for (const overlap_space_words& space : spaces())
      for (reading& r : read_pairs(layers, space, group, whose)) out.push_back(std::move(r));
  return out;
}

}  // namespace

std::vector<figure> overlap_by_layer(const report_results& results) {
  number_table numbers{{"panel", "pairs", "layer", "overlap", "lower", "upper", "null",
                        "null lower", "null upper", "random frames", "p"},
                       {}};
  const std::vector<measured_layer> layers = measured_layers(results);
  for (const overlap_space_words& space : spaces())
    for (const measured_layer& l : layers) {
      const json& overlaps = member(l.overlap(), {space.key});
      if (!overlaps.is_object()) continue;
      for (const std::string& group : groups_of(overlaps)) {
        const judged_overlap o = overlap_of(member(overlaps, {group.c_str()}), space.key);
        numbers.rows.push_back(with_overlap(
            {fmt::format("{}, {}", l.source, space.name), group_name(group), l.layer}, o));
        numbers.rows.back().push_back(number(o.p));
      }
    }
  if (numbers.rows.empty()) return {};
  return {
      {"overlap-by-layer", overlap_section, "Overlap by layer",
       "Mean principal cosine of pairs of heads, with its 95 % interval. Dashed, with its 95 % "
       "band: the null of these pairs, of random subspaces in head coordinates, and in the "
       "residual stream of the heads' own clouds turned at random before the weights write them. "
       "Dotted: random subspaces.",
       "Curves of overlap against layer beside the band of their null, a panel for each model "
       "and space.",
       curve_spec({"panel", if_several("pairs", numbers), "layer", "overlap", "lower", "upper",
                   "null", "null lower", "null upper", "random frames"},
                  {.x_title = "layer", .y_title = "overlap", .whole_x = true, .own_nulls = true}),
       std::move(numbers), readings_of(layers)}};
}

namespace {

/// H heads in groups of g have H (g - 1) / 2 pairs within groups.
atlas::index_t heads_per_group(const measured_layer& layer) {
  const double pairs = real_member(layer.overlap(), {"head_coordinates", "intra", "pairs"});
  const auto heads = static_cast<double>(layer.heads().size());
  return pairs > 0 && pairs < heads * heads
             ? 1 + static_cast<atlas::index_t>(std::lround(2 * pairs / heads))
             : 1;
}

/// Of all layers, or 1 where they differ in it or in the number of heads.
atlas::index_t common_group(const std::vector<measured_layer>& layers) {
  const measured_layer& first = layers.front();
  const bool same = std::all_of(layers.begin(), layers.end(), [&](const measured_layer& l) {
    return heads_per_group(l) == heads_per_group(first) && l.heads().size() == first.heads().size();
  });
  return same ? heads_per_group(first) : 1;
}

/// NaN where there is no such number.
double element(const json& matrix, std::size_t i, std::size_t j) {
  const bool there = matrix[i].is_array() && j < matrix[i].size() && matrix[i][j].is_number();
  return there ? matrix[i][j].get<double>() : std::nan("");
}

/// Cells of one layer: below the diagonal head coordinates, above it the residual stream.
void add_matrix(const measured_layer& l, const std::string& panel, number_table& numbers) {
  for (const char* space : {"head_coordinates", "residual_stream"}) {
    const json& overlaps = member(l.overlap(), {space});
    const json& matrix = member(overlaps, {"matrix"});
    if (!matrix.is_array()) continue;
    const bool above = std::string(space) == "residual_stream";
    const double apart = overlap_of(pairs_apart(overlaps), space).null_mean;
    const double together =
        overlap_of(member(overlaps, {groups_of(overlaps).front().c_str()}), space).null_mean;
    const auto group = static_cast<std::size_t>(heads_per_group(l));
    for (std::size_t i = 0; i < matrix.size(); ++i)
      for (std::size_t j = 0; j < i; ++j) {
        const double mean = element(matrix, i, j);
        const double null = i / group == j / group ? together : apart;
        const auto row = above ? j : i, column = above ? i : j;
        numbers.rows.push_back({panel, row, column, above ? "residual stream" : "head coordinates",
                                number(mean), number(null), number(mean - null)});
      }
  }
}

double farthest(const number_table& numbers) {
  double most = 0.05;
  for (const auto& row : numbers.rows)
    if (row.back().is_number()) most = std::max(most, std::abs(row.back().get<double>()));
  return most;
}

}  // namespace

std::vector<figure> overlap_matrices(const report_results& results) {
  number_table numbers{{"panel", "head", "with head", "space", "overlap", "null", "difference"},
                       {}};
  const std::vector<measured_layer> layers = measured_layers(results);
  const bool several = results.of("measure").size() > 1;
  std::size_t heads = 0;
  for (const measured_layer& l : layers) {
    heads = std::max(heads, l.heads().size());
    add_matrix(
        l,
        several ? fmt::format("{}, layer {}", l.source, l.layer) : fmt::format("layer {}", l.layer),
        numbers);
  }
  if (numbers.rows.empty()) return {};
  return {
      {"overlap-matrices", overlap_section, "Pairs of heads",
       "A square a layer, a cell a pair of heads. Below the diagonal: head coordinates, less "
       "the mean of random subspaces. Above it: the residual stream, less the mean of turned "
       "clouds. Red is more than the null's mean, blue less. Numbers are those of heads; frames: "
       "heads that share keys and values.",
       "Matrices of the overlap of each pair of heads less its null's mean, one for each layer.",
       matrix_spec({"panel", "head", "with head", "difference"},
                   {.value_title = "overlap less its null's mean",
                    .most = farthest(numbers),
                    .heads = static_cast<atlas::index_t>(heads),
                    .heads_per_group = common_group(layers)}),
       std::move(numbers)}};
}

namespace {

void add_ranks(const measured_layer& l, number_table& numbers) {
  const json& ranks = member(l.overlap(), {"by_dimension"});
  if (!ranks.is_array()) return;
  for (const overlap_space_words& space : spaces())
    for (const json& rank : ranks) {
      const json& estimate = pairs_apart(member(rank, {space.key}));
      if (!estimate.is_object()) continue;
      numbers.rows.push_back(
          with_overlap({fmt::format("{}, layer {}, {}", l.source, l.layer, space.name),
                        member(rank, {"local_dimension"})},
                       overlap_of(estimate, space.key)));
    }
}

}  // namespace

std::vector<figure> overlap_by_rank(const report_results& results) {
  number_table numbers{{"panel", "k", "overlap", "lower", "upper", "null", "null lower",
                        "null upper", "random frames"},
                       {}};
  for (const measured_layer& l : measured_layers(results)) add_ranks(l, numbers);
  if (numbers.rows.empty()) return {};
  return {{"overlap-by-dimension", overlap_section,
           "Overlap against the dimension of the subspaces",
           "Pairs that share no keys and values. The same overlap for subspaces of k dimensions, "
           "beside the null of that k: random "
           "subspaces overlap more the larger k is.",
           "Curves of overlap against k beside the band of their null.",
           curve_spec({"panel", "", "k", "overlap", "lower", "upper", "null", "null lower",
                       "null upper", "random frames"},
                      {.x_title = "k", .y_title = "overlap", .whole_x = true}),
           std::move(numbers)}};
}

std::vector<figure> overlap_by_source(const report_results& results) {
  if (results.of("measure").size() < 2) return {};
  number_table numbers{{"panel", "of", "overlap", "lower", "upper", "null", "null lower",
                        "null upper", "random frames"},
                       {}};
  const std::vector<measured_layer> layers = deepest_of_each(measured_layers(results));
  for (const overlap_space_words& space : spaces())
    for (const measured_layer& l : layers) {
      const json& estimate = pairs_apart(member(l.overlap(), {space.key}));
      if (!estimate.is_object()) continue;
      numbers.rows.push_back(with_overlap({space.name, l.source}, overlap_of(estimate, space.key)));
    }
  if (numbers.rows.empty()) return {};
  return {{"overlap-by-model", overlap_section, "Overlap against architecture and text",
           "Pairs that share no keys and values, in the deepest measured layer of each model and "
           "text. Models differ in the dimension of "
           "their heads, and the null with it: only what is beyond its own null can be compared.",
           "Points of overlap for each model and text, each beside its own null.",
           curve_spec(
               {"panel", "", "of", "overlap", "lower", "upper", "null", "null lower", "null upper"},
               {.x_title = "", .y_title = "overlap", .x_scale = "point", .lines = false}),
           std::move(numbers)}};
}

}  // namespace atlas_program
