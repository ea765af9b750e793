#pragma once
/// \file
/// Matrix products of the reference transformer, in tiles whose sizes do not depend on the number
/// of threads: the same bits however many there are.

#include <algorithm>
#include <vector>

#include "atlas/reference/norms.hpp"
#include "atlas/reference/parameters.hpp"

namespace atlas::detail {

using const_float_map = Eigen::Map<const float_matrix>;

inline const_float_map as_matrix(const parameter& p) {
  return {p.values.data(), p.extents[0], p.extents.size() > 1 ? p.extents[1] : 1};
}
inline const float* values_or_null(const std::vector<parameter>& all, index place) {
  return place < 0 ? nullptr : all[static_cast<std::size_t>(place)].values.data();
}

enum class product { assign, add };

/// Columns `[column, column + out)` of y become (or gain) `x W + bias`, where W is the weight as
/// `[in, out]`, or its transpose where the weight is `[out, in]`.
inline void apply_linear(const Eigen::Ref<const float_matrix>& x, const const_float_map& weight,
                         bool input_major, const float* bias, product how, int threads,
                         float_matrix& y, index column = 0) {
  constexpr index tile = 256;
  const index n = x.rows(), out = input_major ? weight.cols() : weight.rows();
  const index row_tiles = (n + tile - 1) / tile, column_tiles = (out + tile - 1) / tile;
  parallel_for(row_tiles * column_tiles, threads, [&](index t) {
    const index r = t / column_tiles * tile, c = t % column_tiles * tile;
    const index rows = std::min(tile, n - r), columns = std::min(tile, out - c);
    auto target = y.block(r, column + c, rows, columns);
    if (how == product::assign) target.setZero();
    if (input_major)
      target.noalias() += x.middleRows(r, rows) * weight.middleCols(c, columns);
    else
      target.noalias() += x.middleRows(r, rows) * weight.middleRows(c, columns).transpose();
    if (bias) target.rowwise() += Eigen::Map<const Eigen::RowVectorXf>(bias + c, columns);
  });
}

inline void apply_linear(const float_matrix& x, const std::vector<parameter>& all,
                         const linear_places& p, product how, int threads, float_matrix& y,
                         index column = 0) {
  apply_linear(x, as_matrix(all[static_cast<std::size_t>(p.weight)]), p.input_major,
               values_or_null(all, p.bias), how, threads, y, column);
}

/// Columns that a linear map puts out.
inline index output_columns(const std::vector<parameter>& all, const linear_places& p) {
  return all[static_cast<std::size_t>(p.weight)].extents[p.input_major ? 1 : 0];
}

/// Several linear maps of the same rows, side by side in y.
inline void apply_side_by_side(const float_matrix& x, const std::vector<parameter>& all,
                               const std::vector<linear_places>& maps, int threads,
                               float_matrix& y) {
  index width = 0;
  for (const linear_places& p : maps) width += output_columns(all, p);
  y.resize(x.rows(), width);
  index column = 0;
  for (const linear_places& p : maps) {
    apply_linear(x, all, p, product::assign, threads, y, column);
    column += output_columns(all, p);
  }
}

}  // namespace atlas::detail
