// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// Union-find: the connected parts of a graph from its edges, one after another.

#include <algorithm>
#include <cstddef>
#include <numeric>
#include <utility>
#include <vector>

#include "atlas/core/tensor_view.hpp"

namespace atlas::inline ATLAS_ABI::detail {

/// Sets of 0 .. n-1, joined by size, paths halved (Tarjan and van Leeuwen, J. ACM 31, 245, 1984):
/// nearly O(1) an operation, O(n) memory.
class disjoint_sets {
 public:
  explicit disjoint_sets(index_t n)
      : parent_(static_cast<std::size_t>(n)), size_(static_cast<std::size_t>(n), 1) {
    std::iota(parent_.begin(), parent_.end(), std::size_t{0});
  }

  void join(index_t a, index_t b) {
    std::size_t x = root(static_cast<std::size_t>(a)), y = root(static_cast<std::size_t>(b));
    if (x == y) return;
    if (size_[x] < size_[y]) std::swap(x, y);
    parent_[y] = x;
    size_[x] += size_[y];
  }

  bool together(index_t a, index_t b) {
    return root(static_cast<std::size_t>(a)) == root(static_cast<std::size_t>(b));
  }

  /// The number of each element's set: 0 is the largest; of equally large ones, that with the lower
  /// element comes first.
  std::vector<index_t> numbered() {
    std::vector<std::size_t> order;  // one root a set, in the order of their lowest elements
    std::vector<index_t> number(parent_.size(), -1);
    for (std::size_t i = 0; i < parent_.size(); ++i)
      if (index_t& of_root = number[root(i)]; of_root < 0) {
        of_root = 0;
        order.push_back(root(i));
      }
    std::stable_sort(order.begin(), order.end(),
                     [&](std::size_t a, std::size_t b) { return size_[a] > size_[b]; });
    for (std::size_t s = 0; s < order.size(); ++s) number[order[s]] = static_cast<index_t>(s);
    for (std::size_t i = 0; i < parent_.size(); ++i) number[i] = number[root(i)];
    return number;
  }

 private:
  std::size_t root(std::size_t a) {
    while (parent_[a] != a) a = parent_[a] = parent_[parent_[a]];
    return a;
  }

  std::vector<std::size_t> parent_;
  std::vector<index_t> size_;
};

}  // namespace atlas::inline ATLAS_ABI::detail
