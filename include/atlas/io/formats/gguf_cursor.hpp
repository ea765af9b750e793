// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// Goes through the header of a GGUF file, never past its end.

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "atlas/core/errors.hpp"
#include "atlas/core/lazy.hpp"
#include "atlas/io/blocks/float_bytes.hpp"
#include "atlas/io/formats/gguf_value.hpp"
#include "atlas/io/json.hpp"

namespace atlas::inline ATLAS_ABI::io::detail {

/// What is read is checked against the bytes that are left before it is used. Every call takes the
/// place that is being read, for messages.
class gguf_cursor {
 public:
  explicit gguf_cursor(std::span<const std::byte> file) : file_(file) {}

  std::size_t offset() const { return at_; }
  std::size_t left() const { return file_.size() - at_; }

  /// \throws format_error naming the place when the file ends before
  std::span<const std::byte> take(std::uint64_t bytes, const std::string& where) {
    if (bytes > left())
      throw format_error(where, std::to_string(bytes) + " bytes at offset " + std::to_string(at_),
                         "a file with " + std::to_string(left()) + " left");
    const auto taken = file_.subspan(at_, static_cast<std::size_t>(bytes));
    at_ += taken.size();
    return taken;
  }

  template <class Number>
  Number number(const std::string& where) {
    return little_endian<Number>(take(sizeof(Number), where).data());
  }

  /// A length of 64 bits and that many bytes.
  std::string_view text(const std::string& where) {
    const auto bytes = take(number<std::uint64_t>(where), where);
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
  }

  /// A name of a key or a tensor: not empty, and UTF-8.
  template <class = lazy>
  std::string name(const std::string& where) {
    const std::string_view bytes = text(where);
    if (bytes.empty()) throw format_error(where, "a name", "an empty one");
    if (const auto malformed = first_malformed_utf8(bytes))
      throw format_error(where, "a name in UTF-8",
                         "a malformed byte at " + std::to_string(*malformed));
    return std::string(bytes);
  }

  /// How many entries follow, of at least so many bytes each.
  std::uint64_t count(std::size_t least_bytes, const std::string& where) {
    const auto entries = number<std::uint64_t>(where);
    if (entries > left() / least_bytes)
      throw format_error(where,
                         "at most " + std::to_string(left() / least_bytes) + " in the " +
                             std::to_string(left()) + " bytes that are left",
                         std::to_string(entries));
    return entries;
  }

  /// The type and the bytes of a value, which are read when they are asked for.
  template <class = lazy>
  gguf_value value(const std::string& where) {
    gguf_value read;
    read.type = type(where);
    read.is_array = read.type == gguf_type::array;
    if (read.is_array) {
      read.type = type(where);
      // ggml reads no such arrays, and writes none.
      if (read.type == gguf_type::array)
        throw format_error(where, "an array of numbers, truths or texts", "one of arrays");
      read.count = count(gguf_type_row_of(read.type).bytes, where);
    }
    const std::size_t begin = at_;
    if (read.type == gguf_type::text)
      for (std::uint64_t i = 0; i < read.count; ++i) text(where);
    else
      take(read.count * gguf_type_row_of(read.type).bytes, where);
    read.bytes = file_.subspan(begin, at_ - begin);
    if (read.type == gguf_type::boolean) check_flags(read.bytes, where);
    return read;
  }

 private:
  gguf_type type(const std::string& where) {
    const auto id = number<std::uint32_t>(where);
    if (id >= gguf_type_rows.size())
      throw format_error(where, "a type of values from 0 to 12", std::to_string(id));
    return static_cast<gguf_type>(id);
  }
  static void check_flags(std::span<const std::byte> bytes, const std::string& where) {
    for (const std::byte byte : bytes)
      if (const int flag = std::to_integer<int>(byte); flag > 1)
        throw format_error(where, "a BOOL of 0 or 1", std::to_string(flag));
  }

  std::span<const std::byte> file_;
  std::size_t at_ = 0;
};

}  // namespace atlas::inline ATLAS_ABI::io::detail
