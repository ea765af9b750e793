// SPDX-License-Identifier: MIT
/// \file
/// Two checkpoints of one architecture: whether heads still write where they wrote.

#include <fmt/format.h>

#include <cmath>

#include "figures.hpp"
#include "readings.hpp"
#include "vega.hpp"

namespace atlas_program {

namespace {

/// Numbers of a layer's self overlap.
struct layer_overlap {
  double mean, floor, floor_sd, ceiling, share, share_lower, share_upper;

  /// The overlap at a share of the way from floor to ceiling.
  double at(double of_ceiling) const { return floor + of_ceiling * (ceiling - floor); }
};

layer_overlap overlap_of_layer(const json& layer) {
  const json& o = member(layer, {"self_overlap"});
  return {real_member(o, {"mean"}),           real_member(o, {"floor"}),
          real_member(o, {"floor_sd"}),       real_member(o, {"ceiling"}),
          real_member(o, {"share", "value"}), real_member(o, {"share", "lower"}),
          real_member(o, {"share", "upper"})};
}

std::vector<reading> compare_readings(const report_results& results) {
  std::vector<atlas::finding> overlaps, maps;
  std::vector<double> shares;
  for (const command_result* r : results.of("compare"))
    for (const json& layer : member(r->content, {"layers"})) {
      const layer_overlap o = overlap_of_layer(layer);
      overlaps.push_back(
          compared(o.mean, o.floor, o.floor_sd, real_member(layer, {"self_overlap", "p"})));
      maps.push_back(
          compared(real_member(layer, {"maps", "mean"}), real_member(layer, {"maps", "null_mean"}),
                   real_member(layer, {"maps", "null_sd"}), real_member(layer, {"maps", "p"})));
      if (std::isfinite(o.share)) shares.push_back(o.share);
    }
  std::vector<reading> out = read_family(
      std::move(overlaps), {"Where a head writes after and where it wrote before overlap",
                            "more than with turned clouds", "less than with turned clouds",
                            "as turned clouds do", "layer", "layers"});
  if (!shares.empty())
    out.push_back(
        {standing::fact,
         fmt::format("From turned clouds (0) to the same head (1), the means of {} {} are at {}.",
                     shares.size(), shares.size() == 1 ? "layer" : "layers",
                     values_text(shares, 2))});
  for (reading& r : read_family(std::move(maps),
                                {"The weights of heads and of their matches are",
                                 "more alike than in unrelated residual streams",
                                 "less alike than in unrelated residual streams",
                                 "as alike as in unrelated residual streams", "layer", "layers"}))
    out.push_back(std::move(r));
  return out;
}

}  // namespace

std::vector<figure> heads_before_and_after(const report_results& results) {
  number_table numbers{{"panel", "layer", "self overlap", "lower", "upper", "turned",
                        "turned lower", "turned upper", "ceiling", "share", "moved", "p"},
                       {}};
  for (const command_result* r : results.of("compare"))
    for (const json& layer : member(r->content, {"layers"})) {
      const layer_overlap o = overlap_of_layer(layer);
      if (!std::isfinite(o.mean)) continue;
      std::vector<json> row = {r->source, member(layer, {"layer"}), number(o.mean),
                               number(o.at(o.share_lower)), number(o.at(o.share_upper))};
      add_band(o.floor, o.floor_sd, row);
      row.insert(row.end(), {number(o.ceiling), number(o.share), member(layer, {"moved"}),
                             member(layer, {"self_overlap", "p"})});
      numbers.rows.push_back(std::move(row));
    }
  if (numbers.rows.empty()) return {};
  return {
      {"self-overlap", "Before and after", "Heads with themselves, before and after, by layer",
       "Mean principal cosine, over heads, of the subspaces that a head and its match write to, "
       "each from another half of the passages, with a 95 % interval over heads. Dotted, the "
       "ceiling: the same of two halves of one model. Dashed, with its 95 % band, the floor: "
       "the second model's clouds turned at random before its weights write them.",
       "Curves of the overlap of heads with themselves against layer, between the band of "
       "turned clouds and the ceiling.",
       curve_spec({"panel",
                   "",
                   "layer",
                   "self overlap",
                   "lower",
                   "upper",
                   "turned",
                   "turned lower",
                   "turned upper",
                   "ceiling",
                   {"share", "moved"}},
                  {.x_title = "layer", .y_title = "overlap", .whole_x = true}),
       std::move(numbers), compare_readings(results)}};
}

}  // namespace atlas_program
