// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// Weights that stay in a file, mapped, or in a copy of its bytes, in the type that it has for
/// them.

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "atlas/core/errors.hpp"
#include "atlas/core/lazy.hpp"
#include "atlas/io/blocks/plain.hpp"
#include "atlas/io/dtype.hpp"
#include "atlas/io/formats/convert.hpp"
#include "atlas/io/formats/gguf_types.hpp"
#include "atlas/reference/stored_weight.hpp"

namespace atlas::inline ATLAS_ABI::io::detail {

/// How weights lie in bytes: a row is blocks of so many weights in so many bytes each.
struct block_format {
  std::size_t weights = 1, bytes = 4;
  block_reader read = nullptr;
};

template <class Block>
constexpr block_format format_of_blocks() {
  return {Block::weights, Block::bytes, &read_blocks<Block>};
}

/// \param type F64, F32, F16 or BF16
inline block_format format_of(dtype type) {
  switch (type) {
    case dtype::f64:
      return format_of_blocks<f64_block>();
    case dtype::f16:
      return format_of_blocks<f16_block>();
    case dtype::bf16:
      return format_of_blocks<bf16_block>();
    default:
      return format_of_blocks<f32_block>();
  }
}

/// Rows of blocks.
class stored_blocks final : public stored_weight {
 public:
  /// \param keeper while it lives, so do the bytes
  stored_blocks(std::string place, index_t rows, index_t columns, const block_format& format,
                const std::byte* bytes, std::shared_ptr<const void> keeper)
      : stored_weight(std::move(place), rows, columns),
        format_(format),
        bytes_(bytes),
        keeper_(std::move(keeper)) {}

  void read(const weight_tile& tile, float* out) const override {
    if (tile.columns == columns())
      return read_whole_blocks(tile.row, 0, tile.rows * columns(), out);
    const auto w = static_cast<index_t>(format_.weights);
    const index_t first = tile.column / w * w;
    const index_t end = (tile.column + tile.columns + w - 1) / w * w;
    std::vector<float> cut(end - first == tile.columns ? 0 : static_cast<std::size_t>(end - first));
    for (index_t r = 0; r < tile.rows; ++r) {
      float* row = out + r * tile.columns;
      read_whole_blocks(tile.row + r, first, end - first, cut.empty() ? row : cut.data());
      if (!cut.empty()) std::copy_n(cut.data() + (tile.column - first), tile.columns, row);
    }
  }

  [[nodiscard]] const float* floats() const override {
    const bool as_they_are = format_.read == &read_blocks<f32_block> &&
                             std::endian::native == std::endian::little &&
                             reinterpret_cast<std::uintptr_t>(bytes_) % alignof(float) == 0;
    return as_they_are ? reinterpret_cast<const float*>(bytes_) : nullptr;
  }

 private:
  /// Weights from the beginning of a block to the end of one, which may be in another row.
  void read_whole_blocks(index_t row, index_t column, index_t count, float* out) const {
    const auto first = static_cast<std::size_t>(row * columns() + column) / format_.weights;
    format_.read(bytes_ + first * format_.bytes, static_cast<std::size_t>(count) / format_.weights,
                 out);
  }

  block_format format_;
  const std::byte* bytes_;
  std::shared_ptr<const void> keeper_;
};

/// \param keeper while it lives, so do the bytes; null where nobody says how long they do, and they
///               are copied
template <class = lazy>
std::shared_ptr<const stored_weight> stored_tensor(std::string place,
                                                   const std::vector<index_t>& extents,
                                                   const block_format& format,
                                                   std::span<const std::byte> bytes,
                                                   std::shared_ptr<const void> keeper) {
  const std::byte* data = bytes.data();
  if (!keeper) {
    const auto copy = std::make_shared<const std::vector<std::byte>>(bytes.begin(), bytes.end());
    data = copy->data();
    keeper = copy;
  }
  const index_t columns = extents.back(), rows = extents.size() == 1 ? 1 : extents.front();
  return std::make_shared<const stored_blocks>(std::move(place), rows, columns, format, data,
                                               std::move(keeper));
}

/// A scalar may stand for a vector of one.
///
/// \throws shape_error naming `where` when a tensor has other extents than it should
template <class = lazy>
void check_stored_extents(const std::vector<index_t>& stored, const std::vector<index_t>& wanted,
                          const std::string& where) {
  const auto refuse_other = [&]<std::size_t Rank>(std::integral_constant<std::size_t, Rank>) {
    if (fixed_rank<Rank>(stored, where) != fixed_rank<Rank>(wanted, where))
      throw shape_error(where, "shape " + atlas::shape_text(wanted.data(), wanted.size()),
                        atlas::shape_text(stored.data(), stored.size()));
  };
  if (wanted.size() == 1) return refuse_other(std::integral_constant<std::size_t, 1>());
  refuse_other(std::integral_constant<std::size_t, 2>());
}

}  // namespace atlas::inline ATLAS_ABI::io::detail
