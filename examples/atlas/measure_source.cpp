// SPDX-License-Identifier: MIT
#include "measure_source.hpp"

#include <algorithm>
#include <optional>

#include "atlas/attention/sink_queries.hpp"
#include "atlas/protocols/collect_clouds.hpp"
#include "cloud_file.hpp"
#include "ranks.hpp"

namespace atlas_program {

using atlas::index_t;

namespace {

/// The tokens at some places of a text.
atlas::owned_tensor<index_t, 1> tokens_at(const atlas::tensor_view<const index_t, 2>& blocks,
                                          const atlas::owned_tensor<index_t, 1>& context,
                                          const atlas::tensor_view<const index_t, 1>& position) {
  atlas::owned_tensor<index_t, 1> out({context.size()});
  for (index_t n = 0; n < out.size(); ++n) out.mutable_view()[n] = blocks(context[n], position[n]);
  return out;
}

source_layer layer_of(const atlas::head_clouds& clouds,
                      const atlas::tensor_view<const index_t, 2>& blocks,
                      const atlas::tensor_view<const float, 2>& projection) {
  source_layer out;
  out.layer = clouds.layer;
  out.points = clouds.points;
  out.context = clouds.context;
  out.position = clouds.position;
  out.token = tokens_at(blocks, clouds.context, clouds.position);
  out.attended = atlas::owned_tensor<index_t, 2>(clouds.attended.extents());
  for (index_t h = 0; h < clouds.attended.extent(0); ++h) {
    const auto tokens = tokens_at(blocks, clouds.context, clouds.attended[h]);
    std::copy_n(tokens.data(), tokens.size(),
                out.attended.mutable_view().data() + h * tokens.size());
  }
  out.output_projection = atlas::copy_as<float>(projection);
  return out;
}

std::vector<index_t> own_layers(const std::vector<index_t>& layers, const layers_wanted& wanted) {
  std::vector<index_t> own;
  for (std::size_t place = 0; place < layers.size(); ++place)
    if (wanted(place, layers.size())) own.push_back(layers[place]);
  return own;
}

}  // namespace

bool every_layer(std::size_t, std::size_t) {
  return true;
}

measure_source measure_model(const atlas::transformer& model,
                             const atlas::tensor_view<const index_t, 2>& blocks,
                             const json& description, const measure_options& o,
                             const layers_wanted& wanted) {
  const atlas::transformer_config& config = model.config();
  const std::vector<index_t> layers = chosen_layers(o.layers, config.layers);
  atlas::check_between(o.min_context, 0, blocks.extent(1) - 1, "--min-context");
  check_points(o.common, o.points, blocks.extent(0), blocks.extent(1), o.min_context);
  const std::vector<index_t> own = own_layers(layers, wanted);
  measure_source source;
  source.heads_per_group = config.heads_per_group();
  source.heads.assign(layers.size(), config.heads);
  source.description = description;
  source.description["min_context"] = o.min_context;
  if (o.without_sinks) source.description["without_sinks"] = true;
  for (const index_t layer : layers) source.layers.emplace_back().layer = layer;
  const bool perplexity = o.perplexity && rank() == 0;
  if (own.empty() && !perplexity) return source;
  std::optional<atlas::sink_collector> sinks;
  if (o.without_sinks)
    sinks.emplace(atlas::sink_collector_options{
        .layers = own, .heads = config.heads, .blocks = blocks.extent(0), .sinks = o.sinks});
  const atlas::collected_clouds collected =
      atlas::collect_clouds(model, blocks,
                            {.layers = own,
                             .min_context = o.min_context,
                             .points = o.points,
                             .seed = o.common.seed,
                             .observer = sinks ? sinks->observer() : atlas::head_observer(),
                             .perplexity = perplexity,
                             .threads = o.common.threads,
                             .on_progress = progress_bar(o.common)});
  if (collected.perplexity)
    source.description["perplexity"] = perplexity_json(*collected.perplexity);
  for (const atlas::head_clouds& clouds : collected.layers) {
    const auto place = std::find(layers.begin(), layers.end(), clouds.layer) - layers.begin();
    source_layer& layer = source.layers[static_cast<std::size_t>(place)];
    layer = layer_of(clouds, blocks, model.stream_projection(clouds.layer));
    if (sinks)
      layer.left_out = atlas::sink_queries(clouds.context, clouds.position, clouds.attended,
                                           sinks->layer(clouds.layer));
  }
  return source;
}

measure_source open_source(const measure_options& options, const layers_wanted& wanted) {
  if (!options.clouds_file.empty()) {
    begin_stage(options.common, "reading the clouds");
    return read_clouds(options, wanted);
  }
  begin_stage(options.common, "reading the model and the text");
  const model_source opened = open_model_source(options.source);
  return measure_model(opened.lm.model, opened.blocks, opened.description, options, wanted);
}

}  // namespace atlas_program
