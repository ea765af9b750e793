// SPDX-License-Identifier: MIT
/// \file
/// Correlations of pairs: against plain Spearman, and p of matrices that have nothing in common.

#include "atlas/stats/pair_correlation.hpp"

#include <Eigen/Core>
#include <cmath>
#include <vector>

#include "../catch.hpp"
#include "../messages.hpp"
#include "atlas/stats/uniformity.hpp"

namespace pair_correlation_test {

namespace {

using atlas::index_t;

/// Overlaps of members that have a place each: pairs with a member in common are alike.
Eigen::MatrixXd places(index_t members, atlas::random_stream& random) {
  Eigen::VectorXd x(members);
  for (double& v : x) v = random.normal();
  Eigen::MatrixXd out(members, members);
  for (index_t i = 0; i < members; ++i)
    for (index_t j = 0; j < members; ++j) out(i, j) = x(i) + x(j) + x(i) * x(j);
  return out;
}

std::vector<atlas::stratified_pair> pairs_of(const std::vector<Eigen::MatrixXd>& values) {
  std::vector<atlas::stratified_pair> out;
  for (std::size_t s = 0; s < values.size(); ++s)
    for (index_t i = 0; i < values[s].rows(); ++i)
      for (index_t j = i + 1; j < values[s].rows(); ++j)
        out.push_back({static_cast<index_t>(s), i, j, values[s](i, j)});
  return out;
}

TEST_CASE("of one stratum the coefficient is Spearman's of the pairs") {
  atlas::random_stream random(3);
  const std::vector<Eigen::MatrixXd> x = {places(6, random)}, y = {places(6, random)};
  std::vector<double> a, b;
  for (const auto& p : pairs_of(y)) {
    a.push_back(x[0](p.first, p.second));
    b.push_back(p.value);
  }
  const auto r = atlas::pair_correlation(x, pairs_of(y), {.permutations = 99, .threads = 1});
  CHECK(r.coefficient ==
        Approx(atlas::spearman(a, b, {.permutations = 1}).coefficient).margin(1e-14));
  CHECK(r.n == 15);
  CHECK(r.p == atlas::pair_correlation(x, pairs_of(y), {.permutations = 99, .threads = 3}).p);
  CHECK(atlas::pair_correlation(x, pairs_of(x), {.permutations = 99}).coefficient ==
        Approx(1).margin(1e-12));
}

TEST_CASE("p is uniform where members have nothing in common, though pairs share members") {
  std::vector<double> p, with_effect;
  for (std::uint64_t i = 0; i < 200; ++i) {
    atlas::random_stream random(5, i);
    std::vector<Eigen::MatrixXd> x, y;
    for (int s = 0; s < 3; ++s) {
      x.push_back(places(6, random));
      y.push_back(places(6, random));
    }
    p.push_back(atlas::pair_correlation(x, pairs_of(y), {.permutations = 199, .seed = i}).p);
    for (std::size_t s = 0; s < 3; ++s) y[s] += 2 * x[s];
    with_effect.push_back(
        atlas::pair_correlation(x, pairs_of(y), {.permutations = 199, .seed = i}).p);
  }
  CHECK(atlas::uniformity(p).p > 0.01);
  CHECK(atlas::uniformity(with_effect).p < 1e-6);
}

TEST_CASE("pairs and matrices that do not fit are refused by name") {
  const std::vector<Eigen::MatrixXd> x = {Eigen::MatrixXd::Identity(3, 3)};
  CHECK_REFUSED(atlas::shape_error, atlas::pair_correlation(x, {}), "pairs", "none");
  CHECK_REFUSED(atlas::value_error, atlas::pair_correlation(x, {{1, 0, 1, 2}}), "pairs: stratum",
                "1");
  CHECK_REFUSED(atlas::value_error, atlas::pair_correlation(x, {{0, 3, 1, 2}}), "pairs: first",
                "3");
  CHECK_REFUSED(atlas::value_error, atlas::pair_correlation(x, {{0, 0, -1, 2}}), "pairs: second",
                "-1");
  CHECK_REFUSED(atlas::value_error, atlas::pair_correlation(x, {{0, 1, 1, 2}}), "pairs", "1 twice");
  CHECK_REFUSED(atlas::value_error, atlas::pair_correlation(x, {{0, 0, 1, NAN}}), "pairs: value",
                "finite");
  CHECK_REFUSED(atlas::value_error, atlas::pair_correlation(x, {{0, 0, 1, 1}, {0, 0, 2, 2}}),
                "strata", "all samples vary");
  Eigen::MatrixXd skew = Eigen::MatrixXd::Zero(3, 3);
  skew(2, 1) = 1;
  CHECK_REFUSED(atlas::value_error, atlas::pair_correlation({skew}, {{0, 0, 1, 1}}), "matrices[0]",
                "[2, 1]");
  CHECK_REFUSED(atlas::shape_error,
                atlas::pair_correlation({Eigen::MatrixXd::Zero(3, 2)}, {{0, 0, 1, 1}}),
                "matrices[0]", "as many columns as rows");
}

}  // namespace

}  // namespace pair_correlation_test
