// SPDX-License-Identifier: MIT
#include "atlas/dimension/ratios.hpp"

#include <Eigen/Dense>
#include <algorithm>
#include <cmath>
#include <utility>
#include <vector>

#include "../catch.hpp"
#include "../clouds_for_tests.hpp"
#include "../messages.hpp"
#include "atlas/dimension/two_nn.hpp"
#include "two_nn_for_tests.hpp"

using namespace atlas_test;

TEST_CASE("a row far outside takes no other row with it") {
  const Eigen::MatrixXd x = uniform_cloud(300, 5);
  const auto plain = atlas::nearest_neighbors(x.topRows(299).eval());
  for (const double outside : {1e150, 1e170, 1e250, 1e300, 7e307}) {
    CAPTURE(outside);
    Eigen::MatrixXd y = x;
    y.row(299).setConstant(outside);
    const auto table = atlas::nearest_neighbors(y);
    int wrong = 0;
    for (int i = 0; i < 299; ++i)
      for (int k = 0; k < 2; ++k)
        wrong +=
            table.indices(i, k) != plain.indices(i, k) ||
            std::abs(table.distances(i, k) - plain.distances(i, k)) > 1e-15 * plain.distances(i, k);
    CHECK(wrong == 0);
    CHECK(table.indices(299, 0) == 0);  // all the others are as far
    CHECK(table.distances(299, 0) == Approx(std::sqrt(5.0) * outside).epsilon(1e-14));
    const auto r = atlas::two_nn(y);
    CHECK(r.points_used + r.duplicates == 300);
    CHECK(r.fault == atlas::cloud_fault::few_rows);
  }
}

TEST_CASE("two scales in one cloud, and duplicates among them") {
  Eigen::MatrixXd x = uniform_cloud(90, 3);
  x.topRows(30) *= 1e-200;
  x.middleRows(30, 30) *= 1e200;
  x.row(1) = x.row(0);
  for (const double scale : {1.0, 0x1p-330, 0x1p330}) {
    const Eigen::MatrixXd y = scale * x;
    const auto table = atlas::nearest_neighbors(y);
    const atlas::exclusion exclude = atlas::same_context(std::vector<int>(90, 0));
    int wrong = 0;
    for (int i = 0; i < 90; ++i) {
      long double first = INFINITY, second = INFINITY;
      for (int j = 0; j < 90; ++j) {
        long double sum = 0;
        for (int k = 0; k < 3; ++k) {
          const long double gap =
              static_cast<long double>(y(i, k)) - static_cast<long double>(y(j, k));
          sum += gap * gap;
        }
        if (j == i) continue;
        if (sum < first)
          second = std::exchange(first, sum);
        else
          second = std::min(second, sum);
      }
      const auto close = [](double got, long double square) {
        const long double want = std::sqrt(square);
        return std::abs(static_cast<long double>(got) - want) <= 1e-14L * want;
      };
      wrong += !close(table.distances(i, 0), first) || !close(table.distances(i, 1), second);
    }
    CHECK(wrong == 0);
    CHECK(table.indices(0, 0) == 1);
    CHECK(table.distances(0, 0) == 0);
    CHECK(std::isinf(atlas::nearest_neighbors(y, {.exclude = exclude}).distances(0, 0)));
  }
}

TEST_CASE("distances that no double can hold are refused") {
  Eigen::MatrixXd x = Eigen::MatrixXd::Constant(3, 4, 1.7e308);
  x.row(1) *= -1;
  x.row(2) *= -1;
  CHECK_REFUSED(atlas::value_error, atlas::nearest_neighbors(x), "points", "further apart");
}
