// SPDX-License-Identifier: MIT
// Two translation units of a user's own: this one measures, the other one has main.
#include <Eigen/Core>

#include "atlas/atlas.hpp"

double measured_dimension(const Eigen::MatrixXf& points) {
  return atlas::two_nn(points, {.threads = 2}).dimension;
}
