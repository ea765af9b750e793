// SPDX-License-Identifier: MIT
#include <Eigen/Core>
#include <cmath>

#include "../catch.hpp"
#include "../clouds_for_tests.hpp"
#include "../tolerances.hpp"
#include "atlas/boltzmann/argmax_stability.hpp"
#include "atlas/boltzmann/density_matrix.hpp"

using namespace atlas_test;

TEST_CASE("purity and entropy do not depend on how long values are") {
  const Eigen::MatrixXd values = normal_cloud(12, 5);
  Eigen::MatrixXd weights = normal_cloud(12, 12).cwiseAbs(), scaled = values;
  for (int i = 0; i < 12; ++i) {
    weights.row(i) /= weights.row(i).sum();
    scaled.row(i) *= std::ldexp(1.0, 180 * i - 1000);
  }
  scaled.row(11) *=
      0x1.0p4 / scaled.row(11).cwiseAbs().maxCoeff() * 0x1p1019;  // norm beyond a double
  const auto plain = atlas::density_matrix(weights, values);
  const auto got = atlas::density_matrix(weights, scaled);
  CHECK(got.zero_values == 0);
  for (int q = 0; q < 12; ++q) {
    CHECK(got.purity[q] == Approx(plain.purity[q]).epsilon(tolerance::double_rounding));
    CHECK(got.von_neumann_entropy[q] ==
          Approx(plain.von_neumann_entropy[q]).epsilon(tolerance::double_rounding));
  }
}

TEST_CASE("the stability of a choice does not depend on scale or offset of queries") {
  const Eigen::MatrixXd queries = (64 * normal_cloud(30, 6)).array().round();
  const Eigen::MatrixXd keys = normal_cloud(40, 6, 2);
  const auto plain = atlas::argmax_stability(queries, keys, {.noise = 0.3});
  CHECK(plain.share < 1);
  for (const int power : {-900, -500, 500, 900}) {
    CAPTURE(power);
    const double scale = std::ldexp(1.0, power);
    const auto r =
        atlas::argmax_stability((scale * queries).eval(), (keys / scale).eval(), {.noise = 0.3});
    CHECK(r.share == plain.share);
    CHECK(r.noise_sd == scale * plain.noise_sd);
  }
  for (const double offset : {1e6, 1e9, 1e12})
    CHECK(atlas::argmax_stability((queries.array() + offset).matrix().eval(), keys).noise_sd ==
          Approx(plain.noise_sd / 6).epsilon(tolerance::double_rounding));
}
