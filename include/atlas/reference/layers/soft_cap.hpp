// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// Soft caps of logits (Gemma 2, Gemma Team 2024): x becomes `cap tanh(x / cap)`.

#include "atlas/reference/layers/matrix.hpp"

namespace atlas::inline ATLAS_ABI::detail {

template <class Scalar>
void soft_cap(Eigen::Ref<row_array<Scalar>> x, Scalar cap) {
  x = cap * (x / cap).tanh();
}

/// From the gradient of what came out of a cap to that of what went in.
/// \param capped what came out
template <class Scalar>
void reverse_soft_cap(const Eigen::Ref<const row_array<Scalar>>& capped, Scalar cap,
                      Eigen::Ref<row_array<Scalar>> gradient) {
  gradient *= Scalar(1) - (capped / cap).square();
}

/// The cap of all rows; none for 0.
template <class Scalar>
void soft_cap_rows(row_matrix<Scalar>& x, double cap, int threads) {
  if (cap == 0) return;
  parallel_for(x.rows(), threads,
               [&](index_t r) { soft_cap<Scalar>(x.row(r).array(), static_cast<Scalar>(cap)); });
}

}  // namespace atlas::inline ATLAS_ABI::detail
