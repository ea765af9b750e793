// SPDX-License-Identifier: MIT
#include "hook_arrays.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <optional>
#include <set>
#include <string_view>
#include <utility>

#include "atlas/core/errors.hpp"

namespace atlas_program {

using atlas::index_t;

std::string array_of(index_t layer, const std::string& rest) {
  return fmt::format("blocks.{}.attn.{}", layer, rest);
}
std::string hook_of(index_t layer, const std::string& hook) {
  return array_of(layer, "hook_" + hook);
}

namespace {

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

template <std::size_t Size>
bool among(const std::array<const char*, Size>& all, std::string_view name) {
  return std::find(all.begin(), all.end(), name) != all.end();
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

atlas::shape<4> four_extents(const std::vector<index_t>& given, const std::string& place,
                             const char* axes) {
  const bool batch = given.size() == 4;
  if (!(batch || given.size() == 3) || std::find(given.begin(), given.end(), 0) != given.end())
    throw atlas::shape_error(place, axes, atlas::shape_text(given.data(), given.size()));
  atlas::shape<4> out = {1, 0, 0, 0};
  std::copy(given.begin(), given.end(), out.begin() + (batch ? 0 : 1));
  return out;
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

}  // namespace

hook_array read_hook(const array_file& file, const std::string& name, const char* axes) {
  stored_array stored = file.at(name);
  const atlas::shape<4> extents = four_extents(stored.extents, stored.place, axes);
  return {std::move(stored), extents};
}

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
          atlas::io::in_quotes(key));
}

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

}  // namespace atlas_program
