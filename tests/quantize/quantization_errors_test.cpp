// SPDX-License-Identifier: MIT
#include "atlas/quantize/quantization_errors.hpp"

#include <Eigen/Dense>
#include <cstdint>
#include <limits>

#include "../catch.hpp"
#include "../messages.hpp"
#include "../tolerances.hpp"
#include "layers_for_tests.hpp"

using namespace atlas_test;
using atlas::quantization_error;

TEST_CASE("both errors are those of their definitions, whatever the sizes of the blocks") {
  for (const auto& [out, in] : {std::pair{1, 1}, {3, 130}, {200, 127}, {129, 300}}) {
    CAPTURE(out, in);
    const Eigen::MatrixXd w = normal_cloud(out, in, 1), q = w + 0.1 * normal_cloud(out, in, 2);
    const Eigen::MatrixXd f = layer_moments(in);
    const auto errors = quantization_error(w, q, f);
    CHECK(errors.weights == Approx((w - q).squaredNorm() / w.squaredNorm()));
    CHECK(errors.output == Approx(weighted_norm(w - q, f) / weighted_norm(w, f)));
    const auto one = quantization_error(w, q, f, {.threads = 1}),
               three = quantization_error(w, q, f, {.threads = 3});
    CHECK(one.output == three.output);
    CHECK(one.weights == three.weights);
  }
}

TEST_CASE("the output error is the mean squared error of the outputs") {
  const Eigen::MatrixXd inputs = layer_inputs(500, 20);
  const Eigen::MatrixXd w = normal_cloud(8, 20, 1), q = w + 0.1 * normal_cloud(8, 20, 2);
  const Eigen::MatrixXd f = inputs.transpose() * inputs / 500;
  const Eigen::MatrixXd y = inputs * w.transpose();
  CHECK(quantization_error(w, q, f).output ==
        Approx((y - inputs * q.transpose()).squaredNorm() / y.squaredNorm()));
}

TEST_CASE("an output error that rounding would make negative is 0") {
  int negative = 0;
  for (std::uint64_t seed = 1; seed <= 60; ++seed) {
    const Eigen::MatrixXd a = normal_cloud(1, 9, seed), w = normal_cloud(1, 9, seed + 100);
    // Off by what the one input that there is does not see, but for rounding.
    const Eigen::MatrixXd b = normal_cloud(1, 9, seed + 200);
    const Eigen::MatrixXd unseen = b - (b.row(0).dot(a.row(0)) / a.squaredNorm()) * a;
    negative += quantization_error(w, (w + unseen).eval(), (a.transpose() * a).eval()).output < 0;
  }
  CHECK(negative == 0);
  // An indefinite matrix is no second moment, and what it makes of an error stays.
  const Eigen::MatrixXd f = Eigen::Vector2d(1, -0.5).asDiagonal();
  const Eigen::MatrixXd w = Eigen::RowVector2d(1, 0), q = Eigen::RowVector2d(1, 1);
  CHECK(quantization_error(w, q, f).output == Approx(-0.5));
}

TEST_CASE("errors of float weights are summed in double, for every storage order") {
  const Eigen::MatrixXf w = normal_cloud(50, 60, 1).cast<float>();
  const Eigen::MatrixXf q = w + 1e-3F * normal_cloud(50, 60, 2).cast<float>();
  const Eigen::MatrixXd f = layer_moments(60);
  const auto errors = quantization_error(w, q, f);
  const Eigen::MatrixXd e = w.cast<double>() - q.cast<double>();
  CHECK(errors.output ==
        Approx(weighted_norm(e, f) / weighted_norm(w.cast<double>(), f)).epsilon(1e-10));
  const atlas::row_matrix<float> rows = w;
  CHECK(quantization_error(rows, q, f).output == errors.output);
  const Eigen::MatrixXf single = f.cast<float>();
  CHECK(quantization_error(rows, q, single).output == Approx(errors.output).epsilon(1e-5));
}

TEST_CASE("nothing lost is an error of 0, even of nothing") {
  const Eigen::MatrixXd w = normal_cloud(3, 4), zero = Eigen::MatrixXd::Zero(3, 4);
  const Eigen::MatrixXd f = layer_moments(4);
  CHECK(quantization_error(w, w, f).output == 0);
  CHECK(quantization_error(zero, zero, f).weights == 0);
  CHECK(quantization_error(zero, zero, f).output == 0);
  CHECK(quantization_error(w, zero, f).weights == 1);
  CHECK(quantization_error(w, zero, f).output == 1);
}

TEST_CASE("what cannot be compared is refused") {
  const Eigen::MatrixXd w = normal_cloud(3, 4), f = layer_moments(4);
  Eigen::MatrixXd bad = f;
  bad(1, 2) += f.cwiseAbs().maxCoeff();
  CHECK_REFUSED(atlas::value_error, quantization_error(w, w, bad), "second_moments", "symmetric");
  CHECK_REFUSED(atlas::value_error, quantization_error(w, w, Eigen::MatrixXd::Zero(4, 4).eval()),
                "second_moments", "positive trace");
  CHECK_REFUSED(atlas::shape_error, quantization_error(w, w, layer_moments(5)), "second_moments",
                "[4, 4], got [5, 5]");
  CHECK_REFUSED(atlas::shape_error, quantization_error(w, normal_cloud(4, 4), f), "quantized",
                "[3, 4], got [4, 4]");
  bad = w;
  bad(2, 1) = std::numeric_limits<double>::quiet_NaN();
  CHECK_REFUSED(atlas::value_error, quantization_error(bad, w, f), "weights", "NaN at [2, 1]");
  CHECK_REFUSED(atlas::value_error, quantization_error(w, bad, f), "quantized", "NaN at [2, 1]");
  bad = f;
  bad(0, 3) = std::numeric_limits<double>::infinity();
  CHECK_REFUSED(atlas::value_error, quantization_error(w, w, bad), "second_moments",
                "+inf at [0, 3]");
  CHECK_REFUSED(atlas::shape_error, quantization_error(Eigen::MatrixXd(), w, f), "weights",
                "empty");
}
