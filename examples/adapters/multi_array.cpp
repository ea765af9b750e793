// SPDX-License-Identifier: MIT
// Points in Boost.MultiArray, and a view of every other column of them.
#include <boost/multi_array.hpp>
#include <cstdio>

#include "atlas/adapters/multi_array.hpp"
#include "atlas/core/random.hpp"
#include "atlas/dimension/pca_rank.hpp"

int main() {
  atlas::random_stream random(1);
  boost::multi_array<double, 2> points(boost::extents[2000][6]);
  for (auto row : points)
    for (double& x : row) x = random.normal();

  using range = boost::multi_array_types::index_range;
  const auto half = points[boost::indices[range()][range(0, 6, 2)]];
  std::printf("participation ratio of six columns %.2f, of every other one %.2f\n",
              atlas::pca_rank(points).participation_ratio,
              atlas::pca_rank(half).participation_ratio);
}
