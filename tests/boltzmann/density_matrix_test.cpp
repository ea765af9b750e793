// SPDX-License-Identifier: MIT
#include "atlas/boltzmann/density_matrix.hpp"

#include <Eigen/Dense>
#include <cmath>
#include <limits>

#include "../catch.hpp"
#include "../clouds_for_tests.hpp"
#include "../messages.hpp"
#include "../tolerances.hpp"
#include "atlas/boltzmann/softmax.hpp"
#include "atlas/linalg/eigenbasis.hpp"

using namespace atlas_test;
using atlas::owned_tensor;

namespace {

/// Agreement of both sides, and with the explicit matrix: eigenvalues next to 0 contribute
/// x ln x each.
constexpr double entropy_rounding = 1e-10;

/// Causal weights of `queries` rows on `keys` keys.
Eigen::MatrixXd causal_weights(atlas::index_t queries, atlas::index_t keys, double spread,
                               std::uint64_t seed) {
  Eigen::MatrixXd logits(queries, keys);
  atlas::random_stream random(seed);
  for (double& x : logits.reshaped()) x = spread * random.normal();
  for (atlas::index_t q = 0; q < queries; ++q)
    for (atlas::index_t k = q + 1 + keys - queries; k < keys; ++k)
      logits(q, k) = -std::numeric_limits<double>::infinity();
  const auto weights = atlas::softmax<2>(logits);
  Eigen::MatrixXd out(queries, keys);
  for (atlas::index_t q = 0; q < queries; ++q)
    for (atlas::index_t k = 0; k < keys; ++k) out(q, k) = weights(q, k);
  return out;
}

Eigen::MatrixXd explicit_density(const Eigen::VectorXd& weights, const Eigen::MatrixXd& values) {
  Eigen::MatrixXd rho = Eigen::MatrixXd::Zero(values.cols(), values.cols());
  for (atlas::index_t i = 0; i < values.rows(); ++i) {
    const Eigen::VectorXd v = values.row(i).normalized();
    rho += weights(i) * v * v.transpose();
  }
  return rho;
}

double explicit_entropy(const Eigen::MatrixXd& rho) {
  const Eigen::VectorXd spectrum = atlas::symmetric_eigenvalues(rho);
  double s = 0;
  for (const double l : spectrum)
    if (l > 1e-15) s -= l * std::log(l);
  return s;
}

}  // namespace

TEST_CASE("purity and entropy are those of the explicit density matrix") {
  for (const auto& [queries, keys, d] :
       {std::tuple<atlas::index_t, atlas::index_t, atlas::index_t>{40, 40, 8},
        {150, 150, 32},
        {5, 300, 16},
        {30, 30, 64},
        {1, 1, 3}}) {
    const Eigen::MatrixXd weights = causal_weights(queries, keys, 2, 5);
    const Eigen::MatrixXd values = normal_cloud(keys, d);
    const auto got = atlas::density_matrix(weights, values);
    CHECK(got.zero_values == 0);
    CHECK(got.undefined_rows == 0);
    for (atlas::index_t q = 0; q < queries; ++q) {
      const Eigen::MatrixXd rho = explicit_density(weights.row(q).transpose(), values);
      CHECK(got.purity[q] == Approx((rho * rho).trace()).epsilon(tolerance::double_rounding));
      CHECK(got.von_neumann_entropy[q] == Approx(explicit_entropy(rho)).margin(entropy_rounding));
    }
  }
}

TEST_CASE("both sides of the spectrum give the same entropy") {
  for (const auto& [n, d] :
       {std::pair<atlas::index_t, atlas::index_t>{10, 30}, {30, 10}, {64, 64}, {300, 24}}) {
    const auto units = atlas::detail::directions_of<double>(
        atlas::as_view<2>(Eigen::MatrixXd(normal_cloud(n, d))));
    Eigen::RowVectorXd weights = Eigen::RowVectorXd::Random(n).cwiseAbs2();
    weights /= weights.sum();
    atlas::detail::density_tile<double> tile;
    tile.weights = weights;
    tile.mass.setOnes(1);
    double keys = 0, coordinates = 0;
    atlas::detail::entropy_solver<double>(tile, units, 0, atlas::detail::density_side::keys)
        .run(tile.mass, &keys);
    atlas::detail::entropy_solver<double>(tile, units, 0, atlas::detail::density_side::coordinates)
        .run(tile.mass, &coordinates);
    CHECK(keys == Approx(coordinates).margin(entropy_rounding));
  }
}

TEST_CASE("rows of few keys, of keys of their own and of all keys share a tile") {
  const atlas::index_t queries = 37, keys = 400, d = 20;
  atlas::random_stream random(3);
  Eigen::MatrixXd weights = Eigen::MatrixXd::Zero(queries, keys);
  for (atlas::index_t q = 0; q < queries; ++q) {
    const atlas::index_t used = q % 3 == 0 ? keys : 1 + q % 25;
    for (atlas::index_t i = 0; i < used; ++i)
      weights(q, used == keys ? i : random.uniform_index(keys)) += 0.01 + random.uniform();
    weights.row(q) /= weights.row(q).sum();
  }
  const Eigen::MatrixXd values = normal_cloud(keys, d);
  const auto got = atlas::density_matrix(weights, values);
  for (atlas::index_t q = 0; q < queries; ++q) {
    const Eigen::MatrixXd rho = explicit_density(weights.row(q).transpose(), values);
    CHECK(got.von_neumann_entropy[q] == Approx(explicit_entropy(rho)).margin(entropy_rounding));
    CHECK(got.purity[q] == Approx((rho * rho).trace()).epsilon(tolerance::double_rounding));
  }
}

TEST_CASE("closed forms: orthonormal values, one direction, one key, opposite directions") {
  const Eigen::MatrixXd weights = causal_weights(20, 20, 1, 2);
  const Eigen::MatrixXd axes = 3 * Eigen::MatrixXd::Identity(20, 20);
  const auto spread = atlas::density_matrix(weights, axes);
  for (atlas::index_t q = 0; q < 20; ++q) {
    double s = 0;
    for (atlas::index_t k = 0; k <= q; ++k) s -= weights(q, k) * std::log(weights(q, k));
    CHECK(spread.von_neumann_entropy[q] == Approx(s).margin(entropy_rounding));
    CHECK(spread.purity[q] == Approx(weights.row(q).squaredNorm()).epsilon(1e-12));
  }
  Eigen::MatrixXd same = Eigen::VectorXd::LinSpaced(20, 1, 20) * Eigen::RowVectorXd::Random(5);
  same.row(3) *= -1;  // a state has no sign
  const auto pure = atlas::density_matrix(weights, same);
  for (atlas::index_t q = 0; q < 20; ++q) {
    CHECK(pure.von_neumann_entropy[q] == Approx(0).margin(1e-12));
    CHECK(pure.purity[q] == Approx(1).epsilon(1e-12));
  }
  const auto quick = atlas::density_matrix(weights, axes, {.entropy = false});
  CHECK(quick.purity[7] == spread.purity[7]);
  CHECK(std::isnan(quick.von_neumann_entropy[7]));
  CHECK(spread.purity[0] == 1);
  CHECK(spread.von_neumann_entropy[0] == 0);
}

TEST_CASE("dropping negligible keys does not show") {
  Eigen::MatrixXd weights = Eigen::MatrixXd::Constant(1, 500, 1e-21);
  weights(0, 3) = 0.5;
  weights(0, 80) = 0.5 - 1e-9;
  weights(0, 81) = 1e-9;
  const Eigen::MatrixXd values = normal_cloud(500, 40);
  const auto got = atlas::density_matrix(weights, values);
  const Eigen::MatrixXd rho = explicit_density(weights.row(0).transpose(), values);
  CHECK(got.von_neumann_entropy[0] == Approx(explicit_entropy(rho)).margin(1e-13));
  // Of float weights, what is below their precision.
  const auto narrow =
      atlas::density_matrix(weights.cast<float>().eval(), values.cast<float>().eval());
  CHECK(narrow.von_neumann_entropy[0] == Approx(explicit_entropy(rho)).margin(1e-6));
}

TEST_CASE("zero values are left out and reported") {
  Eigen::MatrixXd weights = causal_weights(6, 6, 1, 2);
  Eigen::MatrixXd values = normal_cloud(6, 4);
  values.row(0).setZero();
  values.row(4).setZero();
  const auto got = atlas::density_matrix(weights, values);
  CHECK(got.zero_values == 2);
  CHECK(got.undefined_rows == 1);  // the first row sees the first key alone
  CHECK(std::isnan(got.purity[0]));
  CHECK(std::isnan(got.von_neumann_entropy[0]));
  CHECK(got.purity[1] == Approx(1).epsilon(1e-14));
  Eigen::VectorXd kept = weights.row(5);
  kept(0) = kept(4) = 0;
  kept /= kept.sum();
  values.row(0).setOnes();
  values.row(4).setOnes();
  const Eigen::MatrixXd rho = explicit_density(kept, values);
  CHECK(got.purity[5] == Approx((rho * rho).trace()).epsilon(1e-12));
}

TEST_CASE("heads, groups, storage order and threads agree bit for bit") {
  const atlas::index_t heads = 4, t = 150, d = 8;
  owned_tensor<float, 3> weights({heads, t, t}), values({2, t, d});
  for (atlas::index_t h = 0; h < heads; ++h) {
    const Eigen::MatrixXd w = causal_weights(t, t, 2, static_cast<std::uint64_t>(h));
    for (atlas::index_t q = 0; q < t; ++q)
      for (atlas::index_t k = 0; k < t; ++k)
        weights.mutable_view()(h, q, k) = static_cast<float>(w(q, k));
  }
  atlas::random_stream random(1);
  for (atlas::index_t i = 0; i < values.size(); ++i)
    values.mutable_view().data()[i] = static_cast<float>(random.normal());
  const auto one = atlas::density_matrices(weights, values, {.threads = 1});
  const auto two = atlas::density_matrices(weights, values, {.threads = 2});
  for (atlas::index_t h = 0; h < heads; ++h) {
    const Eigen::MatrixXf columns =
        Eigen::Map<const Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>>(
            &weights(h, 0, 0), t, t);
    const auto alone = atlas::density_matrix(columns, values[h / 2]);
    for (atlas::index_t q = 0; q < t; ++q) {
      CHECK(one.purity(h, q) == two.purity(h, q));
      CHECK(one.von_neumann_entropy(h, q) == two.von_neumann_entropy(h, q));
      CHECK(alone.purity[q] == one.purity(h, q));
      CHECK(alone.von_neumann_entropy[q] == one.von_neumann_entropy(h, q));
    }
  }
}

TEST_CASE("weights and values that do not fit are refused") {
  const Eigen::MatrixXd weights = causal_weights(5, 5, 1, 1);
  const Eigen::MatrixXd values = normal_cloud(5, 3);
  CHECK_REFUSED(atlas::shape_error, atlas::density_matrix(weights, normal_cloud(4, 3)), "values",
                "one row per key, 5");
  CHECK_REFUSED(atlas::shape_error, atlas::density_matrix(weights, Eigen::MatrixXd(5, 0)), "values",
                "empty");
  CHECK_REFUSED(atlas::value_error, atlas::density_matrix(2 * weights, values), "weights",
                "sum to 1");
  Eigen::MatrixXd bad = weights;
  bad(2, 1) = std::nan("");
  CHECK_REFUSED(atlas::value_error, atlas::density_matrix(bad, values), "weights", "NaN");
  bad(2, 1) = -0.1;
  CHECK_REFUSED(atlas::value_error, atlas::density_matrix(bad, values), "weights", "query 2");
  Eigen::MatrixXd nan = values;
  nan(1, 1) = std::nan("");
  CHECK_REFUSED(atlas::value_error, atlas::density_matrix(weights, nan), "values", "NaN at [0, 1");
  CHECK_REFUSED(
      atlas::shape_error,
      atlas::density_matrices(owned_tensor<float, 3>({3, 2, 2}), owned_tensor<float, 3>({2, 2, 2})),
      "values", "divides 3");
}
