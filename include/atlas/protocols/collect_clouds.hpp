// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// The clouds of a built-in model's heads on a text, in one call. Models that run elsewhere hand
/// their captures to a `cloud_collector` (atlas/attention/clouds.hpp).

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "atlas/attention/clouds.hpp"
#include "atlas/core/checks.hpp"
#include "atlas/core/compiled.hpp"
#include "atlas/core/lazy.hpp"
#include "atlas/core/progress.hpp"
#include "atlas/core/whole_numbers.hpp"
#include "atlas/reference/perplexity.hpp"
#include "atlas/reference/transformer.hpp"

namespace atlas::inline ATLAS_ABI {

/// Another choice of places, made in the same pass.
struct choice_of_places {
  std::vector<index_t> layers = {};  ///< empty: all of the model
  std::uint64_t seed = 0;
};

struct collect_clouds_options {
  std::vector<index_t> layers = {};  ///< empty: all of the model
  index_t min_context = 16;          ///< positions of a passage before this one are left out
  index_t points = 1200;             ///< rows of each cloud, as in `cloud_options::points`
  /// Rows of each passage, in place of `points`: so many, or all positions where there are fewer.
  std::optional<index_t> rows_per_passage = {};
  residual_kind kind = residual_kind::raw;
  std::uint64_t seed = 0;                      ///< of the places
  std::vector<choice_of_places> further = {};  ///< of the same number of rows
  head_observer observer = {};                 ///< also sees the captures of all these layers
  bool perplexity = false;                     ///< of the text too, in the same pass
  int threads = 0;                             ///< 0: all of the machine
  progress_callback on_progress = {};          ///< as that of `transformer::forward`; may cancel
};

struct collected_clouds {
  /// One a layer, in the order asked for, with contexts (numbers of blocks) and positions.
  std::vector<head_clouds> layers;
  std::vector<std::vector<head_clouds>> further;  ///< of each further choice
  std::optional<perplexity_result> perplexity;    ///< where it was asked for
};

namespace detail {

template <class = lazy>
std::vector<index_t> layers_or_all(std::vector<index_t> layers, index_t count) {
  for (const index_t l : layers) check_between(l, 0, count - 1, "layers");
  if (layers.empty())
    for (index_t l = 0; l < count; ++l) layers.push_back(l);
  return layers;
}

template <class = lazy>
cloud_options cloud_options_of(const transformer_config& c,
                               const tensor_view<const index_t, 2>& blocks,
                               const collect_clouds_options& o, const choice_of_places& choice) {
  check_not_empty(blocks, "blocks");
  if (o.rows_per_passage)
    check_between(*o.rows_per_passage, 1, index_t{1} << 30, "rows_per_passage");
  const index_t each = (std::min)(o.rows_per_passage.value_or(0), blocks.extent(1));
  return {.layers = choice.layers,
          .heads = c.heads,
          .head_dimension = c.head_dimension,
          .blocks = blocks.extent(0),
          .tokens_per_block = blocks.extent(1),
          .min_context = o.min_context,
          .points = o.rows_per_passage ? each * blocks.extent(0) : o.points,
          .kind = o.kind,
          .seed = choice.seed};
}

template <class = lazy>
std::vector<head_clouds> collected_layers(const cloud_collector& collector,
                                          const std::vector<index_t>& layers) {
  std::vector<head_clouds> out;
  for (const index_t l : layers) out.push_back(collector.clouds(l));
  return out;
}

template <class = lazy>
collected_clouds collect_clouds(const transformer& model,
                                const tensor_view<const index_t, 2>& blocks,
                                const collect_clouds_options& options = {}) {
  std::vector<choice_of_places> choices = {{options.layers, options.seed}};
  choices.insert(choices.end(), options.further.begin(), options.further.end());
  std::vector<cloud_collector> collectors;
  std::vector<index_t> observed;
  for (choice_of_places& choice : choices) {
    choice.layers = layers_or_all(choice.layers, model.config().layers);
    observed.insert(observed.end(), choice.layers.begin(), choice.layers.end());
    collectors.emplace_back(cloud_options_of(model.config(), blocks, options, choice));
  }
  std::vector<head_observer> observers;
  for (cloud_collector& collector : collectors) observers.push_back(collector.observer());
  if (options.observer) observers.push_back(options.observer);
  const forward_options pass{.observed_layers = observed,
                             .observer =
                                 [&](const head_capture& capture) {
                                   for (const head_observer& see : observers) see(capture);
                                 },
                             .threads = options.threads,
                             .on_progress = options.on_progress};
  collected_clouds out;
  if (options.perplexity)
    out.perplexity = perplexity(model, blocks, pass);
  else
    model.forward(blocks, pass);
  out.layers = collected_layers(collectors.front(), choices.front().layers);
  for (std::size_t i = 1; i < choices.size(); ++i)
    out.further.push_back(collected_layers(collectors[i], choices[i].layers));
  return out;
}

}  // namespace detail

/// Runs a model on a text and collects the attention residuals of its heads, layer by layer, at
/// sampled places: rows are spread over passages as `cloud_collector` spreads them, and are those
/// of that class for the same options, to the bit.
///
/// \param blocks `[B, T]` token ids, whole numbers of any type; a block is a passage, and its
/// number the context of its rows \throws as `transformer::forward` and `cloud_collector`;
/// value_error for a layer out of range;
///         cancelled
///
/// One pass of the model, not past the last layer asked for unless perplexity is.
/// \code
/// const auto lm = atlas::io::open_model(folder);
/// const auto blocks = atlas::io::text_blocks(lm.tokenizer, text, 100, 256);
/// const auto clouds = atlas::collect_clouds(lm.model, blocks, {.layers = {3}}).layers.front();
/// atlas::two_nn(clouds.points[0], {.exclude = clouds.distinct_contexts()}).dimension;
/// \endcode
template <whole_tensor<2> Blocks>
[[nodiscard]] collected_clouds collect_clouds(const transformer& model, const Blocks& blocks,
                                              const collect_clouds_options& options = {}) {
  const auto held = detail::view_indices<2>(blocks, "blocks");
  return detail::collect_clouds(model, held, options);
}

}  // namespace atlas::inline ATLAS_ABI

#ifdef ATLAS_COMPILED
namespace atlas::inline ATLAS_ABI::detail {
ATLAS_OF_PROTOCOLS collected_clouds collect_clouds<void>(const transformer&,
                                                         const tensor_view<const index_t, 2>&,
                                                         const collect_clouds_options&);
}  // namespace atlas::inline ATLAS_ABI::detail
#endif
