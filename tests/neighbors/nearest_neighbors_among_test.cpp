// SPDX-License-Identifier: MIT
#include "atlas/neighbors/nearest_neighbors_among.hpp"

#include <Eigen/Dense>
#include <algorithm>
#include <cmath>
#include <limits>
#include <set>
#include <utility>
#include <vector>

#include "../catch.hpp"
#include "../clouds_for_tests.hpp"
#include "../messages.hpp"
#include "../rows_for_tests.hpp"
#include "../searches_for_tests.hpp"
#include "../tolerances.hpp"

using namespace atlas_test;
using atlas::nearest_neighbors_among;

namespace {

constexpr auto every_row = [](atlas::index_t, atlas::index_t) { return true; };

/// Places of a table that are not those of brute force: distances, and rows where they are told
/// apart.
template <class Queries, class Reference, class Allows>
int wrong_among(const atlas::neighbor_table& found, const Queries& queries,
                const Reference& reference, const Allows& allows,
                const std::vector<double>& periods = {}) {
  int wrong = 0;
  for (Eigen::Index q = 0; q < queries.rows(); ++q) {
    const auto all = sorted_distances(queries.row(q), reference, periods,
                                      [&](atlas::index_t r) { return allows(q, r); });
    for (atlas::index_t k = 0; k < found.indices.extent(1); ++k) {
      const auto at = static_cast<std::size_t>(k);
      if (at >= all.size()) {
        wrong += found.indices(q, k) != -1 || !std::isinf(found.distances(q, k));
        continue;
      }
      const auto wanted = static_cast<double>(all[at].first);
      wrong += !(std::abs(found.distances(q, k) - wanted) <= tolerance::double_rounding * wanted);
      const bool alone = (at == 0 || all[at].first > all[at - 1].first * (1 + 1e-9L)) &&
                         (at + 1 == all.size() || all[at + 1].first > all[at].first * (1 + 1e-9L));
      wrong += alone && found.indices(q, k) != all[at].second;
    }
  }
  return wrong;
}

}  // namespace

TEST_CASE("neighbours among other rows are those of brute force in long double") {
  for (const auto& [q, r, d] : {std::tuple{1, 1, 1}, {3, 500, 2}, {700, 5, 3}, {97, 1301, 33}}) {
    CAPTURE(q, r, d);
    const Eigen::MatrixXd queries = normal_cloud(q, d, 3), reference = normal_cloud(r, d, 4);
    const atlas::index_t k = std::min(4, r);
    CHECK(wrong_among(nearest_neighbors_among(queries, reference, {.k = k}), queries, reference,
                      every_row) == 0);
    const Eigen::MatrixXf some = queries.cast<float>(), others = reference.cast<float>();
    CHECK(wrong_among(nearest_neighbors_among(some, others, {.k = k}), some, others, every_row) ==
          0);
  }
}

TEST_CASE("queries far from the reference rows, and clouds of hard lengths") {
  const Eigen::MatrixXd reference = uneven_cloud(900, 20);
  const Eigen::MatrixXd far_off = normal_cloud(40, 20, 5).array() + 1e5;
  CHECK(wrong_among(nearest_neighbors_among(far_off, reference, {.k = 2}), far_off, reference,
                    every_row) == 0);
  const Eigen::MatrixXd close_by = uneven_cloud(130, 20) * 1.001;
  CHECK(wrong_among(nearest_neighbors_among(close_by, reference, {.k = 5}), close_by, reference,
                    every_row) == 0);
  for (const double scale : {1e-300, 1e-200, 1e-150, 1e150, 1e300}) {
    CAPTURE(scale);
    const Eigen::MatrixXd queries = scale * normal_cloud(30, 3, 6);
    const Eigen::MatrixXd rows = scale * normal_cloud(200, 3, 7);
    CHECK(wrong_among(nearest_neighbors_among(queries, rows, {.k = 3}), queries, rows, every_row) ==
          0);
  }
  Eigen::MatrixXd tiny = 0x1p-560 * normal_cloud(60, 3);  // beside a row that is far away
  tiny(0, 0) = 1;
  const Eigen::MatrixXd asked = 0x1p-560 * normal_cloud(20, 3, 8);
  CHECK(wrong_among(nearest_neighbors_among(asked, tiny, {.k = 2}), asked, tiny, every_row) == 0);
}

TEST_CASE("a cloud among itself has each row first, and then its nearest neighbours") {
  for (const bool lattice : {false, true}) {
    Eigen::MatrixXf x = normal_cloud(1500, 6).cast<float>();
    if (lattice)
      for (int i = 0; i < 1500; ++i)
        x.row(i) << float(i % 5), float(i / 5 % 10), float(i / 50 % 30), 0, 0, 0;
    const auto found = nearest_neighbors_among(x, x, {.k = 4});
    std::vector<int> name;
    for (int i = 0; i < 1500; ++i) name.push_back(i);
    const auto others = nearest_neighbors_among(
        x, x, {.k = 3, .exclude = {atlas::same_context(name), atlas::same_context(name)}});
    CHECK(equal(others, atlas::nearest_neighbors(x, {.k = 3})));
    int wrong = 0;
    for (int i = 0; i < 1500; ++i)
      wrong += found.distances(i, 0) != 0 || found.indices(i, 0) != i ||
               found.distances(i, 3) != others.distances(i, 2);
    CHECK(wrong == 0);
  }
}

TEST_CASE("labels of both sides exclude as those of one cloud do") {
  const Eigen::MatrixXd queries = normal_cloud(90, 4, 1), reference = normal_cloud(400, 4, 2);
  const auto a = labels(90, 9), b = labels(400, 40), c = labels(90, 30), e = labels(400, 130);
  std::vector<int> at_a, at_b;
  for (int i = 0; i < 90; ++i) at_a.push_back(i % 9);
  for (int i = 0; i < 400; ++i) at_b.push_back(i % 40);
  const auto of = [](const std::vector<int>& labels, atlas::index_t i) {
    return labels[static_cast<std::size_t>(i)];
  };
  const auto found = [&](const atlas::exclusion& left, const atlas::exclusion& right) {
    return nearest_neighbors_among(queries, reference, {.k = 5, .exclude = {left, right}});
  };
  const auto differ = [&](atlas::index_t i, atlas::index_t j) { return of(a, i) != of(b, j); };
  CHECK(wrong_among(found(atlas::same_context(a), atlas::same_context(b)), queries, reference,
                    differ) == 0);
  CHECK(wrong_among(found(also_excluding(atlas::same_context(a), c),
                          also_excluding(atlas::same_context(b), e)),
                    queries, reference, [&](atlas::index_t i, atlas::index_t j) {
                      return differ(i, j) && of(c, i) != of(e, j);
                    }) == 0);
  CHECK(wrong_among(
            found(atlas::same_context_within(a, at_a, 3), atlas::same_context_within(b, at_b, 3)),
            queries, reference, [&](atlas::index_t i, atlas::index_t j) {
              return differ(i, j) || std::abs(of(at_a, i) - of(at_b, j)) > 3;
            }) == 0);
  const auto contexts = found(atlas::distinct_contexts(a), atlas::distinct_contexts(b));
  int wrong = 0;
  for (atlas::index_t i = 0; i < 90; ++i) {
    std::set<int> seen;
    std::vector<atlas::index_t> wanted;
    for (const auto& [distance, row] : sorted_distances(
             queries.row(i), reference, {}, [&](atlas::index_t r) { return differ(i, r); }))
      if (seen.insert(of(b, row)).second) wanted.push_back(row);
    for (atlas::index_t k = 0; k < 5; ++k)
      wrong += contexts.indices(i, k) != wanted[static_cast<std::size_t>(k)];
  }
  CHECK(wrong == 0);
  const std::vector<int> one(90, 1), all(400, 1);
  const auto nothing = found(atlas::same_context(one), atlas::same_context(all));
  CHECK(nothing.indices(3, 0) == -1);
}

TEST_CASE("among other rows: the same bits for every thread count and storage order") {
  using row_major = Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
  const Eigen::MatrixXd queries = normal_cloud(1300, 12, 1), reference = normal_cloud(1700, 12, 2);
  const auto one = nearest_neighbors_among(queries, reference, {.k = 3, .threads = 1});
  for (const int threads : {2, 5})
    CHECK(equal(one, nearest_neighbors_among(queries, reference, {.k = 3, .threads = threads})));
  CHECK(equal(one, nearest_neighbors_among(row_major(queries), row_major(reference), {.k = 3})));
  CHECK(equal(one, nearest_neighbors_among(row_major(queries), reference, {.k = 3})));
}

TEST_CASE("among other rows: input that does not fit is refused by name") {
  Eigen::MatrixXd queries = normal_cloud(10, 3), reference = normal_cloud(20, 3);
  const auto ask = [&](const atlas::among_options& o) {
    return nearest_neighbors_among(queries, reference, o);
  };
  CHECK_REFUSED(atlas::value_error, ask({.k = 21}), "k", "21");
  CHECK_REFUSED(atlas::value_error, ask({.k = 0}), "k", "0");
  CHECK_REFUSED(atlas::shape_error, nearest_neighbors_among(queries, normal_cloud(20, 4)),
                "reference", "4");
  CHECK_REFUSED(atlas::shape_error, nearest_neighbors_among(Eigen::MatrixXd(0, 3), reference),
                "queries", "empty");
  CHECK_REFUSED(atlas::value_error,
                ask({.exclude = {.queries = atlas::same_context(labels(10, 2))}}), "exclude",
                "queries alone");
  CHECK_REFUSED(
      atlas::shape_error,
      ask({.exclude = {atlas::same_context(labels(10, 2)), atlas::same_context(labels(10, 2))}}),
      "exclude.reference.context", "20");
  CHECK_REFUSED(atlas::value_error,
                ask({.exclude = {atlas::distinct_contexts(labels(10, 2)),
                                 atlas::same_context(labels(20, 2))}}),
                "exclude.reference.distinct", "false");
  CHECK_REFUSED(atlas::value_error,
                ask({.exclude = {atlas::nearby_positions(labels(10, 2), 1),
                                 atlas::nearby_positions(labels(20, 2), 2)}}),
                "exclude.reference.window", "2");
  CHECK_REFUSED(atlas::value_error,
                ask({.exclude = {atlas::also_excluding({}, labels(10, 2)), {}}}),
                "exclude.reference.labels", "0");
  CHECK_THROWS_AS(ask({.on_progress = [](const atlas::progress&) { return false; }}),
                  atlas::cancelled);
  reference(4, 1) = std::numeric_limits<double>::infinity();
  CHECK_REFUSED(atlas::value_error, ask({}), "reference", "[4, 1]");
}
