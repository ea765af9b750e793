// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// Which rows a model is fitted on and which it is judged on: random rows, or whole contexts, since
/// rows of one context resemble each other.

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "atlas/core/checks.hpp"
#include "atlas/core/compiled.hpp"
#include "atlas/core/lazy.hpp"
#include "atlas/core/random.hpp"
#include "atlas/core/whole_numbers.hpp"

namespace atlas::inline ATLAS_ABI {

/// Row numbers, increasing; every row is in one of the two.
struct row_split {
  std::vector<index_t> training;
  std::vector<index_t> held_out;
};

struct row_split_options {
  double share = 0.2;  ///< of the rows, or contexts, that are held out; in (0, 1)
  std::uint64_t seed = 0;
};

namespace detail {

/// About a share of n, but at least one and not all.
inline index_t share_of(index_t n, double share) {
  return std::clamp<index_t>(static_cast<index_t>(std::llround(share * static_cast<double>(n))), 1,
                             n - 1);
}

/// Whether each of n things is among a share drawn at random.
template <class = lazy>
std::vector<bool> drawn_share(index_t n, double share, random_stream& random) {
  std::vector<bool> drawn(static_cast<std::size_t>(n));
  for (const index_t i : sample_rows(n, share_of(n, share), random))
    drawn[static_cast<std::size_t>(i)] = true;
  return drawn;
}

/// The different labels, increasing.
template <class Label>
std::vector<Label> different_labels(std::vector<Label> labels) {
  std::sort(labels.begin(), labels.end());
  labels.erase(std::unique(labels.begin(), labels.end()), labels.end());
  return labels;
}

/// Splits given rows: single ones where there are no labels, otherwise those that share one.
/// \param labels of all rows, or empty
template <class = lazy>
row_split split_rows(const std::vector<index_t>& rows, const tensor_view<const index_t, 1>& labels,
                     double share, std::string_view argument, random_stream& random) {
  std::vector<index_t> of_row = rows;
  if (!labels.empty())
    for (index_t& row : of_row) row = labels[row];
  const std::vector<index_t> groups = different_labels(of_row);
  const auto count = static_cast<index_t>(groups.size());
  if (count < 2)
    throw shape_error(argument, labels.empty() ? "at least 2 rows" : "at least 2 contexts",
                      std::to_string(count));
  const std::vector<bool> drawn = drawn_share(count, share, random);
  row_split split;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const auto group = std::lower_bound(groups.begin(), groups.end(), of_row[i]) - groups.begin();
    (drawn[static_cast<std::size_t>(group)] ? split.held_out : split.training).push_back(rows[i]);
  }
  return split;
}

inline std::vector<index_t> all_rows(index_t n) {
  std::vector<index_t> rows(static_cast<std::size_t>(n));
  for (index_t i = 0; i < n; ++i) rows[static_cast<std::size_t>(i)] = i;
  return rows;
}

}  // namespace detail

/// Holds out `round(share * N)` random rows, but at least one and not all.
/// \throws shape_error for fewer than 2 rows, value_error for a share out of range
template <class = lazy>
[[nodiscard]] row_split split_by_row(index_t rows, const row_split_options& options = {}) {
  check_open_unit(options.share, "share");
  random_stream random(options.seed);
  return detail::split_rows(detail::all_rows(std::max<index_t>(0, rows)), {}, options.share, "rows",
                            random);
}

/// Holds out all rows of `round(share * contexts)` random contexts, but at least one and not all.
/// \param context `[N]`, a whole number that rows of one context share
/// \throws shape_error for fewer than 2 contexts, value_error for a share out of range
template <whole_tensor<1> Labels>
[[nodiscard]] row_split split_by_context(const Labels& context,
                                         const row_split_options& options = {}) {
  check_open_unit(options.share, "share");
  const auto labels = detail::copy_indices<1>(context, "context");
  random_stream random(options.seed);
  return detail::split_rows(detail::all_rows(labels.extent(0)), labels, options.share, "context",
                            random);
}

}  // namespace atlas::inline ATLAS_ABI

#ifdef ATLAS_COMPILED
namespace atlas::inline ATLAS_ABI::detail {
ATLAS_OF_AUTOENCODER row_split split_rows<void>(const std::vector<index_t>&,
                                                const tensor_view<const index_t, 1>&, double,
                                                std::string_view, random_stream&);
}  // namespace atlas::inline ATLAS_ABI::detail
#endif
