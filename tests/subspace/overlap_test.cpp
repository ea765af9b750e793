// SPDX-License-Identifier: MIT
#include "atlas/subspace/overlap.hpp"

#include <Eigen/Dense>
#include <cmath>

#include "../catch.hpp"
#include "../clouds_for_tests.hpp"
#include "../messages.hpp"
#include "../tolerances.hpp"
#include "frames_for_tests.hpp"

using namespace atlas_test;

namespace {

template <class Scalar>
void check_extremes() {
  using matrix = Eigen::Matrix<Scalar, Eigen::Dynamic, Eigen::Dynamic>;
  const Eigen::MatrixXd axes = rotation(12);
  const matrix a = axes.leftCols(4).cast<Scalar>(), b = axes.rightCols(4).cast<Scalar>();
  const matrix turned = (axes.leftCols(4) * rotation(4, 3)).cast<Scalar>();
  const double tolerance =
      sizeof(Scalar) == 4 ? tolerance::float_rounding : tolerance::double_rounding;
  CHECK(std::abs(atlas::subspace_overlap(a, b).mean_cosine) < tolerance);
  CHECK(atlas::subspace_overlap(a, turned).mean_cosine == Approx(1).margin(tolerance));
  CHECK(atlas::subspace_overlap(a, turned).mean_cosine <= 1);
  CHECK(atlas::subspace_overlap(a, a).mean_squared_cosine == Approx(1).margin(tolerance));
}

}  // namespace

TEST_CASE("orthogonal frames overlap by 0, equal ones by 1, in float and double") {
  check_extremes<float>();
  check_extremes<double>();
}

TEST_CASE("overlaps of many heads are those of each pair, for any number of heads and threads") {
  for (const int heads : {1, 2, 5, 13}) {
    const auto frames = random_frames(heads, 18, 7, 11);
    const Eigen::MatrixXd matrix = atlas::overlap_matrix(frames, {.threads = 1});
    CHECK(matrix == atlas::overlap_matrix(frames, {.threads = 3}));
    for (int a = 0; a < heads; ++a)
      for (int b = 0; b < heads; ++b)
        CHECK(matrix(a, b) == Approx(atlas::subspace_overlap(frames[static_cast<std::size_t>(a)],
                                                             frames[static_cast<std::size_t>(b)])
                                         .mean_cosine)
                                  .epsilon(tolerance::double_rounding));
  }
}

TEST_CASE("frames that have no overlap are refused") {
  const auto frames = random_frames(4, 10, 2, 1);
  CHECK_REFUSED(atlas::value_error, atlas::subspace_overlap(frames[0], (2 * frames[0]).eval()), "b",
                "orthonormal");
  CHECK_REFUSED(atlas::shape_error,
                atlas::subspace_overlap(frames[0], random_frames(1, 9, 2, 1).front()), "b", "10");
  CHECK_REFUSED(atlas::shape_error,
                atlas::subspace_overlap(frames[0], Eigen::MatrixXd::Identity(2, 3).eval()), "b",
                "k <= d");
}
