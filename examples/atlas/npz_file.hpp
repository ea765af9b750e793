// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// NumPy's archives of arrays, as `savez` and `savez_compressed` write them.

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "atlas/core/tensor_view.hpp"
#include "atlas/io/dtype.hpp"

struct zip;

namespace atlas_program {

/// An array of a file, row by row.
struct stored_array {
  std::string place;  ///< for messages: `file: tensor "name"`
  atlas::io::dtype type = atlas::io::dtype::f32;
  std::vector<atlas::index_t> extents;  ///< slowest dimension first
  std::span<const std::byte> bytes;     ///< need not be aligned
  bool swapped = false;                 ///< the other byte order than this machine's
  std::shared_ptr<const void> keeper;   ///< while it lives, so do the bytes
};

/// An archive; its arrays are read when asked for, each as a whole, and checked against their CRC.
class npz_file {
 public:
  /// \throws format_error naming the file, and the entry, for an archive that is damaged, encrypted
  /// or compressed otherwise than by deflate, entries that are no arrays, names that come twice,
  /// and sizes that the bytes of an entry cannot have
  explicit npz_file(const std::string& file);

  [[nodiscard]] std::vector<std::string> names() const;
  [[nodiscard]] bool contains(const std::string& array) const { return entries_.contains(array); }
  /// Of an array that is there; its header alone is read.
  [[nodiscard]] std::vector<atlas::index_t> extents(const std::string& array) const;
  [[nodiscard]] stored_array at(const std::string& array) const;

 private:
  struct entry {
    std::uint64_t number = 0, size = 0;
  };
  [[nodiscard]] std::string place(const std::string& array) const;
  /// The first bytes of an entry; of all of it the CRC is checked.
  [[nodiscard]] std::vector<std::byte> read(const std::string& array, std::uint64_t bytes) const;

  std::string name_;
  std::shared_ptr<zip> archive_;
  std::map<std::string, entry> entries_;
};

}  // namespace atlas_program
