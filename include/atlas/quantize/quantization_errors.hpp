// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// The two errors of a quantized matrix, and the checks of what they are measured with.

#include <Eigen/Core>
#include <algorithm>
#include <limits>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "atlas/core/as_view.hpp"
#include "atlas/core/checks.hpp"
#include "atlas/core/compiled.hpp"
#include "atlas/core/parallel.hpp"
#include "atlas/core/work_options.hpp"
#include "atlas/linalg/reshape.hpp"
#include "atlas/linalg/tiled_product.hpp"
#include "atlas/quantize/magnitude.hpp"

namespace atlas::inline ATLAS_ABI {

/// Relative squared errors. 0 / 0 counts as 0, and so does what rounding alone would make negative.
struct quantization_errors {
  double weights = 0;  ///< `||W - W^||^2 / ||W||^2`
  double output = 0;   ///< `tr((W - W^) F (W - W^)^T) / tr(W F W^T)`: of `y = W a`, F = E[a a^T]
};

namespace detail {

/// `2^exponent matrix`, the exponent even: that of what the moments are of is half of it. 0 but for
/// extreme magnitudes, see `extreme_exponent`; what quantizers make of moments does not depend on
/// it.
template <class Real = double>
struct scaled_moments {
  Eigen::MatrixX<Real> matrix;
  int exponent = 0;
  double epsilon = 0;  ///< of the scalar that they came in
};

template <class Real>
scaled_moments<Real> scaled(Eigen::MatrixX<Real> moments, Real largest) {
  const int exponent = extreme_exponent(largest) / 2 * 2;
  return {times_power(std::move(moments), -exponent), exponent, 0};
}

/// The second moments in double, made exactly symmetric.
/// \throws shape_error unless `[d, d]`; value_error for NaN, a matrix that is not symmetric, or a
///         trace that is not positive
template <class Scalar, class Real = double>
scaled_moments<Real> checked_moments(const tensor_view<const Scalar, 2>& moments, index_t d,
                                     const std::string& argument) {
  constexpr double rounding = 1e-4;  // of the largest element, for sums in float
  check_not_empty(moments, argument);
  check_shape(moments, {d, d}, argument);
  check_finite(moments, argument);
  Eigen::MatrixX<Real> m(d, d);
  double off = 0, largest = 0;
  constexpr index_t tile = 32;  // with its mirror image it stays in the cache
  for (index_t top = 0; top < d; top += tile)
    for (index_t left = 0; left <= top; left += tile)
      for (index_t r = top; r < (std::min)(d, top + tile); ++r)
        for (index_t c = left; c < (std::min)(r + 1, left + tile); ++c) {
          const auto a = static_cast<Real>(moments(r, c)), b = static_cast<Real>(moments(c, r));
          off = std::max<double>(off, std::abs(Real(0.5) * a - Real(0.5) * b));
          largest = std::max<double>(largest, (std::max)(std::abs(a), std::abs(b)));
          m(r, c) = m(c, r) = Real(0.5) * a + Real(0.5) * b;
        }
  if (2 * off > rounding * largest)
    throw value_error(
        argument, "a symmetric matrix",
        "elements that differ by " + number_text(2 * off) + " from their mirror images");
  auto out = scaled<Real>(std::move(m), largest);
  out.epsilon = static_cast<double>(std::numeric_limits<Scalar>::epsilon());
  if (!(out.matrix.trace() > 0))
    throw value_error(argument, "a positive trace", number_text(out.matrix.trace()));
  return out;
}

template <class Scalar>
row_matrix<Scalar> checked_weights(const tensor_view<const Scalar, 2>& weights,
                                   const std::string& argument) {
  static_assert(std::is_floating_point_v<Scalar>, "weights are floating-point numbers");
  check_not_empty(weights, argument);
  check_finite(weights, argument);
  return matrix_copy<Scalar>(weights);
}

/// `tr(E F E^T)` of a few rows. Each pair of column blocks is visited once.
template <class Real>
double trace_of_rows(const row_matrix<Real>& e, const Eigen::MatrixX<Real>& f) {
  constexpr index_t block = 128;
  double sum = 0;
  row_matrix<Real> product;
  for (index_t c = 0; c < e.cols(); c += block) {
    const index_t width = (std::min)(block, e.cols() - c), rest = e.cols() - c - width;
    reshape(product, e.rows(), width);
    product.noalias() = e.middleCols(c, width) * f.block(c, c, width, width);
    if (rest > 0) product.noalias() += 2 * e.rightCols(rest) * f.block(c + width, c, rest, width);
    sum += product.cwiseProduct(e.middleCols(c, width)).sum();
  }
  return sum;
}

/// `||E||^2` and `tr(E F E^T)`.
struct squared_norms {
  double plain = 0, weighted = 0;
};

/// Of `rows(r, n)`, a function that gives rows r .. r + n of E in double.
template <class Real, class Rows>
squared_norms squared_norms_of(index_t count, const Eigen::MatrixX<Real>& f, int threads,
                               Rows&& rows) {
  constexpr index_t tile = 128;
  std::vector<squared_norms> parts(static_cast<std::size_t>((count + tile - 1) / tile));
  parallel_for(static_cast<index_t>(parts.size()), threads, [&](index_t t) {
    const row_matrix<Real> e = rows(t * tile, (std::min)(tile, count - t * tile));
    parts[static_cast<std::size_t>(t)] = {e.squaredNorm(), trace_of_rows(e, f)};
  });
  squared_norms all;
  for (const squared_norms& part : parts) {
    all.plain += part.plain;
    all.weighted += part.weighted;
  }
  return all;
}

/// Of the difference of two matrices.
template <class Scalar>
squared_norms norms_of_difference(const row_matrix<Scalar>& a, const row_matrix<Scalar>& b,
                                  const Eigen::MatrixXd& f, int threads) {
  return squared_norms_of(a.rows(), f, threads, [&](index_t r, index_t n) {
    return row_matrix<double>(a.middleRows(r, n).template cast<double>() -
                              b.middleRows(r, n).template cast<double>());
  });
}

template <class Scalar>
squared_norms norms_of(const row_matrix<Scalar>& a, const Eigen::MatrixXd& f, int threads) {
  return squared_norms_of(a.rows(), f, threads, [&](index_t r, index_t n) {
    return row_matrix<double>(a.middleRows(r, n).template cast<double>());
  });
}

inline double ratio_or_zero(double numerator, double denominator) {
  return numerator == 0 ? 0 : numerator / denominator;
}

/// `tr(E F E^T)`, of which rounding alone leaves no less than 0: of a positive semidefinite F that
/// maps the rows of E to nearly nothing. What an indefinite F makes of it stays.
inline double weighted_norm(const squared_norms& of, const Eigen::MatrixXd& f) {
  const double rounding = 4 * static_cast<double>(f.rows()) *
                          std::numeric_limits<double>::epsilon() * f.diagonal().cwiseAbs().sum() *
                          of.plain;
  return of.weighted < 0 && of.weighted >= -rounding ? 0 : of.weighted;
}

template <class Scalar>
quantization_errors errors_of(const row_matrix<Scalar>& weights,
                              const row_matrix<Scalar>& quantized, const Eigen::MatrixXd& f,
                              int threads) {
  const squared_norms lost = norms_of_difference(weights, quantized, f, threads);
  const squared_norms whole = norms_of(weights, f, threads);
  return {ratio_or_zero(lost.plain, whole.plain),
          ratio_or_zero(weighted_norm(lost, f), weighted_norm(whole, f))};
}

/// Of matrices of any magnitude.
template <class Scalar>
quantization_errors quantization_error(row_matrix<Scalar> weights, row_matrix<Scalar> quantized,
                                       const Eigen::MatrixXd& f, const work_options& options) {
  const int exponent =
      extreme_exponent((std::max)(largest_magnitude(weights), largest_magnitude(quantized)));
  weights = times_power(std::move(weights), -exponent);
  quantized = times_power(std::move(quantized), -exponent);
  progress_meter meter(options.on_progress, "errors", 1);
  const quantization_errors errors = errors_of(weights, quantized, f, options.threads);
  meter.advance();
  return errors;
}

}  // namespace detail

/// Both errors of any approximation of a linear layer.
///
/// \param weights        W, `[out, in]`
/// \param quantized      W^, the same shape and scalar
/// \param second_moments F = E[a a^T], `[in, in]`
/// \throws shape_error for shapes that do not match; value_error for NaN, second moments that are
///         not symmetric or have no positive trace
///
/// O(out in^2) time; sums in double.
template <real_tensor<2> Weights, real_tensor<2> Quantized, real_tensor<2> Moments>
[[nodiscard]] quantization_errors quantization_error(const Weights& weights,
                                                     const Quantized& quantized,
                                                     const Moments& second_moments,
                                                     const work_options& options = {}) {
  using scalar = scalar_of<Weights, 2>;
  static_assert(std::is_same_v<scalar, scalar_of<Quantized, 2>>,
                "weights and quantized are of one scalar");
  const auto w = as_view<2>(weights);
  const auto q = as_view<2>(quantized);
  const auto f = as_view<2>(second_moments);
  auto whole = detail::checked_weights<scalar>(w, "weights");
  auto approximation = detail::checked_weights<scalar>(q, "quantized");
  check_shape(static_cast<const tensor_view<const scalar, 2>&>(q), w.extents(), "quantized");
  const auto moments =
      detail::checked_moments<scalar_of<Moments, 2>>(f, w.extent(1), "second_moments");
  return detail::quantization_error<scalar>(std::move(whole), std::move(approximation),
                                            moments.matrix, options);
}

}  // namespace atlas::inline ATLAS_ABI

#ifdef ATLAS_COMPILED
namespace atlas::inline ATLAS_ABI::detail {
ATLAS_OF_QUANTIZE scaled_moments<double> checked_moments<float, double>(
    const tensor_view<const float, 2>&, index_t, const std::string&);
ATLAS_OF_QUANTIZE scaled_moments<double> checked_moments<double, double>(
    const tensor_view<const double, 2>&, index_t, const std::string&);
ATLAS_OF_QUANTIZE row_matrix<float> checked_weights<float>(const tensor_view<const float, 2>&,
                                                           const std::string&);
ATLAS_OF_QUANTIZE row_matrix<double> checked_weights<double>(const tensor_view<const double, 2>&,
                                                             const std::string&);
ATLAS_OF_QUANTIZE quantization_errors errors_of<float>(const row_matrix<float>&,
                                                       const row_matrix<float>&,
                                                       const Eigen::MatrixXd&, int);
ATLAS_OF_QUANTIZE quantization_errors errors_of<double>(const row_matrix<double>&,
                                                        const row_matrix<double>&,
                                                        const Eigen::MatrixXd&, int);
ATLAS_OF_QUANTIZE quantization_errors quantization_error<float>(row_matrix<float>,
                                                                row_matrix<float>,
                                                                const Eigen::MatrixXd&,
                                                                const work_options&);
ATLAS_OF_QUANTIZE quantization_errors quantization_error<double>(row_matrix<double>,
                                                                 row_matrix<double>,
                                                                 const Eigen::MatrixXd&,
                                                                 const work_options&);
}  // namespace atlas::inline ATLAS_ABI::detail
#endif
