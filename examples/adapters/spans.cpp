// SPDX-License-Identifier: MIT
// Points in the standard library's containers, C arrays, plain pointers and mdspan.
#include <array>
#include <cstdio>
#include <span>
#include <vector>
#include <version>
#ifdef __cpp_lib_mdspan
#include <mdspan>
#endif

#include "atlas/adapters/mdspan.hpp"
#include "atlas/core/random.hpp"
#include "atlas/dimension/two_nn.hpp"

void print(const char* what, const atlas::two_nn_result& r) {
  std::printf("%s: %.3f [%.3f, %.3f]\n", what, r.dimension, r.interval.lower, r.interval.upper);
}

int main() {
  atlas::random_stream random(1);
  std::vector<std::array<float, 3>> points(2000);
  for (auto& point : points)
    for (float& x : point) x = static_cast<float>(random.uniform());
  print("vector of arrays", atlas::two_nn(points));

  const float* memory = points[0].data();
  const std::span<const float> span(memory, 6000);
  print("span with a shape", atlas::two_nn(atlas::as_view<2>(span, {2000, 3})));
  // Every other row: a stride of 6 elements instead of 3.
  print("pointer with strides", atlas::two_nn(atlas::as_view<2>(memory, {1000, 3}, {6, 1})));
#ifdef __cpp_lib_mdspan
  const std::mdspan<const float, std::dextents<int, 2>> grid(memory, 2000, 3);
  print("mdspan", atlas::two_nn(grid));
#endif
}
