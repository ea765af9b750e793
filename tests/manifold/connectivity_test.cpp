// SPDX-License-Identifier: MIT
#include "atlas/manifold/connectivity.hpp"

#include <Eigen/Dense>
#include <algorithm>
#include <cmath>
#include <limits>
#include <set>
#include <utility>
#include <vector>

#include "../catch.hpp"
#include "../messages.hpp"
#include "manifolds_for_tests.hpp"

using namespace atlas_test;
using atlas::connectivity;

namespace {

/// Components by walking through a dense matrix of edges.
std::vector<int> walked_components(const Eigen::MatrixXd& x, Eigen::Index k,
                                   const atlas::exclusion& exclude = {}) {
  const Eigen::Index n = x.rows();
  Eigen::MatrixXi joined = Eigen::MatrixXi::Zero(n, n);
  for (Eigen::Index i = 0; i < n; ++i) {
    std::vector<std::pair<double, Eigen::Index>> others;
    for (Eigen::Index j = 0; j < n; ++j)
      if (j != i && !exclude.rejects(i, j)) others.emplace_back((x.row(i) - x.row(j)).norm(), j);
    std::sort(others.begin(), others.end());
    for (Eigen::Index j = 0; j < std::min<Eigen::Index>(k, std::ssize(others)); ++j) {
      const auto other = others[static_cast<std::size_t>(j)].second;
      joined(i, other) = joined(other, i) = 1;
    }
  }
  std::vector<int> part(static_cast<std::size_t>(n), -1);
  int parts = 0;
  for (Eigen::Index from = 0; from < n; ++from) {
    if (part[static_cast<std::size_t>(from)] >= 0) continue;
    std::vector<Eigen::Index> open = {from};
    while (!open.empty()) {
      const Eigen::Index i = open.back();
      open.pop_back();
      if (part[static_cast<std::size_t>(i)] >= 0) continue;
      part[static_cast<std::size_t>(i)] = parts;
      for (Eigen::Index j = 0; j < n; ++j)
        if (joined(i, j) != 0) open.push_back(j);
    }
    ++parts;
  }
  return part;
}

/// Both put the same rows together: labels correspond one to one.
void check_same_partition(const std::vector<atlas::index_t>& got, const std::vector<int>& wanted) {
  std::set<std::pair<atlas::index_t, int>> matches;
  for (std::size_t i = 0; i < got.size(); ++i) matches.emplace(got[i], wanted[i]);
  const auto parts = static_cast<std::size_t>(1 + *std::max_element(wanted.begin(), wanted.end()));
  CHECK(matches.size() == parts);
  CHECK(static_cast<std::size_t>(1 + *std::max_element(got.begin(), got.end())) == parts);
}

}  // namespace

TEST_CASE("manifolds of one piece have one component, with every row in it") {
  for (const Eigen::MatrixXd& x : {regular_circle(300), random_circle(1000), flat_torus(1500),
                                   sphere(1000), swiss_roll(1500)}) {
    const auto r = connectivity(x);
    CHECK(r.components == 1);
    CHECK(r.largest_share == 1);
    CHECK(r.sizes == std::vector<atlas::index_t>{x.rows()});
    CHECK(r.isolated == 0);
  }
}

TEST_CASE("two blobs are two components of half the rows, unless k bridges the gap") {
  const Eigen::MatrixXd x = two_blobs(300, 3, 50);
  const auto r = connectivity(x);
  CHECK(r.components == 2);
  CHECK(r.largest_share == 0.5);
  CHECK(r.sizes == std::vector<atlas::index_t>{300, 300});
  for (int i = 0; i < 600; ++i) CHECK(r.component[static_cast<std::size_t>(i)] == i / 300);
  CHECK(connectivity(x, {.k = 299}).components == 2);
  CHECK(connectivity(x, {.k = 300}).components == 1);
}

TEST_CASE("components are those that a walk through the graph finds, largest first") {
  for (const Eigen::Index k : {1, 2, 3}) {
    const Eigen::MatrixXd x = normal_cloud(200, 2, 40 + static_cast<std::uint64_t>(k));
    const auto r = connectivity(x, {.k = k});
    check_same_partition(r.component, walked_components(x, k));
    CHECK(std::is_sorted(r.sizes.rbegin(), r.sizes.rend()));
    for (atlas::index_t c = 0; c < r.components; ++c)
      CHECK(std::count(r.component.begin(), r.component.end(), c) ==
            r.sizes[static_cast<std::size_t>(c)]);
  }
}

TEST_CASE("an exclusion takes edges away, down to rows by themselves") {
  const Eigen::MatrixXd x = normal_cloud(120, 2, 3);
  std::vector<int> context;
  for (int i = 0; i < 120; ++i) context.push_back(i / 30);
  const auto exclude = atlas::same_context(context);
  check_same_partition(connectivity(x, {.k = 1, .exclude = exclude}).component,
                       walked_components(x, 1, exclude));
  const auto alone =
      connectivity(x, {.k = 3, .exclude = atlas::same_context(std::vector<int>(120, 7))});
  CHECK(alone.components == 120);
  CHECK(alone.isolated == 120);
  CHECK(alone.component[5] == 5);  // of equally large ones, the lower row comes first
}

TEST_CASE("surrogates are of one piece, so two blobs are not like them") {
  const Eigen::MatrixXd x = two_blobs(200, 3, 40);
  const auto blobs = connectivity(x);
  const auto null = atlas::connectivity_null(x, blobs);
  CHECK(null.largest_share.draws.size() == 20);
  CHECK(null.components.mean < 1.5);
  CHECK(null.largest_share.mean > 0.99);
  for (const double share : null.largest_share.draws) CHECK(blobs.largest_share < 0.6 * share);
  const auto again = atlas::connectivity_null(x, connectivity(x), {.threads = 1});
  CHECK(again.largest_share.draws == null.largest_share.draws);
}

TEST_CASE("components do not depend on storage, scalar or threads") {
  const Eigen::MatrixXd x = normal_cloud(700, 3, 9);
  const auto plain = connectivity(x, {.k = 2});
  const Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor> rows = x;
  CHECK(connectivity(rows, {.k = 2}).component == plain.component);
  CHECK(connectivity(x.cast<float>().eval(), {.k = 2}).components == plain.components);
  for (const int threads : {1, 2, 3})
    CHECK(connectivity(x, {.k = 2, .threads = threads}).component == plain.component);
}

TEST_CASE("clouds without a graph are refused") {
  Eigen::MatrixXd x = normal_cloud(10, 2);
  CHECK_REFUSED(atlas::value_error, connectivity(x), "k", "from 1 to 9, got 10");
  CHECK_REFUSED(atlas::shape_error, connectivity(x.topRows(1).eval()), "points", "2 rows");
  CHECK_REFUSED(atlas::shape_error,
                (connectivity(x, {.k = 2, .exclude = atlas::same_context(std::vector<int>(9, 1))})),
                "context", "9");
  x(3, 1) = std::numeric_limits<double>::quiet_NaN();
  CHECK_REFUSED(atlas::value_error, (connectivity(x, {.k = 2})), "NaN", "[3, 1]");
  CHECK_REFUSED(atlas::value_error, atlas::connectivity_null(x, {}), "NaN", "[3, 1]");
}

TEST_CASE("components are the same at every scale") {
  const Eigen::MatrixXd x = swiss_roll(300);
  const auto plain = atlas::connectivity(x, {.k = 2});
  for (const int power : {-1000, -600, 600, 1000}) {
    CAPTURE(power);
    const Eigen::MatrixXd y = std::ldexp(1.0, power) * x;
    CHECK(atlas::connectivity(y, {.k = 2}).components == plain.components);
  }
}
