// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// Normal numbers that hang together along contexts: Gaussian processes with a given
/// autocorrelation, at the rows' own positions. Prichard and Theiler, "Generating surrogate data
/// for time series with several simultaneously measured variables", Phys. Rev. Lett. 73, 951
/// (1994), is the idea, for one long series.

#include <Eigen/Cholesky>
#include <Eigen/Core>
#include <algorithm>
#include <cmath>
#include <map>
#include <utility>
#include <vector>

#include "atlas/core/eigen_traits.hpp"
#include "atlas/dimension/surrogates/autocorrelation.hpp"
#include "atlas/dimension/surrogates/options.hpp"
#include "atlas/linalg/eigenbasis.hpp"
#include "atlas/linalg/row_matrix.hpp"

namespace atlas::inline ATLAS_ABI::detail {

/// A lower triangular L with `L L^T` the correlation matrix, or the nearest that there is: negative
/// eigenvalues are cut and unit variances restored.
template <class Real>
Eigen::MatrixX<Real> correlation_factor(const Eigen::MatrixX<Real>& matrix) {
  const Eigen::LLT<Eigen::MatrixX<Real>> direct(matrix);
  if (direct.info() == eigen_success) return direct.matrixL();
  const eigenbasis basis = symmetric_eigenbasis(matrix);
  Eigen::MatrixX<Real> root = basis.vectors * basis.values.cwiseMax(0.0).cwiseSqrt().asDiagonal();
  root.rowwise().normalize();
  constexpr double jitter = 1e-9;  // what keeps the factor's pivots from rounding
  Eigen::MatrixX<Real> repaired = (1 - jitter) * root * root.transpose();
  repaired.diagonal().array() += jitter;
  return Eigen::LLT<Eigen::MatrixX<Real>>(repaired).matrixL();
}

/// Turns independent normal numbers into serial ones. Contexts of up to `whole` rows are drawn at
/// once; longer ones in blocks of half as many, each given the block before it. Blocks with the
/// same gaps between positions share their factors, as do components that hang together alike.
template <class Scalar>
class serial_rows {
 public:
  serial_rows(const correlation_groups& groups, const context_places& places)
      : groups_(groups.components) {
    for (std::size_t c = 0; c < places.rows.size(); ++c)
      if (places.rows[c].size() > 1)
        add_context(groups.of_group, places.rows[c], places.positions[c]);
  }

  /// \param z `[N, components]`, independent; in place
  void apply(row_matrix<Scalar>& z) const {
    for (const block& b : blocks_)
      for (std::size_t g = 0; g < groups_.size(); ++g)
        apply(b, groups_[g], factors_[b.pattern][g], z);
  }

 private:
  static constexpr std::size_t whole = 128;

  struct block {
    std::vector<index_t> rows;
    index_t given = 0;  ///< the first of them, drawn already
    std::size_t pattern = 0;
  };

  void add_context(const autocorrelation& of_group, const std::vector<index_t>& rows,
                   const std::vector<index_t>& positions) {
    const std::size_t n = rows.size(), step = n <= whole ? n : whole / 2;
    for (std::size_t from = 0; from < n; from += step) {
      const std::size_t begin = from < step ? from : from - step, end = (std::min)(n, from + step);
      block b;
      std::vector<index_t> gaps;
      for (std::size_t i = begin; i < end; ++i) {
        b.rows.push_back(rows[i]);
        gaps.push_back(positions[i] - positions[begin]);
      }
      b.given = static_cast<index_t>(from - begin);
      b.pattern = pattern_of(of_group, gaps);
      blocks_.push_back(std::move(b));
    }
  }

  std::size_t pattern_of(const autocorrelation& of_group, const std::vector<index_t>& gaps) {
    const auto [place, added] = patterns_.try_emplace(gaps, factors_.size());
    if (!added) return place->second;
    const auto n = static_cast<index_t>(gaps.size());
    auto& factors = factors_.emplace_back();
    for (std::size_t g = 0; g < groups_.size(); ++g) {
      Eigen::MatrixXd matrix(n, n);
      for (index_t i = 0; i < n; ++i)
        for (index_t j = 0; j <= i; ++j)
          matrix(i, j) = matrix(j, i) =
              of_group.at(static_cast<double>(gaps[static_cast<std::size_t>(i)] -
                                              gaps[static_cast<std::size_t>(j)]),
                          static_cast<index_t>(g));
      factors.push_back(correlation_factor(matrix).template cast<Scalar>());
    }
    return place->second;
  }

  using factor = Eigen::MatrixX<Scalar>;

  static void apply(const block& b, const std::vector<index_t>& components, const factor& lower,
                    row_matrix<Scalar>& z) {
    const auto n = static_cast<index_t>(b.rows.size());
    const auto count = static_cast<index_t>(components.size());
    Eigen::MatrixX<Scalar> held(n, count);
    for (index_t c = 0; c < count; ++c)
      for (index_t i = 0; i < n; ++i)
        held(i, c) =
            z(b.rows[static_cast<std::size_t>(i)], components[static_cast<std::size_t>(c)]);
    if (b.given > 0)
      lower.topLeftCorner(b.given, b.given)
          .template triangularView<Eigen::Lower>()
          .solveInPlace(held.topRows(b.given));
    const Eigen::MatrixX<Scalar> out = lower.template triangularView<Eigen::Lower>() * held;
    for (index_t c = 0; c < count; ++c)
      for (index_t i = b.given; i < n; ++i)
        z(b.rows[static_cast<std::size_t>(i)], components[static_cast<std::size_t>(c)]) = out(i, c);
  }

  std::vector<std::vector<index_t>> groups_;
  std::vector<block> blocks_;
  std::map<std::vector<index_t>, std::size_t> patterns_;
  std::vector<std::vector<factor>> factors_;  ///< by pattern and group
};

}  // namespace atlas::inline ATLAS_ABI::detail
