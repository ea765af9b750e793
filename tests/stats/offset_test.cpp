// SPDX-License-Identifier: MIT
#include <Eigen/Core>
#include <algorithm>
#include <cmath>
#include <numeric>
#include <span>
#include <vector>

#include "../catch.hpp"
#include "../tolerances.hpp"
#include "atlas/core/random.hpp"
#include "atlas/stats/bootstrap.hpp"
#include "atlas/stats/correlation.hpp"
#include "atlas/stats/summary.hpp"

using namespace atlas_test;
using integers = std::vector<long long>;
using numbers = std::vector<double>;

namespace {

numbers shifted(const integers& x, double offset, double scale = 1) {
  numbers out;
  for (const long long v : x) out.push_back(scale * (offset + static_cast<double>(v)));
  return out;
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

integers draw_integers(std::size_t n, std::uint64_t seed) {
  atlas::random_stream random(seed);
  integers out;
  for (std::size_t i = 0; i < n; ++i) out.push_back(random.uniform_index(9));
  out[0] = 9;
  return out;
}

}  // namespace

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

TEST_CASE("mean and spread are those of the differences, at every offset and scale") {
  const integers x = draw_integers(999, 3);
  const auto plain = atlas::summarize(shifted(x, 0));
  for (const double offset : {1e3, 1e6, 1e9, 1e12})
    CHECK(atlas::summarize(shifted(x, offset)).sd == plain.sd);
  for (const int power : {-1060, -700, -400, 400, 700, 1019}) {
    CAPTURE(power);
    const double scale = std::ldexp(1.0, power);
    const auto s = atlas::summarize(shifted(x, 0, scale));
    CHECK(s.mean == Approx(plain.mean * scale).epsilon(tolerance::double_rounding).margin(1e-323));
    CHECK(s.sd == Approx(plain.sd * scale).epsilon(tolerance::double_rounding).margin(1e-323));
  }
}

TEST_CASE("a bootstrap has the same shape at every offset and scale") {
  const integers x = draw_integers(40, 8);
  const auto mean = [](std::span<const double> v) { return atlas::summarize(v).mean; };
  const auto plain = atlas::bootstrap_sample(shifted(x, 0), mean, {.resamples = 200});
  for (const double offset : {1e3, 1e6, 1e9}) {
    const auto r = atlas::bootstrap_sample(shifted(x, offset), mean, {.resamples = 200});
    CHECK(r.standard_error == Approx(plain.standard_error).epsilon(1e-6));
    CHECK(r.acceleration == Approx(plain.acceleration).margin(1e-5));
    CHECK(r.bca.lower - offset == Approx(plain.bca.lower).margin(1e-5));
  }
  for (const double scale : {0x1p-900, 0x1p-400, 0x1p400, 0x1p900}) {
    const auto r = atlas::bootstrap_sample(shifted(x, 0, scale), mean, {.resamples = 200});
    CHECK(r.standard_error == plain.standard_error * scale);
    CHECK(r.acceleration == plain.acceleration);
    CHECK(r.bca.upper == plain.bca.upper * scale);
  }
}

TEST_CASE("resamples of the same rows are half below the estimate, in whatever order they sum") {
  const numbers x = {0.1, 0.2, 0.3};  // whose sum depends on the order
  const auto sum = [](std::span<const double> v) {
    return std::accumulate(v.begin(), v.end(), 0.0);
  };
  const auto r = atlas::bootstrap_sample(x, sum, {.resamples = 4000});
  CHECK(std::abs(r.bias_correction) < 0.06);  // symmetric: 0, to 1 / sqrt(4000) a few times
}
