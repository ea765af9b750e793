// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// Labels as groups of rows.

#include <algorithm>
#include <string_view>
#include <utility>
#include <vector>

#include "atlas/core/as_view.hpp"
#include "atlas/core/checks.hpp"
#include "atlas/core/whole_numbers.hpp"

namespace atlas::inline ATLAS_ABI::detail {

/// Labels of any values as numbers 0, 1, ... in increasing order.
struct label_groups {
  std::vector<index_t> group;  ///< `[N]`
  index_t groups = 0;
};

/// \throws shape_error for no labels
template <whole_tensor<1> Labels>
label_groups number_labels(const Labels& labels, std::string_view argument) {
  const auto view = as_view<1>(labels);
  check_not_empty(view, argument);
  std::vector<index_t> all, different;
  for (index_t i = 0; i < view.extent(0); ++i) all.push_back(as_index(view[i], argument));
  different = all;
  std::sort(different.begin(), different.end());
  different.erase(std::unique(different.begin(), different.end()), different.end());
  for (index_t& label : all)
    label = std::lower_bound(different.begin(), different.end(), label) - different.begin();
  return {std::move(all), static_cast<index_t>(different.size())};
}

/// The rows of each group.
inline std::vector<std::vector<index_t>> rows_of_groups(const label_groups& labels) {
  std::vector<std::vector<index_t>> rows(static_cast<std::size_t>(labels.groups));
  for (std::size_t i = 0; i < labels.group.size(); ++i)
    rows[static_cast<std::size_t>(labels.group[i])].push_back(static_cast<index_t>(i));
  return rows;
}

}  // namespace atlas::inline ATLAS_ABI::detail
