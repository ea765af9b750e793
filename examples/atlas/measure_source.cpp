#include "measure_source.hpp"

#include <charconv>
#include <map>
#include <utility>

#include "atlas/io/safetensors.hpp"

namespace atlas_program {

namespace {

using atlas::index_t;
namespace io = atlas::io;

/// `layer.L.head.H` to L and H; nothing for other names.
std::optional<std::pair<index_t, index_t>> head_of(std::string_view name) {
  index_t layer = -1, head = -1;
  const auto number = [&name](std::string_view prefix, index_t& out) {
    if (!name.starts_with(prefix)) return false;
    name.remove_prefix(prefix.size());
    const auto end = std::from_chars(name.data(), name.data() + name.size(), out);
    name.remove_prefix(static_cast<std::size_t>(end.ptr - name.data()));
    return end.ec == std::errc() && out >= 0;
  };
  if (!number("layer.", layer) || !number(".head.", head) || !name.empty()) return std::nullopt;
  return std::pair(layer, head);
}

/// All heads of one layer as `[H, N, d]`. \throws shape_error naming a head that differs
template <class Scalar>
atlas::owned_tensor<Scalar, 3> stacked(const io::safetensors& file,
                                       const std::vector<std::string>& heads) {
  const auto first = file.read<Scalar, 2>(heads.front());
  const atlas::shape<2> extents = first.extents();
  const index_t size = extents[0] * extents[1];
  atlas::owned_tensor<Scalar, 3> points(
      {static_cast<index_t>(heads.size()), extents[0], extents[1]});
  Scalar* place = points.mutable_view().data();
  for (const std::string& head : heads) {
    const auto cloud = file.read<Scalar, 2>(head, extents);
    place = std::copy_n(cloud.data(), size, place);
  }
  return points;
}

source_layer read_layer(const io::safetensors& file, index_t layer, index_t heads) {
  const std::string prefix = "layer." + std::to_string(layer) + ".";
  std::vector<std::string> names;
  bool wide = false;
  for (index_t h = 0; h < heads; ++h) {
    names.push_back(prefix + "head." + std::to_string(h));
    const io::dtype type = file.at(names.back()).type;
    wide = wide || io::dtype_size(type) > 4;
  }
  source_layer out;
  out.layer = layer;
  if (wide)
    out.points = stacked<double>(file, names);
  else
    out.points = stacked<float>(file, names);
  const auto [n, d] =
      std::visit([](const auto& p) { return std::pair(p.extent(1), p.extent(2)); }, out.points);
  if (file.contains(prefix + "context"))
    out.context = file.read<index_t, 1>(prefix + "context", {n});
  if (file.contains(prefix + "position"))
    out.position = file.read<index_t, 1>(prefix + "position", {n});
  if (const std::string name = prefix + "output_projection"; file.contains(name)) {
    out.output_projection = file.read<float, 2>(name);
    atlas::detail::check_extent(out.output_projection.extent(0), heads * d, name,
                                "H * d_head rows,");
  }
  return out;
}

index_t read_n_rep(const io::safetensors& file, const std::string& name) {
  const auto found = file.metadata().find("n_rep");
  if (found == file.metadata().end()) return 1;
  index_t n_rep = 0;
  const std::string& text = found->second;
  const auto end = std::from_chars(text.data(), text.data() + text.size(), n_rep);
  if (end.ec != std::errc() || end.ptr != text.data() + text.size() || n_rep < 1)
    throw atlas::format_error(name, "metadata n_rep to be a whole number of 1 or more",
                              io::detail::in_quotes(text));
  return n_rep;
}

measure_source read_clouds(const measure_options& o) {
  const auto file = io::safetensors::open(o.clouds_file);
  std::map<index_t, index_t> heads;  // by layer, the largest head plus one
  for (const std::string& name : file.names())
    if (const auto place = head_of(name)) {
      index_t& count = heads[place->first];
      count = std::max(count, place->second + 1);
    }
  if (heads.empty())
    throw atlas::format_error(o.clouds_file, "tensors named layer.L.head.H", "none");
  std::vector<index_t> all;
  for (const auto& [layer, count] : heads) all.push_back(layer);
  measure_source source;
  source.n_rep = read_n_rep(file, o.clouds_file);
  source.description = {{"clouds", o.clouds_file}};
  for (const index_t l : chosen_layers(o.layers, all))
    source.layers.push_back(read_layer(file, l, heads[l]));
  return source;
}

}  // namespace

measure_source measure_model(const atlas::transformer& model,
                             const atlas::tensor_view<const index_t, 2>& blocks,
                             const json& description, const measure_options& o) {
  const atlas::transformer_config& config = model.config();
  const std::vector<index_t> layers = chosen_layers(o.layers, config.layers);
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
