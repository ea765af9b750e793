// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// Rows of logits, read once and in pieces that stay in cache, whatever their strides.

#include <Eigen/Core>
#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <string>
#include <type_traits>

#include "atlas/boltzmann/vector_exp.hpp"
#include "atlas/core/as_view.hpp"
#include "atlas/core/checks.hpp"
#include "atlas/core/errors.hpp"
#include "atlas/core/parallel.hpp"
#include "atlas/core/tensor_view.hpp"

namespace atlas::inline ATLAS_ABI::detail {

inline constexpr double masked_logit = -std::numeric_limits<double>::infinity();

/// A few rows by a run of keys, in double; one row of logits is one column here. Where the keys of
/// a matrix of floats are far from each other in memory and its rows neighbours, sixteen rows fill
/// the cache line that each key takes.
struct logit_tile {
  static constexpr index_t rows = 16, keys = 256;
  Eigen::Array<double, keys, rows> values;
};

/// A run of keys of one row: not all masked, padded with masked keys.
struct logit_chunk {
  index_t row = 0;  ///< of all rows
  index_t key = 0;  ///< the first of the run
  Eigen::Map<Eigen::ArrayXd, Eigen::AlignedMax> logits;
  double top = 0;      ///< largest logit of the run
  index_t top_at = 0;  ///< where in the run, the first of equal ones
};

/// The rows of logits `[..., n]`, numbered in the order of their leading indices.
template <class Scalar, std::size_t Rank>
class logit_rows {
  static_assert(std::is_floating_point_v<Scalar>, "logits are floating-point numbers");

 public:
  /// \throws shape_error for empty logits
  explicit logit_rows(const tensor_view<const Scalar, Rank>& logits) : logits_(logits) {
    check_not_empty(logits, "logits");
  }

  index_t keys() const { return logits_.extent(Rank - 1); }
  index_t count() const { return logits_.size() / keys(); }

  /// Calls `visit(logit_chunk)` for every run of keys of rows `first` .. `first + rows` that are
  /// not all masked, the runs of a row in order.
  /// \throws value_error for NaN and +inf
  template <class Visit>
  void for_each_chunk(index_t first, index_t rows, Visit&& visit) const {
    logit_tile tile;
    const index_t together = stride() == 1 ? 1 : logit_tile::rows;
    for (index_t r = first; r < first + rows; r += together) {
      const index_t height = (std::min)(together, first + rows - r);
      for (index_t key = 0; key < keys(); key += logit_tile::keys) {
        const index_t width = load(r, height, key, tile);
        for (index_t i = 0; i < height; ++i)
          visit_run(r + i, key, {tile.values.col(i).data(), width}, visit);
      }
    }
  }

  /// \throws value_error that says that all keys of this row are masked
  [[noreturn]] void refuse_masked(index_t row) const {
    throw value_error("logits", "a key that is not masked in every row",
                      "only -inf in row " + place(row, "all"));
  }

 private:
  index_t stride() const { return logits_.stride(Rank - 1); }

  const Scalar* address(index_t row) const {
    const Scalar* at = logits_.data();
    for (std::size_t d = Rank - 1; d-- > 0; row /= logits_.extent(d))
      at += (row % logits_.extent(d)) * logits_.stride(d);
    return at;
  }

  /// Returns the width, padding included.
  template <class Tile>
  index_t load(index_t first, index_t rows, index_t key, Tile& tile) const {
    const index_t width = (std::min)(logit_tile::keys, keys() - key), step = stride();
    const index_t padded = (width + exp_lanes - 1) / exp_lanes * exp_lanes;
    std::array<const Scalar*, logit_tile::rows> from{};
    for (index_t r = 0; r < rows; ++r)
      from[static_cast<std::size_t>(r)] = address(first + r) + key * step;
    if (step == 1) {
      using run = Eigen::Map<const Eigen::Array<Scalar, Eigen::Dynamic, 1>>;
      tile.values.col(0).head(width) = run(from[0], width).template cast<double>();
    } else {
      for (index_t k = 0; k < width; ++k)
        for (index_t r = 0; r < rows; ++r)
          tile.values(k, r) = static_cast<double>(from[static_cast<std::size_t>(r)][k * step]);
    }
    tile.values.block(width, 0, padded - width, rows).setConstant(masked_logit);
    return padded;
  }

  template <class Visit>
  void visit_run(index_t row, index_t key, Eigen::Map<Eigen::ArrayXd, Eigen::AlignedMax> run,
                 Visit& visit) const {
    const double top = run.template maxCoeff<Eigen::PropagateNaN>();
    if (top == masked_logit) return;
    if (!std::isfinite(top)) refuse_value(row, key, run);
    const index_t at = std::find(run.data(), run.data() + run.size(), top) - run.data();
    visit(logit_chunk{row, key, run, top, at});
  }

  template <class Run>
  [[noreturn]] void refuse_value(index_t row, index_t key, const Run& run) const {
    index_t i = 0;
    while (run(i) < std::numeric_limits<double>::infinity()) ++i;
    throw value_error("logits", "finite numbers, or -inf for masked keys",
                      number_text(run(i)) + " at " + place(row, std::to_string(key + i)));
  }

  std::string place(index_t row, const std::string& key) const {
    std::string text = key + "]";
    for (std::size_t d = Rank - 1; d-- > 0; row /= logits_.extent(d))
      text.insert(0, std::to_string(row % logits_.extent(d)) + ", ");
    return "[" + text;
  }

  tensor_view<const Scalar, Rank> logits_;
};

/// Calls `task(first, rows)` for all rows, a few at a time.
template <class Scalar, std::size_t Rank, class Task>
void for_each_row_tile(const logit_rows<Scalar, Rank>& rows, int threads, Task&& task) {
  constexpr index_t size = logit_tile::rows;
  parallel_for((rows.count() + size - 1) / size, threads, [&](index_t tile) {
    task(tile * size, (std::min)(size, rows.count() - tile * size));
  });
}

}  // namespace atlas::inline ATLAS_ABI::detail
