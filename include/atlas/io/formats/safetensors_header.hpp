// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// The header of a safetensors file: an 8-byte little-endian length and that many bytes of JSON.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "atlas/core/as_view.hpp"
#include "atlas/core/errors.hpp"
#include "atlas/core/lazy.hpp"
#include "atlas/core/tensor_view.hpp"
#include "atlas/io/dtype.hpp"
#include "atlas/io/formats/convert.hpp"
#include "atlas/io/json.hpp"

namespace atlas::inline ATLAS_ABI::io {

/// One tensor of a file. `bytes` points into the file (or the caller's memory), row-major, and
/// need not be aligned. Its type may be one whose elements are not read, see `is_read`.
struct tensor_entry {
  std::string name;
  dtype type = dtype::f32;
  std::vector<index_t> extents;  ///< slowest dimension first; empty for a scalar
  std::span<const std::byte> bytes;
};

namespace detail {

inline constexpr std::uint64_t longest_safetensors_header = 100'000'000;

struct safetensors_header {
  std::map<std::string, std::string> metadata;
  std::map<std::string, tensor_entry, std::less<>> entries;
};

template <class = lazy>
std::string tensor_place(const std::string& file, std::string_view tensor) {
  return file + ": tensor " + in_quotes(tensor);
}

/// What a file of another format is, and what to do about it; its first bytes make no length.
inline std::string other_format(std::string_view begin) {
  if (begin.starts_with("GGUF")) return " (a GGUF file: open it as a model, or with gguf::open)";
  if (begin.starts_with("PK\x03\x04") || begin.starts_with("\x80\x02"))
    return " (a file of PyTorch or NumPy: write its tensors as safetensors)";
  if (begin.starts_with("\x93NUMPY")) return " (an npy file)";
  return {};
}

/// The JSON between the length and the tensors.
inline std::string_view safetensors_json(std::span<const std::byte> file, const std::string& name) {
  if (file.size() < 8)
    throw format_error(name, "8 bytes of header length", std::to_string(file.size()) + " bytes");
  std::uint64_t length = 0;
  for (std::size_t i = 0; i < 8; ++i) length |= std::to_integer<std::uint64_t>(file[i]) << (8 * i);
  if (length > longest_safetensors_header)
    throw format_error(
        name, "a header of at most 100000000 bytes",
        std::to_string(length) +
            other_format({reinterpret_cast<const char*>(file.data()), std::size_t{8}}));
  if (length > file.size() - 8)
    throw format_error(name, "a header of " + std::to_string(length) + " bytes",
                       "a truncated file with " + std::to_string(file.size() - 8) + " left");
  return {reinterpret_cast<const char*>(file.data()) + 8, static_cast<std::size_t>(length)};
}

template <class = lazy>
index_t extent_from_json(const nlohmann::json& extent, const std::string& where) {
  if (!extent.is_number_integer())
    throw format_error(where, "extents that are integers", described(extent));
  if (!extent.is_number_unsigned()) throw format_error(where, "no negative extent", extent.dump());
  if (!std::in_range<index_t>(extent.get<std::uint64_t>()))
    throw format_error(where, "extents that fit into 63 bits", extent.dump());
  return static_cast<index_t>(extent.get<std::uint64_t>());
}

/// The slice of `data` that the offsets name.
template <class = lazy>
std::span<const std::byte> bytes_from_json(const nlohmann::json& offsets,
                                           std::span<const std::byte> data,
                                           const std::string& where) {
  if (!offsets.is_array() || offsets.size() != 2 || !offsets[0].is_number_unsigned() ||
      !offsets[1].is_number_unsigned())
    throw format_error(where, "data_offsets [begin, end]", described(offsets));
  const auto begin = offsets[0].get<std::uint64_t>();
  const auto end = offsets[1].get<std::uint64_t>();
  if (begin > end) throw format_error(where, "data_offsets with begin <= end", offsets.dump());
  if (end > data.size())
    throw format_error(where, "data_offsets within " + std::to_string(data.size()) + " bytes",
                       offsets.dump());
  return data.subspan(static_cast<std::size_t>(begin), static_cast<std::size_t>(end - begin));
}

template <class = lazy>
tensor_entry entry_from_json(const std::string& name, const nlohmann::json& fields,
                             std::span<const std::byte> data, const std::string& where) {
  tensor_entry entry{name, dtype::f32, {}, {}};
  const std::string& type = text_member(fields, "dtype", where);
  if (const auto known = dtype_from_name(type))
    entry.type = *known;
  else
    throw format_error(where, "a dtype of the safetensors format", in_quotes(type));
  const nlohmann::json& extents = member(fields, "shape", where);
  if (!extents.is_array()) throw format_error(where, "a shape array", extents.type_name());
  for (const auto& extent : extents) entry.extents.push_back(extent_from_json(extent, where));
  entry.bytes = bytes_from_json(member(fields, "data_offsets", where), data, where);
  const auto size = byte_count(entry.extents, entry.type);
  if (!size)
    throw format_error(where, "whole bytes whose number fits into 63 bits",
                       type + " " + in_quotes(extents.dump()));
  if (*size != entry.bytes.size())
    throw format_error(
        where, std::to_string(*size) + " bytes for " + type + " " + in_quotes(extents.dump()),
        std::to_string(entry.bytes.size()));
  return entry;
}

template <class = lazy>
std::map<std::string, std::string> metadata_from_json(const nlohmann::json& fields,
                                                      const std::string& file) {
  const std::string where = file + ": __metadata__";
  std::map<std::string, std::string> metadata;
  if (fields.is_null()) return metadata;
  if (!fields.is_object()) throw format_error(where, "an object or null", fields.type_name());
  for (const auto& [key, value] : fields.items()) {
    if (!value.is_string())
      throw format_error(where, in_quotes(key) + " to be a string", value.type_name());
    metadata.emplace(key, value.template get<std::string>());
  }
  return metadata;
}

/// The tensors must cover the data once: no overlap, no hole, nothing after the last.
template <class = lazy>
void check_cover(const safetensors_header& header, std::span<const std::byte> data,
                 const std::string& name) {
  std::vector<const tensor_entry*> order;
  for (const auto& [key, entry] : header.entries) order.push_back(&entry);
  const auto begin = [&](const tensor_entry* e) { return e->bytes.data() - data.data(); };
  std::stable_sort(order.begin(), order.end(), [&](const auto* a, const auto* b) {
    return begin(a) != begin(b) ? begin(a) < begin(b) : a->bytes.size() < b->bytes.size();
  });
  std::ptrdiff_t end = 0;
  for (const tensor_entry* entry : order) {
    const std::string where = tensor_place(name, entry->name);
    const std::string got = "one that begins at " + std::to_string(begin(entry));
    if (begin(entry) < end)
      throw format_error(where, "no overlap with the bytes before " + std::to_string(end), got);
    if (begin(entry) > end)
      throw format_error(where, "no hole after byte " + std::to_string(end), got);
    end += static_cast<std::ptrdiff_t>(entry->bytes.size());
  }
  if (static_cast<std::size_t>(end) != data.size())
    throw format_error(
        name, "tensors up to the last byte",
        std::to_string(data.size() - static_cast<std::size_t>(end)) + " trailing bytes");
}

/// Reads and checks the whole header.
/// \param name the file's name, for messages
template <class = lazy>
safetensors_header parse_safetensors(std::span<const std::byte> file, const std::string& name) {
  const std::string_view text = safetensors_json(file, name);
  const kept_json<> kept(parse_json(text, name + ": header"));
  const nlohmann::json& root = kept.value;
  if (!root.is_object()) throw format_error(name + ": header", "an object", root.type_name());
  const auto data = file.subspan(8 + text.size());
  safetensors_header header;
  for (const auto& [key, fields] : root.items()) {
    if (key == "__metadata__")
      header.metadata = metadata_from_json(fields, name);
    else
      header.entries.emplace(key, entry_from_json(key, fields, data, tensor_place(name, key)));
  }
  check_cover(header, data, name);
  return header;
}

}  // namespace detail
}  // namespace atlas::inline ATLAS_ABI::io
