// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// Causal attention of one head on one block, in tiles of queries.

#include <algorithm>
#include <cmath>
#include <limits>

#include "atlas/reference/layers/matrix.hpp"
#include "atlas/reference/layers/soft_cap.hpp"

namespace atlas::inline ATLAS_ABI::detail {

/// Queries, keys and values of one head on one block, `[T, d]` each, and how to combine them.
template <class Scalar>
struct head_input {
  tensor_view<const Scalar, 2> queries, keys, values;
  Scalar scale = 1;    ///< of the logits
  index_t window = 0;  ///< keys that a query sees, itself among them; 0 for all before it
  Scalar cap = 0;      ///< of the logits, once they are scaled; 0 for none
};

/// First key that query t sees.
inline index_t first_key(index_t t, index_t window) {
  return window > 0 ? std::max<index_t>(0, t - window + 1) : 0;
}

/// One row of logits over `keys` keys becomes -inf where masked, and its softmax.
template <class Scalar>
void softmax_row(Eigen::Ref<row_array<Scalar>> logits, index_t first, index_t last,
                 Eigen::Ref<row_array<Scalar>> weights) {
  const index_t keys = logits.size();
  logits.head(first).setConstant(-std::numeric_limits<Scalar>::infinity());
  logits.tail(keys - last - 1).setConstant(-std::numeric_limits<Scalar>::infinity());
  weights.head(first).setZero();
  weights.tail(keys - last - 1).setZero();
  const auto seen = logits.segment(first, last - first + 1);
  auto shares = weights.segment(first, last - first + 1);
  shares = (seen - seen.maxCoeff()).exp();
  const Scalar* const share = shares.data();
  const double sum =
      ordered_sum(shares.size(), [&](index_t k) { return static_cast<double>(share[k]); });
  shares *= static_cast<Scalar>(1 / sum);
}

/// Scratch of one task: whole `[T, T]` matrices where somebody looks at them, tiles otherwise.
template <class Scalar>
struct attention_scratch {
  row_matrix<Scalar> logits, weights;
};

/// Logits and weights of queries [q, q + rows) against the keys that any of them sees, into rows
/// [at, at + rows) of the scratch. Columns are keys; those that no query of the tile sees are
/// masked as well.
template <class Scalar>
void attention_tile(const head_input<Scalar>& in, index_t q, index_t rows, index_t at,
                    attention_scratch<Scalar>& s) {
  const index_t low = first_key(q, in.window), seen = q + rows - low;
  auto logits = s.logits.middleRows(at, rows);
  logits.middleCols(low, seen).noalias() = in.scale * as_map(in.queries).middleRows(q, rows) *
                                           as_map(in.keys).middleRows(low, seen).transpose();
  for (index_t i = 0; i < rows; ++i) {
    const index_t first = first_key(q + i, in.window);
    if (in.cap > 0)
      soft_cap<Scalar>(logits.row(i).segment(first, q + i - first + 1).array(), in.cap);
    softmax_row<Scalar>(logits.row(i).array(), first, q + i, s.weights.row(at + i).array());
  }
}

/// Fills `context`, `[T, d]`. With `whole` the scratch holds all of logits and weights afterwards.
template <class Scalar>
void full_attention(const head_input<Scalar>& in, bool whole, attention_scratch<Scalar>& s,
                    const tensor_view<Scalar, 2>& context) {
  const index_t t = in.queries.extent(0);
  const index_t kept = whole ? t : (std::min)(row_tile, t);
  s.logits.resize(kept, t);
  s.weights.resize(kept, t);
  auto out = as_map(context);
  for (index_t q = 0; q < t; q += row_tile) {
    const index_t rows = (std::min)(row_tile, t - q), at = whole ? q : 0;
    attention_tile(in, q, rows, at, s);
    const index_t low = first_key(q, in.window), seen = q + rows - low;
    out.middleRows(q, rows).noalias() =
        s.weights.block(at, low, rows, seen) * as_map(in.values).middleRows(low, seen);
  }
}

}  // namespace atlas::inline ATLAS_ABI::detail
