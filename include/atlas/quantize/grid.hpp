// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// Uniform quantization grids of 2 to 8 bits: which scale a weight has, its integer code, and the
/// value of a code.

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "atlas/core/checks.hpp"
#include "atlas/core/compiled.hpp"
#include "atlas/core/parallel.hpp"
#include "atlas/linalg/tiled_product.hpp"

namespace atlas::inline ATLAS_ABI {

enum class grid_kind {
  symmetric,   ///< codes -L .. L with L = 2^(bits - 1) - 1; step max|w| / L
  asymmetric,  ///< 2^bits codes; step (max - min) / (2^bits - 1), with a zero point; 0 is exact
};

/// Which weights of an `[out, in]` matrix share a scale.
enum class granularity {
  tensor,  ///< all of them
  column,  ///< those of one input (after rotating: of one direction of the basis)
  row,     ///< those of one output, as is usual with GPTQ
  group,   ///< `inputs_per_scale` consecutive inputs of one output
};

struct grid_options {
  int bits = 4;  ///< 2 to 8
  grid_kind kind = grid_kind::symmetric;
  std::optional<atlas::granularity> granularity = {};  ///< none: that of the method
  index_t inputs_per_scale = 128;  ///< inputs that share a scale, with granularity::group; the last
                                   ///< run of a row may be shorter
};

/// The scales of a matrix. Weight (r, c) is `(code - zero) * scale`; a scale of 0 (weights that are
/// all 0, columns of 0 bits) means that the weight is 0.
template <class Scalar>
struct quantization_grid {
  row_matrix<Scalar> scales;      ///< `[1, 1]`, `[1, in]`, `[out, 1]`, `[out, groups]`, or
                                  ///< `[out, in]` where a Fisher diagonal gave one per weight
  row_matrix<std::int8_t> zeros;  ///< the code of 0, shaped as the scales; 0 if symmetric
  index_t column_span = 1;        ///< columns that share a scale
  grid_kind kind = grid_kind::symmetric;
  std::vector<int> bits;  ///< of all columns (one number) or of each

  [[nodiscard]] index_t scale_row(index_t row) const { return scales.rows() == 1 ? 0 : row; }
  [[nodiscard]] index_t scale_column(index_t column) const { return column / column_span; }
  [[nodiscard]] int bits_of(index_t column) const {
    return bits[bits.size() == 1 ? 0 : static_cast<std::size_t>(column)];
  }
};

namespace detail {

/// Levels on either side of 0. One bit would leave none.
inline int symmetric_levels(int bits) {
  return bits < 2 ? 0 : (1 << (bits - 1)) - 1;
}

/// The grid of one weight.
template <class Scalar>
struct grid_cell {
  Scalar scale = 0;
  int zero = 0;
  Scalar low = 0, high = 0;  ///< codes

  /// Rounds half to even.
  std::int8_t code(Scalar weight) const {
    if (!(scale > 0)) return static_cast<std::int8_t>(zero);
    const Scalar place = weight / scale + static_cast<Scalar>(zero);
    return static_cast<std::int8_t>(std::nearbyint(std::clamp(place, low, high)));
  }
  Scalar value(std::int8_t code) const {
    return static_cast<Scalar>(static_cast<int>(code) - zero) * scale;
  }
};

template <class Scalar>
grid_cell<Scalar> cell_of(const quantization_grid<Scalar>& grid, index_t row, index_t column) {
  const int bits = grid.bits_of(column);
  const bool symmetric = grid.kind == grid_kind::symmetric;
  const int high = symmetric_levels(bits);
  const index_t r = grid.scale_row(row), c = grid.scale_column(column);
  return {grid.scales(r, c), grid.zeros(r, c), static_cast<Scalar>(symmetric ? -high : -high - 1),
          static_cast<Scalar>(high)};
}

/// Sets one scale so that the grid reaches `low <= 0 <= high`.
template <class Scalar>
void set_scale(quantization_grid<Scalar>& grid, index_t r, index_t c, int bits, double low,
               double high) {
  const int levels = symmetric_levels(bits);
  grid.zeros(r, c) = 0;
  grid.scales(r, c) = 0;
  if (levels == 0) return;
  if (grid.kind == grid_kind::symmetric) {
    grid.scales(r, c) = static_cast<Scalar>((std::max)(-low, high) / levels);
    return;
  }
  const double step = (high - low) / ((1 << bits) - 1);
  grid.scales(r, c) = static_cast<Scalar>(step);
  if (grid.scales(r, c) > 0)
    grid.zeros(r, c) = static_cast<std::int8_t>(std::nearbyint(-low / step) - levels - 1);
}

/// The options with the granularity of a method where none was asked for.
inline grid_options with_granularity(grid_options options, granularity usual) {
  if (!options.granularity) options.granularity = usual;
  return options;
}

inline void check_grid(const grid_options& options) {
  check_between(options.bits, 2, 8, "bits");
  if (options.granularity == granularity::group)
    check_between(options.inputs_per_scale, 1, index_t{1} << 40, "inputs_per_scale");
}

/// A grid of the right shape, its scales 0; per column where the options do not say.
template <class Scalar>
quantization_grid<Scalar> empty_grid(index_t out, index_t in, const grid_options& options) {
  check_grid(options);
  const auto kind = options.granularity.value_or(granularity::column);
  const bool per_row = kind == granularity::row || kind == granularity::group;
  const index_t span = kind == granularity::column  ? 1
                       : kind == granularity::group ? (std::min)(options.inputs_per_scale, in)
                                                    : in;
  const index_t rows = per_row ? out : 1, columns = (in + span - 1) / span;
  return {row_matrix<Scalar>::Zero(rows, columns),
          row_matrix<std::int8_t>::Zero(rows, columns),
          span,
          options.kind,
          {options.bits}};
}

/// The grid that reaches the extremes of the weights.
/// \param column_bits empty, or bits of each column (granularity::column); 0 drops a column
template <class Scalar>
quantization_grid<Scalar> fitted_grid(const row_matrix<Scalar>& weights,
                                      const grid_options& options,
                                      const std::vector<int>& column_bits = {}) {
  auto grid = empty_grid<Scalar>(weights.rows(), weights.cols(), options);
  if (!column_bits.empty()) grid.bits = column_bits;
  row_matrix<Scalar> low = grid.scales, high = grid.scales;
  for (index_t r = 0; r < weights.rows(); ++r) {
    if (grid.column_span == 1 && low.rows() == 1) {
      low = low.cwiseMin(weights.row(r));
      high = high.cwiseMax(weights.row(r));
      continue;
    }
    for (index_t c = 0, s = 0; c < weights.cols(); c += grid.column_span, ++s) {
      const auto part = weights.row(r).segment(c, (std::min)(grid.column_span, weights.cols() - c));
      const index_t scale_row = grid.scale_row(r);
      low(scale_row, s) = (std::min)(low(scale_row, s), part.minCoeff());
      high(scale_row, s) = (std::max)(high(scale_row, s), part.maxCoeff());
    }
  }
  for (index_t r = 0; r < low.rows(); ++r)
    for (index_t s = 0; s < low.cols(); ++s)
      set_scale(grid, r, s, grid.bits_of(s * grid.column_span), static_cast<double>(low(r, s)),
                static_cast<double>(high(r, s)));
  return grid;
}

/// Calls `visit(r, c, cell)` for every weight; rows in parallel.
template <class Scalar, class Visit>
void for_each_cell(const quantization_grid<Scalar>& grid, index_t rows, index_t columns,
                   int threads, Visit&& visit) {
  std::vector<grid_cell<Scalar>> shared;  // where all rows have the same
  if (grid.scales.rows() == 1)
    for (index_t c = 0; c < columns; c += grid.column_span) shared.push_back(cell_of(grid, 0, c));
  parallel_for(rows, threads, [&](index_t r) {
    for (index_t c = 0; c < columns; c += grid.column_span) {
      const auto cell = shared.empty() ? cell_of(grid, r, c)
                                       : shared[static_cast<std::size_t>(c / grid.column_span)];
      const index_t end = (std::min)(columns, c + grid.column_span);
      for (index_t k = c; k < end; ++k) visit(r, k, cell);
    }
  });
}

/// The code of the nearest grid point of every weight.
template <class Scalar>
row_matrix<std::int8_t> nearest_codes(const row_matrix<Scalar>& weights,
                                      const quantization_grid<Scalar>& grid, int threads) {
  row_matrix<std::int8_t> codes(weights.rows(), weights.cols());
  for_each_cell(grid, weights.rows(), weights.cols(), threads,
                [&](index_t r, index_t c, const grid_cell<Scalar>& cell) {
                  codes(r, c) = cell.code(weights(r, c));
                });
  return codes;
}

/// The values of codes.
template <class Scalar>
row_matrix<Scalar> code_values(const row_matrix<std::int8_t>& codes,
                               const quantization_grid<Scalar>& grid, int threads) {
  row_matrix<Scalar> values(codes.rows(), codes.cols());
  for_each_cell(grid, codes.rows(), codes.cols(), threads,
                [&](index_t r, index_t c, const grid_cell<Scalar>& cell) {
                  values(r, c) = cell.value(codes(r, c));
                });
  return values;
}

}  // namespace detail
}  // namespace atlas::inline ATLAS_ABI

#ifdef ATLAS_COMPILED
namespace atlas::inline ATLAS_ABI::detail {
ATLAS_OF_QUANTIZE quantization_grid<float> fitted_grid<float>(const row_matrix<float>&,
                                                              const grid_options&,
                                                              const std::vector<int>&);
ATLAS_OF_QUANTIZE quantization_grid<double> fitted_grid<double>(const row_matrix<double>&,
                                                                const grid_options&,
                                                                const std::vector<int>&);
ATLAS_OF_QUANTIZE row_matrix<std::int8_t> nearest_codes<float>(const row_matrix<float>&,
                                                               const quantization_grid<float>&,
                                                               int);
ATLAS_OF_QUANTIZE row_matrix<std::int8_t> nearest_codes<double>(const row_matrix<double>&,
                                                                const quantization_grid<double>&,
                                                                int);
ATLAS_OF_QUANTIZE row_matrix<float> code_values<float>(const row_matrix<std::int8_t>&,
                                                       const quantization_grid<float>&, int);
ATLAS_OF_QUANTIZE row_matrix<double> code_values<double>(const row_matrix<std::int8_t>&,
                                                         const quantization_grid<double>&, int);
}  // namespace atlas::inline ATLAS_ABI::detail
#endif
