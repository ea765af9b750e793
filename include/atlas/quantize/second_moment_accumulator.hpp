// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// E[a a^T] and E[a] of rows that come in batches.

#include <Eigen/Core>
#include <algorithm>
#include <cmath>
#include <string>
#include <utility>

#include "atlas/core/as_view.hpp"
#include "atlas/core/checks.hpp"
#include "atlas/core/compiled.hpp"
#include "atlas/core/lazy.hpp"
#include "atlas/core/parallel.hpp"
#include "atlas/core/work_options.hpp"
#include "atlas/linalg/tiled_product.hpp"
#include "atlas/quantize/magnitude.hpp"

namespace atlas::inline ATLAS_ABI {

/// Sums `a a^T` and a over rows, in double, in blocks of 256 rows whose borders depend on the order
/// of the rows alone: the same bits however the rows are cut into batches and however many threads
/// work. One object is for one thread at a time; give each thread its own and merge them in a fixed
/// order, which gives the same bits every time.
/// \code
/// atlas::second_moment_accumulator inputs(d);
/// for (const auto& batch : batches) inputs.add(batch);
/// atlas::second_moment_ranks(inputs.matrix(), inputs.mean().transpose()).about_mean;
/// \endcode
class second_moment_accumulator {
 public:
  /// \throws value_error for d < 1
  template <class = lazy>
  explicit second_moment_accumulator(index_t d) {
    check_between(d, 1, index_t{1} << 30, "d");
    sum_ = Eigen::MatrixXd::Zero(d, d);
    row_sum_ = Eigen::VectorXd::Zero(d);
    pending_.resize(block, d);
  }

  /// Adds rows.
  /// \param rows `[n, d]`; n may be 0
  /// \throws shape_error for another d; value_error for NaN, and numbers above 2^500; then nothing
  ///         has been added
  ///
  /// O(n d^2) time.
  template <real_tensor<2> Rows>
  void add(const Rows& rows, const thread_options& options = {}) {
    using scalar = scalar_of<Rows, 2>;
    const auto view = as_view<2>(rows);
    add_rows<scalar>(view, options.threads);
  }

  /// Adds `w a a^T` of rows a with weights w, each of which counts as one row.
  /// \param weights `[n]`, 0 or more
  template <real_tensor<2> Rows, number_tensor<1> Weights>
  void add_weighted(const Rows& rows, const Weights& weights, const thread_options& options = {}) {
    const auto view = as_view<2>(rows);
    const auto w = as_view<1>(weights);
    add_weighted_rows<scalar_of<Rows, 2>, scalar_of<Weights, 1>>(view, w, options.threads);
  }

  /// Adds what another accumulator has seen.
  /// \throws shape_error for another d
  template <class Real = double>
  void merge(const second_moment_accumulator& other, const thread_options& options = {});

  [[nodiscard]] index_t dimension() const { return sum_.rows(); }
  /// Rows added.
  [[nodiscard]] index_t count() const { return count_; }

  /// `[d, d]`, the sum over rows, exactly symmetric.
  /// \throws value_error where all numbers but 0 were below 2^-480
  template <class Real = double>
  [[nodiscard]] Eigen::MatrixX<Real> sum(const thread_options& options = {}) const;

  /// `[d, d]`, E[a a^T], exactly symmetric.
  ///
  /// \throws value_error before any row, and as `sum`
  template <class Real = double>
  [[nodiscard]] Eigen::MatrixX<Real> matrix(const thread_options& options = {}) const;

  /// `[d]`, E[a].
  ///
  /// \throws value_error before any row, or where some had weights
  template <class Real = double>
  [[nodiscard]] Eigen::VectorX<Real> mean() const;

 private:
  static constexpr index_t block = 256;  // rows a product

  template <class Scalar>
  void add_rows(const tensor_view<const Scalar, 2>& rows, int threads);

  template <class Scalar, class Weight>
  void add_weighted_rows(const tensor_view<const Scalar, 2>& rows,
                         const tensor_view<const Weight, 1>& weights, int threads);

  /// \throws value_error for `root(i) row i` that cannot be squared
  template <class Scalar, class Root>
  void measure(const tensor_view<const Scalar, 2>& rows, Root&& root) {
    double largest = 0;
    for (index_t i = 0; i < rows.extent(0); ++i) {
      const double row = detail::largest_magnitude(rows[i]);
      if (row > 0) largest = (std::max)(largest, root(i) * row);
    }
    detail::check_squares_finite(largest, "rows");
    largest_ = (std::max)(largest_, largest);
  }

  template <class Scalar, class Root>
  void append(const tensor_view<const Scalar, 2>& rows, int threads, Root&& root) {
    for (index_t i = 0; i < rows.extent(0); ++i) {
      const double scale = root(i);
      for (index_t k = 0; k < dimension(); ++k)
        pending_(waiting_, k) = scale * static_cast<double>(rows(i, k));
      ++count_;
      if (++waiting_ == block) flush(threads);
    }
  }

  /// Adds the rows that wait to the lower triangle; each tile of it is one task.
  template <class Real = double>
  void flush(int threads);

  Eigen::MatrixXd sum_;
  Eigen::VectorXd row_sum_;
  row_matrix<double> pending_;
  index_t waiting_ = 0;
  index_t count_ = 0;
  double largest_ = 0;  // magnitude, or the least that can be squared where all can
  bool weighted_ = false;
};

template <class Scalar>
void second_moment_accumulator::add_rows(const tensor_view<const Scalar, 2>& rows, int threads) {
  check_extent(rows.extent(1), dimension(), "rows", "as many columns as the accumulator,");
  check_finite(rows, "rows");
  const auto one = [](index_t) { return 1.0; };
  if constexpr (detail::can_be_squared<Scalar>)
    largest_ = (std::max)(largest_, detail::smallest_to_square);
  else
    measure(rows, one);
  append(rows, threads, one);
}

template <class Scalar, class Weight>
void second_moment_accumulator::add_weighted_rows(const tensor_view<const Scalar, 2>& rows,
                                                  const tensor_view<const Weight, 1>& weights,
                                                  int threads) {
  check_extent(rows.extent(1), dimension(), "rows", "as many columns as the accumulator,");
  check_extent(weights.extent(0), rows.extent(0), "weights", "one number per row,");
  check_finite(rows, "rows");
  check_finite(weights, "weights");
  for (index_t i = 0; i < weights.extent(0); ++i)
    if (weights[i] < 0)
      throw value_error("weights", "numbers of 0 or more",
                        detail::number_text(static_cast<double>(weights[i])));
  const auto root = [&](index_t i) { return std::sqrt(static_cast<double>(weights[i])); };
  measure(rows, root);
  append(rows, threads, root);
  weighted_ = weighted_ || rows.extent(0) > 0;
}

template <class Real>
void second_moment_accumulator::merge(const second_moment_accumulator& other,
                                      const thread_options& options) {
  check_extent(other.dimension(), dimension(), "other", "dimension");
  const second_moment_accumulator held = other;  // which may be this one
  sum_ += held.sum_;
  row_sum_ += held.row_sum_;
  largest_ = (std::max)(largest_, held.largest_);
  weighted_ = weighted_ || held.weighted_;
  count_ += held.count_ - held.waiting_;
  const row_matrix<Real>& pending = held.pending_;
  const row_matrix<Real> rest = pending.topRows(held.waiting_);
  append(tensor_view<const Real, 2>(rest.data(), {rest.rows(), rest.cols()}), options.threads,
         [](index_t) { return 1.0; });
}

template <class Real>
Eigen::MatrixX<Real> second_moment_accumulator::sum(const thread_options& options) const {
  detail::check_squares_kept(largest_, "rows");
  second_moment_accumulator whole = *this;
  whole.flush(options.threads);
  Eigen::MatrixX<Real> all = std::move(whole.sum_);
  all.template triangularView<Eigen::StrictlyUpper>() = all.transpose();
  return all;
}

template <class Real>
Eigen::MatrixX<Real> second_moment_accumulator::matrix(const thread_options& options) const {
  if (count_ == 0) throw value_error("accumulator", "at least one row", "none");
  return sum<Real>(options) / static_cast<double>(count_);
}

template <class Real>
Eigen::VectorX<Real> second_moment_accumulator::mean() const {
  if (count_ == 0) throw value_error("accumulator", "at least one row", "none");
  if (weighted_) throw value_error("accumulator", "rows without weights", "some with weights");
  const row_matrix<Real>& pending = pending_;
  const Eigen::VectorX<Real> rest = pending.topRows(waiting_).colwise().sum().transpose();
  return (row_sum_ + rest) / static_cast<double>(count_);
}

template <class Real>
void second_moment_accumulator::flush(int threads) {
  constexpr index_t tile = 128;
  if (waiting_ == 0) return;
  const index_t d = dimension(), tiles = (d + tile - 1) / tile;
  Eigen::MatrixX<Real>& sum = sum_;
  row_matrix<Real>& pending = pending_;
  const auto rows = pending.topRows(waiting_);
  parallel_for(tiles * tiles, threads, [&](index_t t) {
    const index_t r = t / tiles * tile, c = t % tiles * tile;
    if (c > r) return;
    const index_t height = (std::min)(tile, d - r), width = (std::min)(tile, d - c);
    sum.block(r, c, height, width).noalias() +=
        rows.middleCols(r, height).transpose() * rows.middleCols(c, width);
  });
  row_sum_ += rows.colwise().sum().transpose();
  waiting_ = 0;
}

}  // namespace atlas::inline ATLAS_ABI

#ifdef ATLAS_COMPILED
namespace atlas::inline ATLAS_ABI {
ATLAS_OF_QUANTIZE void second_moment_accumulator::add_rows<float>(
    const tensor_view<const float, 2>&, int);
ATLAS_OF_QUANTIZE void second_moment_accumulator::add_rows<double>(
    const tensor_view<const double, 2>&, int);
ATLAS_OF_QUANTIZE void second_moment_accumulator::add_weighted_rows<float, float>(
    const tensor_view<const float, 2>&, const tensor_view<const float, 1>&, int);
ATLAS_OF_QUANTIZE void second_moment_accumulator::add_weighted_rows<float, double>(
    const tensor_view<const float, 2>&, const tensor_view<const double, 1>&, int);
ATLAS_OF_QUANTIZE void second_moment_accumulator::add_weighted_rows<double, double>(
    const tensor_view<const double, 2>&, const tensor_view<const double, 1>&, int);
ATLAS_OF_QUANTIZE void second_moment_accumulator::merge<double>(const second_moment_accumulator&,
                                                                const thread_options&);
ATLAS_OF_QUANTIZE Eigen::MatrixXd second_moment_accumulator::sum<double>(
    const thread_options&) const;
ATLAS_OF_QUANTIZE Eigen::MatrixXd second_moment_accumulator::matrix<double>(
    const thread_options&) const;
ATLAS_OF_QUANTIZE Eigen::VectorXd second_moment_accumulator::mean<double>() const;
ATLAS_OF_QUANTIZE void second_moment_accumulator::flush<double>(int);
}  // namespace atlas::inline ATLAS_ABI
#endif
