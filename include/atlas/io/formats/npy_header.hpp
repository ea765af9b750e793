// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// The header of a NumPy `.npy` file: a magic word, a version, and a Python dictionary.

#include <algorithm>
#include <bit>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "atlas/core/errors.hpp"
#include "atlas/core/tensor_view.hpp"
#include "atlas/io/dtype.hpp"
#include "atlas/io/json.hpp"

namespace atlas::inline ATLAS_ABI::io {

/// What a `.npy` file holds.
struct npy_info {
  dtype type = dtype::f32;
  std::vector<index_t> extents;  ///< slowest dimension first; empty for a scalar
  bool fortran_order = false;    ///< the first dimension is the fastest in the file
  bool swapped = false;          ///< the other byte order than this machine's
  std::size_t data_offset = 0;   ///< bytes before the first element
};

namespace detail {

/// Reads the few Python literals that the dictionary is made of, in Python 2's spelling too
/// (`u'f8'`, `400L`): NumPy reads both.
class python_reader {
 public:
  python_reader(std::string_view text, std::string where) : text_(text), where_(std::move(where)) {}

  /// Skips blanks and takes `wanted` if it comes next.
  bool take(std::string_view wanted) {
    constexpr std::string_view blanks = " \n\r\t\f";
    text_.remove_prefix((std::min)(text_.find_first_not_of(blanks), text_.size()));
    if (!text_.starts_with(wanted)) return false;
    text_.remove_prefix(wanted.size());
    return true;
  }
  void need(std::string_view wanted) {
    if (!take(wanted)) refuse(in_quotes(wanted));
  }
  /// The characters between the quotes, in which nothing is escaped.
  std::string_view string() {
    const bool prefixed = take("u") || take("U");
    if (prefixed && !text_.starts_with('\'') && !text_.starts_with('"')) refuse("a quote");
    const char quote = take("'") ? '\'' : '"';
    if (quote == '"') need("\"");
    const std::size_t end = text_.find(quote);
    if (end == std::string_view::npos) refuse("a closing quote");
    const std::string_view found = text_.substr(0, end);
    text_.remove_prefix(end + 1);
    return found;
  }
  bool boolean() {
    if (take("True")) return true;
    if (!take("False")) refuse("True or False");
    return false;
  }
  std::vector<index_t> tuple() {
    std::vector<index_t> items;
    need("(");
    while (!take(")")) {
      items.push_back(integer());
      if (!take(",")) {
        need(")");
        break;
      }
    }
    return items;
  }
  bool at_end() { return take("") && text_.empty(); }
  std::string_view rest() const { return text_; }
  [[noreturn]] void refuse(const std::string& expected) const {
    throw format_error(where_, expected,
                       text_.empty() ? "the end of the header" : in_quotes(text_.substr(0, 40)));
  }

 private:
  index_t integer() {
    take("");
    index_t value = 0;
    const auto [end, failure] = std::from_chars(text_.data(), text_.data() + text_.size(), value);
    // "010" was 8 in Python 2 and is nothing in Python 3.
    const bool octal = text_.starts_with('0') && value > 0;
    if (failure != std::errc() || value < 0 || octal) refuse("an extent of at least 0");
    text_.remove_prefix(static_cast<std::size_t>(end - text_.data()));
    if (text_.starts_with('L')) text_.remove_prefix(1);
    return value;
  }

  std::string_view text_;
  std::string where_;
};

/// An element type and what NumPy calls it.
struct npy_type_name {
  std::string_view npy;
  dtype type;
};

template <std::size_t Size>
std::optional<dtype> type_by_name(const npy_type_name (&table)[Size], std::string_view name) {
  for (const npy_type_name& row : table)
    if (row.npy == name) return row.type;
  return std::nullopt;
}

/// C's `long` and the integer of a pointer's size on this machine, as NumPy takes them: a file does
/// not say on which machine it was written. (NumPy itself writes kind and size.)
inline constexpr bool long_is_64 = sizeof(long) == 8, pointer_is_64 = sizeof(void*) == 8;
inline constexpr dtype npy_long = long_is_64 ? dtype::i64 : dtype::i32;
inline constexpr dtype npy_ulong = long_is_64 ? dtype::u64 : dtype::u32;
inline constexpr dtype npy_intp = pointer_is_64 ? dtype::i64 : dtype::i32;
inline constexpr dtype npy_uintp = pointer_is_64 ? dtype::u64 : dtype::u32;

/// The element type for NumPy's kind and size or its letter; none: not one of numbers.
inline std::optional<dtype> dtype_from_npy(std::string_view code) {
  constexpr npy_type_name table[] = {
      {"f8", dtype::f64}, {"f4", dtype::f32}, {"f2", dtype::f16}, {"i8", dtype::i64},
      {"i4", dtype::i32}, {"i2", dtype::i16}, {"i1", dtype::i8},  {"u8", dtype::u64},
      {"u4", dtype::u32}, {"u2", dtype::u16}, {"u1", dtype::u8},  {"b1", dtype::boolean},
      {"d", dtype::f64},  {"f", dtype::f32},  {"e", dtype::f16},  {"q", dtype::i64},
      {"i", dtype::i32},  {"h", dtype::i16},  {"b", dtype::i8},   {"Q", dtype::u64},
      {"I", dtype::u32},  {"H", dtype::u16},  {"B", dtype::u8},   {"?", dtype::boolean},
      {"l", npy_long},    {"L", npy_ulong},   {"p", npy_intp},    {"P", npy_uintp},
      {"n", npy_intp},    {"N", npy_uintp}};
  return type_by_name(table, code);
}

/// The element type for a name, which has this machine's byte order; none: not one of numbers.
inline std::optional<dtype> dtype_from_npy_name(std::string_view name) {
  constexpr npy_type_name table[] = {
      {"float64", dtype::f64},   {"float32", dtype::f32},  {"float16", dtype::f16},
      {"int64", dtype::i64},     {"int32", dtype::i32},    {"int16", dtype::i16},
      {"int8", dtype::i8},       {"uint64", dtype::u64},   {"uint32", dtype::u32},
      {"uint16", dtype::u16},    {"uint8", dtype::u8},     {"bool", dtype::boolean},
      {"double", dtype::f64},    {"float", dtype::f64},    {"single", dtype::f32},
      {"half", dtype::f16},      {"longlong", dtype::i64}, {"ulonglong", dtype::u64},
      {"intc", dtype::i32},      {"uintc", dtype::u32},    {"short", dtype::i16},
      {"ushort", dtype::u16},    {"byte", dtype::i8},      {"ubyte", dtype::u8},
      {"bool_", dtype::boolean}, {"long", npy_long},       {"ulong", npy_ulong},
      {"int", npy_intp},         {"int_", npy_intp},       {"uint", npy_uintp},
      {"intp", npy_intp},        {"uintp", npy_uintp}};
  return type_by_name(table, name);
}

inline void read_npy_descr(python_reader& dictionary, npy_info& info, const std::string& where) {
  dictionary.take("");
  if (dictionary.rest().starts_with("["))
    throw format_error(where, "numbers", "the structured dtype " + in_quotes(dictionary.rest()));
  const std::string_view descr = dictionary.string();
  constexpr std::string_view orders = "<>=|";  // the last two: this machine's
  const bool ordered = !descr.empty() && orders.find(descr[0]) != std::string_view::npos;
  auto type = dtype_from_npy(descr.substr(ordered ? 1 : 0));
  if (!type && !ordered) type = dtype_from_npy_name(descr);
  if (!type)
    throw format_error(where, "a dtype of numbers (f2 f4 f8, i1 to i8, u1 to u8, b1)",
                       in_quotes(descr));
  info.type = *type;
  info.swapped =
      dtype_size(*type) > 1 && descr[0] == (std::endian::native == std::endian::little ? '>' : '<');
}

/// Exactly the three keys of the format, in any order.
inline void read_npy_dictionary(std::string_view text, npy_info& info, const std::string& where) {
  python_reader dictionary(text, where);
  bool descr = false, order = false, shape = false;
  dictionary.need("{");
  while (!dictionary.take("}")) {
    const std::string key(dictionary.string());
    dictionary.need(":");
    bool* const seen = key == "descr"           ? &descr
                       : key == "fortran_order" ? &order
                       : key == "shape"         ? &shape
                                                : nullptr;
    if (!seen || *seen)
      throw format_error(where, "descr, fortran_order and shape, once each", in_quotes(key));
    *seen = true;
    if (seen == &descr) read_npy_descr(dictionary, info, where);
    if (seen == &order) info.fortran_order = dictionary.boolean();
    if (seen == &shape) info.extents = dictionary.tuple();
    if (!dictionary.take(",")) {
      dictionary.need("}");
      break;
    }
  }
  if (!(descr && order && shape))
    throw format_error(where, "descr, fortran_order and shape", "only some of them");
  if (!dictionary.at_end()) dictionary.refuse("nothing after the dictionary");
}

/// \param name the file's name, for messages
inline npy_info parse_npy_header(std::span<const std::byte> file, const std::string& name) {
  const std::string_view text(reinterpret_cast<const char*>(file.data()), file.size());
  if (!text.starts_with("\x93NUMPY")) throw format_error(name, "a .npy file", "another magic word");
  const auto byte = [&](std::size_t i) {
    if (i >= file.size()) throw format_error(name, "a .npy header", "a truncated file");
    return std::to_integer<std::size_t>(file[i]);
  };
  const std::size_t major = byte(6), minor = byte(7);
  if (major < 1 || major > 3 || minor != 0)
    throw format_error(name, "version 1.0, 2.0 or 3.0",
                       std::to_string(major) + "." + std::to_string(minor));
  const std::size_t length_bytes = major == 1 ? 2 : 4;
  std::size_t length = 0;
  for (std::size_t i = 0; i < length_bytes; ++i) length |= byte(8 + i) << (8 * i);
  npy_info info;
  info.data_offset = 8 + length_bytes + length;
  if (info.data_offset > file.size())
    throw format_error(name, "a header of " + std::to_string(length) + " bytes",
                       "a truncated file");
  read_npy_dictionary(text.substr(8 + length_bytes, length), info, name + ": header");
  return info;
}

}  // namespace detail
}  // namespace atlas::inline ATLAS_ABI::io
