// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// Queries that rest on an attention sink: the rows of a head's cloud that say little of what the
/// head does with a text.

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "atlas/attention/clouds.hpp"
#include "atlas/attention/sinks.hpp"
#include "atlas/core/checks.hpp"
#include "atlas/core/lazy.hpp"

namespace atlas::inline ATLAS_ABI {

struct sink_collector_options {
  std::vector<index_t> layers = {};  ///< to look at
  index_t heads = 0;                 ///< query heads
  index_t blocks = 0;                ///< text blocks
  sink_options sinks = {};
};

/// Finds the sink of each head and block while a model runs: pass `observer()` to it.
class sink_collector {
 public:
  /// \throws value_error for options out of range
  template <class = lazy>
  explicit sink_collector(sink_collector_options options) : options_(std::move(options)) {
    check_between(options_.heads, 1, index_t{1} << 20, "heads");
    check_between(options_.blocks, 1, index_t{1} << 30, "blocks");
    detail::check_sink_options(options_.sinks);
    for (const index_t layer : options_.layers)
      layers_[layer].resize(static_cast<std::size_t>(options_.heads * options_.blocks));
  }

  /// Refers to this object, which must outlive it.
  template <class = lazy>
  [[nodiscard]] head_observer observer() & {
    return [this](const head_capture& capture) { collect(capture); };
  }

  /// `[H * B]`, the blocks of a head together.
  /// \throws value_error for a layer that was not looked at
  template <class = lazy>
  [[nodiscard]] const std::vector<attention_sink>& layer(index_t number) const {
    const auto found = layers_.find(number);
    if (found == layers_.end())
      throw value_error("layer", "one of those looked at", std::to_string(number));
    return found->second;
  }

 private:
  /// Writes to the place of one block and head only, so captures may come from many threads.
  template <class = lazy>
  void collect(const head_capture& capture) {
    const auto found = layers_.find(capture.layer);
    if (found == layers_.end()) return;
    check_between(capture.head, 0, options_.heads - 1, "capture.head");
    check_between(capture.block, 0, options_.blocks - 1, "capture.block");
    found->second[static_cast<std::size_t>(capture.head * options_.blocks + capture.block)] =
        find_sink(capture, options_.sinks);
  }

  sink_collector_options options_;
  std::map<index_t, std::vector<attention_sink>> layers_;
};

/// Which rows of a layer's clouds rest on a sink: where the head has one in the row's block, the
/// query that is at the sink, and those that look at no key more than at it.
///
/// \param context, position `[N]` block and place of each row
/// \param attended `[H, N]` place of the key with the largest weight
/// \param sinks    `[H * B]`, as `sink_collector::layer`
/// \return `[H, N]`, 1 for a row that does
/// \throws shape_error for parts that do not fit, value_error for a block beyond the sinks
template <class = lazy>
[[nodiscard]] owned_tensor<char, 2> sink_queries(const tensor_view<const index_t, 1>& context,
                                                 const tensor_view<const index_t, 1>& position,
                                                 const tensor_view<const index_t, 2>& attended,
                                                 const std::vector<attention_sink>& sinks) {
  const index_t heads = attended.extent(0), rows = attended.extent(1);
  check_not_empty(attended, "attended");
  check_extent(context.extent(0), rows, "context", "one a row,");
  check_extent(position.extent(0), rows, "position", "one a row,");
  const auto count = static_cast<index_t>(sinks.size());
  if (count == 0 || count % heads != 0)
    throw shape_error("sinks",
                      "one for each head and block, of " + std::to_string(heads) + " heads",
                      std::to_string(count));
  const index_t blocks = count / heads;
  owned_tensor<char, 2> out({heads, rows});
  for (index_t n = 0; n < rows; ++n) {
    check_between(context[n], 0, blocks - 1, "context");
    for (index_t h = 0; h < heads; ++h) {
      const attention_sink& sink = sinks[static_cast<std::size_t>(h * blocks + context[n])];
      const bool rests = position[n] == sink.key || attended(h, n) == sink.key;
      out.mutable_view()(h, n) = sink.found && rests ? 1 : 0;
    }
  }
  return out;
}

}  // namespace atlas::inline ATLAS_ABI
