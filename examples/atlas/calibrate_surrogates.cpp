/// \file
/// Surrogates: whether clouds that are as the null has them get the z that it says.

#include <fmt/format.h>

#include <utility>

#include "atlas/dimension/surrogate.hpp"
#include "atlas/dimension/two_nn.hpp"
#include "atlas/linalg/frame.hpp"
#include "atlas/simulation/clouds.hpp"
#include "atlas/simulation/passages.hpp"
#include "calibrate.hpp"

namespace atlas_program::calibration {

namespace {

using atlas::index_t;
using atlas::surrogate_kind;
using cloud = atlas::owned_tensor<double, 2>;
using passages = atlas::labelled_cloud<double>;

constexpr index_t surrogate_draws = 20, rank_draws = 39;

/// z and its p; of 39 draws also the p of ranks, which with 20 is never below 0.05.
quantity z_of(std::string name, index_t draws = surrogate_draws, bool warning = false) {
  return {.name = std::move(name),
          .kind = quantity_kind::score,
          .degrees = static_cast<double>(draws - 1),
          .warning = warning};
}

atlas::surrogate_options surrogates_of(surrogate_kind kind, index_t draws,
                                       atlas::random_stream& random) {
  return {.draws = draws, .kind = kind, .seed = random(), .threads = 1};
}

/// Of independent rows, with these kinds of surrogates; z of those that are named as rejecting
/// should be off.
struct judged_kind {
  surrogate_kind kind;
  bool rejects;
};

simulation_case independent_rows(const std::string& data, const std::vector<judged_kind>& kinds,
                                 cloud (*draw)(atlas::random_stream&)) {
  simulation_case c{"surrogates", data, 400, 30};
  for (const judged_kind& k : kinds)
    c.quantities.push_back(
        z_of(fmt::format("{} surrogates", atlas::name_of(k.kind)), surrogate_draws, k.rejects));
  c.simulate = [kinds, draw](atlas::random_stream& random) {
    const cloud x = draw(random);
    const auto r = atlas::two_nn(x, {.threads = 1});
    std::vector<observation> out;
    for (const judged_kind& k : kinds)
      out.push_back(
          score_of(atlas::two_nn_null(x, r, surrogates_of(k.kind, surrogate_draws, random))));
    return out;
  };
  return c;
}

simulation_case ranked_rows() {
  simulation_case c{"surrogates", "400 Gaussian rows, d 6, 39 draws", 400, 20};
  c.quantities = {
      z_of("independent surrogates", rank_draws),
      {.name = "p of ranks", .kind = quantity_kind::probability, .step = 2.0 / (rank_draws + 1)}};
  c.simulate = [](atlas::random_stream& random) -> std::vector<observation> {
    const cloud x = atlas::simulate_gaussian(400, 6, random);
    const auto r = atlas::two_nn(x, {.threads = 1});
    const auto null =
        atlas::two_nn_null(x, r, surrogates_of(surrogate_kind::independent, rank_draws, random));
    return {score_of(null), probability_of(null.rank_p)};
  };
  return c;
}

/// Rows of passages in six dimensions whose covariance is another in every cloud.
passages draw_passages(const atlas::passage_design& design, atlas::passage_structure structure,
                       atlas::random_stream& random) {
  structure.mixing = atlas::normal_matrix(6, 6, random);
  return atlas::simulate_passages(design, 6, structure, random);
}

/// Neighbours in distinct contexts, against surrogates of some kinds.
simulation_case serial_rows(const std::string& data, const atlas::passage_design& design,
                            const atlas::passage_structure& structure,
                            const std::vector<judged_kind>& kinds) {
  simulation_case c{"surrogates", data, 400, 20};
  for (const judged_kind& k : kinds)
    c.quantities.push_back(
        z_of(fmt::format("{} surrogates", atlas::name_of(k.kind)), surrogate_draws, k.rejects));
  c.simulate = [design, structure, kinds](atlas::random_stream& random) {
    const passages x = draw_passages(design, structure, random);
    const auto r =
        atlas::two_nn(x.points, {.exclude = atlas::distinct_contexts(x.context), .threads = 1});
    std::vector<observation> out;
    for (const judged_kind& k : kinds) {
      auto o = surrogates_of(k.kind, surrogate_draws, random);
      o.labels = {x.context, x.position};
      out.push_back(score_of(atlas::two_nn_null(x.points, r, o)));
    }
    return out;
  };
  return c;
}

/// Normal, with unequal variances along random axes.
cloud draw_spectrum(atlas::random_stream& random) {
  return atlas::simulate_spectrum(600, {4, 3, 2, 1, 0.5, 0.25}, random);
}

}  // namespace

std::vector<simulation_case> surrogate_cases() {
  constexpr auto independent = surrogate_kind::independent, serial = surrogate_kind::serial,
                 of_passages = surrogate_kind::passages, marginal = surrogate_kind::marginal;
  const atlas::passage_design few{.passages = 12, .rows = 50}, many{.passages = 100, .rows = 6};
  std::vector<simulation_case> cases = {
      independent_rows("600 Gaussian rows, d 6", {{independent, false}, {marginal, false}},
                       draw_spectrum),
      ranked_rows(),
      independent_rows(
          "cube d 10, N 600", {{independent, true}, {marginal, false}},
          [](atlas::random_stream& random) { return atlas::simulate_cube(600, 10, random); }),
      serial_rows("12 x 50, rho 0.98, as if independent", few, {.correlation = 0.98},
                  {{independent, true}}),
  };
  for (const auto& [design, name] : {std::pair{few, "12 x 50"}, std::pair{many, "100 x 6"}})
    for (const double rho : {0.9, 0.98})
      cases.push_back(serial_rows(fmt::format("{}, rho {}", name, rho), design,
                                  {.correlation = rho}, {{serial, false}, {of_passages, false}}));
  cases.push_back(serial_rows("100 x 6, means of passages differ", many,
                              {.correlation = 0.5, .mean_sd = 1}, {{serial, false}}));
  cases.push_back(serial_rows("100 x 6, covariances of passages differ", many,
                              {.correlation = 0.5, .mean_sd = 1, .scale_sd = 0.5},
                              {{of_passages, false}}));
  return cases;
}

}  // namespace atlas_program::calibration
