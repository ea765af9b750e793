// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// Block Fisher quantization of a linear layer: `y = W a` feels an error E of W as `tr(E F E^T)`,
/// F = E[a a^T] = U L U^T, so W is rounded in a basis of the input side, U or one to compare with.

#include <Eigen/Core>
#include <cstdint>
#include <functional>
#include <optional>
#include <utility>
#include <vector>

#include "atlas/core/as_view.hpp"
#include "atlas/core/checks.hpp"
#include "atlas/core/compiled.hpp"
#include "atlas/core/lazy.hpp"
#include "atlas/core/progress.hpp"
#include "atlas/linalg/eigenbasis.hpp"
#include "atlas/quantize/bit_allocation.hpp"
#include "atlas/quantize/diagonal_fisher.hpp"
#include "atlas/quantize/grid.hpp"
#include "atlas/quantize/quantization.hpp"
#include "atlas/quantize/rotation.hpp"

namespace atlas::inline ATLAS_ABI {

struct block_fisher_options {
  basis_kind basis = basis_kind::fisher;
  grid_options grid = {};  ///< a scale per column unless told otherwise
  /// Steps of `max_i |(W U)_ij| / L * r_j` in place of `max_i |(W U)_ij| / L`, r_j as in
  /// `diagonal_fisher_quantize`: proportional to lambda_j^-1/2, with mean 1, clamped to [1/4, 4].
  /// Columns of r_j below 1 are clipped. Lambda is the diagonal of `U^T F U`: the eigenvalues, in
  /// the Fisher basis. Needs granularity::column.
  bool lambda_scales = false;
  /// Reverse water-filling at this average in place of `grid.bits` for every column, over what
  /// column j contributes: `lambda_j` times its mean square. Needs granularity::column.
  std::optional<double> average_bits = {};
  int min_bits = 2;                    ///< of the water-filling; 0 lets it drop columns
  std::uint64_t seed = 0;              ///< of the random and Hadamard bases
  int threads = 0;                     ///< 0: all of the machine
  progress_callback on_progress = {};  ///< may cancel
  /// The eigenbasis of the second moments, where the caller has it: any `eigenbasis` that outlives
  /// the call, given by its name; temporaries do not compile. The basis that is found without it is
  /// that of `(F + F^T) / 2`, whose bits are those of F where F is symmetric to the last one.
  std::optional<std::reference_wrapper<const eigenbasis>> known_eigenbasis = {};
  /// E[a], `[in]`, where it is known: for the effective rank about the mean.
  Eigen::VectorXd input_mean = {};
};

namespace detail {

/// Eigenvalues below 0 by more than rounding.
template <class Real>
index_t count_negative(const Eigen::VectorX<Real>& values) {
  constexpr double rounding = 1e-9;  // of the largest, for moments that were summed in float
  return (values.array() < -rounding * values.cwiseAbs().maxCoeff()).count();
}

struct fisher_basis {
  orthogonal_basis<double> basis;
  Eigen::VectorXd lambda;  ///< diagonal of `U^T F U`, not below 0
  index_t negative = 0;
};

template <class = lazy>
fisher_basis basis_of_eigenbasis(const eigenbasis& known) {
  const Eigen::VectorXd values =
      times_power(known.values, -extreme_exponent(largest_magnitude(known.values)));
  return {orthogonal_basis<double>::dense(known.vectors), values.cwiseMax(0.0),
          count_negative(values)};
}

/// `wants_lambda`: the diagonal is needed in a basis other than Fisher's.
template <class Real>
fisher_basis fisher_basis_of(const Eigen::MatrixX<Real>& moments, bool wants_lambda,
                             const block_fisher_options& options) {
  if (options.basis == basis_kind::fisher) {
    if (!options.known_eigenbasis) return basis_of_eigenbasis(symmetric_eigenbasis(moments));
    check_extent(options.known_eigenbasis->get().vectors.rows(), moments.rows(), "known_eigenbasis",
                 "the dimension of second_moments,");
    return basis_of_eigenbasis(options.known_eigenbasis->get());
  }
  auto basis = seeded_basis(options.basis, moments.rows(), {options.seed});
  Eigen::VectorXd lambda;
  if (wants_lambda)
    lambda = rotated_moments(moments, basis, options.threads).diagonal().cwiseMax(0.0);
  return {std::move(basis), std::move(lambda), 0};
}

/// Steps by lambda are those of columns, on either side of 0 alike.
inline void check_lambda_grid(const grid_options& grid) {
  if (grid.kind != grid_kind::symmetric)
    throw value_error("grid.kind", "a symmetric grid with lambda_scales", "an asymmetric one");
  if (grid.granularity.value_or(granularity::column) != granularity::column)
    throw value_error("grid.granularity", "scales per column with lambda_scales", "others");
}

inline void check_block_fisher(const block_fisher_options& options) {
  check_grid(options.grid);
  if (options.lambda_scales) check_lambda_grid(options.grid);
  if (!options.average_bits) return;
  if (options.lambda_scales)
    throw value_error("average_bits", "none with lambda_scales",
                      number_text(*options.average_bits));
  if (options.grid.granularity.value_or(granularity::column) != granularity::column)
    throw value_error("grid.granularity", "scales per column with average_bits", "others");
}

/// Bits of the columns of the rotated weights.
template <class Scalar, class Real>
std::vector<int> water_filled_bits(const row_matrix<Scalar>& rotated,
                                   const Eigen::VectorX<Real>& lambda,
                                   const block_fisher_options& options) {
  const Eigen::VectorX<Real> squares =
      rotated.template cast<Real>().colwise().squaredNorm().transpose();
  const Eigen::VectorX<Real> variances =
      lambda.cwiseProduct(squares) / static_cast<double>(rotated.rows());
  return allocate_bits(variances,
                       {.average_bits = *options.average_bits, .min_bits = options.min_bits})
      .bits;
}

/// The largest magnitude in each column.
template <class Scalar>
Eigen::RowVectorXd column_magnitudes(const row_matrix<Scalar>& m) {
  return m.cwiseAbs().colwise().maxCoeff().template cast<double>();
}

template <class Scalar>
quantization_grid<Scalar> block_fisher_grid(const row_matrix<Scalar>& rotated,
                                            const Eigen::VectorXd& lambda,
                                            const block_fisher_options& options) {
  if (options.lambda_scales)
    return anchored_grid<Scalar>(rotated.rows(), fisher_scales(lambda.transpose()),
                                 column_magnitudes(rotated), options.grid.bits);
  if (options.average_bits)
    return fitted_grid(rotated, options.grid, water_filled_bits(rotated, lambda, options));
  return fitted_grid(rotated, options.grid);
}

template <class Scalar>
quantization<Scalar> block_fisher_quantize(const quantizer_input<Scalar>& input,
                                           const block_fisher_options& options) {
  check_block_fisher(options);
  const bool wants_lambda = options.lambda_scales || options.average_bits.has_value();
  progress_meter meter(options.on_progress, "basis, codes and errors", 3);
  const fisher_basis found = fisher_basis_of(input.moments, wants_lambda, options);
  meter.advance();
  quantization<Scalar> q;
  q.coordinates.input = found.basis.template cast<Scalar>();
  q.repairs.negative_eigenvalues = found.negative;
  const auto rotated = q.coordinates.input.rotate(input.weights, {options.threads});
  q.grid = block_fisher_grid(rotated, found.lambda, options);
  q.codes = nearest_codes(rotated, q.grid, options.threads);
  meter.advance();
  q = finished(std::move(q), input, options.threads);
  meter.advance();
  return q;
}

}  // namespace detail

/// Rounds `W U` to the nearest grid points and rotates back.
///
/// \param weights        W, `[out, in]`
/// \param second_moments F = E[a a^T], `[in, in]`; singular or indefinite ones will do (negative
///                       eigenvalues count as 0 and are reported)
/// \throws shape_error for shapes that do not match; value_error for NaN, second moments that are
///         not symmetric or have no positive trace, bits outside 2-8, options that exclude each
///         other
///
/// O(in^3 + out in^2) time; without the cube for the identity and Hadamard bases.
/// \code
/// const auto q = atlas::block_fisher_quantize(w, f, {.grid = {.bits = 3}});
/// q.errors.output; q.codes; q.grid.scales; atlas::dequantize(q) == q.weights;
/// \endcode
template <real_tensor<2> Weights, real_tensor<2> Moments>
[[nodiscard]] quantization<scalar_of<Weights, 2>> block_fisher_quantize(
    const Weights& weights, const Moments& second_moments,
    const block_fisher_options& options = {}) {
  return detail::block_fisher_quantize(
      detail::checked_input(weights, second_moments, options.input_mean), options);
}

}  // namespace atlas::inline ATLAS_ABI

#ifdef ATLAS_COMPILED
namespace atlas::inline ATLAS_ABI::detail {
ATLAS_OF_QUANTIZE quantization<float> block_fisher_quantize<float>(const quantizer_input<float>&,
                                                                   const block_fisher_options&);
ATLAS_OF_QUANTIZE quantization<double> block_fisher_quantize<double>(const quantizer_input<double>&,
                                                                     const block_fisher_options&);
}  // namespace atlas::inline ATLAS_ABI::detail
#endif
