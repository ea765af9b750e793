// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// The variance of sums over rows that are not independent.

#include <Eigen/Core>
#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <numeric>
#include <utility>
#include <vector>

#include "atlas/core/lazy.hpp"
#include "atlas/core/tensor_view.hpp"
#include "atlas/dimension/unit_members.hpp"

namespace atlas::inline ATLAS_ABI::detail {

/// What each row adds to some statistics, and the units (rows or contexts) that it was made of.
struct scored_rows {
  index_t units = 0;       ///< numbers of units are below it
  unit_members members;    ///< of n rows
  Eigen::MatrixXd scores;  ///< `[n, q]`

  index_t count() const { return scores.rows(); }
};

/// Sums over pairs of rows of the products of their scores.
struct score_sums {
  Eigen::MatrixXd own;  ///< `[q, q]`, over pairs of one unit
  Eigen::MatrixXd
      linked;        ///< `[q, q]`, over pairs with a unit in common; empty where they nearly all do
  double links = 0;  ///< how many ordered pairs those are, each row with itself among them
  index_t units = 0;  ///< that have rows
};

/// Each column less its mean.
inline Eigen::MatrixXd centred_scores(const Eigen::MatrixXd& scores) {
  return scores.rowwise() - scores.colwise().mean();
}

/// Sets of units, with how many rows have each and the sums of their scores.
struct unit_sets {
  unit_members members;                                                           ///< of m sets
  Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor> scores;  ///< `[m, q]`
  std::vector<double> rows;                                                       ///< `[m]`
};

/// The units of each set, ascending, `[n, width]`.
template <class = lazy>
std::vector<index_t> sorted_members(const unit_members& members) {
  std::vector<index_t> out;
  out.reserve(static_cast<std::size_t>(members.count() * members.width()));
  for (index_t i = 0; i < members.count(); ++i) {
    members.visit(i, [&](index_t unit) { out.push_back(unit); });
    std::sort(out.end() - members.width(), out.end());
  }
  return out;
}

/// Rows of the same set as one. Of many rows of few contexts that leaves few.
template <class = lazy>
unit_sets collect_sets(const scored_rows& a, const Eigen::MatrixXd& scores) {
  const auto width = static_cast<std::size_t>(a.members.width());
  const std::vector<index_t> sorted = sorted_members(a.members);
  std::vector<index_t> order(static_cast<std::size_t>(a.count())), members;
  std::iota(order.begin(), order.end(), index_t{0});
  const auto set = [&](index_t i) { return sorted.data() + static_cast<std::size_t>(i) * width; };
  std::sort(order.begin(), order.end(), [&](index_t i, index_t j) {
    const auto [x, y] = std::mismatch(set(i), set(i) + width, set(j));
    return x == set(i) + width ? i < j : *x < *y;
  });
  unit_sets out;
  out.scores.setZero(a.count(), scores.cols());
  for (const index_t i : order) {
    if (out.rows.empty() ||
        !std::equal(set(i), set(i) + width, members.end() - a.members.width())) {
      members.insert(members.end(), set(i), set(i) + width);
      out.rows.push_back(0);
    }
    out.scores.row(static_cast<index_t>(out.rows.size()) - 1) += scores.row(i);
    out.rows.back() += 1;
  }
  out.members = {std::move(members), a.members.width()};
  return out;
}

/// One set a row.
template <class = lazy>
unit_sets sets_of_rows(scored_rows a, const Eigen::MatrixXd& scores) {
  const auto count = static_cast<std::size_t>(a.count());
  return {std::move(a.members), scores, std::vector<double>(count, 1)};
}

/// How many sets hold each unit.
template <class = lazy>
std::vector<index_t> sets_of_units(const unit_sets& sets, index_t units) {
  std::vector<index_t> out(static_cast<std::size_t>(units));
  for (index_t i = 0; i < sets.members.count(); ++i)
    sets.members.visit(i, [&](index_t unit) { ++out[static_cast<std::size_t>(unit)]; });
  return out;
}

/// Of every `stride` sets the one that stands for all, chosen by a hash of its number; 1: all.
template <class = lazy>
std::vector<index_t> standing_sets(index_t count, index_t stride) {
  std::vector<index_t> out;
  for (index_t begin = 0; begin < count; begin += stride) {
    const auto among = static_cast<std::uint64_t>((std::min)(stride, count - begin));
    out.push_back(begin +
                  static_cast<index_t>(
                      (static_cast<std::uint64_t>(begin) * 0x9E3779B97F4A7C15U >> 32) % among));
  }
  return out;
}

/// The sets that hold each unit of some sets, unit after unit.
struct held_units {
  std::vector<index_t>
      begin;  ///< by unit, one more than there are; none hold a unit of no such set
  std::vector<index_t> sets;
};

/// \param holders how many sets hold each unit
template <class = lazy>
held_units units_held(const unit_sets& sets, const std::vector<index_t>& some,
                      const std::vector<index_t>& holders) {
  const auto at = [](index_t i) { return static_cast<std::size_t>(i); };
  std::vector<char> wanted(holders.size());
  for (const index_t i : some) sets.members.visit(i, [&](index_t unit) { wanted[at(unit)] = 1; });
  held_units out{{0}, {}};
  for (std::size_t u = 0; u < holders.size(); ++u)
    out.begin.push_back(out.begin.back() + (wanted[u] != 0 ? holders[u] : 0));
  out.sets.resize(at(out.begin.back()));
  std::vector<index_t> next(out.begin.begin(), out.begin.end() - 1);
  for (index_t i = 0; i < sets.members.count(); ++i)
    sets.members.visit(i, [&](index_t unit) {
      if (wanted[at(unit)] != 0) out.sets[at(next[at(unit)]++)] = i;
    });
  return out;
}

/// Four sums side by side, which a processor adds at once.
using four_sums = std::array<double, 4>;

/// Four columns, from `first` on, of the scores of sets with the number of their rows beside them;
/// zeros beyond.
template <class = lazy>
std::vector<four_sums> four_columns(const unit_sets& sets, index_t first) {
  const index_t q = sets.scores.cols();
  std::vector<four_sums> out(sets.rows.size());
  for (std::size_t i = 0; i < out.size(); ++i)
    for (index_t c = first; c < (std::min)(first + 4, q + 1); ++c)
      out[i][static_cast<std::size_t>(c - first)] =
          c < q ? sets.scores(static_cast<index_t>(i), c) : sets.rows[i];
  return out;
}

/// Sums over the sets that share a unit with set i, itself among them.
/// \param last the set that each was last added for, less than i; of all sets
template <class = lazy>
four_sums sum_of_linked(const unit_sets& sets, const held_units& held, index_t i,
                        const std::vector<four_sums>& columns, std::vector<index_t>& last) {
  const auto at = [](index_t n) { return static_cast<std::size_t>(n); };
  four_sums sum{};
  sets.members.visit(i, [&](index_t unit) {
    for (index_t h = held.begin[at(unit)]; h < held.begin[at(unit) + 1]; ++h) {
      const std::size_t j = at(held.sets[at(h)]);
      // Times 0 or 1: a branch would be guessed wrongly for a third of the sets.
      const double once = std::exchange(last[j], i) == i ? 0 : 1;
      for (std::size_t c = 0; c < 4; ++c) sum[c] += once * columns[j][c];
    }
  });
  return sum;
}

/// Adds the pairs of rows whose sets share a unit, each once however many they have in common.
/// \param some the sets that stand for all
template <class = lazy>
void add_links(const unit_sets& sets, const std::vector<index_t>& some, const held_units& held,
               score_sums& out) {
  const index_t q = sets.scores.cols();
  const auto at = [](index_t i) { return static_cast<std::size_t>(i); };
  std::vector<index_t> last;
  for (index_t first = 0; first <= q; first += 4) {
    const std::vector<four_sums> columns = four_columns(sets, first);
    last.assign(sets.rows.size(), -1);
    for (const index_t i : some) {
      const four_sums sum = sum_of_linked(sets, held, i, columns, last);
      for (index_t c = first; c < (std::min)(first + 4, q); ++c)
        out.linked.col(c) += sum[at(c - first)] * sets.scores.row(i).transpose();
      if (q < first + 4) out.links += sets.rows[at(i)] * sum[at(q - first)];
    }
  }
  const double weight = static_cast<double>(sets.rows.size()) / static_cast<double>(some.size());
  out.linked *= weight;
  out.links *= weight;
}

/// Rows are linked where their sets have a unit in common: they share distances, or rows of one
/// context. Where more than this share of pairs is linked, sums over them say nothing: over all
/// pairs the sum is 0.
inline constexpr double most_links = 0.95;

/// Links, each as often as it has units in common, that are looked at before sums are estimated
/// from a part of the rows: half a second. The standard error is then itself known to some two
/// percent.
inline constexpr double most_links_seen = 2e7;

/// O(n) memory; time in proportion to the links, each counted as often as it has units in common
/// (rows of the same units count as one), up to `most_links_seen`.
template <class = lazy>
score_sums sum_scores(scored_rows a) {
  const index_t q = a.scores.cols(), n = a.count();
  const Eigen::MatrixXd scores = centred_scores(a.scores);
  score_sums out{Eigen::MatrixXd::Zero(q, q), {}, 0, 0};
  Eigen::MatrixXd of_units = Eigen::MatrixXd::Zero(a.units, q);
  std::vector<bool> seen(static_cast<std::size_t>(a.units));
  for (index_t i = 0; i < n; ++i) {
    const index_t unit = a.members.own(i);
    of_units.row(unit) += scores.row(i);
    seen[static_cast<std::size_t>(unit)] = true;
  }
  out.units = static_cast<index_t>(std::count(seen.begin(), seen.end(), true));
  out.own.noalias() = of_units.transpose() * of_units;
  const unit_sets sets =
      out.units < n ? collect_sets(a, scores) : sets_of_rows(std::move(a), scores);
  const std::vector<index_t> holders = sets_of_units(sets, a.units);
  double work = 0;
  for (const index_t count : holders)
    work += static_cast<double>(count) * static_cast<double>(count);
  const double pairs = static_cast<double>(n) * static_cast<double>(n);
  if (work > 3 * pairs) return out;
  out.linked = Eigen::MatrixXd::Zero(q, q);
  const auto stride = static_cast<index_t>(std::ceil((std::max)(1.0, work / most_links_seen)));
  const std::vector<index_t> some = standing_sets(static_cast<index_t>(sets.rows.size()), stride);
  add_links(sets, some, units_held(sets, some, holders), out);
  if (out.links > most_links * pairs) out.linked.resize(0, 0);
  return out;
}

/// Trace of `A^-1 B` for one or two statistics, over their number; NaN where A is singular.
inline double mean_ratio(const Eigen::MatrixXd& a, const Eigen::MatrixXd& b) {
  if (a.rows() == 1) return b(0, 0) / a(0, 0);
  const double determinant = a(0, 0) * a(1, 1) - a(0, 1) * a(1, 0);
  return 0.5 * (a(1, 1) * b(0, 0) - a(0, 1) * b(1, 0) - a(1, 0) * b(0, 1) + a(0, 0) * b(1, 1)) /
         determinant;
}

/// Covariance of one or two statistics, and the degrees of freedom that it is known with.
struct score_covariance {
  Eigen::MatrixXd matrix;
  double degrees = 0;
};

/// Of the statistics `[first, first + count)` of the sums.
///
/// The sums over linked pairs are those of scores less their mean, which makes them too small by
/// the share of pairs that is linked. They are never below the sums over single units, and of two
/// statistics both are so many times as large. Degrees of freedom: of contexts their number less
/// one; of rows those of a quadratic form in independent normal scores (Satterthwaite). NaN of one
/// unit.
///
/// \param contexts whether units are contexts
template <class = lazy>
score_covariance covariance_of_sums(const score_sums& sums, index_t rows, bool contexts,
                                    index_t first, index_t count) {
  const auto units = static_cast<double>(sums.units);
  const double of_all = units > 1 ? units / (units - 1) : std::numeric_limits<double>::quiet_NaN();
  const Eigen::MatrixXd own = sums.own.block(first, first, count, count) * of_all;
  const double pairs = static_cast<double>(rows) * static_cast<double>(rows);
  double inflation = 1;
  if (sums.linked.size() > 0) {
    const Eigen::MatrixXd linked =
        sums.linked.block(first, first, count, count) / (1 - sums.links / pairs);
    inflation = (std::max)(1.0, mean_ratio(own, linked));
  }
  const double degrees =
      contexts ? units - 1
      : sums.linked.size() > 0
          ? std::clamp(inflation * inflation * pairs / sums.links, 1.0, (std::max)(1.0, units - 1))
          : 1;
  return {own * inflation, degrees};
}

}  // namespace atlas::inline ATLAS_ABI::detail
