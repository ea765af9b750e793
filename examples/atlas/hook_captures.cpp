// SPDX-License-Identifier: MIT
#include "hook_captures.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <span>
#include <string>
#include <utility>

#include "atlas/attention/sink_queries.hpp"
#include "atlas/boltzmann/softmax.hpp"
#include "atlas/core/parallel.hpp"

namespace atlas_program {

using atlas::index_t;

namespace {

constexpr float minus_infinity = -std::numeric_limits<float>::infinity();

/// A score so far below the row's largest is that of a masked key: some hooks have a large negative
/// number there in place of -inf.
constexpr float masked_below = 1e4F;

/// Of weights that queries and keys give from those of the file, both rounded to bfloat16 at most.
constexpr double weight_slack = 0.02;

/// The scores of a layer, or else its weights.
layer_attention open_scores(const array_file& file, index_t layer) {
  layer_attention out = open_attention(file, layer);
  const std::string scores = hook_of(layer, "attn_scores");
  if (out.scores || !file.contains(scores)) return out;
  hook_array found = read_hook(file, scores, by_head);
  check_extents_of(found, out.weights.extents, "as hook_pattern");
  out.weights = std::move(found);
  out.scores = true;
  return out;
}

/// Rotated by their positions where the file has those; none where it lacks one of the two.
std::vector<hook_array> open_queries(const array_file& file, index_t layer,
                                     const layer_attention& a) {
  const bool rotated =
      file.contains(hook_of(layer, "rot_q")) && file.contains(hook_of(layer, "rot_k"));
  const std::string q = hook_of(layer, rotated ? "rot_q" : "q"),
                    k = hook_of(layer, rotated ? "rot_k" : "k");
  if (!file.contains(q) || !file.contains(k)) return {};
  std::vector<hook_array> out = {read_hook(file, q, by_position), read_hook(file, k, by_position)};
  const auto [passages, length, heads, d] = a.values.extents;
  check_extents_of(out[0], {passages, length, a.heads(), -1}, "as the weights of its layer");
  check_extents_of(out[1], {passages, length, -1, out[0].extents[3]}, "as hook_q of its layer");
  if (a.heads() % out[1].extents[2] != 0)
    throw atlas::shape_error(out[1].stored.place,
                             fmt::format("heads that {} query heads share", a.heads()),
                             std::to_string(out[1].extents[2]));
  return out;
}

/// `[T, d]` of one passage and head of `[B, T, H, d]`.
atlas::owned_tensor<float, 2> rows_of(const hook_array& x, index_t passage, index_t head) {
  const auto [passages, length, heads, d] = x.extents;
  atlas::owned_tensor<float, 2> out({length, d});
  for (index_t t = 0; t < length; ++t)
    read_elements(x.stored, ((passage * length + t) * heads + head) * d,
                  std::span(out.mutable_view()[t].data(), static_cast<std::size_t>(d)));
  for (index_t i = 0; i < out.size(); ++i)
    if (!std::isfinite(out.data()[i]))
      throw atlas::format_error(
          fmt::format("{}: passage {}, head {}", x.stored.place, passage, head), "finite values",
          fmt::format("{}", out.data()[i]));
  return out;
}

/// Scores as they are, but -inf for masked keys; or ln of weights.
void make_logits(std::span<const float> stored, bool scores, std::span<float> out) {
  const float top = *std::max_element(stored.begin(), stored.end());
  for (std::size_t j = 0; j < stored.size(); ++j) {
    const float x = stored[j];
    if (scores)
      out[j] = x < top - masked_below ? minus_infinity : x;
    else
      out[j] = x > 0 ? std::log(x) : minus_infinity;
  }
}

/// Whether the head's queries and keys give its weights, each query looking at all keys up to it.
bool give_weights(const atlas::tensor_view<const float, 2>& queries,
                  const atlas::tensor_view<const float, 2>& keys,
                  const atlas::tensor_view<const float, 2>& weights) {
  const index_t d = queries.extent(1);
  const double scale = 1 / std::sqrt(static_cast<double>(d));
  std::vector<double> logits;
  for (index_t t = 0; t < weights.extent(0); ++t) {
    logits.assign(static_cast<std::size_t>(t + 1), 0);
    for (index_t j = 0; j <= t; ++j)
      for (index_t k = 0; k < d; ++k)
        logits[static_cast<std::size_t>(j)] +=
            scale * static_cast<double>(queries(t, k)) * static_cast<double>(keys(j, k));
    const auto made = atlas::softmax<1>(logits, {.threads = 1});
    for (index_t j = 0; j <= t; ++j)
      if (!(std::abs(made[j] - static_cast<double>(weights(t, j))) <= weight_slack)) return false;
  }
  return true;
}

}  // namespace

layer_captures::layer_captures(const array_file& file, index_t layer)
    : layer_(layer),
      attention_(open_scores(file, layer)),
      queries_and_keys_(open_queries(file, layer, attention_)) {
  const auto [passages, heads, length, keys] = attention_.weights.extents;
  if (heads % attention_.value_heads() != 0)
    throw atlas::shape_error(attention_.values.stored.place,
                             fmt::format("heads that {} query heads share", heads),
                             std::to_string(attention_.value_heads()));
  source_ = {passages, length, heads, attention_.scores, !queries_and_keys_.empty()};
}

void layer_captures::see(const atlas::head_observer& observer, int threads,
                         const atlas::progress_callback& on_progress) const {
  const index_t count = source_.passages * source_.heads;
  atlas::progress_meter meter(on_progress, fmt::format("layer {}", layer_), count);
  atlas::parallel_for(count, threads, [&](index_t i) {
    see_head(i / source_.heads, i % source_.heads, observer);
    meter.advance();
  });
}

void layer_captures::see_head(index_t passage, index_t head,
                              const atlas::head_observer& observer) const {
  const index_t t = source_.length, kv = attention_.value_head(head);
  atlas::owned_tensor<float, 2> weights({t, t}), logits({t, t});
  std::vector<float> stored(static_cast<std::size_t>(t));
  for (index_t query = 0; query < t; ++query) {
    const auto row = weights_at<float>(attention_, passage, head, query);
    for (index_t key = query + 1; key < t; ++key)
      if (row[static_cast<std::size_t>(key)] > 0)
        throw atlas::format_error(
            fmt::format("{}: head {}, passage {}, position {}", attention_.weights.stored.place,
                        head, passage, query),
            "no weight on later keys (attention of a causal model)",
            fmt::format("{} on key {}", row[static_cast<std::size_t>(key)], key));
    std::copy(row.begin(), row.end(), weights.mutable_view()[query].data());
    read_elements(attention_.weights.stored, ((passage * source_.heads + head) * t + query) * t,
                  std::span(stored));
    make_logits(stored, attention_.scores,
                {logits.mutable_view()[query].data(), static_cast<std::size_t>(t)});
  }
  const auto values = rows_of(attention_.values, passage, kv);
  atlas::head_capture capture{layer_, head, kv, passage, logits, weights, values, {}};
  if (queries_and_keys_.empty()) return observer(capture);
  const index_t key_heads = queries_and_keys_[1].extents[2];
  const auto queries = rows_of(queries_and_keys_[0], passage, head);
  const auto keys = rows_of(queries_and_keys_[1], passage, head / (source_.heads / key_heads));
  if (give_weights(queries, keys, weights)) {
    capture.queries = queries;
    capture.keys = keys;
  }
  observer(capture);
}

std::vector<atlas::attention_sink> sinks_of(const array_file& file, index_t layer,
                                            const atlas::sink_options& options, int threads,
                                            const atlas::progress_callback& on_progress) {
  const layer_captures captures(file, layer);
  atlas::sink_collector collector({.layers = {layer},
                                   .heads = captures.source().heads,
                                   .blocks = captures.source().passages,
                                   .sinks = options});
  captures.see(collector.observer(), threads, on_progress);
  return collector.layer(layer);
}

}  // namespace atlas_program
