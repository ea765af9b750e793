// SPDX-License-Identifier: MIT
#include "atlas/linalg/batched/nuclear_norms.hpp"

#include <Eigen/Dense>
#include <cmath>
#include <limits>
#include <vector>

#include "../catch.hpp"
#include "../clouds_for_tests.hpp"
#include "../tolerances.hpp"

using namespace atlas_test;

TEST_CASE("nuclear norms of eight matrices are the sums of their singular values") {
  for (const int k : {1, 2, 3, 7, 10}) {
    CAPTURE(k);
    atlas::detail::nuclear_norms<> norms(k);
    Eigen::MatrixXd all = normal_cloud(8 * k, k);
    all.topRows(k).setZero();                                  // nothing
    all.middleRows(k, k) = rotation(k);                        // ones
    all.middleRows(2 * k, k).setOnes();                        // of rank 1
    all.middleRows(3 * k, k).setIdentity();                    // nothing to turn
    all.middleRows(4 * k, k).rightCols(1) *= 1e-9;             // one of them small
    all.middleRows(5 * k, k) = 1e-17 * normal_cloud(k, k, 3);  // orthogonal frames
    for (int lane = 0; lane < 8; ++lane)
      for (int r = 0; r < k; ++r)
        for (int c = 0; c < k; ++c) norms.at(lane, r, c) = all(lane * k + r, c);
    const auto sums = norms.compute();
    for (int lane = 0; lane < 8; ++lane) {
      const Eigen::MatrixXd one = all.middleRows(lane * k, k);
      CHECK(sums[lane] == Approx(Eigen::JacobiSVD<Eigen::MatrixXd>(one).singularValues().sum())
                              .epsilon(tolerance::double_rounding)
                              .margin(1e-300));
    }
  }
}

TEST_CASE("nuclear norms of products of frames are sums of cosines, near each other or far") {
  const double none = std::numeric_limits<double>::quiet_NaN();
  for (const int k : {1, 2, 7, 12, 40}) {
    CAPTURE(k);
    atlas::detail::nuclear_norms<> norms(k);
    constexpr int lanes = atlas::detail::nuclear_norms<>::lanes;
    std::vector<Eigen::MatrixXd> all;
    for (int lane = 0; lane < lanes; ++lane) {
      const auto seed = static_cast<std::uint64_t>(2 * lane);
      // Cosines from 1 down, of which the last ones become small: 1e-3, 1e-6, ...
      Eigen::VectorXd cosines = Eigen::VectorXd::LinSpaced(k, 1, 0.3);
      cosines(k - 1) = std::pow(10.0, -3.0 * (lane % 5));
      if (lane % 7 == 3 && k > 1) cosines(k - 2) = std::pow(10.0, -(lane % 11));
      if (lane % 8 == 5) cosines *= 1 + lane;  // larger than cosines are
      all.push_back(rotation(k, seed + 1) * cosines.asDiagonal() * rotation(k, seed + 2));
    }
    for (const int count : {lanes, 5}) {
      for (int lane = 0; lane < lanes; ++lane)
        for (int r = 0; r < k; ++r)
          for (int c = 0; c < k; ++c)
            norms.at(lane, r, c) = lane < count ? all[static_cast<std::size_t>(lane)](r, c) : none;
      const auto* const sums = norms.compute(count);
      for (int lane = 0; lane < count; ++lane) {
        const Eigen::MatrixXd& one = all[static_cast<std::size_t>(lane)];
        CHECK(sums[lane] ==
              Approx(Eigen::JacobiSVD<Eigen::MatrixXd>(one).singularValues().sum()).epsilon(1e-14));
      }
    }
  }
}
