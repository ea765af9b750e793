// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// What a layer does, step by step: the forward pass takes them in turn, the reverse pass takes
/// them again before it goes back. Row r of every matrix is position r % T of block r / T.

#include <utility>
#include <vector>

#include "atlas/core/lazy.hpp"
#include "atlas/linalg/reshape.hpp"
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

/// The rotations of a block's positions; empty for a model without.
template <class Scalar>
rotary_tables<Scalar> rotary_of(const transformer_config& c, index_t tokens_per_block) {
  rotary_tables<Scalar> tables;
  const index_t turned = c.rotary_dimension();
  if (turned > 0) tables.every = {tokens_per_block, turned, c.rotary};
  if (turned > 0 && c.window_rotary) tables.windowed = {tokens_per_block, turned, *c.window_rotary};
  return tables;
}

/// What a pass holds of a batch of positions.
template <class Scalar>
struct pass_buffers {
  row_matrix<Scalar> stream;    ///< `[N, model_dimension]`, as `normed`
  row_matrix<Scalar> normed;    ///< what a norm made of the stream
  row_matrix<Scalar> entered;   ///< the stream before attention, where the MLP is given it too
  row_matrix<Scalar> branch;    ///< what attention or MLP put out, where a norm comes after
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
  reshape(stream, count * t, model.config.model_dimension);
  row_vector<Scalar> position(model.config.model_dimension);
  for (index_t r = 0; r < count * t; ++r) {
    tokens.copy_row(blocks(first + r / t, r % t), stream.row(r).data());
    if (model.config.embedding_scale != 1)
      stream.row(r) *= static_cast<Scalar>(model.config.embedding_scale);
    if (model.places.positions < 0) continue;
    model.matrix(model.places.positions).copy_row(r % t, position.data());
    stream.row(r) += position;
  }
}

template <class Scalar>
void normalize(const model_weights<Scalar>& model, const norm_places& norm,
               const row_matrix<Scalar>& x, int threads, row_matrix<Scalar>& out) {
  normalize_rows(x, model.values(norm.weight), model.values(norm.bias), norm_shape_of(model.config),
                 threads, out);
}

/// What attention or MLP are given: the stream, or what their norm made of it in `normed`.
template <class Scalar>
const row_matrix<Scalar>& entering(const model_weights<Scalar>& model, const norm_places& norm,
                                   const row_matrix<Scalar>& stream, int threads,
                                   row_matrix<Scalar>& normed) {
  if (!norm.there()) return stream;
  normalize(model, norm, stream, threads, normed);
  return normed;
}

/// Adds a linear map of the rows to the stream, or what the norm after it made of it.
template <class Scalar>
void add_branch(const model_weights<Scalar>& model,
                const std::type_identity_t<const_rows<Scalar>>& x, const linear_places& map,
                const norm_places& after, const work_split& split, pass_buffers<Scalar>& p) {
  if (!after.there()) return apply_linear(x, model, map, product::add, split, p.stream);
  reshape(p.branch, p.stream.rows(), p.stream.cols());
  apply_linear(x, model, map, product::assign, split, p.branch);
  normalize(model, after, p.branch, split.threads, p.normed);
  p.stream += p.normed;
}

/// Where the heads lie among the groups of d_head columns that project_heads puts out.
inline index_t query_place(const transformer_config& c, index_t head) {
  return names_of(c.family).by_head ? 3 * head : head;
}
inline index_t key_place(const transformer_config& c, index_t head) {
  return names_of(c.family).by_head ? 3 * head + 1 : c.heads + head;
}
inline index_t value_place(const transformer_config& c, index_t head) {
  return names_of(c.family).by_head ? 3 * head + 2 : c.heads + c.key_value_heads + head;
}

/// The first column of each query and each key.
template <class = lazy>
std::vector<index_t> query_columns(const transformer_config& c) {
  std::vector<index_t> columns;
  for (index_t h = 0; h < c.heads; ++h) columns.push_back(query_place(c, h) * c.head_dimension);
  return columns;
}
template <class = lazy>
std::vector<index_t> key_columns(const transformer_config& c) {
  std::vector<index_t> columns;
  for (index_t h = 0; h < c.key_value_heads; ++h)
    columns.push_back(key_place(c, h) * c.head_dimension);
  return columns;
}

/// What a norm of queries, or of keys, takes by itself.
template <class = lazy>
row_parts normed_parts(const transformer_config& c, std::vector<index_t> heads) {
  if (c.head_norm == query_key_norm::heads) return {std::move(heads), c.head_dimension};
  return {{heads.front()}, static_cast<index_t>(heads.size()) * c.head_dimension};
}

/// The norms of queries and keys of a layer, in place.
template <class Scalar>
void normalize_heads(const model_weights<Scalar>& model, const layer_places& places, int threads,
                     row_matrix<Scalar>& wide) {
  const transformer_config& c = model.config;
  const auto apply = [&](const norm_places& norm, std::vector<index_t> heads) {
    normalize_parts(wide, normed_parts(c, std::move(heads)), model.values(norm.weight),
                    model.values(norm.bias), norm_shape_of(c), threads);
  };
  apply(places.query_norm, query_columns(c));
  apply(places.key_norm, key_columns(c));
}

/// Turns queries and keys.
template <class Scalar>
void rotate_heads(const transformer_config& c, const rotary_table<Scalar>& table,
                  index_t tokens_per_block, int threads, row_matrix<Scalar>& wide) {
  if (table.cosine.cols() == 0) return;
  std::vector<index_t> columns = query_columns(c);
  const std::vector<index_t> keys = key_columns(c);
  columns.insert(columns.end(), keys.begin(), keys.end());
  rotate_rows(wide, columns, tokens_per_block, table, threads);
}

/// Queries, keys and values side by side, with their norms and rotations.
template <class Scalar>
void project_heads(const model_weights<Scalar>& model, index_t layer,
                   const row_matrix<Scalar>& normed, index_t tokens_per_block,
                   const rotary_tables<Scalar>& rotary, const work_split& split,
                   row_matrix<Scalar>& wide) {
  const transformer_config& c = model.config;
  const layer_places& places = model.layer(layer);
  apply_side_by_side(normed, model, places.projections, split, wide);
  if (places.query_norm.there()) normalize_heads(model, places, split.threads, wide);
  rotate_heads(c, rotary.of(c, layer), tokens_per_block, split.threads, wide);
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
  return {head_view(c, wide, local_block, query_place(c, head), tokens_per_block),
          head_view(c, wide, local_block, key_place(c, kv), tokens_per_block),
          head_view(c, wide, local_block, value_place(c, kv), tokens_per_block),
          static_cast<Scalar>(c.logit_scale(layer)),
          c.window(layer),
          static_cast<Scalar>(c.logit_cap)};
}

/// The contexts of all heads of a layer, of what project_heads put out. `run_head(in, local_block,
/// head, context)`, from several threads at once, fills a head's context, `[T, d_head]`.
template <class Scalar, class RunHead>
void run_heads(const transformer_config& c, index_t layer, index_t tokens_per_block, int threads,
               const row_matrix<Scalar>& heads, row_matrix<Scalar>& contexts, RunHead&& run_head) {
  reshape(contexts, heads.rows(), c.heads * c.head_dimension);
  parallel_for(heads.rows() / tokens_per_block * c.heads, threads, [&](index_t task) {
    const index_t block = task / c.heads, head = task % c.heads;
    run_head(head_of(c, heads, tokens_per_block, layer, block, head), block, head,
             head_view(c, contexts, block, head, tokens_per_block));
  });
}

/// The attention of a layer, added to the stream; `run_head` as above.
template <class Scalar, class RunHead>
void attend(const model_weights<Scalar>& model, index_t layer, index_t tokens_per_block,
            const rotary_tables<Scalar>& rotary, const work_split& split, pass_buffers<Scalar>& p,
            RunHead&& run_head) {
  const transformer_config& c = model.config;
  const layer_places& places = model.layer(layer);
  if (c.parallel_residual) p.entered = p.stream;
  project_heads(model, layer,
                entering(model, places.attention_norm, p.stream, split.threads, p.normed),
                tokens_per_block, rotary, split, p.heads);
  run_heads(c, layer, tokens_per_block, split.threads, p.heads, p.context, run_head);
  add_branch(model, p.context, places.attention_output, places.attention_post_norm, split, p);
}

/// The MLP of a layer, added to the stream.
template <class Scalar>
void feed_forward(const model_weights<Scalar>& model, index_t layer, const work_split& split,
                  pass_buffers<Scalar>& p) {
  const layer_places& places = model.layer(layer);
  const transformer_config& c = model.config;
  const row_matrix<Scalar>& given = c.parallel_residual ? p.entered : p.stream;
  apply_side_by_side(entering(model, places.mlp_norm, given, split.threads, p.normed), model,
                     places.expand, split, p.expanded);
  activate_rows(p.expanded, c.mlp_dimension, c.mlp_activation, split.threads);
  add_branch(model, p.expanded.leftCols(c.mlp_dimension), places.contract, places.mlp_post_norm,
             split, p);
}

}  // namespace atlas::inline ATLAS_ABI::detail
