#pragma once
/// \file
/// The k best neighbours of every row found so far.

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "atlas/core/parallel.hpp"
#include "atlas/core/tensor_view.hpp"

namespace atlas {

/// Neighbours by increasing distance; equal distances by increasing row number. Where exclusion
/// leaves fewer than k, the row is filled up with distance +inf and index -1.
struct neighbor_table {
  owned_tensor<double, 2> distances;  ///< `[N, k]`, Euclidean
  owned_tensor<index_t, 2> indices;   ///< `[N, k]`
};

namespace detail {

/// Kept in the table that is returned. Ordered by (squared distance, row number): a total order,
/// so the outcome does not depend on the order in which candidates come.
class best_candidates {
 public:
  best_candidates(index_t rows, index_t k)
      : k_(k),
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
    const index_t begin = row * k_;
    index_t slot = begin + k_ - 1;
    if (!before(square, candidate, slot)) return false;
    for (; slot > begin && before(square, candidate, slot - 1); --slot) {
      squares_[slot] = squares_[slot - 1];
      indices_[slot] = indices_[slot - 1];
    }
    squares_[slot] = square;
    indices_[slot] = candidate;
    return true;
  }

  /// Offers a row what another table of as many neighbours found for one of its rows.
  void merge(index_t row, const best_candidates& other, index_t from) {
    for (index_t slot = from * k_; slot < (from + 1) * k_ && other.indices_[slot] >= 0; ++slot)
      if (!offer(row, other.indices_[slot], other.squares_[slot])) return;
  }

  /// Squared distance of the k-th best; infinity while there are fewer.
  double worst(index_t row) const { return squares_[row * k_ + k_ - 1]; }

  /// What was found for a table's only row, as it is, to a row of another of as many neighbours.
  void copy_to(index_t row, neighbor_table& to) const {
    std::copy_n(squares_, k_, to.distances.mutable_view().data() + row * k_);
    std::copy_n(indices_, k_, to.indices.mutable_view().data() + row * k_);
  }

  /// Ends the search: distances instead of their squares.
  neighbor_table table() {
    const index_t count = table_.distances.size();
    for (index_t i = 0; i < count; ++i) squares_[i] = std::sqrt(squares_[i]);
    return table_;
  }

 private:
  bool before(double square, index_t candidate, index_t slot) const {
    return square < squares_[slot] ||
           (square == squares_[slot] && indices_[slot] >= 0 && candidate < indices_[slot]);
  }

  index_t k_;
  neighbor_table table_;
  double* squares_;
  index_t* indices_;
};

}  // namespace detail
}  // namespace atlas
