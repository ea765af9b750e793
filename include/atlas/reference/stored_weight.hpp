// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// Weights that stay in the type they are stored in, and become floats a part at a time, when a
/// product asks for them. Where they are stored is the business of who hands them over.

#include <bit>
#include <cstdint>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "atlas/core/checks.hpp"
#include "atlas/core/tensor_view.hpp"

namespace atlas::inline ATLAS_ABI {

/// Rows [row, row + rows) and columns [column, column + columns) of a matrix.
struct weight_tile {
  index_t row = 0, rows = 0;
  index_t column = 0, columns = 0;
};

/// A weight tensor as it is stored. It keeps alive what it reads from.
class stored_weight {
 public:
  /// \param place the file and the tensor, for messages
  /// \param rows 1 for a vector
  /// \param columns of a row
  stored_weight(std::string place, index_t rows, index_t columns)
      : place_(std::move(place)), rows_(rows), columns_(columns) {}
  stored_weight(const stored_weight&) = delete;
  stored_weight& operator=(const stored_weight&) = delete;
  virtual ~stored_weight() = default;

  [[nodiscard]] const std::string& place() const { return place_; }
  [[nodiscard]] index_t rows() const { return rows_; }
  [[nodiscard]] index_t columns() const { return columns_; }

  /// Writes a tile as floats, `[tile.rows, tile.columns]`, row-major without gaps. O(tile), and
  /// the rest of a block of quantized weights that it cuts. May be called from several threads.
  virtual void read(const weight_tile& tile, float* out) const = 0;

  /// All values, `[rows, columns]` row-major, where they lie in memory as floats; null where they
  /// must be read.
  [[nodiscard]] virtual const float* floats() const { return nullptr; }

  /// All values as floats, kept from the first call on as long as this object: for what is small,
  /// such as norms and biases. May be called from several threads.
  /// \throws value_error naming the tensor when one is a NaN or an infinity
  [[nodiscard]] const float* kept() const;

 private:
  std::string place_;
  index_t rows_, columns_;
  mutable std::mutex mutex_;
  mutable std::vector<float> kept_;
};

namespace detail {

/// Whether no value is a NaN or an infinity: their exponents have all bits set. In integers, of
/// which the compiler takes many at once.
inline bool are_finite(const float* x, index_t n) {
  constexpr std::uint32_t exponent = 0x7f800000;
  std::uint32_t found = 0;
  for (index_t i = 0; i < n; ++i)
    found |= (std::bit_cast<std::uint32_t>(x[i]) & exponent) == exponent ? 1U : 0U;
  return found == 0;
}

/// \param x values of the tile, whose rows begin `stride` after each other
/// \throws value_error naming the tensor and the place of the first that is not finite
inline void check_finite_tile(const stored_weight& weight, const weight_tile& tile, const float* x,
                              index_t stride) {
  for (index_t r = 0; r < tile.rows; ++r) {
    const float* row = x + r * stride;
    if (are_finite(row, tile.columns)) continue;
    index_t c = 0;
    while (are_finite(row + c, 1)) ++c;
    const std::string of_row = weight.rows() == 1 ? "" : std::to_string(tile.row + r) + ", ";
    throw value_error(weight.place(), "finite values",
                      number_text(static_cast<double>(row[c])) + " at [" + of_row +
                          std::to_string(tile.column + c) + "]");
  }
}

/// Reads a tile and checks it.
///
/// \throws value_error naming the tensor and the place of a value that is not finite
inline void read_finite(const stored_weight& weight, const weight_tile& tile, float* out) {
  weight.read(tile, out);
  check_finite_tile(weight, tile, out, tile.columns);
}

/// All of it.
inline std::vector<float> read_whole(const stored_weight& weight) {
  std::vector<float> all(static_cast<std::size_t>(weight.rows() * weight.columns()));
  read_finite(weight, {0, weight.rows(), 0, weight.columns()}, all.data());
  return all;
}

/// Memory that tiles are widened into. Tasks take it and give it back, so that it is not allocated
/// for each product.
class tile_memory {
 public:
  /// A task's part, given back when this object ends.
  class lease {
   public:
    explicit lease(tile_memory& from) : from_(from), floats_(from.take()) {}
    lease(const lease&) = delete;
    lease& operator=(const lease&) = delete;
    ~lease() { from_.give_back(std::move(floats_)); }

    /// Room for so many floats; what was there is gone.
    float* room_for(index_t count) {
      const auto wanted = static_cast<std::size_t>(count);
      if (floats_.size() < wanted) floats_ = std::vector<float>(wanted);
      return floats_.data();
    }

   private:
    tile_memory& from_;
    std::vector<float> floats_;
  };

 private:
  std::vector<float> take() {
    const std::lock_guard lock(mutex_);
    if (free_.empty()) return {};
    std::vector<float> last = std::move(free_.back());
    free_.pop_back();
    return last;
  }
  /// Tiles of more than 16 MB, as of an output matrix in the reverse pass, are not kept.
  void give_back(std::vector<float> floats) {
    constexpr std::size_t most_kept = std::size_t{1} << 22;
    if (floats.empty() || floats.size() > most_kept) return;
    const std::lock_guard lock(mutex_);
    free_.push_back(std::move(floats));
  }

  std::mutex mutex_;
  std::vector<std::vector<float>> free_;
};

}  // namespace detail

inline const float* stored_weight::kept() const {
  const std::lock_guard lock(mutex_);
  if (kept_.empty()) kept_ = detail::read_whole(*this);
  return kept_.data();
}

}  // namespace atlas::inline ATLAS_ABI
