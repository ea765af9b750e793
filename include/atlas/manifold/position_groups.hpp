// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// Positions in a text as groups: early, middle, late.

#include <algorithm>
#include <vector>

#include "atlas/core/as_view.hpp"
#include "atlas/neighbors/exclusion.hpp"

namespace atlas::inline ATLAS_ABI {

/// Labels of equally wide ranges of positions: 0 for those from the lowest position on,
/// `groups - 1` for those up to the highest.
///
/// \param position `[N]`, whole numbers
/// \param groups   at least 1; groups that no position falls into have no rows
/// \throws shape_error for no positions; value_error for fewer than 1 group
template <whole_tensor<1> Positions>
[[nodiscard]] std::vector<index_t> position_groups(const Positions& position, index_t groups) {
  const auto places = detail::copy_labels(position, "position");
  check_between(groups, 1, index_t{1} << 20, "groups");
  const auto [low, high] = std::minmax_element(places.data(), places.data() + places.extent(0));
  const double width = static_cast<double>(*high - *low + 1) / static_cast<double>(groups);
  std::vector<index_t> labels;
  for (index_t i = 0; i < places.extent(0); ++i) {
    const auto group = static_cast<index_t>(static_cast<double>(places[i] - *low) / width);
    labels.push_back((std::min)(group, groups - 1));
  }
  return labels;
}

}  // namespace atlas::inline ATLAS_ABI
