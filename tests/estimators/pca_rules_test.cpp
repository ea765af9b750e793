// SPDX-License-Identifier: MIT
#include "atlas/dimension/estimators/pca_rules.hpp"

#include <initializer_list>

#include "../catch.hpp"
#include "atlas/dimension/estimators/pca_drawn_rules.hpp"
#include "atlas/dimension/estimators/pca_noise_rules.hpp"

namespace pca_rules_test {
namespace {

namespace rules = atlas::detail;

Eigen::ArrayXd values_of(std::initializer_list<double> list) {
  return Eigen::Map<const Eigen::ArrayXd>(list.begin(), static_cast<atlas::index_t>(list.size()));
}

TEST_CASE("eigenvalues that are rounding are 0, and there are no more than rows allow") {
  const rules::pca_spectrum s = rules::make_spectrum(values_of({4, 1, 1e-15, -1e-16, 0}), 5, 5);
  CHECK(s.values.size() == 4);
  CHECK(s.above_zero() == 2);
  CHECK(rules::make_spectrum(values_of({4, 1}), 2, 7).values.size() == 1);
}

TEST_CASE("simple rules on small spectra") {
  CHECK(rules::rank_of_gap(values_of({8, 6, 1, 0.9})) == 2);
  CHECK(rules::rank_of_gap(values_of({8, 6, 5, 0, 0})) == 3);  // not among those that are 0
  CHECK(rules::rank_of_gap(values_of({3})) == 1);
  CHECK(rules::rank_of_share(values_of({6, 3, 1}), 0.9) == 2);
  CHECK(rules::rank_of_share(values_of({6, 3, 1}), 0.91) == 3);
  CHECK(rules::rank_of_share(values_of({6, 3, 1}), 1) == 3);
  CHECK(rules::rank_of_fan(values_of({100, 2, 1, 1}), 10, 0.8, 0.95) == 1);
  CHECK(rules::rank_of_fan(values_of({1, 1, 1}), 10, 0.8, 0.95) == 3);  // the noise is all there is
  CHECK(rules::rank_of_stick(values_of({2})) == 1);
  CHECK(rules::rank_of_stick(values_of({11, 5, 2})) == 3);  // just its expected parts
}

TEST_CASE("laws of noise") {
  // Tables of Bejan (2005) and Bornemann (2010); medians by adaptive quadrature.
  const std::pair<double, double> levels[] = {
      {0.1, 0.4501}, {0.05, 0.9793}, {0.01, 2.0234}, {0.005, 2.4223}, {0.001, 3.2722}};
  for (const auto& [level, quantile] : levels)
    CHECK(rules::noise_of(100, 10, level).tracy_widom == Approx(quantile).margin(0.03));
  CHECK(rules::noise_of(100, 10, 0.05).tracy_widom == Approx(0.9793).margin(2e-4));
  CHECK(rules::marchenko_pastur_median(1) == Approx(0.6527759467).epsilon(1e-8));
  CHECK(rules::marchenko_pastur_median(1e-6) == Approx(1).epsilon(1e-5));
}

TEST_CASE("rules for a signal in noise find three large values over a flat bulk") {
  Eigen::ArrayXd values(40);
  for (atlas::index_t i = 0; i < 40; ++i)
    values[i] = i < 3 ? 30.0 - 5 * static_cast<double>(i) : 1.4 - 0.02 * static_cast<double>(i);
  const rules::pca_spectrum s = rules::make_spectrum(values, 1001, 40);
  const rules::noise_law law = rules::noise_of(1001, 40, 0.05);
  CHECK(rules::rank_of_edge(s, law) == 3);
  CHECK(rules::rank_of_denoising(s, law) == 3);
  CHECK(rules::rank_of_tests(s, law) == 3);
  CHECK(rules::rank_of_evidence(s) == 3);
  CHECK(rules::rank_of_rest(s, law) >= 1);
  CHECK(rules::noise_beside(s, 3) == Approx(values.tail(37).mean()).epsilon(0.1));
}

TEST_CASE("draws are compared place by place, and only leading ones count") {
  Eigen::ArrayXXd draws(2, 3);
  draws << 1, 1, 1, 3, 1, 1;
  CHECK(rules::rank_above_draws(values_of({4, 0.5, 2}), draws, 0.5) == 1);
  CHECK(rules::rank_above_draws(values_of({1.9, 2, 2}), draws, 0.5) == 0);
  CHECK(rules::rank_above_draws(values_of({4, 2, 2}), draws, 0.5) == 3);
}

}  // namespace
}  // namespace pca_rules_test
