#pragma once
/// \file
/// The reference transformer: GPT-2 (Radford et al. 2019) and the Llama family (Touvron et al.
/// 2023) in float32, as readable as fast. It knows nothing of measurements: they look on.

#include <algorithm>
#include <cmath>
#include <numeric>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "atlas/core/checks.hpp"
#include "atlas/core/parallel.hpp"
#include "atlas/reference/attention.hpp"
#include "atlas/reference/forward_options.hpp"
#include "atlas/reference/linear.hpp"
#include "atlas/reference/mlp.hpp"
#include "atlas/reference/parameters.hpp"
#include "atlas/reference/rotary.hpp"

namespace atlas {

class transformer {
 public:
  /// Takes all weights from the source.
  /// \throws value_error for a bad config or weights that are not finite, shape_error for weights
  ///         of the wrong size; whatever the source throws
  transformer(transformer_config config, const weight_source& source) : config_(std::move(config)) {
    check_config(config_);
    places_ = detail::read_parameters(config_, source, parameters_);
  }

  const transformer_config& config() const { return config_; }

  /// Calls `visit(name, extents, values)` for each weight tensor; the values may be changed.
  template <class Visit>
  void for_each_parameter(Visit&& visit) {
    for (parameter& p : parameters_)
      visit(std::as_const(p.name), std::as_const(p.extents), std::span<float>(p.values));
  }
  template <class Visit>
  void for_each_parameter(Visit&& visit) const {
    for (const parameter& p : parameters_)
      visit(p.name, p.extents, std::span<const float>(p.values));
  }

  /// How the heads of a layer enter the residual stream, `[H * d_head, model_dimension]`, rows
  /// head-major. Valid as long as this object. \throws value_error for a layer out of range.
  tensor_view<const float, 2> output_projection(index layer) const {
    detail::check_between(layer, 0, config_.layers - 1, "layer");
    const detail::linear_places& place = at(layer).attention_output;
    const index in = config_.heads * config_.head_dimension, out = config_.model_dimension;
    const float* values = weight(place.weight);
    if (place.input_major) return {values, {in, out}};
    return {values, {in, out}, {1, in}};
  }

  /// Runs the model on blocks of token ids, `[B, T]`, each on its own, as far as somebody looks:
  /// not past the last observed layer when neither hidden states nor logits are asked for.
  ///
  /// O(B T (parameters + layers T H d)) time. Memory: a few `[batch, mlp_dimension]` matrices for a
  /// batch of about 4096 positions, and two `[T, T]` per thread.
  /// Results do not depend on the number of threads.
  /// \throws shape_error for no blocks or blocks longer than `config().positions`, value_error for
  ///         ids or layers out of range, cancelled
  void forward(const tensor_view<const index, 2>& blocks,
               const forward_options& options = {}) const {
    check_input(blocks, options);
    const index t = blocks.extent(1), count = blocks.extent(0), depth = depth_needed(options);
    const index batch = std::max<index>(1, 4096 / t), batches = (count + batch - 1) / batch;
    pass p{options, blocks, t,
           {},      {},     {},
           {},      {},     progress_meter(options.on_progress, "forward", depth * batches)};
    if (config_.family == model_family::llama)
      p.rotary = detail::rotary_table(t, config_.head_dimension, config_.rotary);
    for (index first = 0; first < count; first += batch)
      run_batch(p, first, std::min(batch, count - first), depth);
  }

 private:
  /// State of one forward pass. Row r of the matrices is position r % T of block first + r / T.
  struct pass {
    const forward_options& options;
    const tensor_view<const index, 2>& blocks;
    index block_size;
    detail::rotary_table rotary;
    detail::float_matrix stream, normed, wide, context;
    progress_meter meter;
  };

  const detail::layer_places& at(index layer) const {
    return places_.layers[static_cast<std::size_t>(layer)];
  }
  const float* weight(index place) const { return detail::values_or_null(parameters_, place); }

  void check_input(const tensor_view<const index, 2>& blocks, const forward_options& o) const {
    detail::check_not_empty(blocks, "blocks");
    if (blocks.extent(1) > config_.positions)
      throw shape_error("blocks", "at most " + std::to_string(config_.positions) + " positions",
                        std::to_string(blocks.extent(1)));
    for (index b = 0; b < blocks.extent(0); ++b)
      for (index t = 0; t < blocks.extent(1); ++t)
        detail::check_between(blocks(b, t), 0, config_.vocabulary - 1, "blocks");
    for (const index l : o.observed_layers)
      detail::check_between(l, 0, config_.layers - 1, "observed_layers");
    for (const auto& [layer, rule] : o.rules)
      detail::check_between(layer, 0, config_.layers - 1, "rules");
  }

  /// Layers to run.
  index depth_needed(const forward_options& o) const {
    if (o.hidden_observer || o.logits_observer) return config_.layers;
    if (!o.observer) return 0;
    if (o.observed_layers.empty()) return config_.layers;
    return 1 + *std::max_element(o.observed_layers.begin(), o.observed_layers.end());
  }

  bool observed(const forward_options& o, index layer) const {
    return o.observer && (o.observed_layers.empty() ||
                          std::find(o.observed_layers.begin(), o.observed_layers.end(), layer) !=
                              o.observed_layers.end());
  }

  void run_batch(pass& p, index first, index count, index depth) const {
    const forward_options& o = p.options;
    const bool to_the_end = o.hidden_observer || o.logits_observer;
    embed(p, first, count);
    for (index l = 0; l < depth; ++l) {
      if (o.hidden_observer) hand_out_hidden(p, l, first);
      attend(p, l, first, count);
      if (to_the_end || l + 1 < depth) feed_forward(p, l);
      p.meter.advance();
    }
    if (!to_the_end) return;
    normalize(p, places_.final_norm);
    p.stream.swap(p.normed);
    if (o.hidden_observer) hand_out_hidden(p, depth, first);
    if (o.logits_observer) hand_out_logits(p, first);
  }

  void embed(pass& p, index first, index count) const {
    const index d = config_.model_dimension, t = p.block_size;
    p.stream.resize(count * t, d);
    for (index r = 0; r < count * t; ++r) {
      const index token = p.blocks(first + r / t, r % t);
      p.stream.row(r) =
          Eigen::Map<const Eigen::RowVectorXf>(weight(places_.embedding) + token * d, d);
      if (places_.positions >= 0)
        p.stream.row(r) +=
            Eigen::Map<const Eigen::RowVectorXf>(weight(places_.positions) + r % t * d, d);
    }
  }

  void normalize(pass& p, const detail::norm_places& norm) const {
    detail::normalize_rows(p.stream, weight(norm.weight), weight(norm.bias),
                           config_.family == model_family::gpt2, config_.norm_epsilon,
                           p.options.threads, p.normed);
  }

  void attend(pass& p, index layer, index first, index count) const {
    const detail::layer_places& places = at(layer);
    const int threads = p.options.threads;
    normalize(p, places.attention_norm);
    detail::apply_side_by_side(p.normed, parameters_, places.projections, threads, p.wide);
    if (config_.family == model_family::llama)
      detail::rotate_rows(p.wide, config_.heads + config_.key_value_heads, config_.head_dimension,
                          p.block_size, p.rotary, threads);
    p.context.resize(p.wide.rows(), config_.heads * config_.head_dimension);
    parallel_for(count * config_.heads, threads, [&](index task) {
      run_head(p, layer, task / config_.heads, task % config_.heads, first);
    });
    detail::apply_linear(p.context, parameters_, places.attention_output, detail::product::add,
                         threads, p.stream);
  }

  /// `[T, d_head]` of a matrix with a row a position.
  template <class Matrix>
  auto head_view(Matrix& x, index local_block, index place, index block_size) const {
    const index d = config_.head_dimension;
    auto* data = x.data() + local_block * block_size * x.cols() + place * d;
    return tensor_view<std::remove_pointer_t<decltype(data)>, 2>(data, {block_size, d},
                                                                 {x.cols(), 1});
  }

  detail::head_input head_input(const pass& p, index layer, index local_block, index head) const {
    const index kv = head / config_.n_rep(), t = p.block_size;
    double scale = 1;
    if (config_.scale_logits) scale /= std::sqrt(static_cast<double>(config_.head_dimension));
    if (config_.scale_by_layer) scale /= static_cast<double>(layer + 1);
    return {head_view(p.wide, local_block, head, t),
            head_view(p.wide, local_block, config_.heads + kv, t),
            head_view(p.wide, local_block, config_.heads + config_.key_value_heads + kv, t),
            static_cast<float>(scale), config_.window(layer)};
  }

  void run_head(pass& p, index layer, index local_block, index head, index first) const {
    detail::attention_scratch scratch;
    const forward_options& o = p.options;
    const auto rule = o.rules.find(layer);
    const bool ruled = rule != o.rules.end() && rule->second, seen = observed(o, layer);
    const detail::head_input in = head_input(p, layer, local_block, head);
    const auto context = head_view(p.context, local_block, head, p.block_size);
    detail::full_attention(in, ruled || seen, scratch, context);
    if (!ruled && !seen) return;
    const index t = p.block_size;
    head_capture capture{layer,
                         head,
                         head / config_.n_rep(),
                         first + local_block,
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

  void feed_forward(pass& p, index layer) const {
    const detail::layer_places& places = at(layer);
    const int threads = p.options.threads;
    normalize(p, places.mlp_norm);
    detail::apply_side_by_side(p.normed, parameters_, places.expand, threads, p.wide);
    detail::activate_rows(p.wide, config_.mlp_dimension, config_.mlp_activation, threads);
    detail::apply_linear(
        p.wide.leftCols(config_.mlp_dimension),
        detail::as_matrix(parameters_[static_cast<std::size_t>(places.contract.weight)]),
        places.contract.input_major, weight(places.contract.bias), detail::product::add, threads,
        p.stream);
  }

  void hand_out_hidden(const pass& p, index depth, index first) const {
    p.options.hidden_observer(depth, first * p.block_size,
                              {p.stream.data(), {p.stream.rows(), p.stream.cols()}});
  }

  void hand_out_logits(const pass& p, index first) const {
    constexpr index chunk = 256;
    detail::float_matrix logits;
    const auto head = detail::as_matrix(parameters_[static_cast<std::size_t>(places_.head)]);
    for (index r = 0; r < p.stream.rows(); r += chunk) {
      const index rows = std::min(chunk, p.stream.rows() - r);
      logits.resize(rows, config_.vocabulary);
      detail::apply_linear(p.stream.middleRows(r, rows), head, false, nullptr,
                           detail::product::assign, p.options.threads, logits);
      p.options.logits_observer(first * p.block_size + r,
                                {logits.data(), {rows, config_.vocabulary}});
    }
  }

  transformer_config config_;
  std::vector<parameter> parameters_;
  detail::model_places places_;
};

}  // namespace atlas
