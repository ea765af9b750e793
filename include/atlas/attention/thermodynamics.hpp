// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// Boltzmann observables of a model's attention, collected while it runs.

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "atlas/attention/capture.hpp"
#include "atlas/attention/sinks.hpp"
#include "atlas/boltzmann/argmax_stability.hpp"
#include "atlas/boltzmann/crystallization.hpp"
#include "atlas/boltzmann/density_matrix.hpp"
#include "atlas/boltzmann/observables.hpp"
#include "atlas/core/checks.hpp"
#include "atlas/core/compiled.hpp"
#include "atlas/core/lazy.hpp"
#include "atlas/core/random.hpp"
#include "atlas/stats/summary.hpp"

namespace atlas::inline ATLAS_ABI {

/// What the heads of one layer did at each place of a text, `[H, B, T]` each (head, block,
/// position).
struct layer_thermodynamics {
  owned_tensor<double, 3> free_energy, mean_energy, heat_capacity, entropy;  ///< of the softmax
  owned_tensor<double, 3> ratio, margin;                ///< of the two largest weights
  owned_tensor<double, 3> stable;                       ///< share of blurred queries, see below;
                                                        ///< NaN for captures without queries
  owned_tensor<double, 3> purity, von_neumann_entropy;  ///< NaN for weight on zero values alone
  owned_tensor<double, 3> null_ratio, null_entropy;     ///< of random logits, see below
  std::vector<attention_sink> sinks;                    ///< `[H, B]`, the blocks of a head together
  index_t undefined_rows = 0;                           ///< with such a NaN

  layer_thermodynamics() = default;
  explicit layer_thermodynamics(const shape<3>& extents) {
    for (owned_tensor<double, 3>* x :
         {&free_energy, &mean_energy, &heat_capacity, &entropy, &ratio, &margin, &stable, &purity,
          &von_neumann_entropy, &null_ratio, &null_entropy})
      *x = owned_tensor<double, 3>(extents);
    sinks.resize(static_cast<std::size_t>(extents[0] * extents[1]));
  }
};

struct thermodynamics_options {
  std::vector<index_t> layers = {};  ///< to collect
  index_t heads = 0;                 ///< query heads
  index_t blocks = 0;                ///< text blocks
  index_t tokens_per_block = 0;      ///< positions per block
  double noise = 0.05;               ///< of the queries, for `stable`; see `argmax_stability`
  index_t draws = 10;                ///< of that noise
  std::uint64_t seed = 0;
  sink_options sinks = {};
  bool without_sinks =
      false;  ///< observables of the other keys, where a head has a sink in a block
};

/// Collects observables while a model runs: pass `observer()` to it.
///
/// `null_ratio` and `null_entropy` are those of one row of independent normal logits on as many
/// keys and with the standard deviation of the row's own: what attention of that strength without
/// structure would give.
///
/// Sinks are looked for in each head and block. `without_sinks` leaves them out where they are: the
/// observables are then of the other keys, their weights scaled to sum to 1, and so are the nulls.
///
/// Memory: 11 doubles for each head, block and position of a layer; without sinks, logits and
/// weights once more while a head is looked at.
class thermodynamics_collector {
 public:
  /// \throws value_error for options out of range
  template <class = lazy>
  explicit thermodynamics_collector(thermodynamics_options options) : options_(std::move(options)) {
    check_between(options_.heads, 1, index_t{1} << 20, "heads");
    check_between(options_.blocks, 1, index_t{1} << 30, "blocks");
    check_between(options_.tokens_per_block, 1, index_t{1} << 30, "tokens_per_block");
    detail::check_stability(stability(0));
    detail::check_sink_options(options_.sinks);
    for (const index_t layer : options_.layers)
      layers_.try_emplace(layer,
                          shape<3>{options_.heads, options_.blocks, options_.tokens_per_block});
  }

  /// Refers to this object, which must outlive it.
  template <class = lazy>
  [[nodiscard]] head_observer observer() & {
    return [this](const head_capture& capture) { collect(capture); };
  }

  /// \throws value_error for a layer that was not collected
  template <class = lazy>
  [[nodiscard]] layer_thermodynamics layer(index_t number) const;

 private:
  stability_options stability(std::uint64_t stream) const {
    return {.noise = options_.noise,
            .draws = options_.draws,
            .seed = options_.seed ^ (stream * 0x9E3779B97F4A7C15U),
            .threads = 1};
  }

  /// Writes to the rows of one block and head only, so captures may come from many threads.
  template <class = lazy>
  void collect(const head_capture& c);

  template <class = lazy>
  static void put(const tensor_view<const double, 1>& from, index_t place,
                  owned_tensor<double, 3>& into) {
    std::copy_n(from.data(), from.size(), into.mutable_view().data() + place);
  }

  template <class = lazy>
  static void collect_softmax(const head_capture& c, index_t place, layer_thermodynamics& into);

  /// \param left_out a key that queries after it do not have; -1: none
  template <class = lazy>
  void collect_seen(const head_capture& c, index_t left_out, layer_thermodynamics& into) const;

  template <class = lazy>
  void collect_stability(const head_capture& c, index_t place, index_t left_out,
                         layer_thermodynamics& into) const;

  /// Another for each layer, head and block.
  std::uint64_t stream_of(const head_capture& c) const {
    return static_cast<std::uint64_t>((c.layer * options_.heads + c.head) * options_.blocks +
                                      c.block + 1);
  }

  /// Normal logits in the places of those that are not masked.
  template <class = lazy>
  void collect_null(const head_capture& c, index_t place, std::uint64_t number,
                    layer_thermodynamics& into) const;

  thermodynamics_options options_;
  std::map<index_t, layer_thermodynamics> layers_;
};

template <class>
layer_thermodynamics thermodynamics_collector::layer(index_t number) const {
  const auto found = layers_.find(number);
  if (found == layers_.end())
    throw value_error("layer", "one of those collected", std::to_string(number));
  layer_thermodynamics out = found->second;
  const double* purity = out.purity.data();
  out.undefined_rows =
      std::count_if(purity, purity + out.purity.size(), [](double x) { return std::isnan(x); });
  return out;
}

template <class>
void thermodynamics_collector::collect(const head_capture& c) {
  const auto found = layers_.find(c.layer);
  if (found == layers_.end()) return;
  check_between(c.head, 0, options_.heads - 1, "capture.head");
  check_between(c.block, 0, options_.blocks - 1, "capture.block");
  check_extent(c.logits.extent(0), options_.tokens_per_block, "capture.logits",
               "tokens_per_block rows,");
  layer_thermodynamics& into = found->second;
  const attention_sink sink = find_sink(c, options_.sinks);
  into.sinks[static_cast<std::size_t>(c.head * options_.blocks + c.block)] = sink;
  if (!options_.without_sinks || !sink.found) return collect_seen(c, -1, into);
  const head_without_key without(c, sink.key);
  collect_seen(without.capture(), sink.key, into);
}

template <class>
void thermodynamics_collector::collect_seen(const head_capture& c, index_t left_out,
                                            layer_thermodynamics& into) const {
  const index_t place = (c.head * options_.blocks + c.block) * options_.tokens_per_block;
  const std::uint64_t number = stream_of(c);
  collect_softmax(c, place, into);
  const auto density = density_matrix(c.weights, c.values, {.threads = 1});
  put(density.purity, place, into.purity);
  put(density.von_neumann_entropy, place, into.von_neumann_entropy);
  collect_stability(c, place, left_out, into);
  collect_null(c, place, number, into);
}

template <class>
void thermodynamics_collector::collect_stability(const head_capture& c, index_t place,
                                                 index_t left_out,
                                                 layer_thermodynamics& into) const {
  double* const stable = into.stable.mutable_view().data() + place;
  if (c.queries.empty() && c.keys.empty()) {
    std::fill_n(stable, c.logits.extent(0), std::numeric_limits<double>::quiet_NaN());
    return;
  }
  stability_options blur = stability(stream_of(c));
  blur.window = c.window;
  blur.left_out = left_out;
  put(argmax_stability(c.queries, c.keys, blur).stable, place, into.stable);
}

template <class>
void thermodynamics_collector::collect_softmax(const head_capture& c, index_t place,
                                               layer_thermodynamics& into) {
  const auto o = boltzmann_observables(c.logits, {.threads = 1});
  put(o.free_energy, place, into.free_energy);
  put(o.mean_energy, place, into.mean_energy);
  put(o.heat_capacity, place, into.heat_capacity);
  put(o.entropy, place, into.entropy);
  const auto top = concentration(c.logits, {.threads = 1});
  put(top.ratio, place, into.ratio);
  put(top.margin, place, into.margin);
}

template <class>
void thermodynamics_collector::collect_null(const head_capture& c, index_t place,
                                            std::uint64_t number,
                                            layer_thermodynamics& into) const {
  random_stream random(options_.seed, number);
  std::vector<double> row;
  for (index_t t = 0; t < c.logits.extent(0); ++t) {
    row.clear();
    for (index_t i = 0; i < c.logits.extent(1); ++i)
      if (std::isfinite(c.logits(t, i))) row.push_back(static_cast<double>(c.logits(t, i)));
    const double sd = row.size() > 1 ? summarize(row).sd : 0;
    random.fill_normal(row.data(), static_cast<index_t>(row.size()));
    for (double& x : row) x *= sd;
    const auto null = boltzmann_observables<1>(row, {.threads = 1});
    into.null_entropy.mutable_view().data()[place + t] = null.entropy;
    into.null_ratio.mutable_view().data()[place + t] = concentration<1>(row, {.threads = 1}).ratio;
  }
}

/// Mean of `[B, T]` over the positions from `min_context` on of all blocks; the standard error is
/// of the means of blocks, which are independent where rows of one block are not. NaN is left out.
template <class = lazy>
[[nodiscard]] sample_summary mean_over_blocks(const tensor_view<const double, 2>& x,
                                              index_t min_context) {
  check_between(min_context, 0, x.extent(1) - 1, "min_context");
  std::vector<double> means;
  for (index_t b = 0; b < x.extent(0); ++b) {
    std::vector<double> rows;
    for (index_t t = min_context; t < x.extent(1); ++t)
      if (!std::isnan(x(b, t))) rows.push_back(x(b, t));
    if (!rows.empty()) means.push_back(summarize(rows).mean);
  }
  return summarize(means);
}

}  // namespace atlas::inline ATLAS_ABI

#ifdef ATLAS_COMPILED
namespace atlas::inline ATLAS_ABI {
ATLAS_OF_ATTENTION layer_thermodynamics thermodynamics_collector::layer<void>(index_t) const;
ATLAS_OF_ATTENTION void thermodynamics_collector::collect<void>(const head_capture&);
ATLAS_OF_ATTENTION sample_summary mean_over_blocks<void>(const tensor_view<const double, 2>&,
                                                         index_t);
}  // namespace atlas::inline ATLAS_ABI
#endif
