// SPDX-License-Identifier: MIT
/// \file
/// Intervals of the dimension: of independent rows, and of rows of passages.

#include <fmt/format.h>

#include <array>
#include <utility>

#include "atlas/dimension/dimension_profile.hpp"
#include "atlas/dimension/two_nn.hpp"
#include "atlas/neighbors/nearest_neighbors.hpp"
#include "atlas/simulation/clouds.hpp"
#include "atlas/simulation/passages.hpp"
#include "calibrate.hpp"

namespace atlas_program::calibration {

namespace {

using atlas::index_t;
using cloud = atlas::owned_tensor<double, 2>;

const std::array<std::pair<const char*, atlas::two_nn_estimator>, 4> all_estimators = {{
    {"censored", atlas::two_nn_estimator::censored},
    {"regression", atlas::two_nn_estimator::regression},
    {"truncated", atlas::two_nn_estimator::truncated},
    {"bayesian", atlas::two_nn_estimator::bayesian},
}};

/// A cloud by its name.
struct known_cloud {
  const char* name;
  cloud (*draw)(index_t rows, index_t dimension, atlas::random_stream& random);
  index_t dimension;
  bool uniform;  ///< flat, of one density and without an edge: ratios are those of one dimension
};

const std::vector<known_cloud> known_clouds = {
    {"torus", atlas::simulate_torus<double>, 2, true},
    {"torus", atlas::simulate_torus<double>, 5, true},
    {"sphere", atlas::simulate_sphere<double>, 5, false},
    {"cube", atlas::simulate_cube<double>, 5, false},
    {"Gaussian", atlas::simulate_gaussian<double>, 5, false},
    {"Gaussian", atlas::simulate_gaussian<double>, 12, false},
};

/// All estimators from one table of neighbours, and the p of the fit.
std::vector<observation> estimates_of(const cloud& points) {
  const auto table = atlas::nearest_neighbors(points, {.k = 2, .threads = 1});
  std::vector<observation> out;
  double fit = 0;
  for (const auto& [name, estimator] : all_estimators) {
    const auto r = atlas::two_nn_from_neighbors(table, {.estimator = estimator});
    out.push_back(estimate_of(r.dimension, r.interval));
    if (estimator == atlas::two_nn_estimator::censored) fit = r.fit.p;
  }
  out.push_back(probability_of(fit));
  return out;
}

}  // namespace

std::vector<simulation_case> interval_cases() {
  std::vector<simulation_case> cases;
  for (const known_cloud& known : known_clouds)
    for (const index_t rows : {300, 1200, 2000}) {
      simulation_case c{"two-nn", fmt::format("{} d {}, N {}", known.name, known.dimension, rows),
                        1000, rows > 300 ? 60 : 200};
      for (const auto& [name, estimator] : all_estimators) c.quantities.push_back({name});
      if (known.uniform)
        c.quantities.push_back({.name = "p of the fit", .kind = quantity_kind::probability});
      c.simulate = [&known, rows](atlas::random_stream& random) {
        return estimates_of(known.draw(rows, known.dimension, random));
      };
      cases.push_back(std::move(c));
    }
  return cases;
}

std::vector<simulation_case> context_cases() {
  std::vector<simulation_case> cases;
  for (const auto& [passages, rows] : {std::pair{12, 50}, std::pair{100, 6}})
    for (const double rho : {0.9, 0.98}) {
      simulation_case c{"contexts", fmt::format("{} x {}, rho {}", passages, rows, rho), 1000, 100};
      for (const char* name : {"neighbours of other contexts", "of distinct contexts"})
        c.quantities.push_back({.name = name, .wanted_coverage = {0.91, 0.97}});
      const atlas::passage_design design{.passages = passages, .rows = rows};
      c.simulate = [design, rho](atlas::random_stream& random) {
        const auto x = atlas::simulate_passages(design, 6, {.correlation = rho}, random);
        std::vector<observation> out;
        for (const atlas::exclusion& exclude :
             {atlas::same_context(x.context), atlas::distinct_contexts(x.context)}) {
          const auto r = atlas::two_nn(x.points, {.exclude = exclude, .threads = 1});
          out.push_back(estimate_of(r.dimension, r.interval));
        }
        return out;
      };
      cases.push_back(std::move(c));
    }
  return cases;
}

namespace {

/// Rows of one dimension at every scale, alone or as contexts of ten.
simulation_case profile_case(index_t dimension, bool contexts) {
  constexpr index_t rows = 1200;
  simulation_case c{
      "profile",
      fmt::format("torus d {}, N {}{}", dimension, rows, contexts ? ", contexts of 10" : ""), 600,
      40};
  c.quantities = {{.name = "trend over numbers of rows", .kind = quantity_kind::probability},
                  {.name = "trend over orders", .kind = quantity_kind::probability},
                  {.name = "whether it moves", .kind = quantity_kind::verdict}};
  c.simulate = [dimension, contexts](atlas::random_stream& random) -> std::vector<observation> {
    const cloud x = atlas::simulate_torus(rows, dimension, random);
    atlas::two_nn_options o{.threads = 1};
    if (contexts) {
      o.context = atlas::owned_tensor<index_t, 1>({rows});
      for (index_t i = 0; i < rows; ++i) o.context.mutable_view()[i] = i / 10;
    }
    const auto r = atlas::dimension_profile(x, o, {.seed = random()});
    return {probability_of(r.over_sizes.p), probability_of(r.over_orders.p), probability_of(r.p)};
  };
  return c;
}

}  // namespace

std::vector<simulation_case> profile_cases() {
  return {profile_case(1, false), profile_case(2, false), profile_case(2, true)};
}

}  // namespace atlas_program::calibration
