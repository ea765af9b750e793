// SPDX-License-Identifier: MIT
/// Steps by lambda^-1/2 against a reference in long double that shares no code with the library.
#include <Eigen/Dense>
#include <algorithm>
#include <cmath>

#include "../catch.hpp"
#include "../messages.hpp"
#include "../tolerances.hpp"
#include "atlas/quantize/kronecker.hpp"
#include "atlas/quantize/quantize_matrix.hpp"
#include "layers_for_tests.hpp"

using namespace atlas_test;
using atlas::quantization_method;

namespace {

using real = long double;
using matrix = Eigen::Matrix<real, -1, -1>;

/// `lambda^-1/2` over its mean, clamped to [1/4, 4].
matrix relative_steps(const matrix& lambda) {
  real sum = 0;
  for (int i = 0; i < lambda.size(); ++i) sum += 1 / std::sqrt(lambda.data()[i]);
  const real mean = sum / static_cast<real>(lambda.size());
  return lambda.unaryExpr(
      [=](real l) { return std::clamp(1 / (std::sqrt(l) * mean), real(0.25), real(4)); });
}

/// Every element rounded to its step, half to even, and clamped to the levels of the grid.
matrix rounded(const matrix& w, const matrix& steps, int levels) {
  matrix out(w.rows(), w.cols());
  for (int i = 0; i < w.rows(); ++i)
    for (int j = 0; j < w.cols(); ++j) {
      const real code = std::nearbyint(w(i, j) / steps(i, j));
      out(i, j) = steps(i, j) * std::clamp(code, real(-levels), real(levels));
    }
  return out;
}

/// `max_i |w_ij| / levels * r_ij`.
matrix own_steps(const matrix& w, const matrix& r, int levels) {
  matrix steps(w.rows(), w.cols());
  for (int j = 0; j < w.cols(); ++j) {
    real largest = 0;
    for (int i = 0; i < w.rows(); ++i) largest = std::max(largest, std::abs(w(i, j)));
    for (int i = 0; i < w.rows(); ++i)
      steps(i, j) = largest / static_cast<real>(levels) * r(r.rows() == 1 ? 0 : i, j);
  }
  return steps;
}

struct reference {
  matrix weights;
  double weight_error, output_error;
};

reference compared(const matrix& w, matrix quantized, const matrix& f) {
  const matrix lost = w - quantized;
  return {
      std::move(quantized), static_cast<double>(lost.squaredNorm() / w.squaredNorm()),
      static_cast<double>((lost * f * lost.transpose()).trace() / (w * f * w.transpose()).trace())};
}

void check_equal(const atlas::quantization<double>& q, const reference& r) {
  CHECK((q.weights.cast<real>() - r.weights).norm() <
        tolerance::double_rounding * 100 * r.weights.norm());
  CHECK(q.errors.weights == Approx(r.weight_error).epsilon(1e-9));
  CHECK(q.errors.output == Approx(r.output_error).epsilon(1e-9));
}

}  // namespace

TEST_CASE("steps of fisher-lambda are those of each column's own largest element") {
  const Eigen::MatrixXd w = normal_cloud(40, 24), f = layer_moments(24);
  const matrix wide = w.cast<real>(), moments = f.cast<real>();
  const Eigen::SelfAdjointEigenSolver<matrix> solver(moments);
  const matrix u = solver.eigenvectors();
  const matrix r = relative_steps(solver.eigenvalues().transpose());
  REQUIRE(r.minCoeff() < 1);  // some columns are clipped
  REQUIRE(r.maxCoeff() > 1);
  for (const int bits : {2, 3, 4, 8}) {
    CAPTURE(bits);
    const int levels = (1 << (bits - 1)) - 1;
    const matrix rotated = wide * u;
    const auto wanted = compared(
        wide, rounded(rotated, own_steps(rotated, r, levels), levels) * u.transpose(), moments);
    check_equal(
        atlas::quantize_matrix(w, f, {.method = quantization_method::fisher_lambda, .bits = bits}),
        wanted);
    check_equal(atlas::block_fisher_quantize(w, f, {.grid = {.bits = bits}, .lambda_scales = true}),
                wanted);
  }
}

TEST_CASE("steps by lambda in other bases take lambda from the diagonal there") {
  const Eigen::MatrixXd w = normal_cloud(40, 24), f = layer_moments(24);
  const matrix wide = w.cast<real>(), moments = f.cast<real>();
  const matrix r = relative_steps(moments.diagonal().transpose());
  for (const int bits : {2, 3, 4, 8}) {
    CAPTURE(bits);
    const int levels = (1 << (bits - 1)) - 1;
    check_equal(
        atlas::block_fisher_quantize(
            w, f,
            {.basis = atlas::basis_kind::identity, .grid = {.bits = bits}, .lambda_scales = true}),
        compared(wide, rounded(wide, own_steps(wide, r, levels), levels), moments));
  }
}

TEST_CASE("steps of the diagonal are anchored at the largest weight of all") {
  const Eigen::MatrixXd w = normal_cloud(40, 24), f = layer_moments(24);
  const matrix wide = w.cast<real>(), moments = f.cast<real>();
  const matrix r = relative_steps(moments.diagonal().transpose());
  for (const int bits : {2, 3, 4, 8}) {
    CAPTURE(bits);
    const int levels = (1 << (bits - 1)) - 1;
    const matrix steps =
        wide.cwiseAbs().maxCoeff() / static_cast<real>(levels) * r.replicate(40, 1);
    check_equal(
        atlas::quantize_matrix(w, f, {.method = quantization_method::diagonal, .bits = bits}),
        compared(wide, rounded(wide, steps, levels), moments));
  }
}

TEST_CASE("steps of kronecker-lambda are those of each column's own largest element") {
  const Eigen::MatrixXd w = normal_cloud(12, 18), a = layer_moments(18), g = layer_moments(12, 21);
  const matrix wide = w.cast<real>(), moments = a.cast<real>();
  const Eigen::SelfAdjointEigenSolver<matrix> of_a(moments), of_g(g.cast<real>());
  const matrix u = of_a.eigenvectors(), v = of_g.eigenvectors();
  const matrix rotated = v.transpose() * wide * u;
  const matrix r = relative_steps(of_g.eigenvalues() * of_a.eigenvalues().transpose());
  for (const int bits : {2, 3, 4, 8}) {
    CAPTURE(bits);
    const int levels = (1 << (bits - 1)) - 1;
    const auto wanted = compared(
        wide, v * rounded(rotated, own_steps(rotated, r, levels), levels) * u.transpose(), moments);
    check_equal(atlas::kronecker_quantize(w, a, g, {.grid = {.bits = bits}, .lambda_scales = true})
                    .quantization,
                wanted);
  }
  // Outputs that all count alike leave the steps of fisher-lambda.
  const auto flat = atlas::kronecker_quantize(w, a, Eigen::MatrixXd::Identity(12, 12).eval(),
                                              {.grid = {.bits = 3}, .lambda_scales = true});
  const auto block =
      atlas::block_fisher_quantize(w, a, {.grid = {.bits = 3}, .lambda_scales = true});
  CHECK(flat.quantization.errors.output == Approx(block.errors.output).epsilon(1e-9));
}

TEST_CASE("steps by lambda belong to columns, and other granularities are refused") {
  const Eigen::MatrixXd w = normal_cloud(6, 8), a = layer_moments(8), g = layer_moments(6, 21);
  for (const auto shared :
       {atlas::granularity::tensor, atlas::granularity::row, atlas::granularity::group}) {
    const atlas::grid_options grid{.granularity = shared};
    CHECK_REFUSED(atlas::value_error,
                  (atlas::block_fisher_quantize(w, a, {.grid = grid, .lambda_scales = true})),
                  "grid.granularity", "column");
    CHECK_REFUSED(atlas::value_error,
                  (atlas::kronecker_quantize(w, a, g, {.grid = grid, .lambda_scales = true})),
                  "grid.granularity", "column");
    for (const auto method : {quantization_method::fisher_lambda, quantization_method::diagonal})
      CHECK_REFUSED(atlas::value_error,
                    (atlas::quantize_matrix(w, a, {.method = method, .granularity = shared})),
                    "granularity", "column");
  }
}
