// SPDX-License-Identifier: MIT
#include <ATen/ATen.h>

#include "atlas/adapters/torch.hpp"
#include "one_cloud.hpp"

using namespace one_cloud;

TEST_CASE("the same cloud in a transposed at::Tensor") {
  const Eigen::MatrixXf columns = the_cloud();
  const at::Tensor tensor =
      at::from_blob(const_cast<float*>(columns.data()), {cols, rows}, at::kFloat);
  constexpr std::size_t handle = 256;  // the tensor's reference is kept, a few bytes
  check_borrowed(tensor.t(), handle);
}
