// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// Errors of estimates of dimension: from what each row adds to them, or from halves of the rows.

#include <Eigen/Core>
#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <utility>
#include <vector>

#include "atlas/core/lazy.hpp"
#include "atlas/core/random.hpp"
#include "atlas/dimension/estimate.hpp"
#include "atlas/dimension/estimator_input.hpp"
#include "atlas/dimension/linked_scores.hpp"
#include "atlas/dimension/two_nn_error.hpp"
#include "atlas/dimension/two_nn_scores.hpp"

namespace atlas::inline ATLAS_ABI::detail {

template <class = lazy>
row_units units_of_rows(const dimension_options& options, index_t rows) {
  return units_of(options.context.empty() ? options.exclude.context : options.context, rows);
}

inline void count_units(const row_units& units, index_t with_rows, dimension_estimate& out) {
  if (!units.contexts) return;
  out.contexts = with_rows;
  out.few_contexts = with_rows < few_contexts;
}

template <class = lazy>
void set_error(const log_error& error, double confidence, error_source from,
               dimension_estimate& out) {
  out.standard_error = out.dimension * error.error;
  out.interval = interval_of(out.dimension, error, confidence);
  out.error_from = std::isfinite(error.error) ? from : error_source::none;
}

/// A row's own unit and those of the neighbours that its score is made of.
template <class = lazy>
unit_members members_of_rows(const raw_estimate& raw, const row_units& units,
                             const neighbor_table& table) {
  const index_t width = raw.linked + 1;
  if (!units.contexts) return {raw.rows, table.indices, width};
  std::vector<index_t> sets;
  sets.reserve(raw.rows.size() * static_cast<std::size_t>(width));
  for (const index_t row : raw.rows) {
    sets.push_back(units.of(row));
    for (index_t j = 0; j < raw.linked; ++j) sets.push_back(units.of(table.indices(row, j)));
  }
  return {std::move(sets), width};
}

/// Rows are linked where they, or those of their neighbours that their scores are made of, are one
/// row or of one context.
/// \param rows  of the cloud
/// \param table of its neighbours; may be empty where scores are made of none
template <class = lazy>
void add_error_of_scores(const raw_estimate& raw, index_t rows, const neighbor_table& table,
                         const dimension_options& options, dimension_estimate& out) {
  const row_units units = units_of_rows(options, rows);
  const score_sums sums = sum_scores({units.count, members_of_rows(raw, units, table), raw.scores});
  const auto used = static_cast<index_t>(raw.rows.size());
  const score_covariance c = covariance_of_sums(sums, used, units.contexts, 0, 1);
  count_units(units, sums.units, out);
  double degrees = c.degrees;
  if (sums.linked.size() > 0)  // see covariance_of_scales
    degrees =
        (std::min)(degrees, static_cast<double>(used) * static_cast<double>(used) / sums.links);
  set_error({std::sqrt(c.matrix(0, 0)), degrees}, options.confidence, error_source::scores, out);
}

/// Half of the units, at random, and their rows, ascending: of one random order of the units the
/// first half, or the last.
template <class = lazy>
std::vector<index_t> half_of_rows(const row_units& units, index_t rows, random_stream& random,
                                  bool last) {
  std::vector<index_t> order = random_permutation(units.count, random);
  if (last) std::reverse(order.begin(), order.end());
  std::vector<bool> in(static_cast<std::size_t>(units.count));
  for (index_t u = 0; u < units.count / 2; ++u)
    in[static_cast<std::size_t>(order[static_cast<std::size_t>(u)])] = true;
  std::vector<index_t> out;
  for (index_t i = 0; i < rows; ++i)
    if (in[static_cast<std::size_t>(units.of(i))]) out.push_back(i);
  return out;
}

/// Estimates of two halves without a row in common are independent, and where variances are in
/// proportion to 1/N half of their difference varies as the estimate of all rows does. (Estimates
/// of halves about their mean, the delete-half jackknife of Shao and Wu, Ann. Stat. 17, 1176, 1989,
/// vary more than that where rows do not add to the estimate one by one: Efron and Stein, Ann.
/// Stat. 9, 586, 1981.) Pairs of which one has no estimate (NaN) are left out.
/// \param dimensions of pairs of such halves, one after the other
template <class = lazy>
log_error error_of_halves(const std::vector<double>& dimensions, index_t units) {
  double square = 0, pairs = 0;
  for (std::size_t h = 0; h + 1 < dimensions.size(); h += 2) {
    const double a = dimensions[h], b = dimensions[h + 1];
    if (!(a > 0 && b > 0 && std::isfinite(a) && std::isfinite(b))) continue;
    const double gap = 0.5 * (std::log(a) - std::log(b));
    square += gap * gap;
    pairs += 1;
  }
  constexpr double none = std::numeric_limits<double>::quiet_NaN();
  if (pairs < 2 || units < 4) return {none, none};
  return {std::sqrt(square / pairs), (std::min)(pairs, static_cast<double>(units) - 1)};
}

}  // namespace atlas::inline ATLAS_ABI::detail
