// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// Density matrices of several rows at once, one matrix a lane of a vector.

#include <Eigen/Core>
#include <algorithm>
#include <cmath>
#include <vector>

#include "atlas/boltzmann/density_rows.hpp"
#include "atlas/core/vector_of.hpp"
#include "atlas/linalg/batched/packed_triangles.hpp"
#include "atlas/linalg/reshape.hpp"
#include "atlas/linalg/row_matrix.hpp"

namespace atlas::inline ATLAS_ABI::detail {

/// Coordinates of directions, those of a few neighbouring columns together: `[d / width, keys,
/// width]`, padded with 0.
template <class Real>
struct column_panels {
  /// Columns of a panel: sums of two rows by as many columns are kept in registers.
  static constexpr index_t width = vector_registers >= 32 ? 8 : 4;
  index_t keys = 0;
  Eigen::ArrayX<Real> values;

  explicit column_panels(const Eigen::Ref<const row_matrix<Real>>& directions)
      : keys(directions.rows()) {
    const index_t d = directions.cols(), panels = (d + width - 1) / width;
    values.setZero(panels * keys * width);
    for (index_t k = 0; k < d; ++k)
      for (index_t i = 0; i < keys; ++i)
        values((k / width * keys + i) * width + k % width) = directions(i, k);
  }
  const Real* panel(index_t p, index_t key) const {
    return values.data() + (p * keys + key) * width;
  }
};

/// `sum_i a_i v_i v_i^T` of the rows of weights in the lanes, as packed lower triangles.
template <class Real>
class batched_densities {
 public:
  /// \param d coordinates of the directions
  batched_densities(const column_panels<Real>& panels, index_t d)
      : panels_(panels), d_(d), weights_(block * lanes) {}

  /// \param weights `[., keys]`; lane l has row `rows[l]`, lanes from `count` on are 0
  /// \param out `[d (d + 1) / 2, lanes]`
  void form(const row_matrix<Real>& weights, const index_t* rows, index_t count, Real* out) {
    std::fill_n(out, packed_place(d_, 0) * lanes, Real(0));
    index_t first = weights.cols(), last = 0;
    for (index_t l = 0; l < count; ++l) widen_to_used(weights.row(rows[l]), first, last);
    for (index_t key = first; key < last; key += block) {
      const index_t keys = (std::min)(block, last - key);
      for (index_t i = 0; i < keys; ++i)
        for (index_t l = 0; l < lanes; ++l)
          weights_(i * lanes + l) = l < count ? weights(rows[l], key + i) : Real(0);
      for (index_t row = 0; row < d_; row += together) add_rows(key, keys, row, out);
    }
  }

 private:
  using simd = vector_of<Real>;
  using vector = typename simd::type;
  static constexpr index_t lanes = simd::lanes;
  static constexpr index_t together = 2;  ///< rows of rho
  static constexpr index_t width = column_panels<Real>::width;
  static constexpr index_t block = 128;  ///< keys, as many as stay in the nearest cache

  /// Adds to `together` rows of rho what a block of keys contributes.
  void add_rows(index_t key, index_t keys, index_t row, Real* out) {
    const Real* const left = panels_.panel(row / width, key) + row % width;
    for (index_t column = 0; column < (std::min)(d_, row + together); column += width)
      if (row + together - column <= width / 2)
        add_panel<width / 2>(left, panels_.panel(column / width, key), keys, row, column, out);
      else
        add_panel<width>(left, panels_.panel(column / width, key), keys, row, column, out);
  }

  /// Of a panel on the diagonal only its first half where the rest is above the diagonal.
  template <index_t Columns>
  void add_panel(const Real* left, const Real* v, index_t keys, index_t row, index_t column,
                 Real* out) {
    vector upper[Columns], lower[Columns];
    for (index_t k = 0; k < Columns; ++k) upper[k] = lower[k] = simd::all(Real(0));
    const Real* w = weights_.data();
    for (index_t i = 0; i < keys; ++i, left += width, v += width, w += lanes) {
      // Multiplied here rather than kept: a factor in memory would be loaded once a product.
      const vector first = simd::load_aligned(w) * simd::all(left[0]);
      const vector second = simd::load_aligned(w) * simd::all(left[1]);
      for (index_t k = 0; k < Columns; ++k) {
        const vector x = simd::all(v[k]);
        upper[k] = simd::multiply_add(first, x, upper[k]);
        lower[k] = simd::multiply_add(second, x, lower[k]);
      }
    }
    add_entries<Columns>(upper, row, column, out);
    if (row + 1 < d_) add_entries<Columns>(lower, row + 1, column, out);
  }

  /// Those on or below the diagonal.
  template <index_t Columns>
  void add_entries(const vector* sums, index_t row, index_t column, Real* out) {
    for (index_t k = 0; k < Columns && column + k <= row; ++k) {
      Real* const place = out + packed_place(row, column + k) * lanes;
      simd::store(place, simd::load_aligned(place) + sums[k]);
    }
  }

  const column_panels<Real>& panels_;
  index_t d_;
  Eigen::ArrayX<Real> weights_;  ///< `[block, lanes]`
};

/// The smaller matrix of the same non-zero spectrum, `sqrt(a_i a_j) v_i^T v_j` of the n keys of a
/// row that have more weight than `least`.
template <class Real>
class key_grams {
 public:
  /// \param directions `[keys, d]`, of the columns of weights
  key_grams(const row_matrix<Real>& weights, const Eigen::Ref<const row_matrix<Real>>& directions,
            Real least)
      : weights_(weights), directions_(directions), least_(least) {}

  /// Rows `rows[0]`, ..., of at most `size` such keys each, as packed lower triangles of `size`.
  void form(const index_t* rows, index_t count, index_t size, Real* out) {
    std::fill_n(out, packed_place(size, 0) * lanes, Real(0));
    keys_.clear();
    for (index_t i = 0; i < weights_.cols(); ++i) {
      bool used = false;
      for (index_t l = 0; l < count; ++l) used = used || weights_(rows[l], i) > least_;
      if (used) keys_.push_back(i);
    }
    if (static_cast<index_t>(keys_.size()) <= size)
      form_together(rows, count, out);
    else
      for (index_t l = 0; l < count; ++l) form_alone(rows[l], out + l);
  }

 private:
  using simd = vector_of<Real>;
  static constexpr index_t lanes = simd::lanes;

  /// `v_i . v_j` of the keys chosen.
  void multiply() {
    const auto n = static_cast<index_t>(keys_.size());
    reshape(kept_, n, directions_.cols());
    for (index_t i = 0; i < n; ++i)
      kept_.row(i) = directions_.row(keys_[static_cast<std::size_t>(i)]);
    reshape(gram_, n, n);
    gram_.noalias() = kept_ * kept_.transpose();
  }

  /// One product for all rows.
  void form_together(const index_t* rows, index_t count, Real* out) {
    multiply();
    const index_t n = gram_.rows();
    reshape(roots_, n * lanes);
    roots_.setZero();
    for (index_t i = 0; i < n; ++i)
      for (index_t l = 0; l < count; ++l)
        roots_(i * lanes + l) = root(rows[l], keys_[static_cast<std::size_t>(i)]);
    for (index_t i = 0; i < n; ++i)
      for (index_t j = 0; j <= i; ++j)
        simd::store(out + packed_place(i, j) * lanes,
                    simd::load_aligned(roots_.data() + i * lanes) * simd::all(gram_(i, j)) *
                        simd::load_aligned(roots_.data() + j * lanes));
  }

  void form_alone(index_t row, Real* lane) {
    keys_.clear();
    for (index_t i = 0; i < weights_.cols(); ++i)
      if (weights_(row, i) > least_) keys_.push_back(i);
    multiply();
    for (index_t i = 0; i < gram_.rows(); ++i)
      for (index_t j = 0; j <= i; ++j)
        lane[packed_place(i, j) * lanes] = root(row, keys_[static_cast<std::size_t>(i)]) *
                                           gram_(i, j) *
                                           root(row, keys_[static_cast<std::size_t>(j)]);
  }

  Real root(index_t row, index_t key) const {
    const Real w = weights_(row, key);
    return w > least_ ? std::sqrt(w) : Real(0);
  }

  const row_matrix<Real>& weights_;
  Eigen::Ref<const row_matrix<Real>> directions_;
  Real least_;
  std::vector<index_t> keys_;
  row_matrix<Real> kept_, gram_;
  Eigen::ArrayX<Real> roots_;
};

}  // namespace atlas::inline ATLAS_ABI::detail
