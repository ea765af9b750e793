// SPDX-License-Identifier: MIT
#include "activations.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <string_view>
#include <utility>

#include "atlas/attention/clouds.hpp"
#include "atlas/attention/residual.hpp"
#include "atlas/boltzmann/softmax.hpp"
#include "atlas/core/checks.hpp"
#include "atlas/core/parallel.hpp"
#include "stored_type.hpp"

namespace atlas_program {

namespace {

using atlas::index_t;
namespace io = atlas::io;

/// Hooks of a layer that are read, after `blocks.L.attn.hook_`.
constexpr std::array<const char*, 6> read_hooks = {"q", "k", "v", "z", "pattern", "attn_scores"};
/// Others of TransformerLens that clouds do not depend on, after `blocks.L.`: as a whole, or what
/// they begin with.
constexpr std::array<const char*, 3> other_hooks = {"attn.hook_result", "attn.hook_rot_q",
                                                    "attn.hook_rot_k"};
constexpr std::array<const char*, 4> other_beginnings = {"hook_", "ln1", "ln2", "mlp."};

/// Metadata that results depend on, and what is there for readers.
constexpr std::array<const char*, 5> metadata_of_activations = {"n_rep", "format", "model", "text",
                                                                "comment"};

constexpr const char* by_position = "[batch, position, head, d_head], the batch perhaps left out";
constexpr const char* by_head = "[batch, head, query, key], the batch perhaps left out";

/// Of weights' sum from 1; elements of bfloat16 are each off by up to 2^-9 of themselves.
constexpr double sum_slack = 1e-3, bfloat16_sum_slack = 4e-3;
/// What weights, values and z were rounded to, at most thrice to bfloat16; other heads' values are
/// off by more than all of it.
constexpr double z_tolerance = 0.02;

template <std::size_t Size>
bool among(const std::array<const char*, Size>& all, std::string_view name) {
  return std::find(all.begin(), all.end(), name) != all.end();
}

std::string array_of(index_t layer, const std::string& rest) {
  return fmt::format("blocks.{}.attn.{}", layer, rest);
}
std::string hook_of(index_t layer, const std::string& hook) {
  return array_of(layer, "hook_" + hook);
}

/// What an array of this name is.
struct array_role {
  bool known = false;
  std::optional<index_t> layer = {};  ///< of a hook that is read
};

array_role role_of(std::string_view name) {
  if (name == "tokens" || name.starts_with("hook_") || name.starts_with("ln_final.")) return {true};
  if (!take_prefix(name, "blocks.")) return {};
  const auto layer = leading_number(name);
  if (!layer || !take_prefix(name, ".")) return {};
  if (name == "attn.W_O" || among(other_hooks, name)) return {true};
  for (const char* beginning : other_beginnings)
    if (name.starts_with(beginning)) return {true};
  if (take_prefix(name, "attn.hook_") && among(read_hooks, name)) return {true, layer};
  return {};
}

/// An array of four dimensions, whose first is 1 where the file leaves the batch out.
struct hook_array {
  stored_array stored;
  atlas::shape<4> extents;
};

atlas::shape<4> four_extents(const std::vector<index_t>& given, const std::string& place,
                             const char* axes) {
  const bool batch = given.size() == 4;
  if (!(batch || given.size() == 3) || std::find(given.begin(), given.end(), 0) != given.end())
    throw atlas::shape_error(place, axes, atlas::shape_text(given.data(), given.size()));
  atlas::shape<4> out = {1, 0, 0, 0};
  std::copy(given.begin(), given.end(), out.begin() + (batch ? 0 : 1));
  return out;
}

hook_array read_hook(const array_file& file, const std::string& name, const char* axes) {
  stored_array stored = file.at(name);
  const atlas::shape<4> extents = four_extents(stored.extents, stored.place, axes);
  return {std::move(stored), extents};
}

/// \throws shape_error unless the array has these extents; negative: any
void check_extents_of(const hook_array& x, const atlas::shape<4>& wanted, const std::string& why) {
  for (std::size_t r = 0; r < 4; ++r)
    if (wanted[r] >= 0 && x.extents[r] != wanted[r]) {
      std::string text;
      for (const index_t e : wanted)
        text += (text.empty() ? "" : ", ") + (e < 0 ? std::string("any") : std::to_string(e));
      throw atlas::shape_error(x.stored.place, fmt::format("shape [{}], {}", text, why),
                               atlas::shape_text(x.extents));
    }
}

/// The heads that some hooks of a layer have, by their place among the axes; 0: no such hook.
/// \throws shape_error where two of them differ
index_t common_heads(const array_file& file, index_t layer,
                     const std::vector<std::pair<std::string, std::size_t>>& hooks) {
  index_t heads = 0;
  for (const auto& [hook, axis] : hooks) {
    const std::string name = hook_of(layer, hook);
    if (!file.contains(name)) continue;
    const char* axes = axis == 2 ? by_position : by_head;
    const index_t found = four_extents(file.extents(name), file.place(name), axes)[axis];
    if (heads != 0 && found != heads)
      throw atlas::shape_error(file.place(name),
                               fmt::format("{} heads, as another hook of the layer", heads),
                               std::to_string(found));
    heads = found;
  }
  return heads;
}

/// What the file says of heads that share keys and values.
struct head_groups {
  index_t stored = 0;  ///< query heads for each head of keys and values in the file; 0: unknown
  index_t stated = 1;  ///< n_rep
};

head_groups groups_of(const array_file& file, index_t layer) {
  head_groups out;
  const auto n_rep = file.metadata().find("n_rep");
  if (n_rep != file.metadata().end()) out.stated = n_rep_of(n_rep->second, file.name());
  const index_t heads =
      common_heads(file, layer, {{"q", 2}, {"z", 2}, {"pattern", 1}, {"attn_scores", 1}});
  const index_t shared = common_heads(file, layer, {{"k", 2}, {"v", 2}});
  if (heads == 0 || shared == 0) return out;
  if (heads % shared != 0)
    throw atlas::shape_error(fmt::format("{}: blocks.{}.attn", file.name(), layer),
                             "query heads in groups of one size",
                             fmt::format("{} of them and {} of keys and values", heads, shared));
  out.stored = heads / shared;
  // Keys and values may have been repeated for each query head.
  if (n_rep != file.metadata().end() && out.stored != 1 && out.stored != out.stated)
    throw atlas::format_error(
        file.name(),
        fmt::format("metadata n_rep to be {}, as the hooks of layer {} are", out.stored, layer),
        n_rep->second);
  return out;
}

/// Heads that clouds are of, in groups of so many.
index_t heads_per_group_of(const array_file& file, index_t layer, const std::string& rows) {
  const head_groups groups = groups_of(file, layer);
  if (rows != "k" && rows != "v") return std::max(groups.stored, groups.stated);
  return groups.stored > 1 ? 1 : groups.stated;
}

void check_metadata_of_activations(const array_file& file) {
  for (const auto& [key, value] : file.metadata())
    if (!among(metadata_of_activations, key))
      throw atlas::format_error(
          file.name(), fmt::format("metadata {}", fmt::join(metadata_of_activations, ", ")),
          io::in_quotes(key));
}

/// Where rows of the clouds are from, the same in all layers.
struct chosen_places {
  index_t passages = 0, length = 0;
  atlas::owned_tensor<index_t, 1> context, position;
};

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

/// What attention of one layer weights, and by what.
struct layer_attention {
  hook_array weights, values;  ///< `[B, H, T, T]`, `[B, T, H / heads_per_group, d]`
  bool scores = false;         ///< the softmax of `weights` is to be taken
  [[nodiscard]] index_t heads() const { return weights.extents[1]; }
  [[nodiscard]] index_t value_heads() const { return values.extents[2]; }
  [[nodiscard]] index_t value_head(index_t h) const { return h / (heads() / value_heads()); }
};

layer_attention open_attention(const array_file& file, index_t layer) {
  const std::string values = hook_of(layer, "v"), pattern = hook_of(layer, "pattern"),
                    scores = hook_of(layer, "attn_scores");
  const bool weighted = file.contains(pattern);
  for (const auto& [name, there] :
       {std::pair(pattern + " or " + scores, weighted || file.contains(scores)),
        std::pair(values, file.contains(values))})
    if (!there)
      throw atlas::format_error(
          fmt::format("{}: layer {}", file.name(), layer),
          "a tensor " + name + " (residuals are of weights and values; --rows takes others)",
          "none of that name");
  layer_attention out{read_hook(file, weighted ? pattern : scores, by_head),
                      read_hook(file, values, by_position), !weighted};
  const auto [passages, heads, queries, keys] = out.weights.extents;
  check_extents_of(out.weights, {-1, -1, -1, queries}, "as many keys as queries");
  check_extents_of(out.values, {passages, keys, -1, -1},
                   "as hook_" + std::string(weighted ? "pattern" : "attn_scores"));
  return out;
}

/// \throws format_error for weights that are none
template <class Scalar>
void check_weights(std::span<const Scalar> weights, double slack, const std::string& place) {
  double sum = 0;
  for (const Scalar weight : weights) {
    const auto w = static_cast<double>(weight);
    if (!(w >= 0)) throw atlas::format_error(place, "weights of 0 or more", fmt::format("{}", w));
    sum += w;
  }
  if (!(std::abs(sum - 1) <= slack))
    throw atlas::format_error(place, "weights that sum to 1", fmt::format("{}", sum));
}

/// The weights of one query over all keys.
template <class Scalar>
std::vector<Scalar> weights_at(const layer_attention& a, index_t passage, index_t head,
                               index_t query) {
  const index_t length = a.weights.extents[3];
  std::vector<Scalar> out(static_cast<std::size_t>(length));
  read_elements(a.weights.stored, ((passage * a.heads() + head) * length + query) * length,
                std::span(out));
  const std::string place = fmt::format("{}: head {}, passage {}, position {}",
                                        a.weights.stored.place, head, passage, query);
  if (a.scores) try {
      const auto softened = atlas::softmax<1>(out);
      std::copy(softened.begin(), softened.end(), out.begin());
    } catch (const atlas::error& e) {
      throw atlas::format_error(place, e.expected(), e.got());
    }
  check_weights<Scalar>(
      out, a.weights.stored.type == io::dtype::bf16 ? bfloat16_sum_slack : sum_slack, place);
  return out;
}

/// All values of a passage, `[T, value heads, d]`.
template <class Scalar>
std::vector<Scalar> values_of(const layer_attention& a, index_t passage) {
  const auto [passages, length, heads, d] = a.values.extents;
  std::vector<Scalar> out(static_cast<std::size_t>(length * heads * d));
  read_elements(a.values.stored, passage * length * heads * d, std::span(out));
  for (const Scalar& x : out)
    if (!std::isfinite(x))
      throw atlas::format_error(fmt::format("{}: passage {}", a.values.stored.place, passage),
                                "finite values", fmt::format("{}", x));
  return out;
}

/// Clouds of residuals, and the position of the key that each row looks at most.
template <class Scalar>
struct residual_clouds {
  atlas::owned_tensor<Scalar, 3> points;
  atlas::owned_tensor<index_t, 2> attended;
};

/// Rows [first, last), which are of one passage.
template <class Scalar>
void add_passage(const layer_attention& a, const chosen_places& at, index_t first, index_t last,
                 residual_clouds<Scalar>& out) {
  const index_t passage = at.context[first], d = a.values.extents[3];
  const std::vector<Scalar> values = values_of<Scalar>(a, passage);
  std::vector<double> sum;
  for (index_t h = 0; h < a.heads(); ++h) {
    const atlas::tensor_view<const Scalar, 2> of_head(values.data() + a.value_head(h) * d,
                                                      {at.length, d}, {a.value_heads() * d, 1});
    for (index_t n = first; n < last; ++n) {
      const std::vector<Scalar> weights = weights_at<Scalar>(a, passage, h, at.position[n]);
      const auto row = atlas::detail::tail_sum<Scalar>(
          atlas::tensor_view<const Scalar, 1>(weights.data(), {at.length}), of_head, sum);
      out.attended.mutable_view()(h, n) = row.argmax;
      for (index_t k = 0; k < d; ++k)
        out.points.mutable_view()(h, n, k) =
            atlas::detail::raw_element<Scalar>(row, sum[static_cast<std::size_t>(k)], of_head, k);
    }
  }
}

template <class Scalar>
residual_clouds<Scalar> residuals_of(const layer_attention& a, const chosen_places& at,
                                     int threads) {
  const index_t rows = at.context.size();
  residual_clouds<Scalar> out{
      atlas::owned_tensor<Scalar, 3>({a.heads(), rows, a.values.extents[3]}),
      atlas::owned_tensor<index_t, 2>({a.heads(), rows})};
  std::vector<index_t> first;  // rows of passages lie side by side
  for (index_t n = 0; n < rows; ++n)
    if (n == 0 || at.context[n] != at.context[n - 1]) first.push_back(n);
  first.push_back(rows);
  atlas::parallel_for(static_cast<index_t>(first.size()) - 1, threads, [&](index_t i) {
    const auto p = static_cast<std::size_t>(i);
    add_passage(a, at, first[p], first[p + 1], out);
  });
  return out;
}

/// Share of z that residuals and the values they are about do not give.
template <class Scalar>
double z_error(const hook_array& z, const layer_attention& a, const chosen_places& at,
               const residual_clouds<Scalar>& clouds, index_t head) {
  const index_t d = z.extents[3], rows = at.context.size();
  const auto width = static_cast<std::size_t>(d);
  std::vector<double> seen(width), most(width);
  double error = 0, scale = 0;
  for (index_t n = 0; n < rows; ++n) {
    const index_t passage = at.context[n] * at.length;
    read_elements(z.stored, ((passage + at.position[n]) * a.heads() + head) * d, std::span(seen));
    read_elements(a.values.stored,
                  ((passage + clouds.attended(head, n)) * a.value_heads() + a.value_head(head)) * d,
                  std::span(most));
    for (std::size_t k = 0; k < width; ++k) {
      const double made =
          static_cast<double>(clouds.points(head, n, static_cast<index_t>(k))) + most[k];
      error += (seen[k] - made) * (seen[k] - made);
      scale += seen[k] * seen[k] + made * made;
    }
  }
  return error == 0 ? 0 : std::sqrt(error / scale);  // NaN where z is
}

/// \throws format_error for a head whose z, where the file has it, is not weights times values
template <class Scalar>
void check_z(const array_file& file, index_t layer, const layer_attention& a,
             const chosen_places& at, const residual_clouds<Scalar>& clouds) {
  const std::string name = hook_of(layer, "z");
  if (!file.contains(name)) return;
  const hook_array z = read_hook(file, name, by_position);
  check_extents_of(z, {at.passages, at.length, a.heads(), a.values.extents[3]},
                   "as the weights and values of its layer");
  for (index_t h = 0; h < a.heads(); ++h) {
    const double error = z_error(z, a, at, clouds, h);
    if (!(error < z_tolerance))
      throw atlas::format_error(
          fmt::format("{}: head {}", z.stored.place, h),
          "the weights times the values of its layer; other heads' values, or weights of another "
          "run, give others",
          fmt::format("rows that differ by {:.2g} of their norm", error));
  }
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

bool holds_activations(const array_file& file) {
  const std::vector<std::string> names = file.names();
  return file.is_npz() || std::any_of(names.begin(), names.end(), [](const std::string& name) {
           return name.starts_with("blocks.");
         });
}

std::vector<index_t> layers_of_activations(const array_file& file) {
  std::set<index_t> layers;
  for (const std::string& name : file.names()) {
    const array_role role = role_of(name);
    if (!role.known)
      throw atlas::format_error(
          file.place(name),
          fmt::format("blocks.L.attn.hook_ and one of {}, blocks.L.attn.W_O, tokens, or another "
                      "hook of TransformerLens",
                      fmt::join(read_hooks, ", ")),
          "a name that is none of these");
    if (role.layer) layers.insert(*role.layer);
  }
  if (layers.empty())
    throw atlas::format_error(
        file.name(), fmt::format("tensors blocks.L.attn.hook_{}", fmt::join(read_hooks, ", ")),
        "none");
  return {layers.begin(), layers.end()};
}

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
