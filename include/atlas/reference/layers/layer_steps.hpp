// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// What a layer does, step by step: the forward pass takes them in turn, the reverse pass takes
/// them again before it goes back. Row r of every matrix is position r % T of block r / T.

#include <cmath>

#include "atlas/core/lazy.hpp"
#include "atlas/reference/layers/attention.hpp"
#include "atlas/reference/layers/linear.hpp"
#include "atlas/reference/layers/mlp.hpp"
#include "atlas/reference/layers/norms.hpp"
#include "atlas/reference/layers/rotary.hpp"

namespace atlas::inline ATLAS_ABI::detail {

/// \throws shape_error for no blocks or blocks longer than the model's positions, value_error for
///         ids that are not in its vocabulary
template <class = lazy>
void check_blocks(const transformer_config& c, const tensor_view<const index_t, 2>& blocks) {
  check_not_empty(blocks, "blocks");
  if (blocks.extent(1) > c.positions)
    throw shape_error("blocks", "at most " + std::to_string(c.positions) + " positions",
                      std::to_string(blocks.extent(1)));
  for (index_t b = 0; b < blocks.extent(0); ++b)
    for (index_t t = 0; t < blocks.extent(1); ++t)
      check_between(blocks(b, t), 0, c.vocabulary - 1, "blocks");
}

/// Blocks that a pass takes at once: about 4096 positions.
inline index_t blocks_at_once(index_t tokens_per_block) {
  return std::max<index_t>(1, 4096 / tokens_per_block);
}

/// Rows that get their logits together.
inline constexpr index_t rows_of_logits = 256;

/// Steps that logits of so many blocks are handed out in, a batch of blocks at a time.
inline index_t logits_steps(index_t blocks, index_t tokens_per_block, index_t batch) {
  const auto of = [&](index_t count) {
    return (count * tokens_per_block + rows_of_logits - 1) / rows_of_logits;
  };
  return blocks / batch * of(batch) + of(blocks % batch);
}

/// The rotations of a block's positions; empty for a family without.
template <class Scalar>
rotary_table<Scalar> rotary_of(const transformer_config& c, index_t tokens_per_block) {
  if (c.family != model_family::llama) return {};
  return {tokens_per_block, c.head_dimension, c.rotary};
}

/// What a pass holds of a batch of positions.
template <class Scalar>
struct pass_buffers {
  row_matrix<Scalar> stream;    ///< `[N, model_dimension]`, as `normed`
  row_matrix<Scalar> normed;    ///< what a norm made of the stream
  row_matrix<Scalar> heads;     ///< `[N, (H + 2 H_kv) d_head]`: queries, keys, values
  row_matrix<Scalar> context;   ///< `[N, H d_head]`
  row_matrix<Scalar> expanded;  ///< `[N, mlp_dimension]`, twice as wide for a gated MLP
};

/// The embedding of blocks [first, first + count), `[count * T, model_dimension]`.
template <class Scalar>
void embed_blocks(const model_weights<Scalar>& model, const tensor_view<const index_t, 2>& blocks,
                  index_t first, index_t count, row_matrix<Scalar>& stream) {
  const index_t t = blocks.extent(1);
  const auto tokens = model.matrix(model.places.embedding);
  stream.resize(count * t, model.config.model_dimension);
  row_vector<Scalar> position(model.config.model_dimension);
  for (index_t r = 0; r < count * t; ++r) {
    tokens.copy_row(blocks(first + r / t, r % t), stream.row(r).data());
    if (model.places.positions < 0) continue;
    model.matrix(model.places.positions).copy_row(r % t, position.data());
    stream.row(r) += position;
  }
}

template <class Scalar>
void normalize(const model_weights<Scalar>& model, const norm_places& norm,
               const row_matrix<Scalar>& x, int threads, row_matrix<Scalar>& out) {
  normalize_rows(x, model.values(norm.weight), model.values(norm.bias),
                 model.config.family == model_family::gpt2, model.config.norm_epsilon, threads,
                 out);
}

/// All queries, all keys, all values side by side; with rotary positions, rotated.
template <class Scalar>
void project_heads(const model_weights<Scalar>& model, index_t layer,
                   const row_matrix<Scalar>& normed, index_t tokens_per_block,
                   const rotary_table<Scalar>& rotary, const work_split& split,
                   row_matrix<Scalar>& wide) {
  const transformer_config& c = model.config;
  apply_side_by_side(normed, model, model.layer(layer).projections, split, wide);
  if (c.family == model_family::llama)
    rotate_rows(wide, c.heads + c.key_value_heads, c.head_dimension, tokens_per_block, rotary,
                split.threads);
}

/// The `place`-th group of d_head columns of one block's rows, `[T, d_head]`.
template <class Matrix>
auto head_view(const transformer_config& c, Matrix& x, index_t local_block, index_t place,
               index_t tokens_per_block) {
  const index_t d = c.head_dimension;
  auto* data = x.data() + local_block * tokens_per_block * x.cols() + place * d;
  return tensor_view<std::remove_pointer_t<decltype(data)>, 2>(data, {tokens_per_block, d},
                                                               {x.cols(), 1});
}

/// One head of what project_heads put out.
template <class Scalar>
head_input<Scalar> head_of(const transformer_config& c, const row_matrix<Scalar>& wide,
                           index_t tokens_per_block, index_t layer, index_t local_block,
                           index_t head) {
  const index_t kv = head / c.heads_per_group();
  double scale = 1;
  if (c.scale_logits) scale /= std::sqrt(static_cast<double>(c.head_dimension));
  if (c.scale_by_layer) scale /= static_cast<double>(layer + 1);
  return {head_view(c, wide, local_block, head, tokens_per_block),
          head_view(c, wide, local_block, c.heads + kv, tokens_per_block),
          head_view(c, wide, local_block, c.heads + c.key_value_heads + kv, tokens_per_block),
          static_cast<Scalar>(scale), c.window(layer)};
}

/// The attention of a layer, added to the stream. `run_head(in, local_block, head, context)`, from
/// several threads at once, fills a head's context, `[T, d_head]`.
template <class Scalar, class RunHead>
void attend(const model_weights<Scalar>& model, index_t layer, index_t tokens_per_block,
            const rotary_table<Scalar>& rotary, const work_split& split, pass_buffers<Scalar>& p,
            RunHead&& run_head) {
  const transformer_config& c = model.config;
  const layer_places& places = model.layer(layer);
  normalize(model, places.attention_norm, p.stream, split.threads, p.normed);
  project_heads(model, layer, p.normed, tokens_per_block, rotary, split, p.heads);
  p.context.resize(p.heads.rows(), c.heads * c.head_dimension);
  parallel_for(p.heads.rows() / tokens_per_block * c.heads, split.threads, [&](index_t task) {
    const index_t block = task / c.heads, head = task % c.heads;
    run_head(head_of(c, p.heads, tokens_per_block, layer, block, head), block, head,
             head_view(c, p.context, block, head, tokens_per_block));
  });
  apply_linear(p.context, model, places.attention_output, product::add, split, p.stream);
}

/// The MLP of a layer, added to the stream.
template <class Scalar>
void feed_forward(const model_weights<Scalar>& model, index_t layer, const work_split& split,
                  pass_buffers<Scalar>& p) {
  const layer_places& places = model.layer(layer);
  const transformer_config& c = model.config;
  normalize(model, places.mlp_norm, p.stream, split.threads, p.normed);
  apply_side_by_side(p.normed, model, places.expand, split, p.expanded);
  activate_rows(p.expanded, c.mlp_dimension, c.mlp_activation, split.threads);
  apply_linear(p.expanded.leftCols(c.mlp_dimension), model, places.contract, product::add, split,
               p.stream);
}

}  // namespace atlas::inline ATLAS_ABI::detail
