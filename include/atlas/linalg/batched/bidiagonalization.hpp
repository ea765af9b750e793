// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// Bidiagonal forms of eight small square matrices side by side by Householder reflections from
/// both sides (Golub and Kahan, SIAM J. Numer. Anal. 2, 205, 1965), for singular values alone: no
/// reflection is kept.

#include <vector>

#include "atlas/core/tensor_view.hpp"
#include "atlas/linalg/eight_numbers.hpp"

namespace atlas::inline ATLAS_ABI::detail {

/// Of `[k, k]` matrices whose squares neither overflow nor underflow.
template <class Real>
class batched_bidiagonalization {
 public:
  using numbers = eight_numbers<Real>;

  explicit batched_bidiagonalization(index_t k)
      : k_(k), vector_(static_cast<std::size_t>(lane_count * k)) {}

  /// Calls `visit(i, diagonal^2, beside^2)` for i = 0, 1, ...; what is beside the last diagonal
  /// entry is 0. O(k^3) time.
  /// \param x `[k, k, 8]`, column after column, overwritten
  template <class Visit>
  void squares(Real* x, const Visit& visit) {
    for (index_t i = 0; i < k_; ++i) {
      const numbers diagonal = reflect(x, i, i, 1, k_);
      visit(i, diagonal, i + 1 < k_ ? reflect(x, i, i + 1, k_, 1) : numbers(Real(0)));
    }
  }

 private:
  /// Place of a row and column.
  static Real* at(Real* x, index_t place) { return x + place * lane_count; }

  /// Turns the line of entries from (row, column) on, which are `along` apart, into its first entry
  /// alone, and all lines after it, `across` apart, by the same reflection.
  ///
  /// \return the square of the line. It stays as it is where the squares of all but the first add
  ///         up to less than 1e-200.
  numbers reflect(Real* x, index_t row, index_t column, index_t along, index_t across) {
    Real* const line = at(x, column * k_ + row);
    const index_t count = k_ - (along == 1 ? row : column);
    const index_t lines = k_ - 1 - (along == 1 ? column : row);
    const numbers first(line), zero(Real(0)), one(Real(1));
    if (count == 1) return first * first;
    numbers others = zero;
    for (index_t r = 1; r < count; ++r) {
      const numbers entry(at(line, r * along));
      entry.store(vector_.data() + r * lane_count);
      others = numbers::multiply_add(entry, entry, others);
    }
    const numbers whole = numbers::multiply_add(first, first, others);
    if (lines == 0) return whole;
    const numbers norm = numbers::square_root(whole);
    (first + numbers::with_sign_of(first, norm)).store(vector_.data());
    const numbers reach = numbers::multiply_add(norm, numbers::magnitude(first), whole);
    const numbers factor = numbers::where_above(others, numbers(Real(1e-200)), one / reach, zero);
    for (index_t l = 1; l <= lines; ++l) turn(at(line, l * across), along, count, factor);
    return whole;
  }

  /// `(1 - factor v v^T)` of a line.
  void turn(Real* line, index_t along, index_t count, const numbers& factor) const {
    const Real* const v = vector_.data();
    numbers sum = numbers(v) * numbers(line);
    for (index_t r = 1; r < count; ++r)
      sum = numbers::multiply_add(numbers(v + r * lane_count), numbers(at(line, r * along)), sum);
    sum = factor * sum;
    for (index_t r = 0; r < count; ++r) {
      Real* const place = at(line, r * along);
      numbers::subtract_product(numbers(v + r * lane_count), sum, numbers(place)).store(place);
    }
  }

  index_t k_;
  std::vector<Real> vector_;  ///< v, `[k, 8]`
};

}  // namespace atlas::inline ATLAS_ABI::detail
