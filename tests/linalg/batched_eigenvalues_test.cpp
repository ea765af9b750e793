// SPDX-License-Identifier: MIT
#include "atlas/linalg/batched/eigenvalues.hpp"

#include <Eigen/Dense>
#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <vector>

#include "../catch.hpp"
#include "../clouds_for_tests.hpp"
#include "atlas/core/vector_of.hpp"
#include "atlas/linalg/batched/packed_triangles.hpp"
#include "atlas/linalg/batched/tridiagonalization.hpp"
#include "atlas/linalg/eigenbasis.hpp"

using namespace atlas_test;

namespace {

/// Eigenvalues of matrices of trace 1 or less, absolutely: a few roundings of a double a
/// reflection.
constexpr double eigenvalue_rounding = 1e-14;

/// Eigenvalues of each, descending.
std::vector<Eigen::VectorXd> in_lanes(const std::vector<Eigen::MatrixXd>& matrices) {
  using solver = atlas::detail::batched_eigenvalues<double>;
  constexpr atlas::index_t lanes = atlas::detail::vector_of<double>::lanes;
  const atlas::index_t n = matrices.front().rows();
  Eigen::ArrayXd triangles(n * (n + 1) / 2 * lanes);
  Eigen::ArrayXd diagonals = Eigen::ArrayXd::Zero(n * solver::lanes), squares = diagonals;
  atlas::detail::batched_tridiagonalization<double> reduction;
  for (atlas::index_t first = 0; first < solver::lanes; first += lanes) {
    for (atlas::index_t l = 0; l < lanes; ++l)
      for (atlas::index_t i = 0; i < n; ++i)
        for (atlas::index_t j = 0; j <= i; ++j)
          triangles(atlas::detail::packed_place(i, j) * lanes + l) =
              matrices[static_cast<std::size_t>(first + l) % matrices.size()](i, j);
    reduction.reduce(triangles.data(), n, diagonals.data() + first, squares.data() + first,
                     solver::lanes);
  }
  solver::solve(diagonals.data(), squares.data(), n);
  std::vector<Eigen::VectorXd> out;
  for (atlas::index_t l = 0; l < solver::lanes; ++l) {
    Eigen::VectorXd values(n);
    for (atlas::index_t i = 0; i < n; ++i) values(i) = diagonals(i * solver::lanes + l);
    std::sort(values.data(), values.data() + n, std::greater<double>());
    out.push_back(values);
  }
  return out;
}

Eigen::MatrixXd unit_trace(const Eigen::MatrixXd& m) {
  return m / m.trace();
}

/// `[n, n]` of different kinds: full rank, low rank, diagonal, one direction, all alike, nearly
/// degenerate, nothing, tridiagonal, of entries that underflow where they are squared.
std::vector<Eigen::MatrixXd> kinds(atlas::index_t n) {
  const Eigen::MatrixXd full = normal_cloud(2 * n, n), few = normal_cloud((n + 2) / 3, n);
  const Eigen::MatrixXd one = normal_cloud(1, n);
  const Eigen::MatrixXd identity = Eigen::MatrixXd::Identity(n, n);
  Eigen::MatrixXd graded = Eigen::MatrixXd::Zero(n, n), chain = 2 * identity;
  for (atlas::index_t i = 0; i < n; ++i)
    graded(i, i) = std::pow(10.0, -static_cast<double>(i % 17));
  for (atlas::index_t i = 0; i + 1 < n; ++i) chain(i, i + 1) = chain(i + 1, i) = -1;
  const Eigen::MatrixXd spread = full.transpose() * full;
  return {unit_trace(spread),
          unit_trace(few.transpose() * few),
          unit_trace(graded),
          unit_trace(one.transpose() * one),
          unit_trace(identity),
          unit_trace(identity + 1e-9 * spread),
          Eigen::MatrixXd::Zero(n, n),
          unit_trace(chain),
          unit_trace(identity + 1e-170 * spread),
          1e-180 * unit_trace(spread)};
}

}  // namespace

TEST_CASE("eigenvalues in lanes are those of the matrices one by one") {
  for (const atlas::index_t n : {1, 2, 3, 4, 5, 8, 13, 31, 64, 70}) {
    const std::vector<Eigen::MatrixXd> all = kinds(n);
    for (std::size_t from = 0; from < all.size(); ++from) {
      std::vector<Eigen::MatrixXd> turned(all);
      std::rotate(turned.begin(), turned.begin() + static_cast<std::ptrdiff_t>(from), turned.end());
      const std::vector<Eigen::VectorXd> got = in_lanes(turned);
      for (std::size_t l = 0; l < got.size(); ++l) {
        const Eigen::VectorXd wanted = atlas::symmetric_eigenvalues(turned[l % turned.size()]);
        CHECK((got[l] - wanted).cwiseAbs().maxCoeff() < eigenvalue_rounding);
      }
    }
  }
}

TEST_CASE("eigenvalues of the path graph in lanes: 2 - 2 cos") {
  const atlas::index_t n = 40;
  Eigen::MatrixXd chain = 2 * Eigen::MatrixXd::Identity(n, n);
  for (atlas::index_t i = 0; i + 1 < n; ++i) chain(i, i + 1) = chain(i + 1, i) = -1;
  for (const Eigen::VectorXd& got : in_lanes({chain / 4}))
    for (atlas::index_t k = 0; k < n; ++k) {
      const double angle = M_PI * static_cast<double>(n - k) / static_cast<double>(n + 1);
      CHECK(got(k) == Approx((2 - 2 * std::cos(angle)) / 4).margin(eigenvalue_rounding));
    }
}

TEST_CASE("eigenvalues in lanes of what is not finite are refused") {
  Eigen::MatrixXd bad = Eigen::MatrixXd::Identity(6, 6) / 6;
  bad(4, 2) = bad(2, 4) = std::numeric_limits<double>::quiet_NaN();
  CHECK_THROWS_AS(in_lanes({bad}), atlas::value_error);
}
