// SPDX-License-Identifier: MIT
#include "atlas/neighbors/neighbors_within.hpp"
#include "atlas/neighbors/neighbor_counts.hpp"

#include <Eigen/Dense>
#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "../catch.hpp"
#include "../clouds_for_tests.hpp"
#include "../messages.hpp"
#include "../rows_for_tests.hpp"
#include "../searches_for_tests.hpp"
#include "../tolerances.hpp"

using namespace atlas_test;
using atlas::neighbors_within;

namespace {

/// Places that are not those of brute force; no distance may be within rounding of the radius.
template <class Matrix>
int wrong_within(const atlas::radius_table& found, const Matrix& x, double radius,
                 const atlas::exclusion& exclude = {}, const std::vector<double>& periods = {}) {
  int wrong = found.rows() != x.rows() || found.offsets[0] != 0;
  for (Eigen::Index i = 0; i < x.rows(); ++i) {
    auto all = sorted_distances(
        x.row(i), x, periods, [&](atlas::index_t j) { return j != i && !excluded(exclude, i, j); });
    all.erase(
        std::find_if(all.begin(), all.end(),
                     [&](const auto& a) { return a.first > static_cast<long double>(radius); }),
        all.end());
    if (found.count(i) != static_cast<atlas::index_t>(all.size())) {
      ++wrong;
      continue;
    }
    for (std::size_t p = 0; p < all.size(); ++p) {
      const atlas::index_t place = found.offsets[i] + static_cast<atlas::index_t>(p);
      const auto wanted = static_cast<double>(all[p].first);
      wrong += !(std::abs(found.distances[place] - wanted) <= tolerance::double_rounding * wanted);
      const bool alone = (p == 0 || all[p].first > all[p - 1].first * (1 + 1e-9L)) &&
                         (p + 1 == all.size() || all[p + 1].first > all[p].first * (1 + 1e-9L));
      wrong += alone && found.indices[place] != all[p].second;
      const bool tied = p > 0 && found.distances[place] == found.distances[place - 1];
      wrong += tied && found.indices[place] < found.indices[place - 1];
    }
  }
  return wrong;
}

bool same_bits(const atlas::radius_table& a, const atlas::radius_table& b) {
  const auto same = [](const auto& x, const auto& y) {
    return x.size() == y.size() && std::equal(x.data(), x.data() + x.size(), y.data());
  };
  return same(a.offsets, b.offsets) && same(a.indices, b.indices) && same(a.distances, b.distances);
}

}  // namespace

TEST_CASE("neighbours within a radius are those of brute force in long double") {
  for (const auto& [n, d] : {std::pair{1, 2}, {2, 1}, {300, 3}, {520, 20}}) {
    CAPTURE(n, d);
    const Eigen::MatrixXd x = normal_cloud(n, d, 3), uneven = uneven_cloud(n, d);
    const Eigen::MatrixXf f = x.cast<float>();
    for (const double share : {0.0, 0.3, 0.8, 10.0}) {
      const double radius = share * std::sqrt(2.0 * d);
      CAPTURE(radius);
      CHECK(wrong_within(neighbors_within(x, radius), x, radius) == 0);
      CHECK(wrong_within(neighbors_within(f, radius), f, radius) == 0);
      CHECK(wrong_within(neighbors_within(uneven, radius), uneven, radius) == 0);
    }
  }
}

TEST_CASE("within a radius: the exclusion, ties, and the radius itself") {
  const Eigen::MatrixXd x = normal_cloud(500, 4);
  const auto context = labels(500, 60);
  std::vector<int> position;
  for (int i = 0; i < 500; ++i) position.push_back(i % 60);
  for (const auto& exclude :
       {atlas::same_context(context), atlas::same_context_within(context, position, 3),
        atlas::nearby_positions(position, 5), atlas::also_excluding({}, context)})
    CHECK(wrong_within(neighbors_within(x, 1.5, {.exclude = exclude}), x, 1.5, exclude) == 0);
  Eigen::MatrixXf lattice(1000, 3);
  for (int i = 0; i < 1000; ++i)
    lattice.row(i) << float(i % 10), float(i / 10 % 10), float(i / 100);
  const auto at_one = neighbors_within(lattice, 1);  // sides, which are at the radius exactly
  CHECK(at_one.count(555) == 6);
  CHECK(at_one.count(0) == 3);
  CHECK(wrong_within(at_one, lattice, 1) == 0);
  CHECK(neighbors_within(lattice, std::nextafter(1.0, 0.0)).indices.empty());
  CHECK(neighbors_within(lattice, std::sqrt(2.0)).count(555) == 18);
}

TEST_CASE("within a radius: over the whole range of doubles") {
  for (const double scale : {0x1p-1060, 1e-300, 1e-200, 1e-150, 1e150, 1e300}) {
    CAPTURE(scale);
    const Eigen::MatrixXd x = scale * normal_cloud(150, 3);
    CHECK(wrong_within(neighbors_within(x, scale), x, scale) == 0);
  }
  Eigen::MatrixXd x = 0x1p-560 * normal_cloud(60, 3);
  x(0, 0) = 1;
  CHECK(wrong_within(neighbors_within(x, 0x1p-560), x, 0x1p-560) == 0);
}

TEST_CASE("within a radius: distances are the table's to the last bit, at every scale") {
  for (const int power : {-1000, -490, 0, 500, 700, 1010}) {
    CAPTURE(power);
    const Eigen::MatrixXd x = std::ldexp(1.0, power) * normal_cloud(40, 13);
    const auto table = atlas::nearest_neighbors(x, {.k = 39});
    int wrong = 0;
    for (int r = 0; r < 40; ++r) {
      const double radius = table.distances(r, r % 39);
      const auto counts = atlas::neighbor_counts(x, {radius});
      const auto within = neighbors_within(x, radius);
      wrong += counts(0, r) < r % 39 + 1;
      for (atlas::index_t i = 0; i < 40; ++i)
        for (atlas::index_t p = 0; p < within.count(i); ++p)
          wrong += within.distances[within.offsets[i] + p] != table.distances(i, p);
    }
    CHECK(wrong == 0);
  }
}

TEST_CASE("within a radius: the k nearest are the first, and counts are those of all") {
  const Eigen::MatrixXd x = normal_cloud(1200, 8);
  const auto nearest = atlas::nearest_neighbors(x, {.k = 5});
  const auto found = neighbors_within(x, 2.5);
  const auto counted = atlas::neighbor_counts(x, {2.5});
  int wrong = 0, missing = 0;
  for (atlas::index_t i = 0; i < x.rows(); ++i) {
    wrong += counted(0, i) != found.count(i);
    missing += nearest.distances(i, 4) <= 2.5 && found.count(i) < 5;
    for (atlas::index_t k = 0; k < std::min<atlas::index_t>(5, found.count(i)); ++k)
      wrong += found.indices[found.offsets[i] + k] != nearest.indices(i, k) ||
               found.distances[found.offsets[i] + k] != nearest.distances(i, k);
  }
  CHECK(wrong == 0);
  CHECK(missing == 0);
}

TEST_CASE("within a radius: the same bits for every thread count and storage order") {
  using row_major = Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
  const Eigen::MatrixXd x = normal_cloud(1500, 12);
  const auto one = neighbors_within(x, 3.5, {.threads = 1});
  REQUIRE(one.indices.size() > 1000);
  for (const int threads : {2, 5})
    CHECK(same_bits(one, neighbors_within(x, 3.5, {.threads = threads})));
  CHECK(same_bits(one, neighbors_within(row_major(x), 3.5)));
}

TEST_CASE("within a radius: input that does not fit and too many neighbours are refused") {
  Eigen::MatrixXd x = normal_cloud(100, 3);
  for (const double radius :
       {-1.0, std::numeric_limits<double>::infinity(), std::numeric_limits<double>::quiet_NaN()})
    CHECK_REFUSED(atlas::value_error, neighbors_within(x, radius), "radius", "finite");
  const auto all = neighbors_within(x, 1).indices.size();
  REQUIRE(all > 10);
  CHECK(neighbors_within(x, 1, {.limit = all}).indices.size() == all);
  for (const int threads : {1, 4})
    CHECK_REFUSED(atlas::value_error,
                  neighbors_within(x, 1, {.limit = all - 1, .threads = threads}), "limit",
                  std::to_string(all - 1));
  CHECK_REFUSED(atlas::value_error, neighbors_within(x, 1, {.limit = 0}), "limit", "0");
  CHECK_REFUSED(atlas::shape_error,
                neighbors_within(x, 1, {.exclude = atlas::same_context(labels(9, 3))}),
                "exclude.context", "100");
  CHECK_REFUSED(atlas::value_error,
                neighbors_within(x, 1, {.exclude = atlas::distinct_contexts(labels(100, 3))}),
                "exclude.distinct", "true");
  CHECK_THROWS_AS(
      neighbors_within(x, 1, {.on_progress = [](const atlas::progress&) { return false; }}),
      atlas::cancelled);
  CHECK_REFUSED(atlas::shape_error, neighbors_within(Eigen::MatrixXd(0, 3), 1), "points", "empty");
  x(4, 1) = std::numeric_limits<double>::quiet_NaN();
  CHECK_REFUSED(atlas::value_error, neighbors_within(x, 1), "points", "[4, 1]");
}

TEST_CASE("counts within several radii are those of each alone, whatever the rows and the box") {
  const Eigen::MatrixXd x = normal_cloud(700, 5);
  const std::vector<double> radii = {0.0, 0.7, 1.5, 1.5, 2.5};
  for (const bool other_contexts : {false, true})
    for (const double period : {0.0, 20.0}) {
      CAPTURE(other_contexts, period);
      const atlas::exclusion exclude =
          other_contexts ? atlas::same_context(labels(700, 50)) : atlas::exclusion{};
      const std::vector<double> periods =
          period > 0 ? std::vector<double>(5, period) : std::vector<double>{};
      const Eigen::MatrixXd rows = period > 0 ? (x.array() + 10.0).matrix() : x;
      const auto counts =
          atlas::neighbor_counts(rows, radii, {.exclude = exclude, .periods = periods});
      REQUIRE(counts.extents() == atlas::shape<2>{5, 700});
      int wrong = 0;
      for (std::size_t a = 0; a < radii.size(); ++a) {
        const auto found =
            neighbors_within(rows, radii[a], {.exclude = exclude, .periods = periods});
        for (atlas::index_t i = 0; i < 700; ++i)
          wrong += counts(static_cast<atlas::index_t>(a), i) != found.count(i);
      }
      CHECK(wrong == 0);
    }
}

TEST_CASE("radii of counts are at least one, finite, and ascend") {
  const Eigen::MatrixXd x = normal_cloud(20, 3);
  CHECK_REFUSED(atlas::shape_error, atlas::neighbor_counts(x, {}), "radii", "at least 1");
  CHECK_REFUSED(atlas::value_error, atlas::neighbor_counts(x, {-1}), "radii", "-1");
  CHECK_REFUSED(atlas::value_error, atlas::neighbor_counts(x, {std::nan("")}), "radii", "NaN");
  CHECK_REFUSED(atlas::value_error, atlas::neighbor_counts(x, {1, HUGE_VAL}), "radii", "inf");
  CHECK_REFUSED(atlas::value_error, atlas::neighbor_counts(x, {2, 1}), "radii", "1 at [1]");
  CHECK_REFUSED(
      atlas::value_error,
      atlas::neighbor_counts(x, {1}, {.exclude = atlas::distinct_contexts(labels(20, 3))}),
      "exclude.distinct", "true");
}
