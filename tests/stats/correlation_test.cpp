// SPDX-License-Identifier: MIT
#include "atlas/stats/correlation.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <numeric>
#include <vector>

#include "../catch.hpp"
#include "../messages.hpp"
#include "../statistics_for_tests.hpp"
#include "../tolerances.hpp"
#include "whole_numbers_for_tests.hpp"

using namespace atlas_test;

namespace {

long double plain_pearson(const numbers& x, const numbers& y) {
  const auto n = static_cast<long double>(x.size());
  long double mx = 0, my = 0, xy = 0, xx = 0, yy = 0;
  for (std::size_t i = 0; i < x.size(); ++i) {
    mx += static_cast<long double>(x[i]) / n;
    my += static_cast<long double>(y[i]) / n;
  }
  for (std::size_t i = 0; i < x.size(); ++i) {
    const auto a = static_cast<long double>(x[i]) - mx, b = static_cast<long double>(y[i]) - my;
    xy += a * b;
    xx += a * a;
    yy += b * b;
  }
  return xy / std::sqrt(xx * yy);
}

/// From the three correlations, the textbook's formula.
long double plain_partial(const numbers& x, const numbers& y, const numbers& z) {
  const auto xy = plain_pearson(x, y), xz = plain_pearson(x, z), yz = plain_pearson(y, z);
  return (xy - xz * yz) / std::sqrt((1 - xz * xz) * (1 - yz * yz));
}

/// Share of all orders of y at least as extreme, written out.
double brute_force_p(const numbers& x, const numbers& y) {
  numbers order = y;
  std::vector<int> places(y.size());
  std::iota(places.begin(), places.end(), 0);
  const long double r = std::abs(plain_pearson(x, y));
  double hits = 0, total = 0;
  do {
    for (std::size_t i = 0; i < y.size(); ++i) order[i] = y[static_cast<std::size_t>(places[i])];
    hits += std::abs(plain_pearson(x, order)) >= r - 1e-12L;
    ++total;
  } while (std::next_permutation(places.begin(), places.end()));
  return hits / total;
}

numbers draw(std::size_t n, std::uint64_t seed) {
  atlas::random_stream random(seed);
  numbers x(n);
  for (double& v : x) v = random.normal();
  return x;
}

struct exact_correlation {
  double r = 0, p = 0;
};

/// In whole numbers: n sum x y - sum x sum y, and the share of all orders where it is as far from
/// 0.
exact_correlation exact_pearson(const integers& x, const integers& y) {
  const auto n = static_cast<long long>(x.size());
  const auto product = [&](const integers& a, const integers& b) {
    return n * std::inner_product(a.begin(), a.end(), b.begin(), 0LL) -
           std::accumulate(a.begin(), a.end(), 0LL) * std::accumulate(b.begin(), b.end(), 0LL);
  };
  const long long observed = product(x, y);
  std::vector<std::size_t> order(x.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  double hits = 0, total = 0;
  do {
    integers turned;
    for (const std::size_t i : order) turned.push_back(y[i]);
    hits += std::abs(product(x, turned)) >= std::abs(observed) ? 1 : 0;
    ++total;
  } while (std::next_permutation(order.begin(), order.end()));
  return {static_cast<double>(observed) /
              std::sqrt(static_cast<double>(product(x, x)) * static_cast<double>(product(y, y))),
          hits / total};
}

}  // namespace

TEST_CASE("published worked examples of Spearman come out") {
  // IQ and hours of television a week (the example of the Wikipedia article): rho = -29/165, and
  // p = 0.6272 by the t approximation.
  const numbers iq = {106, 100, 86, 101, 99, 103, 97, 113, 112, 110};
  const numbers hours = {7, 27, 2, 50, 28, 29, 20, 12, 6, 17};
  const auto r = atlas::spearman(iq, hours);
  CHECK(r.coefficient == Approx(-29.0 / 165).epsilon(1e-14));
  CHECK(r.n == 10);
  CHECK(r.p == Approx(0.63).margin(0.02));
  // With ties: marks in English and mathematics, d^2 sums to 54, and the pair 61, 61 is tied.
  const numbers english = {56, 75, 45, 71, 61, 64, 58, 80, 76, 61};
  const numbers maths = {66, 70, 40, 60, 65, 56, 59, 77, 67, 63};
  CHECK(atlas::average_ranks(Eigen::Map<const Eigen::VectorXd>(english.data(), 10))(4) == 4.5);
  CHECK(atlas::spearman(english, maths).coefficient == Approx(0.668696).epsilon(1e-5));
}

TEST_CASE("Anscombe's four samples have Pearson's correlation 0.816") {
  const numbers x = {10, 8, 13, 9, 11, 14, 6, 4, 12, 7, 5};
  const std::array<numbers, 3> y = {
      numbers{8.04, 6.95, 7.58, 8.81, 8.33, 9.96, 7.24, 4.26, 10.84, 4.82, 5.68},
      numbers{9.14, 8.14, 8.74, 8.77, 9.26, 8.10, 6.13, 3.10, 9.13, 7.26, 4.74},
      numbers{7.46, 6.77, 12.74, 7.11, 7.81, 8.84, 6.08, 5.39, 8.15, 6.42, 5.73}};
  const std::array<double, 3> published = {0.81642, 0.81624, 0.81629};
  for (std::size_t i = 0; i < 3; ++i)
    CHECK(atlas::pearson(x, y[i]).coefficient == Approx(published[i]).margin(5e-6));
}

TEST_CASE("p is that of all orders for small samples, and random orders come near it") {
  for (const std::size_t n : {3U, 4U, 6U, 7U, 8U}) {
    const numbers x = draw(n, 2 * n), y = draw(n, 2 * n + 1);
    const double exact = brute_force_p(x, y);
    CHECK(atlas::pearson(x, y, {.permutations = 50000}).p == Approx(exact).epsilon(1e-12));
    if (n == 8) CHECK(atlas::pearson(x, y).p == Approx(exact).margin(0.02));
  }
  const numbers tied = {1, 1, 2, 2, 2, 3, 4}, other = {2, 1, 1, 3, 3, 3, 3};
  numbers ranks_a(7), ranks_b(7);
  Eigen::Map<Eigen::VectorXd>(ranks_a.data(), 7) =
      atlas::average_ranks(Eigen::Map<const Eigen::VectorXd>(tied.data(), 7));
  Eigen::Map<Eigen::VectorXd>(ranks_b.data(), 7) =
      atlas::average_ranks(Eigen::Map<const Eigen::VectorXd>(other.data(), 7));
  CHECK(atlas::spearman(tied, other).p == Approx(brute_force_p(ranks_a, ranks_b)).epsilon(1e-12));
}

TEST_CASE("p is uniform where nothing is correlated") {
  std::vector<double> plain, partial;
  const numbers z = draw(40, 1);
  for (std::uint64_t s = 0; s < 400; ++s) {
    numbers x = draw(40, 2 * s + 10), y = draw(40, 2 * s + 11);
    plain.push_back(atlas::pearson(x, y, {.permutations = 199, .seed = s}).p);
    for (std::size_t i = 0; i < 40; ++i) x[i] += 2 * z[i], y[i] += 2 * z[i];
    partial.push_back(atlas::partial_pearson(x, y, z, {.permutations = 199, .seed = s}).p);
  }
  for (const auto& p : {plain, partial}) {
    const auto below = std::count_if(p.begin(), p.end(), [](double v) { return v <= 0.1; });
    CHECK(below > 40 - 18);  // three standard deviations of a binomial of 400 and 0.1
    CHECK(below < 40 + 18);
  }
}

TEST_CASE(
    "p of blocks is the share of orders, or of shuffles, in which whole blocks are as extreme") {
  const auto as_extreme = [](const numbers& x, const numbers& y, auto&& rows) {
    numbers shuffled;
    for (const auto i : rows) shuffled.push_back(y[static_cast<std::size_t>(i)]);
    return std::abs(plain_pearson(x, shuffled)) >= std::abs(plain_pearson(x, y)) - 1e-12L;
  };
  // More rows than blocks, as many, and fewer.
  for (const auto& [blocks, rows] : {std::pair(5, 8), std::pair(4, 4), std::pair(6, 2)}) {
    const auto n = static_cast<std::size_t>(blocks * rows);
    const numbers x = draw(n, 1), y = draw(n, 2);
    std::vector<int> order(static_cast<std::size_t>(blocks)), places(n);
    std::iota(order.begin(), order.end(), 0);
    double hits = 0, total = 0;
    do {
      for (int i = 0; i < blocks * rows; ++i)
        places[static_cast<std::size_t>(i)] =
            order[static_cast<std::size_t>(i / rows)] * rows + i % rows;
      hits += as_extreme(x, y, places);
      ++total;
    } while (std::next_permutation(order.begin(), order.end()));
    CAPTURE(blocks, rows);
    CHECK(atlas::pearson(x, y, {.permutations = 720, .rows_per_block = rows}).p == hits / total);
    atlas::permutation_options some{.permutations = 23, .rows_per_block = rows, .seed = 4};
    const double p = atlas::permutation_p(static_cast<atlas::index_t>(n), some,
                                          [&](const auto& at) { return as_extreme(x, y, at); });
    CHECK(atlas::pearson(x, y, some).p == p);
    for (const int threads : {1, 3}) {
      some.threads = threads;
      CHECK(atlas::partial_pearson(x, y, draw(n, 3), some).p ==
            atlas::partial_pearson(x, y, draw(n, 3),
                                   {.permutations = 23, .rows_per_block = rows, .seed = 4})
                .p);
    }
  }
}

TEST_CASE("rows of one text count as one when they are shuffled in blocks") {
  // Two independent walks: rows of a block resemble each other, and chance correlates them.
  int alone = 0, together = 0;
  for (std::uint64_t s = 0; s < 100; ++s) {
    numbers x(200), y(200);
    atlas::random_stream random(77, s);
    double a = 0, b = 0;
    for (std::size_t i = 0; i < 200; ++i) {
      if (i % 20 == 0) a = 3 * random.normal(), b = 3 * random.normal();
      x[i] = a + random.normal();
      y[i] = b + random.normal();
    }
    alone += atlas::pearson(x, y, {.permutations = 199}).p <= 0.05;
    together += atlas::pearson(x, y, {.permutations = 199, .rows_per_block = 20}).p <= 0.05;
  }
  CHECK(alone > 40);
  CHECK(together < 15);
}

TEST_CASE("partial correlations are those of the textbook's formula") {
  const numbers z = draw(30, 5);
  numbers x = draw(30, 6), y = draw(30, 7);
  for (std::size_t i = 0; i < 30; ++i) x[i] += 3 * z[i], y[i] -= 2 * z[i] + 0.3 * x[i];
  CHECK(atlas::partial_pearson(x, y, z).coefficient ==
        Approx(static_cast<double>(plain_partial(x, y, z))).epsilon(tolerance::double_rounding));
  const auto ranks = [](const numbers& v) {
    numbers out(v.size());
    Eigen::Map<Eigen::VectorXd>(out.data(), 30) =
        atlas::average_ranks(Eigen::Map<const Eigen::VectorXd>(v.data(), 30));
    return out;
  };
  CHECK(atlas::partial_spearman(x, y, z).coefficient ==
        Approx(static_cast<double>(plain_partial(ranks(x), ranks(y), ranks(z))))
            .epsilon(tolerance::double_rounding));
}

TEST_CASE("correlations do not mind scale, offset, or the number of threads") {
  const numbers x = draw(300, 1), y = draw(300, 2);
  numbers moved(300);
  for (std::size_t i = 0; i < 300; ++i) moved[i] = 1e6 + 1e-3 * x[i];
  const auto one = atlas::pearson(x, y, {.seed = 4, .threads = 1});
  CHECK(atlas::pearson(moved, y, {.seed = 4}).coefficient == Approx(one.coefficient).margin(1e-7));
  const auto two = atlas::pearson(x, y, {.seed = 4, .threads = 2});
  CHECK(one.p == two.p);
  CHECK(one.coefficient == two.coefficient);
  for (const double scale : {1e200, 1e-200, 1e-305}) {
    for (std::size_t i = 0; i < 300; ++i) moved[i] = scale * x[i];
    CHECK(atlas::pearson(moved, y, {.permutations = 9}).coefficient ==
          Approx(one.coefficient).epsilon(1e-9));
  }
  const numbers seconds = {1.7e9 + 1e-6, 1.7e9 + 3e-6, 1.7e9 + 9e-6}, other = {1, 2, 5};
  CHECK(atlas::pearson(seconds, other).coefficient > 0.9);
  CHECK(atlas::pearson(x, x).coefficient == Approx(1).epsilon(1e-14));
  CHECK(atlas::pearson(x, x).p == 1.0 / 10000);
  CHECK(atlas::spearman(moved, y, {.seed = 4}).coefficient ==
        atlas::spearman(x, y, {.seed = 4}).coefficient);
}

TEST_CASE("samples without a correlation are refused") {
  const numbers x = {1, 2, 3, 4}, flat = {2, 2, 2, 2}, shorter = {1, 2, 3};
  const numbers bad = {1, 2, std::numeric_limits<double>::quiet_NaN(), 4};
  CHECK_REFUSED(atlas::value_error, atlas::pearson(x, flat), "y", "equal");
  CHECK_REFUSED(atlas::value_error, atlas::spearman(flat, x), "x", "equal");
  CHECK_REFUSED(atlas::shape_error, atlas::pearson(x, shorter), "y", "3");
  CHECK_REFUSED(atlas::shape_error, atlas::pearson(numbers{1, 2}, numbers{1, 2}), "x", "3 values");
  CHECK_REFUSED(atlas::shape_error, atlas::pearson(numbers{}, numbers{}), "x", "empty");
  CHECK_REFUSED(atlas::value_error, atlas::pearson(x, bad), "y", "NaN");
  CHECK_REFUSED(atlas::value_error, atlas::partial_pearson(x, bad, x), "y", "NaN");
  CHECK_REFUSED(atlas::value_error, atlas::partial_pearson(x, numbers{2, 1, 4, 3}, x), "x",
                "control");
  CHECK_REFUSED(atlas::value_error, atlas::pearson(x, x, {.permutations = 0}), "permutations", "0");
  CHECK_REFUSED(atlas::shape_error, atlas::pearson(x, x, {.rows_per_block = 3}), "rows_per_block",
                "4");
  CHECK_REFUSED(atlas::value_error, atlas::pearson(x, x, {.rows_per_block = 4}), "rows_per_block",
                "2");
}

TEST_CASE("times of day correlate as their differences do") {
  const integers steps = {1, 2, 3, 5, 4}, ranks = {1, 2, 3, 4, 5};
  const auto r = atlas::pearson(shifted(steps, 1.7e9), shifted(ranks, 0));
  CHECK(r.coefficient == Approx(0.9).epsilon(1e-14));
  CHECK(r.p == Approx(10.0 / 120).epsilon(1e-14));
}

TEST_CASE("correlations and their p are exact at every offset and scale") {
  for (std::uint64_t seed = 0; seed < 6; ++seed) {
    const integers x = draw_integers(6, seed), y = draw_integers(6, seed + 100);
    const auto wanted = exact_pearson(x, y);
    const auto ranked = atlas::spearman(shifted(x, 0), shifted(y, 0));
    const auto partial =
        atlas::partial_pearson(shifted(x, 0), shifted(y, 0), numbers{0, 1, 4, 2, 7, 3});
    for (const double offset : {0.0, 1e3, 3e5, -1e6, 1.7e9, 1e12})
      for (const double scale : {1.0, 0x1p-1000, 0x1p900}) {
        CAPTURE(seed, offset, scale);
        const numbers a = shifted(x, offset, scale), b = shifted(y, -offset, scale);
        const auto got = atlas::pearson(a, b);
        CHECK(got.coefficient == Approx(wanted.r).epsilon(1e-13).margin(1e-13));
        CHECK(got.p == wanted.p);
        CHECK(atlas::spearman(a, b).coefficient == ranked.coefficient);
        CHECK(atlas::spearman(a, b).p == ranked.p);
        const auto given = atlas::partial_pearson(a, b, shifted({0, 1, 4, 2, 7, 3}, offset, scale));
        CHECK(given.coefficient == Approx(partial.coefficient).epsilon(1e-12));
        CHECK(given.p == partial.p);
      }
  }
}
