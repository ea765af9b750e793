// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// The reference transformer: GPT-2 (Radford et al. 2019), Llama (Touvron et al. 2023) and what
/// differs from these as transformer_config says, in float32, as readable as fast. It knows nothing
/// of measurements: they look on.

#include <algorithm>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "atlas/core/checks.hpp"
#include "atlas/core/compiled.hpp"
#include "atlas/core/lazy.hpp"
#include "atlas/core/parallel.hpp"
#include "atlas/core/whole_numbers.hpp"
#include "atlas/linalg/reshape.hpp"
#include "atlas/reference/forward_options.hpp"
#include "atlas/reference/layers/layer_steps.hpp"
#include "atlas/reference/parameters.hpp"
#include "atlas/reference/weight_values.hpp"

namespace atlas::inline ATLAS_ABI {

/// Float32 on the CPU, in memory or widened by tiles from what is stored.
class transformer {
 public:
  /// Takes all weights from the source. Those that it hands over as stored stay so; each part of
  /// them is made float when it is used, and looked at then.
  /// \throws value_error for a bad config or values that are not finite, shape_error for weights
  ///         of the wrong size; whatever the source throws
  template <class = lazy>
  transformer(transformer_config config, const weight_source& source)
      : model_(std::move(config), source) {}

  [[nodiscard]] const transformer_config& config() const { return model_.config; }
  /// For the reverse pass, which takes the same steps.
  [[nodiscard]] const detail::model_weights<float>& weights() const { return model_; }

  /// Calls `visit(name, extents, values)` for each weight tensor, with `mutable_weight_values`: the
  /// values may be changed, and stored ones that are looked at become the model's own for good.
  template <class Visit>
  void for_each_parameter(Visit&& visit) {
    for (parameter& p : model_.parameters)
      visit(std::as_const(p.name), std::as_const(p.extents), mutable_weight_values(p));
  }
  /// The same with `weight_values`; stored ones that are looked at are made floats for the call.
  template <class Visit>
  void for_each_parameter(Visit&& visit) const {
    for (const parameter& p : model_.parameters) visit(p.name, p.extents, weight_values(p));
  }

  /// How the heads of a layer enter the residual stream, `[H * d_head, model_dimension]`, rows
  /// head-major. Valid as long as this object and the result are both there: stored weights are
  /// made floats for it.
  ///
  /// \throws value_error for a layer out of range, naming stored weights that are not finite, and
  /// for
  ///         a model with norms after attention, in which no such matrix is all of it (see
  ///         stream_projection).
  template <class = lazy>
  [[nodiscard]] kept_tensor<float, 2> output_projection(index_t layer) const& {
    check_between(layer, 0, config().layers - 1, "layer");
    if (config().norms != norm_position::before)
      throw value_error("norms",
                        "norms before attention only (stream_projection has the weights of the one "
                        "after it, too)",
                        "a norm after attention");
    return attention_output(layer);
  }
  template <class = lazy>
  kept_tensor<float, 2> output_projection(index_t layer) const&& = delete;

  /// What takes the heads' contexts to the residual stream, `[H * d_head, model_dimension]`, rows
  /// head-major. Where a norm comes after attention, its weights are in it, and what it subtracts:
  /// a head then writes its context times this, times a positive number that is the same for all
  /// heads of a position and that only the norm of their sum tells. So directions and the shares of
  /// heads among each other are those of the model, lengths are not comparable between positions.
  ///
  /// \throws value_error for a layer out of range.
  template <class = lazy>
  [[nodiscard]] owned_tensor<float, 2> stream_projection(index_t layer) const;

  /// Runs the model on blocks of token ids, `[B, T]`, whole numbers of any type, each on its own,
  /// as far as somebody looks: not past the last observed layer when neither hidden states nor
  /// logits are asked for. With `options.start` the layers before it do not run and can be neither
  /// observed nor ruled; the others give the bits of the pass that handed out these hidden states.
  ///
  /// O(B T (parameters + layers T H d)) time. Memory: a few `[batch, mlp_dimension]` matrices for a
  /// batch of about 4096 positions, and per thread two `[T, T]` and a tile of stored weights.
  /// Results do not depend on the number of threads.
  /// \throws shape_error for no blocks, blocks longer than `config().positions` or a start of other
  ///         extents, value_error for ids or layers out of range, and naming a stored weight that
  ///         is used and not finite, cancelled
  template <whole_tensor<2> Blocks>
  void forward(const Blocks& blocks, const forward_options& options = {}) const {
    const auto held = detail::view_indices<2>(blocks, "blocks");
    run(held, options);
  }

 private:
  /// The map from contexts to the stream, or to the norm before it.
  template <class = lazy>
  kept_tensor<float, 2> attention_output(index_t layer) const {
    const detail::linear_places& place = model_.layer(layer).attention_output;
    const index_t in = config().heads * config().head_dimension, out = config().model_dimension;
    const parameter& weight = model_.at(place.weight);
    std::shared_ptr<const std::vector<float>> widened;
    if (weight.stored)
      widened = std::make_shared<const std::vector<float>>(detail::read_whole(*weight.stored));
    const float* values = widened ? widened->data() : weight.values.data();
    if (place.input_major) return {{values, {in, out}}, widened};
    return {{values, {in, out}, {1, in}}, widened};
  }

  template <class = lazy>
  void run(const tensor_view<const index_t, 2>& blocks, const forward_options& options) const;

  /// State of one forward pass. Row r of the matrices is position r % T of block first + r / T.
  struct pass {
    const forward_options& options;
    const tensor_view<const index_t, 2>& blocks;
    index_t tokens_per_block;
    detail::rotary_tables<float> rotary;
    detail::pass_buffers<float> buffers;
    progress_meter meter;
  };

  template <class = lazy>
  void check_input(const tensor_view<const index_t, 2>& blocks, const forward_options& o) const {
    detail::check_blocks(config(), blocks);
    check_start(blocks, o);
    const index_t first = first_layer(o);
    for (const index_t l : o.observed_layers)
      check_between(l, first, config().layers - 1, "observed_layers");
    for (const auto& [layer, rule] : o.rules)
      check_between(layer, first, config().layers - 1, "rules");
  }

  template <class = lazy>
  void check_start(const tensor_view<const index_t, 2>& blocks, const forward_options& o) const {
    if (!o.start) return;
    check_between(o.start->layer, 0, config().layers - 1, "start.layer");
    check_shape(o.start->rows, {blocks.size(), config().model_dimension}, "start.rows");
  }

  static index_t first_layer(const forward_options& o) { return o.start ? o.start->layer : 0; }

  /// Layers to run.
  index_t depth_needed(const forward_options& o) const {
    if (o.hidden_observer || o.logits_observer) return config().layers;
    if (!o.observer) return 0;
    if (o.observed_layers.empty()) return config().layers;
    return 1 + *std::max_element(o.observed_layers.begin(), o.observed_layers.end());
  }

  bool observed(const forward_options& o, index_t layer) const {
    return o.observer && (o.observed_layers.empty() ||
                          std::find(o.observed_layers.begin(), o.observed_layers.end(), layer) !=
                              o.observed_layers.end());
  }

  template <class = lazy>
  void run_batch(pass& p, index_t first, index_t count, index_t depth) const;

  /// What enters the first layer that runs.
  template <class = lazy>
  void begin_batch(pass& p, index_t first, index_t count) const;

  template <class = lazy>
  void run_head(const forward_options& o, const detail::head_input<float>& in, index_t layer,
                index_t block, index_t head, const tensor_view<float, 2>& context) const;

  template <class = lazy>
  void hand_out_hidden(const pass& p, index_t depth, index_t first) const {
    p.options.hidden_observer(
        depth, first * p.tokens_per_block,
        {p.buffers.stream.data(), {p.buffers.stream.rows(), p.buffers.stream.cols()}});
  }

  template <class Real = float>
  void hand_out_logits(pass& p, index_t first) const;

  detail::model_weights<float> model_;
};

template <class>
owned_tensor<float, 2> transformer::stream_projection(index_t layer) const {
  check_between(layer, 0, config().layers - 1, "layer");
  const kept_tensor<float, 2> map = attention_output(layer);
  owned_tensor<float, 2> out(map.extents());
  const auto into = out.mutable_view();
  for_each_element(map, into, [](const float& from, float& to) { to = from; });
  const detail::norm_places& norm = model_.layer(layer).attention_post_norm;
  if (!norm.there()) return out;
  const detail::norm_shape shape = detail::norm_shape_of(config());
  const float* weights = model_.values(norm.weight);
  const index_t d = config().model_dimension;
  for (index_t i = 0; i < out.extent(0); ++i) {
    float* const row = &into(i, 0);
    const double mean =
        shape.centred ? detail::shifted_sum(row, d, 0, false) / static_cast<double>(d) : 0;
    for (index_t k = 0; k < d; ++k)
      row[k] = static_cast<float>((static_cast<double>(row[k]) - mean) *
                                  (shape.offset + static_cast<double>(weights[k])));
  }
  return out;
}

template <class>
void transformer::run(const tensor_view<const index_t, 2>& blocks,
                      const forward_options& options) const {
  check_input(blocks, options);
  const index_t t = blocks.extent(1), count = blocks.extent(0), depth = depth_needed(options);
  const index_t batch = detail::blocks_at_once(t), batches = (count + batch - 1) / batch;
  const index_t steps = (std::max)(index_t{0}, depth - first_layer(options)) * batches +
                        (options.logits_observer ? detail::logits_steps(count, t, batch) : 0);
  pass p{options, blocks,
         t,       detail::rotary_of<float>(config(), t),
         {},      progress_meter(options.on_progress, "forward", steps)};
  for (index_t first = 0; first < count; first += batch)
    run_batch(p, first, (std::min)(batch, count - first), depth);
}

template <class>
void transformer::run_batch(pass& p, index_t first, index_t count, index_t depth) const {
  const forward_options& o = p.options;
  detail::pass_buffers<float>& buffers = p.buffers;
  const bool to_the_end = o.hidden_observer || o.logits_observer;
  begin_batch(p, first, count);
  for (index_t l = first_layer(o); l < depth; ++l) {
    if (o.hidden_observer) hand_out_hidden(p, l, first);
    detail::attend(model_, l, p.tokens_per_block, p.rotary, {o.threads}, buffers,
                   [&](const auto& in, index_t local_block, index_t head, const auto& context) {
                     run_head(o, in, l, first + local_block, head, context);
                   });
    if (to_the_end || l + 1 < depth) detail::feed_forward(model_, l, {o.threads}, buffers);
    p.meter.advance();
  }
  if (!to_the_end) return;
  detail::normalize(model_, model_.places.final_norm, buffers.stream, o.threads, buffers.normed);
  buffers.stream.swap(buffers.normed);
  if (o.hidden_observer) hand_out_hidden(p, depth, first);
  if (o.logits_observer) hand_out_logits(p, first);
}

template <class>
void transformer::begin_batch(pass& p, index_t first, index_t count) const {
  row_matrix<float>& stream = p.buffers.stream;
  if (!p.options.start) return detail::embed_blocks(model_, p.blocks, first, count, stream);
  const tensor_view<const float, 2>& from = p.options.start->rows;
  detail::reshape(stream, count * p.tokens_per_block, from.extent(1));
  for (index_t r = 0; r < stream.rows(); ++r)
    for (index_t k = 0; k < stream.cols(); ++k)
      stream(r, k) = from(first * p.tokens_per_block + r, k);
}

template <class>
void transformer::run_head(const forward_options& o, const detail::head_input<float>& in,
                           index_t layer, index_t block, index_t head,
                           const tensor_view<float, 2>& context) const {
  detail::attention_scratch<float> scratch;
  const index_t t = in.queries.extent(0);
  const auto rule = o.rules.find(layer);
  const bool ruled = rule != o.rules.end() && rule->second, seen = observed(o, layer);
  detail::full_attention(in, ruled || seen, scratch, context);
  if (!ruled && !seen) return;
  head_capture capture{layer,
                       head,
                       head / config().heads_per_group(),
                       block,
                       {scratch.logits.data(), {t, t}},
                       {scratch.weights.data(), {t, t}},
                       in.values,
                       {}};
  capture.queries = in.queries;
  capture.keys = in.keys;
  capture.window = in.window;
  if (ruled) rule->second(capture, context);
  capture.context = context;
  if (seen) o.observer(capture);
}

template <class Real>
void transformer::hand_out_logits(pass& p, index_t first) const {
  constexpr index_t chunk = detail::rows_of_logits;
  const row_matrix<Real>& stream = p.buffers.stream;
  row_matrix<Real> logits;
  const auto head = model_.matrix(model_.places.head);
  for (index_t r = 0; r < stream.rows(); r += chunk) {
    const index_t rows = (std::min)(chunk, stream.rows() - r);
    detail::reshape(logits, rows, config().vocabulary);
    detail::apply_linear<Real>(stream.middleRows(r, rows), head, false, nullptr,
                               detail::product::assign, {p.options.threads}, logits);
    detail::soft_cap_rows(logits, config().output_cap, p.options.threads);
    p.options.logits_observer(first * p.tokens_per_block + r,
                              {logits.data(), {rows, config().vocabulary}});
    p.meter.advance();
  }
}

}  // namespace atlas::inline ATLAS_ABI

#ifdef ATLAS_COMPILED
namespace atlas::inline ATLAS_ABI {
ATLAS_OF_REFERENCE void transformer::run<void>(const tensor_view<const index_t, 2>&,
                                               const forward_options&) const;
}  // namespace atlas::inline ATLAS_ABI
#endif
