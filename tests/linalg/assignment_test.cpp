// SPDX-License-Identifier: MIT
/// \file
/// Assignments against all permutations.

#include "atlas/linalg/assignment.hpp"

#include <Eigen/Core>
#include <algorithm>
#include <limits>
#include <numeric>
#include <vector>

#include "../catch.hpp"
#include "../messages.hpp"
#include "atlas/core/random.hpp"

namespace assignment_test {

namespace {

using atlas::index_t;

double best_of_all(const Eigen::MatrixXd& scores) {
  std::vector<index_t> order(static_cast<std::size_t>(scores.rows()));
  std::iota(order.begin(), order.end(), index_t{0});
  double best = -std::numeric_limits<double>::infinity();
  do {
    double sum = 0;
    for (index_t r = 0; r < scores.rows(); ++r)
      sum += scores(r, order[static_cast<std::size_t>(r)]);
    best = std::max(best, sum);
  } while (std::next_permutation(order.begin(), order.end()));
  return best;
}

bool is_permutation(std::vector<index_t> columns) {
  std::sort(columns.begin(), columns.end());
  for (std::size_t i = 0; i < columns.size(); ++i)
    if (columns[i] != static_cast<index_t>(i)) return false;
  return true;
}

TEST_CASE("no permutation is better than the assignment") {
  for (std::uint64_t seed = 0; seed < 60; ++seed) {
    atlas::random_stream random(seed);
    const auto n = static_cast<index_t>(1 + seed % 7);
    Eigen::MatrixXd scores(n, n);
    // Of both signs, with ties in every third matrix.
    for (double& x : scores.reshaped())
      x = seed % 3 == 0 ? static_cast<double>(random.uniform_index(3)) : random.normal();
    const atlas::assignment found = atlas::best_assignment(scores);
    CHECK(is_permutation(found.column));
    CHECK(found.total == Approx(best_of_all(scores)).margin(1e-12));
  }
}

TEST_CASE("a permutation that was planted among 128 comes back") {
  atlas::random_stream random(3);
  const auto order = atlas::random_permutation(128, random);
  Eigen::MatrixXf scores(128, 128);
  for (float& x : scores.reshaped()) x = static_cast<float>(0.5 * random.uniform());
  for (index_t r = 0; r < 128; ++r) scores(r, order[static_cast<std::size_t>(r)]) = 1;
  CHECK(atlas::best_assignment(scores).column == order);
}

TEST_CASE("scores that are not square or not finite are refused by name") {
  const Eigen::MatrixXd wide = Eigen::MatrixXd::Zero(2, 3);
  CHECK_REFUSED(atlas::shape_error, atlas::best_assignment(wide), "scores",
                "as many columns as rows, 2");
  Eigen::MatrixXd scores = Eigen::MatrixXd::Zero(2, 2);
  scores(1, 0) = std::numeric_limits<double>::infinity();
  CHECK_REFUSED(atlas::value_error, atlas::best_assignment(scores), "scores", "inf");
  const Eigen::MatrixXd four = Eigen::MatrixXd::Zero(4, 4);
  CHECK_REFUSED(atlas::value_error, atlas::best_assignment_of_groups(four, 3), "group_size",
                "a divisor of 4, got 3");
}

}  // namespace

}  // namespace assignment_test
