// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// Correlations with permutation p values: Pearson, Spearman, and partial given one control.

#include <Eigen/Core>
#include <algorithm>
#include <cmath>
#include <numeric>
#include <string>
#include <vector>

#include "atlas/core/as_view.hpp"
#include "atlas/core/binary_scale.hpp"
#include "atlas/core/checks.hpp"
#include "atlas/core/compiled.hpp"
#include "atlas/core/lazy.hpp"
#include "atlas/stats/permutation.hpp"

namespace atlas::inline ATLAS_ABI {

struct correlation {
  double coefficient = 0;
  double p = 0;  ///< two-sided
  index_t n = 0;
};

/// Ranks from 1, equal values sharing the mean of theirs.
template <class = lazy>
[[nodiscard]] Eigen::VectorXd average_ranks(const Eigen::VectorXd& x) {
  const index_t n = x.size();
  std::vector<index_t> order(static_cast<std::size_t>(n));
  std::iota(order.begin(), order.end(), index_t{0});
  std::sort(order.begin(), order.end(), [&](index_t a, index_t b) { return x(a) < x(b); });
  const auto value = [&](index_t i) { return x(order[static_cast<std::size_t>(i)]); };
  Eigen::VectorXd ranks(n);
  for (index_t from = 0; from < n;) {
    index_t to = from + 1;
    while (to < n && value(to) == value(from)) ++to;
    for (index_t i = from; i < to; ++i)
      ranks(order[static_cast<std::size_t>(i)]) = 0.5 * static_cast<double>(from + to + 1);
    from = to;
  }
  return ranks;
}

namespace detail {

template <class Scalar>
Eigen::VectorXd checked_sample(const tensor_view<const Scalar, 1>& x, index_t n,
                               const std::string& argument) {
  check_not_empty(x, argument);
  check_extent(x.extent(0), n, argument, "length");
  check_finite(x, argument);
  if (n < 3) throw shape_error(argument, "at least 3 values", std::to_string(n));
  Eigen::VectorXd out(n);
  for (index_t i = 0; i < n; ++i) out(i) = static_cast<double>(x[i]);
  return out;
}

/// Less its mean, of norm 1. Only powers of two scale it before it is centred, so that a common
/// offset costs no digits that the sample has.
template <class Real>
Eigen::VectorX<Real> standardized(Eigen::VectorX<Real> x, const std::string& argument) {
  if (!(x.maxCoeff() > x.minCoeff()))
    throw value_error(argument, "values that differ", "equal ones");
  x *= scale_to_one(x.cwiseAbs().maxCoeff());
  x.array() -= Real(x(0));
  x *= scale_to_one(x.cwiseAbs().maxCoeff());
  x.array() -= x.mean();
  return x / x.norm();
}

/// Slack within which two sums of the same products in another order count as equal.
inline constexpr double same_correlation = 1e-12;

/// `sum_i x(i) y'(i)` of shuffles y' of y by whole blocks of rows. Where there are no more blocks
/// than rows in each, from the sums of each pair of blocks: O(blocks) a shuffle in place of O(n).
class shuffled_product {
 public:
  /// Refers to both samples.
  template <class = lazy>
  shuffled_product(const Eigen::VectorXd& x, const Eigen::VectorXd& y, index_t rows_per_block)
      : x_(x), y_(y), rows_(rows_per_block) {
    const index_t blocks = x.size() / rows_;
    if (blocks > rows_) return;
    using columns = Eigen::Map<const Eigen::MatrixXd>;  // one a block
    pairs_ = columns(x.data(), rows_, blocks).transpose() * columns(y.data(), rows_, blocks);
  }

  /// \param order `[blocks]`, which block of y comes to the place of each
  double operator()(const std::vector<index_t>& order) const {
    double sum = 0;
    const auto blocks = static_cast<index_t>(order.size());
    for (index_t b = 0; b < blocks; ++b) {
      const index_t from = order[static_cast<std::size_t>(b)];
      if (pairs_.size() > 0)
        sum += pairs_(b, from);
      else
        for (index_t i = 0; i < rows_; ++i) sum += x_(b * rows_ + i) * y_(from * rows_ + i);
    }
    return sum;
  }

 private:
  const Eigen::VectorXd& x_;
  const Eigen::VectorXd& y_;
  index_t rows_;
  Eigen::MatrixXd pairs_;  // `[blocks, blocks]`; empty for more blocks than rows in each
};

template <class = lazy>
correlation correlate(const Eigen::VectorXd& x, const Eigen::VectorXd& y,
                      const permutation_options& options) {
  const index_t n = x.size();
  const Eigen::VectorXd u = standardized(x, "x"), v = standardized(y, "y");
  const double r = std::clamp(u.dot(v), -1.0, 1.0), bar = std::abs(r) - same_correlation;
  const index_t blocks = check_permutations(n, options);
  const shuffled_product product(u, v, options.rows_per_block);
  const double p = permutation_p_of_blocks(blocks, options, [&](const std::vector<index_t>& order) {
    return std::abs(product(order)) >= bar;
  });
  return {r, p, n};
}

/// What a standardized control leaves of a standardized sample.
template <class Real>
Eigen::VectorX<Real> residual(const Eigen::VectorX<Real>& x, const Eigen::VectorX<Real>& control,
                              const std::string& argument) {
  Eigen::VectorX<Real> left = x - x.dot(control) * control;
  left -= left.dot(control) * control;
  if (!(left.norm() > 1e-10))
    throw value_error(argument, "values that the control does not determine", "such values");
  return left / left.norm();
}

/// Shuffles what the control leaves of y (Freedman and Lane 1983) and takes the control out again.
template <class = lazy>
correlation correlate_given(const Eigen::VectorXd& x, const Eigen::VectorXd& y,
                            const Eigen::VectorXd& control, const permutation_options& options) {
  const index_t n = x.size();
  if (n < 4) throw shape_error("x", "at least 4 values", std::to_string(n));
  const Eigen::VectorXd z = standardized(control, "control");
  const Eigen::VectorXd u = residual(standardized(x, "x"), z, "x");
  const Eigen::VectorXd v = residual(standardized(y, "y"), z, "y");
  const double r = std::clamp(u.dot(v), -1.0, 1.0), bar = std::abs(r) - same_correlation;
  const index_t blocks = check_permutations(n, options);
  const shuffled_product product(u, v, options.rows_per_block),
      on_control(z, v, options.rows_per_block);
  const double p = permutation_p_of_blocks(blocks, options, [&](const std::vector<index_t>& order) {
    const double along = on_control(order);
    return std::abs(product(order)) >= bar * std::sqrt((std::max)(0.0, 1 - along * along));
  });
  return {r, p, n};
}

}  // namespace detail

/// Pearson's correlation.
///
/// \param x `[n]`, n >= 3
/// \param y `[n]`
/// \return with a two-sided permutation p: of all n! orders where they are no more than
///         `options.permutations`, else (hits + 1) / (permutations + 1) of random ones
/// \throws shape_error for fewer than 3 values, other lengths or a rows_per_block that does not
/// divide
///         n; value_error for NaN, equal values or options out of range
///
/// O(permutations n) time; O(n blocks + permutations blocks) where rows are shuffled in no more
/// blocks than each has rows. O(n) memory, the same bits for every thread count.
template <number_tensor<1> X, number_tensor<1> Y>
[[nodiscard]] correlation pearson(const X& x, const Y& y, const permutation_options& options = {}) {
  const auto a = as_view<1>(x);
  const auto b = as_view<1>(y);
  const auto checked_x = detail::checked_sample<scalar_of<X, 1>>(a, a.extent(0), "x");
  const auto checked_y = detail::checked_sample<scalar_of<Y, 1>>(b, a.extent(0), "y");
  return detail::correlate(checked_x, checked_y, options);
}

/// Spearman's: Pearson's of the ranks, equal values sharing theirs. Otherwise as `pearson`.
template <number_tensor<1> X, number_tensor<1> Y>
[[nodiscard]] correlation spearman(const X& x, const Y& y,
                                   const permutation_options& options = {}) {
  const auto a = as_view<1>(x);
  const auto b = as_view<1>(y);
  const auto checked_x = detail::checked_sample<scalar_of<X, 1>>(a, a.extent(0), "x");
  const auto checked_y = detail::checked_sample<scalar_of<Y, 1>>(b, a.extent(0), "y");
  return detail::correlate(average_ranks(checked_x), average_ranks(checked_y), options);
}

/// Pearson's correlation of what a linear fit on the control leaves of x and y. The p value is by
/// Freedman and Lane's shuffles of residuals (J. Bus. Econ. Stat. 1, 292, 1983). Otherwise as
/// `pearson`; n >= 4, and value_error where the control determines x or y.
template <number_tensor<1> X, number_tensor<1> Y, number_tensor<1> Control>
[[nodiscard]] correlation partial_pearson(const X& x, const Y& y, const Control& control,
                                          const permutation_options& options = {}) {
  const auto a = as_view<1>(x);
  const auto b = as_view<1>(y);
  const auto c = as_view<1>(control);
  const auto checked_x = detail::checked_sample<scalar_of<X, 1>>(a, a.extent(0), "x");
  const auto checked_y = detail::checked_sample<scalar_of<Y, 1>>(b, a.extent(0), "y");
  const auto checked_z = detail::checked_sample<scalar_of<Control, 1>>(c, a.extent(0), "control");
  return detail::correlate_given(checked_x, checked_y, checked_z, options);
}

/// The same of ranks.
template <number_tensor<1> X, number_tensor<1> Y, number_tensor<1> Control>
[[nodiscard]] correlation partial_spearman(const X& x, const Y& y, const Control& control,
                                           const permutation_options& options = {}) {
  const auto a = as_view<1>(x);
  const auto b = as_view<1>(y);
  const auto c = as_view<1>(control);
  const auto checked_x = detail::checked_sample<scalar_of<X, 1>>(a, a.extent(0), "x");
  const auto checked_y = detail::checked_sample<scalar_of<Y, 1>>(b, a.extent(0), "y");
  const auto checked_z = detail::checked_sample<scalar_of<Control, 1>>(c, a.extent(0), "control");
  return detail::correlate_given(average_ranks(checked_x), average_ranks(checked_y),
                                 average_ranks(checked_z), options);
}

}  // namespace atlas::inline ATLAS_ABI

#ifdef ATLAS_COMPILED
namespace atlas::inline ATLAS_ABI::detail {
ATLAS_OF_STATS correlation correlate<void>(const Eigen::VectorXd&, const Eigen::VectorXd&,
                                           const permutation_options&);
ATLAS_OF_STATS correlation correlate_given<void>(const Eigen::VectorXd&, const Eigen::VectorXd&,
                                                 const Eigen::VectorXd&,
                                                 const permutation_options&);
}  // namespace atlas::inline ATLAS_ABI::detail
#endif
