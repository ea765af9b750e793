// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// Clouds: the attention residuals of a layer's heads at sampled places of a text, each row with
/// the context and the position that it comes from.

#include <algorithm>
#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "atlas/attention/capture.hpp"
#include "atlas/attention/residual.hpp"
#include "atlas/core/checks.hpp"
#include "atlas/core/compiled.hpp"
#include "atlas/core/lazy.hpp"
#include "atlas/core/random.hpp"
#include "atlas/neighbors/exclusion.hpp"

namespace atlas::inline ATLAS_ABI {

enum class residual_kind {
  raw,   ///< `Attn - V*`
  tail,  ///< the mean of the other values; rows where a head has none are left out for all heads
};

/// The clouds of one layer. Row n of every head is of the same place in the text.
struct head_clouds {
  index_t layer = 0;
  owned_tensor<float, 3> points;      ///< `[H, N, d_head]`
  owned_tensor<index_t, 1> context;   ///< `[N]`, number of the text block
  owned_tensor<index_t, 1> position;  ///< `[N]`, place within it
  index_t undefined_rows = 0;         ///< sampled rows left out because a tail was undefined
  /// `[H, N]`, place of the key with the largest weight, in the block; or empty: unknown
  owned_tensor<index_t, 2> attended = {};

  /// For `two_nn` and `nearest_neighbors`: rows of one block may not be neighbours.
  [[nodiscard]] exclusion same_context() const { return atlas::same_context(context); }
  /// Neighbours are the nearest other blocks, each by its nearest row.
  [[nodiscard]] exclusion distinct_contexts() const { return atlas::distinct_contexts(context); }
  /// Rows of one block within a window of positions may not be neighbours.
  [[nodiscard]] exclusion same_context_within(index_t window) const {
    return atlas::same_context_within(context, position, window);
  }
};

struct cloud_options {
  std::vector<index_t> layers;  ///< to collect
  index_t heads = 0;            ///< query heads
  index_t head_dimension = 0;
  index_t blocks = 0;            ///< text blocks
  index_t tokens_per_block = 0;  ///< positions per block
  index_t min_context = 16;      ///< positions before this one are left out
  index_t points = 1200;         ///< rows to sample, as many of each block as of any other, but for
                                 ///< one, and spread over it; all rows where there are no more
  residual_kind kind = residual_kind::raw;
  std::uint64_t seed = 0;
};

/// Collects clouds while a model runs: pass `observer()` to it.
/// \code
/// atlas::cloud_collector collector({.layers = {3}, .heads = 6, .head_dimension = 32});
/// model.forward(blocks, {.observed_layers = {3}, .observer = collector.observer()});
/// auto clouds = collector.clouds(3);
/// \endcode
class cloud_collector {
 public:
  /// \throws value_error for options out of range or a tokens_per_block that min_context uses up
  template <class = lazy>
  explicit cloud_collector(cloud_options options) : options_(std::move(options)) {
    check_between(options_.heads, 1, index_t{1} << 20, "heads");
    check_between(options_.head_dimension, 1, index_t{1} << 20, "head_dimension");
    check_between(options_.blocks, 1, index_t{1} << 30, "blocks");
    check_between(options_.min_context, 0, options_.tokens_per_block - 1, "min_context");
    check_between(options_.points, 3, index_t{1} << 40, "points");
    choose_rows();
    const index_t n = rows();
    for (const index_t layer : options_.layers)
      layers_.try_emplace(layer, options_.heads, n, options_.head_dimension);
  }

  /// Rows of each cloud.
  [[nodiscard]] index_t rows() const { return static_cast<index_t>(places_.size()); }

  /// Refers to this object, which must outlive it.
  template <class = lazy>
  [[nodiscard]] head_observer observer() & {
    return [this](const head_capture& capture) { collect(capture); };
  }

  /// One cloud per query head.
  ///
  /// \throws value_error for a layer that was not asked for
  template <class = lazy>
  [[nodiscard]] head_clouds clouds(index_t layer) const;

 private:
  struct collected {
    collected(index_t heads, index_t rows, index_t d)
        : points({heads, rows, d}), attended({heads, rows}), undefined({heads, rows}) {}
    [[nodiscard]] bool defined_everywhere(index_t row) const {
      for (index_t h = 0; h < undefined.extent(0); ++h)
        if (undefined(h, row) != 0) return false;
      return true;
    }
    owned_tensor<float, 3> points;
    owned_tensor<index_t, 2> attended;
    owned_tensor<char, 2> undefined;
  };

  /// The same rows for all heads and layers, in the order of the text. Rows of one block are
  /// alike, the more the closer they are: so blocks are cut into as many parts of one length as
  /// rows are drawn from them, and one place is drawn from each.
  template <class = lazy>
  void choose_rows();

  const collected& collected_layer(index_t layer) const {
    const auto found = layers_.find(layer);
    if (found == layers_.end())
      throw value_error("layer", "one of those collected", std::to_string(layer));
    return found->second;
  }

  /// Writes to the rows of one block and head only, so captures may come from many threads.
  template <class = lazy>
  void collect(const head_capture& capture);

  template <class = lazy>
  void collect_row(collected& into, const head_capture& capture, index_t n,
                   std::vector<double>& sum) const;

  cloud_options options_;
  std::vector<index_t> places_;          // block * tokens_per_block + position, increasing
  std::vector<index_t> first_of_block_;  // rows of block b: [b], ..., [b + 1] - 1
  std::map<index_t, collected> layers_;
};

template <class>
head_clouds cloud_collector::clouds(index_t layer) const {
  const collected& from = collected_layer(layer);
  std::vector<index_t> kept;
  for (index_t n = 0; n < rows(); ++n)
    if (from.defined_everywhere(n)) kept.push_back(n);
  const auto count = static_cast<index_t>(kept.size());
  head_clouds out{layer,
                  owned_tensor<float, 3>({options_.heads, count, options_.head_dimension}),
                  owned_tensor<index_t, 1>({count}),
                  owned_tensor<index_t, 1>({count}),
                  rows() - count,
                  owned_tensor<index_t, 2>({options_.heads, count})};
  for (index_t n = 0; n < count; ++n) {
    const index_t row = kept[static_cast<std::size_t>(n)];
    const index_t place = places_[static_cast<std::size_t>(row)];
    out.context.mutable_view()[n] = place / options_.tokens_per_block;
    out.position.mutable_view()[n] = place % options_.tokens_per_block;
    for (index_t h = 0; h < options_.heads; ++h) {
      out.attended.mutable_view()(h, n) = from.attended(h, row);
      for (index_t k = 0; k < options_.head_dimension; ++k)
        out.points.mutable_view()(h, n, k) = from.points(h, row, k);
    }
  }
  return out;
}

template <class>
void cloud_collector::choose_rows() {
  const index_t each = options_.tokens_per_block - options_.min_context;
  const index_t count = (std::min)(options_.points, options_.blocks * each);
  random_stream random(options_.seed);
  first_of_block_ = {0};
  for (index_t b = 0; b < options_.blocks; ++b) {
    const index_t drawn = (b + 1) * count / options_.blocks - b * count / options_.blocks;
    for (index_t i = 0; i < drawn; ++i) {
      const index_t from = i * each / drawn, length = (i + 1) * each / drawn - from;
      places_.push_back(b * options_.tokens_per_block + options_.min_context + from +
                        random.uniform_index(length));
    }
    first_of_block_.push_back(rows());
  }
}

template <class>
void cloud_collector::collect(const head_capture& capture) {
  const auto found = layers_.find(capture.layer);
  if (found == layers_.end()) return;
  check_between(capture.head, 0, options_.heads - 1, "capture.head");
  check_between(capture.block, 0, options_.blocks - 1, "capture.block");
  check_extent(capture.weights.extent(0), options_.tokens_per_block, "capture.weights",
               "tokens_per_block rows,");
  check_extent(capture.values.extent(1), options_.head_dimension, "capture.values",
               "head_dimension");
  const auto block = static_cast<std::size_t>(capture.block);
  std::vector<double> sum;
  for (index_t n = first_of_block_[block]; n < first_of_block_[block + 1]; ++n)
    collect_row(found->second, capture, n, sum);
}

template <class>
void cloud_collector::collect_row(collected& into, const head_capture& capture, index_t n,
                                  std::vector<double>& sum) const {
  const index_t position = places_[static_cast<std::size_t>(n)] % options_.tokens_per_block;
  const auto row = detail::tail_sum(capture.weights[position], capture.values, sum);
  const bool tail = options_.kind == residual_kind::tail;
  into.attended.mutable_view()(capture.head, n) = row.argmax;
  into.undefined.mutable_view()(capture.head, n) = tail && row.tail_mass == 0 ? 1 : 0;
  for (index_t k = 0; k < options_.head_dimension; ++k) {
    const double s = sum[static_cast<std::size_t>(k)];
    into.points.mutable_view()(capture.head, n, k) =
        tail ? static_cast<float>(row.tail_mass > 0 ? s / row.tail_mass : 0)
             : detail::raw_element(row, s, capture.values, k);
  }
}

/// Clouds pooled per key/value head: those of the heads_per_group query heads that share one, row
/// after row.
/// \param clouds one cloud per query head
/// \return `[H / heads_per_group, heads_per_group N, d]`, contexts and positions repeated, so that
///         exclusion by context also excludes the other query heads of a place
/// \throws value_error unless heads_per_group divides the number of heads
template <class = lazy>
[[nodiscard]] head_clouds pooled_per_key_value_head(const head_clouds& clouds,
                                                    index_t heads_per_group) {
  const index_t heads = clouds.points.extent(0), n = clouds.points.extent(1);
  const index_t d = clouds.points.extent(2);
  if (heads_per_group < 1 || heads % heads_per_group != 0)
    throw value_error("heads_per_group", "a divisor of " + std::to_string(heads),
                      std::to_string(heads_per_group));
  head_clouds out{clouds.layer,
                  owned_tensor<float, 3>({heads / heads_per_group, heads_per_group * n, d}),
                  owned_tensor<index_t, 1>({heads_per_group * n}),
                  owned_tensor<index_t, 1>({heads_per_group * n}),
                  clouds.undefined_rows,
                  owned_tensor<index_t, 2>({heads / heads_per_group, heads_per_group * n})};
  // Heads are consecutive in memory, so pooling them is a change of shape.
  std::copy_n(clouds.points.data(), heads * n * d, out.points.mutable_view().data());
  if (clouds.attended.empty())
    out.attended = {};
  else
    std::copy_n(clouds.attended.data(), heads * n, out.attended.mutable_view().data());
  for (index_t i = 0; i < heads_per_group * n; ++i) {
    out.context.mutable_view()[i] = clouds.context[i % n];
    out.position.mutable_view()[i] = clouds.position[i % n];
  }
  return out;
}

}  // namespace atlas::inline ATLAS_ABI

#ifdef ATLAS_COMPILED
namespace atlas::inline ATLAS_ABI {
ATLAS_OF_ATTENTION head_clouds cloud_collector::clouds<void>(index_t) const;
ATLAS_OF_ATTENTION void cloud_collector::choose_rows<void>();
ATLAS_OF_ATTENTION void cloud_collector::collect<void>(const head_capture&);
ATLAS_OF_ATTENTION head_clouds pooled_per_key_value_head<void>(const head_clouds&, index_t);
}  // namespace atlas::inline ATLAS_ABI
#endif
