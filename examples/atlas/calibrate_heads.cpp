// SPDX-License-Identifier: MIT
/// \file
/// Overlaps of heads: their intervals, and their nulls.

#include <fmt/format.h>

#include <cmath>

#include "atlas/simulation/clouds.hpp"
#include "atlas/simulation/heads.hpp"
#include "atlas/subspace/haar.hpp"
#include "atlas/subspace/head_overlap.hpp"
#include "atlas/subspace/residual_stream.hpp"
#include "atlas/subspace/turned_null.hpp"
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
                                      index_t heads_per_group) {
  return atlas::head_overlap(frames, frames_null(frames.front().rows()),
                             {.heads_per_group = heads_per_group, .threads = 1});
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
    const auto written =
        atlas::residual_stream_frames(clouds, projection, frame_dimension, {.threads = 1});
    std::vector<observation> out;
    for (const auto* of : {&frames, &written}) {
      const auto e = overlap_of(*of, 1).global;
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
    const auto r =
        overlap_of(atlas::simulate_frames(heads, head_dimension, frame_dimension, {}, random), 3);
    return {score_of(r.global), score_of(r.intra), score_of(r.inter)};
  };
  return c;
}

constexpr index_t turned_draws = 20, turned_heads = 6, turned_dimension = 16;

/// Heads of a group see rows of the same values, each some of them.
atlas::owned_tensor<double, 3> turned_clouds(const std::vector<double>& eigenvalues,
                                             index_t heads_per_group,
                                             atlas::random_stream& random) {
  constexpr index_t rows = 200;
  atlas::owned_tensor<double, 3> out({turned_heads, rows, turned_dimension});
  auto target = out.mutable_view();
  for (index_t from = 0; from < turned_heads; from += heads_per_group) {
    const auto values = atlas::simulate_spectrum(2 * rows, eigenvalues, random);
    for (index_t h = from; h < from + heads_per_group; ++h) {
      const auto seen = atlas::sample_rows(2 * rows, rows, random);
      for (index_t i = 0; i < rows; ++i)
        for (index_t k = 0; k < turned_dimension; ++k)
          target(h, i, k) = values(seen[static_cast<std::size_t>(i)], k);
    }
  }
  return out;
}

/// Clouds that lie anyhow to the projections, of equal or of unequal eigenvalues 1/i^steepness.
simulation_case turned_scores(double steepness, double decay, index_t heads_per_group) {
  simulation_case c{"turned",
                    fmt::format("{} clouds, groups of {}, projections i^-{}",
                                steepness > 0 ? "1/i" : "isotropic", heads_per_group, decay),
                    400, 40};
  c.quantities = {{.name = "all pairs", .kind = quantity_kind::score, .degrees = turned_draws - 1}};
  if (heads_per_group > 1)
    c.quantities.push_back(
        {.name = "pairs of two groups", .kind = quantity_kind::score, .degrees = turned_draws - 1});
  std::vector<double> eigenvalues;
  for (index_t i = 1; i <= turned_dimension; ++i)
    eigenvalues.push_back(std::pow(static_cast<double>(i), -steepness));
  c.simulate = [=](atlas::random_stream& random) {
    const auto clouds = turned_clouds(eigenvalues, heads_per_group, random);
    const auto projection =
        atlas::simulate_projection(turned_heads, turned_dimension, 64, decay, random);
    const auto r = atlas::turned_null(clouds, projection, frame_dimension,
                                      {.heads_per_group = heads_per_group,
                                       .draws = turned_draws,
                                       .seed = random(),
                                       .threads = 1});
    std::vector<observation> out = {score_of(r.global)};
    if (heads_per_group > 1) out.push_back(score_of(r.inter));
    return out;
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
  for (const double decay : {0.5, 1.0})
    for (const double steepness : {0.0, 1.0}) cases.push_back(turned_scores(steepness, decay, 1));
  cases.push_back(turned_scores(1, 1, 2));
  return cases;
}

}  // namespace atlas_program::calibration
