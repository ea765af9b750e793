// SPDX-License-Identifier: MIT
#include "atlas/quantize/ldlq.hpp"

#include <Eigen/Dense>
#include <cmath>

#include "../catch.hpp"
#include "../messages.hpp"
#include "../tolerances.hpp"
#include "atlas/quantize/block_fisher.hpp"
#include "atlas/quantize/gptq.hpp"
#include "layers_for_tests.hpp"

using namespace atlas_test;
using atlas::basis_kind;
using atlas::gptq_quantize;
using atlas::granularity;
using atlas::grid_kind;
using atlas::ldlq_quantize;

TEMPLATE_TEST_CASE("without incoherence LDLQ is GPTQ, code by code (theorem 6 of the QuIP paper)",
                   "", float, double) {
  const Eigen::Matrix<TestType, -1, -1> w = normal_cloud(70, 150).cast<TestType>();
  const Eigen::MatrixXd f = layer_moments(150);
  for (const auto shared : {granularity::row, granularity::tensor, granularity::column})
    for (const auto kind : {grid_kind::symmetric, grid_kind::asymmetric})
      for (int bits = 2; bits <= 4; ++bits)
        for (const atlas::index_t block : {1, 64, 200}) {
          const atlas::grid_options grid{.bits = bits, .kind = kind, .granularity = shared};
          const auto q = ldlq_quantize(w, f, {.grid = grid, .columns_per_block = block});
          const auto g = gptq_quantize(w, f, {.grid = grid});
          CHECK(q.codes == g.codes);
          CHECK(q.weights == g.weights);
        }
}

TEST_CASE("the output error of LDLQ is tr(D)/12 steps squared, H = (A + I) D (A + I)^T") {
  // 8 bits on weights that stay inside their grid: rounding errors are uniform and independent.
  Eigen::MatrixXd w = 0.2 * normal_cloud(2000, 24);
  w.col(0).setConstant(2);
  const Eigen::MatrixXd f = layer_moments(24);
  const auto q =
      ldlq_quantize(w, f, {.grid = {.bits = 8, .granularity = granularity::tensor}, .damping = 0});
  double trace = 0;  // D by Schur complements: what a column has beyond those that come after it
  for (int k = 0; k < 24; ++k) {
    const Eigen::MatrixXd h = f.bottomRightCorner(24 - k, 24 - k);
    const Eigen::VectorXd rest = h.col(0).tail(23 - k);
    trace += h(0, 0);
    if (k < 23) trace -= rest.dot(h.bottomRightCorner(23 - k, 23 - k).ldlt().solve(rest));
  }
  const double step = q.grid.scales(0, 0);
  CHECK(q.errors.output * weighted_norm(w, f) ==
        Approx(2000 * trace * step * step / 12).epsilon(0.03));
}

TEMPLATE_TEST_CASE("QuIP keeps its promises: bits, threads, both sides rotated", "", float,
                   double) {
  const Eigen::Matrix<TestType, -1, -1> w = normal_cloud(70, 90).cast<TestType>();
  const Eigen::MatrixXd f = layer_moments(90);
  for (const auto incoherence : {basis_kind::random_orthogonal, basis_kind::hadamard}) {
    const auto quip = [&](int threads, std::uint64_t seed) {
      return ldlq_quantize(w, f,
                           {.grid = {.bits = 3, .granularity = granularity::row},
                            .incoherence = incoherence,
                            .rescale = true,
                            .seed = seed,
                            .threads = threads});
    };
    const auto one = quip(1, 5), three = quip(3, 5);
    CHECK(one.codes == three.codes);
    CHECK(one.weights == three.weights);
    CHECK(one.errors.output == three.errors.output);
    CHECK(atlas::dequantize(one) == one.weights);
    CHECK(quip(1, 6).codes != one.codes);
    CHECK(!one.coordinates.output.is_identity());
    CHECK(one.coordinates.column_scales.size() == 90);
  }
}

TEST_CASE("incoherence helps where a few weights stand out") {
  Eigen::MatrixXd w = normal_cloud(64, 128);
  for (int i = 0; i < 64; ++i) w(i, (37 * i) % 128) = 25;
  const Eigen::MatrixXd f = layer_moments(128);
  const auto plain = ldlq_quantize(w, f, {.grid = {.bits = 3, .granularity = granularity::row}});
  const auto quip = ldlq_quantize(
      w, f,
      {.grid = {.bits = 3, .granularity = granularity::row}, .incoherence = basis_kind::hadamard});
  CHECK(quip.errors.output < 0.7 * plain.errors.output);
}

TEST_CASE("rescaled columns are those of the paper") {
  const Eigen::MatrixXd w = normal_cloud(30, 20), f = layer_moments(20);
  const auto q = ldlq_quantize(w, f, {.rescale = true});
  const auto& s = q.coordinates.column_scales;
  for (int c = 1; c < 20; ++c)
    CHECK(s(0, c) / s(0, 0) ==
          Approx(std::pow(f(c, c) * w.col(0).squaredNorm() / (f(0, 0) * w.col(c).squaredNorm()),
                          0.25)));
}

TEST_CASE("dead inputs, zero columns and singular moments pass through") {
  Eigen::MatrixXd w = normal_cloud(12, 30);
  w.col(4).setZero();
  Eigen::MatrixXd inputs = layer_inputs(10, 30);
  inputs.col(7).setZero();
  const Eigen::MatrixXd f = inputs.transpose() * inputs / 10;
  for (const auto incoherence :
       {basis_kind::identity, basis_kind::random_orthogonal, basis_kind::hadamard})
    for (const bool rescale : {false, true}) {
      const auto q =
          ldlq_quantize(w, f, {.damping = 0, .incoherence = incoherence, .rescale = rescale});
      CHECK(q.weights.allFinite());
      CHECK(q.repairs.damping > 0);
      CHECK(q.repairs.damping_attempts > 1);
    }
  CHECK(
      ldlq_quantize(Eigen::MatrixXd::Zero(12, 30).eval(), f, {.rescale = true}).weights.isZero(0));
}

TEST_CASE("what LDLQ cannot use is refused") {
  const Eigen::MatrixXd w = normal_cloud(3, 4), f = layer_moments(4);
  CHECK_REFUSED(atlas::value_error, (ldlq_quantize(w, f, {.incoherence = basis_kind::fisher})),
                "incoherence", "fisher");
  CHECK_REFUSED(atlas::value_error, (ldlq_quantize(w, f, {.grid = {.bits = 0}})), "bits", "0");
  CHECK_REFUSED(atlas::value_error, (ldlq_quantize(w, f, {.damping = -0.1})), "damping", "-0.1");
  CHECK_REFUSED(atlas::value_error, (ldlq_quantize(w, f, {.columns_per_block = 0})),
                "columns_per_block", "0");
  CHECK_REFUSED(atlas::shape_error, ldlq_quantize(w, layer_moments(6)), "second_moments", "[4, 4]");
}
