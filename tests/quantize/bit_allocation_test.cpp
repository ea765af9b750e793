// SPDX-License-Identifier: MIT
#include "atlas/quantize/bit_allocation.hpp"

#include <Eigen/Dense>
#include <cmath>
#include <functional>
#include <limits>
#include <numeric>

#include "../catch.hpp"
#include "../messages.hpp"
#include "layers_for_tests.hpp"

using namespace atlas_test;
using atlas::allocate_bits;

namespace {

double distortion(const Eigen::VectorXd& variances, const std::vector<int>& bits) {
  double sum = 0;
  for (Eigen::Index i = 0; i < variances.size(); ++i)
    sum += variances(i) * std::exp2(-2 * bits[static_cast<std::size_t>(i)]);
  return sum;
}

/// The least distortion of all allocations of `total` bits, tried one by one.
double least_distortion(const Eigen::VectorXd& variances, int total, int low, int high) {
  double least = std::numeric_limits<double>::infinity();
  std::vector<int> bits;
  const std::function<void(int)> place = [&](int left) {
    if (static_cast<Eigen::Index>(bits.size()) == variances.size()) {
      if (left == 0) least = std::min(least, distortion(variances, bits));
      return;
    }
    for (int b = low; b <= std::min(high, left); ++b) {
      if (b == 1) continue;
      bits.push_back(b);
      place(left - b);
      bits.pop_back();
    }
  };
  place(total);
  return least;
}

Eigen::VectorXd decaying(int n, std::uint64_t seed) {
  return normal_cloud(n, 1, seed).array().cube().square();
}

}  // namespace

TEST_CASE("no allocation of the same bits has a smaller distortion") {
  for (std::uint64_t seed = 1; seed <= 8; ++seed)
    for (const int total : {10, 13, 17, 22, 30}) {
      CAPTURE(seed, total);
      const Eigen::VectorXd v = decaying(5, seed);
      const auto r = allocate_bits(v, {.average_bits = total / 5.0});
      CHECK(std::accumulate(r.bits.begin(), r.bits.end(), 0) == total);
      CHECK(distortion(v, r.bits) == Approx(least_distortion(v, total, 2, 8)));
    }
}

TEST_CASE("with components that may drown the greedy allocation is optimal up to its last bit") {
  for (std::uint64_t seed = 1; seed <= 8; ++seed)
    for (const int total : {2, 5, 9, 16, 25}) {
      CAPTURE(seed, total);
      const Eigen::VectorXd v = decaying(5, seed);
      const auto r = allocate_bits(v, {.average_bits = total / 5.0, .min_bits = 0});
      for (const int b : r.bits) CHECK(b != 1);
      const int given = std::accumulate(r.bits.begin(), r.bits.end(), 0);
      CHECK(given == total);
      const double least =
          std::max(least_distortion(v, total, 0, 8), least_distortion(v, total - 1, 0, 8));
      CHECK(distortion(v, r.bits) <= least * (1 + 1e-12));
    }
}

TEST_CASE("whole bits follow the real-valued reverse water-filling") {
  // Variances 4^0 .. 4^-7 at 4.5 bits: rates fall by 1 from 8 to 1, so that the last drowns to 2
  // and the level moves to keep the average.
  Eigen::VectorXd v(8);
  for (int i = 0; i < 8; ++i) v(i) = std::exp2(-2 * i);
  const auto plain = allocate_bits(v.head(6), {.average_bits = 4.5});
  CHECK(plain.bits == std::vector<int>{7, 6, 5, 4, 3, 2});
  CHECK(plain.average == 4.5);
  for (std::uint64_t seed = 1; seed <= 5; ++seed) {
    const Eigen::VectorXd u = decaying(200, seed);
    const auto r = allocate_bits(u, {.average_bits = 3.7});
    CHECK(r.average == Approx(3.7));
    double sum = 0;
    for (int i = 0; i < 200; ++i) {
      const double rate = std::clamp(0.5 * std::log2(u(i) / r.water_level), 2.0, 8.0);
      sum += rate;
      CHECK(std::abs(rate - r.bits[static_cast<std::size_t>(i)]) <= 1);
    }
    CHECK(sum / 200 == Approx(3.7));
  }
}

TEST_CASE("extremes of an allocation") {
  const Eigen::VectorXd v = decaying(9, 2), zero = Eigen::VectorXd::Zero(4);
  CHECK(allocate_bits(v, {.average_bits = 2}).bits == std::vector<int>(9, 2));
  CHECK(allocate_bits(v, {.average_bits = 8}).bits == std::vector<int>(9, 8));
  CHECK(allocate_bits(v, {.average_bits = 0, .min_bits = 0}).bits == std::vector<int>(9, 0));
  CHECK(allocate_bits(zero, {.average_bits = 3}).average == 3);
  CHECK(allocate_bits(Eigen::VectorXd::Ones(4), {.average_bits = 2.5}).bits ==
        std::vector<int>{3, 3, 2, 2});
}

TEST_CASE("allocations that cannot be are refused") {
  const Eigen::VectorXd v = decaying(4, 1);
  CHECK_REFUSED(atlas::value_error, (allocate_bits(v, {.average_bits = 9})), "average_bits", "9");
  CHECK_REFUSED(atlas::value_error, (allocate_bits(v, {.average_bits = 1.5})), "average_bits",
                "from 2 to 8");
  CHECK_REFUSED(atlas::value_error, (allocate_bits(v, {.average_bits = std::nan("")})),
                "average_bits", "NaN");
  CHECK_REFUSED(atlas::value_error, (allocate_bits(v, {.min_bits = 1})), "min_bits", "1");
  CHECK_REFUSED(atlas::value_error, (allocate_bits(v, {.max_bits = 9})), "max_bits", "9");
  CHECK_REFUSED(atlas::value_error, allocate_bits(-v), "variances", "0 or more");
  CHECK_REFUSED(atlas::shape_error, allocate_bits(Eigen::VectorXd()), "variances", "none");
}
