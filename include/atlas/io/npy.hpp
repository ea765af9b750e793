// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// NumPy `.npy` files: one array each.

#include <bit>
#include <cstddef>
#include <filesystem>
#include <span>
#include <string>
#include <type_traits>
#include <vector>

#include "atlas/core/errors.hpp"
#include "atlas/core/lazy.hpp"
#include "atlas/core/tensor_view.hpp"
#include "atlas/io/files.hpp"
#include "atlas/io/formats/convert.hpp"
#include "atlas/io/formats/npy_header.hpp"

namespace atlas::inline ATLAS_ABI::io {

/// Type and shape without the elements, so that a caller can choose what to read.
/// \throws format_error naming the file when it is not a `.npy` file of numbers (versions 1 to 3).
template <class = lazy>
[[nodiscard]] npy_info npy_header(const std::filesystem::path& file) {
  return detail::parse_npy_header(mapped_file(file).bytes(), file.string());
}

/// The same of a file that is in memory, or of as much of it as has the header.
/// \param name of the file, for messages
[[nodiscard]] inline npy_info npy_header(std::span<const std::byte> file, const std::string& name) {
  return detail::parse_npy_header(file, name);
}

/// The bytes of the elements of a whole file in memory.
/// \param info what `npy_header` said of it
/// \throws format_error naming the file where they are fewer or more than its header says
[[nodiscard]] inline std::span<const std::byte> npy_elements(const npy_info& info,
                                                             std::span<const std::byte> file,
                                                             const std::string& name) {
  const auto size = detail::byte_count(info.extents, info.type);
  if (!size) throw format_error(name, "a shape whose size fits into 63 bits", "a larger one");
  const std::span<const std::byte> left = file.subspan(info.data_offset);
  if (left.size() != *size)
    throw format_error(name, std::to_string(*size) + " bytes of elements",
                       (left.size() < *size ? "a truncated file with " : "trailing bytes: ") +
                           std::to_string(left.size()));
  return left;
}

namespace detail {

template <std::size_t Rank>
shape<Rank> column_major_strides(const shape<Rank>& extents) {
  shape<Rank> strides{};
  index_t step = 1;
  for (std::size_t i = 0; i < Rank; ++i) {
    strides[i] = step;
    step *= extents[i];
  }
  return strides;
}

inline std::string npy_descr(dtype type) {
  const char order = dtype_size(type) == 1                     ? '|'
                     : std::endian::native == std::endian::big ? '>'
                                                               : '<';
  for (const char* descr : {"f8", "f4", "f2", "i8", "i4", "i2", "i1", "u8", "u4", "u2", "u1", "b1"})
    if (dtype_from_npy(descr) == type) return order + std::string(descr);
  throw value_error("view", "an element type that NumPy has", std::string(dtype_name(type)));
}

/// Version 1.0, padded so that the elements begin at a multiple of 64 bytes.
inline std::string npy_header_bytes(dtype type, const index_t* extents, std::size_t rank) {
  std::string text = "{'descr': '" + npy_descr(type) + "', 'fortran_order': False, 'shape': (";
  for (std::size_t i = 0; i < rank; ++i) text += std::to_string(extents[i]) + ", ";
  text += "), }";
  constexpr std::size_t before = 10;
  text.resize((before + text.size() + 1 + 63) / 64 * 64 - before - 1, ' ');
  text += '\n';
  const char length[] = {static_cast<char>(text.size() & 0xFF),
                         static_cast<char>(text.size() >> 8)};
  return std::string("\x93NUMPY\x01\0", 8) + std::string(length, 2) + text;
}

}  // namespace detail

/// The array with its elements converted to `T`, row-major whatever the file's order; a scalar
/// may be read with rank 1. Fractions never become integers silently.
/// \throws format_error naming the file for malformed, truncated or overlong files, object and
/// structured dtypes and elements that an integer `T` cannot hold; shape_error for another rank.
template <class T, std::size_t Rank>
[[nodiscard]] owned_tensor<T, Rank> read_npy(const std::filesystem::path& file) {
  const mapped_file mapped(file);
  const std::string name = file.string();
  const npy_info info = npy_header(mapped.bytes(), name);
  const std::span<const std::byte> bytes = npy_elements(info, mapped.bytes(), name);
  owned_tensor<T, Rank> out(detail::fixed_rank<Rank>(info.extents, name));
  const std::span<T> elements(out.mutable_view().data(), static_cast<std::size_t>(out.size()));
  convert_elements(info.type, bytes.data(), info.swapped, elements, name);
  if (!info.fortran_order || Rank == 1) return out;
  const auto strides = detail::column_major_strides<Rank>(out.extents());
  return copy_as<T>(tensor_view<const T, Rank>(out.data(), out.extents(), strides));
}

/// Writes the view as version 1.0, row-major, in this machine's byte order, all or nothing.
/// \throws value_error for bfloat16, which NumPy does not have; error naming the path otherwise.
template <class T, std::size_t Rank>
void write_npy(const std::filesystem::path& file, const tensor_view<T, Rank>& view) {
  using element = std::remove_const_t<T>;
  const std::string header =
      detail::npy_header_bytes(dtype_of<element>(), view.extents().data(), Rank);
  const tensor_view<const element, Rank> constant(view.data(), view.extents(), view.strides());
  const auto dense = copy_as<element>(constant);
  const std::span<const element> elements(dense.data(), static_cast<std::size_t>(dense.size()));
  write_file(file, {std::as_bytes(std::span(header)), std::as_bytes(elements)});
}

}  // namespace atlas::inline ATLAS_ABI::io
