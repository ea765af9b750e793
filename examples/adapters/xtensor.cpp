// SPDX-License-Identifier: MIT
// Points in xtensor: containers and views are measured where they lie, lazy expressions once.
#include <cstdio>
#if __has_include(<xtensor/containers/xtensor.hpp>)  // xtensor 0.26 and later
#include <xtensor/containers/xtensor.hpp>
#include <xtensor/views/xview.hpp>
#else
#include <xtensor/xtensor.hpp>
#include <xtensor/xview.hpp>
#endif

#include "atlas/adapters/xtensor.hpp"
#include "atlas/core/random.hpp"
#include "atlas/dimension/two_nn.hpp"

int main() {
  atlas::random_stream random(1);
  xt::xtensor<float, 2> points({2000, 6});
  for (float& x : points) x = static_cast<float>(random.uniform());

  const auto all = atlas::two_nn(points);
  const auto three = atlas::two_nn(xt::view(points, xt::all(), xt::range(0, 6, 2)));
  const auto flat = atlas::two_nn(points * xt::xtensor<float, 1>{1, 1, 0, 0, 0, 0});
  std::printf("six columns %.2f [%.2f, %.2f]\n", all.dimension, all.interval.lower,
              all.interval.upper);
  std::printf("every other column %.2f [%.2f, %.2f]\n", three.dimension, three.interval.lower,
              three.interval.upper);
  std::printf("all but two set to zero %.2f [%.2f, %.2f]\n", flat.dimension, flat.interval.lower,
              flat.interval.upper);
}
