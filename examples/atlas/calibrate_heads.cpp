/// \file
/// Overlaps of heads: their intervals, and their nulls.

#include <fmt/format.h>

#include "atlas/simulation/clouds.hpp"
#include "atlas/simulation/heads.hpp"
#include "atlas/subspace/haar.hpp"
#include "atlas/subspace/head_overlap.hpp"
#include "atlas/subspace/principal_frame.hpp"
#include "atlas/subspace/residual_stream.hpp"
#include "calibrate.hpp"

namespace atlas_program::calibration {

namespace {

using atlas::index_t;

constexpr index_t head_dimension = 32, model_dimension = 96, frame_dimension = 5;

/// The null is the same for all clouds, and its draws are many: simulated once.
const atlas::haar_null& frames_null(index_t dimension) {
  static const auto null_of = [](index_t d) {
    return atlas::haar_overlap(d, frame_dimension, {.draws = 20000, .seed = 1, .threads = 1});
  };
  static const atlas::haar_null inside = null_of(head_dimension),
                                outside = null_of(model_dimension);
  return dimension == head_dimension ? inside : outside;
}

atlas::head_overlap_result overlap_of(const std::vector<Eigen::MatrixXd>& frames,
                                      index_t group_size, atlas::random_stream& random) {
  return atlas::head_overlap(frames, frames_null(frames.front().rows()),
                             {.group_size = group_size,
                              .resamples = 1000,
                              .haar_draws = 20000,
                              .seed = random(),
                              .threads = 1});
}

/// Frames that are known, in the heads' own coordinates; and those of clouds in the residual
/// stream.
simulation_case overlap_intervals(index_t heads, const char* name,
                                  const atlas::shared_directions& shared) {
  const bool many = heads > 20;
  simulation_case c{"overlap", fmt::format("H {}, {}", heads, name), many ? 500 : 1000,
                    many ? 40 : 100};
  c.quantities = {{.name = "head coordinates"}, {.name = "residual stream"}};
  c.simulate = [heads, shared](atlas::random_stream& random) -> std::vector<observation> {
    const auto frames =
        atlas::simulate_frames(heads, head_dimension, frame_dimension, shared, random);
    const auto clouds = atlas::simulate_heads(frames, 300, 0.2, random);
    const auto projection =
        atlas::simulate_projection(heads, head_dimension, model_dimension, 0.5, random);
    const auto written = atlas::residual_stream_frames(clouds, projection, frame_dimension, 1);
    std::vector<observation> out;
    for (const auto* of : {&frames, &written}) {
      const auto e = overlap_of(*of, 1, random).global;
      out.push_back(estimate_of(e.mean, e.interval));
    }
    return out;
  };
  return c;
}

simulation_case haar_scores(index_t heads) {
  simulation_case c{"haar", fmt::format("H {}, independent frames", heads), 1000, 100};
  for (const char* name : {"all pairs", "pairs of one group", "pairs of two groups"})
    c.quantities.push_back({.name = name, .kind = quantity_kind::score});
  c.simulate = [heads](atlas::random_stream& random) -> std::vector<observation> {
    const auto r = overlap_of(
        atlas::simulate_frames(heads, head_dimension, frame_dimension, {}, random), 3, random);
    return {score_of(r.global), score_of(r.intra), score_of(r.inter)};
  };
  return c;
}

}  // namespace

std::vector<simulation_case> head_cases() {
  std::vector<simulation_case> cases;
  for (const index_t heads : {6, 12, 32}) {
    cases.push_back(overlap_intervals(heads, "independent", {}));
    cases.push_back(
        overlap_intervals(heads, "a direction shared", {.count = 1, .least_cosine = 0}));
  }
  for (const index_t heads : {6, 12}) cases.push_back(haar_scores(heads));
  return cases;
}

}  // namespace atlas_program::calibration
