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
#include "atlas/core/lazy.hpp"
#include "atlas/dimension/surrogates/autocorrelation.hpp"
#include "atlas/dimension/surrogates/options.hpp"
#include "atlas/linalg/batched/cholesky.hpp"
#include "atlas/linalg/eigenbasis.hpp"
#include "atlas/linalg/packed_lower.hpp"
#include "atlas/linalg/row_matrix.hpp"

namespace atlas::inline ATLAS_ABI::detail {

/// A lower triangular L with `L L^T` the correlation matrix that is nearest to one without a factor
/// of its own: negative eigenvalues are cut and unit variances restored.
template <class = lazy>
Eigen::MatrixXd repaired_correlation_factor(const Eigen::MatrixXd& matrix) {
  const eigenbasis basis = symmetric_eigenbasis(matrix);
  Eigen::MatrixXd root = basis.vectors * basis.values.cwiseMax(0.0).cwiseSqrt().asDiagonal();
  root.rowwise().normalize();
  constexpr double jitter = 1e-9;  // what keeps the factor's pivots from rounding
  Eigen::MatrixXd repaired = (1 - jitter) * root * root.transpose();
  repaired.diagonal().array() += jitter;
  return Eigen::LLT<Eigen::MatrixXd>(repaired).matrixL();
}

/// A group's autocorrelation by lag, from a table for those that are not long.
class correlation_table {
 public:
  correlation_table(const autocorrelation& of_group, index_t group, index_t longest)
      : of_group_(of_group), group_(group) {
    constexpr index_t most = 1024;
    for (index_t lag = 0; lag <= (std::min)(longest, most); ++lag)
      table_.push_back(of_group.at(static_cast<double>(lag), group));
  }
  double operator()(index_t lag) const {
    const auto place = static_cast<std::size_t>(lag);
    return place < table_.size() ? table_[place] : of_group_.at(static_cast<double>(lag), group_);
  }

 private:
  const autocorrelation& of_group_;
  index_t group_;
  std::vector<double> table_;
};

/// Turns independent normal numbers into serial ones. Contexts of up to `whole` rows are drawn at
/// once; longer ones in blocks of half as many, each given the block before it. Blocks with the
/// same gaps between positions share their factors, as do components that hang together alike.
template <class Scalar>
class serial_rows {
 public:
  serial_rows(const correlation_groups& groups, const context_places& places)
      : groups_(groups.components) {
    index_t longest = 0;
    for (const auto& positions : places.positions)
      longest = (std::max)(longest, positions.back() - positions.front());
    std::vector<correlation_table> tables;
    for (std::size_t g = 0; g < groups_.size(); ++g)
      tables.emplace_back(groups.of_group, static_cast<index_t>(g), longest);
    for (std::size_t c = 0; c < places.rows.size(); ++c)
      if (places.rows[c].size() > 1) add_context(tables, places.rows[c], places.positions[c]);
  }

  /// \param z `[N, components]`, independent; in place
  void apply(row_matrix<Scalar>& z) const {
    std::vector<Scalar> work;
    for (const block& b : blocks_)
      for (std::size_t g = 0; g < groups_.size(); ++g)
        apply(b, groups_[g], factors_[b.pattern][g], work, z);
  }

 private:
  static constexpr std::size_t whole = 128;

  struct block {
    std::vector<index_t> rows;
    index_t given = 0;  ///< the first of them, drawn already
    std::size_t pattern = 0;
  };

  void add_context(const std::vector<correlation_table>& tables, const std::vector<index_t>& rows,
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
      b.pattern = pattern_of(tables, gaps, b.given);
      blocks_.push_back(std::move(b));
    }
  }

  /// \param given of the block's rows, as of `block`
  std::size_t pattern_of(const std::vector<correlation_table>& tables,
                         const std::vector<index_t>& gaps, index_t given) {
    const auto [place, added] = patterns_.try_emplace({given, gaps}, factors_.size());
    if (!added) return place->second;
    factors_.emplace_back();
    const auto together = static_cast<std::size_t>(cholesky_lanes::lanes);
    for (std::size_t from = 0; from < tables.size(); from += together)
      add_factors(tables, from, (std::min)(together, tables.size() - from), gaps, given);
    return place->second;
  }

  static double correlation(const correlation_table& table, const std::vector<index_t>& gaps,
                            index_t i, index_t j) {
    return table(gaps[static_cast<std::size_t>(i)] - gaps[static_cast<std::size_t>(j)]);
  }

  /// Those of some groups side by side; where there are fewer than lanes the last one comes again.
  void add_factors(const std::vector<correlation_table>& tables, std::size_t from,
                   std::size_t count, const std::vector<index_t>& gaps, index_t given) {
    const auto n = static_cast<index_t>(gaps.size());
    cholesky_lanes direct(n);
    for (index_t lane = 0; lane < cholesky_lanes::lanes; ++lane) {
      const auto group = from + (std::min)(count - 1, static_cast<std::size_t>(lane));
      for (index_t i = 0; i < n; ++i)
        for (index_t j = 0; j <= i; ++j)
          direct(i, j, lane) = correlation(tables[group], gaps, i, j);
    }
    const unsigned definite = direct.factorize();
    for (std::size_t lane = 0; lane < count; ++lane) {
      const auto of_lane = [&](index_t i, index_t j) {
        return direct(i, j, static_cast<index_t>(lane));
      };
      if (definite >> lane & 1U)
        factors_.back().emplace_back(n, given, of_lane);
      else
        factors_.back().emplace_back(n, given, repaired(tables[from + lane], gaps));
    }
  }

  static Eigen::MatrixXd repaired(const correlation_table& table,
                                  const std::vector<index_t>& gaps) {
    const auto n = static_cast<index_t>(gaps.size());
    Eigen::MatrixXd matrix(n, n);
    for (index_t i = 0; i < n; ++i)
      for (index_t j = 0; j <= i; ++j) matrix(i, j) = matrix(j, i) = correlation(table, gaps, i, j);
    return repaired_correlation_factor(matrix);
  }

  struct factor {
    packed_lower<Scalar> lower;
    Eigen::MatrixX<Scalar> given;  ///< its part of the rows that are drawn already

    /// \param value from (i, j), j <= i, to an element
    template <class Value>
    factor(index_t n, index_t drawn, const Value& value)
        : lower(n, value), given(Eigen::MatrixX<Scalar>::Zero(drawn, drawn)) {
      for (index_t i = 0; i < drawn; ++i)
        for (index_t j = 0; j <= i; ++j) given(i, j) = static_cast<Scalar>(value(i, j));
    }
  };

  /// \param work memory that is used again
  static void apply(const block& b, const std::vector<index_t>& components, const factor& f,
                    std::vector<Scalar>& work, row_matrix<Scalar>& z) {
    constexpr std::size_t together = packed_lower<Scalar>::together;
    const auto stride = static_cast<std::size_t>(f.lower.padded_rows());
    work.resize((std::max)(work.size(), together * stride));
    for (std::size_t from = 0; from < components.size(); from += together) {
      const std::size_t count = (std::min)(together, components.size() - from);
      for (std::size_t i = 0; i < b.rows.size(); ++i)
        for (std::size_t c = 0; c < count; ++c)
          work[c * stride + i] = z(b.rows[i], components[from + c]);
      for (std::size_t c = 0; b.given > 0 && c < count; ++c)
        f.given.template triangularView<Eigen::Lower>().solveInPlace(
            Eigen::Map<Eigen::VectorX<Scalar>>(work.data() + c * stride, b.given));
      f.lower.multiply(work.data());
      for (auto i = static_cast<std::size_t>(b.given); i < b.rows.size(); ++i)
        for (std::size_t c = 0; c < count; ++c)
          z(b.rows[i], components[from + c]) = work[c * stride + i];
    }
  }

  std::vector<std::vector<index_t>> groups_;
  std::vector<block> blocks_;
  std::map<std::pair<index_t, std::vector<index_t>>, std::size_t> patterns_;
  std::vector<std::vector<factor>> factors_;  ///< by pattern and group
};

}  // namespace atlas::inline ATLAS_ABI::detail
