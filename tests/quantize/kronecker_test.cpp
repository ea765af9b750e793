// SPDX-License-Identifier: MIT
#include "atlas/quantize/kronecker.hpp"

#include <Eigen/Dense>
#include <algorithm>
#include <cmath>

#include "../catch.hpp"
#include "../messages.hpp"
#include "../tolerances.hpp"
#include "layers_for_tests.hpp"

using namespace atlas_test;
using atlas::kronecker_quantize;

TEST_CASE("the loss error is that of the whole Fisher matrix, written out as A (x) G") {
  const Eigen::MatrixXd w = normal_cloud(6, 9), a = layer_moments(9), g = layer_moments(6, 21);
  const auto r = kronecker_quantize(w, a, g, {.grid = {.bits = 3}});
  Eigen::MatrixXd whole(54, 54);  // of column-major weights
  for (int i = 0; i < 9; ++i)
    for (int j = 0; j < 9; ++j) whole.block(6 * i, 6 * j, 6, 6) = a(i, j) * g;
  const Eigen::MatrixXd lost = w - Eigen::MatrixXd(r.quantization.weights);
  const auto quadratic = [&](const Eigen::MatrixXd& m) {
    const Eigen::VectorXd v = Eigen::Map<const Eigen::VectorXd>(m.data(), 54);
    return v.dot(whole * v);
  };
  CHECK(r.loss_error == Approx(quadratic(lost) / quadratic(w)));
  CHECK(r.quantization.errors.output == Approx(weighted_norm(lost, a) / weighted_norm(w, a)));
}

TEMPLATE_TEST_CASE("both sides are rotated, exactly and on any number of threads", "", float,
                   double) {
  const Eigen::Matrix<TestType, -1, -1> w = normal_cloud(30, 40).cast<TestType>();
  const Eigen::MatrixXd a = layer_moments(40), g = layer_moments(30, 21);
  for (const bool lambda : {false, true}) {
    const auto one = kronecker_quantize(w, a, g, {.lambda_scales = lambda, .threads = 1});
    const auto three = kronecker_quantize(w, a, g, {.lambda_scales = lambda, .threads = 3});
    CHECK(one.quantization.weights == three.quantization.weights);
    CHECK(one.loss_error == three.loss_error);
    CHECK(atlas::dequantize(one.quantization) == one.quantization.weights);
    CHECK(one.quantization.grid.scales.size() == (lambda ? 1200 : 40));
  }
}

TEST_CASE("with outputs that all count alike the loss error is the output error") {
  const Eigen::MatrixXd w = normal_cloud(30, 40), a = layer_moments(40);
  const auto r = kronecker_quantize(w, a, (3 * Eigen::MatrixXd::Identity(30, 30)).eval());
  CHECK(r.loss_error == Approx(r.quantization.errors.output));
  CHECK(r.output_effective_rank.second_moments == Approx(30));
}

TEST_CASE("lambda scales are those of the products of eigenvalues") {
  const Eigen::MatrixXd a = layer_moments(7), g = layer_moments(5, 21), w = normal_cloud(5, 7);
  const auto q = kronecker_quantize(w, a, g, {.lambda_scales = true}).quantization;
  const auto of_a = atlas::symmetric_eigenbasis(a), of_g = atlas::symmetric_eigenbasis(g);
  const Eigen::MatrixXd lambda = of_g.values * of_a.values.transpose();
  const double mean = lambda.cwiseSqrt().cwiseInverse().mean();
  const Eigen::RowVectorXd largest =
      (of_g.vectors.transpose() * w * of_a.vectors).cwiseAbs().colwise().maxCoeff();
  for (int r = 0; r < 5; ++r)
    for (int c = 0; c < 7; ++c)
      CHECK(q.grid.scales(r, c) ==
            Approx(largest(c) / 7 * std::clamp(1 / (std::sqrt(lambda(r, c)) * mean), 0.25, 4.0)));
}

TEST_CASE("moments that do not fit are refused") {
  const Eigen::MatrixXd w = normal_cloud(3, 4), a = layer_moments(4), g = layer_moments(3);
  CHECK_REFUSED(atlas::shape_error, kronecker_quantize(w, a, a), "output_moments",
                "[3, 3], got [4, 4]");
  CHECK_REFUSED(atlas::shape_error, kronecker_quantize(w, g, g), "second_moments",
                "[4, 4], got [3, 3]");
  CHECK_REFUSED(atlas::value_error, (kronecker_quantize(w, a, g, {.grid = {.bits = 1}})), "bits",
                "1");
  CHECK_REFUSED(
      atlas::value_error,
      (kronecker_quantize(w, a, g,
                          {.grid = {.kind = atlas::grid_kind::asymmetric}, .lambda_scales = true})),
      "grid.kind", "symmetric");
}
