// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// GPTQ: rounding column by column, the error of each passed on to those that are still to come.
/// Frantar, Ashkboos, Hoefler, Alistarh, "GPTQ: accurate post-training quantization for generative
/// pre-trained transformers", ICLR 2023.

#include <Eigen/Core>
#include <algorithm>
#include <numeric>
#include <utility>
#include <vector>

#include "atlas/core/as_view.hpp"
#include "atlas/core/checks.hpp"
#include "atlas/core/compiled.hpp"
#include "atlas/core/lazy.hpp"
#include "atlas/core/parallel.hpp"
#include "atlas/core/progress.hpp"
#include "atlas/quantize/damped_factor.hpp"
#include "atlas/quantize/grid.hpp"
#include "atlas/quantize/quantization.hpp"

namespace atlas::inline ATLAS_ABI {

struct gptq_options {
  /// A scale per row unless told otherwise. With granularity::group scales are fitted when their
  /// group is reached, to weights that hold the errors passed on so far; with act_order, and all
  /// others, to the weights as they came.
  grid_options grid = {};
  double damping = 0.01;   ///< of the first attempt, as a share of the mean of the diagonal; the
                           ///< one that succeeded is in `repairs`
  bool act_order = false;  ///< columns by descending diagonal of the second moments, not as stored
  index_t columns_per_block = 128;  ///< columns whose errors reach the others in one matrix product
  int threads = 0;                  ///< 0: all of the machine
  progress_callback on_progress = {};  ///< may cancel
  /// E[a], `[in]`, where it is known: for the effective rank about the mean.
  Eigen::VectorXd input_mean = {};
};

namespace detail {

inline constexpr index_t sequential_row_tile = 64;  // rows do not depend on each other

/// Columns by descending diagonal, equal ones as they were.
template <class = lazy>
std::vector<index_t> rounding_order(const Eigen::MatrixXd& moments, bool by_diagonal) {
  std::vector<index_t> order(static_cast<std::size_t>(moments.rows()));
  std::iota(order.begin(), order.end(), index_t{0});
  if (by_diagonal)
    std::stable_sort(order.begin(), order.end(),
                     [&](index_t a, index_t b) { return moments(a, a) > moments(b, b); });
  return order;
}

/// How much of the error of column i (row i) column j > i takes: `U_ij / U_ii`, U the upper
/// Cholesky factor of the inverse of H. That is `R^-1` for `H = R R^T`.
template <class Real>
row_matrix<Real> error_shares(const Eigen::MatrixX<Real>& upper, int threads) {
  const Eigen::MatrixX<Real> u = upper_inverse(upper, threads);
  return u.diagonal().cwiseInverse().asDiagonal() * u;
}

struct gptq_plan {
  row_matrix<double> shares;
  std::vector<index_t> order;
  index_t block = 128;
  bool running_groups = false;
};

/// Fits the scales of the group that starts at this column, to a tile of rows.
template <class Scalar, class Real>
void fit_group(const row_matrix<Real>& w, index_t row, index_t column,
               quantization_grid<Scalar>& grid) {
  const auto group = w.middleCols(column, (std::min)(grid.column_span, w.cols() - column));
  for (index_t r = 0; r < w.rows(); ++r)
    set_scale(grid, row + r, grid.scale_column(column), grid.bits_of(column),
              (std::min)(0.0, group.row(r).minCoeff()), (std::max)(0.0, group.row(r).maxCoeff()));
}

/// The rows of `w`, which are rows `row` .. of the matrix, columns in the order of the plan.
template <class Scalar, class Real>
void gptq_rows(row_matrix<Real> w, index_t row, const gptq_plan& plan,
               quantization_grid<Scalar>& grid, row_matrix<std::int8_t>& codes) {
  const row_matrix<Real>& shares = plan.shares;
  for (index_t begin = 0; begin < w.cols(); begin += plan.block) {
    const index_t end = (std::min)(w.cols(), begin + plan.block);
    row_matrix<Real> errors(w.rows(), end - begin);
    for (index_t c = begin; c < end; ++c) {
      const index_t column = plan.order[static_cast<std::size_t>(c)];
      if (plan.running_groups && c % grid.column_span == 0) fit_group(w, row, c, grid);
      for (index_t r = 0; r < w.rows(); ++r) {
        const auto cell = cell_of(grid, row + r, column);
        const std::int8_t code = cell.code(static_cast<Scalar>(w(r, c)));
        const double error = w(r, c) - static_cast<double>(cell.value(code));
        codes(row + r, column) = code;
        errors(r, c - begin) = error;
        w.row(r).segment(c + 1, end - c - 1) -= error * shares.row(c).segment(c + 1, end - c - 1);
      }
    }
    const index_t rest = w.cols() - end;
    if (rest > 0)
      w.rightCols(rest).noalias() -= errors * shares.block(begin, end, end - begin, rest);
  }
}

/// Blocks end where groups do, so that a group's scales are fitted to weights that are up to date.
inline index_t block_for_groups(index_t block, index_t group) {
  return group >= block ? group : block - block % group;
}

template <class Scalar>
quantization<Scalar> gptq_quantize(const quantizer_input<Scalar>& input,
                                   const gptq_options& options) {
  check_between(options.columns_per_block, 1, index_t{1} << 40, "columns_per_block");
  quantization<Scalar> q;
  const grid_options grid = with_granularity(options.grid, granularity::row);
  q.grid = fitted_grid(input.weights, grid);
  gptq_plan plan;
  plan.order = rounding_order(input.moments, options.act_order);
  plan.running_groups = grid.granularity == granularity::group && !options.act_order;
  plan.block = plan.running_groups ? block_for_groups(options.columns_per_block, q.grid.column_span)
                                   : options.columns_per_block;
  constexpr index_t tile = sequential_row_tile;
  const index_t tiles = (input.weights.rows() + tile - 1) / tile;
  progress_meter meter(options.on_progress, "tiles of rows",
                       tiles + 2);  // and what is on each side
  const damped_factor factor =
      factor_damped(input.moments(plan.order, plan.order), options.damping);
  plan.shares = error_shares(factor.upper, options.threads);
  meter.advance();
  q.repairs = factor.repairs;
  q.codes.resize(input.weights.rows(), input.weights.cols());
  parallel_for(tiles, options.threads, [&](index_t t) {
    const index_t rows = (std::min)(tile, q.codes.rows() - t * tile);
    row_matrix<double> part(rows, q.codes.cols());
    for (index_t c = 0; c < part.cols(); ++c)
      part.col(c) = input.weights.col(plan.order[static_cast<std::size_t>(c)])
                        .segment(t * tile, rows)
                        .template cast<double>();
    gptq_rows(std::move(part), t * tile, plan, q.grid, q.codes);
    meter.advance();
  });
  q = finished(std::move(q), input, options.threads);
  meter.advance();
  return q;
}

}  // namespace detail

/// Rounds a linear layer for its output error, column by column: with the upper Cholesky factor U
/// of the inverse of the damped second moments, column j > i takes `-(w_i - w^_i) U_ij / U_ii` when
/// column i has been rounded (Frantar et al., algorithm 1).
///
/// \param weights        `[out, in]`
/// \param second_moments E[a a^T], `[in, in]`; singular or indefinite ones are damped until they
///                       have a Cholesky factor, and `repairs` says by how much. Inputs that are
///                       always 0 are rounded to nearest
/// \throws shape_error for shapes that do not match; value_error for NaN, second moments that are
///         not symmetric or have no positive trace, bits outside 2-8, negative damping
///
/// O(in^3 + out in^2) time, errors passed on in double; the same bits for every number of threads.
template <real_tensor<2> Weights, real_tensor<2> Moments>
[[nodiscard]] quantization<scalar_of<Weights, 2>> gptq_quantize(const Weights& weights,
                                                                const Moments& second_moments,
                                                                const gptq_options& options = {}) {
  return detail::gptq_quantize(detail::checked_input(weights, second_moments, options.input_mean),
                               options);
}

}  // namespace atlas::inline ATLAS_ABI

#ifdef ATLAS_COMPILED
namespace atlas::inline ATLAS_ABI::detail {
ATLAS_OF_QUANTIZE quantization<float> gptq_quantize<float>(const quantizer_input<float>&,
                                                           const gptq_options&);
ATLAS_OF_QUANTIZE quantization<double> gptq_quantize<double>(const quantizer_input<double>&,
                                                             const gptq_options&);
}  // namespace atlas::inline ATLAS_ABI::detail
#endif
