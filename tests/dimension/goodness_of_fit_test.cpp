// SPDX-License-Identifier: MIT
#include "atlas/dimension/goodness_of_fit.hpp"

#include <Eigen/Dense>
#include <cmath>
#include <limits>
#include <vector>

#include "../catch.hpp"
#include "../statistics_for_tests.hpp"
#include "../tolerances.hpp"
#include "atlas/dimension/two_nn.hpp"
#include "two_nn_for_tests.hpp"

using namespace atlas_test;
using atlas::index_t;

TEST_CASE("p of the fit is uniform where ratios are those of a dimension") {
  for (const index_t d : {2, 5}) {
    std::vector<double> p;
    for (std::uint64_t seed = 0; seed < 200; ++seed)
      p.push_back(atlas::two_nn(flat_torus(300, d, seed)).fit.p);
    CHECK(ks_p(p, [](double u) { return u; }) > 1e-6);
  }
  std::vector<double> p;
  for (std::uint64_t seed = 0; seed < 2000; ++seed) {
    atlas::random_stream random(seed, 8);
    std::vector<double> ratios;
    for (int i = 0; i < 300; ++i) ratios.push_back(std::pow(random.uniform(), -0.25));
    p.push_back(atlas::two_nn_from_ratios(ratios).fit.p);
  }
  CHECK(ks_p(p, [](double u) { return u; }) > 1e-6);
}

TEST_CASE("p of the fit is small where there is no one dimension") {
  // A segment and a cube, apart; and the sites of a lattice, taken at random.
  atlas::random_stream random(1);
  Eigen::MatrixXd mixed = Eigen::MatrixXd::Zero(1500, 6), sites(1000, 2);
  for (index_t i = 0; i < 1500; ++i) {
    mixed(i, 0) = random.uniform() + (i % 2 == 0 ? 5 : 0);
    for (index_t k = 1; k < 6 && i % 2 == 0; ++k) mixed(i, k) = random.uniform();
  }
  for (double& v : sites.reshaped()) v = static_cast<double>(random.uniform_index(100));
  CHECK(atlas::two_nn(mixed).fit.p < 1e-4);
  CHECK(atlas::two_nn(sites).fit.p < 1e-6);
}

TEST_CASE("p of two sums is that of Hotelling in closed form, and of chi-squared") {
  const Eigen::Matrix2d v = (Eigen::Matrix2d() << 2, 0.5, 0.5, 1).finished();
  const Eigen::Vector2d sums(1.5, -2);
  const double square = sums.dot(v.inverse() * sums);
  for (const double n : {1.5, 7.0, 100.0, 1e5}) {
    const auto fit = atlas::detail::compare_two_sums(sums, {v, n});
    CHECK(fit.statistic == Approx(square).epsilon(tolerance::double_rounding));
    CHECK(fit.p == Approx(std::exp(-0.5 * (n - 1) * std::log1p(square / n)))
                       .epsilon(tolerance::double_rounding));
  }
  constexpr double infinite = std::numeric_limits<double>::infinity();
  CHECK(atlas::detail::compare_two_sums(sums, {v, infinite}).p ==
        Approx(std::exp(-0.5 * square)).epsilon(tolerance::double_rounding));
  CHECK(std::isnan(atlas::detail::compare_two_sums(sums, {v, 1}).p));
  CHECK(std::isnan(atlas::detail::compare_two_sums(sums, {0 * v, 5}).statistic));
}
