// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// Tensors and metadata by name from a GGUF file, as llama.cpp and ggml write them.

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "atlas/core/as_view.hpp"
#include "atlas/core/checks.hpp"
#include "atlas/core/errors.hpp"
#include "atlas/core/lazy.hpp"
#include "atlas/core/tensor_view.hpp"
#include "atlas/io/files.hpp"
#include "atlas/io/formats/convert.hpp"
#include "atlas/io/formats/gguf_header.hpp"

namespace atlas::inline ATLAS_ABI::io {

namespace detail {

/// \throws format_error naming the tensor, `where`, and its type when it is not one that is read
inline void check_gguf_type(const gguf_tensor& tensor, const std::string& where) {
  if (!tensor.type.read)
    throw format_error(where,
                       "F32, F16, BF16, Q4_0, Q4_1, Q5_0, Q5_1, Q8_0 or Q2_K to Q6_K (no other "
                       "type is read: quantize the model anew, or give the folder that it was "
                       "made from)",
                       std::string(tensor.type.name));
}

}  // namespace detail

/// A GGUF file of version 2 or 3, checked as a whole when it is opened; weights are read, and
/// quantized ones made floats, when they are asked for. Copies are cheap in memory and share the
/// mapped file, which lives as long as one of them.
/// \code
/// const auto file = atlas::io::gguf::open("model.gguf");
/// const auto architecture = file.metadata().at("general.architecture").text();
/// const auto embedding = file.read<2>("token_embd.weight");
/// \endcode
class gguf {
 public:
  /// \throws format_error naming the file (and the key or tensor) for anything that is not right:
  /// truncation, counts and lengths that the file has no room for, another byte order or version,
  /// unknown types, names twice, offsets that are not aligned, overlaps. Tensors of types that are
  /// not read (IQ2_XXS, I8, ...) do not keep the others from being read.
  template <class = lazy>
  [[nodiscard]] static gguf open(const std::filesystem::path& file) {
    auto mapped = std::make_shared<const mapped_file>(file);
    gguf opened(mapped->bytes(), file.string());
    opened.file_ = std::move(mapped);
    return opened;
  }

  /// A file that is in memory already, which must outlive this object.
  /// \param name stands for the file's name in errors
  template <class = lazy>
  [[nodiscard]] static gguf from_memory(std::span<const std::byte> bytes, std::string name) {
    return gguf(bytes, std::move(name));
  }
  template <atlas::detail::owning_temporary Bytes>
  static gguf from_memory(Bytes&& bytes, std::string name) = delete;

  /// The file's name, as it was opened.
  [[nodiscard]] const std::string& name() const { return name_; }
  [[nodiscard]] std::uint32_t version() const { return header_.version; }

  /// While it lives, so do the bytes of all tensors; null for a file in memory, which is its
  /// owner's.
  [[nodiscard]] std::shared_ptr<const void> keeper() const { return file_; }

  /// Values by key. Valid as long as this object or a copy of it.
  [[nodiscard]] const std::map<std::string, gguf_value, std::less<>>& metadata() const {
    return header_.metadata;
  }

  /// All tensors, in alphabetical order.
  template <class = lazy>
  [[nodiscard]] std::vector<std::string> names() const {
    std::vector<std::string> all;
    for (const auto& [name, tensor] : header_.tensors) all.push_back(name);
    return all;
  }

  template <class = lazy>
  [[nodiscard]] bool contains(std::string_view name) const {
    return header_.tensors.contains(name);
  }

  /// Valid as long as this object.
  ///
  /// \throws format_error when there is no such tensor.
  template <class = lazy>
  [[nodiscard]] const gguf_tensor& at(std::string_view name) const {
    const auto found = header_.tensors.find(name);
    if (found == header_.tensors.end())
      throw format_error(name_, "a tensor " + in_quotes(name), "none of that name");
    return found->second;
  }

  /// The file and the tensor, for messages.
  template <class = lazy>
  [[nodiscard]] std::string place_of(std::string_view name) const {
    return detail::tensor_place(name_, name);
  }

  /// The weights as floats, the bits that ggml's own `dequantize_row` gives. F32, F16, BF16, Q4_0,
  /// Q4_1, Q5_0, Q5_1, Q8_0 and Q2_K to Q6_K are read. O(size).
  /// \throws format_error for a missing tensor or a type that is not read, naming both; shape_error
  ///         for another rank
  template <std::size_t Rank>
  [[nodiscard]] owned_tensor<float, Rank> read(std::string_view name) const {
    const gguf_tensor& tensor = at(name);
    const std::string where = place_of(name);
    detail::check_gguf_type(tensor, where);
    owned_tensor<float, Rank> out(detail::fixed_rank<Rank>(tensor.extents, where));
    const std::size_t blocks = tensor.bytes.size() / tensor.type.bytes;
    tensor.type.read(tensor.bytes.data(), blocks, out.mutable_view().data());
    return out;
  }

  /// The same, of exactly these extents, which are looked at before memory is taken.
  ///
  /// \throws shape_error naming the tensor otherwise.
  template <std::size_t Rank>
  [[nodiscard]] owned_tensor<float, Rank> read(std::string_view name,
                                               const any_shape<Rank>& expected) const {
    const std::vector<index_t>& extents = at(name).extents;
    const std::string where = place_of(name);
    if (detail::fixed_rank<Rank>(extents, where) != expected.value)
      throw shape_error(where, "shape " + atlas::shape_text(expected.value),
                        atlas::shape_text(extents.data(), extents.size()));
    return read<Rank>(name);
  }

  /// Rows `first` to `first + count` of a matrix, `[count, columns]`: those alone are read and made
  /// floats.
  /// \throws as `read`, value_error for rows that it does not have
  template <class = lazy>
  [[nodiscard]] owned_tensor<float, 2> read_rows(std::string_view name, index_t first,
                                                 index_t count) const {
    const gguf_tensor& tensor = at(name);
    const std::string where = place_of(name);
    detail::check_gguf_type(tensor, where);
    const auto [rows, columns] = detail::fixed_rank<2>(tensor.extents, where);
    atlas::check_between(first, 0, rows, "first");
    atlas::check_between(count, 0, rows - first, "count");
    owned_tensor<float, 2> out({count, columns});
    const std::size_t blocks = static_cast<std::size_t>(columns) / tensor.type.weights;
    if (!tensor.bytes.empty())
      tensor.type.read(
          tensor.bytes.data() + static_cast<std::size_t>(first) * blocks * tensor.type.bytes,
          static_cast<std::size_t>(count) * blocks, out.mutable_view().data());
    return out;
  }

 private:
  template <class = lazy>
  gguf(std::span<const std::byte> bytes, std::string name)
      : name_(std::move(name)), header_(detail::parse_gguf(bytes, name_)) {}

  std::string name_;
  std::shared_ptr<const mapped_file> file_;
  detail::gguf_header header_;
};

}  // namespace atlas::inline ATLAS_ABI::io
