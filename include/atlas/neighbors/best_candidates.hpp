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
#include "atlas/core/vector_of.hpp"
#include "atlas/neighbors/neighbor_table.hpp"

namespace atlas::inline ATLAS_ABI::detail {

/// Whether a candidate comes before the neighbour in a place of the table: by squared distance,
/// then by row number.
/// \param held, holder squared distance and row in that place; +inf and -1
/// where it is empty
template <class Real>
bool comes_before(Real square, index_t candidate, Real held, index_t holder) {
  return square < held || (square == held && holder >= 0 && candidate < holder);
}

/// Inserts a candidate among the k best of a row so far, in order, if it is one of them. Each
/// candidate may be offered once. The result does not depend on the order in which candidates are
/// offered, since (squared distance, row number) is a total order.
/// \param squares, rows `[k]`, the best first; +inf and -1 in empty places
/// \param labels of all rows, or null. With labels only the best row of each label is kept.
///        k places are enough for that: a row of a label that was dropped lay behind k rows of
///        other labels, whose best rows can only be replaced by nearer ones
/// \return whether it was inserted
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

/// `keep_best` of two, without labels and without branches: which it is cannot be foreseen.
template <class Real>
void keep_best_two(Real* squares, index_t* rows, Real square, index_t candidate) {
  const auto before = [&](int place) {  // an empty place has row -1, which no candidate is below
    const bool nearer = square < squares[place], equal = square == squares[place];
    return nearer | (equal & (candidate < rows[place]));
  };
  // As masks: of a choice compilers make a branch.
  const index_t first = -static_cast<index_t>(before(0)), second = -static_cast<index_t>(before(1));
  const Real other = (std::max)(squares[0], square);
  const index_t other_row = candidate ^ ((candidate ^ rows[0]) & first);
  squares[1] = (std::min)(squares[1], other);
  rows[1] ^= (rows[1] ^ other_row) & second;
  squares[0] = (std::min)(squares[0], square);
  rows[0] ^= (rows[0] ^ candidate) & first;
}

/// Sorts the row numbers of equal distances: those of different squares may have one root, and
/// different lengths one subnormal number.
inline void sort_equal_distances(neighbor_table& table) {
  const index_t k = table.distances.extent(1);
  const double* const distance = table.distances.data();
  index_t* const row = table.indices.mutable_view().data();
  for (index_t i = 0; i < table.distances.size(); i += k)
    for (index_t from = i, to = i; from < i + k; from = to) {
      while (to < i + k && row[to] >= 0 && distance[to] == distance[from]) ++to;
      std::sort(row + from, row + to);
      to = (std::max)(to, from + 1);
    }
}

/// The k best neighbours so far of each row of a table, in the table's memory: squared distances
/// until `table` replaces them by distances. Rows may be used by different threads at the same
/// time.
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

  index_t k() const { return k_; }

  void clear(index_t row) {
    for (index_t slot = row * k_; slot < (row + 1) * k_; ++slot) {
      squares_[slot] = std::numeric_limits<double>::infinity();
      indices_[slot] = -1;
    }
  }

  /// Inserts a candidate if it is among the k best. Each may be offered to a row once.
  /// \return whether it was inserted
  bool offer(index_t row, index_t candidate, double square) {
    return keep_best(squares_ + row * k_, indices_ + row * k_, k_, labels_, square, candidate);
  }

  /// Whether two are kept, without labels.
  bool keeps_two() const { return k_ == 2 && labels_ == nullptr; }

  /// `offer` where two are kept.
  void offer_to_two(index_t row, index_t candidate, double square) {
    keep_best_two(squares_ + row * 2, indices_ + row * 2, square, candidate);
  }

  /// Offers a row the neighbours in row `from` of another table of the same k.
  void merge(index_t row, const best_candidates& other, index_t from) {
    for (index_t slot = from * k_; slot < (from + 1) * k_ && other.indices_[slot] >= 0; ++slot)
      if (!offer(row, other.indices_[slot], other.squares_[slot]) && labels_ == nullptr) return;
  }

  /// Squared distance of the k-th best; +inf while there are fewer than k.
  double worst(index_t row) const { return squares_[row * k_ + k_ - 1]; }

  /// Copies the first row, as it is, to a row of another table of the same k.
  void copy_to(index_t row, neighbor_table& to) const {
    std::copy_n(squares_, k_, to.distances.mutable_view().data() + row * k_);
    std::copy_n(indices_, k_, to.indices.mutable_view().data() + row * k_);
  }

  /// Ends a search in which distances themselves were offered.
  neighbor_table table_of_distances() { return table_; }

  /// Ends the search: distances instead of their squares.
  neighbor_table table() {
    using simd = vector_of<double>;
    const index_t count = table_.distances.size();
    index_t i = 0;
    for (; i + simd::lanes <= count; i += simd::lanes)
      simd::store(squares_ + i, simd::square_root(simd::load(squares_ + i)));
    for (; i < count; ++i) squares_[i] = std::sqrt(squares_[i]);
    sort_equal_distances(table_);
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
