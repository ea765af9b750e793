#include "measure_source.hpp"

#include "cloud_file.hpp"

namespace atlas_program {

using atlas::index_t;

measure_source measure_model(const atlas::transformer& model,
                             const atlas::tensor_view<const index_t, 2>& blocks,
                             const json& description, const measure_options& o) {
  const atlas::transformer_config& config = model.config();
  const std::vector<index_t> layers = chosen_layers(o.layers, config.layers);
  atlas::detail::check_between(o.min_context, 0, blocks.extent(1) - 1, "--min-context");
  check_points(o.common, o.points, blocks.extent(0), blocks.extent(1), o.min_context);
  atlas::cloud_collector collector({.layers = layers,
                                    .heads = config.heads,
                                    .head_dimension = config.head_dimension,
                                    .blocks = blocks.extent(0),
                                    .block_size = blocks.extent(1),
                                    .min_context = o.min_context,
                                    .points = o.points,
                                    .seed = o.common.seed});
  const atlas::forward_options pass{.observed_layers = layers,
                                    .observer = collector.observer(),
                                    .threads = o.common.threads,
                                    .on_progress = progress_bar(o.common)};
  measure_source source;
  source.n_rep = config.n_rep();
  source.description = description;
  source.description["min_context"] = o.min_context;
  if (o.perplexity)
    source.description["perplexity"] = perplexity_json(atlas::perplexity(model, blocks, pass));
  else
    model.forward(blocks, pass);
  for (const index_t l : layers) {
    const atlas::head_clouds clouds = collector.clouds(l);
    const atlas::tensor_view<const float, 2> projection = model.output_projection(l);
    source.layers.push_back(
        {l, clouds.points, clouds.context, clouds.position, atlas::copy_as<float>(projection)});
  }
  return source;
}

measure_source open_source(const measure_options& options) {
  if (!options.clouds_file.empty()) {
    begin_stage(options.common, "reading the clouds");
    return read_clouds(options);
  }
  begin_stage(options.common, "reading the model and the text");
  const model_source opened = open_model_source(options.source);
  return measure_model(opened.lm.model, opened.blocks, opened.description, options);
}

}  // namespace atlas_program
