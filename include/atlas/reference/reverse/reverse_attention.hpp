// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// Gradients of causal attention, in tiles of queries whose weights are computed again: no more
/// than `[row_tile, T]` of them at a time (cf. Dao et al. 2022).

#include "atlas/reference/layers/attention.hpp"
#include "atlas/reference/layers/layer_steps.hpp"

namespace atlas::inline ATLAS_ABI::detail {

/// Scratch of one task. Keys and values: their gradients, `[T, d]`.
template <class Scalar>
struct attention_reverse_scratch {
  attention_scratch<Scalar> tile;
  row_matrix<Scalar> flow, keys, values;
};

/// One tile of queries of one head, in place.
///
/// \param queries their gradient on return
/// \param context the gradient of what came out of the head, and on return what came out
template <class Scalar>
void reverse_attention_tile(const head_input<Scalar>& in, index_t q, index_t rows,
                            attention_reverse_scratch<Scalar>& s, strided_map<Scalar> queries,
                            strided_map<Scalar> context) {
  attention_tile(in, q, rows, 0, s.tile);
  const index_t low = first_key(q, in.window), seen = q + rows - low;
  const auto weights = s.tile.weights.block(0, low, rows, seen);
  const auto keys = as_map(in.keys).middleRows(low, seen);
  const auto values = as_map(in.values).middleRows(low, seen);
  auto asked = queries.middleRows(q, rows), out = context.middleRows(q, rows);
  auto flow = s.flow.topLeftCorner(rows, seen);
  s.values.middleRows(low, seen).noalias() += weights.transpose() * out;
  flow.noalias() = out * values.transpose();
  out.noalias() = weights * values;
  for (index_t i = 0; i < rows; ++i) {
    const Scalar level = flow.row(i).dot(weights.row(i));
    flow.row(i).array() = in.scale * weights.row(i).array() * (flow.row(i).array() - level);
    if (in.cap == 0) continue;
    const index_t first = first_key(q + i, in.window), width = q + i - first + 1;
    reverse_soft_cap<Scalar>(s.tile.logits.row(i).segment(first, width).array(), in.cap,
                             flow.row(i).segment(first - low, width).array());
  }
  s.keys.middleRows(low, seen).noalias() += flow.transpose() * asked;
  asked.noalias() = flow * keys;
}

/// All query heads of one key/value head on one block.
///
/// \param wide queries, keys and values, and on
/// return their gradients
///
/// \param context as above
template <class Scalar>
void reverse_heads(const transformer_config& c, index_t tokens_per_block, index_t layer,
                   index_t local_block, index_t key_value_head, row_matrix<Scalar>& wide,
                   row_matrix<Scalar>& context) {
  const index_t t = tokens_per_block, tile = (std::min)(row_tile, t);
  attention_reverse_scratch<Scalar> s;
  s.tile.logits.resize(tile, t);
  s.tile.weights.resize(tile, t);
  s.flow.resize(tile, t);
  s.keys.setZero(t, c.head_dimension);
  s.values.setZero(t, c.head_dimension);
  for (index_t r = 0; r < c.heads_per_group(); ++r) {
    const index_t head = key_value_head * c.heads_per_group() + r;
    const auto in = head_of(c, wide, t, layer, local_block, head);
    for (index_t q = 0; q < t; q += row_tile)
      reverse_attention_tile(in, q, (std::min)(row_tile, t - q), s,
                             as_map(head_view(c, wide, local_block, query_place(c, head), t)),
                             as_map(head_view(c, context, local_block, head, t)));
  }
  as_map(head_view(c, wide, local_block, key_place(c, key_value_head), t)) = s.keys;
  as_map(head_view(c, wide, local_block, value_place(c, key_value_head), t)) = s.values;
}

/// Goes back from contexts to queries, keys and values.
/// \param wide `[N, (H + 2 H_kv) d_head]`: what project_heads put out, and on return its gradient
/// before it was rotated
///
/// \param context `[N, H d_head]`: its gradient, and on return itself
template <class Scalar>
void reverse_attention(const transformer_config& c, index_t layer, index_t tokens_per_block,
                       const rotary_tables<Scalar>& rotary_back, int threads,
                       row_matrix<Scalar>& wide, row_matrix<Scalar>& context) {
  const index_t blocks = wide.rows() / tokens_per_block;
  parallel_for(blocks * c.key_value_heads, threads, [&](index_t task) {
    reverse_heads(c, tokens_per_block, layer, task / c.key_value_heads, task % c.key_value_heads,
                  wide, context);
  });
  rotate_heads(c, rotary_back.of(c, layer), tokens_per_block, threads, wide);
}

}  // namespace atlas::inline ATLAS_ABI::detail
