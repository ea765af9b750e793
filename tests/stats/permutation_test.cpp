// SPDX-License-Identifier: MIT
#include "atlas/stats/permutation.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "../catch.hpp"
#include "../messages.hpp"

using atlas::index_t;

namespace {

const std::vector<double> measured_before = {3, 1, 4, 1.5, 9, 2.6, 5};

/// Sum of row i times i: large where the rows increase.
double weighted_by_place(const std::vector<double>& x, const std::vector<index_t>& rows) {
  double sum = 0;
  for (std::size_t i = 0; i < rows.size(); ++i)
    sum += static_cast<double>(i) * x[static_cast<std::size_t>(rows[i])];
  return sum;
}

std::vector<index_t> in_order(std::size_t n) {
  std::vector<index_t> rows(n);
  std::iota(rows.begin(), rows.end(), 0);
  return rows;
}

}  // namespace

TEST_CASE("a permutation p counts all orders where they are few") {
  std::vector<double> sorted = measured_before;
  std::sort(sorted.begin(), sorted.end());
  const double observed = weighted_by_place(measured_before, in_order(7));
  double hits = 0, orders = 0;
  do {
    hits += weighted_by_place(sorted, in_order(7)) >= observed ? 1 : 0;
    ++orders;
  } while (std::next_permutation(sorted.begin(), sorted.end()));
  REQUIRE(orders == 5040);
  const auto as_extreme = [&](const std::vector<index_t>& rows) {
    return weighted_by_place(measured_before, rows) >= observed;
  };
  CHECK(atlas::permutation_p(7, {.permutations = 5040}, as_extreme) == hits / orders);
  const double p = atlas::permutation_p(7, {.permutations = 4999, .seed = 3}, as_extreme);
  const double exact = hits / orders;
  CHECK(std::abs(p - exact) < 4 * std::sqrt(exact * (1 - exact) / 4999));
}

TEST_CASE("draws of a permutation null scatter about the mean of all orders") {
  const auto statistic = [](const std::vector<index_t>& rows) {
    return weighted_by_place(measured_before, rows);
  };
  const atlas::permutation_options options{.permutations = 4000, .seed = 1};
  const auto draws = atlas::permutation_draws(7, options, statistic);
  REQUIRE(draws.size() == 4000);
  // Every row is at each place equally often: the mean is that of x times the sum of the places.
  const double mean_of_x = std::accumulate(measured_before.begin(), measured_before.end(), 0.0) / 7;
  const double mean = std::accumulate(draws.begin(), draws.end(), 0.0) / 4000;
  double square = 0;
  for (const double d : draws) square += (d - mean) * (d - mean);
  CHECK(std::abs(mean - 21 * mean_of_x) < 4 * std::sqrt(square) / 4000);
  auto other = options;
  other.threads = 3;
  CHECK(atlas::permutation_draws(7, other, statistic) == draws);
}

TEST_CASE("rows of a block stay together when they are shuffled") {
  const auto broken = [](const std::vector<index_t>& rows) {
    double pairs = 0;
    for (std::size_t i = 0; i < rows.size(); ++i)
      if (i % 3 != 0) pairs += rows[i] == rows[i - 1] + 1 ? 0 : 1;
    return pairs;
  };
  for (const double d :
       atlas::permutation_draws(12, {.permutations = 50, .rows_per_block = 3}, broken))
    CHECK(d == 0);
  CHECK_REFUSED(atlas::shape_error, atlas::permutation_draws(12, {.rows_per_block = 5}, broken),
                "rows_per_block", "12");
  CHECK_REFUSED(atlas::value_error, atlas::permutation_draws(12, {.rows_per_block = 12}, broken),
                "rows_per_block", "12");
  CHECK_REFUSED(atlas::value_error, atlas::permutation_draws(12, {.permutations = 0}, broken),
                "permutations", "0");
}
