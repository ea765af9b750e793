// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// How far two Fisher matrices of one layer are from having a common eigenbasis: what the weights'
/// gradients see (F_W) against what the activations span (G_A).

#include <Eigen/Core>
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <utility>
#include <vector>

#include "atlas/core/as_view.hpp"
#include "atlas/core/checks.hpp"
#include "atlas/core/compiled.hpp"
#include "atlas/core/lazy.hpp"
#include "atlas/core/parallel.hpp"
#include "atlas/core/progress.hpp"
#include "atlas/core/random.hpp"
#include "atlas/linalg/eigenbasis.hpp"
#include "atlas/linalg/frame.hpp"
#include "atlas/quantize/magnitude.hpp"
#include "atlas/quantize/quantization.hpp"
#include "atlas/stats/drawn_null.hpp"
#include "atlas/subspace/haar.hpp"
#include "atlas/subspace/head_overlap.hpp"
#include "atlas/subspace/principal_angles.hpp"
#include "atlas/subspace/principal_frame.hpp"

namespace atlas::inline ATLAS_ABI {

struct uncertainty_options {
  index_t k = 0;       ///< dimension of the eigenspaces; 0: the smaller effective rank (of the
                       ///< second moments), rounded, at most d/2 and 64
  index_t draws = 20;  ///< random bases of the commutator's reference, at least `least_draws`;
                       ///< each O(d^3)
  index_t haar_draws = 2000;           ///< of the reference of the angles, as `haar_options::draws`
  std::uint64_t seed = 0;              ///< of both references, in other streams
  int threads = 0;                     ///< 0: all of the machine
  progress_callback on_progress = {};  ///< may cancel
  /// E[dL/dW], `[out, d]`, and E[a], `[d]`, where they are known: for the effective ranks about the
  /// mean.
  row_matrix<double> gradient_mean = {};
  Eigen::VectorXd activation_mean = {};
};

/// The normalised commutator `||F G - G F|| / (sqrt(2) ||F|| ||G||)`, in [0, 1]: the bound is that
/// of Bottcher and Wenzel (2008). 0: a common eigenbasis.
struct commutator_result {
  double value = 0;
  double random_mean = 0;  ///< of F and `Q G Q^T`, Q Haar: the same spectra in unrelated bases
  double random_sd = 0;
  double random_rms = 0;  ///< root of the mean square over all Q, exact
  /// `(value - random_mean) / (random_sd sqrt(1 + 1/n))` of n draws; NaN without spread.
  double z = 0;
  double p = 0;       ///< two-sided, of Student's t with n - 1 degrees of freedom
  double rank_p = 0;  ///< two-sided, of the rank among the draws; not below 2/(n + 1)
};

struct uncertainty_result {
  index_t k = 0;
  principal_angles_result angles;  ///< between the top-k eigenspaces
  double mean_cosine = 0;          ///< of the angles
  haar_null random;                ///< mean cosine of random k-spaces
  double z = 0;  ///< of mean_cosine, as that of a pair of heads; NaN without spread
  /// Two-sided, likewise: for angles whose mean is normal. For k of 1 or 2 it is not, see rank_p.
  double p = 0;
  double rank_p = 0;  ///< of the rank among `random.draws` pairs, exact; NaN for the whole space
  commutator_result commutator;
  effective_ranks effective_rank_weights;      ///< of F_W
  effective_ranks effective_rank_activations;  ///< of G_A
};

namespace detail {

/// `||[F, G]||^2 / (2 ||F||^2 ||G||^2)`, F = diag(f): the commutator is `(f_i - f_j) G_ij`.
template <class Real>
double squared_commutator(const Eigen::VectorX<Real>& f, const Eigen::MatrixX<Real>& g) {
  double sum = 0;
  for (index_t j = 0; j < g.cols(); ++j)
    sum += ((f.array() - f(j)) * g.col(j).array()).square().sum();
  return sum / (2 * f.squaredNorm() * g.squaredNorm());
}

/// Its mean over Haar bases of G. With `E[B_ij B_kl] = a d_ij d_kl + b (d_ik d_jl + d_il d_jk)` of
/// a symmetric B in a random basis, a and b from tr B and tr B^2, and
/// `||[A, B]||^2 = 2 tr A^2 B^2 - 2 tr A B A B`.
template <class Real>
double mean_squared_commutator(const Eigen::VectorX<Real>& f, const Eigen::VectorX<Real>& g) {
  const auto d = static_cast<double>(f.size());
  if (f.size() == 1) return 0;
  const double f1 = f.sum(), f2 = f.squaredNorm(), g1 = g.sum(), g2 = g.squaredNorm();
  const double b = (d * g2 - g1 * g1) / (d * (d + 2) * (d - 1));
  const double a = (g1 * g1 - 2 * b * d) / (d * d);
  const double mean = 2 * f2 * g2 / d - 2 * (a * f2 + b * (f2 + f1 * f1));
  return (std::max)(0.0, mean) / (2 * f2 * g2);
}

template <class Real>
commutator_result commutator_of(const eigenbasis& f, const eigenbasis& g,
                                const Eigen::MatrixX<Real>& g_matrix,
                                const uncertainty_options& options) {
  const index_t d = g_matrix.rows();
  // Neither scale matters, but the squares of the products of both do not fit every magnitude.
  const double unit = scale_to_one(largest_magnitude(g.values));
  const Eigen::VectorXd f_values = f.values * scale_to_one(largest_magnitude(f.values));
  const Eigen::VectorXd g_values = g.values * unit;
  commutator_result out;
  const Eigen::MatrixX<Real> rotated = f.vectors.transpose() * (unit * g_matrix) * f.vectors;
  out.value = std::sqrt(squared_commutator(f_values, rotated));
  std::vector<double> draws(static_cast<std::size_t>(options.draws));
  progress_meter meter(options.on_progress, "random bases", options.draws);
  constexpr std::uint64_t first_stream = std::uint64_t{1} << 32;  // those of the angles are below
  parallel_for(options.draws, options.threads, [&](index_t i) {
    random_stream random(options.seed, first_stream + static_cast<std::uint64_t>(i));
    const Eigen::MatrixX<Real> q = random_frame(d, d, random);
    const Eigen::MatrixX<Real> drawn = q * g_values.asDiagonal() * q.transpose();
    draws[static_cast<std::size_t>(i)] = std::sqrt(squared_commutator(f_values, drawn));
    meter.advance();
  });
  const drawn_null null = compare_with_draws(out.value, std::move(draws));
  out.random_mean = null.mean;
  out.random_sd = null.sd;
  out.random_rms = std::sqrt(mean_squared_commutator(f_values, g_values));
  out.z = null.z;
  out.p = null.p;
  out.rank_p = std::isnan(null.z) ? null.z : null.rank_p;
  return out;
}

inline index_t eigenspace_dimension(double rank_a, double rank_b, index_t d) {
  constexpr index_t most = 64;  // the cost of the reference grows with its cube
  const auto rounded = static_cast<index_t>(std::nearbyint((std::min)(rank_a, rank_b)));
  return std::clamp<index_t>(rounded, 1, std::clamp<index_t>(d / 2, 1, most));
}

/// \param out with the effective ranks
template <class = lazy>
uncertainty_result uncertainty(uncertainty_result out, const Eigen::MatrixXd& weights,
                               const Eigen::MatrixXd& activations,
                               const uncertainty_options& options) {
  check_draws(options.draws, "draws");
  check_haar_draws(options.haar_draws, "haar_draws");
  check_between(options.k, 0, weights.rows(), "k");
  out.k = options.k > 0
              ? options.k
              : eigenspace_dimension(out.effective_rank_weights.second_moments,
                                     out.effective_rank_activations.second_moments, weights.rows());
  const eigenbasis f = symmetric_eigenbasis(weights), g = symmetric_eigenbasis(activations);
  out.angles = principal_angles(top_frame(f, out.k, "weight_fisher"),
                                top_frame(g, out.k, "activation_moments"));
  out.mean_cosine = out.angles.cosines.mean();
  const haar_simulation random = haar_overlap_with_draws(weights.rows(), out.k,
                                                         {.draws = options.haar_draws,
                                                          .seed = options.seed,
                                                          .threads = options.threads,
                                                          .on_progress = options.on_progress});
  out.random = random.null;
  const null_score score = score_against_haar(out.mean_cosine, 1, out.random);
  out.z = score.z;
  out.p = score.p;
  out.rank_p = random.cosines.empty() ? std::numeric_limits<double>::quiet_NaN()
                                      : two_sided_rank_p(out.mean_cosine, random.cosines);
  out.commutator = commutator_of(f, g, activations, options);
  return out;
}

}  // namespace detail

/// Compares the eigenbases of two symmetric matrices of one layer's inputs.
///
/// \param weight_fisher      F_W = E[(dL/dW)^T (dL/dW)], `[d, d]`
/// \param activation_moments G_A = E[a a^T], `[d, d]`
/// \throws shape_error for shapes that do not match; value_error for NaN, matrices that are not
///         symmetric or have no positive trace, k beyond the directions that vary, fewer than
///         `least_draws` draws, means that cannot be theirs
///
/// O(draws d^3) time.
template <real_tensor<2> Weights, real_tensor<2> Activations>
[[nodiscard]] uncertainty_result fisher_uncertainty(const Weights& weight_fisher,
                                                    const Activations& activation_moments,
                                                    const uncertainty_options& options = {}) {
  const auto f = as_view<2>(weight_fisher);
  const auto g = as_view<2>(activation_moments);
  const index_t d = f.extent(0);
  const auto weights = detail::checked_moments<scalar_of<Weights, 2>>(f, d, "weight_fisher");
  const auto activations =
      detail::checked_moments<scalar_of<Activations, 2>>(g, d, "activation_moments");
  const auto gradient_mean =
      detail::checked_mean<double>(options.gradient_mean, weights, "gradient_mean");
  const auto activation_mean = detail::checked_mean<double>(options.activation_mean.transpose(),
                                                            activations, "activation_mean");
  uncertainty_result out;
  out.effective_rank_weights =
      detail::effective_ranks_of<double>(weights.matrix, gradient_mean, weights.epsilon);
  out.effective_rank_activations =
      detail::effective_ranks_of<double>(activations.matrix, activation_mean, activations.epsilon);
  return detail::uncertainty(std::move(out), weights.matrix, activations.matrix, options);
}

}  // namespace atlas::inline ATLAS_ABI

#ifdef ATLAS_COMPILED
namespace atlas::inline ATLAS_ABI::detail {
ATLAS_OF_QUANTIZE uncertainty_result uncertainty<void>(uncertainty_result, const Eigen::MatrixXd&,
                                                       const Eigen::MatrixXd&,
                                                       const uncertainty_options&);
}  // namespace atlas::inline ATLAS_ABI::detail
#endif
