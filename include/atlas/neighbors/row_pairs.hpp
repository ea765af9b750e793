// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// Rows whose neighbours are looked for, and rows that may be their neighbours.

#include "atlas/core/tensor_view.hpp"
#include "atlas/neighbors/exclusion.hpp"

namespace atlas::inline ATLAS_ABI::detail {

/// Queries `[Q, d]` and reference rows `[R, d]`, which may be the same rows. Refers to the
/// exclusion.
template <class Scalar>
struct row_pairs {
  tensor_view<const Scalar, 2> queries, reference;
  /// Of all rows: the queries and then the reference rows, or both at once where they are the same.
  const exclusion& exclude;
  index_t first_reference;  ///< row of the exclusion that is the first reference row: 0 or Q

  /// The rows of a cloud among themselves.
  static row_pairs within(const tensor_view<const Scalar, 2>& points, const exclusion& exclude) {
    return {points, points, exclude, 0};
  }

  /// Whether a reference row may be a neighbour of a query.
  bool allows(index_t query, index_t row) const {
    return query != first_reference + row && !exclude.rejects(query, first_reference + row);
  }

  /// `[R]`, labels of which a query's neighbours may have each but once; null where they need not
  /// differ.
  const index_t* distinct() const {
    return exclude.distinct ? exclude.context.data() + first_reference : nullptr;
  }
};

}  // namespace atlas::inline ATLAS_ABI::detail
