// One cloud in nine containers: the same bits from each, and nothing copied where memory is
// strided.

#include <Eigen/Dense>
#include <string>
#include <vector>

#include "../catch.hpp"
#include "../clouds_for_tests.hpp"
#include "allocations.hpp"
#include "atlas/adapters/mdspan.hpp"
#include "atlas/dimension/pca_rank.hpp"
#include "atlas/dimension/two_nn.hpp"
#include "mdspan_for_tests.hpp"
#ifdef ATLAS_TEST_XTENSOR
#include "atlas/adapters/xtensor.hpp"
#include "xtensor_for_tests.hpp"
#endif
#ifdef ATLAS_TEST_TORCH
#include <ATen/ATen.h>

#include "atlas/adapters/torch.hpp"
#endif

namespace {

constexpr int rows = 500, cols = 12;
constexpr std::size_t cloud_bytes = sizeof(float) * rows * cols;
using row_major = Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

/// Results and what was allocated for them.
struct outcome {
  atlas::two_nn_result dimension;
  atlas::pca_rank_result rank;
  std::size_t bytes;
};

template <class Cloud>
outcome measured(const Cloud& cloud) {
  outcome out{};
  out.bytes = allocated_by([&] { out.dimension = atlas::two_nn(cloud, {.threads = 1}); });
  out.rank = atlas::pca_rank(cloud);
  return out;
}

const row_major& the_cloud() {
  static const row_major cloud = atlas_test::normal_cloud(rows, cols, 5).cast<float>();
  return cloud;
}

/// What the plain pointer gives; the first run, which sets up the thread's workspace, is not
/// counted.
const outcome& expected() {
  static const outcome of_pointer = [] {
    const auto points = atlas::as_view<2>(the_cloud().data(), {rows, cols});
    measured(points);
    return measured(points);
  }();
  return of_pointer;
}

void check_same_bits(const outcome& got, const outcome& want) {
  CHECK(got.dimension.dimension == want.dimension.dimension);
  CHECK(got.dimension.interval.lower == want.dimension.interval.lower);
  CHECK(got.dimension.interval.upper == want.dimension.interval.upper);
  CHECK(got.rank.participation_ratio == want.rank.participation_ratio);
}

/// \param most bytes beyond those that the plain pointer costs; less than a copy of the cloud
template <class Cloud>
void check_borrowed(const Cloud& cloud, std::size_t most = 0) {
  const outcome& want = expected();
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

}  // namespace

TEST_CASE("one cloud in Eigen's containers, mdspan and plain memory gives the same bits uncopied") {
  check_borrowed(the_cloud());
  const Eigen::MatrixXf columns = the_cloud();
  check_borrowed(columns);

  Eigen::MatrixXf large = Eigen::MatrixXf::Constant(rows + 7, 2 * cols, -1);
  large.block(3, 2, rows, cols) = the_cloud();
  check_borrowed(large.block(3, 2, rows, cols));
  using strides = Eigen::Stride<Eigen::Dynamic, Eigen::Dynamic>;
  Eigen::Map<Eigen::MatrixXf, 0, strides> every_other(large.data() + 3, rows, cols,
                                                      strides(2 * large.outerStride(), 1));
  every_other = the_cloud();
  check_borrowed(every_other);

  check_borrowed(strided_span{the_cloud().data(), {rows, cols}, {cols, 1}});
  check_borrowed(strided_span{columns.data(), {rows, cols}, {1, rows}});
  check_borrowed(atlas::as_view<2>(columns.data(), {rows, cols}, {1, rows}));
  check_evaluated_once(the_cloud() + row_major::Zero(rows, cols));
}

#ifdef ATLAS_TEST_XTENSOR
TEST_CASE("the same cloud in xtensor's containers, views and lazy expressions") {
  const xt::xarray<float> array =
      xt::adapt(the_cloud().data(), static_cast<std::size_t>(rows * cols), xt::no_ownership(),
                std::vector<std::size_t>{rows, cols});
  check_borrowed(array);
  xt::xarray<float> wide = xt::ones<float>({rows, 3 * cols});
  auto step = xt::view(wide, xt::all(), xt::range(1, 3 * cols, 3));
  step = array;
  check_borrowed(step);
  check_evaluated_once(array * 1.0f + 0.0f);
}
#endif

#ifdef ATLAS_TEST_TORCH
TEST_CASE("the same cloud in a transposed at::Tensor") {
  const Eigen::MatrixXf columns = the_cloud();
  const at::Tensor tensor =
      at::from_blob(const_cast<float*>(columns.data()), {cols, rows}, at::kFloat);
  // The tensor's handle is kept, a few bytes.
  check_borrowed(tensor.t(), 256);
}
#endif
