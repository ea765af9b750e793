// SPDX-License-Identifier: MIT
#include "cloud_file.hpp"

#include <fmt/format.h>

#include <Eigen/Core>
#include <algorithm>
#include <array>
#include <map>
#include <optional>
#include <utility>

#include "activations.hpp"
#include "array_file.hpp"
#include "atlas/io/safetensors.hpp"
#include "options.hpp"
#include "stored_type.hpp"

namespace atlas_program {

namespace {

using atlas::index_t;
namespace io = atlas::io;
using matrix_map = Eigen::Map<const atlas::row_matrix<float>>;

/// How the rows and columns of an output projection lie.
constexpr const char* heads_by_model = "heads-by-model";  ///< `[H * d, d_model]`
constexpr const char* model_by_heads = "model-by-heads";  ///< `[d_model, H * d]`

/// What the tensors of a layer are called after `layer.L.`.
constexpr std::array<const char*, 5> layer_tensors = {"context", "position", "token",
                                                      "output_projection", "o_proj.weight"};
/// ... and after `layer.L.head.H`.
constexpr std::array<const char*, 3> head_tensors = {"", ".write", ".attended"};

/// Metadata that results depend on, and what is there for readers.
constexpr std::array<const char*, 6> known_metadata = {
    "n_rep", "output_projection", "format", "model", "text", "comment"};

/// Rows that heads write may be rounded to bfloat16 thrice; a transposed projection is off by more
/// than all of it.
constexpr double write_tolerance = 0.02;

struct tensor_name {
  index_t layer = 0;
  std::optional<index_t> head = {};
};

/// Nothing for a name that no file of clouds has.
std::optional<tensor_name> parsed_name(std::string_view name) {
  if (!take_prefix(name, "layer.")) return std::nullopt;
  const auto layer = leading_number(name);
  if (!layer || !take_prefix(name, ".")) return std::nullopt;
  if (std::find(layer_tensors.begin(), layer_tensors.end(), name) != layer_tensors.end())
    return tensor_name{*layer};
  if (!take_prefix(name, "head.")) return std::nullopt;
  const auto head = leading_number(name);
  if (!head || std::find(head_tensors.begin(), head_tensors.end(), name) == head_tensors.end())
    return std::nullopt;
  return tensor_name{*layer, *head};
}

/// A file and what is said of all its layers.
struct cloud_file {
  std::string name;
  io::safetensors tensors;
  std::map<index_t, index_t> heads = {};  ///< of each layer: the largest number plus one
  index_t heads_per_group = 1;
  std::string layout = {};  ///< of `output_projection`; empty where nothing says

  std::string place(const std::string& tensor) const {
    return name + ": tensor " + io::in_quotes(tensor);
  }
};

/// Refuses tensors that would be passed over.
void read_names(cloud_file& file) {
  std::map<index_t, std::string> of_layers;
  for (const std::string& name : file.tensors.names()) {
    const auto parsed = parsed_name(name);
    if (!parsed)
      throw atlas::format_error(file.place(name),
                                "layer.L.head.H, layer.L.head.H.write, layer.L.head.H.attended, "
                                "layer.L.context, layer.L.position, layer.L.token, "
                                "layer.L.output_projection or layer.L.o_proj.weight",
                                "a name that is none of these");
    of_layers.emplace(parsed->layer, name);
    if (!parsed->head) continue;
    index_t& count = file.heads[parsed->layer];
    count = std::max(count, *parsed->head + 1);
  }
  if (file.heads.empty())
    throw atlas::format_error(file.name, "tensors named layer.L.head.H", "none");
  for (const auto& [layer, name] : of_layers)
    if (!file.heads.contains(layer))
      throw atlas::format_error(file.place(name), fmt::format("clouds layer.{}.head.H", layer),
                                "none");
}

/// What the file and the command line say of the projections, which must agree.
std::string layout_of(const std::string& stated, const std::string& typed,
                      const std::string& file) {
  if (stated.empty()) return typed;
  if (stated != heads_by_model && stated != model_by_heads)
    throw atlas::format_error(
        file,
        fmt::format("metadata output_projection to be {} or {}", heads_by_model, model_by_heads),
        io::in_quotes(stated));
  if (!typed.empty() && typed != stated)
    throw atlas::value_error("--output-projection", stated + ", as the metadata of " + file, typed);
  return stated;
}

void read_metadata(cloud_file& file, const measure_options& o) {
  std::string stated;
  for (const auto& [key, value] : file.tensors.metadata()) {
    if (std::find(known_metadata.begin(), known_metadata.end(), key) == known_metadata.end())
      throw atlas::format_error(file.name,
                                fmt::format("metadata {}", fmt::join(known_metadata, ", ")),
                                io::in_quotes(key));
    if (key == "n_rep") file.heads_per_group = n_rep_of(value, file.name);
    if (key == "output_projection") stated = value;
  }
  file.layout = layout_of(stated, o.projection_layout, file.name);
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

std::string prefix_of(index_t layer) {
  return "layer." + std::to_string(layer) + ".";
}

void read_points(const cloud_file& file, source_layer& out) {
  std::vector<std::string> names;
  bool wide = false;
  for (index_t h = 0; h < file.heads.at(out.layer); ++h) {
    names.push_back(prefix_of(out.layer) + "head." + std::to_string(h));
    const io::dtype type = file.tensors.at(names.back()).type;
    wide = wide || io::dtype_size(type) > 4;
    out.precision.push_back(precision_of(type));
  }
  if (wide)
    out.points = stacked<double>(file.tensors, names);
  else
    out.points = stacked<float>(file.tensors, names);
}

struct cloud_extents {
  index_t heads, rows, columns;
};

cloud_extents extents_of(const source_layer& layer) {
  return std::visit(
      [](const auto& p) {
        return cloud_extents{p.extent(0), p.extent(1), p.extent(2)};
      },
      layer.points);
}

bool has_writes(const cloud_file& file, index_t layer) {
  for (index_t h = 0; h < file.heads.at(layer); ++h)
    if (file.tensors.contains(fmt::format("layer.{}.head.{}.write", layer, h))) return true;
  return false;
}

atlas::owned_tensor<float, 2> transposed(const atlas::tensor_view<const float, 2>& x) {
  atlas::owned_tensor<float, 2> out({x.extent(1), x.extent(0)});
  for (index_t i = 0; i < out.extent(0); ++i)
    for (index_t k = 0; k < out.extent(1); ++k) out.mutable_view()(i, k) = x(k, i);
  return out;
}

/// `[H * d, d_model]`, however it lies.
/// \param layout empty where nothing says
atlas::owned_tensor<float, 2> read_projection(const cloud_file& file, const std::string& name,
                                              const source_layer& layer, std::string layout) {
  const auto [heads, rows, d] = extents_of(layer);
  auto stored = file.tensors.read<float, 2>(name);
  const bool square = stored.extent(0) == stored.extent(1);
  if (layout.empty() && square && !has_writes(file, layer.layer))
    throw atlas::format_error(
        file.place(name),
        fmt::format("what its rows are, which a square one does not show: metadata "
                    "output_projection or --output-projection {} ([H d, d_model]) or {} ([d_model, "
                    "H d], as torch has it)",
                    heads_by_model, model_by_heads),
        "neither");
  if (layout.empty()) layout = heads_by_model;
  const bool turned = layout == model_by_heads;
  if (stored.extent(turned ? 1 : 0) != heads * d)
    throw atlas::shape_error(
        file.place(name),
        fmt::format("H * d_head = {} {}, as {}", heads * d, turned ? "columns" : "rows", layout),
        atlas::shape_text(stored.extents()));
  return turned ? transposed(stored) : std::move(stored);
}

void read_projection(const cloud_file& file, source_layer& out) {
  const std::string own = prefix_of(out.layer) + "output_projection";
  const std::string torch = prefix_of(out.layer) + "o_proj.weight";
  const bool has_own = file.tensors.contains(own), has_torch = file.tensors.contains(torch);
  if (has_own && has_torch)
    throw atlas::format_error(file.place(torch), "one projection a layer", own + " beside it");
  if (has_own) out.output_projection = read_projection(file, own, out, file.layout);
  if (has_torch) out.output_projection = read_projection(file, torch, out, model_by_heads);
}

/// Share of the square of what a head writes that cloud times projection does not give.
template <class Scalar>
double write_error(const atlas::tensor_view<const Scalar, 2>& cloud, const matrix_map& mixing,
                   const matrix_map& written) {
  const Eigen::Map<const atlas::row_matrix<Scalar>> rows(cloud.data(), written.rows(),
                                                         cloud.extent(1));
  const Eigen::MatrixXd expected = rows.template cast<double>() * mixing.template cast<double>();
  const double scale = written.cast<double>().norm() + expected.norm();
  return scale > 0 ? (written.cast<double>() - expected).norm() / scale : 0;
}

/// \throws format_error where a head's writes are not its cloud times its rows of the projection
void check_write(const cloud_file& file, const std::string& name, const source_layer& layer,
                 index_t head) {
  const auto written = file.tensors.read<float, 2>(name);
  const auto& projection = layer.output_projection;
  if (projection.empty())
    throw atlas::format_error(file.place(name), "an output projection that it was written by",
                              "none in this layer");
  const auto [heads, rows, d] = extents_of(layer);
  const index_t model = projection.extent(1);
  if (written.extent(1) != model || written.extent(0) < 1 || written.extent(0) > rows)
    throw atlas::shape_error(file.place(name), fmt::format("at most {} rows of {}", rows, model),
                             atlas::shape_text(written.extents()));
  const matrix_map mixing(projection.data() + head * d * model, d, model);
  const matrix_map writes(written.data(), written.extent(0), model);
  const double error = std::visit(
      [&](const auto& points) { return write_error(points[head], mixing, writes); }, layer.points);
  if (!(error < write_tolerance))
    throw atlas::format_error(file.place(name),
                              "the head's cloud times its rows of the output projection; a "
                              "projection that is transposed, "
                              "or of another layer, gives others",
                              fmt::format("rows that differ by {} of their norm", digits(error)));
}

/// Labels of rows, if the file has them.
atlas::owned_tensor<index_t, 1> read_labels(const cloud_file& file, const std::string& name,
                                            index_t rows) {
  if (!file.tensors.contains(name)) return {};
  return file.tensors.read<index_t, 1>(name, {rows});
}

/// Of all heads or of none.
atlas::owned_tensor<index_t, 2> read_attended(const cloud_file& file, index_t layer,
                                              const cloud_extents& extents) {
  const auto name = [&](index_t h) { return fmt::format("layer.{}.head.{}.attended", layer, h); };
  index_t known = 0;
  for (index_t h = 0; h < extents.heads; ++h) known += file.tensors.contains(name(h)) ? 1 : 0;
  if (known == 0) return {};
  atlas::owned_tensor<index_t, 2> out({extents.heads, extents.rows});
  for (index_t h = 0; h < extents.heads; ++h) {
    if (!file.tensors.contains(name(h)))
      throw atlas::format_error(file.place(name(h)), "labels for all heads of a layer or for none",
                                fmt::format("those of {} of {} heads", known, extents.heads));
    const auto labels = file.tensors.read<index_t, 1>(name(h), {extents.rows});
    std::copy_n(labels.data(), extents.rows, out.mutable_view().data() + h * extents.rows);
  }
  return out;
}

source_layer read_layer(const cloud_file& file, index_t number) {
  source_layer out;
  out.layer = number;
  read_points(file, out);
  const cloud_extents extents = extents_of(out);
  const auto [heads, rows, d] = extents;
  const std::string prefix = prefix_of(number);
  out.context = read_labels(file, prefix + "context", rows);
  out.position = read_labels(file, prefix + "position", rows);
  out.token = read_labels(file, prefix + "token", rows);
  out.attended = read_attended(file, number, extents);
  read_projection(file, out);
  for (index_t h = 0; h < heads; ++h)
    if (const std::string name = fmt::format("{}head.{}.write", prefix, h);
        file.tensors.contains(name))
      check_write(file, name, out, h);
  return out;
}

/// The layout that was typed must be of something.
void check_layout_typed(const cloud_file& file, const std::vector<index_t>& layers,
                        const measure_options& o) {
  const bool used = std::any_of(layers.begin(), layers.end(), [&](index_t l) {
    return file.tensors.contains(prefix_of(l) + "output_projection");
  });
  if (!used)
    refuse_typed(*o.common.command, {"--output-projection"},
                 "without a tensor layer.L.output_projection");
}

/// What is to be repeated in the result of what a file says for readers.
void add_readers_metadata(const std::map<std::string, std::string>& metadata, json& description) {
  for (const char* key : {"model", "text", "comment"})
    if (const auto found = metadata.find(key); found != metadata.end())
      description[key] = found->second;
}

measure_source read_cloud_tensors(const measure_options& o, const layers_wanted& wanted) {
  cloud_file file{o.clouds_file, io::safetensors::open(o.clouds_file)};
  read_names(file);
  read_metadata(file, o);
  std::vector<index_t> all;
  for (const auto& [layer, count] : file.heads) all.push_back(layer);
  const std::vector<index_t> layers = chosen_layers(o.layers, all);
  check_layout_typed(file, layers, o);
  measure_source source;
  source.heads_per_group = file.heads_per_group;
  source.description = {{"clouds", o.clouds_file}};
  add_readers_metadata(file.tensors.metadata(), source.description);
  for (const index_t l : layers) {
    source.heads.push_back(file.heads.at(l));
    if (wanted(source.layers.size(), layers.size()))
      source.layers.push_back(read_layer(file, l));
    else
      source.layers.emplace_back().layer = l;
  }
  return source;
}

measure_source read_activation_clouds(const array_file& file, const measure_options& o) {
  activations found =
      read_activations(file, chosen_layers(o.layers, layers_of_activations(file)),
                       {.rows = o.rows,
                        .min_context = o.min_context,
                        .points = o.points,
                        .points_are_there = was_typed(*o.common.command, "--points"),
                        .seed = o.common.seed,
                        .without_sinks = o.without_sinks,
                        .sinks = o.sinks,
                        .on_progress = progress_bar(o.common),
                        .threads = o.common.threads});
  measure_source source{std::move(found.layers), {}, found.heads_per_group, {}};
  for (const source_layer& layer : source.layers) source.heads.push_back(extents_of(layer).heads);
  source.description = {
      {"clouds", o.clouds_file}, {"rows", o.rows}, {"min_context", o.min_context}};
  if (o.without_sinks) source.description["without_sinks"] = true;
  add_readers_metadata(file.metadata(), source.description);
  return source;
}

}  // namespace

void add_cloud_file_options(CLI::App& app, measure_options& o) {
  add_text(app, "--clouds", o.clouds_file,
           "instead of a model, a safetensors file with layer.L.head.H [N, d], see "
           "docs/guide/clouds.md, or a safetensors or npz file with blocks.L.attn.hook_v and its "
           "kin, see docs/guide/activations.md");
  app.add_option("--output-projection", o.projection_layout,
                 "what the rows of its square layer.L.output_projection are, where its metadata do "
                 "not say")
      ->check(one_of({heads_by_model, model_by_heads}));
  add_choice(app, "--rows", o.rows, {rows_of_activations.begin(), rows_of_activations.end()},
             "what clouds of a file of activations are: attention residuals, or a hook's own rows");
}

void check_cloud_file_options(const measure_options& o, std::initializer_list<const char*> more) {
  const CLI::App& command = *o.common.command;
  if (o.clouds_file.empty())
    return refuse_typed(command, {"--output-projection", "--rows"}, "without --clouds");
  const char* why = "with --clouds, whose rows are those of the file";
  refuse_typed(command, {"--model", "--text", "--tokens", "--bos", "--blocks", "--block-size"},
               why);
  refuse_typed(command, more, why);
  if (holds_activations(array_file(o.clouds_file)))
    return refuse_typed(command, {"--output-projection"},
                        "with activations, whose blocks.L.attn.W_O shows how it lies");
  refuse_typed(command, {"--min-context", "--points"},
               "with --clouds of layer.L.head.H, whose rows are those of the file");
  refuse_typed(command, {"--rows"}, "with clouds, whose rows are what they are");
}

measure_source read_clouds(const measure_options& o, const layers_wanted& wanted) {
  const array_file arrays(o.clouds_file);
  return holds_activations(arrays) ? read_activation_clouds(arrays, o)
                                   : read_cloud_tensors(o, wanted);
}

}  // namespace atlas_program
