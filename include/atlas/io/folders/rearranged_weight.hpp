// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// Stored weights that are other, or lie elsewhere, than those of a Hugging Face checkpoint.

#include <algorithm>
#include <functional>
#include <memory>
#include <utility>
#include <vector>

#include "atlas/reference/stored_weight.hpp"

namespace atlas::inline ATLAS_ABI::io::detail {

/// A matrix whose columns are stored as rows.
class transposed_weight final : public stored_weight {
 public:
  explicit transposed_weight(std::shared_ptr<const stored_weight> of)
      : stored_weight(of->place(), of->columns(), of->rows()), of_(std::move(of)) {}

  void read(const weight_tile& tile, float* out) const override {
    constexpr index_t at_once = 16;  // stored rows, whose values become neighbours
    std::vector<float> part(static_cast<std::size_t>(at_once * tile.rows));
    for (index_t c = 0; c < tile.columns; c += at_once) {
      const index_t count = (std::min)(at_once, tile.columns - c);
      of_->read({tile.column + c, count, tile.row, tile.rows}, part.data());
      for (index_t r = 0; r < tile.rows; ++r)
        for (index_t k = 0; k < count; ++k)
          out[r * tile.columns + c + k] = part[static_cast<std::size_t>(k * tile.rows + r)];
    }
  }

 private:
  std::shared_ptr<const stored_weight> of_;
};

/// Where row r of a checkpoint is stored in the order of interleaved rotary positions, in which
/// rows 2 i and 2 i + 1 of a head of d turn with each other; in checkpoints i and i + d/2 do.
inline index_t interleaved_place(index_t r, index_t d) {
  const index_t head = r / d, i = r % d, half = d / 2;
  return head * d + 2 * (i % half) + i / half;
}

/// Where row r of the queries, keys and values of each head is stored in the order of all queries,
/// all keys and all values.
inline index_t place_among_parts(index_t r, index_t heads, index_t d) {
  const index_t head = r / (3 * d), part = r / d % 3;
  return (part * heads + head) * d + r % d;
}

/// Rows of a matrix, or elements of a vector, stored in another order.
class reordered_weight final : public stored_weight {
 public:
  /// \param stored_place where a row is stored
  reordered_weight(std::shared_ptr<const stored_weight> of,
                   std::function<index_t(index_t)> stored_place)
      : stored_weight(of->place(), of->rows(), of->columns()),
        of_(std::move(of)),
        stored_place_(std::move(stored_place)) {}

  void read(const weight_tile& tile, float* out) const override {
    if (rows() == 1) return read_vector(tile, out);
    for (index_t r = 0; r < tile.rows; ++r)
      of_->read({stored_place_(tile.row + r), 1, tile.column, tile.columns},
                out + r * tile.columns);
  }

 private:
  void read_vector(const weight_tile& tile, float* out) const {
    std::vector<float> all(static_cast<std::size_t>(columns()));
    of_->read({0, 1, 0, columns()}, all.data());
    for (index_t c = 0; c < tile.columns; ++c)
      out[c] = all[static_cast<std::size_t>(stored_place_(tile.column + c))];
  }

  std::shared_ptr<const stored_weight> of_;
  std::function<index_t(index_t)> stored_place_;
};

/// Weights that are stored with a number added to each.
class lowered_weight final : public stored_weight {
 public:
  lowered_weight(std::shared_ptr<const stored_weight> of, float by)
      : stored_weight(of->place(), of->rows(), of->columns()), of_(std::move(of)), by_(by) {}

  void read(const weight_tile& tile, float* out) const override {
    of_->read(tile, out);
    for (index_t i = 0; i < tile.rows * tile.columns; ++i) out[i] -= by_;
  }

 private:
  std::shared_ptr<const stored_weight> of_;
  float by_;
};

}  // namespace atlas::inline ATLAS_ABI::io::detail
