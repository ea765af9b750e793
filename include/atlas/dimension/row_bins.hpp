// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// Rows in bins of a number that each has, to find those whose numbers are nearly equal.

#include <algorithm>
#include <cstddef>
#include <numeric>
#include <vector>

#include "atlas/core/tensor_view.hpp"

namespace atlas::inline ATLAS_ABI::detail {

/// Numbers of rows by bins of one number each.
class row_bins {
 public:
  /// \param x of each row, at least `low`
  /// \param width of a bin, normal
  row_bins(const std::vector<double>& x, double low, double width) : rows_(x.size()) {
    std::vector<std::size_t> bin(x.size());
    for (std::size_t i = 0; i < x.size(); ++i)
      bin[i] = static_cast<std::size_t>((x[i] - low) / width);
    begin_.resize(*std::max_element(bin.begin(), bin.end()) + 3);
    for (const std::size_t b : bin) ++begin_[b + 2];
    std::partial_sum(begin_.begin(), begin_.end(), begin_.begin());
    for (std::size_t i = 0; i < x.size(); ++i)
      rows_[begin_[bin[i] + 1]++] = static_cast<index_t>(i);
  }

  /// How many pairs of rows lie in one bin or in two neighbouring ones.
  double pairs() const {
    double sum = 0;
    for (std::size_t b = 0; b + 1 < begin_.size(); ++b)
      sum += held(b) * (0.5 * (held(b) - 1) + held(b + 1));
    return sum;
  }

  /// Calls `visit(i, j)` for each of them.
  template <class Visit>
  void for_each_pair(const Visit& visit) const {
    for (std::size_t b = 0; b + 1 < begin_.size(); ++b)
      for (std::size_t p = begin_[b]; p < begin_[b + 1]; ++p)
        for (std::size_t other = p + 1; other < end(b + 1); ++other) visit(rows_[p], rows_[other]);
  }

 private:
  std::size_t end(std::size_t bin) const { return begin_[(std::min)(bin + 1, begin_.size() - 1)]; }
  double held(std::size_t bin) const {
    return bin + 1 < begin_.size() ? static_cast<double>(begin_[bin + 1] - begin_[bin]) : 0;
  }

  std::vector<std::size_t> begin_;  ///< of each bin among the rows, one more than there are bins
  std::vector<index_t> rows_;       ///< bin after bin
};

}  // namespace atlas::inline ATLAS_ABI::detail
