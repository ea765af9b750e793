// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// The header of a GGUF file, versions 2 and 3: metadata, and what tensors there are and where.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <limits>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "atlas/core/errors.hpp"
#include "atlas/core/lazy.hpp"
#include "atlas/core/tensor_view.hpp"
#include "atlas/io/formats/gguf_cursor.hpp"
#include "atlas/io/formats/gguf_types.hpp"
#include "atlas/io/formats/gguf_value.hpp"
#include "atlas/io/formats/safetensors_header.hpp"
#include "atlas/io/json.hpp"

namespace atlas::inline ATLAS_ABI::io {

/// One tensor of a GGUF file. `bytes` points into the file: the blocks of one row after those of
/// the other.
struct gguf_tensor {
  std::string name;
  gguf_tensor_type type;
  std::vector<index_t> extents;  ///< slowest dimension first, in the file the other way round
  std::span<const std::byte> bytes;
};

namespace detail {

struct gguf_header {
  std::uint32_t version = 0;
  std::map<std::string, gguf_value, std::less<>> metadata;
  std::map<std::string, gguf_tensor, std::less<>> tensors;
};

inline constexpr const char* gguf_alignment_key = "general.alignment";

/// The first 8 bytes.
///
/// \throws format_error for another format, byte order or version
template <class = lazy>
std::uint32_t gguf_version(gguf_cursor& cursor, const std::string& file) {
  const auto magic = cursor.take(4, file);
  const std::string_view begin(reinterpret_cast<const char*>(magic.data()), magic.size());
  if (begin != "GGUF") throw format_error(file, "a file that begins with GGUF", in_quotes(begin));
  const auto version = cursor.number<std::uint32_t>(file);
  constexpr std::uint32_t lower_half = 0xFFFF;
  if (version != 0 && (version & lower_half) == 0)
    throw format_error(file, "a little-endian GGUF file", "a big-endian one");
  if (version != 2 && version != 3)
    throw format_error(file, "GGUF of version 2 or 3", "version " + std::to_string(version));
  return version;
}

template <class = lazy>
void read_gguf_metadata(gguf_cursor& cursor, std::uint64_t count, const std::string& file,
                        gguf_header& header) {
  for (std::uint64_t i = 0; i < count; ++i) {
    std::string key = cursor.name(file + ": key " + std::to_string(i));
    const gguf_value value = cursor.value(file + ": " + in_quotes(key));
    const auto [place, fresh] = header.metadata.emplace(std::move(key), value);
    if (!fresh) throw format_error(file, "each key once", "a second " + in_quotes(place->first));
  }
}

/// Offsets of tensors are multiples of it.
template <class = lazy>
std::size_t gguf_alignment(const gguf_header& header, const std::string& file) {
  const auto found = header.metadata.find(gguf_alignment_key);
  if (found == header.metadata.end()) return 32;
  const std::string where = file + ": " + in_quotes(gguf_alignment_key);
  if (found->second.is_array || found->second.type != gguf_type::u32)
    throw format_error(where, "UINT32", gguf_type_text(found->second));
  const std::int64_t alignment = found->second.whole().value_or(0);
  if (alignment == 0 || alignment % 8 != 0)
    throw format_error(where, "a multiple of 8", std::to_string(alignment));
  return static_cast<std::size_t>(alignment);
}

/// Extents as they are in the file, fastest first.
template <class = lazy>
std::vector<index_t> read_gguf_extents(gguf_cursor& cursor, const std::string& where) {
  const auto rank = cursor.number<std::uint32_t>(where);
  if (rank < 1 || rank > 4) throw format_error(where, "1 to 4 dimensions", std::to_string(rank));
  std::vector<index_t> extents;
  for (std::uint32_t i = 0; i < rank; ++i) {
    const auto extent = cursor.number<std::uint64_t>(where);
    if (!std::in_range<index_t>(extent))
      throw format_error(where, "extents that fit into 63 bits", std::to_string(extent));
    extents.push_back(static_cast<index_t>(extent));
  }
  std::reverse(extents.begin(), extents.end());
  return extents;
}

template <class = lazy>
gguf_tensor_type read_gguf_tensor_type(gguf_cursor& cursor, const std::string& where) {
  const auto id = cursor.number<std::uint32_t>(where);
  const gguf_tensor_type* type = find_gguf_tensor_type(id);
  if (!type)
    throw format_error(
        where, "a type of tensors from 0 to " + std::to_string(gguf_tensor_types.size() - 1),
        std::to_string(id));
  if (type->bytes == 0)
    throw format_error(where, "a type of tensors that ggml still has", std::string(type->name));
  return *type;
}

/// The bytes of all blocks; none where they or the elements do not fit into an `index_t`. Rows must
/// be of whole blocks.
inline std::optional<std::size_t> gguf_byte_count(const gguf_tensor& tensor) {
  constexpr auto most = static_cast<std::uint64_t>((std::numeric_limits<index_t>::max)());
  std::uint64_t elements = 1;
  bool empty = false;
  for (const index_t extent : tensor.extents) {
    // An extent of zero does not excuse the others: strides are products of some of them.
    const auto factor = static_cast<std::uint64_t>(extent > 0 ? extent : 1);
    if (elements > most / sizeof(float) / factor) return std::nullopt;
    elements *= factor;
    empty = empty || extent == 0;
  }
  if (empty) return 0;
  const std::uint64_t blocks = elements / tensor.type.weights;
  if (blocks > most / tensor.type.bytes) return std::nullopt;
  return static_cast<std::size_t>(blocks * tensor.type.bytes);
}

/// A tensor whose bytes are still to be found, and the offset at which they begin.
struct placed_gguf_tensor {
  gguf_tensor tensor;
  std::uint64_t offset = 0;
  std::size_t bytes = 0;
};

template <class = lazy>
placed_gguf_tensor read_gguf_tensor(gguf_cursor& cursor, std::size_t alignment, std::uint64_t index,
                                    const std::string& file) {
  placed_gguf_tensor placed;
  gguf_tensor& tensor = placed.tensor;
  tensor.name = cursor.name(file + ": tensor " + std::to_string(index));
  const std::string where = tensor_place(file, tensor.name);
  tensor.extents = read_gguf_extents(cursor, where);
  tensor.type = read_gguf_tensor_type(cursor, where);
  placed.offset = cursor.number<std::uint64_t>(where);
  if (tensor.extents.back() % static_cast<index_t>(tensor.type.weights) != 0)
    throw format_error(where,
                       "rows of a multiple of " + std::to_string(tensor.type.weights) +
                           " weights for " + std::string(tensor.type.name),
                       std::to_string(tensor.extents.back()));
  const auto bytes = gguf_byte_count(tensor);
  if (!bytes)
    throw format_error(where, "bytes whose number fits into 63 bits",
                       atlas::shape_text(tensor.extents.data(), tensor.extents.size()) + " of " +
                           std::string(tensor.type.name));
  placed.bytes = *bytes;
  if (placed.offset % alignment != 0)
    throw format_error(where, "an offset that is a multiple of " + std::to_string(alignment),
                       std::to_string(placed.offset));
  return placed;
}

/// No two tensors share bytes.
template <class = lazy>
void check_gguf_overlaps(const gguf_header& header, std::span<const std::byte> data,
                         const std::string& file) {
  std::vector<const gguf_tensor*> order;
  for (const auto& [name, tensor] : header.tensors)
    if (!tensor.bytes.empty()) order.push_back(&tensor);
  std::sort(order.begin(), order.end(), [](const gguf_tensor* a, const gguf_tensor* b) {
    return a->bytes.data() < b->bytes.data();
  });
  for (std::size_t i = 1; i < order.size(); ++i) {
    const auto end = order[i - 1]->bytes.data() + order[i - 1]->bytes.size() - data.data();
    const auto begin = order[i]->bytes.data() - data.data();
    if (begin < end)
      throw format_error(tensor_place(file, order[i]->name),
                         "no overlap with " + in_quotes(order[i - 1]->name) + ", which ends at " +
                             std::to_string(end),
                         "an offset of " + std::to_string(begin));
  }
}

/// The bytes behind the header, from the next multiple of the alignment on; none where the file
/// ends before.
inline std::span<const std::byte> gguf_data(std::span<const std::byte> file, std::size_t header,
                                            std::size_t alignment) {
  const std::size_t padding = (alignment - header % alignment) % alignment;
  return padding > file.size() - header ? std::span<const std::byte>{}
                                        : file.subspan(header + padding);
}

template <class = lazy>
void read_gguf_tensors(gguf_cursor& cursor, std::uint64_t count, std::span<const std::byte> bytes,
                       const std::string& file, gguf_header& header) {
  const std::size_t alignment = gguf_alignment(header, file);
  std::vector<placed_gguf_tensor> placed;
  for (std::uint64_t i = 0; i < count; ++i)
    placed.push_back(read_gguf_tensor(cursor, alignment, i, file));
  const auto data = gguf_data(bytes, cursor.offset(), alignment);
  for (placed_gguf_tensor& one : placed) {
    const std::string where = tensor_place(file, one.tensor.name);
    if (one.offset > data.size() || one.bytes > data.size() - one.offset)
      throw format_error(where,
                         "a place within the " + std::to_string(data.size()) + " bytes of data",
                         std::to_string(one.bytes) + " bytes at " + std::to_string(one.offset));
    one.tensor.bytes = data.subspan(static_cast<std::size_t>(one.offset), one.bytes);
    std::string name = one.tensor.name;
    if (!header.tensors.emplace(std::move(name), std::move(one.tensor)).second)
      throw format_error(where, "each name once", "a second one");
  }
  check_gguf_overlaps(header, data, file);
}

/// Reads and checks the whole header. Memory is taken for what is there, never for what a count
/// claims.
/// \param file the file's name, for messages
template <class = lazy>
gguf_header parse_gguf(std::span<const std::byte> bytes, const std::string& file) {
  gguf_cursor cursor(bytes);
  gguf_header header;
  header.version = gguf_version(cursor, file);
  // A tensor has at least a length, a letter, a rank, an extent, a type and an offset; a key a
  // length, a letter, a type and a byte.
  const auto tensors = cursor.count(8 + 1 + 4 + 8 + 4 + 8, file + ": tensors");
  const auto keys = cursor.count(8 + 1 + 4 + 1, file + ": keys");
  read_gguf_metadata(cursor, keys, file, header);
  read_gguf_tensors(cursor, tensors, bytes, file, header);
  return header;
}

}  // namespace detail
}  // namespace atlas::inline ATLAS_ABI::io
