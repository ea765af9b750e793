// SPDX-License-Identifier: MIT
// Two translation units of a user's own: this one measures, the other one has main. All headers
// take twice as long to compile as the one that is called, so that not every build asks for them.
#include <Eigen/Core>

#ifdef ALL_OF_ATLAS
#include "atlas/atlas.hpp"
#else
#include "atlas/dimension/two_nn.hpp"
#endif

double measured_dimension(const Eigen::MatrixXf& points) {
  return atlas::two_nn(points, {.threads = 2}).dimension;
}
