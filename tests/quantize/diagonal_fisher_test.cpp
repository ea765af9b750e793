// SPDX-License-Identifier: MIT
#include "atlas/quantize/diagonal_fisher.hpp"

#include <Eigen/Dense>
#include <cmath>

#include "../catch.hpp"
#include "../messages.hpp"
#include "layers_for_tests.hpp"

using namespace atlas_test;
using atlas::diagonal_fisher_quantize;

TEST_CASE("scales are lambda^-1/2 with mean 1, clamped") {
  const Eigen::RowVectorXd lambda = (Eigen::RowVectorXd(4) << 1, 4, 4, 1e-4).finished();
  // 1, 1/2, 1/2, 100: of mean 25.5, so that all but the last fall below 1/4 and it reaches 3.92.
  const auto s = atlas::detail::fisher_scales(lambda);
  for (int i = 0; i < 3; ++i) CHECK(s(0, i) == 0.25);
  CHECK(s(0, 3) == Approx(100 / 25.5));
  const auto equal = atlas::detail::fisher_scales(Eigen::RowVectorXd::Constant(5, 7).eval());
  for (int i = 0; i < 5; ++i) CHECK(equal(0, i) == Approx(1));
}

TEST_CASE("what does not matter gets the coarsest step and does not move the others") {
  const Eigen::RowVectorXd lambda = (Eigen::RowVectorXd(3) << 1, 0, 1).finished();
  const auto s = atlas::detail::fisher_scales(lambda);
  CHECK(s(0, 0) == 1);
  CHECK(s(0, 1) == 4);
}

TEMPLATE_TEST_CASE("weights are multiples of their own step, and those beyond are clipped", "",
                   float, double) {
  const Eigen::Matrix<TestType, -1, -1> w = normal_cloud(12, 20).cast<TestType>();
  const Eigen::MatrixXd lambda = normal_cloud(12, 20, 5).cwiseAbs2();
  const auto q = diagonal_fisher_quantize(w, lambda, layer_moments(20), {.bits = 3});
  REQUIRE(q.grid.scales.rows() == 12);
  REQUIRE(q.grid.scales.cols() == 20);
  const auto s = atlas::detail::fisher_scales(lambda);
  const double anchor = static_cast<double>(w.cwiseAbs().maxCoeff()) / 3;
  for (int r = 0; r < 12; ++r)
    for (int c = 0; c < 20; ++c) {
      CHECK(static_cast<double>(q.grid.scales(r, c)) == Approx(s(r, c) * anchor));
      const double place = static_cast<double>(w(r, c) / q.grid.scales(r, c));
      CHECK(std::abs(q.codes(r, c) - std::clamp(place, -3.0, 3.0)) <= 0.5000001);
    }
  CHECK(atlas::dequantize(q) == q.weights);
}

TEST_CASE("one row of a diagonal is one scale per column, and a flat one is round to nearest") {
  const Eigen::MatrixXd w = normal_cloud(12, 20), f = layer_moments(20);
  const Eigen::RowVectorXd row = f.diagonal().transpose();
  const auto q = diagonal_fisher_quantize(w, row, f);
  CHECK(q.grid.scales.rows() == 1);
  CHECK(diagonal_fisher_quantize(w, row.replicate(12, 1).eval(), f).codes == q.codes);
  const auto flat = diagonal_fisher_quantize(w, Eigen::MatrixXd::Ones(12, 20).eval(), f);
  const auto grid =
      atlas::detail::fitted_grid<double>(w, {.granularity = atlas::granularity::tensor});
  CHECK(flat.codes == atlas::detail::nearest_codes<double>(w, grid, 1));
}

TEST_CASE("diagonals that are none are refused") {
  const Eigen::MatrixXd w = normal_cloud(3, 4), f = layer_moments(4);
  const Eigen::MatrixXd ones = Eigen::MatrixXd::Ones(3, 4);
  CHECK_REFUSED(atlas::value_error, (diagonal_fisher_quantize(w, ones, f, {.bits = 9})), "bits",
                "9");
  CHECK_REFUSED(atlas::value_error, (diagonal_fisher_quantize(w, ones, f, {.bits = 0})), "bits",
                "0");
  CHECK_REFUSED(atlas::value_error, diagonal_fisher_quantize(w, (-ones).eval(), f),
                "fisher_diagonal", "-1");
  CHECK_REFUSED(atlas::value_error, diagonal_fisher_quantize(w, (0 * ones).eval(), f),
                "fisher_diagonal", "zeros");
  CHECK_REFUSED(atlas::shape_error,
                diagonal_fisher_quantize(w, Eigen::MatrixXd::Ones(2, 4).eval(), f),
                "fisher_diagonal", "[3, 4] or [1, 4], got [2, 4]");
  CHECK_REFUSED(atlas::value_error, diagonal_fisher_quantize(w, (ones * NAN).eval(), f),
                "fisher_diagonal", "NaN at [0, 0]");
}
