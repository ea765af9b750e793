// SPDX-License-Identifier: MIT
#include "atlas/stats/gamma_quantile.hpp"

#include <boost/math/special_functions/erf.hpp>
#include <boost/math/special_functions/gamma.hpp>

#include "../catch.hpp"
#include "../messages.hpp"
#include "../tolerances.hpp"

using namespace atlas_test;

TEST_CASE("quantiles of the Gamma distribution are Boost.Math's") {
  for (const double shape : {1e-3, 0.1, 0.5, 1.0, 2.0, 3.7, 15.9, 16.1, 100.0, 1080.0, 9e5, 1e8})
    for (const double p : {1e-8, 1e-3, 0.025, 0.16, 0.5, 0.84, 0.975, 0.9999}) {
      INFO("shape " << shape << ", p " << p);
      const double lower = boost::math::gamma_p_inv(shape, p);
      if (lower > 1e-300)
        CHECK(atlas::gamma_quantile(shape, p) == Approx(lower).epsilon(tolerance::gamma_quantile));
      const double upper = boost::math::gamma_q_inv(shape, p);
      if (upper > 1e-300)
        CHECK(atlas::gamma_quantile(shape, p, true) ==
              Approx(upper).epsilon(tolerance::gamma_quantile));
    }
}

TEST_CASE("quantiles of an exponential variable have a closed form") {
  for (const double p : {1e-12, 0.3, 0.5, 0.9})
    CHECK(atlas::gamma_quantile(1, p) ==
          Approx(-std::log1p(-p)).epsilon(tolerance::gamma_quantile));
  CHECK(atlas::gamma_quantile(1, 1e-300, true) ==
        Approx(300 * std::log(10.0)).epsilon(tolerance::gamma_quantile));
}

TEST_CASE("a Gamma distribution without a shape, and shares that are none, are refused") {
  CHECK_REFUSED(atlas::value_error, atlas::gamma_quantile(0, 0.5), "shape", "0");
  CHECK_REFUSED(atlas::value_error, atlas::gamma_quantile(2, 1), "between 0 and 1", "1");
  CHECK_REFUSED(atlas::value_error, atlas::gamma_quantile(2, std::nan("")), "p", "NaN");
}

TEST_CASE("quantiles of the normal distribution are Boost.Math's") {
  for (const double p : {1e-300, 1e-12, 1e-5, 0.01, 0.074, 0.076, 0.3, 0.5, 0.7, 0.925, 0.999})
    CHECK(atlas::normal_quantile(p) == Approx(-std::sqrt(2.0) * boost::math::erfc_inv(2 * p))
                                           .epsilon(tolerance::normal_quantile)
                                           .margin(1e-300));
  CHECK(std::isinf(atlas::normal_quantile(0.0)));
  CHECK(atlas::normal_quantile(1.0) == -atlas::normal_quantile(0.0));
}
