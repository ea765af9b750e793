// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// The tensors of a Hugging Face folder, in one safetensors file or in shards.

#include <cstddef>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "atlas/core/errors.hpp"
#include "atlas/core/lazy.hpp"
#include "atlas/core/range_traits.hpp"
#include "atlas/core/tensor_view.hpp"
#include "atlas/io/files.hpp"
#include "atlas/io/folders/model_folder.hpp"
#include "atlas/io/json.hpp"
#include "atlas/io/safetensors.hpp"

namespace atlas::inline ATLAS_ABI::io {

namespace detail {

/// A shard lies in the checkpoint's own folder or below it: an index must not reach elsewhere.
template <class = lazy>
void check_shard_path(const std::string& shard, const std::string& where) {
  const std::filesystem::path path(shard);
  bool inside = !shard.empty() && path.is_relative() && !path.has_root_path() &&
                shard.find('\\') == std::string::npos && shard.find('\0') == std::string::npos;
  for (const auto& part : path) inside = inside && part != "..";
  if (!inside) throw format_error(where, "shards inside the checkpoint's folder", in_quotes(shard));
}

/// Tensor to shard, from `model.safetensors.index.json`.
template <class = lazy>
std::map<std::string, std::string> read_weight_map(const std::filesystem::path& index_file) {
  const std::string where = index_file.string();
  const kept_json<> kept(parse_json(read_text(index_file), where));
  const nlohmann::json& root = kept.value;
  const nlohmann::json& weights = member(root, "weight_map", where);
  if (!weights.is_object() || weights.empty())
    throw format_error(where, "weight_map to be an object with tensors", described(weights));
  std::map<std::string, std::string> shards;
  for (const auto& [tensor, shard] : weights.items()) {
    const std::string place = tensor_place(where, tensor);
    if (!shard.is_string()) throw format_error(place, "the name of a shard", shard.type_name());
    check_shard_path(shard.template get_ref<const std::string&>(), place);
    shards.emplace(tensor, shard.template get<std::string>());
  }
  return shards;
}

}  // namespace detail

/// All tensors of a model, whatever files they are in. Has the reading half of `safetensors`.
class checkpoint {
 public:
  /// \param path a folder with `model.safetensors`, or with `model.safetensors.index.json` and
  /// its shards; or one safetensors file
  /// \throws format_error for a folder with neither, a missing shard, a tensor that its shard
  /// lacks, a shard outside the folder, and whatever `safetensors::open` refuses.
  template <class = lazy>
  [[nodiscard]] static checkpoint open(const std::filesystem::path& path) {
    if (!std::filesystem::is_directory(path)) return checkpoint(safetensors::open(path), path);
    const auto whole = path / "model.safetensors";
    if (std::filesystem::exists(whole)) return checkpoint(safetensors::open(whole), path);
    const auto index_file = path / "model.safetensors.index.json";
    if (std::filesystem::exists(index_file)) return sharded(path, index_file);
    const std::string instead = detail::in_place_of_weights(path);
    throw format_error(path.string(), "model.safetensors or model.safetensors.index.json",
                       instead.empty() ? "a folder with neither" : instead);
  }

  /// One safetensors file in memory, which must outlive this object.
  template <class = lazy>
  [[nodiscard]] static checkpoint from_memory(std::span<const std::byte> bytes,
                                              const std::string& name) {
    return checkpoint(safetensors::from_memory(bytes, name), name);
  }
  template <atlas::detail::owning_temporary Bytes>
  static checkpoint from_memory(Bytes&& bytes, const std::string& name) = delete;

  /// All tensors, in alphabetical order.
  template <class = lazy>
  [[nodiscard]] std::vector<std::string> names() const {
    std::vector<std::string> all;
    for (const auto& [name, file] : places_) all.push_back(name);
    return all;
  }

  template <class = lazy>
  [[nodiscard]] bool contains(std::string_view name) const {
    return places_.contains(name);
  }

  /// Valid as long as this object.
  ///
  /// \throws format_error when there is no such tensor.
  template <class = lazy>
  [[nodiscard]] const tensor_entry& at(std::string_view name) const {
    return file_of(name).at(name);
  }

  /// The file and the tensor, for messages.
  ///
  /// \throws format_error when there is no such tensor.
  template <class = lazy>
  [[nodiscard]] std::string place_of(std::string_view name) const {
    return detail::tensor_place(file_of(name).name(), name);
  }

  /// While it lives, so do the bytes of this tensor; null for a file in memory, which is its
  /// owner's.
  ///
  /// \throws format_error when there is no such tensor.
  template <class = lazy>
  [[nodiscard]] std::shared_ptr<const void> keeper_of(std::string_view name) const {
    return file_of(name).keeper();
  }

  /// As `safetensors::read`.
  template <class T, std::size_t Rank>
  [[nodiscard]] owned_tensor<T, Rank> read(std::string_view name) const {
    return file_of(name).template read<T, Rank>(name);
  }
  template <class T, std::size_t Rank>
  [[nodiscard]] owned_tensor<T, Rank> read(std::string_view name,
                                           const any_shape<Rank>& expected) const {
    return file_of(name).template read<T, Rank>(name, expected);
  }

 private:
  template <class = lazy>
  explicit checkpoint(const std::filesystem::path& path) : name_(path.string()) {}
  template <class = lazy>
  checkpoint(safetensors file, const std::filesystem::path& path) : checkpoint(path) {
    for (std::string& name : file.names()) places_.emplace(std::move(name), 0);
    files_.push_back(std::move(file));
  }

  template <class = lazy>
  static checkpoint sharded(const std::filesystem::path& folder,
                            const std::filesystem::path& index_file) {
    checkpoint all(folder);
    std::map<std::string, std::size_t> opened;
    for (auto& [tensor, shard] : detail::read_weight_map(index_file)) {
      const auto [place, fresh] = opened.try_emplace(shard, all.files_.size());
      if (fresh) all.files_.push_back(safetensors::open(folder / shard));
      if (!all.files_[place->second].contains(tensor))
        throw format_error((folder / shard).string(),
                           "the tensor " + in_quotes(tensor) + " that the index puts there",
                           "none of that name");
      all.places_.emplace(tensor, place->second);
    }
    return all;
  }

  template <class = lazy>
  const safetensors& file_of(std::string_view name) const {
    const auto found = places_.find(name);
    if (found == places_.end())
      throw format_error(name_, "a tensor " + in_quotes(name), "none of that name");
    return files_[found->second];
  }

  std::string name_;
  std::vector<safetensors> files_;
  std::map<std::string, std::size_t, std::less<>> places_;
};

}  // namespace atlas::inline ATLAS_ABI::io
