// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// LDLQ and QuIP: rounding with linear feedback from the columns that are already rounded, in a
/// basis without outliers. Chee, Cai, Kuleshov, De Sa, "QuIP: 2-bit quantization of large language
/// models with guarantees", NeurIPS 2023.

#include <Eigen/Core>
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <utility>

#include "atlas/core/as_view.hpp"
#include "atlas/core/checks.hpp"
#include "atlas/core/compiled.hpp"
#include "atlas/core/parallel.hpp"
#include "atlas/core/progress.hpp"
#include "atlas/quantize/damped_factor.hpp"
#include "atlas/quantize/gptq.hpp"
#include "atlas/quantize/grid.hpp"
#include "atlas/quantize/quantization.hpp"
#include "atlas/quantize/rotation.hpp"

namespace atlas::inline ATLAS_ABI {

struct ldlq_options {
  grid_options grid = {};  ///< a scale per row unless told otherwise; fitted before any rounding
  double damping = 0.01;   ///< of the first attempt, as a share of the mean of the diagonal
  /// Incoherence: random bases of this kind on both sides. identity: none. QuIP's own are random
  /// orthogonal; Hadamard ones came with QuIP#.
  basis_kind incoherence = basis_kind::identity;
  bool rescale = false;  ///< columns by `(F_jj / ||W_j||^2)^(1/4)` first, as QuIP does
  index_t columns_per_block =
      128;                 ///< columns that take the feedback of all before in one matrix product
  std::uint64_t seed = 0;  ///< of the bases
  int threads = 0;         ///< 0: all of the machine
  progress_callback on_progress = {};  ///< may cancel
  /// E[a], `[in]`, where it is known: for the effective rank about the mean.
  Eigen::VectorXd input_mean = {};
};

namespace detail {

/// `(F_jj / ||W_j||^2)^(1/4)`, with mean 1. Columns that are 0, of either, count as very small.
template <class Scalar, class Real = double>
Eigen::RowVectorX<Real> quip_scales(const quantizer_input<Scalar>& input) {
  constexpr double least = 1e-8;  // of the largest
  const Eigen::RowVectorX<Real> squares =
      input.weights.template cast<Real>().colwise().squaredNorm();
  if (!(squares.maxCoeff() > 0)) return Eigen::RowVectorX<Real>::Ones(squares.size());
  const Eigen::ArrayX<Real> f = input.moments.diagonal().array();
  const Eigen::ArrayX<Real> h = (f.max)(least * f.maxCoeff());
  const Eigen::ArrayX<Real> w = (squares.transpose().array().max)(least * squares.maxCoeff());
  // By powers of two to 1, so that scales have the same bits for every magnitude of either.
  const Real to_one = std::ldexp(Real(1), std::ilogb(w.maxCoeff()) - std::ilogb(h.maxCoeff()));
  const Eigen::ArrayX<Real> scales = (to_one * (h / w)).pow(0.25);
  return (scales / scales.mean()).matrix().transpose();
}

/// The coordinates, and the second moments in them.
template <class Scalar>
struct incoherent {
  quantization_coordinates<Scalar> coordinates;
  Eigen::MatrixXd moments;
};

template <class Scalar>
incoherent<Scalar> make_incoherent(const quantizer_input<Scalar>& input,
                                   const ldlq_options& options) {
  incoherent<Scalar> out;
  out.moments = input.moments;
  if (options.rescale) {
    out.coordinates.column_scales = quip_scales(input).template cast<Scalar>();
    const Eigen::VectorXd inverse =
        out.coordinates.column_scales.template cast<double>().row(0).cwiseInverse().transpose();
    out.moments = inverse.asDiagonal() * out.moments * inverse.asDiagonal();
  }
  const auto u = seeded_basis(options.incoherence, input.weights.cols(), {options.seed, 0});
  const auto v = seeded_basis(options.incoherence, input.weights.rows(), {options.seed, 1});
  out.moments = rotated_moments(out.moments, u, options.threads);
  out.coordinates.input = u.template cast<Scalar>();
  out.coordinates.output = v.template cast<Scalar>();
  return out;
}

/// What column j (column j) takes of the error of column i < j (row i): the unit upper triangle of
/// `H = (A + I) D (A + I)^T`.
template <class Real>
row_matrix<Real> feedback_weights(const Eigen::MatrixX<Real>& upper) {
  return upper * upper.diagonal().cwiseInverse().asDiagonal();
}

/// The rows of `w`, which are rows `row` .. of the matrix.
template <class Scalar, class Real>
void ldlq_rows(const std::type_identity_t<row_matrix<Real>>& w, index_t row,
               const row_matrix<Real>& feedback, index_t block,
               const quantization_grid<Scalar>& grid, row_matrix<std::int8_t>& codes) {
  row_matrix<Real> errors(w.rows(), w.cols());  // of the weights as they came
  for (index_t begin = 0; begin < w.cols(); begin += block) {
    const index_t width = (std::min)(block, w.cols() - begin);
    row_matrix<Real> target = w.middleCols(begin, width);
    if (begin > 0)
      target.noalias() += errors.leftCols(begin) * feedback.block(0, begin, begin, width);
    for (index_t i = 0; i < width; ++i)
      for (index_t r = 0; r < w.rows(); ++r) {
        const index_t c = begin + i, left = width - i - 1;
        const auto cell = cell_of(grid, row + r, c);
        const std::int8_t code = cell.code(static_cast<Scalar>(target(r, i)));
        const double error = w(r, c) - static_cast<double>(cell.value(code));
        codes(row + r, c) = code;
        errors(r, c) = error;
        target.row(r).tail(left) += error * feedback.row(c).segment(c + 1, left);
      }
  }
}

template <class Scalar>
quantization<Scalar> ldlq_quantize(const quantizer_input<Scalar>& input,
                                   const ldlq_options& options) {
  check_between(options.columns_per_block, 1, index_t{1} << 40, "columns_per_block");
  check_grid(options.grid);
  if (options.incoherence == basis_kind::fisher)
    throw value_error("incoherence", "identity, random_orthogonal or hadamard", "fisher");
  constexpr index_t tile = sequential_row_tile;
  const index_t tiles = (input.weights.rows() + tile - 1) / tile;
  progress_meter meter(options.on_progress, "tiles of rows",
                       tiles + 3);  // and what is on each side
  auto prepared = make_incoherent(input, options);
  meter.advance();
  quantization<Scalar> q;
  q.coordinates = std::move(prepared.coordinates);
  const damped_factor factor = factor_damped(std::move(prepared.moments), options.damping);
  q.repairs = factor.repairs;
  const auto feedback = feedback_weights(factor.upper);
  meter.advance();
  const auto rotated = to_coordinates(input.weights, q.coordinates, {options.threads});
  q.grid = fitted_grid(rotated, with_granularity(options.grid, granularity::row));
  q.codes.resize(rotated.rows(), rotated.cols());
  parallel_for(tiles, options.threads, [&](index_t t) {
    const index_t rows = (std::min)(tile, rotated.rows() - t * tile);
    ldlq_rows<Scalar>(rotated.middleRows(t * tile, rows).template cast<double>(), t * tile,
                      feedback, options.columns_per_block, q.grid, q.codes);
    meter.advance();
  });
  q = finished(std::move(q), input, options.threads);
  meter.advance();
  return q;
}

}  // namespace detail

/// Rounds column k to the nearest grid points of `W_k + (W_<k - W^_<k) A_<k,k`, where
/// `H = (A + I) D (A + I)^T` is the damped second moments (Chee et al., equation 4 and section 3).
/// On one grid and in one order this gives the codes of GPTQ (their theorem 6). With incoherence
/// and rescaling it is QuIP: `V^T (W diag(s)) U` is what is rounded.
///
/// \param weights        `[out, in]`
/// \param second_moments E[a a^T], `[in, in]`; damped as in `gptq_quantize`
/// \throws as `gptq_quantize`; value_error for an incoherence of basis_kind::fisher
///
/// O(in^3 + out in^2) time, and out^3 with random orthogonal bases.
template <real_tensor<2> Weights, real_tensor<2> Moments>
[[nodiscard]] quantization<scalar_of<Weights, 2>> ldlq_quantize(const Weights& weights,
                                                                const Moments& second_moments,
                                                                const ldlq_options& options = {}) {
  return detail::ldlq_quantize(detail::checked_input(weights, second_moments, options.input_mean),
                               options);
}

}  // namespace atlas::inline ATLAS_ABI

#ifdef ATLAS_COMPILED
namespace atlas::inline ATLAS_ABI::detail {
ATLAS_OF_QUANTIZE quantization<float> ldlq_quantize<float>(const quantizer_input<float>&,
                                                           const ldlq_options&);
ATLAS_OF_QUANTIZE quantization<double> ldlq_quantize<double>(const quantizer_input<double>&,
                                                             const ldlq_options&);
}  // namespace atlas::inline ATLAS_ABI::detail
#endif
