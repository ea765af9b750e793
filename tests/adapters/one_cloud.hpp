// SPDX-License-Identifier: MIT
#pragma once
// One cloud in many containers: the same bits from each, and nothing copied where memory is
// strided. LibTorch's tests are a program of their own, so the cloud is here.

#include <Eigen/Dense>
#include <cstddef>

#include "../clouds_for_tests.hpp"
#include "allocations.hpp"
#include "atlas/dimension/pca_rank.hpp"
#include "atlas/dimension/two_nn.hpp"
// Catch2 last: some builds of LibTorch bring a macro CHECK of their own.
#include "../catch.hpp"

namespace one_cloud {

constexpr int rows = 500, cols = 12;
constexpr std::size_t cloud_bytes = sizeof(float) * rows * cols;
using row_major = Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

/// Results and what was allocated for them, by a call after the first, which sets up the thread's
/// workspace of a block of rows.
struct outcome {
  atlas::two_nn_result dimension;
  atlas::pca_rank_result rank;
  std::size_t bytes;
};

template <class Cloud>
outcome measured(const Cloud& cloud) {
  outcome out{};
  (void)atlas::two_nn(cloud, {.threads = 1});
  out.bytes = allocated_by([&] { out.dimension = atlas::two_nn(cloud, {.threads = 1}); });
  out.rank = atlas::pca_rank(cloud);
  return out;
}

inline const row_major& the_cloud() {
  static const row_major cloud = atlas_test::normal_cloud(rows, cols, 5).cast<float>();
  return cloud;
}

/// What the plain pointer gives.
inline const outcome& expected() {
  static const outcome of_pointer = measured(atlas::as_view<2>(the_cloud().data(), {rows, cols}));
  return of_pointer;
}

/// What the plain pointer gives to columns: the search gathers rows that do not lie together in the
/// workspace of each call.
inline const outcome& expected_of_columns() {
  static const Eigen::MatrixXf columns = the_cloud();
  static const outcome of_pointer =
      measured(atlas::as_view<2>(columns.data(), {rows, cols}, {1, rows}));
  return of_pointer;
}

inline void check_same_bits(const outcome& got, const outcome& want) {
  CHECK(got.dimension.dimension == want.dimension.dimension);
  CHECK(got.dimension.interval.lower == want.dimension.interval.lower);
  CHECK(got.dimension.interval.upper == want.dimension.interval.upper);
  CHECK(got.rank.participation_ratio == want.rank.participation_ratio);
}

/// \param most bytes beyond those that the plain pointer costs; less than a copy of the cloud
template <class Cloud>
void check_borrowed(const Cloud& cloud, std::size_t most = 0) {
  const auto view = atlas::as_view<2>(cloud);
  const atlas::tensor_view<const float, 2>& memory = view;
  const outcome& want = memory.stride(1) == 1 ? expected() : expected_of_columns();
  const outcome got = measured(cloud);
  check_same_bits(got, want);
  CHECK(got.bytes >= want.bytes);
  CHECK(got.bytes - want.bytes <= most);
}

template <class Cloud>
void check_evaluated_once(const Cloud& cloud) {
  const outcome& want = expected();
  const outcome got = measured(cloud);
  check_same_bits(got, want);
  CHECK(got.bytes >= want.bytes + cloud_bytes);
  CHECK(got.bytes < want.bytes + 2 * cloud_bytes);
}

}  // namespace one_cloud
