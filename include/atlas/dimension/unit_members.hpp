// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// Which units (rows or contexts) each row's share of a statistic was made of.

#include <utility>
#include <vector>

#include "atlas/core/tensor_view.hpp"

namespace atlas::inline ATLAS_ABI::detail {

/// Sets of units, of one size: a row's own unit, and those of its neighbours. They are kept here,
/// or lie in a table of neighbours, of which nothing is copied.
class unit_members {
 public:
  unit_members() = default;
  /// \param sets `[n, width]`, set after set, the own unit first
  unit_members(std::vector<index_t> sets, index_t width) : held_(std::move(sets)), width_(width) {}
  /// Units are rows: set i has row rows[i] and its first `width - 1` neighbours.
  /// \param neighbors `[N, at least width - 1]`, which has to outlive this object
  unit_members(std::vector<index_t> rows, tensor_view<const index_t, 2> neighbors, index_t width)
      : held_(std::move(rows)), neighbors_(neighbors), in_table_(true), width_(width) {}

  [[nodiscard]] index_t width() const { return width_; }
  [[nodiscard]] index_t count() const {
    return static_cast<index_t>(held_.size()) / (in_table_ ? 1 : width_);
  }
  [[nodiscard]] index_t own(index_t set) const {
    return held_[static_cast<std::size_t>(in_table_ ? set : set * width_)];
  }

  /// Calls `f(unit)` for each unit of a set, the own one first.
  template <class F>
  void visit(index_t set, F&& f) const {
    f(own(set));
    if (width_ == 1) return;  // there may be no table
    const index_t* others = in_table_ ? neighbors_.data() + own(set) * neighbors_.stride(0)
                                      : held_.data() + set * width_ + 1;
    for (index_t j = 0; j + 1 < width_; ++j) f(others[j]);
  }

 private:
  std::vector<index_t> held_;
  tensor_view<const index_t, 2> neighbors_;
  bool in_table_ = false;
  index_t width_ = 1;
};

}  // namespace atlas::inline ATLAS_ABI::detail
