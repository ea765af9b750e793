// SPDX-License-Identifier: MIT
/// \file
/// Rank correlations within strata against their definition written out, exact p against all
/// orders, and p of data without an effect.

#include "atlas/stats/stratified_correlation.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <vector>

#include "../catch.hpp"
#include "../messages.hpp"
#include "atlas/core/random.hpp"
#include "atlas/stats/uniformity.hpp"

namespace stratified_correlation_test {

namespace {

using numbers = std::vector<double>;
using labels = std::vector<int>;

/// Ranks of the values of one stratum, standardized, in long double; others are left as they are.
std::vector<long double> plain_ranks(const numbers& x, const labels& strata) {
  std::vector<long double> out(x.size());
  for (const int stratum : {0, 1, 2}) {
    long double n = 0, mean = 0, square = 0;
    for (std::size_t i = 0; i < x.size(); ++i) {
      if (strata[i] != stratum) continue;
      out[i] = 1;
      for (std::size_t j = 0; j < x.size(); ++j)
        if (strata[j] == stratum && j != i)
          out[i] += x[j] < x[i] ? 1.0L : x[j] == x[i] ? 0.5L : 0.0L;
      mean += out[i];
      n += 1;
    }
    mean /= n;
    for (std::size_t i = 0; i < x.size(); ++i)
      if (strata[i] == stratum) square += (out[i] - mean) * (out[i] - mean);
    for (std::size_t i = 0; i < x.size(); ++i)
      if (strata[i] == stratum) out[i] = (out[i] - mean) / std::sqrt(square / n);
  }
  return out;
}

long double plain_dot(const std::vector<long double>& a, const std::vector<long double>& b) {
  long double sum = 0;
  for (std::size_t i = 0; i < a.size(); ++i) sum += a[i] * b[i];
  return sum / static_cast<long double>(a.size());
}

long double plain_partial(const numbers& x, const numbers& y, const numbers& z, const labels& s) {
  const auto a = plain_ranks(x, s), b = plain_ranks(y, s), c = plain_ranks(z, s);
  const long double xy = plain_dot(a, b), xz = plain_dot(a, c), yz = plain_dot(b, c);
  return (xy - xz * yz) / std::sqrt((1 - xz * xz) * (1 - yz * yz));
}

const labels strata = {0, 0, 0, 1, 1, 1, 1, 2, 2, 2};
const numbers x = {3, 1, 2, 10, 40, 20, 30, -1, -1, 5};
const numbers y = {2.5, 1, 3, 7, 9, 8, 8, 0.1, 0.3, 0.2};
const numbers z = {1, 3, 2, 5, 8, 5, 6, 1, 2, 4};

TEST_CASE("a correlation within strata is the mean of the strata's own, weighted by their size") {
  const auto r = atlas::stratified_spearman(x, y, strata, {.permutations = 100});
  CHECK(r.coefficient ==
        Approx(static_cast<double>(plain_dot(plain_ranks(x, strata), plain_ranks(y, strata))))
            .margin(1e-14));
  CHECK(r.n == 10);
  CHECK(r.strata == 3);
  // What differs between strata has no part in it.
  numbers moved = y;
  for (std::size_t i = 0; i < moved.size(); ++i) moved[i] += 100.0 * strata[i];
  CHECK(atlas::stratified_spearman(x, moved, strata, {.permutations = 100}).coefficient ==
        r.coefficient);
  const auto partial = atlas::partial_stratified_spearman(x, y, z, strata, {.permutations = 100});
  CHECK(partial.coefficient ==
        Approx(static_cast<double>(plain_partial(x, y, z, strata))).margin(1e-13));
}

TEST_CASE("p of all orders within strata is their share that is as extreme") {
  numbers order = y;
  double hits = 0, total = 0, squares = 0;
  const auto bar = std::abs(plain_dot(plain_ranks(x, strata), plain_ranks(y, strata))) - 1e-12L;
  std::array<std::size_t, 3> a = {0, 1, 2};
  std::array<std::size_t, 4> b = {3, 4, 5, 6};
  do {
    std::sort(b.begin(), b.end());
    do {
      std::array<std::size_t, 3> c = {7, 8, 9};
      do {
        for (std::size_t i = 0; i < 3; ++i) order[i] = y[a[i]];
        for (std::size_t i = 0; i < 4; ++i) order[3 + i] = y[b[i]];
        for (std::size_t i = 0; i < 3; ++i) order[7 + i] = y[c[i]];
        const auto r = plain_dot(plain_ranks(x, strata), plain_ranks(order, strata));
        hits += std::abs(r) >= bar ? 1 : 0;
        squares += static_cast<double>(r * r);
        ++total;
      } while (std::next_permutation(c.begin(), c.end()));
    } while (std::next_permutation(b.begin(), b.end()));
  } while (std::next_permutation(a.begin(), a.end()));
  REQUIRE(total == 864);
  const auto exact = atlas::stratified_spearman(x, y, strata, {.permutations = 864});
  CHECK(exact.p == Approx(hits / total).epsilon(1e-12));
  CHECK(exact.null_square == Approx(squares / total).epsilon(1e-12));
  // Random ones come close, the same for every number of threads.
  const auto drawn = atlas::stratified_spearman(x, y, strata, {.permutations = 863, .threads = 1});
  CHECK(drawn.p == Approx(exact.p).margin(0.06));
  const auto threads =
      atlas::stratified_spearman(x, y, strata, {.permutations = 863, .threads = 3});
  CHECK(drawn.p == threads.p);
  CHECK(drawn.null_bound == threads.null_bound);
}

TEST_CASE("strata in which a sample is constant are left out") {
  numbers constant = x;
  constant[0] = constant[1] = constant[2] = 4;
  const auto r = atlas::stratified_spearman(constant, y, strata, {.permutations = 50});
  CHECK(r.strata == 2);
  CHECK(r.n == 7);
  const numbers tail_x(x.begin() + 3, x.end()), tail_y(y.begin() + 3, y.end());
  const labels tail(strata.begin() + 3, strata.end());
  CHECK(r.coefficient ==
        atlas::stratified_spearman(tail_x, tail_y, tail, {.permutations = 50}).coefficient);
}

/// p of 200 shuffles of labels within six strata of six.
template <class P>
atlas::ks_result p_of_shuffles(P&& p_of) {
  numbers p;
  for (std::uint64_t i = 0; i < 200; ++i) {
    atlas::random_stream random(17, i);
    numbers a, b, c;
    labels of;
    for (int l = 0; l < 36; ++l) {
      of.push_back(l / 6);
      c.push_back(random.normal());
      a.push_back(c.back() + random.normal() + 5.0 * of.back());
      b.push_back(2 * c.back() + random.normal() - 3.0 * of.back());
    }
    p.push_back(p_of(a, b, c, of, i));
  }
  return atlas::uniformity(p);
}

TEST_CASE("without an effect p is uniform over 200 shuffles of labels, and with one it is not") {
  const auto options = [](std::uint64_t seed) {
    return atlas::stratified_options{.permutations = 999, .seed = seed};
  };
  // Labels shuffled within strata: nothing is left but what strata have in common.
  const auto shuffled = p_of_shuffles(
      [&](const numbers& a, numbers b, const numbers&, const labels& of, std::uint64_t seed) {
        atlas::random_stream random(23, seed);
        for (std::size_t first = 0; first < b.size(); first += 6) {
          const numbers old(b.begin() + static_cast<std::ptrdiff_t>(first),
                            b.begin() + static_cast<std::ptrdiff_t>(first + 6));
          const auto order = atlas::random_permutation(6, random);
          for (std::size_t i = 0; i < 6; ++i)
            b[first + i] = old[static_cast<std::size_t>(order[i])];
        }
        return atlas::stratified_spearman(a, b, of, options(seed)).p;
      });
  CHECK(shuffled.p > 0.01);
  // What a and b have in common is the control's alone.
  const auto partial = p_of_shuffles([&](const numbers& a, const numbers& b, const numbers& c,
                                         const labels& of, std::uint64_t seed) {
    return atlas::partial_stratified_spearman(a, b, c, of, options(seed)).p;
  });
  CHECK(partial.p > 0.01);
  const auto effect = p_of_shuffles(
      [&](const numbers& a, const numbers& b, const numbers&, const labels& of,
          std::uint64_t seed) { return atlas::stratified_spearman(a, b, of, options(seed)).p; });
  CHECK(effect.p < 1e-6);
}

TEST_CASE("what cannot be correlated within strata is refused by name") {
  const numbers same(10, 1.0);
  CHECK_REFUSED(atlas::value_error, atlas::stratified_spearman(same, y, strata), "strata",
                "one in which all samples vary");
  CHECK_REFUSED(atlas::shape_error, atlas::stratified_spearman(x, numbers(9), strata), "y", "10");
  CHECK_REFUSED(atlas::shape_error, atlas::stratified_spearman(x, y, labels(9)), "strata",
                "one label a value, 10");
  numbers nan = x;
  nan[4] = std::numeric_limits<double>::quiet_NaN();
  CHECK_REFUSED(atlas::value_error, atlas::stratified_spearman(nan, y, strata), "x", "[4]");
  CHECK_REFUSED(atlas::value_error, atlas::partial_stratified_spearman(x, y, y, strata), "y",
                "values that the control does not determine");
  CHECK_REFUSED(atlas::value_error, atlas::stratified_spearman(x, y, strata, {.permutations = 0}),
                "permutations", "0");
}

}  // namespace

}  // namespace stratified_correlation_test
