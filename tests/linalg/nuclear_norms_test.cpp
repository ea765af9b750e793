// SPDX-License-Identifier: MIT
#include "atlas/linalg/batched/nuclear_norms.hpp"

#include <Eigen/Dense>
#include <cmath>

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
