// SPDX-License-Identifier: MIT
#include "atlas/neighbors/periods.hpp"

#include <Eigen/Dense>
#include <algorithm>
#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "../catch.hpp"
#include "../clouds_for_tests.hpp"
#include "../messages.hpp"
#include "../rows_for_tests.hpp"
#include "../searches_for_tests.hpp"
#include "../tolerances.hpp"
#include "atlas/neighbors/nearest_neighbors.hpp"
#include "atlas/neighbors/nearest_neighbors_among.hpp"
#include "atlas/neighbors/neighbors_within.hpp"

using namespace atlas_test;

namespace {

constexpr double endless = std::numeric_limits<double>::infinity();

/// Distances of a table that are not those of brute force over images.
int wrong_images(const atlas::neighbor_table& found, const Eigen::MatrixXd& queries,
                 const Eigen::MatrixXd& reference, const std::vector<double>& periods,
                 bool same_rows) {
  int wrong = 0;
  for (Eigen::Index q = 0; q < queries.rows(); ++q) {
    const auto all = sorted_distances(queries.row(q), reference, periods,
                                      [&](atlas::index_t r) { return !same_rows || r != q; });
    for (atlas::index_t k = 0; k < found.indices.extent(1); ++k) {
      const auto wanted = static_cast<double>(all[static_cast<std::size_t>(k)].first);
      wrong += !(std::abs(found.distances(q, k) - wanted) <= tolerance::double_rounding * wanted);
      wrong += found.indices(q, k) != all[static_cast<std::size_t>(k)].second;
    }
  }
  return wrong;
}

}  // namespace

TEST_CASE("in a periodic box distances are to the nearest image, as brute force finds it") {
  for (const std::vector<double>& periods :
       {std::vector<double>{1, 1, 1}, {2, 0, 5}, {endless, 0.25}, {6.283185307179586}}) {
    CAPTURE(periods);
    const Eigen::MatrixXd x = box_cloud(400, periods, 1), y = box_cloud(90, periods, 2);
    CHECK(wrong_images(atlas::nearest_neighbors(x, {.k = 3, .periods = periods}), x, x, periods,
                       true) == 0);
    CHECK(wrong_images(atlas::nearest_neighbors_among(y, x, {.k = 3, .periods = periods}), y, x,
                       periods, false) == 0);
    const double radius = 0.1 * static_cast<double>(periods.size());
    const auto near_by = atlas::neighbors_within(x, radius, {.periods = periods});
    int wrong = 0;
    for (Eigen::Index i = 0; i < x.rows(); ++i) {
      const auto all =
          sorted_distances(x.row(i), x, periods, [&](atlas::index_t j) { return j != i; });
      const auto count = std::count_if(all.begin(), all.end(), [&](const auto& a) {
        return a.first <= static_cast<long double>(radius);
      });
      wrong += near_by.count(i) != count;
      for (atlas::index_t p = 0; p < std::min<atlas::index_t>(near_by.count(i), count); ++p)
        wrong += near_by.indices[near_by.offsets[i] + p] != all[static_cast<std::size_t>(p)].second;
    }
    CHECK(wrong == 0);
  }
}

TEST_CASE("images across the end of a box are as exact as rows side by side") {
  Eigen::MatrixXd x(3, 1);
  x << 0x1p-60, 1 - 0x1p-53, 0.5;
  const auto found = atlas::nearest_neighbors(x, {.k = 1, .periods = {1}});
  CHECK(found.indices(0, 0) == 1);
  CHECK(found.distances(0, 0) == 0x1p-53 + 0x1p-60);
  x << 0, 1, 0.5;  // both ends of the box are the same place
  CHECK(atlas::nearest_neighbors(x, {.k = 1, .periods = {1}}).distances(1, 0) == 0);
  x << 0x1p-1060, 1, 0.5;
  CHECK(atlas::nearest_neighbors(x, {.k = 1, .periods = {1}}).distances(1, 0) == 0x1p-1060);
}

TEST_CASE("a shift of all rows along a periodic coordinate changes no distance") {
  const std::vector<double> periods{1, 2, 4};
  const Eigen::MatrixXd x = box_cloud(300, periods, 3);
  Eigen::MatrixXd shifted = x;
  for (Eigen::Index i = 0; i < x.rows(); ++i)
    for (Eigen::Index k = 0; k < 3; ++k)
      shifted(i, k) = std::fmod(x(i, k) + 0.3 * static_cast<double>(k + 1),
                                periods[static_cast<std::size_t>(k)]);
  const auto a = atlas::nearest_neighbors(x, {.k = 2, .periods = periods});
  const auto b = atlas::nearest_neighbors(shifted, {.k = 2, .periods = periods});
  double most = 0;
  for (Eigen::Index i = 0; i < x.rows(); ++i)
    most = std::max(most, std::abs(a.distances(i, 1) - b.distances(i, 1)));
  CHECK(most < tolerance::double_rounding);
}

TEST_CASE("periods that are none change no bit, and large ones are not reached") {
  const Eigen::MatrixXf x = normal_cloud(700, 4).cast<float>().cwiseAbs();
  const auto plain = atlas::nearest_neighbors(x, {.k = 3});
  CHECK(equal(plain, atlas::nearest_neighbors(x, {.k = 3, .periods = {0, endless, 0, 0}})));
  CHECK(equal(plain, atlas::nearest_neighbors(x, {.k = 3, .periods = {1e6, 1e6, 0, 1e6}})));
  const auto context = labels(700, 50);
  for (const auto& exclude : {atlas::same_context(context), atlas::distinct_contexts(context)})
    CHECK(equal(
        atlas::nearest_neighbors(x, {.k = 3, .exclude = exclude}),
        atlas::nearest_neighbors(x, {.k = 3, .exclude = exclude, .periods = {0, 0, 1e6, 0}})));
}

TEST_CASE("in a periodic box: the same bits for every thread count and storage order") {
  using row_major = Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
  const std::vector<double> periods{1, 0, 3};
  const Eigen::MatrixXd x = box_cloud(900, periods, 4);
  const auto one = atlas::nearest_neighbors(x, {.k = 3, .periods = periods, .threads = 1});
  CHECK(equal(one, atlas::nearest_neighbors(x, {.k = 3, .periods = periods, .threads = 3})));
  CHECK(equal(one, atlas::nearest_neighbors(row_major(x), {.k = 3, .periods = periods})));
}

TEST_CASE("periods and coordinates that do not fit are refused by name") {
  Eigen::MatrixXd x = box_cloud(50, {1, 1}, 5);
  const auto ask = [&](const std::vector<double>& periods) {
    return atlas::nearest_neighbors(x, {.k = 1, .periods = periods});
  };
  CHECK_REFUSED(atlas::shape_error, ask({1}), "periods", "2");
  CHECK_REFUSED(atlas::value_error, ask({1, -1}), "periods", "-1 at [1]");
  CHECK_REFUSED(atlas::value_error, ask({std::nan(""), 1}), "periods", "NaN at [0]");
  CHECK_REFUSED(atlas::value_error,
                (atlas::nearest_neighbors(x, {.k = 1, .exclude = {.window = 2}})),
                "exclude.position", "none");
  x(7, 1) = 1.5;
  CHECK_REFUSED(atlas::value_error, ask({1, 1}), "points", "1.5 at [7, 1]");
  CHECK_REFUSED(atlas::value_error, atlas::neighbors_within(x, 1, {.periods = {1, 1}}), "points",
                "[7, 1]");
  CHECK_REFUSED(atlas::value_error,
                atlas::nearest_neighbors_among(x, x, {.k = 1, .periods = {0, 1}}), "queries",
                "[7, 1]");
  x(7, 1) = -1e-300;
  CHECK_REFUSED(atlas::value_error, ask({1, 1}), "points", "[7, 1]");
}
