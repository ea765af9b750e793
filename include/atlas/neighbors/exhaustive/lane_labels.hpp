// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// An exclusion as labels that the lanes of a vector compare.

#include <cstddef>
#include <cstdint>
#include <limits>

#include "atlas/neighbors/exclusion.hpp"

namespace atlas::inline ATLAS_ABI::detail {

/// Sets of labels, whole numbers from 0 to 2^24 - 1, which `Sum` holds exactly. Rows that may not
/// be neighbours share the label of at least one set. The converse does not hold: labels are
/// hashes, and positions are rounded to cells, so that a few rows that share a label may be
/// neighbours. Leaving those out too makes a first limit wider, never wrong.
template <class Sum>
class lane_labels {
 public:
  static constexpr Sum none = -1;  // in places that hold no row

  explicit lane_labels(const exclusion& exclude)
      : exclude_(exclude),
        timed_(!exclude.context.empty() || !exclude.position.empty() ? 1 : 0),
        cell_(exclude.window < (std::numeric_limits<index_t>::max)() ? exclude.window + 1
                                                                     : exclude.window) {
    if (timed_ > 0 && exclude.window >= 0) timed_ = 2;
  }

  /// Number of sets. That of contexts comes first where the exclusion is of whole contexts.
  index_t sets() const { return timed_ + static_cast<index_t>(exclude_.labels.size()); }

  Sum of(index_t set, index_t row) const {
    if (set >= timed_)
      return mixed(exclude_.labels[static_cast<std::size_t>(set - timed_)][row], 0);
    const index_t context = exclude_.context.empty() ? 0 : exclude_.context[row];
    return mixed(context, timed_ > 1 ? pair_of_cells(set, exclude_.position[row]) : 0);
  }

 private:
  /// Positions that differ by the window at most lie in cells that are the same or next to each
  /// other; two cells after each other are a pair of the first set or of the second.
  index_t pair_of_cells(index_t set, index_t position) const {
    const index_t cell = position / cell_ - (position % cell_ < 0 ? 1 : 0);
    return (cell + set) >> 1;
  }

  /// A hash of 24 bits of two numbers.
  static Sum mixed(index_t a, index_t b) {
    const auto both = static_cast<std::uint64_t>(a) * 0x9E3779B97F4A7C15U +
                      static_cast<std::uint64_t>(b) * 0xC2B2AE3D27D4EB4FU;
    return static_cast<Sum>(((both ^ (both >> 29)) * 0x9E3779B97F4A7C15U) >> 40);
  }

  const exclusion& exclude_;
  index_t timed_;  // sets of contexts and positions
  index_t cell_;   // positions that it is wide
};

}  // namespace atlas::inline ATLAS_ABI::detail
