#pragma once
/// \file
/// What every quantizer returns, and how its codes become weights again.

#include <Eigen/Core>
#include <cstdint>
#include <limits>
#include <utility>

#include "atlas/core/as_view.hpp"
#include "atlas/quantize/grid.hpp"
#include "atlas/quantize/quantization_errors.hpp"
#include "atlas/quantize/rotation.hpp"

namespace atlas {

/// The coordinates in which a matrix W was rounded: `V^T (W diag(s)) U`.
template <class Scalar>
struct quantization_coordinates {
  orthogonal_basis<Scalar> input;    ///< U, `[in, in]`
  orthogonal_basis<Scalar> output;   ///< V, `[out, out]`
  row_matrix<Scalar> column_scales;  ///< s, `[1, in]`; empty: ones
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
  double effective_rank = 0;  ///< of the second moments: participation ratio `tr(F)^2 / ||F||^2`
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

/// `V^T (W diag(s)) U`.
/// \throws shape_error for weights of another shape than the coordinates are for
template <class Scalar>
row_matrix<Scalar> to_coordinates(row_matrix<Scalar> weights,
                                  const quantization_coordinates<Scalar>& coordinates,
                                  int threads = 0) {
  detail::check_column_scales(weights, coordinates);
  if (coordinates.column_scales.size() > 0)
    weights.array().rowwise() *= coordinates.column_scales.row(0).array();
  return detail::rotate_outputs(coordinates.input.rotate(std::move(weights), threads),
                                coordinates.output, threads);
}

/// The way back; without rounding, the weights up to rounding of the scalar.
template <class Scalar>
row_matrix<Scalar> from_coordinates(row_matrix<Scalar> rotated,
                                    const quantization_coordinates<Scalar>& coordinates,
                                    int threads = 0) {
  row_matrix<Scalar> weights = coordinates.input.restore(
      detail::restore_outputs(rotated, coordinates.output, threads), threads);
  detail::check_column_scales(weights, coordinates);
  if (coordinates.column_scales.size() > 0)
    weights.array().rowwise() /= coordinates.column_scales.row(0).array();
  return weights;
}

/// The weights that the codes stand for: `V (codes - zeros) * scales U^T diag(1/s)`. The same bits
/// as `quantization::weights`, for any number of threads.
template <class Scalar>
row_matrix<Scalar> dequantize(const quantization<Scalar>& q, int threads = 0) {
  return from_coordinates(detail::code_values(q.codes, q.grid, threads), q.coordinates, threads);
}

namespace detail {

/// Weights and second moments of a quantizer, checked.
template <class Scalar>
struct quantizer_input {
  row_matrix<Scalar> weights;
  Eigen::MatrixXd moments;
};

template <tensor_like<2> Weights, tensor_like<2> Moments>
quantizer_input<scalar_of<Weights, 2>> checked_input(const Weights& weights,
                                                     const Moments& second_moments) {
  const auto w = as_view<2>(weights);
  const auto f = as_view<2>(second_moments);
  auto checked = checked_weights<scalar_of<Weights, 2>>(w, "weights");
  return {std::move(checked),
          checked_moments<scalar_of<Moments, 2>>(f, w.extent(1), "second_moments")};
}

/// (sum l)^2 / sum l^2 without the eigenvalues l.
template <class Real>
double participation_ratio(const Eigen::MatrixX<Real>& f) {
  return f.trace() * f.trace() / f.squaredNorm();
}

/// Completes a result whose codes, grid and coordinates are known.
template <class Scalar>
quantization<Scalar> finished(quantization<Scalar> q, const quantizer_input<Scalar>& input,
                              int threads) {
  q.weights = dequantize(q, threads);
  q.errors = errors_of(input.weights, q.weights, input.moments, threads);
  q.effective_rank = participation_ratio(input.moments);
  return q;
}

}  // namespace detail
}  // namespace atlas
