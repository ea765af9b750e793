// SPDX-License-Identifier: MIT
#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "../catch.hpp"
#include "atlas/core/random.hpp"
#include "atlas/dimension/estimate_error.hpp"

namespace halves_test {
namespace {

using atlas::index_t;

TEST_CASE("two halves of one order have no unit in common, and whole contexts") {
  atlas::detail::row_units units{{}, 12, true};
  for (index_t i = 0; i < 60; ++i) units.unit.push_back(i / 5);
  atlas::random_stream a(3, 0), b(3, 0);
  const auto first = atlas::detail::half_of_rows(units, 60, a, false);
  const auto last = atlas::detail::half_of_rows(units, 60, b, true);
  CHECK(first.size() == 30);
  CHECK(last.size() == 30);
  CHECK(std::is_sorted(first.begin(), first.end()));
  for (const index_t i : first) {
    CHECK(std::find(last.begin(), last.end(), i) == last.end());
    CHECK(std::find(first.begin(), first.end(), i / 5 * 5) != first.end());
  }
}

TEST_CASE("the error of pairs of halves is that of a mean, and of the square of one") {
  // Estimates exp(m + c m^2 sqrt(n)), m being the mean of a half: not a sum over rows for c > 0.
  atlas::random_stream random(5, 0);
  for (const double c : {0.0, 1.0}) {
    const index_t n = 400, repeats = 400;
    double square = 0, variance = 0;
    for (index_t r = 0; r < repeats; ++r) {
      std::vector<double> x(static_cast<std::size_t>(n));
      for (double& value : x) value = random.normal();
      const auto estimate = [&](index_t from, index_t count) {
        double mean = 0;
        for (index_t i = from; i < from + count; ++i)
          mean += x[static_cast<std::size_t>(i)] / static_cast<double>(count);
        return mean + c * mean * mean * std::sqrt(static_cast<double>(count));
      };
      const double a = estimate(0, n / 2), b = estimate(n / 2, n / 2), all = estimate(0, n);
      const auto error =
          atlas::detail::error_of_halves({std::exp(a), std::exp(b), std::exp(a), std::exp(b)}, n);
      square += error.error * error.error / static_cast<double>(repeats);
      const double centre = c / std::sqrt(static_cast<double>(n));
      variance += (all - centre) * (all - centre) / static_cast<double>(repeats);
    }
    CHECK(square == Approx(variance).epsilon(0.25));
  }
}

TEST_CASE("pairs without an estimate are left out of the error") {
  const double none = std::numeric_limits<double>::quiet_NaN();
  const auto some = atlas::detail::error_of_halves({2, 3, none, 5, 2, 3, 7}, 100);
  CHECK(some.error == Approx(0.5 * std::log(1.5)));
  CHECK(some.degrees == 2);
  CHECK(std::isnan(atlas::detail::error_of_halves({2, 3, none, 5}, 100).error));
  CHECK(std::isnan(atlas::detail::error_of_halves({2, 3, 4, 5}, 3).error));
}

}  // namespace
}  // namespace halves_test
