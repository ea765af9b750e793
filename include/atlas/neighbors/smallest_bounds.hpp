#pragma once
/// \file
/// What is known of the k-th nearest row before any distance is exact.

#include <limits>
#include <vector>

#include "atlas/core/tensor_view.hpp"

namespace atlas::detail {

/// The k smallest bounds from above that each of some rows has met.
template <class Scalar>
class smallest_bounds {
 public:
  void clear(index rows, index k) {
    k_ = k;
    values_.assign(static_cast<std::size_t>(rows * k), std::numeric_limits<Scalar>::infinity());
  }

  /// \return whether it is among the k smallest
  bool offer(index row, Scalar bound) {
    Scalar* const values = values_.data() + row * k_;
    index slot = k_ - 1;
    if (!(bound < values[slot])) return false;
    for (; slot > 0 && bound < values[slot - 1]; --slot) values[slot] = values[slot - 1];
    values[slot] = bound;
    return true;
  }

  /// The k-th smallest: at least k rows are within it. Infinity while there are fewer.
  Scalar largest(index row) const { return values_[static_cast<std::size_t>((row + 1) * k_ - 1)]; }

 private:
  index k_ = 0;
  std::vector<Scalar> values_;
};

}  // namespace atlas::detail
