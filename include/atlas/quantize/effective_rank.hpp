// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// How many directions second moments have: with the mean counted as one of them, and about it.

#include <Eigen/Core>
#include <algorithm>
#include <limits>
#include <string>

#include "atlas/core/as_view.hpp"
#include "atlas/core/checks.hpp"
#include "atlas/core/compiled.hpp"
#include "atlas/quantize/quantization_errors.hpp"

namespace atlas::inline ATLAS_ABI {

/// Participation ratios `(sum l)^2 / sum l^2` of eigenvalues l, from 1 to d.
struct effective_ranks {
  /// Of the second moments E[a a^T]. A mean that is large beside the spread counts as the one
  /// direction there is: this is the rank that a quantizer's output error sees, not the number of
  /// directions in which the rows differ.
  double second_moments = 0;
  /// About the mean: of the covariance `E[a a^T] - E[a] E[a]^T`. NaN where the mean was not given
  /// or nothing varies about it, but for what rounding of the second moments makes: 10 d epsilon of
  /// their trace (of the scalar they come in: give those of a large mean in double).
  double about_mean = std::numeric_limits<double>::quiet_NaN();
};

namespace detail {

/// (sum l)^2 / sum l^2 without the eigenvalues l.
template <class Real>
double participation_ratio(const Eigen::MatrixX<Real>& f) {
  return f.trace() * f.trace() / f.squaredNorm();
}

/// \param mean E[a], `[k, d]`: one row for vectors a, k for matrices; no rows: not known
/// \param epsilon of the scalar that f was rounded to: a covariance whose trace is no more than
///                10 d times it, in units of that of f, is made of rounding too
template <class Real>
effective_ranks effective_ranks_of(const Eigen::MatrixX<Real>& f, const row_matrix<Real>& mean,
                                   double epsilon) {
  const double rounding = (std::max)(1e-12, 10 * epsilon * static_cast<double>(f.rows()));
  effective_ranks out;
  out.second_moments = participation_ratio(f);
  if (mean.rows() == 0) return out;
  Eigen::MatrixX<Real> covariance = f;
  covariance.noalias() -= mean.transpose() * mean;
  if (covariance.trace() > rounding * f.trace()) out.about_mean = participation_ratio(covariance);
  return out;
}

/// The mean in the units of the moments that `f` holds.
/// \throws shape_error unless empty or of d columns; value_error for NaN, or where its squares are
///         more than the mean squares
template <class Real>
row_matrix<Real> checked_mean(std::type_identity_t<row_matrix<Real>> mean,
                              const scaled_moments<Real>& f, const std::string& argument) {
  constexpr double rounding = 1e-4;  // for sums in float
  if (mean.size() == 0) return {};
  check_extent(mean.cols(), f.matrix.rows(), argument, "one number per input,");
  check_finite(tensor_view<const Real, 2>(mean.data(), {mean.rows(), mean.cols()}), argument);
  mean = times_power(std::move(mean), -f.exponent / 2);
  const Eigen::VectorX<Real> squares = mean.colwise().squaredNorm().transpose();
  if ((squares.array() > (1 + rounding) * (f.matrix.diagonal().array().max)(0.0)).any())
    throw value_error(argument, "the mean of what the second moments are of",
                      "one whose squares are larger than they");
  return mean;
}

}  // namespace detail

/// The effective ranks of second moments.
///
/// \param second_moments E[a a^T], `[d, d]`, or `E[G^T G]` of gradients G of a weight matrix
/// \param mean           E[a], `[1, d]`, or E[G], `[out, d]`; empty where it is not known
/// \throws shape_error for shapes that do not match; value_error for NaN, second moments that are
///         not symmetric or have no positive trace, a mean that cannot be theirs
///
/// O(d^2) time, and `out d^2` for the mean of gradients.
template <real_tensor<2> Moments>
[[nodiscard]] effective_ranks second_moment_ranks(const Moments& second_moments,
                                                  const row_matrix<double>& mean = {}) {
  const auto f = as_view<2>(second_moments);
  const auto checked =
      detail::checked_moments<scalar_of<Moments, 2>>(f, f.extent(0), "second_moments");
  return detail::effective_ranks_of<double>(
      checked.matrix, detail::checked_mean<double>(mean, checked, "mean"), checked.epsilon);
}

}  // namespace atlas::inline ATLAS_ABI

#ifdef ATLAS_COMPILED
namespace atlas::inline ATLAS_ABI::detail {
ATLAS_OF_QUANTIZE effective_ranks effective_ranks_of<double>(const Eigen::MatrixXd&,
                                                             const row_matrix<double>&, double);
ATLAS_OF_QUANTIZE row_matrix<double> checked_mean<double>(row_matrix<double>,
                                                          const scaled_moments<double>&,
                                                          const std::string&);
}  // namespace atlas::inline ATLAS_ABI::detail
#endif
