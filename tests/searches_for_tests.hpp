// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// Neighbours of the definition, in long double, and what the searches of the library find.

#include <Eigen/Dense>
#include <algorithm>
#include <cmath>
#include <set>
#include <utility>
#include <vector>

#include "atlas/neighbors/nearest_neighbors.hpp"
#include "catch.hpp"
#include "clouds_for_tests.hpp"
#include "tolerances.hpp"

namespace atlas_test {

/// Whether two rows may not be neighbours, of the definition.
inline bool excluded(const atlas::exclusion& exclude, atlas::index_t i, atlas::index_t j) {
  for (const auto& set : exclude.labels)
    if (set[i] == set[j]) return true;
  const bool same = exclude.context.empty() || exclude.context[i] == exclude.context[j];
  if (exclude.window >= 0)
    return same && exclude.position[i] - exclude.position[j] <= exclude.window &&
           exclude.position[j] - exclude.position[i] <= exclude.window;
  return same && !exclude.context.empty();
}

/// All distances from one row in long double, sorted by (distance, row); of each context the
/// first, where neighbours are of distinct ones.
template <class Matrix>
std::vector<std::pair<long double, atlas::index_t>> by_brute_force(
    const Matrix& x, Eigen::Index row, const atlas::exclusion& exclude) {
  std::vector<std::pair<long double, atlas::index_t>> all, firsts;
  for (Eigen::Index j = 0; j < x.rows(); ++j) {
    if (j == row || excluded(exclude, row, j)) continue;
    long double sum = 0;
    for (Eigen::Index k = 0; k < x.cols(); ++k) {
      const long double gap =
          static_cast<long double>(x(row, k)) - static_cast<long double>(x(j, k));
      sum += gap * gap;
    }
    all.emplace_back(std::sqrt(sum), j);
  }
  std::sort(all.begin(), all.end());
  if (!exclude.distinct) return all;
  std::set<atlas::index_t> contexts;
  for (const auto& one : all)
    if (contexts.insert(exclude.context[one.second]).second) firsts.push_back(one);
  return firsts;
}

/// Every returned distance against brute force; every index where the distances are distinct.
template <class Matrix>
void check_against_brute_force(const Matrix& x, const atlas::neighbor_options& options,
                               double tolerance) {
  const auto found = atlas::nearest_neighbors(x, options);
  int wrong = 0;
  for (Eigen::Index i = 0; i < x.rows(); ++i) {
    const auto all = by_brute_force(x, i, options.exclude);
    for (atlas::index_t k = 0; k < options.k; ++k) {
      const auto at = static_cast<std::size_t>(k);
      if (at >= all.size()) {
        wrong += found.indices(i, k) != -1 || !std::isinf(found.distances(i, k));
        continue;
      }
      const auto wanted = static_cast<double>(all[at].first);
      wrong += std::abs(found.distances(i, k) - wanted) > tolerance * (wanted + 1e-300);
      const bool alone = (at == 0 || all[at].first > all[at - 1].first * (1 + 1e-9L)) &&
                         (at + 1 == all.size() || all[at + 1].first > all[at].first * (1 + 1e-9L));
      wrong += alone && found.indices(i, k) != all[at].second;
    }
  }
  CHECK(wrong == 0);
}

inline bool equal(const atlas::neighbor_table& a, const atlas::neighbor_table& b) {
  const auto n = a.indices.size();
  return std::equal(a.indices.data(), a.indices.data() + n, b.indices.data()) &&
         std::equal(a.distances.data(), a.distances.data() + n, b.distances.data());
}

/// Of three directions in eight, linearly or along curves.
inline Eigen::MatrixXd thin_cloud(atlas::index_t n, bool curved) {
  const Eigen::MatrixXd sums = normal_cloud(n, 3, 5) * normal_cloud(3, 8, 6);
  if (!curved) return sums;
  return sums.unaryExpr([](double x) { return std::sin(x); });
}

/// Of three directions, curved through all of sixty.
inline Eigen::MatrixXd folded_cloud(atlas::index_t n) {
  const Eigen::MatrixXd sums = normal_cloud(n, 3, 5) * normal_cloud(3, 60, 6);
  return sums.unaryExpr([](double x) { return std::sin(x); });
}

/// A cloud as the searches take it.
template <class Matrix>
struct searched {
  using scalar = typename Matrix::Scalar;
  explicit searched(const Matrix& x)
      : held(atlas::as_view<2>(x)),
        points(held),
        centring(atlas::detail::find_centring(points, 1)) {}

  atlas::neighbor_table exhaustively(const atlas::neighbor_options& o, bool bytes) const {
    atlas::detail::block_search<scalar> search(points, centring, o, bytes);
    return atlas::detail::run_search(search, o.threads, {});
  }
  atlas::neighbor_table in_a_tree(const atlas::neighbor_options& o) const {
    auto axes = atlas::detail::find_leading_axes(atlas::detail::sample_rows(points, centring),
                                                 points.extent(1));
    atlas::detail::tree_search<scalar> search(points, centring, o, std::move(axes));
    return atlas::detail::run_search(search, o.threads, {});
  }
  template <class Shortlist>
  atlas::neighbor_table in_cells(const atlas::neighbor_options& o) const {
    atlas::detail::cell_search<scalar, Shortlist> search(points, centring, o);
    return atlas::detail::run_search(search, o.threads, {});
  }
  atlas::detail::search_choice<scalar> chosen() const { return {points, centring, options}; }

  atlas::neighbor_options options;

  decltype(atlas::as_view<2>(std::declval<const Matrix&>())) held;
  atlas::tensor_view<const scalar, 2> points;
  atlas::detail::centring centring;
};

/// Through a tree and exhaustively, whichever of them is chosen.
template <class Matrix>
void check_tree(const Matrix& x, const atlas::neighbor_options& options) {
  const searched<Matrix> cloud(x);
  const auto found = atlas::nearest_neighbors(x, options);
  CHECK(equal(found, cloud.in_a_tree(options)));
  CHECK(equal(found, cloud.exhaustively(options, atlas::detail::fast_bytes)));
}

/// In cells of rows rounded to bytes or floats, and exhaustively.
template <class Matrix>
void check_cells(const Matrix& x, const atlas::neighbor_options& options) {
  using floats = atlas::detail::float_shortlist<typename Matrix::Scalar>;
  using bytes = atlas::detail::byte_shortlist<typename Matrix::Scalar>;
  const searched<Matrix> cloud(x);
  const auto expected = cloud.exhaustively(options, false);
  REQUIRE(floats::fits(cloud.centring, x.cols()));
  CHECK(equal(cloud.template in_cells<floats>(options), expected));
  if (bytes::fits(cloud.centring, x.cols()))
    CHECK(equal(cloud.template in_cells<bytes>(options), expected));
}

/// Rows that are hard to round: lengths over twelve orders of magnitude, one coordinate that
/// outweighs the others, zeros, and pairs that differ in one coordinate a little.
inline Eigen::MatrixXd uneven_cloud(atlas::index_t n, atlas::index_t d) {
  Eigen::MatrixXd x = normal_cloud(n, d, 9);
  for (atlas::index_t i = 0; i < n; ++i) {
    if (i % 5 == 1) x.row(i) *= std::pow(10.0, static_cast<double>(i % 13) - 6);
    if (i % 5 == 2) x(i, i % d) *= 300;
    if (i % 50 == 3) x.row(i).setZero();
    if (i % 5 == 4) x.row(i) = x.row(i - 3);
    if (i % 10 == 4) x(i, i % d) += 1e-4;
  }
  return x;
}

/// The exhaustive search with rows rounded to bytes, and without.
template <class Matrix>
void check_bytes(const Matrix& x, const atlas::neighbor_options& options) {
  const searched<Matrix> cloud(x);
  CHECK(equal(cloud.exhaustively(options, true), cloud.exhaustively(options, false)));
}

inline std::vector<int> labels(int n, int size) {
  std::vector<int> out;
  for (int i = 0; i < n; ++i) out.push_back(i / size);
  return out;
}

}  // namespace atlas_test
