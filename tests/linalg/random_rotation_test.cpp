// SPDX-License-Identifier: MIT
#include "atlas/linalg/random_rotation.hpp"

#include <Eigen/Dense>
#include <cmath>

#include "../catch.hpp"
#include "atlas/linalg/row_matrix.hpp"

TEST_CASE("random rotations are orthogonal and uniform") {
  atlas::random_stream random(12);
  for (const int d : {1, 2, 5, 8}) {
    Eigen::MatrixXd corner = Eigen::MatrixXd::Zero(d, d), squares = corner;
    constexpr int draws = 3000;
    for (int i = 0; i < draws; ++i) {
      const atlas::detail::random_rotation<double> rotation(d, random);
      atlas::row_matrix<double> q = atlas::row_matrix<double>::Identity(d, 8);
      rotation.turn(q.data());
      const Eigen::MatrixXd square = q.leftCols(d);
      if (i == 0)
        CHECK((square.transpose() * square - Eigen::MatrixXd::Identity(d, d)).norm() < 1e-13);
      corner += square;
      squares += square.cwiseAbs2();
    }
    // Haar: mean 0, mean square 1/d; the square of an entry has a variance below 2/d^2.
    CHECK((corner / draws).cwiseAbs().maxCoeff() < 5.5 / std::sqrt(draws * d));
    CHECK((squares / draws - Eigen::MatrixXd::Constant(d, d, 1.0 / d)).cwiseAbs().maxCoeff() <
          5.5 * std::sqrt(2.0 / draws) / d);
  }
}
