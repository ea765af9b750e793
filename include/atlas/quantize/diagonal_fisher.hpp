// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// Quantization with steps that the Fisher information sets: fine where the loss is sensitive.

#include <Eigen/Core>
#include <algorithm>
#include <cmath>
#include <string>
#include <utility>

#include "atlas/core/as_view.hpp"
#include "atlas/core/checks.hpp"
#include "atlas/core/compiled.hpp"
#include "atlas/core/progress.hpp"
#include "atlas/linalg/reshape.hpp"
#include "atlas/quantize/grid.hpp"
#include "atlas/quantize/quantization.hpp"

namespace atlas::inline ATLAS_ABI {

struct diagonal_fisher_options {
  int bits = 4;                        ///< 2 to 8, of symmetric grids
  int threads = 0;                     ///< 0: all of the machine
  progress_callback on_progress = {};  ///< may cancel
  /// E[a], `[in]`, where it is known: for the effective rank about the mean.
  Eigen::VectorXd input_mean = {};
};

namespace detail {

inline constexpr double finest_fisher_scale = 0.25;
inline constexpr double coarsest_fisher_scale = 4;

/// s proportional to lambda^-1/2, with mean 1, clamped to [1/4, 4]. Directions that do not matter
/// (lambda of 0, to rounding) have s = 4 and no part in the mean, which they would make infinite.
template <class Derived>
row_matrix<double> fisher_scales(const Eigen::MatrixBase<Derived>& lambda) {
  constexpr double rounding = 1e-12;  // of the largest
  const double floor = rounding * lambda.maxCoeff();
  double sum = 0;
  index_t count = 0;
  for (index_t r = 0; r < lambda.rows(); ++r)
    for (index_t c = 0; c < lambda.cols(); ++c)
      if (lambda(r, c) > floor) {
        sum += 1 / std::sqrt(lambda(r, c));
        ++count;
      }
  const double mean = sum / static_cast<double>(count);
  return lambda.unaryExpr([=](double l) {
    return l > floor
               ? std::clamp(1 / (std::sqrt(l) * mean), finest_fisher_scale, coarsest_fisher_scale)
               : coarsest_fisher_scale;
  });
}

/// A symmetric grid whose steps are `s anchor / L`.
/// \param scales  `[1, in]` or `[out, in]`
/// \param anchors `[1, in]`, of each column
template <class Scalar>
quantization_grid<Scalar> anchored_grid(index_t out, const row_matrix<double>& scales,
                                        const Eigen::RowVectorXd& anchors, int bits) {
  auto grid = empty_grid<Scalar>(out, scales.cols(), {.bits = bits});
  const Eigen::RowVectorXd units = anchors / symmetric_levels(bits);
  reshape(grid.scales, scales.rows(), scales.cols());
  reshape(grid.zeros, scales.rows(), scales.cols());
  grid.scales = (scales * units.asDiagonal()).template cast<Scalar>();
  grid.zeros.setZero();
  return grid;
}

template <class Scalar>
row_matrix<double> checked_diagonal(const tensor_view<const Scalar, 2>& diagonal, index_t out,
                                    index_t in) {
  check_not_empty(diagonal, "fisher_diagonal");
  check_finite(diagonal, "fisher_diagonal");
  if (diagonal.extents() != shape<2>{out, in} && diagonal.extents() != shape<2>{1, in})
    throw shape_error("fisher_diagonal", shape_text<2>({out, in}) + " or " + shape_text<2>({1, in}),
                      shape_text(diagonal.extents()));
  auto lambda = matrix_copy<double>(diagonal);
  if (lambda.minCoeff() < 0)
    throw value_error("fisher_diagonal", "numbers of 0 or more", number_text(lambda.minCoeff()));
  if (!(lambda.maxCoeff() > 0)) throw value_error("fisher_diagonal", "some above 0", "zeros alone");
  return lambda;
}

template <class Scalar>
quantization<Scalar> diagonal_fisher_quantize(const quantizer_input<Scalar>& input,
                                              const row_matrix<double>& lambda,
                                              const diagonal_fisher_options& options) {
  quantization<Scalar> q;
  progress_meter meter(options.on_progress, "codes and errors", 2);
  const auto largest = static_cast<double>(input.weights.cwiseAbs().maxCoeff());
  q.grid =
      anchored_grid<Scalar>(input.weights.rows(), fisher_scales(lambda),
                            Eigen::RowVectorXd::Constant(lambda.cols(), largest), options.bits);
  q.codes = nearest_codes(input.weights, q.grid, options.threads);
  meter.advance();
  q = finished(std::move(q), input, options.threads);
  meter.advance();
  return q;
}

}  // namespace detail

/// Rounds each weight to a step of `s max|W| / L`, s proportional to lambda^-1/2, with mean 1 and
/// clamped to [1/4, 4]: lambda is the diagonal of the Fisher information, which says how much the
/// loss feels a change of the weight (docs/methods/quantize.md#diagonal-fisher). Weights beyond
/// `s max|W|` are clipped: where lambda varies much, that costs more than the finer steps save.
///
/// \param weights         `[out, in]`
/// \param fisher_diagonal E[g^2], `[out, in]`: a scale for each weight, so a limit to compare with
///                        rather than a format; or `[1, in]`: a scale for each column
/// \param second_moments  E[a a^T], `[in, in]`, for the output error
/// \throws shape_error for shapes that do not match; value_error for NaN, bits outside 2-8, a
///         diagonal that is negative or all 0, second moments as `quantization_error`
///
/// O(out in^2) time, all of it for the error.
template <real_tensor<2> Weights, real_tensor<2> Diagonal, real_tensor<2> Moments>
[[nodiscard]] quantization<scalar_of<Weights, 2>> diagonal_fisher_quantize(
    const Weights& weights, const Diagonal& fisher_diagonal, const Moments& second_moments,
    const diagonal_fisher_options& options = {}) {
  const auto input = detail::checked_input(weights, second_moments, options.input_mean);
  const auto diagonal = as_view<2>(fisher_diagonal);
  const auto lambda = detail::checked_diagonal<scalar_of<Diagonal, 2>>(
      diagonal, input.weights.rows(), input.weights.cols());
  return detail::diagonal_fisher_quantize(input, lambda, options);
}

}  // namespace atlas::inline ATLAS_ABI

#ifdef ATLAS_COMPILED
namespace atlas::inline ATLAS_ABI::detail {
ATLAS_OF_QUANTIZE row_matrix<double> checked_diagonal<float>(const tensor_view<const float, 2>&,
                                                             index_t, index_t);
ATLAS_OF_QUANTIZE row_matrix<double> checked_diagonal<double>(const tensor_view<const double, 2>&,
                                                              index_t, index_t);
ATLAS_OF_QUANTIZE quantization<float> diagonal_fisher_quantize<float>(
    const quantizer_input<float>&, const row_matrix<double>&, const diagonal_fisher_options&);
ATLAS_OF_QUANTIZE quantization<double> diagonal_fisher_quantize<double>(
    const quantizer_input<double>&, const row_matrix<double>&, const diagonal_fisher_options&);
}  // namespace atlas::inline ATLAS_ABI::detail
#endif
