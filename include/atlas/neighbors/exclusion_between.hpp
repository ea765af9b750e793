// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// Which rows of one cloud may not be neighbours of rows of another.

#include <algorithm>
#include <string>
#include <string_view>

#include "atlas/core/errors.hpp"
#include "atlas/neighbors/exclusion.hpp"

namespace atlas::inline ATLAS_ABI {

/// An exclusion of either cloud, made alike: `{same_context(a), same_context(b)}` leaves out
/// reference rows whose label in b is that of the query in a. The default excludes nothing.
struct exclusion_between {
  exclusion queries = {};    ///< labels and positions of the queries
  exclusion reference = {};  ///< ... of the reference rows
};

namespace detail {

/// \throws value_error unless both sides have labels, or neither has
inline void check_both(bool queries, bool reference, const std::string& what) {
  if (queries == reference) return;
  throw value_error("exclude", what + " of both queries and reference rows",
                    queries ? "those of the queries alone" : "those of the reference rows alone");
}

/// \throws value_error unless both sides exclude by the same rule
inline void check_alike(const exclusion& queries, const exclusion& reference) {
  check_both(!queries.context.empty(), !reference.context.empty(), "contexts");
  check_both(!queries.position.empty(), !reference.position.empty(), "positions");
  if (queries.window != reference.window)
    throw value_error("exclude.reference.window",
                      "the queries' window, " + std::to_string(queries.window),
                      std::to_string(reference.window));
  if (queries.distinct != reference.distinct)
    throw value_error("exclude.reference.distinct", queries.distinct ? "true" : "false",
                      reference.distinct ? "true" : "false");
  if (queries.labels.size() != reference.labels.size())
    throw value_error("exclude.reference.labels",
                      "as many sets as the queries have, " + std::to_string(queries.labels.size()),
                      std::to_string(reference.labels.size()));
}

inline owned_tensor<index_t, 1> joined(const owned_tensor<index_t, 1>& a,
                                       const owned_tensor<index_t, 1>& b) {
  if (a.empty()) return a;
  owned_tensor<index_t, 1> out({a.size() + b.size()});
  index_t* const to = out.mutable_view().data();
  std::copy_n(b.data(), b.size(), std::copy_n(a.data(), a.size(), to));
  return out;
}

/// The exclusion of all rows, the queries and then the reference rows.
/// \throws shape_error, value_error naming what does not fit
inline exclusion joined(const exclusion_between& exclude, index_t queries, index_t reference) {
  check_alike(exclude.queries, exclude.reference);
  check_exclusion(exclude.queries, queries, "exclude.queries");
  check_exclusion(exclude.reference, reference, "exclude.reference");
  exclusion out = exclude.queries;
  out.context = joined(exclude.queries.context, exclude.reference.context);
  out.position = joined(exclude.queries.position, exclude.reference.position);
  for (std::size_t s = 0; s < out.labels.size(); ++s)
    out.labels[s] = joined(exclude.queries.labels[s], exclude.reference.labels[s]);
  return out;
}

}  // namespace detail

}  // namespace atlas::inline ATLAS_ABI
