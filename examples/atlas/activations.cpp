// SPDX-License-Identifier: MIT
#include "activations.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <span>
#include <utility>

#include "atlas/attention/clouds.hpp"
#include "atlas/attention/sink_queries.hpp"
#include "hook_captures.hpp"
#include "hook_residuals.hpp"
#include "stored_type.hpp"

namespace atlas_program {

namespace {

using atlas::index_t;
namespace io = atlas::io;

chosen_places choose_places(const atlas::shape<2>& text, const activation_options& o) {
  const auto [passages, length] = text;
  if (o.min_context < 0 || o.min_context >= length)
    throw atlas::value_error("--min-context",
                             fmt::format("a position of passages of {}, from 0", length),
                             std::to_string(o.min_context));
  const index_t there = passages * (length - o.min_context);
  const index_t least = o.points_are_there ? std::max<index_t>(o.points, 3) : 3;
  if (there < least)
    throw atlas::value_error(there < 3 ? "--min-context" : "--points",
                             there < 3 ? "to leave 3 positions or more"
                                       : fmt::format("at most {}, the positions from {} on of {} "
                                                     "passages of {}",
                                                     there, o.min_context, passages, length),
                             std::to_string(there < 3 ? there : o.points));
  // Which places are drawn does not depend on what is collected there.
  const atlas::head_clouds nothing = atlas::cloud_collector({.layers = {0},
                                                             .heads = 1,
                                                             .head_dimension = 1,
                                                             .blocks = passages,
                                                             .tokens_per_block = length,
                                                             .min_context = o.min_context,
                                                             .points = o.points,
                                                             .seed = o.seed})
                                         .clouds(0);
  return {passages, length, nothing.context, nothing.position};
}

/// `[H, N, d]`, the rows of a hook, `[B, T, H, d]`, at the places.
template <class Scalar>
atlas::owned_tensor<Scalar, 3> rows_of_hook(const hook_array& x, const chosen_places& at) {
  const auto [passages, length, heads, d] = x.extents;
  atlas::owned_tensor<Scalar, 3> out({heads, at.context.size(), d});
  for (index_t h = 0; h < heads; ++h)
    for (index_t n = 0; n < at.context.size(); ++n) {
      const index_t row = (at.context[n] * length + at.position[n]) * heads + h;
      read_elements(x.stored, row * d,
                    std::span(out.mutable_view()[h][n].data(), static_cast<std::size_t>(d)));
    }
  return out;
}

/// `[H * d, d_model]`, where the file has it.
atlas::owned_tensor<float, 2> projection_of(const array_file& file, index_t layer, index_t heads,
                                            index_t d) {
  const std::string name = array_of(layer, "W_O");
  if (!file.contains(name)) return {};
  const stored_array x = file.at(name);
  if (x.extents.size() != 3 || x.extents[0] != heads || x.extents[1] != d || x.extents[2] < 1)
    throw atlas::shape_error(x.place, fmt::format("[{}, {}, d_model]", heads, d),
                             atlas::shape_text(x.extents.data(), x.extents.size()));
  atlas::owned_tensor<float, 2> out({heads * d, x.extents[2]});
  read_elements(x, 0, std::span(out.mutable_view().data(), static_cast<std::size_t>(out.size())));
  return out;
}

/// Tokens, `[B, T]`, or nothing.
atlas::owned_tensor<index_t, 2> tokens_of(const array_file& file, const chosen_places& at) {
  if (!file.contains("tokens")) return {};
  const stored_array x = file.at("tokens");
  const std::vector<index_t> batch = {at.passages, at.length}, single = {at.length};
  if (x.extents != batch && !(at.passages == 1 && x.extents == single))
    throw atlas::shape_error(x.place, "shape " + atlas::shape_text(batch.data(), 2),
                             atlas::shape_text(x.extents.data(), x.extents.size()));
  atlas::owned_tensor<index_t, 2> out({at.passages, at.length});
  read_elements(x, 0, std::span(out.mutable_view().data(), static_cast<std::size_t>(out.size())));
  return out;
}

/// Tokens of the keys at these positions, `[H, N]`.
atlas::owned_tensor<index_t, 2> attended_tokens(const atlas::owned_tensor<index_t, 2>& tokens,
                                                const chosen_places& at,
                                                const atlas::owned_tensor<index_t, 2>& attended) {
  if (tokens.empty()) return {};
  atlas::owned_tensor<index_t, 2> out(attended.extents());
  for (index_t h = 0; h < out.extent(0); ++h)
    for (index_t n = 0; n < out.extent(1); ++n)
      out.mutable_view()(h, n) = tokens(at.context[n], attended(h, n));
  return out;
}

/// Reads one layer after the other, all of the same places.
class activation_reader {
 public:
  activation_reader(const array_file& file, const activation_options& options)
      : file_(file), options_(options) {}

  source_layer layer(index_t number) {
    return options_.rows == "residual" ? residuals(number) : hooked(number);
  }

 private:
  source_layer residuals(index_t number) {
    const layer_attention a = open_attention(file_, number);
    use_text({a.values.extents[0], a.values.extents[1]}, a.values);
    if (a.weights.stored.type == io::dtype::f64 || a.values.stored.type == io::dtype::f64)
      return residuals<double>(number, a);
    return residuals<float>(number, a);
  }

  template <class Scalar>
  source_layer residuals(index_t number, const layer_attention& a) {
    auto clouds = residuals_of<Scalar>(a, places_, options_.threads);
    check_z(file_, number, a, places_, clouds);
    source_layer out = labelled(number);
    out.attended = attended_tokens(tokens_, places_, clouds.attended);
    if (options_.without_sinks)
      out.left_out = atlas::sink_queries(
          places_.context, places_.position, clouds.attended,
          sinks_of(file_, number, options_.sinks, options_.threads, options_.on_progress));
    out.output_projection = projection_of(file_, number, a.heads(), a.values.extents[3]);
    out.points = std::move(clouds.points);
    return out;
  }

  source_layer hooked(index_t number) {
    const hook_array x = read_hook(file_, hook_of(number, options_.rows), by_position);
    use_text({x.extents[0], x.extents[1]}, x);
    source_layer out = labelled(number);
    if (x.stored.type == io::dtype::f64)
      out.points = rows_of_hook<double>(x, places_);
    else
      out.points = rows_of_hook<float>(x, places_);
    out.precision.assign(static_cast<std::size_t>(x.extents[2]), precision_of(x.stored.type));
    if (options_.rows == "z")
      out.output_projection = projection_of(file_, number, x.extents[2], x.extents[3]);
    return out;
  }

  /// The first layer's text is that of all.
  void use_text(const atlas::shape<2>& text, const hook_array& x) {
    if (places_.passages != 0)
      return check_extents_of(x, {places_.passages, places_.length, -1, -1},
                              "as the hooks of other layers");
    places_ = choose_places(text, options_);
    tokens_ = tokens_of(file_, places_);
  }

  source_layer labelled(index_t number) const {
    source_layer out;
    out.layer = number;
    out.context = places_.context;
    out.position = places_.position;
    if (tokens_.empty()) return out;
    out.token = atlas::owned_tensor<index_t, 1>({places_.context.size()});
    for (index_t n = 0; n < out.token.size(); ++n)
      out.token.mutable_view()[n] = tokens_(places_.context[n], places_.position[n]);
    return out;
  }

  const array_file& file_;
  activation_options options_;
  chosen_places places_;
  atlas::owned_tensor<index_t, 2> tokens_;
};

}  // namespace

activations read_activations(const array_file& file, const std::vector<index_t>& layers,
                             const activation_options& options) {
  check_metadata_of_activations(file);
  activations out;
  activation_reader reader(file, options);
  for (const index_t l : layers) {
    const index_t heads_per_group = heads_per_group_of(file, l, options.rows);
    if (l != layers.front() && heads_per_group != out.heads_per_group)
      throw atlas::format_error(
          fmt::format("{}: layer {}", file.name(), l),
          fmt::format("{} heads a group, as layer {} has", out.heads_per_group, layers.front()),
          std::to_string(heads_per_group));
    out.heads_per_group = heads_per_group;
    out.layers.push_back(reader.layer(l));
  }
  return out;
}

}  // namespace atlas_program
