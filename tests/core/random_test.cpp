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

TEST_CASE("words side by side are those of one counter after the other") {
  constexpr std::uint64_t first = 0xFFFFFFF0, stream = 0x700000003;  // carries into the upper half
  constexpr int counters = 32;
  std::vector<std::uint64_t> together(2 * counters);
  atlas::detail::philox_words<counters>(first, stream, {5, 9}, together.data());
  for (std::uint64_t l = 0; l < counters; ++l) {
    const std::uint64_t counter = first + l;
    const words alone = atlas::detail::philox(
        {static_cast<std::uint32_t>(counter), static_cast<std::uint32_t>(counter >> 32),
         static_cast<std::uint32_t>(stream), static_cast<std::uint32_t>(stream >> 32)},
        {5, 9});
    CHECK(together[2 * l] == (std::uint64_t{alone[1]} << 32 | alone[0]));
    CHECK(together[2 * l + 1] == (std::uint64_t{alone[3]} << 32 | alone[2]));
  }
}

TEST_CASE("a million normal numbers at once, as doubles and as floats, are those one by one") {
  constexpr std::size_t n = 1000000;
  random_stream one(21), doubles(21), floats(21);
  std::vector<double> x(n), y(n);
  std::vector<float> z(n);
  std::generate(x.begin(), x.end(), [&] { return one.normal(); });
  doubles.fill_normal(y.data(), n);
  floats.fill_normal(z.data(), n);
  CHECK(x == y);
  CHECK(std::equal(x.begin(), x.end(), z.begin(),
                   [](double a, float b) { return static_cast<float>(a) == b; }));
  CHECK(one() == doubles());
}

TEST_CASE("wedges of the ziggurat end at the density") {
  const auto& z = atlas::detail::ziggurat::table();
  random_stream random(22);
  for (std::size_t layer = 1; layer < atlas::detail::ziggurat::layers; ++layer)
    for (int i = 0; i < 400; ++i) {
      const double x = std::lerp(z.x[layer + 1], z.x[layer], random.uniform());
      const long double height = std::exp(-0.5L * x * x), bottom = z.density[layer];
      const long double place = (height - bottom) / (z.density[layer + 1] - bottom);
      // Half of the heights are next to the density, where the polynomials may not decide.
      const double uniform = i % 2 == 0
                                 ? random.uniform()
                                 : static_cast<double>(place) + 1e-6 * (random.uniform() - 0.5);
      if (std::abs(uniform - place) < 1e-9L) continue;  // within rounding of the heights
      CAPTURE(layer, x, uniform);
      CHECK(atlas::detail::in_wedge(z, layer, x, uniform) == (uniform < place));
    }
}

TEST_CASE("normal numbers at once have the normal distribution's moments and tails") {
  constexpr std::size_t n = 4000000;
  std::vector<double> x(n);
  random_stream(23).fill_normal(x.data(), n);
  const auto count = static_cast<double>(n);
  double sums[4]{}, neighbors = 0, eighth = 0;
  for (std::size_t i = 0; i < n; ++i) {
    double power = 1;
    for (double& sum : sums) sum += power *= x[i];
    if (i + 1 < n) neighbors += x[i] * x[i + 1];
    if (i + 8 < n) eighth += x[i] * x[i + 8];
  }
  // Each within 5 of its standard deviations: of x^k that is sqrt(E x^2k - (E x^k)^2).
  const double expected[] = {0, 1, 0, 3}, variance[] = {1, 2, 15, 96};
  for (int k = 0; k < 4; ++k) {
    CAPTURE(k);
    CHECK(std::abs(sums[k] - expected[k] * count) < 5 * std::sqrt(variance[k] * count));
  }
  CHECK(std::abs(neighbors) < 5 * std::sqrt(count));
  CHECK(std::abs(eighth) < 5 * std::sqrt(count));
  for (const double beyond : {1.0, 2.0, 3.0, atlas::detail::ziggurat::tail, 4.0, 4.5, 5.0})
    for (const double sign : {-1.0, 1.0}) {
      CAPTURE(beyond, sign);
      const auto found = static_cast<double>(
          std::count_if(x.begin(), x.end(), [&](double v) { return sign * v > beyond; }));
      const double wanted = count * 0.5 * std::erfc(beyond / std::sqrt(2.0));
      CHECK(std::abs(found - wanted) < 5 * std::sqrt(wanted) + 5);
    }
  CHECK(std::none_of(x.begin(), x.end(), [](double v) { return std::abs(v) > 6.5; }));
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
