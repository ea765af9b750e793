// SPDX-License-Identifier: MIT
/// \file
/// The statistics by themselves: correlations with their p, the bootstrap, and effects of factors.

#include <cmath>
#include <span>

#include "atlas/simulation/passages.hpp"
#include "atlas/stats/bootstrap.hpp"
#include "atlas/stats/correlation.hpp"
#include "atlas/stats/factorial_effects.hpp"
#include "atlas/stats/mediation.hpp"
#include "calibrate.hpp"

namespace atlas_program::calibration {

namespace {

using atlas::index_t;
using numbers = std::vector<double>;

constexpr index_t shuffles = 499;

numbers normals(index_t n, atlas::random_stream& random) {
  numbers out(static_cast<std::size_t>(n));
  random.fill_normal(out.data(), n);
  return out;
}

/// One number a row of passages without structure.
numbers serial_numbers(const atlas::passage_design& design, double rho,
                       atlas::random_stream& random) {
  const auto x = atlas::simulate_passages(design, 1, {.correlation = rho}, random);
  return {x.points.data(), x.points.data() + x.points.size()};
}

quantity p_of(const std::string& name) {
  return {.name = name, .kind = quantity_kind::probability, .step = 1.0 / (shuffles + 1)};
}

simulation_case independent_correlations() {
  simulation_case c{"correlations", "50 independent rows", 2000, 100};
  for (const char* name : {"Pearson", "Spearman", "partial Pearson", "partial Spearman"})
    c.quantities.push_back(p_of(name));
  c.simulate = [](atlas::random_stream& random) -> std::vector<observation> {
    // What x and y have in common is the control, and nothing else.
    const numbers control = normals(50, random);
    numbers x = normals(50, random), y = normals(50, random), with_x = x, with_y = y;
    for (std::size_t i = 0; i < control.size(); ++i) {
      with_x[i] += control[i];
      with_y[i] += control[i];
    }
    const auto o = [&] {
      return atlas::permutation_options{.permutations = shuffles, .seed = random(), .threads = 1};
    };
    return {probability_of(atlas::pearson(x, y, o()).p),
            probability_of(atlas::spearman(x, y, o()).p),
            probability_of(atlas::partial_pearson(with_x, with_y, control, o()).p),
            probability_of(atlas::partial_spearman(with_x, with_y, control, o()).p)};
  };
  return c;
}

simulation_case serial_correlations() {
  simulation_case c{"correlations", "20 passages x 10, rho 0.9", 2000, 100};
  c.quantities = {p_of("Pearson, passages shuffled"), p_of("Pearson, rows shuffled")};
  c.quantities[1].warning = true;
  c.simulate = [](atlas::random_stream& random) -> std::vector<observation> {
    const atlas::passage_design design{.passages = 20, .rows = 10, .length = 10};
    const numbers x = serial_numbers(design, 0.9, random), y = serial_numbers(design, 0.9, random);
    std::vector<observation> out;
    for (const index_t block : {10, 1})
      out.push_back(probability_of(
          atlas::pearson(
              x, y,
              {.permutations = shuffles, .rows_per_block = block, .seed = random(), .threads = 1})
              .p));
    return out;
  };
  return c;
}

double mean_of(std::span<const double> x) {
  double sum = 0;
  for (const double v : x) sum += v;
  return sum / static_cast<double>(x.size());
}

simulation_case bootstrap_of_mean(const char* data, double truth,
                                  double (*draw)(atlas::random_stream&)) {
  simulation_case c{"bootstrap", data, 2000, 200};
  for (const char* name : {"mean, percentile", "mean, BCa"})
    c.quantities.push_back({.name = name, .truth = truth});
  c.simulate = [draw](atlas::random_stream& random) -> std::vector<observation> {
    numbers x(60);
    for (double& v : x) v = draw(random);
    const auto r =
        atlas::bootstrap_sample(x, mean_of, {.resamples = 1000, .seed = random(), .threads = 1});
    return {estimate_of(r.estimate, r.percentile), estimate_of(r.estimate, r.bca)};
  };
  return c;
}

simulation_case bootstrap_of_groups() {
  simulation_case c{"bootstrap", "60 passages x 10, rho 0.95", 2000, 200};
  c.quantities = {{.name = "mean, passages drawn", .truth = 0},
                  {.name = "mean, rows drawn", .truth = 0, .warning = true}};
  c.simulate = [](atlas::random_stream& random) -> std::vector<observation> {
    const auto x = atlas::simulate_passages({.passages = 60, .rows = 10, .length = 64}, 1,
                                            {.correlation = 0.95}, random);
    const auto mean = [&](std::span<const index_t> rows) {
      double sum = 0;
      for (const index_t i : rows) sum += x.points(i, 0);
      return sum / static_cast<double>(rows.size());
    };
    const auto o = [&] {
      return atlas::bootstrap_options{
          .resamples = 1000, .bca = false, .seed = random(), .threads = 1};
    };
    const auto of_groups = atlas::bootstrap_groups(x.context, mean, o());
    const auto of_rows = atlas::bootstrap(x.points.extent(0), mean, o());
    return {estimate_of(of_groups.estimate, of_groups.percentile),
            estimate_of(of_rows.estimate, of_rows.percentile)};
  };
  return c;
}

/// Three seeds, each of a level of its own. \param spread of cells where the second factor is high
atlas::owned_tensor<double, 2> outcome_without_effects(const atlas::factorial_design& design,
                                                       double spread,
                                                       atlas::random_stream& random) {
  atlas::owned_tensor<double, 2> out({3, design.cells()});
  for (index_t b = 0; b < 3; ++b) {
    const double level = 5 * random.normal();
    for (index_t c = 0; c < design.cells(); ++c)
      out.mutable_view()(b, c) = level + random.normal() * (design.sign(2, c) > 0 ? spread : 1);
  }
  return out;
}

simulation_case effects_of_factors(const char* data, index_t factors, index_t halvings,
                                   double spread) {
  simulation_case c{"effects", data, 2000, 100};
  c.quantities = {{.name = "effect, t over seeds", .truth = 0},
                  p_of("effect, permutations"),
                  {.name = "indirect effect", .truth = 0, .wanted_coverage = {0.93, 1}}};
  const atlas::factorial_design design = atlas::factorial_of(factors, halvings);
  c.simulate = [design, spread](atlas::random_stream& random) -> std::vector<observation> {
    const auto y = outcome_without_effects(design, spread, random),
               m = outcome_without_effects(design, spread, random);
    const auto effect = atlas::factorial_effects(
        design, y, {.permutations = shuffles, .seed = random(), .threads = 1})[0];
    const auto mediated =
        atlas::mediation(design, m, y, {.draws = 1000, .seed = random()}).factors[0];
    return {estimate_of(effect.effect, effect.interval), probability_of(effect.p),
            estimate_of(mediated.indirect, mediated.interval)};
  };
  return c;
}

}  // namespace

std::vector<simulation_case> statistics_cases() {
  return {independent_correlations(),
          serial_correlations(),
          bootstrap_of_mean("60 normal numbers", 0,
                            [](atlas::random_stream& random) { return random.normal(); }),
          bootstrap_of_mean("60 exponential numbers", 1,
                            [](atlas::random_stream& random) { return random.exponential(); }),
          bootstrap_of_groups(),
          effects_of_factors("5 factors in 8 cells x 3 seeds", 5, 2, 1),
          effects_of_factors("3 factors in 8 cells x 3 seeds, spreads 8-fold", 3, 0, 8)};
}

}  // namespace atlas_program::calibration
