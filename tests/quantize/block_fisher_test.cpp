// SPDX-License-Identifier: MIT
#include "atlas/quantize/block_fisher.hpp"

#include <Eigen/Dense>
#include <limits>
#include <numeric>

#include "../catch.hpp"
#include "../messages.hpp"
#include "../tolerances.hpp"
#include "layers_for_tests.hpp"

using namespace atlas_test;
using atlas::basis_kind;
using atlas::block_fisher_quantize;
using atlas::granularity;
using atlas::grid_kind;

namespace {

constexpr basis_kind all_bases[] = {basis_kind::identity, basis_kind::random_orthogonal,
                                    basis_kind::hadamard, basis_kind::fisher};

}  // namespace

TEMPLATE_TEST_CASE("dequantizing gives the weights bit for bit, for any number of threads", "",
                   float, double) {
  const Eigen::Matrix<TestType, -1, -1> w = normal_cloud(70, 90).cast<TestType>();
  const Eigen::MatrixXd f = layer_moments(90);
  for (const auto basis : all_bases)
    for (const auto kind : {grid_kind::symmetric, grid_kind::asymmetric}) {
      const auto q = block_fisher_quantize(
          w, f, {.basis = basis, .grid = {.bits = 3, .kind = kind}, .threads = 3});
      CHECK(atlas::dequantize(q) == q.weights);
      CHECK(atlas::dequantize(q, {.threads = 1}) == q.weights);
      const auto one = block_fisher_quantize(
          w, f, {.basis = basis, .grid = {.bits = 3, .kind = kind}, .threads = 1});
      CHECK(one.codes == q.codes);
      CHECK(one.weights == q.weights);
      CHECK(one.errors.output == q.errors.output);
      const auto errors = atlas::quantization_error(w, q.weights, f);
      CHECK(errors.output == q.errors.output);
      CHECK(errors.weights == q.errors.weights);
    }
}

TEST_CASE("storage order and float do not change what is found") {
  const Eigen::MatrixXf w = normal_cloud(20, 30).cast<float>();
  const Eigen::MatrixXd f = layer_moments(30);
  const auto q = block_fisher_quantize(w, f);
  const atlas::row_matrix<float> rows = w;
  CHECK(block_fisher_quantize(rows, f).weights == q.weights);
  Eigen::MatrixXf larger = Eigen::MatrixXf::Zero(25, 40);
  larger.block(2, 5, 20, 30) = w;
  CHECK(block_fisher_quantize(larger.block(2, 5, 20, 30), f).weights == q.weights);
  const auto exact = block_fisher_quantize(w.cast<double>().eval(), f);
  CHECK((exact.codes.array() != q.codes.array()).count() < 3);  // ties of rounding
  CHECK(exact.errors.output == Approx(q.errors.output).epsilon(0.01));
}

TEST_CASE("the error of a rotated layer is that of its columns: the sum of lambda times theirs") {
  const Eigen::MatrixXd w = normal_cloud(40, 24), f = layer_moments(24);
  const auto basis = atlas::symmetric_eigenbasis(f);
  for (const bool lambda : {false, true}) {
    const auto q = block_fisher_quantize(w, f, {.lambda_scales = lambda});
    const Eigen::MatrixXd rotated = w * basis.vectors;
    double lost = 0, whole = 0;
    for (int c = 0; c < 24; ++c)
      for (int r = 0; r < 40; ++r) {
        const double step = q.grid.scales(0, c);
        const double e = rotated(r, c) - step * q.codes(r, c);
        lost += basis.values(c) * e * e;
        whole += basis.values(c) * rotated(r, c) * rotated(r, c);
      }
    CHECK(q.errors.output == Approx(lost / whole).epsilon(1e-9));
  }
}

TEST_CASE("more bits are better, and 8 bits nearly perfect, in every basis") {
  const Eigen::MatrixXd w = normal_cloud(60, 64), f = layer_moments(64);
  for (const auto basis : all_bases) {
    double last = std::numeric_limits<double>::infinity();
    for (int bits = 2; bits <= 8; ++bits) {
      const auto q = block_fisher_quantize(w, f, {.basis = basis, .grid = {.bits = bits}});
      CHECK(q.errors.weights < last);
      last = q.errors.weights;
    }
    CHECK(last < 1e-4);
  }
}

TEST_CASE(
    "lambda scales are finer where the layer is sensitive, within [1/4, 4] of each column's") {
  const Eigen::MatrixXd w = normal_cloud(40, 24), f = layer_moments(24);
  const auto q = block_fisher_quantize(w, f, {.lambda_scales = true});
  const auto basis = atlas::symmetric_eigenbasis(f);
  const Eigen::MatrixXd rotated = w * basis.vectors;
  const double mean = basis.values.cwiseSqrt().cwiseInverse().mean();
  for (int c = 0; c < 24; ++c) {
    const double s = std::clamp(1 / (std::sqrt(basis.values(c)) * mean), 0.25, 4.0);
    CHECK(q.grid.scales(0, c) ==
          Approx(s * rotated.col(c).cwiseAbs().maxCoeff() / 7).epsilon(1e-9));
  }
}

TEST_CASE("water-filling spends the same bits better") {
  const Eigen::MatrixXd w = normal_cloud(100, 96), f = layer_moments(96);
  for (const auto basis : all_bases)
    for (const int low : {0, 2}) {
      const auto plain = block_fisher_quantize(w, f, {.basis = basis, .grid = {.bits = 4}});
      const auto filled =
          block_fisher_quantize(w, f, {.basis = basis, .average_bits = 4, .min_bits = low});
      CHECK(std::accumulate(filled.grid.bits.begin(), filled.grid.bits.end(), 0) == 4 * 96);
      CHECK(filled.errors.output <= plain.errors.output);
      CHECK(atlas::dequantize(filled) == filled.weights);
      for (int c = 0; c < 96; ++c) {
        const int bits = filled.grid.bits_of(c);
        CHECK(filled.codes.col(c).cast<int>().cwiseAbs().maxCoeff() <=
              atlas::detail::symmetric_levels(bits));
      }
    }
  const auto fisher = block_fisher_quantize(w, f, {.average_bits = 4});
  const auto turned =
      block_fisher_quantize(w, f, {.basis = basis_kind::random_orthogonal, .average_bits = 4});
  CHECK(fisher.errors.output < 0.5 * turned.errors.output);
}

TEST_CASE("an asymmetric grid drops the columns that drown, too") {
  Eigen::MatrixXd f = Eigen::MatrixXd::Identity(8, 8);
  f.diagonal().tail(4).setConstant(1e-12);
  const Eigen::MatrixXd w = normal_cloud(30, 8);
  const auto q = block_fisher_quantize(w, f,
                                       {.basis = basis_kind::identity,
                                        .grid = {.kind = grid_kind::asymmetric},
                                        .average_bits = 3,
                                        .min_bits = 0});
  CHECK(q.grid.bits == std::vector<int>{6, 6, 6, 6, 0, 0, 0, 0});
  CHECK(q.weights.rightCols(4).isZero(0));
  CHECK(q.weights.allFinite());
}

TEST_CASE("a known eigenbasis saves the work and changes nothing") {
  const Eigen::MatrixXd w = normal_cloud(10, 16), f = layer_moments(16);
  const auto basis = atlas::symmetric_eigenbasis(f);
  CHECK(block_fisher_quantize(w, f, {.known_eigenbasis = basis}).weights ==
        block_fisher_quantize(w, f).weights);
  const auto other = atlas::symmetric_eigenbasis(layer_moments(15));
  CHECK_REFUSED(atlas::shape_error, (block_fisher_quantize(w, f, {.known_eigenbasis = other})),
                "known_eigenbasis", "16, got 15");
}

TEST_CASE("the effective rank is the participation ratio") {
  Eigen::MatrixXd f = Eigen::MatrixXd::Zero(12, 12);
  f.diagonal().head(5).setConstant(3);
  const Eigen::MatrixXd turn = rotation(12);
  const auto q = block_fisher_quantize(normal_cloud(4, 12), (turn * f * turn.transpose()).eval());
  CHECK(q.effective_rank.second_moments == Approx(5));
  CHECK(q.repairs.negative_eigenvalues == 0);
}

TEST_CASE("zero columns, zero weights and indefinite second moments") {
  Eigen::MatrixXd w = normal_cloud(10, 16), f = layer_moments(16);
  w.col(4).setZero();
  const auto plain = block_fisher_quantize(w, f, {.basis = basis_kind::identity});
  CHECK(plain.weights.col(4).isZero(0));
  for (const auto basis : all_bases) {
    const auto zero = block_fisher_quantize(Eigen::MatrixXd::Zero(10, 16).eval(), f,
                                            {.basis = basis, .lambda_scales = true});
    CHECK(zero.weights.isZero(0));
    CHECK(zero.errors.output == 0);
  }
  const auto basis = atlas::symmetric_eigenbasis(f);
  Eigen::VectorXd values = basis.values;
  values.tail(3).setConstant(-0.01 * values(0));
  f = basis.vectors * values.asDiagonal() * basis.vectors.transpose();
  const auto q = block_fisher_quantize(w, f, {.lambda_scales = true});
  CHECK(q.repairs.negative_eigenvalues == 3);
  CHECK(q.weights.allFinite());
}

TEST_CASE("options that exclude each other are refused") {
  const Eigen::MatrixXd w = normal_cloud(4, 6), f = layer_moments(6);
  CHECK_REFUSED(atlas::value_error, (block_fisher_quantize(w, f, {.grid = {.bits = 9}})), "bits",
                "9");
  CHECK_REFUSED(atlas::value_error,
                (block_fisher_quantize(
                    w, f, {.grid = {.kind = grid_kind::asymmetric}, .lambda_scales = true})),
                "grid.kind", "symmetric");
  CHECK_REFUSED(atlas::value_error,
                (block_fisher_quantize(w, f, {.lambda_scales = true, .average_bits = 3})),
                "average_bits", "3");
  CHECK_REFUSED(
      atlas::value_error,
      (block_fisher_quantize(w, f, {.grid = {.granularity = granularity::row}, .average_bits = 3})),
      "grid.granularity", "column");
  CHECK_REFUSED(atlas::value_error, (block_fisher_quantize(w, f, {.average_bits = 1})),
                "average_bits", "2 to 8");
  CHECK_REFUSED(atlas::shape_error, block_fisher_quantize(w, layer_moments(5)), "second_moments",
                "[6, 6], got [5, 5]");
  Eigen::MatrixXd bad = w;
  bad(1, 1) = std::numeric_limits<double>::quiet_NaN();
  CHECK_REFUSED(atlas::value_error, block_fisher_quantize(bad, f), "weights", "NaN at [1, 1]");
}
