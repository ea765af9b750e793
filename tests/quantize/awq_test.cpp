// SPDX-License-Identifier: MIT
#include "atlas/quantize/awq.hpp"

#include <Eigen/Dense>
#include <cmath>
#include <limits>
#include <vector>

#include "../catch.hpp"
#include "../messages.hpp"
#include "atlas/quantize/block_fisher.hpp"
#include "layers_for_tests.hpp"

using namespace atlas_test;
using atlas::awq_quantize;
using atlas::granularity;

namespace {

/// The output error of scaling, rounding and scaling back, written out.
double error_at(const Eigen::MatrixXd& w, const Eigen::MatrixXd& f, double exponent, int bits) {
  Eigen::ArrayXd s = f.diagonal().array().sqrt().pow(exponent);
  s /= std::sqrt(s.maxCoeff() * s.minCoeff());
  Eigen::MatrixXd q = w * s.matrix().asDiagonal();
  const int levels = (1 << (bits - 1)) - 1;
  for (int r = 0; r < w.rows(); ++r) {
    const double step = q.row(r).cwiseAbs().maxCoeff() / levels;
    for (int c = 0; c < w.cols(); ++c) q(r, c) = step * std::nearbyint(q(r, c) / step) / s(c);
  }
  return weighted_norm(w - q, f) / weighted_norm(w, f);
}

}  // namespace

TEST_CASE("AWQ takes the best of its exponents") {
  const Eigen::MatrixXd w = normal_cloud(40, 64), f = layer_moments(64);
  const auto q = awq_quantize(w, f, {.grid = {.bits = 3, .granularity = granularity::row}});
  double least = std::numeric_limits<double>::infinity(), at = 0;
  for (int i = 0; i <= 20; ++i) {
    const double error = error_at(w, f, i / 20.0, 3);
    if (error < least) at = i / 20.0;
    least = std::min(least, error);
  }
  CHECK(q.awq_exponent == at);
  CHECK(at > 0);
  CHECK(q.errors.output == Approx(least).epsilon(1e-9));
  CHECK(q.errors.output < error_at(w, f, 0, 3));
}

TEMPLATE_TEST_CASE("AWQ dequantizes exactly and does not depend on threads", "", float, double) {
  const Eigen::Matrix<TestType, -1, -1> w = normal_cloud(40, 64).cast<TestType>();
  const Eigen::MatrixXd f = layer_moments(64);
  for (const auto shared : {granularity::tensor, granularity::row, granularity::group}) {
    const atlas::grid_options grid{.bits = 3, .granularity = shared, .inputs_per_scale = 16};
    const auto one = awq_quantize(w, f, {.grid = grid, .threads = 1});
    const auto three = awq_quantize(w, f, {.grid = grid, .threads = 3});
    CHECK(one.weights == three.weights);
    CHECK(one.awq_exponent == three.awq_exponent);
    CHECK(atlas::dequantize(one, {.threads = 3}) == one.weights);
    const auto plain =
        atlas::block_fisher_quantize(w, f, {.basis = atlas::basis_kind::identity, .grid = grid});
    CHECK(one.errors.output <= plain.errors.output * (1 + 1e-6));
  }
}

TEST_CASE("magnitudes may be given, and those of the second moments are the default") {
  const Eigen::MatrixXd w = normal_cloud(20, 30), f = layer_moments(30);
  const Eigen::VectorXd root = f.diagonal().cwiseSqrt();
  CHECK(awq_quantize(w, f, root).weights == awq_quantize(w, f).weights);
  CHECK(awq_quantize(w, f, (1000 * root).eval()).codes == awq_quantize(w, f).codes);
  const std::vector<double> flat(30, 2.5);
  const auto q = awq_quantize(w, f, flat);
  CHECK(q.awq_exponent == 0);
  CHECK(q.coordinates.column_scales.isOnes());
}

TEST_CASE("inputs that are always zero and columns of zeros pass through") {
  Eigen::MatrixXd w = normal_cloud(20, 30), f = layer_moments(30);
  w.col(3).setZero();
  f.row(5).setZero();
  f.col(5).setZero();
  const auto q = awq_quantize(w, f);
  CHECK(q.weights.allFinite());
  CHECK(q.weights.col(3).isZero(0));
}

TEST_CASE("what AWQ cannot use is refused") {
  const Eigen::MatrixXd w = normal_cloud(3, 4), f = layer_moments(4);
  CHECK_REFUSED(atlas::value_error, (awq_quantize(w, f, {.steps = 0})), "steps", "0");
  CHECK_REFUSED(atlas::value_error, (awq_quantize(w, f, {.grid = {.bits = 9}})), "bits", "9");
  CHECK_REFUSED(atlas::shape_error, awq_quantize(w, f, std::vector<double>(3, 1.0)),
                "activation_magnitudes", "4, got 3");
  CHECK_REFUSED(atlas::value_error, awq_quantize(w, f, std::vector<double>(4, 0.0)),
                "activation_magnitudes", "zeros");
  CHECK_REFUSED(atlas::value_error, awq_quantize(w, f, std::vector<double>{1, 1, -1, 1}),
                "activation_magnitudes", "-1");
  CHECK_REFUSED(atlas::value_error, awq_quantize(w, f, std::vector<double>{1, 1, NAN, 1}),
                "activation_magnitudes", "NaN at [2]");
}
