// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// Stored weights whose rows and columns lie elsewhere than in a Hugging Face checkpoint.

#include <algorithm>
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

/// Rows of heads of d each, or a vector of them, stored in the order of interleaved rotary
/// positions, in which rows 2 i and 2 i + 1 of a head turn with each other, and read in that of
/// checkpoints, in which i and i + d/2 do.
class uninterleaved_weight final : public stored_weight {
 public:
  uninterleaved_weight(std::shared_ptr<const stored_weight> of, index_t d)
      : stored_weight(of->place(), of->rows(), of->columns()), of_(std::move(of)), d_(d) {}

  void read(const weight_tile& tile, float* out) const override {
    if (rows() == 1) return read_vector(tile, out);
    for (index_t r = 0; r < tile.rows; ++r)
      of_->read({stored_place(tile.row + r), 1, tile.column, tile.columns}, out + r * tile.columns);
  }

 private:
  index_t stored_place(index_t place) const {
    const index_t head = place / d_, r = place % d_, half = d_ / 2;
    return head * d_ + 2 * (r % half) + r / half;
  }

  void read_vector(const weight_tile& tile, float* out) const {
    std::vector<float> all(static_cast<std::size_t>(columns()));
    of_->read({0, 1, 0, columns()}, all.data());
    for (index_t c = 0; c < tile.columns; ++c)
      out[c] = all[static_cast<std::size_t>(stored_place(tile.column + c))];
  }

  std::shared_ptr<const stored_weight> of_;
  index_t d_;
};

}  // namespace atlas::inline ATLAS_ABI::io::detail
