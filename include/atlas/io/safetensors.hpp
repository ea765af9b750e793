// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// Tensors by name from a safetensors file, and back into one.

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "atlas/core/as_view.hpp"
#include "atlas/core/errors.hpp"
#include "atlas/core/lazy.hpp"
#include "atlas/core/tensor_view.hpp"
#include "atlas/io/files.hpp"
#include "atlas/io/formats/convert.hpp"
#include "atlas/io/formats/safetensors_header.hpp"
#include "atlas/io/json.hpp"

namespace atlas::inline ATLAS_ABI::io {

namespace detail {

/// A copy of the tensor with its elements converted to `T`.
template <class T, std::size_t Rank>
owned_tensor<T, Rank> read_entry(const tensor_entry& entry, const std::string& file) {
  const std::string where = tensor_place(file, entry.name);
  owned_tensor<T, Rank> out(fixed_rank<Rank>(entry.extents, where));
  const std::span<T> elements(out.mutable_view().data(), static_cast<std::size_t>(out.size()));
  constexpr bool swap_bytes = std::endian::native == std::endian::big;
  convert_elements(entry.type, entry.bytes.data(), swap_bytes, elements, where);
  return out;
}

template <class T, std::size_t Rank>
owned_tensor<T, Rank> read_entry(const tensor_entry& entry, const shape<Rank>& expected,
                                 const std::string& file) {
  const std::string where = tensor_place(file, entry.name);
  if (fixed_rank<Rank>(entry.extents, where) != expected)
    throw shape_error(where, "shape " + atlas::shape_text(expected),
                      atlas::shape_text(entry.extents.data(), entry.extents.size()));
  return read_entry<T, Rank>(entry, file);
}

}  // namespace detail

/// A safetensors file, checked as a whole when it is opened; tensors are read when asked for.
/// Copies are cheap in memory and share the mapped file, which lives as long as one of them.
/// \code
/// const auto file = atlas::io::safetensors::open("model.safetensors");
/// const auto weights = file.read<float, 2>("h.0.attn.c_attn.weight", {192, 576});
/// \endcode
class safetensors {
 public:
  /// \throws format_error naming the file (and the tensor) for anything that is not right:
  /// truncation, malformed JSON or UTF-8, unknown dtypes, sizes that do not fit, overlaps, holes.
  /// Tensors of types that are not read (F8, F4, C64, ...) do not keep the others from being read.
  template <class = lazy>
  [[nodiscard]] static safetensors open(const std::filesystem::path& file) {
    auto mapped = std::make_shared<const mapped_file>(file);
    safetensors opened(mapped->bytes(), file.string());
    opened.file_ = std::move(mapped);
    return opened;
  }

  /// A file that is in memory already, which must outlive this object.
  /// \param name stands for the file's name in errors
  template <class = lazy>
  [[nodiscard]] static safetensors from_memory(std::span<const std::byte> bytes, std::string name) {
    return safetensors(bytes, std::move(name));
  }
  template <atlas::detail::owning_temporary Bytes>
  static safetensors from_memory(Bytes&& bytes, std::string name) = delete;

  /// The file's name, as it was opened.
  [[nodiscard]] const std::string& name() const { return name_; }

  /// While it lives, so do the bytes of all tensors; null for a file in memory, which is its
  /// owner's.
  [[nodiscard]] std::shared_ptr<const void> keeper() const { return file_; }

  [[nodiscard]] const std::map<std::string, std::string>& metadata() const {
    return header_.metadata;
  }

  /// All tensors, in alphabetical order.
  template <class = lazy>
  [[nodiscard]] std::vector<std::string> names() const {
    std::vector<std::string> all;
    for (const auto& [name, entry] : header_.entries) all.push_back(name);
    return all;
  }

  template <class = lazy>
  [[nodiscard]] bool contains(std::string_view name) const {
    return header_.entries.contains(name);
  }

  /// Valid as long as this object.
  ///
  /// \throws format_error when there is no such tensor.
  template <class = lazy>
  [[nodiscard]] const tensor_entry& at(std::string_view name) const {
    const auto found = header_.entries.find(name);
    if (found == header_.entries.end())
      throw format_error(name_, "a tensor " + in_quotes(name), "none of that name");
    return found->second;
  }

  /// A copy with elements of type `T`. Integers become floating point and the other way round;
  /// a scalar may be read with rank 1.
  /// \throws format_error for a missing tensor, a type that is not read (naming both) or an element
  /// that an integer `T` cannot hold,
  /// shape_error for another rank.
  template <class T, std::size_t Rank>
  [[nodiscard]] owned_tensor<T, Rank> read(std::string_view name) const {
    return detail::read_entry<T, Rank>(at(name), name_);
  }

  /// The same, of exactly these extents.
  ///
  /// \throws shape_error naming the tensor otherwise.
  template <class T, std::size_t Rank>
  [[nodiscard]] owned_tensor<T, Rank> read(std::string_view name,
                                           const any_shape<Rank>& expected) const {
    return detail::read_entry<T, Rank>(at(name), expected.value, name_);
  }

 private:
  template <class = lazy>
  safetensors(std::span<const std::byte> bytes, std::string name)
      : name_(std::move(name)), header_(detail::parse_safetensors(bytes, name_)) {}

  std::string name_;
  std::shared_ptr<const mapped_file> file_;
  detail::safetensors_header header_;
};

namespace detail {

template <class = lazy>
void check_entry(const tensor_entry& entry) {
  const std::string where = "tensor " + in_quotes(entry.name);
  if (entry.name == "__metadata__" || first_malformed_utf8(entry.name))
    throw value_error(where, "a name in UTF-8 other than __metadata__", "this one");
  const auto size = byte_count(entry.extents, entry.type);
  if (!size || *size != entry.bytes.size())
    throw shape_error(where,
                      size ? std::to_string(*size) + " bytes for shape " +
                                 atlas::shape_text(entry.extents.data(), entry.extents.size())
                           : "extents that make whole bytes whose number fits into 63 bits",
                      std::to_string(entry.bytes.size()) + " bytes");
}

/// Large elements first, so that each tensor is aligned to its elements; then by name.
template <class = lazy>
std::vector<const tensor_entry*> writing_order(const std::vector<tensor_entry>& entries) {
  std::vector<const tensor_entry*> order;
  for (const tensor_entry& entry : entries) order.push_back(&entry);
  std::sort(order.begin(), order.end(), [](const tensor_entry* a, const tensor_entry* b) {
    const std::size_t first = dtype_bits(a->type), second = dtype_bits(b->type);
    return first != second ? first > second : a->name < b->name;
  });
  return order;
}

/// A text as JSON has it. The JSON library's own objects are not used to write: where memory runs
/// out they end the process.
template <class = lazy>
std::string json_text(const std::string& text) {
  return nlohmann::json(text).dump();
}

/// `[2,3]`.
template <class = lazy>
std::string json_numbers(const std::vector<index_t>& numbers) {
  std::string out = "[";
  for (const index_t n : numbers) (out += out.size() > 1 ? "," : "") += std::to_string(n);
  return out += ']';
}

/// The length and the JSON, padded with spaces to a multiple of 8 bytes.
template <class = lazy>
std::string header_bytes(const std::vector<const tensor_entry*>& order,
                         const std::map<std::string, std::string>& metadata) {
  std::string text = "{";
  const auto add = [&](const std::string& key) {
    if (!text.ends_with('{')) text += ',';
    (text += json_text(key)) += ':';
  };
  if (!metadata.empty()) {
    (text += json_text("__metadata__")) += ":{";
    for (const auto& [key, value] : metadata) {
      add(key);
      text += json_text(value);
    }
    text += '}';
  }
  std::set<std::string_view> names;
  index_t begin = 0;
  for (const tensor_entry* entry : order) {
    check_entry(*entry);
    if (!names.insert(entry->name).second)
      throw value_error("tensor " + in_quotes(entry->name), "each name once", "a second one");
    const index_t end = begin + static_cast<index_t>(entry->bytes.size());
    add(entry->name);
    text += "{\"dtype\":" + json_text(std::string(dtype_name(entry->type))) +
            ",\"shape\":" + json_numbers(entry->extents) +
            ",\"data_offsets\":" + json_numbers({begin, end}) + '}';
    begin = end;
  }
  text += '}';
  text.resize((text.size() + 7) / 8 * 8, ' ');
  if (text.size() > longest_safetensors_header)
    throw value_error("tensors", "a header of at most 100000000 bytes",
                      std::to_string(text.size()));
  std::string length(8, '\0');
  for (std::size_t i = 0; i < 8; ++i)
    length[i] = static_cast<char>(static_cast<unsigned char>(text.size() >> (8 * i)));
  return length + text;
}

}  // namespace detail

/// Writes the tensors (little-endian bytes, as in `tensor_entry`) into one file, all or nothing.
/// \throws value_error or shape_error naming a tensor that cannot be written (a name twice, a
/// size that does not fit its shape), error when the file cannot be.
template <class = lazy>
void write_safetensors(const std::filesystem::path& file, const std::vector<tensor_entry>& tensors,
                       const std::map<std::string, std::string>& metadata = {}) {
  for (const auto& [key, value] : metadata)
    if (first_malformed_utf8(key) || first_malformed_utf8(value))
      throw value_error("metadata", "UTF-8", "something else at " + in_quotes(key));
  const auto order = detail::writing_order(tensors);
  const std::string header = detail::header_bytes(order, metadata);
  std::vector<std::span<const std::byte>> parts = {std::as_bytes(std::span(header))};
  for (const tensor_entry* entry : order) parts.push_back(entry->bytes);
  write_file(file, parts);
}

}  // namespace atlas::inline ATLAS_ABI::io
