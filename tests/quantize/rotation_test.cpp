// SPDX-License-Identifier: MIT
#include "atlas/quantize/rotation.hpp"

#include <Eigen/Dense>
#include <bit>
#include <cmath>

#include "../catch.hpp"
#include "../messages.hpp"
#include "../tolerances.hpp"
#include "atlas/quantize/hadamard.hpp"
#include "atlas/quantize/quantization.hpp"
#include "layers_for_tests.hpp"

using namespace atlas_test;
using atlas::basis_kind;
using atlas::orthogonal_basis;
using atlas::row_matrix;
using atlas::seeded_basis;

namespace {

/// Sylvester's matrix, written out: (-1)^(bits that i and j have in common) / sqrt(n).
Eigen::MatrixXd explicit_hadamard(atlas::index_t d) {
  Eigen::MatrixXd h = Eigen::MatrixXd::Zero(d, d);
  atlas::index_t at = 0;
  for (const atlas::index_t n : atlas::hadamard_blocks(d)) {
    for (atlas::index_t i = 0; i < n; ++i)
      for (atlas::index_t j = 0; j < n; ++j)
        h(at + i, at + j) = (std::popcount(static_cast<std::uint64_t>(i & j)) % 2 == 0 ? 1 : -1) /
                            std::sqrt(static_cast<double>(n));
    at += n;
  }
  return h;
}

}  // namespace

TEST_CASE("the blocks of a Hadamard basis are the binary digits of its size") {
  CHECK(atlas::hadamard_blocks(192) == std::vector<atlas::index_t>{128, 64});
  CHECK(atlas::hadamard_blocks(3072) == std::vector<atlas::index_t>{2048, 1024});
  CHECK(atlas::hadamard_blocks(7) == std::vector<atlas::index_t>{4, 2, 1});
  CHECK(atlas::hadamard_blocks(1) == std::vector<atlas::index_t>{1});
}

TEST_CASE("the fast transform is the explicit matrix with signs") {
  for (const atlas::index_t d : {1, 2, 7, 12, 64, 192, 1023}) {
    CAPTURE(d);
    atlas::random_stream random(5);
    const Eigen::VectorXd signs = atlas::random_signs(d, random);
    const auto basis = orthogonal_basis<double>::hadamard(signs);
    const Eigen::MatrixXd wanted = signs.asDiagonal() * explicit_hadamard(d);
    CHECK((Eigen::MatrixXd(basis.matrix(d)) - wanted).norm() < tolerance::double_rounding);
    const row_matrix<double> w = normal_cloud(5, d);
    CHECK((basis.rotate(w, {.threads = 2}) - w * wanted).norm() < tolerance::double_rounding);
    CHECK((basis.restore(w, {.threads = 2}) - w * wanted.transpose()).norm() <
          tolerance::double_rounding);
  }
}

TEMPLATE_TEST_CASE("transforms in vectors have the bits of butterflies one by one", "", float,
                   double) {
  for (atlas::index_t n = 1; n <= 4096; n *= 2) {
    CAPTURE(n);
    Eigen::VectorX<TestType> x = normal_cloud(n, 1).template cast<TestType>();
    Eigen::VectorX<TestType> wanted = x;
    for (atlas::index_t half = 1; half < n; half *= 2)
      for (atlas::index_t i = 0; i < n; ++i)
        if ((i & half) == 0) {
          const TestType a = wanted(i), b = wanted(i + half);
          wanted(i) = a + b;
          wanted(i + half) = a - b;
        }
    wanted *= static_cast<TestType>(1 / std::sqrt(static_cast<double>(n)));
    atlas::detail::fast_hadamard(x.data(), n);
    CHECK(x == wanted);
  }
}

TEST_CASE("rows are rotated whatever their number, in float as in double") {
  atlas::random_stream random(5);
  const Eigen::VectorXd signs = atlas::random_signs(96, random);
  const row_matrix<double> w = normal_cloud(37, 96);
  const auto whole = orthogonal_basis<double>::hadamard(signs).rotate(w, {.threads = 1});
  const auto basis = orthogonal_basis<float>::hadamard(signs);
  const row_matrix<float> turned = basis.rotate(w.cast<float>(), {.threads = 2});
  CHECK((turned.cast<double>() - whole).norm() < tolerance::float_rounding * whole.norm());
  CHECK(turned == basis.rotate(w.cast<float>(), {.threads = 1}));
}

TEMPLATE_TEST_CASE("bases are orthogonal and rotations without rounding restore the weights", "",
                   float, double) {
  constexpr double allowed = 1e-6;  // what the program promises
  for (const auto kind :
       {basis_kind::identity, basis_kind::random_orthogonal, basis_kind::hadamard}) {
    const auto u = seeded_basis(kind, 300, {.seed = 1, .stream = 0}).template cast<TestType>();
    const auto v = seeded_basis(kind, 75, {.seed = 1, .stream = 1}).template cast<TestType>();
    const row_matrix<double> m = u.matrix(300).template cast<double>();
    CHECK((m.transpose() * m - Eigen::MatrixXd::Identity(300, 300)).cwiseAbs().maxCoeff() <
          allowed);
    row_matrix<TestType> scales = row_matrix<TestType>::Ones(1, 300);
    for (int c = 0; c < 300; c += 3) scales(0, c) = TestType(0.01) * TestType(c + 1);
    const row_matrix<TestType> w = normal_cloud(75, 300).template cast<TestType>();
    const double spread = static_cast<double>(scales.maxCoeff() / scales.minCoeff());
    for (const auto& s : {row_matrix<TestType>(), scales}) {
      const atlas::quantization_coordinates<TestType> coordinates{u, v, s};
      const auto there = atlas::to_coordinates(w, coordinates);
      const auto back = atlas::from_coordinates(there, coordinates);
      CHECK(relative_norm((back - w).template cast<double>(), w.template cast<double>()) <
            allowed * (s.size() > 0 ? spread : 1));  // small columns are mixed with large ones
      if (s.size() == 0) CHECK(there.norm() == Approx(w.norm()).epsilon(1e-5));
      CHECK(there == atlas::to_coordinates(w, coordinates, {.threads = 1}));
      CHECK(back == atlas::from_coordinates(there, coordinates, {.threads = 1}));
    }
  }
}

TEST_CASE("an outlier is spread over its block by a Hadamard basis") {
  row_matrix<double> w = row_matrix<double>::Zero(1, 64);
  w(0, 5) = 8;
  const auto rotated =
      seeded_basis(basis_kind::hadamard, 64, {.seed = 3}).rotate(w, {.threads = 1});
  CHECK(rotated.cwiseAbs().maxCoeff() == Approx(1));
  CHECK(rotated.cwiseAbs().minCoeff() == Approx(1));
}

TEST_CASE("seeds decide the basis") {
  for (const auto kind : {basis_kind::random_orthogonal, basis_kind::hadamard}) {
    CHECK(seeded_basis(kind, 20, {.seed = 1}).matrix(20) ==
          seeded_basis(kind, 20, {.seed = 1}).matrix(20));
    CHECK(seeded_basis(kind, 20, {.seed = 1}).matrix(20) !=
          seeded_basis(kind, 20, {.seed = 2}).matrix(20));
    CHECK(seeded_basis(kind, 20, {.seed = 1, .stream = 0}).matrix(20) !=
          seeded_basis(kind, 20, {.seed = 1, .stream = 1}).matrix(20));
  }
}

TEST_CASE("bases that do not fit are refused") {
  const row_matrix<double> w = normal_cloud(2, 5);
  for (const auto kind : {basis_kind::random_orthogonal, basis_kind::hadamard}) {
    CHECK_REFUSED(atlas::shape_error, seeded_basis(kind, 4, {.seed = 1}).rotate(w, {.threads = 1}),
                  "w", "4, got 5");
    CHECK_REFUSED(atlas::shape_error, seeded_basis(kind, 4, {.seed = 1}).restore(w, {.threads = 1}),
                  "w", "4, got 5");
  }
  CHECK_REFUSED(atlas::value_error, seeded_basis(basis_kind::fisher, 4, {.seed = 1}), "kind",
                "fisher");
  CHECK_REFUSED(atlas::value_error, seeded_basis(basis_kind::hadamard, 0, {.seed = 1}), "d", "0");
  atlas::quantization_coordinates<double> coordinates;
  coordinates.column_scales = row_matrix<double>::Ones(1, 4);
  CHECK_REFUSED(atlas::shape_error, atlas::to_coordinates(w, coordinates), "weights", "4, got 5");
  CHECK_REFUSED(atlas::shape_error, atlas::from_coordinates(w, coordinates), "weights", "4, got 5");
}
