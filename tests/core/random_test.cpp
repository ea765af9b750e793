// SPDX-License-Identifier: MIT
#include "atlas/core/random.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <set>
#include <vector>

#include "../catch.hpp"
#include "../messages.hpp"
#include "../statistics_for_tests.hpp"

using atlas::random_stream;
using words = std::array<std::uint32_t, 4>;

TEST_CASE("Philox gives the known answers of its authors") {
  constexpr std::uint32_t all = 0xFFFFFFFF;
  CHECK(atlas::detail::philox({0, 0, 0, 0}, {0, 0}) ==
        words{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8});
  CHECK(atlas::detail::philox({all, all, all, all}, {all, all}) ==
        words{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd});
  CHECK(atlas::detail::philox({0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344},
                              {0xa4093822, 0x299f31d0}) ==
        words{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1});
}

TEST_CASE("more rows than there are cannot be drawn") {
  random_stream random(1);
  CHECK_REFUSED(atlas::value_error, atlas::sample_rows(5, 6, random), "count", "at most 5, got 6");
  CHECK_REFUSED(atlas::value_error, atlas::sample_rows(5, -1, random), "count", "-1");
}

TEST_CASE("streams repeat, and differ by seed and by number") {
  random_stream a(5, 2), b(5, 2), other_seed(6, 2), other_stream(5, 3);
  for (int i = 0; i < 100; ++i) {
    const auto x = a();
    CHECK(x == b());
    CHECK(x != other_seed());
    CHECK(x != other_stream());
  }
}

TEST_CASE("draws have the distributions that they are named after") {
  constexpr std::size_t n = 20000;
  random_stream random(3);
  const auto sample = [&](auto draw) {
    std::vector<double> x(n);
    std::generate(x.begin(), x.end(), draw);
    return x;
  };
  // A p below 1e-3 would be one run in a thousand; the seed is fixed, so this one is not.
  CHECK(atlas_test::ks_p(sample([&] { return random.uniform(); }), [](double x) { return x; }) >
        1e-3);
  CHECK(atlas_test::ks_p(sample([&] { return random.normal(); }), atlas_test::normal_cdf) > 1e-3);
  CHECK(atlas_test::ks_p(sample([&] { return random.exponential(); }),
                         [](double x) { return 1 - std::exp(-x); }) > 1e-3);
  for (const double shape : {0.3, 1.0, 4.5})
    CHECK(atlas_test::ks_p(sample([&] { return random.gamma(shape); }),
                           [&](double x) { return boost::math::gamma_p(shape, x); }) > 1e-3);
  CHECK(atlas_test::ks_p(sample([&] { return random.chi(7); }),
                         [](double x) { return boost::math::gamma_p(3.5, x * x / 2); }) > 1e-3);
}

TEST_CASE("many normal numbers at once are those that come one by one, and the stream goes on") {
  for (const bool spare : {false, true})
    for (const atlas::index_t count : {0, 1, 2, 63, 64, 65, 5000}) {
      CAPTURE(spare, count);
      random_stream one(8, 2), many(8, 2);
      if (spare) CHECK(one() == many());
      std::vector<double> x(static_cast<std::size_t>(count)), y(x.size());
      for (double& value : x) value = one.normal();
      many.fill_normal(y.data(), count);
      CHECK(x == y);
      for (int i = 0; i < 3; ++i) CHECK(one() == many());
    }
}

TEST_CASE("whole numbers are uniform") {
  random_stream random(4);
  std::vector<int> counts(7, 0);
  for (int i = 0; i < 70000; ++i) ++counts[static_cast<std::size_t>(random.uniform_index(7))];
  for (const int c : counts) CHECK(std::abs(c - 10000) < 450);  // 4.8 standard deviations
}

TEST_CASE("sampled rows are distinct and sorted, permutations are permutations") {
  random_stream random(1);
  const auto rows = atlas::sample_rows(1000, 100, random);
  CHECK(rows.size() == 100);
  CHECK(std::is_sorted(rows.begin(), rows.end()));
  CHECK(std::set(rows.begin(), rows.end()).size() == 100);
  CHECK(rows.back() < 1000);
  auto order = atlas::random_permutation(50, random);
  std::sort(order.begin(), order.end());
  for (atlas::index_t i = 0; i < 50; ++i) CHECK(order[static_cast<std::size_t>(i)] == i);
}
