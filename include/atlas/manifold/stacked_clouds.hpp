#pragma once
/// \file
/// Several clouds as one.

#include "atlas/core/tensor_view.hpp"
#include "atlas/linalg/covariance.hpp"
#include "atlas/linalg/row_matrix.hpp"
#include "atlas/neighbors/exclusion.hpp"

namespace atlas::detail {

/// `[H, N, d]` as `[H N, d]`, cloud after cloud; where asked for, each less its own mean.
template <class Scalar>
owned_tensor<Scalar, 2> stacked(const tensor_view<const Scalar, 3>& clouds, bool centred) {
  const index_t heads = clouds.extent(0), n = clouds.extent(1), d = clouds.extent(2);
  owned_tensor<Scalar, 2> out({heads * n, d});
  const auto target = out.mutable_view();
  row_matrix<double> row(1, d);
  for (index_t h = 0; h < heads; ++h) {
    const tensor_view<const Scalar, 2> cloud = clouds[h];
    const shifted_rows<Scalar, double> shifted(cloud, {});
    for (index_t i = 0; i < n; ++i) {
      if (centred) shifted.centre(i, 1, row);
      for (index_t k = 0; k < d; ++k)
        target(h * n + i, k) = centred ? static_cast<Scalar>(row(0, k)) : cloud(i, k);
    }
  }
  return out;
}

/// The exclusion of N rows for the rows of `heads` clouds in a row: rows of one context exclude
/// each other across clouds as well.
inline exclusion stacked(const exclusion& one, index_t heads) {
  const auto repeat = [&](const owned_tensor<index_t, 1>& labels) {
    if (labels.empty()) return labels;
    const index_t n = labels.extent(0);
    owned_tensor<index_t, 1> out({heads * n});
    for (index_t i = 0; i < heads * n; ++i) out.mutable_view()[i] = labels[i % n];
    return out;
  };
  return {repeat(one.context), repeat(one.position), one.window};
}

}  // namespace atlas::detail
