// SPDX-License-Identifier: MIT
#include "atlas/neighbors/nearest_neighbors.hpp"

#include <Eigen/Dense>
#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>
#include <vector>

#include "../catch.hpp"
#include "../clouds_for_tests.hpp"
#include "../messages.hpp"
#include "../searches_for_tests.hpp"
#include "../tolerances.hpp"

using namespace atlas_test;
using atlas::nearest_neighbors;

namespace {

/// How many pairs of a tile have sums on the wrong side of half of what their distances are at
/// least (with `low`) and at most (`high`).
template <class Shortlist, class Matrix>
int wrong_sums(const Matrix& x, double stretch) {
  using tile = typename Shortlist::tile;
  using scalar = typename Matrix::Scalar;
  const searched<Matrix> cloud(x);
  const auto& points = cloud.points;
  const auto& c = cloud.centring;
  const Shortlist shortlist(c, points.extent(1));
  atlas::detail::block_side<scalar, Shortlist, true> left;
  atlas::detail::block_side<scalar, Shortlist, false> right;
  left.load(points, 0, tile::left_rows, shortlist);
  right.load(points, tile::left_rows, tile::right_rows, shortlist);
  typename tile::sums low, high;
  tile::add(left.nearest(0), right.nearest(0), shortlist.steps(), low);
  tile::add(left.farthest(0), right.farthest(0), shortlist.steps(), high);
  int wrong = 0;
  for (int i = 0; i < tile::left_rows; ++i)
    for (int j = 0; j < tile::right_rows; ++j) {
      long double square = 0;
      for (Eigen::Index k = 0; k < x.cols(); ++k) {
        const long double gap =
            static_cast<long double>(x(i, k)) - static_cast<long double>(x(tile::left_rows + j, k));
        square += gap * gap;
      }
      const auto half = static_cast<double>(square / 2) * c.squared_scale;
      const auto at_least =
          -static_cast<double>(low[i][j / tile::simd::lanes][j % tile::simd::lanes]);
      const auto at_most =
          -static_cast<double>(high[i][j / tile::simd::lanes][j % tile::simd::lanes]);
      wrong += at_least > stretch * half + 1e-30 || half > stretch * at_most + 1e-30;
    }
  return wrong;
}

}  // namespace

TEST_CASE("neighbours are those of brute force in long double") {
  for (const auto& [n, d] : {std::pair{2, 1}, {3, 2}, {100, 1}, {257, 3}, {600, 33}, {1100, 8}}) {
    CAPTURE(n, d);
    const Eigen::MatrixXd x = normal_cloud(n, d, static_cast<std::uint64_t>(n));
    check_against_brute_force(x, {.k = std::min(5, n - 1)}, tolerance::double_rounding);
    const Eigen::MatrixXf f = x.cast<float>();
    check_against_brute_force(f, {.k = std::min(5, n - 1)}, tolerance::double_rounding);
  }
}

TEST_CASE("a float cloud far from the origin has its small gaps right") {
  // Pairs 1e-3 apart, at an offset of 1e3: the Gram form in float would lose them all.
  Eigen::MatrixXd x = normal_cloud(800, 6);
  for (int i = 0; i < 800; i += 2) {
    x.row(i + 1) = x.row(i);
    x(i + 1, i % 6) += 1e-3;
  }
  x.array() += 1e3;
  const Eigen::MatrixXf f = x.cast<float>();
  check_against_brute_force(f, {.k = 2}, tolerance::offset_distance);
  const auto found = nearest_neighbors(f, {.k = 1});
  int partners = 0;
  for (int i = 0; i < 800; ++i) partners += found.indices(i, 0) == (i ^ 1);
  CHECK(partners == 800);
}

TEST_CASE("exclusion of a whole context, of a window, and of nearby positions") {
  const Eigen::MatrixXd x = normal_cloud(500, 4);
  const auto context = labels(500, 60);
  std::vector<int> position;
  for (int i = 0; i < 500; ++i) position.push_back(i % 60);
  for (const auto& exclude :
       {atlas::same_context(context), atlas::same_context_within(context, position, 3),
        atlas::same_context_within(context, position, 0), atlas::nearby_positions(position, 5)})
    check_against_brute_force(x, {.k = 3, .exclude = exclude}, tolerance::double_rounding);
}

TEST_CASE("rows that exclusion leaves without neighbours are filled up") {
  const Eigen::MatrixXd x = normal_cloud(40, 3);
  check_against_brute_force(x, {.k = 4, .exclude = atlas::same_context(labels(40, 38))},
                            tolerance::double_rounding);
  const auto none = nearest_neighbors(x, {.k = 1, .exclude = atlas::same_context(labels(40, 40))});
  for (int i = 0; i < 40; ++i) CHECK(none.indices(i, 0) == -1);
}

TEST_CASE("duplicates are neighbours at distance 0, the lower row first") {
  Eigen::MatrixXd x = normal_cloud(300, 5);
  x.row(10) = x.row(200);
  x.row(11) = x.row(200);
  const auto found = nearest_neighbors(x, {.k = 2});
  CHECK(found.distances(200, 0) == 0);
  CHECK(found.indices(200, 0) == 10);
  CHECK(found.indices(200, 1) == 11);
  CHECK(found.indices(10, 0) == 11);
}

TEST_CASE("of thousands of equal distances the lowest rows are taken") {
  constexpr int n = 2000;
  Eigen::MatrixXf x(n, 3);  // every place of a lattice four times
  for (int i = 0; i < n; ++i) x.row(i) << float(i % 5), float(i / 5 % 10), float(i / 50 % 10);
  const auto found = nearest_neighbors(x, {.k = 6});
  int wrong = 0;
  for (int i = 0; i < n; ++i) {
    const auto all = by_brute_force(x, i, {});
    for (int k = 0; k < 6; ++k)
      wrong += found.indices(i, k) != all[static_cast<std::size_t>(k)].second;
  }
  CHECK(wrong == 0);
  const Eigen::MatrixXf same = Eigen::MatrixXf::Ones(n, 3);
  const auto zeros = nearest_neighbors(same, {.k = 2});
  CHECK(zeros.indices(0, 1) == 2);
  CHECK(zeros.indices(n - 1, 0) == 0);
  CHECK(zeros.distances(n - 1, 1) == 0);
}

TEST_CASE("equal distances are by row number where their squares differ, and where they are tiny") {
  constexpr int n = 300;
  Eigen::MatrixXd circle = Eigen::MatrixXd::Zero(n, 2);  // about row 0, but for rounding
  for (int i = 1; i < n; ++i) circle.row(i) << std::cos(7.0 * i), std::sin(7.0 * i);
  const Eigen::MatrixXd tiny = 0x1p-1070 * normal_cloud(n, 3);
  for (const Eigen::MatrixXd& x : {circle, tiny}) {
    const auto found = nearest_neighbors(x, {.k = n - 1});
    int tied = 0, wrong = 0;
    for (int i = 0; i < n; ++i)
      for (int s = 1; s < n - 1; ++s)
        if (found.distances(i, s) == found.distances(i, s - 1)) {
          ++tied;
          wrong += found.indices(i, s) < found.indices(i, s - 1);
        }
    CHECK(tied > 20);
    CHECK(wrong == 0);
  }
}

TEST_CASE("huge and tiny scales neither overflow nor vanish") {
  for (const double scale : {1e-150, 1e150}) {
    const Eigen::MatrixXd x = scale * normal_cloud(200, 3);
    const auto found = nearest_neighbors(x, {.k = 2});
    const auto plain = nearest_neighbors(normal_cloud(200, 3), {.k = 2});
    int wrong = 0;
    for (int i = 0; i < 200; ++i)
      wrong += found.indices(i, 1) != plain.indices(i, 1) ||
               std::abs(found.distances(i, 1) / scale - plain.distances(i, 1)) > 1e-9;
    CHECK(wrong == 0);
  }
}

TEST_CASE("the same bits for every thread count and storage order") {
  const Eigen::MatrixXf x = normal_cloud(1500, 12).cast<float>();
  const Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor> rows = x;
  const auto one = nearest_neighbors(x, {.k = 3, .threads = 1});
  for (const int threads : {2, 5})
    CHECK(equal(one, nearest_neighbors(x, {.k = 3, .threads = threads})));
  CHECK(equal(one, nearest_neighbors(rows, {.k = 3})));
}

TEST_CASE("a tree of boxes gives the table of the exhaustive search") {
  using row_major = Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
  constexpr int n = 8009;  // no multiple of anything
  for (const bool curved : {false, true}) {
    Eigen::MatrixXd x = thin_cloud(n, curved);
    x.row(n - 1) = x.row(3);
    x.row(77) = x.row(76);
    CAPTURE(curved);
    for (const atlas::index_t k : {1, 2, 11}) check_tree(x, {.k = k});
    check_tree(row_major(x.cast<float>()), {.k = 2, .threads = 1});
    check_tree(row_major(x.cast<float>()), {.k = 2, .threads = 3});
    check_tree(x, {.k = 2, .exclude = atlas::same_context(labels(n, 500))});
    check_tree(x, {.k = 2, .exclude = atlas::nearby_positions(labels(n, 1), 5)});
  }
  check_tree(thin_cloud(n, false) * 1e-150, {.k = 2});
}

TEST_CASE("a tree finds the neighbours of brute force in long double") {
  const Eigen::MatrixXd x = thin_cloud(4100, true);
  check_tree(x, {.k = 3});
  check_against_brute_force(x, {.k = 3}, tolerance::double_rounding);
}

TEST_CASE("cells around centroids give the table of the exhaustive search") {
  using row_major = Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
  constexpr int n = 5003;  // several families, and no multiple of anything
  for (const bool curved : {false, true}) {
    CAPTURE(curved);
    Eigen::MatrixXd x = thin_cloud(n, curved);
    x.row(n - 1) = x.row(3);
    for (const atlas::index_t k : {1, 2, 11}) check_cells(x, {.k = k});
    check_cells(row_major(x.cast<float>()), {.k = 2, .threads = 1});
    check_cells(row_major(x.cast<float>()), {.k = 2, .threads = 3});
    check_cells(x, {.k = 2, .exclude = atlas::same_context(labels(n, 500))});
    check_cells(x, {.k = 2, .exclude = atlas::same_context(labels(n, n - 1))});
    check_cells(x, {.k = 3, .exclude = atlas::nearby_positions(labels(n, 1), 5)});
    for (const double scale : {1e-150, 1e-30, 1e30, 1e145}) check_cells(x * scale, {.k = 2});
    check_cells((x.array() + 1e4).matrix().cast<float>().eval(), {.k = 2});
  }
  for (const auto& [rows, d] : {std::pair{2, 1}, {3, 2}, {50, 5}, {193, 64}, {2603, 9}})
    for (const Eigen::MatrixXd& x : {normal_cloud(rows, d), uneven_cloud(rows, d)}) {
      CAPTURE(rows, d);
      check_cells(x, {.k = 1});
      check_cells(row_major(x.cast<float>()), {.k = std::min(8, rows - 1)});
    }
  Eigen::MatrixXf lattice(2000, 3);  // every place twice
  for (int i = 0; i < 2000; ++i)
    lattice.row(i) << float(i % 10), float(i / 10 % 10), float(i / 100 % 10);
  check_cells(lattice, {.k = 6});
  check_cells(Eigen::MatrixXf::Ones(300, 3).eval(), {.k = 2});
}

TEST_CASE("cells find the neighbours of brute force in long double") {
  const Eigen::MatrixXf x = folded_cloud(20000).cast<float>();
  REQUIRE(searched<Eigen::MatrixXf>(x).chosen().in_cells());
  const auto found = nearest_neighbors(x, {.k = 3});
  int wrong = 0;
  for (Eigen::Index i = 0; i < x.rows(); i += 97) {
    const auto all = by_brute_force(x, i, {});
    for (atlas::index_t k = 0; k < 3; ++k) {
      const auto& [distance, row] = all[static_cast<std::size_t>(k)];
      wrong += found.indices(i, k) != row;
      wrong += std::abs(found.distances(i, k) - static_cast<double>(distance)) >
               tolerance::double_rounding * static_cast<double>(distance);
    }
  }
  CHECK(wrong == 0);
}

TEST_CASE("rows rounded to bytes give the table of those rounded to floats") {
  using row_major = Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
  for (const auto& [n, d] : {std::pair{513, 1}, {700, 3}, {1200, 64}, {2603, 9}}) {
    CAPTURE(n, d);
    for (const Eigen::MatrixXd& x : {normal_cloud(n, d), uneven_cloud(n, d)})
      for (const atlas::index_t k : {1, 2, 8, 12})
        check_bytes(row_major(x.cast<float>()), {.k = k, .threads = 2});
  }
  const Eigen::MatrixXd x = uneven_cloud(1300, 20);
  for (const atlas::index_t k : {1, 2, 5}) check_bytes(x, {.k = k});
  check_bytes(x, {.k = 2, .exclude = atlas::same_context(labels(1300, 100))});
  check_bytes(x, {.k = 2, .exclude = atlas::same_context(labels(1300, 900))});
  check_bytes(x, {.k = 3, .exclude = atlas::nearby_positions(labels(1300, 1), 40)});
  constexpr auto all = std::numeric_limits<atlas::index_t>::max();
  check_bytes(x, {.k = 1, .exclude = atlas::nearby_positions(labels(1300, 1), all)});
  for (const double scale : {1e-150, 1e-30, 1e30, 1e150}) check_bytes(x * scale, {.k = 2});
  check_bytes((x.array() + 1e4).matrix().cast<float>().eval(), {.k = 2});
  Eigen::MatrixXf lattice(1000, 3);
  for (int i = 0; i < 1000; ++i)
    lattice.row(i) << float(i % 5), float(i / 5 % 10), float(i / 50 % 10);
  check_bytes(lattice, {.k = 6});
}

TEST_CASE("sums of rounded rows are on the safe side of distances") {
  using atlas::detail::byte_shortlist;
  using atlas::detail::float_shortlist;
  for (const int d : {1, 4, 7, 64, 333}) {
    CAPTURE(d);
    for (const Eigen::MatrixXd& x : {normal_cloud(80, d), uneven_cloud(80, d)}) {
      const Eigen::MatrixXf f = x.cast<float>();
      CHECK(wrong_sums<float_shortlist<double>>(x, 1) == 0);
      CHECK(wrong_sums<float_shortlist<float>>(f, 1) == 0);
      CHECK(wrong_sums<byte_shortlist<double>>(x, 1.025) == 0);
      CHECK(wrong_sums<byte_shortlist<float>>(f, 1.025) == 0);
    }
  }
}

TEST_CASE("clouds of few directions are searched in a tree") {
  const Eigen::MatrixXf x = thin_cloud(40000, false).cast<float>();
  CHECK(searched<Eigen::MatrixXf>(x).chosen().in_a_tree());
}

TEST_CASE("clouds that vary along all directions are searched exhaustively") {
  const Eigen::MatrixXf x = normal_cloud(17000, 64).cast<float>();
  const auto chosen = searched<Eigen::MatrixXf>(x).chosen();
  CHECK_FALSE(chosen.in_a_tree());
  CHECK_FALSE(chosen.in_cells());
}

TEST_CASE("distances do not change under rotation, nor neighbours under permutation") {
  const Eigen::MatrixXd x = normal_cloud(400, 6);
  const auto plain = nearest_neighbors(x, {.k = 2});
  const auto turned = nearest_neighbors((x * rotation(6)).eval(), {.k = 2});
  atlas::random_stream random(2);
  const auto order = atlas::random_permutation(400, random);
  Eigen::MatrixXd shuffled(400, 6);
  for (int i = 0; i < 400; ++i) shuffled.row(i) = x.row(order[static_cast<std::size_t>(i)]);
  const auto mixed = nearest_neighbors(shuffled, {.k = 2});
  int wrong = 0;
  for (int i = 0; i < 400; ++i) {
    wrong += std::abs(turned.distances(i, 1) - plain.distances(i, 1)) > 1e-12;
    const auto original = order[static_cast<std::size_t>(i)];
    wrong += order[static_cast<std::size_t>(mixed.indices(i, 0))] != plain.indices(original, 0);
    wrong += mixed.distances(i, 0) != plain.distances(original, 0);
  }
  CHECK(wrong == 0);
}

TEST_CASE("input that has no neighbours is refused, and work can be cancelled") {
  Eigen::MatrixXd x = normal_cloud(10, 3);
  CHECK_REFUSED(atlas::value_error, (nearest_neighbors(x, {.k = 10})), "k", "10");
  CHECK_REFUSED(atlas::value_error, (nearest_neighbors(x, {.k = 0})), "k", "0");
  CHECK_REFUSED(atlas::shape_error,
                (nearest_neighbors(x, {.k = 1, .exclude = atlas::same_context(labels(9, 3))})),
                "exclude.context", "10");
  CHECK_THROWS_AS(
      nearest_neighbors(x, {.on_progress = [](const atlas::progress&) { return false; }}),
      atlas::cancelled);
  x(4, 1) = std::numeric_limits<double>::infinity();
  CHECK_REFUSED(atlas::value_error, (nearest_neighbors(x, {.k = 1})), "points", "[4, 1]");
}

TEMPLATE_TEST_CASE("the table has the bits of sorted distances, whatever the vectors", "", float,
                   double) {
  // As many rows as a tree asks for, and few; along few directions and along all.
  for (const bool thin : {false, true}) {
    const atlas::index_t n = thin ? 4200 : 700, k = 3;
    CAPTURE(n);
    const Eigen::MatrixXd cloud = thin ? thin_cloud(n, true) : normal_cloud(n, 20, 3);
    const Eigen::Matrix<TestType, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor> x =
        cloud.cast<TestType>();
    const auto found = nearest_neighbors(x, {.k = k});
    const atlas::index_t step = thin ? 41 : 1;
    int wrong = 0;
    for (atlas::index_t i = 0; i < n; i += step) {
      std::vector<std::pair<double, atlas::index_t>> all;
      for (atlas::index_t j = 0; j < n; ++j)
        if (j != i)
          all.emplace_back(
              atlas::detail::squared_distance(x.row(i).data(), x.row(j).data(), x.cols()), j);
      std::partial_sort(all.begin(), all.begin() + k, all.end());
      for (atlas::index_t r = 0; r < k; ++r) {
        const auto& [square, row] = all[static_cast<std::size_t>(r)];
        wrong += found.indices(i, r) != row || found.distances(i, r) != std::sqrt(square);
      }
    }
    CHECK(wrong == 0);
  }
}
