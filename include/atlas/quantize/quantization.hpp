// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// What every quantizer returns, and how its codes become weights again.

#include <Eigen/Core>
#include <cstdint>
#include <limits>
#include <string>
#include <utility>

#include "atlas/core/as_view.hpp"
#include "atlas/core/compiled.hpp"
#include "atlas/core/work_options.hpp"
#include "atlas/quantize/effective_rank.hpp"
#include "atlas/quantize/grid.hpp"
#include "atlas/quantize/magnitude.hpp"
#include "atlas/quantize/quantization_errors.hpp"
#include "atlas/quantize/rotation.hpp"

namespace atlas::inline ATLAS_ABI {

/// The coordinates in which a matrix W was rounded: `V^T (2^-exponent W diag(s)) U`.
template <class Scalar>
struct quantization_coordinates {
  orthogonal_basis<Scalar> input;    ///< U, `[in, in]`
  orthogonal_basis<Scalar> output;   ///< V, `[out, out]`
  row_matrix<Scalar> column_scales;  ///< s, `[1, in]`; empty: ones
  /// 0 where the largest weight is from 2^-32 to 2^32 (2^-256 to 2^256 in double). Weights beyond
  /// are brought to magnitudes of 1 before they are rotated or squared, which is exact.
  int exponent = 0;
};

/// What had to be done to second moments that were singular or indefinite.
struct moment_repairs {
  double damping = 0;                ///< added to the diagonal, as a share of its mean
  index_t damping_attempts = 0;      ///< factorizations until one succeeded; 0: none was needed
  index_t dead_columns = 0;          ///< inputs that are always 0; rounded without feedback
  index_t negative_eigenvalues = 0;  ///< beyond rounding; taken as 0
};

template <class Scalar>
struct quantization {
  row_matrix<Scalar> weights;      ///< W^, `[out, in]`: `dequantize` of the rest, bit for bit
  row_matrix<std::int8_t> codes;   ///< `[out, in]`, in the coordinates
  quantization_grid<Scalar> grid;  ///< scales, zero points and bits of the codes
  quantization_coordinates<Scalar> coordinates;
  quantization_errors errors;
  effective_ranks effective_rank;  ///< of the inputs: about the mean too where that was given
  moment_repairs repairs;
  double awq_exponent = std::numeric_limits<double>::quiet_NaN();  ///< of AWQ alone
};

namespace detail {

template <class Scalar>
void check_column_scales(const row_matrix<Scalar>& weights,
                         const quantization_coordinates<Scalar>& coordinates) {
  if (coordinates.column_scales.size() > 0)
    check_extent(weights.cols(), coordinates.column_scales.cols(), "weights",
                 "one column per column scale,");
}

}  // namespace detail

/// `V^T (2^-exponent W diag(s)) U`.
/// \throws shape_error for weights of another shape than the coordinates are for
template <class Scalar>
[[nodiscard]] row_matrix<Scalar> to_coordinates(row_matrix<Scalar> weights,
                                                const quantization_coordinates<Scalar>& coordinates,
                                                const thread_options& options = {}) {
  detail::check_column_scales(weights, coordinates);
  weights = detail::times_power(std::move(weights), -coordinates.exponent);
  if (coordinates.column_scales.size() > 0)
    weights.array().rowwise() *= coordinates.column_scales.row(0).array();
  return detail::rotate_outputs(coordinates.input.rotate(std::move(weights), options),
                                coordinates.output, options.threads);
}

/// The way back; without rounding, the weights up to rounding of the scalar.
template <class Scalar>
[[nodiscard]] row_matrix<Scalar> from_coordinates(
    row_matrix<Scalar> rotated, const quantization_coordinates<Scalar>& coordinates,
    const thread_options& options = {}) {
  row_matrix<Scalar> weights = coordinates.input.restore(
      detail::restore_outputs(rotated, coordinates.output, options.threads), options);
  detail::check_column_scales(weights, coordinates);
  if (coordinates.column_scales.size() > 0)
    weights.array().rowwise() /= coordinates.column_scales.row(0).array();
  return detail::times_power(std::move(weights), coordinates.exponent);
}

/// The weights that the codes stand for: `2^exponent V (codes - zeros) * scales U^T diag(1/s)`. The
/// same bits as `quantization::weights`, for any number of threads.
template <class Scalar>
[[nodiscard]] row_matrix<Scalar> dequantize(const quantization<Scalar>& q,
                                            const thread_options& options = {}) {
  return from_coordinates(detail::code_values(q.codes, q.grid, options.threads), q.coordinates,
                          options);
}

namespace detail {

/// Weights and second moments of a quantizer, checked, and of magnitudes that can be squared.
template <class Scalar>
struct quantizer_input {
  row_matrix<Scalar> weights;  ///< those that came, times `2^-exponent`
  Eigen::MatrixXd moments;
  int exponent = 0;
  row_matrix<double> mean;     ///< E[a], `[1, in]`, in the units of the moments; empty: not known
  double moments_epsilon = 0;  ///< of the scalar that the moments came in
};

/// \param input_mean E[a], `[in]`; empty: not known
template <class Scalar>
quantizer_input<Scalar> input_of(row_matrix<Scalar> weights, scaled_moments<double> moments,
                                 const Eigen::VectorXd& input_mean) {
  auto mean = checked_mean<double>(input_mean.transpose(), moments, "input_mean");
  const int exponent = extreme_exponent(largest_magnitude(weights));
  return {times_power(std::move(weights), -exponent), std::move(moments.matrix), exponent,
          std::move(mean), moments.epsilon};
}

/// \param input_mean as in `input_of`
template <real_tensor<2> Weights, real_tensor<2> Moments>
quantizer_input<scalar_of<Weights, 2>> checked_input(const Weights& weights,
                                                     const Moments& second_moments,
                                                     const Eigen::VectorXd& input_mean) {
  using scalar = scalar_of<Weights, 2>;
  const auto w = as_view<2>(weights);
  const auto f = as_view<2>(second_moments);
  auto checked = checked_weights<scalar>(w, "weights");
  auto moments = checked_moments<scalar_of<Moments, 2>>(f, w.extent(1), "second_moments");
  return input_of<scalar>(std::move(checked), std::move(moments), input_mean);
}

/// Root mean squares of the inputs, `[in]`.
template <class Scalar>
Eigen::VectorXd input_magnitudes(const quantizer_input<Scalar>& input) {
  return input.moments.diagonal().cwiseMax(0.0).cwiseSqrt();
}

/// Completes a result whose codes, grid and coordinates are known.
/// \throws value_error where rounding takes weights beyond the largest number there is
template <class Scalar>
quantization<Scalar> finished(quantization<Scalar> q, const quantizer_input<Scalar>& input,
                              int threads) {
  q.coordinates.exponent = input.exponent;
  q.weights = dequantize(q, {threads});
  if (input.exponent > 0 && !q.weights.allFinite())
    throw value_error("weights", "magnitudes whose rounded values are finite",
                      "up to 2^" + std::to_string(input.exponent + 1));
  q.errors =
      errors_of(input.weights, times_power(q.weights, -input.exponent), input.moments, threads);
  q.effective_rank = effective_ranks_of<double>(input.moments, input.mean, input.moments_epsilon);
  return q;
}

}  // namespace detail
}  // namespace atlas::inline ATLAS_ABI

#ifdef ATLAS_COMPILED
namespace atlas::inline ATLAS_ABI::detail {
ATLAS_OF_QUANTIZE quantizer_input<float> input_of<float>(row_matrix<float>, scaled_moments<double>,
                                                         const Eigen::VectorXd&);
ATLAS_OF_QUANTIZE quantizer_input<double> input_of<double>(row_matrix<double>,
                                                           scaled_moments<double>,
                                                           const Eigen::VectorXd&);
ATLAS_OF_QUANTIZE Eigen::VectorXd input_magnitudes<float>(const quantizer_input<float>&);
ATLAS_OF_QUANTIZE Eigen::VectorXd input_magnitudes<double>(const quantizer_input<double>&);
}  // namespace atlas::inline ATLAS_ABI::detail

namespace atlas::inline ATLAS_ABI {
ATLAS_OF_QUANTIZE row_matrix<float> to_coordinates<float>(row_matrix<float>,
                                                          const quantization_coordinates<float>&,
                                                          const thread_options&);
ATLAS_OF_QUANTIZE row_matrix<double> to_coordinates<double>(row_matrix<double>,
                                                            const quantization_coordinates<double>&,
                                                            const thread_options&);
ATLAS_OF_QUANTIZE row_matrix<float> from_coordinates<float>(row_matrix<float>,
                                                            const quantization_coordinates<float>&,
                                                            const thread_options&);
ATLAS_OF_QUANTIZE row_matrix<double> from_coordinates<double>(
    row_matrix<double>, const quantization_coordinates<double>&, const thread_options&);
ATLAS_OF_QUANTIZE row_matrix<float> dequantize<float>(const quantization<float>&,
                                                      const thread_options&);
ATLAS_OF_QUANTIZE row_matrix<double> dequantize<double>(const quantization<double>&,
                                                        const thread_options&);
}  // namespace atlas::inline ATLAS_ABI
#endif
