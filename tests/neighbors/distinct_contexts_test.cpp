// SPDX-License-Identifier: MIT
#include <Eigen/Dense>
#include <algorithm>
#include <limits>
#include <map>
#include <random>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "../catch.hpp"
#include "../clouds_for_tests.hpp"
#include "../messages.hpp"
#include "../searches_for_tests.hpp"
#include "../tolerances.hpp"
#include "atlas/manifold/stacked_clouds.hpp"
#include "atlas/neighbors/nearest_neighbors.hpp"

using namespace atlas_test;
using atlas::also_excluding;

namespace {

using row_labels = std::vector<atlas::index_t>;

/// Labels of rows as they come: in order, in turns, anyhow, far apart and negative, single rows,
/// and one of half of the rows beside single ones.
std::vector<row_labels> all_kinds_of_labels(atlas::index_t n, atlas::index_t different,
                                            std::uint64_t seed) {
  atlas::random_stream random(seed);
  std::vector<row_labels> kinds(6);
  for (atlas::index_t i = 0; i < n; ++i) {
    kinds[0].push_back(i * different / n);
    kinds[1].push_back(i % different);
    kinds[2].push_back(random.uniform_index(different));
    kinds[3].push_back(5 - (i * different / n) * 1000000007);
    kinds[4].push_back(n - i);
    kinds[5].push_back(i % 2 == 0 ? -1 : i);
  }
  return kinds;
}

/// Some labels often and most seldom, as tokens are.
row_labels tokens(atlas::index_t n, std::uint64_t seed) {
  atlas::random_stream random(seed);
  row_labels out;
  for (atlas::index_t i = 0; i < n; ++i)
    out.push_back(static_cast<atlas::index_t>(std::pow(1000, random.uniform())));
  return out;
}

/// Rows that follow each other in a context are near each other, and some are the same.
Eigen::MatrixXd serial_cloud(const row_labels& context, atlas::index_t d, bool thin) {
  const auto n = static_cast<atlas::index_t>(context.size());
  Eigen::MatrixXd x = thin ? thin_cloud(n, true).leftCols(d).eval() : normal_cloud(n, d, 4);
  for (atlas::index_t i = 1; i < n; ++i)
    if (context[static_cast<std::size_t>(i)] == context[static_cast<std::size_t>(i - 1)])
      x.row(i) = 0.9 * x.row(i - 1) + 0.4 * x.row(i);
  for (atlas::index_t i = 0; i + 40 < n; i += 97) x.row(i + 40) = x.row(i);
  return x;
}

/// A table against brute force in long double, for some of its rows.
template <class Matrix>
int wrong_places(const atlas::neighbor_table& found, const Matrix& x,
                 const atlas::neighbor_options& o, atlas::index_t step) {
  int wrong = 0;
  for (Eigen::Index i = 0; i < x.rows(); i += step) {
    const auto all = by_brute_force(x, i, o.exclude);
    for (atlas::index_t k = 0; k < o.k; ++k) {
      if (k >= static_cast<atlas::index_t>(all.size())) {
        wrong += found.indices(i, k) != -1 || !std::isinf(found.distances(i, k));
        continue;
      }
      const auto& [distance, row] = all[static_cast<std::size_t>(k)];
      const auto wanted = static_cast<double>(distance);
      wrong += !(std::abs(found.distances(i, k) - wanted) <= tolerance::double_rounding * wanted);
      wrong += found.indices(i, k) != row;
    }
  }
  return wrong;
}

/// Every search, of floats and of doubles, against the definition.
template <class Matrix>
int wrong_places_of_all(const Matrix& x, const atlas::neighbor_options& o, atlas::index_t step) {
  using floats = atlas::detail::float_shortlist<typename Matrix::Scalar>;
  using bytes = atlas::detail::byte_shortlist<typename Matrix::Scalar>;
  constexpr atlas::index_t rows_of_a_node = 1024;
  const searched<Matrix> cloud(x);
  const auto expected = atlas::nearest_neighbors(x, o);
  int wrong = wrong_places(expected, x, o, step);
  wrong += !equal(cloud.exhaustively(o, false), expected);
  wrong += !equal(cloud.exhaustively(o, true), expected);
  if (x.rows() > rows_of_a_node) wrong += !equal(cloud.in_a_tree(o), expected);
  wrong += !equal(cloud.template in_cells<floats>(o), expected);
  if (bytes::fits(cloud.centring, x.cols()))
    wrong += !equal(cloud.template in_cells<bytes>(o), expected);
  return wrong;
}

void check_all_kinds(atlas::index_t n, atlas::index_t d, atlas::index_t different,
                     const std::vector<atlas::index_t>& ks, atlas::index_t step) {
  const auto kinds = all_kinds_of_labels(n, different, 3);
  for (std::size_t kind = 0; kind < kinds.size(); ++kind) {
    const Eigen::MatrixXd x = serial_cloud(kinds[kind], d, kind % 2 == 1);
    for (const atlas::index_t k : ks) {
      CAPTURE(n, different, kind, k);
      const auto exclude = atlas::distinct_contexts(kinds[kind]);
      CHECK(wrong_places_of_all(x, {.k = k, .exclude = exclude, .threads = 2}, step) == 0);
      const Eigen::MatrixXf f = x.cast<float>();
      const auto more = also_excluding(exclude, tokens(n, 8));
      CHECK(wrong_places_of_all(f, {.k = k, .exclude = more, .threads = 1}, step) == 0);
    }
  }
}

}  // namespace

TEST_CASE("neighbours in distinct contexts are those of brute force in long double") {
  check_all_kinds(231, 5, 3, {1, 2, 3}, 2);
  check_all_kinds(320, 8, 60, {2, 9}, 5);
}

TEST_CASE("all searches find the same distinct contexts in clouds of several nodes and blocks") {
  check_all_kinds(1309, 8, 120, {2}, 37);
}

TEST_CASE("a tree and cells find distinct contexts in the clouds that they are for") {
  constexpr atlas::index_t n = 4603;
  const row_labels context = all_kinds_of_labels(n, n / 12, 1)[0];
  const auto distinct = atlas::distinct_contexts(context);
  check_tree(serial_cloud(context, 8, true), {.k = 5, .exclude = distinct});
  check_tree(serial_cloud(context, 8, true).cast<float>().eval(),
             {.k = 2, .exclude = also_excluding(distinct, tokens(n, 2))});
  Eigen::MatrixXf folded = folded_cloud(n).cast<float>();
  for (atlas::index_t i = 1; i < n; ++i)
    if (i % 12 != 0) folded.row(i) = 0.7F * folded.row(i - 1) + 0.3F * folded.row(i);
  check_cells(folded, {.k = 2, .exclude = distinct});
}

TEST_CASE("labels of several sets and windows exclude together") {
  constexpr atlas::index_t n = 700;
  row_labels context, position;
  for (atlas::index_t i = 0; i < n; ++i) {
    context.push_back(i / 50);
    position.push_back(3 * (i % 50) - 60);
  }
  const Eigen::MatrixXd x = serial_cloud(context, 6, false);
  const row_labels first = tokens(n, 1), second = tokens(n, 2);
  for (const auto& exclude :
       {also_excluding({}, first), also_excluding(also_excluding({}, first), second),
        also_excluding(atlas::same_context(context), first),
        also_excluding(atlas::same_context_within(context, position, 7), first),
        also_excluding(atlas::nearby_positions(position, 4), second),
        also_excluding(also_excluding(atlas::distinct_contexts(context), first), second)}) {
    const atlas::neighbor_options options{.k = 3, .exclude = exclude};
    CHECK(wrong_places_of_all(x, options, 3) == 0);
  }
}

TEST_CASE("a table of distinct contexts has the same bits for all threads and storage orders") {
  const auto context = all_kinds_of_labels(1500, 125, 1)[0];
  const Eigen::MatrixXf x = serial_cloud(context, 8, false).cast<float>();
  const Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor> rows = x;
  const auto exclude = also_excluding(atlas::distinct_contexts(context), tokens(1500, 3));
  const auto one = atlas::nearest_neighbors(x, {.k = 3, .exclude = exclude, .threads = 1});
  for (const int threads : {2, 3, 4}) {
    const atlas::neighbor_options options{.k = 3, .exclude = exclude, .threads = threads};
    CHECK(equal(one, atlas::nearest_neighbors(x, options)));
    CHECK(equal(one, atlas::nearest_neighbors(rows, options)));
    CHECK(equal(one, searched<Eigen::MatrixXf>(x).in_a_tree(options)));
    CHECK(equal(one, searched<Eigen::MatrixXf>(x).exhaustively(options, true)));
  }
}

TEST_CASE("where there are fewer other contexts than neighbours the table is filled up") {
  const Eigen::MatrixXd x = normal_cloud(600, 4);
  for (const int of_each : {600, 300, 200, 599, 1}) {
    CAPTURE(of_each);
    const auto exclude = atlas::distinct_contexts(labels(600, of_each));
    for (const atlas::index_t k : {1, 2, 5}) {
      const atlas::neighbor_options options{.k = k, .exclude = exclude};
      CHECK(wrong_places(atlas::nearest_neighbors(x, options), x, options, 1) == 0);
    }
  }
  const atlas::neighbor_options lonely{
      .k = 2,
      .exclude = also_excluding(atlas::distinct_contexts(labels(600, 50)), labels(600, 600))};
  CHECK(wrong_places(atlas::nearest_neighbors(x, lonely), x, lonely, 1) == 0);
}

TEST_CASE("distinct contexts of single rows are plain neighbours") {
  const Eigen::MatrixXd x = normal_cloud(900, 7);
  CHECK(equal(
      atlas::nearest_neighbors(x, {.k = 4}),
      atlas::nearest_neighbors(x, {.k = 4, .exclude = atlas::distinct_contexts(labels(900, 1))})));
}

TEST_CASE("distinct contexts of clouds whose squares a double cannot hold") {
  const auto context = labels(300, 10);
  const Eigen::MatrixXd x = normal_cloud(300, 3);
  const atlas::neighbor_options options{.k = 3, .exclude = atlas::distinct_contexts(context)};
  const auto plain = atlas::nearest_neighbors(x, options);
  for (const double scale : {0x1p-600, 0x1p500}) {
    const auto scaled = atlas::nearest_neighbors((x * scale).eval(), options);
    int wrong = 0;
    for (int i = 0; i < 300; ++i)
      for (int k = 0; k < 3; ++k)
        wrong += scaled.indices(i, k) != plain.indices(i, k) ||
                 scaled.distances(i, k) != plain.distances(i, k) * scale;
    CHECK(wrong == 0);
  }
  Eigen::MatrixXd close = 0x1p-560 * x;  // whose squares vanish beside one that is far
  close(0, 0) = 1;
  const auto found = atlas::nearest_neighbors(close, options);
  CHECK(wrong_places(found, close, options, 1) == 0);
}

TEST_CASE("the best of every label do not depend on the order of candidates") {
  atlas::random_stream random(1);
  std::mt19937_64 engine(2);
  int wrong = 0;
  for (int round = 0; round < 300; ++round) {
    constexpr atlas::index_t n = 40, k = 4;
    row_labels context, order;
    std::vector<double> squares;
    for (atlas::index_t i = 0; i < n; ++i) {
      context.push_back(random.uniform_index(1 + round % 12));
      squares.push_back(static_cast<double>(random.uniform_index(9)));
      order.push_back(i);
    }
    std::map<atlas::index_t, std::pair<double, atlas::index_t>> best_of;
    for (const atlas::index_t i : order) {
      const auto at = static_cast<std::size_t>(i);
      const std::pair<double, atlas::index_t> one{squares[at], i};
      const auto [place, is_new] = best_of.emplace(context[at], one);
      if (!is_new) place->second = (std::min)(place->second, one);
    }
    std::vector<std::pair<double, atlas::index_t>> wanted;
    for (const auto& [label, one] : best_of) wanted.push_back(one);
    std::sort(wanted.begin(), wanted.end());
    wanted.resize(k, {std::numeric_limits<double>::infinity(), -1});
    std::shuffle(order.begin(), order.end(), engine);
    atlas::detail::best_candidates whole(1, k, context.data()),
        parts[2] = {{1, k, context.data()}, {1, k, context.data()}};
    for (const atlas::index_t i : order) {
      const double square = squares[static_cast<std::size_t>(i)];
      whole.offer(0, i, square);
      parts[i % 2].offer(0, i, square);
    }
    parts[0].merge(0, parts[1], 0);
    for (auto* found : {&whole, &parts[0]}) {
      wrong += found->worst(0) != wanted.back().first;
      const auto table = found->table();
      for (atlas::index_t s = 0; s < k; ++s)
        wrong += table.indices(0, s) != wanted[static_cast<std::size_t>(s)].second;
    }
  }
  CHECK(wrong == 0);
}

TEMPLATE_TEST_CASE("lanes keep the largest sum of every label", "", float, double) {
  using tile = atlas::detail::float_tile<TestType>;
  constexpr int most = 8;
  atlas::random_stream random(4);
  int wrong = 0;
  for (int round = 0; round < 100; ++round) {
    atlas::detail::largest_of_labels<tile, 2> two;
    atlas::detail::largest_of_labels<tile, most> eight;
    std::vector<std::map<TestType, TestType>> of(static_cast<std::size_t>(tile::simd::lanes));
    for (int group = 0; group < 6; ++group) {
      typename tile::sums sums;
      TestType own[tile::left_rows];
      for (int i = 0; i < tile::left_rows; ++i) {
        own[i] = static_cast<TestType>(random.uniform_index(1 + round % 15));
        for (int l = 0; l < tile::simd::lanes; ++l) {  // many are equal
          const auto x = -static_cast<TestType>(random.uniform_index(round % 2 == 0 ? 5 : 1000));
          sums[i][0][l] = x;
          auto& best = of[static_cast<std::size_t>(l)];
          const auto [place, is_new] = best.emplace(own[i], x);
          if (!is_new) place->second = (std::max)(place->second, x);
        }
      }
      two.offer(sums, 0, own);
      eight.offer(sums, 0, own);
    }
    for (int l = 0; l < tile::simd::lanes; ++l) {
      std::vector<TestType> wanted;
      for (const auto& [label, x] : of[static_cast<std::size_t>(l)]) wanted.push_back(x);
      std::sort(wanted.rbegin(), wanted.rend());
      wanted.resize(std::size_t{most}, -std::numeric_limits<TestType>::infinity());
      for (int s = 0; s < most; ++s)
        wrong += eight.sum[s][l] != wanted[static_cast<std::size_t>(s)];
      for (int s = 0; s < 2; ++s) wrong += two.sum[s][l] != wanted[static_cast<std::size_t>(s)];
    }
  }
  CHECK(wrong == 0);
}

TEMPLATE_TEST_CASE("rows that may not be neighbours share a label of lanes", "", float, double) {
  constexpr atlas::index_t n = 160, most = std::numeric_limits<atlas::index_t>::max();
  row_labels context, position;
  for (atlas::index_t i = 0; i < n; ++i) {
    context.push_back(-(i / 40) * (atlas::index_t{1} << 40));
    position.push_back(i % 40 * 3 - 55);
  }
  std::vector<atlas::exclusion> all = {atlas::same_context(context),
                                       atlas::distinct_contexts(context),
                                       also_excluding({}, tokens(n, 1))};
  for (const atlas::index_t window : {atlas::index_t{0}, atlas::index_t{1}, atlas::index_t{2},
                                      atlas::index_t{7}, atlas::index_t{30}, most}) {
    all.push_back(
        also_excluding(atlas::same_context_within(context, position, window), tokens(n, 2)));
    all.push_back(atlas::nearby_positions(position, window));
  }
  int missed = 0, shared = 0, together = 0;
  for (const auto& exclude : all) {
    const atlas::detail::lane_labels<TestType> lanes(exclude);
    for (atlas::index_t i = 0; i < n; ++i)
      for (atlas::index_t j = 0; j < n; ++j) {
        bool one = false;
        for (atlas::index_t set = 0; set < lanes.sets(); ++set)
          one |= lanes.of(set, i) == lanes.of(set, j);
        const bool not_neighbors = excluded(exclude, i, j);
        missed += not_neighbors && !one;
        shared += one;
        together += not_neighbors;
      }
  }
  CHECK(missed == 0);
  CHECK(shared < 2 * together);
}

TEST_CASE("exclusions of some rows, and of several clouds, keep all that they hold") {
  const auto exclude = also_excluding(
      also_excluding(atlas::distinct_contexts(labels(30, 4)), tokens(30, 1)), tokens(30, 2));
  const auto within = atlas::same_context_within(labels(30, 4), labels(30, 1), 2);
  const std::vector<atlas::index_t> rows = {7, 3, 29, 3, 0, 11, 12, 13};
  for (const auto& one : {exclude, within}) {
    const auto some = atlas::detail::gather_exclusion(one, rows);
    const auto twice = atlas::detail::stacked(one, 2);
    atlas::detail::check_exclusion(some, 8);
    atlas::detail::check_exclusion(twice, 60);
    CHECK(some.distinct == one.distinct);
    CHECK(twice.distinct == one.distinct);
    int wrong = 0;
    for (atlas::index_t i = 0; i < 8; ++i)
      for (atlas::index_t j = 0; j < 8; ++j)
        wrong += some.rejects(i, j) != excluded(one, rows[static_cast<std::size_t>(i)],
                                                rows[static_cast<std::size_t>(j)]);
    for (atlas::index_t i = 0; i < 60; ++i)
      for (atlas::index_t j = 0; j < 60; ++j)
        wrong += twice.rejects(i, j) != excluded(one, i % 30, j % 30);
    CHECK(wrong == 0);
  }
}

TEST_CASE("exclusions that contradict themselves are refused by name") {
  const Eigen::MatrixXd x = normal_cloud(10, 3);
  const auto refuse = [&](const atlas::exclusion& exclude) {
    return atlas::nearest_neighbors(x, {.exclude = exclude});
  };
  const auto distinct = atlas::distinct_contexts(labels(10, 3));
  atlas::exclusion nothing_to_tell;
  nothing_to_tell.distinct = true;
  CHECK_REFUSED(atlas::value_error, refuse(nothing_to_tell), "exclude.context", "none");
  atlas::exclusion within = atlas::same_context_within(labels(10, 3), labels(10, 1), 4);
  within.distinct = true;
  CHECK_REFUSED(atlas::value_error, refuse(within), "exclude.window", "4");
  CHECK_REFUSED(atlas::shape_error, refuse(also_excluding(distinct, labels(9, 3))),
                "exclude.labels[0]", "10");
  CHECK_REFUSED(atlas::shape_error,
                refuse(also_excluding(also_excluding(distinct, labels(10, 1)), labels(11, 3))),
                "exclude.labels[1]", "11");
  CHECK_REFUSED(atlas::shape_error, refuse(atlas::distinct_contexts(labels(12, 3))),
                "exclude.context", "12");
  CHECK_REFUSED(atlas::shape_error, also_excluding(distinct, std::vector<int>{}), "labels", "");
  CHECK_REFUSED(atlas::shape_error, atlas::distinct_contexts(std::vector<int>{}), "context", "");
}
