// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// Rows that repeat, as embeddings of repeated inputs do, exactly or but for the last bit.

#include <cmath>
#include <limits>
#include <vector>

#include "atlas/core/as_view.hpp"
#include "atlas/core/checks.hpp"
#include "atlas/core/random.hpp"
#include "atlas/core/tensor_view.hpp"
#include "atlas/simulation/clouds.hpp"

namespace atlas::inline ATLAS_ABI {

namespace detail {

/// The cloud with `copies` rows of it drawn with replacement behind it, each as `change` leaves it.
template <class Scalar, class Change>
owned_tensor<Scalar, 2> with_copies(const tensor_view<const Scalar, 2>& points, index_t copies,
                                    random_stream& random, Change&& change) {
  check_not_empty(points, "points");
  check_between(copies, 0, most_simulated, "copies");
  const index_t n = points.extent(0), d = points.extent(1);
  owned_tensor<Scalar, 2> out({n + copies, d});
  auto rows = out.mutable_view();
  for (index_t i = 0; i < n + copies; ++i) {
    const index_t from = i < n ? i : random.uniform_index(n);
    for (index_t k = 0; k < d; ++k) rows(i, k) = points(from, k);
    if (i >= n) change(rows[i]);
  }
  return out;
}

}  // namespace detail

/// A cloud with rows of it repeated behind it.
/// \param points `[N, d]`
/// \param copies how many, of rows drawn with replacement
/// \return `[N + copies, d]`
/// \throws shape_error for an empty cloud; value_error for a negative number of copies
template <real_tensor<2> Points>
[[nodiscard]] owned_tensor<scalar_of<Points, 2>, 2> with_duplicates(const Points& points,
                                                                    index_t copies,
                                                                    random_stream& random) {
  using scalar = scalar_of<Points, 2>;
  const auto held = as_view<2>(points);
  return detail::with_copies<scalar>(held, copies, random, [](const tensor_view<scalar, 1>&) {});
}

/// The same, where one coordinate of each copy, drawn at random, is the next number that its scalar
/// can hold.
template <real_tensor<2> Points>
[[nodiscard]] owned_tensor<scalar_of<Points, 2>, 2> with_near_duplicates(const Points& points,
                                                                         index_t copies,
                                                                         random_stream& random) {
  using scalar = scalar_of<Points, 2>;
  const auto held = as_view<2>(points);
  return detail::with_copies<scalar>(held, copies, random, [&](const tensor_view<scalar, 1>& row) {
    scalar& moved = row[random.uniform_index(row.extent(0))];
    moved = std::nextafter(moved, std::numeric_limits<scalar>::infinity());
  });
}

}  // namespace atlas::inline ATLAS_ABI
