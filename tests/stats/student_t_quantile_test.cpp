// SPDX-License-Identifier: MIT
#include "atlas/stats/student_t_quantile.hpp"

#include <boost/math/distributions/students_t.hpp>
#include <limits>

#include "../catch.hpp"
#include "../messages.hpp"

TEST_CASE("quantiles of Student's t are Boost.Math's") {
  for (const double degrees : {1.0, 1.5, 2.0, 5.0, 19.0, 99.5, 1e3, 9.9e3, 1e4, 1e5, 1e6})
    for (const double confidence : {0.01, 0.5, 0.9, 0.95, 0.99, 0.9999}) {
      CAPTURE(degrees, confidence);
      const boost::math::students_t_distribution<long double> t(degrees);
      const auto wanted = static_cast<double>(
          boost::math::quantile(boost::math::complement(t, 0.5L * (1 - confidence))));
      CHECK(atlas::two_sided_t_quantile(confidence, degrees) == Approx(wanted).epsilon(1e-10));
    }
  CHECK(atlas::two_sided_t_quantile(0.95, std::numeric_limits<double>::infinity()) ==
        Approx(1.959963984540054).epsilon(1e-14));
  CHECK_REFUSED(atlas::value_error, atlas::two_sided_t_quantile(1, 3), "confidence", "1");
  CHECK_REFUSED(atlas::value_error, atlas::two_sided_t_quantile(0.5, 0), "degrees", "0");
}
