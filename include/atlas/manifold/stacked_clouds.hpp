// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// Several clouds as one.

#include <algorithm>
#include <vector>

#include "atlas/core/tensor_view.hpp"
#include "atlas/linalg/covariance.hpp"
#include "atlas/linalg/row_matrix.hpp"
#include "atlas/neighbors/exclusion.hpp"

namespace atlas::inline ATLAS_ABI::detail {

/// `[H, N, d]` as `[H N, d]`, cloud after cloud; where asked for, each less its own mean.
template <class Scalar>
owned_tensor<Scalar, 2> stacked(const tensor_view<const Scalar, 3>& clouds, bool centred) {
  const index_t heads = clouds.extent(0), n = clouds.extent(1), d = clouds.extent(2);
  owned_tensor<Scalar, 2> out({heads * n, d});
  const auto target = out.mutable_view();
  row_matrix<double> row(1, d);
  for (index_t h = 0; h < heads; ++h) {
    const tensor_view<const Scalar, 2> cloud = clouds[h];
    if (!centred) {
      for (index_t i = 0; i < n; ++i)
        for (index_t k = 0; k < d; ++k) target(h * n + i, k) = cloud(i, k);
      continue;
    }
    const shifted_rows<Scalar, double> shifted(cloud, {});
    for (index_t i = 0; i < n; ++i) {
      shifted.centre(i, 1, row);
      for (index_t k = 0; k < d; ++k) target(h * n + i, k) = static_cast<Scalar>(row(0, k));
    }
  }
  return out;
}

/// `[H, N, d]` as `[N, H d]`: what all heads have at one place is a row.
template <class Scalar>
owned_tensor<Scalar, 2> side_by_side(const tensor_view<const Scalar, 3>& clouds) {
  const index_t heads = clouds.extent(0), n = clouds.extent(1), d = clouds.extent(2);
  owned_tensor<Scalar, 2> out({n, heads * d});
  const auto target = out.mutable_view();
  for (index_t h = 0; h < heads; ++h)
    for (index_t i = 0; i < n; ++i)
      for (index_t k = 0; k < d; ++k) target(i, h * d + k) = clouds(h, i, k);
  return out;
}

/// And back.
template <class Scalar>
owned_tensor<Scalar, 3> apart(const tensor_view<const Scalar, 2>& rows, index_t heads) {
  const index_t n = rows.extent(0), d = rows.extent(1) / heads;
  owned_tensor<Scalar, 3> out({heads, n, d});
  const auto target = out.mutable_view();
  for (index_t h = 0; h < heads; ++h)
    for (index_t i = 0; i < n; ++i)
      for (index_t k = 0; k < d; ++k) target(h, i, k) = rows(i, h * d + k);
  return out;
}

/// The clouds of some heads, `[heads.size(), N, d]`.
template <class Scalar>
owned_tensor<Scalar, 3> clouds_of(const tensor_view<const Scalar, 3>& clouds,
                                  const std::vector<index_t>& heads) {
  owned_tensor<Scalar, 3> out(
      {static_cast<index_t>(heads.size()), clouds.extent(1), clouds.extent(2)});
  for (std::size_t h = 0; h < heads.size(); ++h)
    for_each_element(clouds[heads[h]], out.mutable_view()[static_cast<index_t>(h)],
                     [](const Scalar& from, Scalar& to) { to = from; });
  return out;
}

/// The exclusion of N rows for the rows of `heads` clouds in a row: rows of one context exclude
/// each other across clouds as well.
inline exclusion stacked(const exclusion& one, index_t heads) {
  index_t n = (std::max)(one.context.extent(0), one.position.extent(0));
  for (const auto& set : one.labels) n = (std::max)(n, set.extent(0));
  std::vector<index_t> rows;
  for (index_t i = 0; i < heads * n; ++i) rows.push_back(i % n);
  return gather_exclusion(one, rows);
}

}  // namespace atlas::inline ATLAS_ABI::detail
