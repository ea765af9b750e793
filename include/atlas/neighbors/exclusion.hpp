// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// Rows that may not be each other's neighbours. Rows of one text at nearby positions are
/// neighbours in time, not on a manifold (Theiler, Phys. Rev. A 34, 2427, 1986).

#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "atlas/core/checks.hpp"
#include "atlas/core/errors.hpp"
#include "atlas/core/whole_numbers.hpp"

namespace atlas::inline ATLAS_ABI {

/// Make one with `same_context`, `distinct_contexts`, `same_context_within` or `nearby_positions`,
/// and add further labels with `also_excluding`; the default excludes nothing but the row itself.
struct exclusion {
  row_numbers context = {};   ///< `[N]`, label of the text that the row comes from; or
                              ///< empty
  row_numbers position = {};  ///< `[N]`, place within it; or empty
  index_t window = -1;        ///< -1: any distance within the context
  /// Whether neighbours are the nearest other contexts, each by its nearest row that is not
  /// excluded, so that no two of a row's neighbours have their context in common.
  bool distinct = false;
  /// Further sets, `[N]` each, such as tokens: rows that share a label of any are no neighbours.
  std::vector<row_numbers> labels = {};

  [[nodiscard]] bool active() const {
    return !context.empty() || !position.empty() || !labels.empty();
  }

  /// Whether rows i and j may not be neighbours.
  [[nodiscard]] bool rejects(index_t i, index_t j) const {
    for (const auto& set : labels)
      if (set[i] == set[j]) return true;
    if (context.empty() && position.empty()) return false;
    if (!context.empty() && context[i] != context[j]) return false;
    return window < 0 || std::abs(position[i] - position[j]) <= window;
  }
};

namespace detail {

template <whole_tensor<1> Labels>
owned_tensor<index_t, 1> copy_labels(const Labels& labels, std::string_view argument) {
  auto copy = copy_indices<1>(labels, argument);
  check_not_empty(copy, argument);
  return copy;
}

/// \param name of the argument
inline void check_exclusion(const exclusion& exclude, index_t rows,
                            const std::string& name = "exclude") {
  if (!exclude.context.empty())
    check_extent(exclude.context.extent(0), rows, name + ".context", "one label per row,");
  if (!exclude.position.empty())
    check_extent(exclude.position.extent(0), rows, name + ".position", "one position per row,");
  if (exclude.window >= 0 && exclude.position.empty())
    throw value_error(name + ".position", "positions for a window", "none");
  if (exclude.distinct && exclude.context.empty())
    throw value_error(name + ".context", "contexts, where neighbours are of distinct ones", "none");
  if (exclude.distinct && exclude.window >= 0)
    throw value_error(name + ".window", "-1 (whole contexts) where neighbours are of distinct ones",
                      std::to_string(exclude.window));
  for (std::size_t s = 0; s < exclude.labels.size(); ++s)
    check_extent(exclude.labels[s].extent(0), rows, name + ".labels[" + std::to_string(s) + "]",
                 "one label per row,");
}

/// Labels of some rows, which may repeat; none of none.
inline owned_tensor<index_t, 1> gather_labels(const owned_tensor<index_t, 1>& labels,
                                              const std::vector<index_t>& rows) {
  if (labels.empty()) return labels;
  owned_tensor<index_t, 1> out({static_cast<index_t>(rows.size())});
  for (std::size_t i = 0; i < rows.size(); ++i)
    out.mutable_view()[static_cast<index_t>(i)] = labels[rows[i]];
  return out;
}

/// The exclusion of some rows of a cloud, which may repeat.
inline exclusion gather_exclusion(const exclusion& all, const std::vector<index_t>& rows) {
  exclusion out = all;
  out.context = gather_labels(all.context, rows);
  out.position = gather_labels(all.position, rows);
  for (auto& set : out.labels) set = gather_labels(set, rows);
  return out;
}

/// `[N]`, labels of which a row's neighbours may have each but once; null where they need not
/// differ.
inline const index_t* distinct_labels(const exclusion& exclude) {
  return exclude.distinct ? exclude.context.data() : nullptr;
}

}  // namespace detail

/// Excludes rows of the same context, at any distance within it.
/// \param context `[N]`, whole numbers
template <whole_tensor<1> Labels>
[[nodiscard]] exclusion same_context(const Labels& context) {
  return {.context = detail::copy_labels(context, "context")};
}

/// Asks for the nearest other contexts, each by its nearest row: rows of the row's own context are
/// excluded, and of every other context all but the nearest. Two neighbours that follow each other
/// in one text are about equally far, and say nothing of how distances grow.
/// \param context `[N]`, whole numbers
template <whole_tensor<1> Labels>
[[nodiscard]] exclusion distinct_contexts(const Labels& context) {
  return {.context = detail::copy_labels(context, "context"), .distinct = true};
}

/// Excludes rows that share one of these labels, too, such as the same token elsewhere.
/// \param labels `[N]`, whole numbers
template <whole_tensor<1> Labels>
[[nodiscard]] exclusion also_excluding(exclusion exclude, const Labels& labels) {
  exclude.labels.push_back(detail::copy_labels(labels, "labels"));
  return exclude;
}

/// Excludes rows of the same context whose positions differ by at most `window`.
/// \param context, position `[N]`, whole numbers
/// \throws shape_error if the lengths differ; value_error for a negative window
template <whole_tensor<1> Labels, whole_tensor<1> Positions>
[[nodiscard]] exclusion same_context_within(const Labels& context, const Positions& position,
                                            index_t window) {
  if (window < 0) throw value_error("window", "0 or more", std::to_string(window));
  exclusion exclude{.context = detail::copy_labels(context, "context"),
                    .position = detail::copy_labels(position, "position"),
                    .window = window};
  check_extent(exclude.position.extent(0), exclude.context.extent(0), "position",
               "as many as contexts,");
  return exclude;
}

/// The same for one single series: excludes rows whose positions differ by at most `window`.
template <whole_tensor<1> Positions>
[[nodiscard]] exclusion nearby_positions(const Positions& position, index_t window) {
  if (window < 0) throw value_error("window", "0 or more", std::to_string(window));
  return {.position = detail::copy_labels(position, "position"), .window = window};
}

}  // namespace atlas::inline ATLAS_ABI
