// SPDX-License-Identifier: MIT
/// Magnitudes from one end of the scalar's range to the other: multiplying by a power of two is
/// exact, so everything that is relative must stay the same bit for bit.
#include <Eigen/Dense>
#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "../catch.hpp"
#include "../messages.hpp"
#include "../tolerances.hpp"
#include "atlas/quantize/diagonal_fisher_accumulator.hpp"
#include "atlas/quantize/kronecker.hpp"
#include "atlas/quantize/pareto.hpp"
#include "atlas/quantize/quantize_matrix.hpp"
#include "atlas/quantize/uncertainty.hpp"
#include "atlas/quantize/weight_fisher_accumulator.hpp"
#include "layers_for_tests.hpp"

using namespace atlas_test;
using atlas::quantize_matrix;

namespace {

template <class Matrix>
Matrix scaled_by(Matrix m, int exponent) {
  return m.unaryExpr([=](typename Matrix::Scalar x) {
    return static_cast<typename Matrix::Scalar>(std::ldexp(x, exponent));
  });
}

/// Whole numbers up to some 200, which subnormal numbers hold exactly.
template <class Scalar>
Eigen::Matrix<Scalar, -1, -1> whole_weights(int out, int in) {
  return (40 * normal_cloud(out, in)).array().round().matrix().cast<Scalar>();
}

/// Exponents by which numbers of some 2^-10 to 2^8 stay normal.
template <class Scalar>
std::vector<int> exponents() {
  if (sizeof(Scalar) == 4) return {-100, -60, -33, 0, 33, 60, 117};
  return {-960, -500, -257, 0, 257, 500, 1010};
}

}  // namespace

TEMPLATE_TEST_CASE("weights of every magnitude round to the same codes with the same errors", "",
                   float, double) {
  const auto w = whole_weights<TestType>(20, 36);
  const Eigen::MatrixXd f = layer_moments(36);
  for (const auto method : atlas::all_quantization_methods) {
    const auto wanted = quantize_matrix(w, f, {.method = method, .bits = 3, .seed = 2});
    for (const int e : exponents<TestType>()) {
      CAPTURE(std::string(atlas::name_of(method)), e);
      const auto q = quantize_matrix(scaled_by(w, e), f, {.method = method, .bits = 3, .seed = 2});
      CHECK(q.codes == wanted.codes);
      CHECK(q.weights.allFinite());
      const atlas::row_matrix<TestType> back = scaled_by(q.weights, -e);
      CHECK((back - wanted.weights).norm() <=
            std::numeric_limits<TestType>::epsilon() * wanted.weights.norm() * 1e-3);
      CHECK(q.errors.weights == Approx(wanted.errors.weights).epsilon(1e-6));
      CHECK(q.errors.output == Approx(wanted.errors.output).epsilon(1e-6));
      CHECK(atlas::dequantize(q) == q.weights);
      const auto errors = atlas::quantization_error(scaled_by(w, e), q.weights, f);
      CHECK(errors.weights == Approx(q.errors.weights).epsilon(1e-12));
      CHECK(errors.output == Approx(q.errors.output).epsilon(1e-12));
      const bool same_exponent = q.awq_exponent == wanted.awq_exponent ||
                                 (std::isnan(q.awq_exponent) && std::isnan(wanted.awq_exponent));
      CHECK(same_exponent);
    }
  }
}

TEMPLATE_TEST_CASE("subnormal weights have the codes of normal ones", "", float, double) {
  const auto w = whole_weights<TestType>(20, 36);
  const Eigen::MatrixXd f = layer_moments(36);
  const int least = std::ilogb(std::numeric_limits<TestType>::denorm_min());
  const Eigen::Matrix<TestType, -1, -1> tiny = scaled_by(w, least);
  REQUIRE(scaled_by(tiny, -least) == w);
  for (const auto method : atlas::all_quantization_methods) {
    CAPTURE(std::string(atlas::name_of(method)));
    const auto wanted = quantize_matrix(w, f, {.method = method, .bits = 3, .seed = 2});
    const auto q = quantize_matrix(tiny, f, {.method = method, .bits = 3, .seed = 2});
    CHECK(q.codes == wanted.codes);
    // The weights themselves are rounded to what there is.
    const atlas::row_matrix<TestType> back = scaled_by(q.weights, -least);
    CHECK((back - wanted.weights).cwiseAbs().maxCoeff() <= TestType(0.51));
    CHECK(q.errors.output == Approx(wanted.errors.output).epsilon(0.05));
  }
}

TEST_CASE(
    "weights of 5e37 in float round to finite ones, those at the end of the range are refused") {
  const Eigen::MatrixXd f = layer_moments(64);
  Eigen::MatrixXf w = normal_cloud(48, 64).cwiseSign().cast<float>() * 5e37F;
  for (const auto method : atlas::all_quantization_methods) {
    CAPTURE(std::string(atlas::name_of(method)));
    const auto q = quantize_matrix(w, f, {.method = method});
    CHECK(q.weights.allFinite());
    CHECK(q.grid.scales.allFinite());
    CHECK(q.errors.weights < 1);
  }
  w.setConstant(std::numeric_limits<float>::max());
  CHECK_REFUSED(atlas::value_error,
                (quantize_matrix(w, f, {.method = atlas::quantization_method::random, .bits = 2})),
                "weights", "finite, got up to 2^128");
}

TEST_CASE("second moments of every magnitude give the same codes") {
  const Eigen::MatrixXd w = normal_cloud(20, 36), f = layer_moments(36);
  for (const auto method : atlas::all_quantization_methods) {
    const auto wanted = quantize_matrix(w, f, {.method = method, .bits = 3, .seed = 2});
    for (const int e : {-960, -400, 400, 1000}) {
      CAPTURE(std::string(atlas::name_of(method)), e);
      const Eigen::MatrixXd other = scaled_by(f, e);
      const auto q = quantize_matrix(w, other, {.method = method, .bits = 3, .seed = 2});
      CHECK(q.codes == wanted.codes);
      CHECK(q.weights == wanted.weights);
      CHECK(q.errors.output == wanted.errors.output);
      CHECK(q.effective_rank.second_moments == wanted.effective_rank.second_moments);
      const auto basis = atlas::symmetric_eigenbasis(scaled_by(other, -e));
      const atlas::eigenbasis known{scaled_by(basis.values, e), basis.vectors};
      CHECK(quantize_matrix(w, other,
                            {.method = method, .bits = 3, .seed = 2, .known_eigenbasis = known})
                .codes == wanted.codes);
    }
  }
  const auto wanted = quantize_matrix(w, f, {.average_bits = 3});
  for (const int e : {-960, 1000})
    CHECK(quantize_matrix(w, scaled_by(f, e), {.average_bits = 3}).codes == wanted.codes);
}

TEST_CASE("Kronecker factors, commutators and paths do not depend on magnitudes") {
  const Eigen::MatrixXd w = normal_cloud(12, 16), a = layer_moments(16), g = layer_moments(12, 21);
  const Eigen::MatrixXd f = layer_moments(16, 5);
  const Eigen::MatrixXf x = layer_inputs(30, 16).cast<float>();
  const auto kronecker = atlas::kronecker_quantize(w, a, g, {.lambda_scales = true});
  const auto uncertain = atlas::fisher_uncertainty(f, a, {.draws = 10});
  const auto path = atlas::fisher_pareto(w, x, f, a, {.steps = 3});
  for (const int e : {-900, 900}) {
    CAPTURE(e);
    const Eigen::MatrixXd far_w = scaled_by(w, e), far_a = scaled_by(a, -e),
                          far_g = scaled_by(g, e);
    const auto q = atlas::kronecker_quantize(far_w, far_a, far_g, {.lambda_scales = true});
    CHECK(q.quantization.codes == kronecker.quantization.codes);
    CHECK(q.loss_error == Approx(kronecker.loss_error).epsilon(1e-12));
    CHECK(q.output_effective_rank.second_moments == kronecker.output_effective_rank.second_moments);
    const auto u = atlas::fisher_uncertainty(scaled_by(f, e), far_a, {.draws = 10});
    CHECK(u.commutator.value == uncertain.commutator.value);
    CHECK(u.commutator.random_rms == uncertain.commutator.random_rms);
    CHECK(u.commutator.random_mean == uncertain.commutator.random_mean);
    CHECK(u.mean_cosine == uncertain.mean_cosine);
    const auto p =
        atlas::fisher_pareto(far_w, scaled_by(x, e / 9), scaled_by(f, e), far_a, {.steps = 3});
    for (std::size_t i = 0; i < 3; ++i) {
      CHECK(p.points[i].weight_error == Approx(path.points[i].weight_error).epsilon(1e-12));
      CHECK(p.points[i].loss_error == Approx(path.points[i].loss_error).epsilon(1e-12));
      CHECK(p.points[i].activation_error == Approx(path.points[i].activation_error).epsilon(1e-6));
    }
  }
}

TEST_CASE("products of numbers whose squares fit do not overflow in commutators and losses") {
  const Eigen::MatrixXd w = normal_cloud(12, 16), a = layer_moments(16), g = layer_moments(12, 21);
  const Eigen::MatrixXd f = layer_moments(16, 5);
  const auto kronecker = atlas::kronecker_quantize(w, a, g);
  const auto uncertain = atlas::fisher_uncertainty(f, a, {.draws = 10, .haar_draws = 100});
  for (const int e : {-255, -250, 250, 255}) {
    CAPTURE(e);
    const Eigen::MatrixXd far_a = scaled_by(a, e);
    const auto q = atlas::kronecker_quantize(scaled_by(w, e), far_a, scaled_by(g, e));
    CHECK(q.quantization.codes == kronecker.quantization.codes);
    CHECK(q.loss_error == Approx(kronecker.loss_error).epsilon(1e-12));
    const auto u =
        atlas::fisher_uncertainty(scaled_by(f, e), far_a, {.draws = 10, .haar_draws = 100});
    CHECK(u.commutator.value == uncertain.commutator.value);
    CHECK(u.commutator.random_rms == uncertain.commutator.random_rms);
    CHECK(u.commutator.random_mean == uncertain.commutator.random_mean);
    CHECK(u.commutator.z == uncertain.commutator.z);
  }
}

TEST_CASE("bits are allocated alike to variances of every magnitude") {
  const Eigen::VectorXd v = normal_cloud(40, 1).cwiseAbs2();
  const auto wanted = atlas::allocate_bits(v, {.average_bits = 3.5, .min_bits = 0});
  for (const int e : {-1030, -600, 600, 1015}) {
    const auto got = atlas::allocate_bits(scaled_by(v, e), {.average_bits = 3.5, .min_bits = 0});
    CAPTURE(e);
    CHECK(got.bits == wanted.bits);
    CHECK(got.water_level == Approx(std::ldexp(wanted.water_level, e)).epsilon(1e-6));
  }
}

TEST_CASE("activations of 1e30 and 1e-30 have the second moments that they have") {
  const Eigen::MatrixXf rows = layer_inputs(300, 6).cast<float>();
  const Eigen::MatrixXf outputs = normal_cloud(300, 4).cast<float>();
  for (const int e : {-60, 100}) {
    atlas::second_moment_accumulator plain(6), moved(6);
    plain.add(rows);
    moved.add(scaled_by(rows, e));
    CHECK(moved.matrix() == scaled_by(plain.matrix(), 2 * e));
    CHECK(moved.mean() == scaled_by(plain.mean(), e));
    atlas::weight_fisher_accumulator fisher(6, 4), far_fisher(6, 4);
    fisher.add_rank_one(outputs, rows);
    far_fisher.add_rank_one(scaled_by(outputs, e), scaled_by(rows, e));
    CHECK(far_fisher.matrix() == scaled_by(fisher.matrix(), 4 * e));
    atlas::diagonal_fisher_accumulator diagonal(4, 6), far_diagonal(4, 6);
    diagonal.add_rank_one(outputs, rows);
    far_diagonal.add_rank_one(scaled_by(outputs, e), scaled_by(rows, e));
    CHECK(far_diagonal.matrix() == scaled_by(diagonal.matrix(), 4 * e));
  }
}

TEST_CASE("gradients of rank one are multiplied before they are squared") {
  const Eigen::MatrixXd outputs = normal_cloud(30, 4), inputs = layer_inputs(30, 6);
  atlas::weight_fisher_accumulator fisher(6), far_fisher(6);
  atlas::diagonal_fisher_accumulator diagonal(4, 6), far_diagonal(4, 6);
  fisher.add_rank_one(outputs, inputs);
  diagonal.add_rank_one(outputs, inputs);
  far_fisher.add_rank_one(scaled_by(outputs, 700), scaled_by(inputs, -700));
  far_diagonal.add_rank_one(scaled_by(outputs, 700), scaled_by(inputs, -700));
  CHECK((far_fisher.matrix() - fisher.matrix()).norm() <
        tolerance::double_rounding * fisher.matrix().norm());
  CHECK((far_diagonal.matrix() - diagonal.matrix()).norm() <
        tolerance::double_rounding * diagonal.matrix().norm());
}

TEST_CASE("numbers whose squares double cannot hold are refused by name") {
  const Eigen::MatrixXd rows = normal_cloud(5, 4);
  const Eigen::MatrixXd large = 1e160 * rows, tiny = 1e-170 * rows;
  atlas::second_moment_accumulator sums(4);
  CHECK_REFUSED(atlas::value_error, sums.add(large), "rows", "up to 2^500");
  CHECK_REFUSED(atlas::value_error, sums.add_weighted(rows, std::vector<double>(5, 1e305)), "rows",
                "up to 2^500");
  CHECK(sums.count() == 0);
  sums.add(tiny);
  CHECK_REFUSED(atlas::value_error, sums.matrix(), "rows", "2^-480");
  sums.add(rows);
  CHECK(sums.matrix().allFinite());
  atlas::second_moment_accumulator nothing(4);
  nothing.add(Eigen::MatrixXd::Zero(3, 4).eval());
  CHECK(nothing.matrix().isZero(0));

  const std::vector<Eigen::MatrixXd> large_gradients = {rows, large}, tiny_gradients = {tiny};
  atlas::weight_fisher_accumulator fisher(4);
  CHECK_REFUSED(atlas::value_error, fisher.add(large_gradients), "gradients", "up to 2^500");
  CHECK(fisher.count() == 0);
  CHECK_REFUSED(atlas::value_error, fisher.add_rank_one(large, rows), "output_gradients",
                "up to 2^500");
  CHECK_REFUSED(atlas::value_error, fisher.add_rank_one(tiny, tiny), "output_gradients", "2^-480");
  CHECK(fisher.count() == 0);
  atlas::diagonal_fisher_accumulator products(4, 4);
  products.add_rank_one(tiny, tiny);
  CHECK_REFUSED(atlas::value_error, products.matrix(), "gradients", "2^-480");
  atlas::diagonal_fisher_accumulator diagonal(5, 4);
  CHECK_REFUSED(atlas::value_error, diagonal.add(large_gradients), "gradients", "up to 2^500");
  CHECK(diagonal.count() == 0);
  diagonal.add(tiny_gradients);
  CHECK_REFUSED(atlas::value_error, diagonal.matrix(), "gradients", "2^-480");
}
