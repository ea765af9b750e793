// SPDX-License-Identifier: MIT
#include "atlas/dimension/lattice_volume.hpp"

#include <cmath>
#include <string>

#include "../catch.hpp"
#include "../estimators/golden.hpp"

namespace lattice_volume_tests {
namespace {

using atlas::index_t;
using atlas::lattice_volume;

/// Points of d coordinates whose absolute values add up to l or less.
double counted(index_t l, index_t d) {
  if (d == 0) return 1;
  double sum = counted(l, d - 1);
  for (index_t x = 1; x <= l; ++x) sum += 2 * counted(l - x, d - 1);
  return sum;
}

TEST_CASE("volumes of whole dimensions are those of a count") {
  for (index_t d = 1; d <= 6; ++d)
    for (index_t l = 0; l <= 9; ++l)
      CHECK(lattice_volume(l, static_cast<double>(d)) == Approx(counted(l, d)).epsilon(1e-14));
}

TEST_CASE("volumes of real dimensions are those of the peer") {
  for (const auto& [key, value] :
       atlas_test::golden().at("meta").at("discrete_volume_V(l,d)").items()) {
    const auto comma = key.find(',');
    const index_t l = std::stoi(key.substr(0, comma));
    const double d = std::stod(key.substr(comma + 1));
    CAPTURE(l, d);
    CHECK(lattice_volume(l, d) == Approx(value.get<double>()).epsilon(1e-12));
    const auto all = atlas::detail::volumes_up_to(l, d);
    CHECK(std::exp(all.logarithm.back()) == Approx(value.get<double>()).epsilon(1e-12));
  }
}

TEST_CASE("slopes are those of differences, at every radius") {
  for (const double d : {0.3, 2.5, 5.7, 12.25, 60.0})
    for (const index_t l : {1, 3, 34, 35, 50, 400}) {
      CAPTURE(l, d);
      const double step = 1e-4 * d;
      const double difference = (atlas::detail::volumes_up_to(l, d + step).logarithm.back() -
                                 atlas::detail::volumes_up_to(l, d - step).logarithm.back()) /
                                (2 * step);
      CHECK(atlas::detail::volumes_up_to(l, d).slope.back() == Approx(difference).epsilon(1e-6));
    }
}

TEST_CASE("volumes: arguments out of range are named") {
  CHECK_THROWS_WITH(lattice_volume(-1, 2), Catch::Matchers::Contains("radius"));
  CHECK_THROWS_WITH(lattice_volume(1, 0), Catch::Matchers::Contains("dimension"));
}

}  // namespace
}  // namespace lattice_volume_tests
