// SPDX-License-Identifier: MIT
#include <Eigen/Core>
#include <cstdio>

#include "atlas/core/random.hpp"

double measured_dimension(const Eigen::MatrixXf& points);

int main() {
  atlas::random_stream random(1);
  Eigen::MatrixXf points(1000, 3);
  for (int i = 0; i < 1000; ++i)
    for (int k = 0; k < 3; ++k) points(i, k) = static_cast<float>(random.uniform());
  const double dimension = measured_dimension(points);
  std::printf("dimension %.3f\n", dimension);
  return dimension > 2.7 && dimension < 3.3 ? 0 : 1;
}
