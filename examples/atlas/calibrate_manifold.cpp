// SPDX-License-Identifier: MIT
/// \file
/// The checks of manifolds, each beside its null, on rows without structure.

#include <fmt/format.h>

#include <utility>

#include "atlas/manifold/chord_test.hpp"
#include "atlas/manifold/connectivity.hpp"
#include "atlas/manifold/homogeneity.hpp"
#include "atlas/manifold/pooled_dimension.hpp"
#include "atlas/manifold/position_groups.hpp"
#include "atlas/manifold/separation.hpp"
#include "atlas/simulation/clouds.hpp"
#include "atlas/simulation/passages.hpp"
#include "calibrate.hpp"

namespace atlas_program::calibration {

namespace {

using atlas::index_t;
using passages = atlas::labelled_cloud<double>;

constexpr index_t manifold_draws = 20, manifold_rows = 600;

quantity check_of(const std::string& name) {
  return {.name = name, .kind = quantity_kind::score, .degrees = manifold_draws - 1};
}

/// Draws of the kind that the library chooses.
atlas::surrogate_options draws_for(const passages& x, atlas::random_stream& random) {
  return {
      .draws = manifold_draws, .labels = {x.context, x.position}, .seed = random(), .threads = 1};
}

std::vector<observation> chord_scores(const passages& x, const atlas::exclusion& exclude,
                                      atlas::random_stream& random) {
  const auto r = atlas::chord_test(
      x.points, {.chords = 200, .exclude = exclude, .seed = random(), .threads = 1});
  return {score_of(atlas::chord_null(x.points, r, draws_for(x, random)).mean)};
}

std::vector<observation> region_scores(const passages& x, const atlas::exclusion& exclude,
                                       atlas::random_stream& random) {
  const auto r = atlas::homogeneity(
      x.points, {.region_points = 150, .exclude = exclude, .seed = random(), .threads = 1});
  const auto nulls = atlas::homogeneity_null(x.points, r, draws_for(x, random));
  return {score_of(nulls.mean), score_of(nulls.sd)};
}

/// The graph of nearest neighbours, which has pieces enough to count.
std::vector<observation> component_scores(const passages& x, const atlas::exclusion& exclude,
                                          atlas::random_stream& random) {
  const auto r = atlas::connectivity(x.points, {.k = 1, .exclude = exclude, .threads = 1});
  return {score_of(atlas::connectivity_null(x.points, r, draws_for(x, random)).components)};
}

/// Of four ranges of positions.
std::vector<observation> separation_scores(const passages& x, atlas::random_stream& random) {
  const auto labels = atlas::position_groups(x.position, 4);
  const auto r =
      atlas::separation(x.points, labels, {.permutations = 99, .seed = random(), .threads = 1});
  return {score_of(atlas::separation_null(x.points, labels, r, draws_for(x, random)))};
}

/// Four heads whose coordinates are those of one cloud.
std::vector<observation> pooled_scores(const passages& x, const atlas::exclusion& exclude,
                                       atlas::random_stream& random) {
  constexpr index_t heads = 4;
  const index_t n = x.points.extent(0), d = x.points.extent(1) / heads;
  atlas::owned_tensor<double, 3> clouds({heads, n, d});
  auto target = clouds.mutable_view();
  for (index_t h = 0; h < heads; ++h)
    for (index_t i = 0; i < n; ++i)
      for (index_t k = 0; k < d; ++k) target(h, i, k) = x.points(i, h * d + k);
  const auto r = atlas::pooled_dimension(clouds, {.exclude = exclude, .threads = 1});
  return {score_of(atlas::pooled_dimension_null(clouds, r, draws_for(x, random)))};
}

/// Rows of passages; without `passages` each row is its own, and has no labels.
simulation_case manifold_case(const std::string& data, const atlas::passage_design& design,
                              double rho) {
  const bool serial = design.rows > 1;
  simulation_case c{"manifold", data, 400, 10};
  c.quantities = {check_of("chords"), check_of("mean of local dimensions"),
                  check_of("sd of local dimensions"), check_of("components"),
                  check_of("pooled dimension")};
  if (serial) c.quantities.push_back(check_of("separation of positions"));
  c.simulate = [design, rho, serial](atlas::random_stream& random) {
    passages x = atlas::simulate_passages(design, 6, {.correlation = rho}, random);
    atlas::passage_design shorter = design;
    shorter.passages = design.passages / 2;
    passages heads = atlas::simulate_passages(
        shorter, 12, {.correlation = rho, .mixing = atlas::normal_matrix(12, 12, random)}, random);
    if (!serial) x.context = x.position = heads.context = heads.position = {};
    const auto exclude = [&](const passages& of) {
      return serial ? atlas::distinct_contexts(of.context) : atlas::exclusion{};
    };
    std::vector<observation> out;
    const auto add = [&](const std::vector<observation>& more) {
      out.insert(out.end(), more.begin(), more.end());
    };
    add(chord_scores(x, exclude(x), random));
    add(region_scores(x, exclude(x), random));
    add(component_scores(x, exclude(x), random));
    add(pooled_scores(heads, exclude(heads), random));
    if (serial) add(separation_scores(x, random));
    return out;
  };
  return c;
}

}  // namespace

std::vector<simulation_case> manifold_cases() {
  return {manifold_case("independent rows, d 6", {.passages = manifold_rows, .rows = 1}, 0),
          manifold_case("60 x 10, rho 0.9", {.passages = 60, .rows = 10}, 0.9),
          manifold_case("60 x 10, rho 0.98", {.passages = 60, .rows = 10}, 0.98)};
}

}  // namespace atlas_program::calibration
