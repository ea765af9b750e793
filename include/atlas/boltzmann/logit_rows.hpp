// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// Rows of logits, read once and in pieces that stay in cache, whatever their strides.

#include <Eigen/Core>
#include <algorithm>
#include <array>
#include <bit>
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
#include "atlas/core/vector_functions.hpp"

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

/// The largest of a run of numbers, in vectors, and whether all of them are below infinity (and so
/// no NaN); the largest is of use only then.
template <class Scalar>
struct run_top {
  double value = masked_logit;
  bool below_infinity = true;

  run_top(const Scalar* x, index_t count) {
    using vectors = vector_of<Scalar>;
    using vector = typename vectors::type;
    constexpr index_t lanes = vectors::lanes, apart = 2;  // vectors that do not wait for each other
    const vector infinity = vectors::all(std::numeric_limits<Scalar>::infinity());
    vector most[apart] = {-infinity, -infinity};
    unsigned below = all_lanes;
    index_t i = 0;
    for (; i + apart * lanes <= count; i += apart * lanes)
      for (index_t j = 0; j < apart; ++j) {
        const vector v = vectors::load(x + i + j * lanes);
        most[j] = vectors::larger(v, most[j]);
        below &= vectors::above(infinity, v);
      }
    most[0] = vectors::larger(most[0], most[1]);
    Scalar lane[lanes];
    vectors::store(lane, most[0]);
    for (; i < count; ++i) add(x[i]);
    for (index_t l = 0; l < lanes; ++l) add(lane[l]);
    below_infinity = below_infinity && below == all_lanes;
  }

 private:
  static constexpr unsigned all_lanes = (1U << vector_of<Scalar>::lanes) - 1;

  void add(Scalar x) {
    const auto wide = static_cast<double>(x);
    below_infinity = below_infinity && wide < std::numeric_limits<double>::infinity();
    value = wide > value ? wide : value;
  }
};

/// Where in a run of numbers the first is that is not below `top`; there is one. The run is padded
/// to whole vectors.
inline index_t first_not_below(const double* x, double top) {
  using doubles = vector_of<double>;
  static_assert(exp_lanes % doubles::lanes == 0);
  const double_vector tops = doubles::all(top);
  index_t i = 0;
  for (; std::popcount(doubles::above(tops, doubles::load(x + i))) == doubles::lanes;)
    i += doubles::lanes;
  while (x[i] < top) ++i;
  return i;
}

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
    for (index_t r = first; r < first + rows; r += together()) {
      const index_t height = (std::min)(together(), first + rows - r);
      for (index_t key = 0; key < keys(); key += logit_tile::keys) {
        const index_t width = load(r, height, key, tile);
        for (index_t i = 0; i < height; ++i)
          visit_run(r + i, key, {tile.values.col(i).data(), width}, visit);
      }
    }
  }

  /// Rows whose runs take turns in the two above: the rows of a tile, or one.
  index_t together() const { return stride() == 1 ? 1 : logit_tile::rows; }

  /// As `for_each_chunk`, but calls `visit(row, key, logits, width, top)` with a pointer to the
  /// logits of the run, where they are if that can be: of Scalar or of double, the width a multiple
  /// of `exp_lanes` and at most `logit_tile::keys`.
  /// \throws value_error for NaN and +inf
  template <class Visit>
  void for_each_run(index_t first, index_t rows, Visit&& visit) const {
    logit_tile tile;
    for (index_t r = first; r < first + rows; r += together()) {
      const index_t height = (std::min)(together(), first + rows - r);
      for (index_t key = 0; key < keys(); key += logit_tile::keys) {
        const index_t width = (std::min)(logit_tile::keys, keys() - key);
        if (stride() == 1 && width % exp_lanes == 0) {
          visit_pointer(r, key, address(r) + key, width, visit);
          continue;
        }
        const index_t padded = load(r, height, key, tile);
        for (index_t i = 0; i < height; ++i)
          visit_pointer(r + i, key, tile.values.col(i).data(), padded, visit);
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
    const double top = top_of(row, key, run.data(), run.size());
    if (top == masked_logit) return;
    visit(logit_chunk{row, key, run, top, first_not_below(run.data(), top)});
  }

  template <class Element, class Visit>
  void visit_pointer(index_t row, index_t key, const Element* logits, index_t width,
                     Visit& visit) const {
    const double top = top_of(row, key, logits, width);
    if (top != masked_logit) visit(row, key, logits, width, top);
  }

  /// The largest logit of a run.
  /// \throws value_error for NaN and +inf
  template <class Element>
  double top_of(index_t row, index_t key, const Element* logits, index_t width) const {
    const run_top<Element> top(logits, width);
    if (!top.below_infinity)
      refuse_value(row, key, Eigen::Map<const Eigen::ArrayX<Element>>(logits, width));
    return top.value;
  }

  template <class Run>
  [[noreturn]] void refuse_value(index_t row, index_t key, const Run& run) const {
    index_t i = 0;
    while (static_cast<double>(run(i)) < std::numeric_limits<double>::infinity()) ++i;
    throw value_error(
        "logits", "finite numbers, or -inf for masked keys",
        number_text(static_cast<double>(run(i))) + " at " + place(row, std::to_string(key + i)));
  }

  std::string place(index_t row, const std::string& key) const {
    std::string text = key + "]";
    for (std::size_t d = Rank - 1; d-- > 0; row /= logits_.extent(d))
      text.insert(0, std::to_string(row % logits_.extent(d)) + ", ");
    return "[" + text;
  }

  tensor_view<const Scalar, Rank> logits_;
};

/// Calls `task(first, rows, workspace)` for all rows, a few at a time; `make` makes a thread's
/// workspace.
template <class Scalar, std::size_t Rank, class Make, class Task>
void for_each_row_tile(const logit_rows<Scalar, Rank>& rows, int threads, Make&& make,
                       Task&& task) {
  constexpr index_t size = logit_tile::rows;
  parallel_for((rows.count() + size - 1) / size, threads, make, [&](index_t tile, auto& workspace) {
    task(tile * size, (std::min)(size, rows.count() - tile * size), workspace);
  });
}

/// The same for tasks `task(first, rows)` that need none.
template <class Scalar, std::size_t Rank, class Task>
void for_each_row_tile(const logit_rows<Scalar, Rank>& rows, int threads, Task&& task) {
  struct nothing {};
  for_each_row_tile(
      rows, threads, [] { return nothing(); },
      [&](index_t first, index_t count, nothing&) { task(first, count); });
}

}  // namespace atlas::inline ATLAS_ABI::detail
