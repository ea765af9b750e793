// SPDX-License-Identifier: MIT
#include "atlas/subspace/overlap_interval.hpp"

#include <Eigen/Dense>
#include <cmath>
#include <functional>
#include <utility>
#include <vector>

#include "../catch.hpp"
#include "../clouds_for_tests.hpp"
#include "atlas/core/random.hpp"
#include "atlas/linalg/frame.hpp"
#include "atlas/subspace/head_overlap.hpp"
#include "atlas/subspace/overlap.hpp"

using namespace atlas_test;
using atlas::detail::overlap_interval;
using atlas::detail::pair_group;

namespace {

/// Overlaps `mean + a_i + a_j + e_ij` with these standard deviations of a and e.
Eigen::MatrixXd made_overlaps(int heads, double a_sd, double e_sd, std::uint64_t seed) {
  atlas::random_stream random(seed);
  const Eigen::VectorXd a = a_sd * atlas::normal_matrix(heads, 1, random);
  Eigen::MatrixXd f = Eigen::MatrixXd::Identity(heads, heads);
  for (int i = 0; i < heads; ++i)
    for (int j = i + 1; j < heads; ++j)
      f(i, j) = f(j, i) = 0.5 + a(i) + a(j) + e_sd * random.normal();
  return f;
}

/// Share of cases whose interval holds the value.
double coverage(int cases, double truth, const std::function<Eigen::MatrixXd(int)>& matrix,
                int heads_per_group = 1, pair_group group = pair_group::global) {
  int held = 0;
  for (int c = 0; c < cases; ++c) {
    const atlas::interval i = overlap_interval(matrix(c), group, heads_per_group, 0.95);
    held += i.lower <= truth && truth <= i.upper ? 1 : 0;
  }
  return static_cast<double>(held) / cases;
}

/// Frames of heads that are independent, or that share a direction drawn for each case, exactly
/// (tilt 0) or each to its own degree.
std::vector<Eigen::MatrixXd> frames_of_case(int heads, int d, int k, bool shared, double tilt,
                                            std::uint64_t seed) {
  atlas::random_stream random(seed);
  const Eigen::MatrixXd direction = atlas::random_frame(d, 1, random);
  std::vector<Eigen::MatrixXd> frames;
  for (int h = 0; h < heads; ++h) {
    Eigen::MatrixXd x = atlas::normal_matrix(d, k, random);
    if (shared) x.col(0) = direction + tilt * std::abs(random.normal()) * x.col(0) / std::sqrt(d);
    frames.push_back(atlas::orthonormal_columns(x));
  }
  return frames;
}

struct frame_coverage {
  double share = 0, mean = 0;
};

/// Of the mean over all cases, whose own error is small beside that of one.
frame_coverage coverage_of_frames(int cases, int heads, int d, int k, bool shared, double tilt) {
  std::vector<Eigen::MatrixXd> matrices;
  double sum = 0;
  for (int c = 0; c < cases; ++c) {
    matrices.push_back(atlas::detail::overlap_matrix(
        frames_of_case(heads, d, k, shared, tilt, static_cast<std::uint64_t>(c)), 1));
    sum += (matrices.back().sum() - heads) / (heads * (heads - 1));
  }
  const auto matrix = [&](int c) { return matrices[static_cast<std::size_t>(c)]; };
  return {coverage(cases, sum / cases, matrix), sum / cases};
}

}  // namespace

TEST_CASE("the variance of a mean over pairs is unbiased above its floor") {
  // Var = 4 a^2 / H + 2 e^2 / (H (H - 1)) of independent effects; here the first term is most.
  constexpr int heads = 9, cases = 4000;
  double sum = 0;
  for (std::uint64_t c = 0; c < cases; ++c)
    sum += atlas::detail::variance_of_pairs(made_overlaps(heads, 0.02, 0.01, c)).variance;
  const double wanted = 4 * 0.02 * 0.02 / heads + 2 * 0.01 * 0.01 / (heads * (heads - 1));
  CHECK(sum / cases == Approx(wanted).epsilon(0.06));  // its sd: 0.5 / sqrt(cases) = 0.8 %
}

TEST_CASE("mean squares are those of the table of crosses, by brute force") {
  const Eigen::MatrixXd f = made_overlaps(5, 0.05, 0.03, 3);
  // Least squares of f_ij = m + a_i + a_j by the normal equations, a redundant constant left to
  // the pseudo-inverse.
  Eigen::MatrixXd design = Eigen::MatrixXd::Zero(10, 6);
  Eigen::VectorXd y(10);
  int row = 0;
  for (int i = 0; i < 5; ++i)
    for (int j = i + 1; j < 5; ++j, ++row) {
      design(row, i) = design(row, j) = design(row, 5) = 1;
      y(row) = f(i, j);
    }
  const Eigen::VectorXd fit = design.completeOrthogonalDecomposition().solve(y);
  const double left = (y - design * fit).squaredNorm();
  const double all = (y.array() - y.mean()).square().sum();
  const auto m = atlas::detail::squares_of(f);
  CHECK(m.pairs == Approx(left / 5));
  CHECK(m.units == Approx((all - left) / 4));
}

TEST_CASE("intervals of overlaps cover for any share of heads and pairs in the variance") {
  for (const int heads : {4, 6, 12, 32})
    for (const double a : {0.0, 0.1, 0.3, 1.0, 3.0}) {
      CAPTURE(heads, a);
      const double share = coverage(heads == 32 ? 200 : 700, 0.5, [&](int c) {
        return made_overlaps(heads, 0.01 * a, 0.01, static_cast<std::uint64_t>(c));
      });
      // more than 5 standard errors from 93.6 to 97 %
      CHECK(share > (heads == 32 ? 0.86 : 0.88));
      CHECK(share < (heads == 32 ? 1.01 : 0.995));
    }
}

TEST_CASE("intervals cover for independent frames and for heads that share a direction") {
  for (const int heads : {6, 12})
    for (const auto& [shared, tilt] : {std::pair{false, 0.0}, {true, 0.0}, {true, 1.0}}) {
      CAPTURE(heads, shared, tilt);
      const frame_coverage found = coverage_of_frames(400, heads, 32, 4, shared, tilt);
      CHECK(found.share > 0.87);
      CHECK(found.share < 0.998);
    }
}

TEST_CASE("groups of heads are units: pairs within and between are covered") {
  // Four groups of 3 that share an effect each, which a count of heads would take for 12.
  const auto matrix = [](int c) {
    atlas::random_stream random(static_cast<std::uint64_t>(c));
    const Eigen::VectorXd own = 0.02 * atlas::normal_matrix(4, 1, random);
    const Eigen::MatrixXd between = 0.02 * atlas::normal_matrix(4, 4, random);
    Eigen::MatrixXd f = Eigen::MatrixXd::Identity(12, 12);
    for (int i = 0; i < 12; ++i)
      for (int j = i + 1; j < 12; ++j)
        f(i, j) = f(j, i) =
            0.5 + (i / 3 == j / 3 ? own(i / 3) : between(i / 3, j / 3)) + 0.002 * random.normal();
    return f;
  };
  for (const pair_group group : {pair_group::intra, pair_group::inter, pair_group::global}) {
    const double share = coverage(1500, 0.5, matrix, 3, group);
    CHECK(share > 0.90);
    CHECK(share < 0.995);
  }
}

TEST_CASE("intervals that cannot be had are NaN, and those of equal overlaps have no width") {
  const Eigen::MatrixXd two = made_overlaps(2, 0, 0.01, 1), three = made_overlaps(3, 0, 0.01, 1);
  CHECK(std::isnan(overlap_interval(two, pair_group::global, 1, 0.95).lower));
  CHECK(overlap_interval(three, pair_group::global, 1, 0.95).lower < 0.5);
  const Eigen::MatrixXd four = made_overlaps(4, 0, 0.01, 1);
  CHECK(std::isnan(overlap_interval(four, pair_group::inter, 2, 0.95).lower));
  CHECK(overlap_interval(four, pair_group::intra, 2, 0.95).upper > 0.5);
  CHECK(std::isnan(overlap_interval(four, pair_group::intra, 1, 0.95).lower));
  const Eigen::MatrixXd ones = Eigen::MatrixXd::Ones(5, 5);
  CHECK(overlap_interval(ones, pair_group::global, 1, 0.95).lower == 1);
  CHECK(overlap_interval(ones, pair_group::global, 1, 0.95).upper == 1);
}

TEST_CASE("a wider confidence is a wider interval") {
  const Eigen::MatrixXd f = made_overlaps(6, 0.01, 0.01, 4);
  const auto narrow = overlap_interval(f, pair_group::global, 1, 0.8);
  const auto wide = overlap_interval(f, pair_group::global, 1, 0.99);
  CHECK(wide.lower < narrow.lower);
  CHECK(wide.upper > narrow.upper);
}
