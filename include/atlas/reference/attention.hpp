#pragma once
/// \file
/// Causal attention of one head on one block, in tiles of queries.

#include <algorithm>
#include <cmath>
#include <limits>

#include "atlas/attention/capture.hpp"
#include "atlas/reference/norms.hpp"

namespace atlas::detail {

using strided_map = Eigen::Map<const float_matrix, 0, Eigen::OuterStride<>>;

inline strided_map as_map(const tensor_view<const float, 2>& x) {
  return {x.data(), x.extent(0), x.extent(1), Eigen::OuterStride<>(x.stride(0))};
}

/// Queries, keys and values of one head on one block, `[T, d]` each, and how to combine them.
struct head_input {
  tensor_view<const float, 2> queries, keys, values;
  float scale = 1;   ///< of the logits
  index window = 0;  ///< keys that a query sees, itself among them; 0 for all before it
};

/// First key that query t sees.
inline index first_key(index t, index window) {
  return window > 0 ? std::max<index>(0, t - window + 1) : 0;
}

/// One row of logits over `keys` keys becomes -inf where masked, and its softmax.
inline void softmax_row(Eigen::Ref<Eigen::Array<float, 1, Eigen::Dynamic>> logits, index first,
                        index last, Eigen::Ref<Eigen::Array<float, 1, Eigen::Dynamic>> weights) {
  const index keys = logits.size();
  logits.head(first).setConstant(-std::numeric_limits<float>::infinity());
  logits.tail(keys - last - 1).setConstant(-std::numeric_limits<float>::infinity());
  weights.head(first).setZero();
  weights.tail(keys - last - 1).setZero();
  const auto seen = logits.segment(first, last - first + 1);
  auto shares = weights.segment(first, last - first + 1);
  shares = (seen - seen.maxCoeff()).exp();
  double sum = 0;
  for (index k = 0; k < shares.size(); ++k) sum += static_cast<double>(shares(k));
  shares *= static_cast<float>(1 / sum);
}

/// Scratch of one task: whole `[T, T]` matrices where somebody looks at them, tiles otherwise.
struct attention_scratch {
  float_matrix logits, weights;
};

/// Logits and weights of queries [q, q + rows) against the keys that any of them sees, into rows
/// [at, at + rows) of the scratch. Columns are keys; those that no query of the tile sees are
/// masked as well.
inline void attention_tile(const head_input& in, index q, index rows, index at,
                           attention_scratch& s) {
  const index low = first_key(q, in.window), seen = q + rows - low;
  auto logits = s.logits.middleRows(at, rows);
  logits.middleCols(low, seen).noalias() = in.scale * as_map(in.queries).middleRows(q, rows) *
                                           as_map(in.keys).middleRows(low, seen).transpose();
  for (index i = 0; i < rows; ++i)
    softmax_row(logits.row(i).array(), first_key(q + i, in.window), q + i,
                s.weights.row(at + i).array());
}

/// Fills `context`, `[T, d]`. With `whole` the scratch holds all of logits and weights afterwards.
inline void full_attention(const head_input& in, bool whole, attention_scratch& s,
                           const tensor_view<float, 2>& context) {
  const index t = in.queries.extent(0);
  const index kept = whole ? t : std::min(row_tile, t);
  s.logits.resize(kept, t);
  s.weights.resize(kept, t);
  Eigen::Map<float_matrix, 0, Eigen::OuterStride<>> out(context.data(), t, context.extent(1),
                                                        Eigen::OuterStride<>(context.stride(0)));
  for (index q = 0; q < t; q += row_tile) {
    const index rows = std::min(row_tile, t - q), at = whole ? q : 0;
    attention_tile(in, q, rows, at, s);
    const index low = first_key(q, in.window), seen = q + rows - low;
    out.middleRows(q, rows).noalias() =
        s.weights.block(at, low, rows, seen) * as_map(in.values).middleRows(low, seen);
  }
}

}  // namespace atlas::detail
