// SPDX-License-Identifier: MIT
#include "atlas/dimension/order_ratios.hpp"

#include <boost/math/distributions/beta.hpp>
#include <cmath>

#include "../catch.hpp"

using atlas::index_t;

TEST_CASE("means of cut logarithms of beta variables are Boost.Math's") {
  for (const index_t n : {1, 2, 4, 16, 64, 1024}) {
    double harmonic = 0;
    for (index_t k = n; k < 2 * n; ++k) harmonic += 1 / static_cast<double>(k);
    CHECK(atlas::detail::cut_logs_of_beta(n, 1).mean == Approx(harmonic).epsilon(1e-5));
    const auto shape = static_cast<double>(n);
    const boost::math::beta_distribution<double> beta(shape, shape);
    const double w = boost::math::quantile(beta, 0.1);
    const auto got = atlas::detail::cut_logs_of_beta(n, 0.9);
    // The cut is known to some 1e-7, and the density is a power of n of it.
    CHECK(got.density == Approx(w * boost::math::pdf(beta, w)).epsilon(5e-4));
    // The integral of the share that is above each logarithm up to the cut.
    double wanted = 0;
    const int steps = 20000;
    const double cut = -std::log(w);
    for (int i = 0; i < steps; ++i)
      wanted += boost::math::cdf(beta, std::exp(-cut * (i + 0.5) / steps)) * cut / steps;
    CHECK(got.mean == Approx(wanted).epsilon(1e-5));
  }
}
