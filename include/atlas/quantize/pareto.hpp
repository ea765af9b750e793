// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// What quantizing weights and activations in one common basis costs each of them, on the way from
/// the basis of the activations (P_A) to that of the weights' gradients (P_W).

#include <Eigen/Core>
#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>
#include <vector>

#include "atlas/core/as_view.hpp"
#include "atlas/core/checks.hpp"
#include "atlas/core/compiled.hpp"
#include "atlas/core/lazy.hpp"
#include "atlas/core/progress.hpp"
#include "atlas/linalg/eigenbasis.hpp"
#include "atlas/quantize/basis_path.hpp"
#include "atlas/quantize/grid.hpp"
#include "atlas/quantize/quantization.hpp"
#include "atlas/quantize/rotation.hpp"
#include "atlas/stats/correlation.hpp"

namespace atlas::inline ATLAS_ABI {

struct pareto_options {
  basis_path path = basis_path::geodesic;
  index_t steps = 11;                  ///< bases from t = 0 to t = 1, 2 or more
  grid_options weight_grid = {};       ///< a scale per column (of the basis) unless told otherwise
  grid_options activation_grid = {};   ///< likewise; rows are tokens: granularity::row is per token
  int threads = 0;                     ///< 0: all of the machine
  progress_callback on_progress = {};  ///< may cancel
};

/// One basis of the path.
struct pareto_point {
  double t = 0;                 ///< 0: P_A, 1: P_W
  double angle = 0;             ///< root mean square angle by which P_A is rotated, radians
  double weight_error = 0;      ///< `||W - W^||^2 / ||W||^2`
  double loss_error = 0;        ///< `tr((W - W^) F_W (W - W^)^T) / tr(W F_W W^T)`
  double activation_error = 0;  ///< `||X - X^||^2 / ||X||^2`
  double product = 0;           ///< weight_error times activation_error
  bool on_front = false;        ///< no other point is as good in both errors and better in one
};

struct pareto_result {
  std::vector<pareto_point> points;  ///< by t
  double product_floor = 0;          ///< the smallest product
  double angle = 0;                  ///< of P_W
  /// Pearson correlation of the product with the angle along the path; NaN without spread.
  double correlation = std::numeric_limits<double>::quiet_NaN();
};

namespace detail {

/// A matrix rounded in a basis and rotated back.
template <class Scalar>
row_matrix<Scalar> rounded_in(const orthogonal_basis<Scalar>& basis, const row_matrix<Scalar>& w,
                              const grid_options& options, int threads) {
  const auto rotated = basis.rotate(w, {threads});
  const auto grid = fitted_grid(rotated, options);
  return basis.restore(code_values(nearest_codes(rotated, grid, threads), grid, threads),
                       {threads});
}

/// `||X - X^||^2 / ||X||^2`, sums in double.
template <class Scalar>
double relative_difference(const row_matrix<Scalar>& whole, const row_matrix<Scalar>& rounded) {
  double lost = 0, all = 0;
  for (index_t r = 0; r < whole.rows(); ++r)
    for (index_t c = 0; c < whole.cols(); ++c) {
      const auto x = static_cast<double>(whole(r, c));
      const double e = x - static_cast<double>(rounded(r, c));
      lost += e * e;
      all += x * x;
    }
  return ratio_or_zero(lost, all);
}

template <class Scalar, class Activation>
pareto_point pareto_step(const basis_walk<>& walk, double t, const row_matrix<Scalar>& weights,
                         const row_matrix<Activation>& activations, const Eigen::MatrixXd& fisher,
                         const pareto_options& options) {
  const Eigen::MatrixXd basis = walk.at(t);
  pareto_point point;
  point.t = t;
  point.angle = walk.angle(basis, t);
  const auto rounded = rounded_in(orthogonal_basis<Scalar>::dense(basis), weights,
                                  options.weight_grid, options.threads);
  const quantization_errors errors = errors_of(weights, rounded, fisher, options.threads);
  point.weight_error = errors.weights;
  point.loss_error = errors.output;
  point.activation_error = relative_difference(
      activations, rounded_in(orthogonal_basis<Activation>::dense(basis), activations,
                              options.activation_grid, options.threads));
  point.product = point.weight_error * point.activation_error;
  return point;
}

inline bool dominates(const pareto_point& a, const pareto_point& b) {
  return a.weight_error <= b.weight_error && a.activation_error <= b.activation_error &&
         (a.weight_error < b.weight_error || a.activation_error < b.activation_error);
}

/// Pearson correlation of product and angle; NaN where either differs by rounding alone.
template <class = lazy>
double product_angle_correlation(const std::vector<pareto_point>& points) {
  constexpr double rounding = 1e-10;
  Eigen::VectorXd angles(static_cast<index_t>(points.size())), products(angles.size());
  for (index_t i = 0; i < angles.size(); ++i) {
    angles(i) = points[static_cast<std::size_t>(i)].angle;
    products(i) = points[static_cast<std::size_t>(i)].product;
  }
  if (angles.maxCoeff() <= rounding ||
      products.maxCoeff() - products.minCoeff() <= rounding * products.maxCoeff())
    return std::numeric_limits<double>::quiet_NaN();
  return standardized(angles, "angle").dot(standardized(products, "product"));
}

/// Fills in what needs all points.
template <class = lazy>
pareto_result pareto_of(std::vector<pareto_point> points) {
  pareto_result out;
  out.product_floor = std::numeric_limits<double>::infinity();
  for (pareto_point& p : points) {
    p.on_front = true;
    for (const pareto_point& other : points) p.on_front = p.on_front && !dominates(other, p);
    out.product_floor = (std::min)(out.product_floor, p.product);
  }
  out.angle = points.back().angle;
  out.correlation = product_angle_correlation(points);
  out.points = std::move(points);
  return out;
}

template <class Scalar, class Activation>
pareto_result pareto(row_matrix<Scalar> weights, row_matrix<Activation> activations,
                     const Eigen::MatrixXd& fisher, const Eigen::MatrixXd& moments,
                     const pareto_options& options) {
  // Relative errors do not depend on powers of two.
  const int of_weights = extreme_exponent(largest_magnitude(weights));
  const int of_inputs = extreme_exponent(largest_magnitude(activations));
  weights = times_power(std::move(weights), -of_weights);
  activations = times_power(std::move(activations), -of_inputs);
  check_between(options.steps, 2, 100000, "steps");
  check_grid(options.weight_grid);
  check_grid(options.activation_grid);
  const basis_walk<> walk(symmetric_eigenbasis(moments).vectors,
                          symmetric_eigenbasis(fisher).vectors, options.path);
  std::vector<pareto_point> points;
  progress_meter meter(options.on_progress, "bases", options.steps);
  for (index_t i = 0; i < options.steps; ++i) {
    points.push_back(pareto_step(walk,
                                 static_cast<double>(i) / static_cast<double>(options.steps - 1),
                                 weights, activations, fisher, options));
    meter.advance();
  }
  return pareto_of(std::move(points));
}

}  // namespace detail

/// Quantizes the weights and the inputs of a linear layer in bases from P_A, the eigenvectors of
/// the activations' second moments, to P_W, those of `F_W`.
///
/// \param weights            W, `[out, d]`
/// \param activations        X, `[n, d]`, a sample of the layer's inputs
/// \param weight_fisher      F_W = E[(dL/dW)^T (dL/dW)], `[d, d]`
/// \param activation_moments G_A = E[a a^T], `[d, d]`
/// \throws shape_error for shapes that do not match; value_error for NaN, matrices that are not
///         symmetric or have no positive trace, bits outside 2-8, fewer than 2 steps
///
/// O(steps (d^3 + (out + n) d^2)) time.
template <real_tensor<2> Weights, real_tensor<2> Activations, real_tensor<2> Fisher,
          real_tensor<2> Moments>
[[nodiscard]] pareto_result fisher_pareto(const Weights& weights, const Activations& activations,
                                          const Fisher& weight_fisher,
                                          const Moments& activation_moments,
                                          const pareto_options& options = {}) {
  const auto w = as_view<2>(weights);
  const auto x = as_view<2>(activations);
  const auto f = as_view<2>(weight_fisher);
  const auto g = as_view<2>(activation_moments);
  auto checked = detail::checked_weights<scalar_of<Weights, 2>>(w, "weights");
  auto inputs = detail::checked_weights<scalar_of<Activations, 2>>(x, "activations");
  const index_t d = checked.cols();
  check_extent(inputs.cols(), d, "activations", "as many columns as weights,");
  const auto fisher = detail::checked_moments<scalar_of<Fisher, 2>>(f, d, "weight_fisher");
  const auto moments = detail::checked_moments<scalar_of<Moments, 2>>(g, d, "activation_moments");
  return detail::pareto<scalar_of<Weights, 2>, scalar_of<Activations, 2>>(
      std::move(checked), std::move(inputs), fisher.matrix, moments.matrix, options);
}

}  // namespace atlas::inline ATLAS_ABI

#ifdef ATLAS_COMPILED
namespace atlas::inline ATLAS_ABI::detail {
ATLAS_OF_QUANTIZE pareto_result pareto<float, float>(row_matrix<float>, row_matrix<float>,
                                                     const Eigen::MatrixXd&, const Eigen::MatrixXd&,
                                                     const pareto_options&);
ATLAS_OF_QUANTIZE pareto_result pareto<float, double>(row_matrix<float>, row_matrix<double>,
                                                      const Eigen::MatrixXd&,
                                                      const Eigen::MatrixXd&,
                                                      const pareto_options&);
ATLAS_OF_QUANTIZE pareto_result pareto<double, float>(row_matrix<double>, row_matrix<float>,
                                                      const Eigen::MatrixXd&,
                                                      const Eigen::MatrixXd&,
                                                      const pareto_options&);
ATLAS_OF_QUANTIZE pareto_result pareto<double, double>(row_matrix<double>, row_matrix<double>,
                                                       const Eigen::MatrixXd&,
                                                       const Eigen::MatrixXd&,
                                                       const pareto_options&);
}  // namespace atlas::inline ATLAS_ABI::detail
#endif
