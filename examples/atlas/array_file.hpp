// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// Arrays by name in a file of safetensors or npz, and numbers in their names.

#include <cstddef>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "atlas/io/formats/convert.hpp"
#include "atlas/io/safetensors.hpp"
#include "npz_file.hpp"

namespace atlas_program {

/// A file that is mapped (safetensors) or read array by array (npz).
class array_file {
 public:
  /// By the file's first bytes, whatever its name.
  /// \throws format_error naming the file for one that is neither, or not as its format has it
  explicit array_file(const std::string& file);

  [[nodiscard]] const std::string& name() const { return name_; }
  [[nodiscard]] bool is_npz() const { return std::holds_alternative<npz_file>(file_); }
  /// Of all arrays, in alphabetical order.
  [[nodiscard]] std::vector<std::string> names() const;
  [[nodiscard]] bool contains(const std::string& array) const;
  /// Of safetensors; npz has none.
  [[nodiscard]] const std::map<std::string, std::string>& metadata() const;

  /// The array's place for messages: `file: tensor "name"`.
  [[nodiscard]] std::string place(const std::string& array) const;
  /// \throws format_error naming the array that is not there, or whose elements are not read
  [[nodiscard]] std::vector<atlas::index_t> extents(const std::string& array) const;
  [[nodiscard]] stored_array at(const std::string& array) const;

 private:
  void check_there(const std::string& array) const;

  std::string name_;
  std::variant<std::shared_ptr<const atlas::io::safetensors>, npz_file> file_;
};

/// Elements of an array from `first` on, row by row, as many as there is room for.
/// \throws format_error naming the array for one that `T` cannot hold
template <class T>
void read_elements(const stored_array& from, atlas::index_t first, std::span<T> out) {
  const std::size_t skipped = static_cast<std::size_t>(first) * atlas::io::dtype_size(from.type);
  atlas::io::convert_elements(from.type, from.bytes.data() + skipped, from.swapped, out,
                              from.place);
}

/// A whole number up to 2^31 without leading zeros that a name starts with, which is taken off it.
std::optional<atlas::index_t> leading_number(std::string_view& name);

/// Takes a prefix off a name that has it.
bool take_prefix(std::string_view& name, std::string_view prefix);

/// Query heads per key/value head, as metadata have it. \throws format_error naming the file
atlas::index_t n_rep_of(const std::string& text, const std::string& file);

}  // namespace atlas_program
