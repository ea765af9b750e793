// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// What surrogates keep of the cloud that they stand for.

#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "atlas/core/checks.hpp"
#include "atlas/core/errors.hpp"
#include "atlas/core/lazy.hpp"
#include "atlas/core/progress.hpp"
#include "atlas/core/tensor_view.hpp"
#include "atlas/core/whole_numbers.hpp"
#include "atlas/neighbors/exclusion.hpp"
#include "atlas/stats/label_groups.hpp"

namespace atlas::inline ATLAS_ABI {

/// Structureless clouds of several kinds, each of which keeps more than the one before; `marginal`
/// keeps something else.
enum class surrogate_kind {
  automatic,    ///< `passages` where rows share contexts, `independent` otherwise
  independent,  ///< Gaussian rows: mean and covariance
  serial,       ///< and how rows of one context hang together: autocorrelation along it
  passages,     ///< and how far the contexts' own covariances differ
  marginal,     ///< mean, covariance and the distribution of every coordinate; rows independent
};

[[nodiscard]] inline std::string_view name_of(surrogate_kind kind) {
  switch (kind) {
    case surrogate_kind::independent:
      return "independent";
    case surrogate_kind::serial:
      return "serial";
    case surrogate_kind::passages:
      return "passages";
    case surrogate_kind::marginal:
      return "marginal";
    case surrogate_kind::automatic:
      break;
  }
  return "automatic";
}

/// Where rows come from.
struct row_labels {
  row_numbers context = {};   ///< `[N]`, label of the text; or empty: one text
  row_numbers position = {};  ///< `[N]`, place within it; or empty: unknown

  [[nodiscard]] bool empty() const { return context.empty() && position.empty(); }
};

struct surrogate_options {
  index_t draws = 20;  ///< at least `least_draws`
  surrogate_kind kind = surrogate_kind::automatic;
  /// Of the rows; where empty, those of the measurement that the null is of, if it has any.
  row_labels labels = {};
  std::uint64_t seed = 0;
  /// Nulls of one seed and different streams are independent: give each estimate its own (its head
  /// and layer, say) where several are looked at together. Equal streams shift all of them alike.
  std::uint64_t stream = 0;
  int threads = 0;                     ///< 0: as many as the estimator's own options say
  progress_callback on_progress = {};  ///< may cancel, as may that of the estimator's own options
};

namespace detail {

/// The rows of every context in the order of their positions, which are 0, 1, ... where unknown.
struct context_places {
  std::vector<std::vector<index_t>> rows, positions;
  bool ordered = false;  ///< positions are known

  bool any_shared() const {
    return std::any_of(rows.begin(), rows.end(), [](const auto& r) { return r.size() > 1; });
  }
};

inline void check_row_labels(const row_labels& labels, index_t rows) {
  if (!labels.context.empty())
    check_extent(labels.context.extent(0), rows, "labels.context", "one label per row,");
  if (!labels.position.empty())
    check_extent(labels.position.extent(0), rows, "labels.position", "one position per row,");
}

/// Rows of one context by their positions.
inline void sort_by_position(const owned_tensor<index_t, 1>& position, std::vector<index_t>& rows,
                             std::vector<index_t>& positions) {
  std::sort(rows.begin(), rows.end(),
            [&](index_t a, index_t b) { return position[a] < position[b]; });
  for (const index_t row : rows) {
    if (!positions.empty() && positions.back() == position[row])
      throw value_error("labels.position", "different positions within a context",
                        std::to_string(position[row]) + " twice (row " + std::to_string(row) +
                            " is one of the two)");
    positions.push_back(position[row]);
  }
}

/// \throws shape_error for labels of another length; value_error for positions that repeat within a
///         context
template <class = lazy>
context_places places_of(const row_labels& labels, index_t rows) {
  check_row_labels(labels, rows);
  context_places out;
  if (labels.context.empty()) {
    out.rows.emplace_back();
    for (index_t i = 0; i < rows; ++i) out.rows.back().push_back(i);
  } else {
    out.rows = rows_of_groups(number_labels(labels.context, "labels.context"));
  }
  out.ordered = !labels.position.empty();
  for (auto& of_context : out.rows) {
    auto& positions = out.positions.emplace_back();
    if (out.ordered)
      sort_by_position(labels.position, of_context, positions);
    else
      for (std::size_t i = 0; i < of_context.size(); ++i)
        positions.push_back(static_cast<index_t>(i));
  }
  return out;
}

/// The labels that surrogates go by: their own, or those of the exclusion.
inline row_labels labels_for(const row_labels& own, const exclusion& measured) {
  return own.empty() ? row_labels{measured.context, measured.position} : own;
}

/// What `automatic` is for rows with these places. Rows of a single context without positions are
/// exchangeable, and no more is known of them than of independent ones.
template <class = lazy>
surrogate_kind kind_for(surrogate_kind asked, const row_labels& labels, index_t rows) {
  check_row_labels(labels, rows);
  if (asked != surrogate_kind::automatic) {
    if (labels.empty() && (asked == surrogate_kind::serial || asked == surrogate_kind::passages))
      throw value_error("labels",
                        "contexts or positions for " + std::string(name_of(asked)) + " surrogates",
                        "none");
    return asked;
  }
  if (labels.empty()) return surrogate_kind::independent;
  const context_places places = places_of(labels, rows);
  const bool tells = places.any_shared() && (places.rows.size() > 1 || places.ordered);
  return tells ? surrogate_kind::passages : surrogate_kind::independent;
}

}  // namespace detail
}  // namespace atlas::inline ATLAS_ABI
