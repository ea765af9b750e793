// SPDX-License-Identifier: MIT
#include "atlas/subspace/haar.hpp"

#include <Eigen/Dense>
#include <atomic>
#include <cmath>
#include <numbers>
#include <utility>
#include <vector>

#include "../catch.hpp"
#include "../messages.hpp"
#include "../tolerances.hpp"
#include "atlas/linalg/frame.hpp"
#include "atlas/subspace/overlap.hpp"

using namespace atlas_test;
using atlas::haar_overlap;

TEST_CASE("the Haar null is that of the published table") {
  struct row {
    int d, k;
    double mean;
  };
  for (const auto& [d, k, mean] :
       {row{32, 7, 0.400}, row{64, 4, 0.208}, row{64, 7, 0.279}, row{64, 10, 0.337},
        row{128, 7, 0.196}, row{128, 9, 0.223}, row{128, 11, 0.248}}) {
    CAPTURE(d, k);
    const auto null = haar_overlap(d, k);
    CHECK(null.mean == Approx(mean).margin(tolerance::haar_table));
    CHECK(null.mean_squared == Approx(static_cast<double>(k) / d));
    CHECK(null.standard_error < 1e-3);
  }
}

TEST_CASE("one direction in the plane overlaps by 2/pi, in space by 1/2") {
  // The cosine of a uniform angle; and Archimedes: a coordinate of a point on S^2 is uniform.
  const auto plane = haar_overlap(2, 1), space = haar_overlap(3, 1);
  CHECK(plane.mean == Approx(2 / std::numbers::pi).margin(5 * plane.standard_error));
  CHECK(plane.sd ==
        Approx(std::sqrt(0.5 - 4 / (std::numbers::pi * std::numbers::pi))).epsilon(0.02));
  CHECK(space.mean == Approx(0.5).margin(5 * space.standard_error));
  CHECK(space.sd == Approx(std::sqrt(1.0 / 12)).epsilon(0.02));
}

TEST_CASE("the sampler agrees with frames that are drawn and multiplied out") {
  for (const auto& [d, k] : {std::pair{9, 3}, {8, 6}, {12, 1}}) {  // 2k < d, 2k > d, k = 1
    CAPTURE(d, k);
    double sum = 0, squares = 0;
    constexpr int draws = 4000;
    for (std::uint64_t i = 0; i < draws; ++i) {
      atlas::random_stream random(31, i);
      const Eigen::MatrixXd a = atlas::random_frame(d, k, random);
      const double mean = atlas::subspace_overlap(a, atlas::random_frame(d, k, random)).mean_cosine;
      sum += mean;
      squares += mean * mean;
    }
    const double mean = sum / draws, sd = std::sqrt(squares / draws - mean * mean);
    const auto null = haar_overlap(d, k);
    CHECK(null.mean == Approx(mean).margin(4 * sd / std::sqrt(draws)));
    CHECK(null.sd == Approx(sd).epsilon(0.06));
  }
}

TEST_CASE("the whole space overlaps with itself, and results do not depend on threads") {
  CHECK(haar_overlap(6, 6).mean == 1);
  CHECK(haar_overlap(6, 6).sd == 0);
  const auto one = haar_overlap(64, 7, {.threads = 1}), two = haar_overlap(64, 7, {.threads = 2});
  CHECK(one.mean == two.mean);
  CHECK(one.sd == two.sd);
  CHECK(haar_overlap(64, 7, {.seed = 1}).mean != one.mean);
}

TEST_CASE("the Haar null of a statistic of frames is that of as many random frames") {
  std::vector<Eigen::MatrixXd> frames;
  atlas::random_stream random(8);
  for (int h = 0; h < 3; ++h) frames.push_back(atlas::random_frame(12, 2, random));
  frames.push_back(Eigen::MatrixXd::Constant(12, 2, std::nan("")));  // left out, in draws too
  // The mean squared cosine of two frames is k / d on average; Parseval, of one pair.
  std::atomic<bool> left_out = true;  // Catch's assertions are for one thread
  const auto squared = [&](const std::vector<Eigen::MatrixXd>& f) {
    if (!std::isnan(f[3](0, 0))) left_out = false;
    return (f[0].transpose() * f[1]).squaredNorm() / 2;
  };
  const auto null = atlas::haar_null_of(frames, squared, {.draws = 3000});
  CHECK(null.observed == squared(frames));
  CHECK(left_out);
  CHECK(null.mean == Approx(2.0 / 12).margin(5 * null.sd / std::sqrt(3000.0)));
  CHECK(null.draws.size() == 3000);
  CHECK(std::abs(null.z) < 6);
  CHECK(null.rank_p >= 2.0 / 3001);
  CHECK_REFUSED(atlas::shape_error, atlas::haar_null_of(std::vector<Eigen::MatrixXd>(), squared),
                "frames", "none");
  frames[1] = Eigen::MatrixXd::Identity(12, 3);
  CHECK_REFUSED(atlas::shape_error, atlas::haar_null_of(frames, squared), "nested", "ragged");
}

TEST_CASE("subspaces that do not fit are refused") {
  CHECK_REFUSED(atlas::value_error, haar_overlap(4, 5), "k", "from 1 to 4, got 5");
  CHECK_REFUSED(atlas::value_error, haar_overlap(4, 0), "k", "0");
  CHECK_REFUSED(atlas::value_error, haar_overlap(0, 1), "d", "0");
  CHECK_REFUSED(atlas::value_error, (haar_overlap(4, 2, {.draws = 1})), "draws", "1");
}
