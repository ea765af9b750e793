// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// Quantization in Kronecker-factored eigenbases: the Fisher information of a linear layer is
/// nearly `A (x) G`, A = E[a a^T] of its inputs and G = E[g g^T] of the gradients at its outputs
/// (K-FAC: Martens and Grosse, ICML 2015), so two small eigenbases stand for one of `[out in]^2`.

#include <Eigen/Core>
#include <utility>

#include "atlas/core/as_view.hpp"
#include "atlas/core/checks.hpp"
#include "atlas/core/compiled.hpp"
#include "atlas/core/lazy.hpp"
#include "atlas/core/progress.hpp"
#include "atlas/linalg/eigenbasis.hpp"
#include "atlas/quantize/block_fisher.hpp"
#include "atlas/quantize/diagonal_fisher.hpp"
#include "atlas/quantize/magnitude.hpp"
#include "atlas/quantize/quantization.hpp"

namespace atlas::inline ATLAS_ABI {

struct kronecker_options {
  grid_options grid = {};  ///< a scale per column unless told otherwise
  /// Steps of `max_i |(V^T W U)_ij| / L * r_ij`, r_ij proportional to `(a_j g_i)^-1/2`, a and g the
  /// eigenvalues, with mean 1, clamped to [1/4, 4], in place of steps that reach the weights. Needs
  /// granularity::column.
  bool lambda_scales = false;
  int threads = 0;                     ///< 0: all of the machine
  progress_callback on_progress = {};  ///< may cancel
  /// E[a], `[in]`, and E[g], `[out]`, where they are known: for the effective ranks about the mean.
  Eigen::VectorXd input_mean = {};
  Eigen::VectorXd output_mean = {};
};

template <class Scalar>
struct kronecker_result {
  atlas::quantization<Scalar> quantization;
  /// `tr(G (W - W^) A (W - W^)^T) / tr(G W A W^T)`: what the loss feels.
  double loss_error = 0;
  effective_ranks output_effective_rank;  ///< of G
};

namespace detail {

/// `tr(G E A E^T)`, from rows of `V^T E` with V the eigenvectors of G and `roots` those of its
/// eigenvalues.
template <class = lazy>
double kronecker_norm(const row_matrix<double>& e, const Eigen::MatrixXd& a,
                      const Eigen::MatrixXd& vectors, const Eigen::VectorXd& roots, int threads) {
  const row_matrix<double> rotated = tiled_product(vectors.transpose(), e, threads);
  return norms_of(row_matrix<double>(roots.asDiagonal() * rotated), a, threads).weighted;
}

/// `tr(G E A E^T) / tr(G W A W^T)`. Factors common to both are taken out first: W, A and G are each
/// of a magnitude that can be squared, but `W^2 A G` need not be a number.
template <class Scalar>
double kronecker_error(const row_matrix<Scalar>& lost, const row_matrix<Scalar>& weights,
                       const Eigen::MatrixXd& a, const eigenbasis& g, int threads) {
  const double unit = scale_to_one(static_cast<double>(largest_magnitude(weights)));
  const Eigen::MatrixXd unit_a = a * scale_to_one(largest_magnitude(a));
  const Eigen::VectorXd roots =
      (g.values * scale_to_one(largest_magnitude(g.values))).cwiseMax(0.0).cwiseSqrt();
  const auto norm = [&](const row_matrix<Scalar>& e) {
    return kronecker_norm(e.template cast<double>() * unit, unit_a, g.vectors, roots, threads);
  };
  return ratio_or_zero(norm(lost), norm(weights));
}

template <class Scalar>
quantization_grid<Scalar> kronecker_grid(const row_matrix<Scalar>& rotated, const eigenbasis& a,
                                         const eigenbasis& g, const kronecker_options& options) {
  if (!options.lambda_scales) return fitted_grid(rotated, options.grid);
  const Eigen::MatrixXd lambda = g.values.cwiseMax(0.0) * a.values.cwiseMax(0.0).transpose();
  return anchored_grid<Scalar>(rotated.rows(), fisher_scales(lambda), column_magnitudes(rotated),
                               options.grid.bits);
}

/// \param output_ranks of G
template <class Scalar>
kronecker_result<Scalar> kronecker_quantize(const quantizer_input<Scalar>& input,
                                            const Eigen::MatrixXd& output_moments,
                                            const effective_ranks& output_ranks,
                                            const kronecker_options& options) {
  progress_meter meter(options.on_progress, "bases, codes and errors", 4);
  const eigenbasis a = symmetric_eigenbasis(input.moments);
  meter.advance();
  const eigenbasis g = symmetric_eigenbasis(output_moments);
  meter.advance();
  quantization<Scalar> q;
  q.coordinates.input = orthogonal_basis<Scalar>::dense(a.vectors);
  q.coordinates.output = orthogonal_basis<Scalar>::dense(g.vectors);
  q.repairs.negative_eigenvalues = count_negative(a.values) + count_negative(g.values);
  const auto rotated = to_coordinates(input.weights, q.coordinates, {options.threads});
  q.grid = kronecker_grid(rotated, a, g, options);
  q.codes = nearest_codes(rotated, q.grid, options.threads);
  meter.advance();
  kronecker_result<Scalar> out{finished(std::move(q), input, options.threads), 0, output_ranks};
  const row_matrix<Scalar> lost =
      input.weights - times_power(out.quantization.weights, -input.exponent);
  out.loss_error = kronecker_error(lost, input.weights, input.moments, g, options.threads);
  meter.advance();
  return out;
}

}  // namespace detail

/// Rounds `V^T W U`, U and V the eigenvectors of A and G, and rotates back.
///
/// \param weights        W, `[out, in]`
/// \param input_moments  A = E[a a^T], `[in, in]`
/// \param output_moments G = E[g g^T], `[out, out]`, g the gradient of the loss at `y = W a`
/// \throws shape_error for shapes that do not match; value_error for NaN, second moments that are
///         not symmetric or have no positive trace, bits outside 2-8
///
/// O(in^3 + out^3 + out in (in + out)) time, where the whole Fisher matrix would take (out in)^3.
template <real_tensor<2> Weights, real_tensor<2> Inputs, real_tensor<2> Outputs>
[[nodiscard]] kronecker_result<scalar_of<Weights, 2>> kronecker_quantize(
    const Weights& weights, const Inputs& input_moments, const Outputs& output_moments,
    const kronecker_options& options = {}) {
  detail::check_grid(options.grid);
  if (options.lambda_scales) detail::check_lambda_grid(options.grid);
  const auto input = detail::checked_input(weights, input_moments, options.input_mean);
  const auto g = as_view<2>(output_moments);
  const auto outputs =
      detail::checked_moments<scalar_of<Outputs, 2>>(g, input.weights.rows(), "output_moments");
  const auto mean =
      detail::checked_mean<double>(options.output_mean.transpose(), outputs, "output_mean");
  return detail::kronecker_quantize(
      input, outputs.matrix,
      detail::effective_ranks_of<double>(outputs.matrix, mean, outputs.epsilon), options);
}

}  // namespace atlas::inline ATLAS_ABI

#ifdef ATLAS_COMPILED
namespace atlas::inline ATLAS_ABI::detail {
ATLAS_OF_QUANTIZE kronecker_result<float> kronecker_quantize<float>(const quantizer_input<float>&,
                                                                    const Eigen::MatrixXd&,
                                                                    const effective_ranks&,
                                                                    const kronecker_options&);
ATLAS_OF_QUANTIZE kronecker_result<double> kronecker_quantize<double>(
    const quantizer_input<double>&, const Eigen::MatrixXd&, const effective_ranks&,
    const kronecker_options&);
}  // namespace atlas::inline ATLAS_ABI::detail
#endif
