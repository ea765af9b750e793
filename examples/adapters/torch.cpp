// SPDX-License-Identifier: MIT
// LibTorch tensors, handed to the library as they are.
#include "atlas/adapters/torch.hpp"

#include <ATen/ATen.h>

#include <cstdint>
#include <cstdio>

#include "atlas/dimension/surrogate.hpp"
#include "atlas/dimension/two_nn.hpp"

namespace {

/// A rolled-up rectangle in 16 dimensions, one column a point: `[16, N]`.
at::Tensor swiss_roll(std::int64_t n) {
  at::manual_seed(1);
  const at::Tensor angle = 4.7 + 9.4 * at::rand({n}), height = 21 * at::rand({n});
  const at::Tensor roll =
      at::stack({angle * at::cos(angle), height, angle * at::sin(angle)});  // [3, N]
  return at::matmul(at::randn({16, 3}), roll) + 0.001 * at::randn({16, n});
}

void print(const char* name, const atlas::two_nn_result& r) {
  std::printf("%-34s %.2f [%.2f, %.2f]\n", name, r.dimension, r.interval.lower, r.interval.upper);
}

}  // namespace

int main() {
  const at::Tensor columns = swiss_roll(1500);
  const at::Tensor points = columns.t();  // [N, 16], of the same memory
  const atlas::two_nn_result found = atlas::two_nn(points);
  print("transposed, nothing copied", found);
  const atlas::surrogate_null null = atlas::two_nn_null(points, found);
  std::printf("%-34s %.2f, z %.0f\n", "its Gaussian surrogates", null.mean, null.z);

  print("every second point", atlas::two_nn(points.slice(0, 0, at::nullopt, 2)));
  print("half precision, widened once", atlas::two_nn(points.to(at::kHalf)));
  const at::Tensor wide = points.to(at::kDouble);
  print("float64, by its name", atlas::two_nn(atlas::torch_as<double>(wide)));
  print("float64, by its dtype",
        atlas::with_scalar(wide, [](const auto& any) { return atlas::two_nn(any); }));

  // Points of one text may not be neighbours: labels are int64, as PyTorch makes them.
  const at::Tensor text = at::arange(points.size(0), at::kLong).div(50, "floor");
  print(
      "without neighbours of the text",
      atlas::two_nn(points, {.exclude = atlas::same_context(atlas::torch_as<std::int64_t>(text))}));

  try {
    (void)atlas::two_nn(wide);
  } catch (const atlas::value_error& e) {
    std::printf("refused: %s\n", e.what());
  }
}
