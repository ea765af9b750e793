// SPDX-License-Identifier: MIT
// Points in Eigen: matrices of either order, blocks, maps and expressions; errors.
#include <Eigen/Dense>
#include <cstdio>

#include "atlas/dimension/two_nn.hpp"

int main() {
  Eigen::MatrixXf points = Eigen::MatrixXf::Random(2000, 6);
  std::printf("six columns %.2f\n", atlas::two_nn(points).dimension);
  std::printf("a block of three %.2f\n", atlas::two_nn(points.leftCols(3)).dimension);
  std::printf("their sums %.2f\n",
              atlas::two_nn(points.leftCols(3) + points.rightCols(3)).dimension);
  points(7, 2) = std::numeric_limits<float>::quiet_NaN();
  try {
    (void)atlas::two_nn(points);
  } catch (const atlas::value_error& e) {
    std::printf("%s\n", e.what());
  }
}
