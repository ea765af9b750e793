// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// The k best neighbours of every row found so far.

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "atlas/core/parallel.hpp"
#include "atlas/core/tensor_view.hpp"
#include "atlas/neighbors/neighbor_table.hpp"

namespace atlas::inline ATLAS_ABI::detail {

/// Whether a candidate comes before what a place holds: by distance, then by row number.
template <class Real>
bool comes_before(Real square, index_t candidate, Real held, index_t holder) {
  return square < held || (square == held && holder >= 0 && candidate < holder);
}

/// Puts a candidate among the k best of a row so far, the best first, where it belongs; -1 stands
/// for none. A candidate may be offered once. What is kept does not depend on the order in which
/// candidates come: their order by (distance, row number) is total.
/// \param labels of all rows, of which the best have each but once, in its best row; or null.
///        k places are enough: what a label had was dropped behind k others, which have become no
///        worse since
/// \return whether it is among them
template <class Real>
bool keep_best(Real* squares, index_t* rows, index_t k, const index_t* labels, Real square,
               index_t candidate) {
  index_t place = k - 1;
  if (!comes_before(square, candidate, squares[place], rows[place])) return false;
  if (labels != nullptr) {
    for (index_t p = 0; p < place && rows[p] >= 0; ++p)
      if (labels[rows[p]] == labels[candidate]) place = p;
    if (!comes_before(square, candidate, squares[place], rows[place])) return false;
  }
  for (; place > 0 && comes_before(square, candidate, squares[place - 1], rows[place - 1]);
       --place) {
    squares[place] = squares[place - 1];
    rows[place] = rows[place - 1];
  }
  squares[place] = square;
  rows[place] = candidate;
  return true;
}

/// Kept in the table that is returned.
class best_candidates {
 public:
  /// \param labels of all rows of the cloud, as of `keep_best`
  best_candidates(index_t rows, index_t k, const index_t* labels)
      : k_(k),
        labels_(labels),
        table_{owned_tensor<double, 2>({rows, k}), owned_tensor<index_t, 2>({rows, k})},
        squares_(table_.distances.mutable_view().data()),
        indices_(table_.indices.mutable_view().data()) {
    for (index_t row = 0; row < rows; ++row) clear(row);
  }

  void clear(index_t row) {
    for (index_t slot = row * k_; slot < (row + 1) * k_; ++slot) {
      squares_[slot] = std::numeric_limits<double>::infinity();
      indices_[slot] = -1;
    }
  }

  /// A candidate may be offered to a row once.
  /// \return whether it is among the best
  bool offer(index_t row, index_t candidate, double square) {
    return keep_best(squares_ + row * k_, indices_ + row * k_, k_, labels_, square, candidate);
  }

  /// Offers a row what another table of as many neighbours found for one of its rows.
  void merge(index_t row, const best_candidates& other, index_t from) {
    for (index_t slot = from * k_; slot < (from + 1) * k_ && other.indices_[slot] >= 0; ++slot)
      if (!offer(row, other.indices_[slot], other.squares_[slot]) && labels_ == nullptr) return;
  }

  /// Squared distance of the k-th best; infinity while there are fewer.
  double worst(index_t row) const { return squares_[row * k_ + k_ - 1]; }

  /// What was found for a table's only row, as it is, to a row of another of as many neighbours.
  void copy_to(index_t row, neighbor_table& to) const {
    std::copy_n(squares_, k_, to.distances.mutable_view().data() + row * k_);
    std::copy_n(indices_, k_, to.indices.mutable_view().data() + row * k_);
  }

  /// Ends a search in which distances themselves were offered.
  neighbor_table table_of_distances() { return table_; }

  /// Ends the search: distances instead of their squares.
  neighbor_table table() {
    const index_t count = table_.distances.size();
    for (index_t i = 0; i < count; ++i) squares_[i] = std::sqrt(squares_[i]);
    return table_;
  }

 private:
  index_t k_;
  const index_t* labels_;
  neighbor_table table_;
  double* squares_;
  index_t* indices_;
};

}  // namespace atlas::inline ATLAS_ABI::detail
