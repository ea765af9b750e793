// SPDX-License-Identifier: MIT
#include "atlas/simulation/clouds.hpp"

#include <boost/math/special_functions/gamma.hpp>
#include <cmath>
#include <numbers>
#include <vector>

#include "../catch.hpp"
#include "../messages.hpp"
#include "../tolerances.hpp"
#include "atlas/linalg/covariance.hpp"
#include "atlas/linalg/eigenbasis.hpp"
#include "atlas/stats/summary.hpp"
#include "atlas/stats/uniformity.hpp"

using namespace atlas_test;
using atlas::index_t;
using atlas::owned_tensor;
using atlas::random_stream;

namespace {

constexpr index_t many_rows = 4000;

/// A p below this is a run in a million.
constexpr double seldom = 1e-6;

double length_square(const atlas::tensor_view<const double, 1>& row) {
  double square = 0;
  for (index_t k = 0; k < row.extent(0); ++k) square += row[k] * row[k];
  return square;
}

/// Squared distances of rows 2 i and 2 i + 1, which are independent of each other.
std::vector<double> squared_distances(const owned_tensor<double, 2>& cloud) {
  std::vector<double> out;
  for (index_t i = 0; i + 1 < cloud.extent(0); i += 2) {
    double square = 0;
    for (index_t k = 0; k < cloud.extent(1); ++k)
      square += std::pow(cloud(i, k) - cloud(i + 1, k), 2);
    out.push_back(square);
  }
  return out;
}

/// Whether the mean of independent numbers is what it should be, but for once in a million runs.
void check_mean(const std::vector<double>& values, double wanted) {
  const auto s = atlas::summarize(values);
  INFO(s.mean << " +- " << s.standard_error << ", wanted " << wanted);
  CHECK(std::abs(s.mean - wanted) < 5 * s.standard_error);
}

std::vector<double> column(const owned_tensor<double, 2>& cloud, index_t k) {
  std::vector<double> out;
  for (index_t i = 0; i < cloud.extent(0); ++i) out.push_back(cloud(i, k));
  return out;
}

}  // namespace

TEST_CASE("rows of simulated clouds are as far from each other as the closed forms say") {
  random_stream random(1);
  for (const index_t d : {1, 2, 5, 12}) {
    INFO("dimension " << d);
    const auto n = static_cast<double>(d);
    check_mean(squared_distances(atlas::simulate_torus(many_rows, d, random)), 2 * n);
    check_mean(squared_distances(atlas::simulate_sphere(many_rows, d, random)), 2);
    check_mean(squared_distances(atlas::simulate_cube(many_rows, d, random)), n / 6);
    check_mean(squared_distances(atlas::simulate_ball(many_rows, d, random)), 2 * n / (n + 2));
    check_mean(squared_distances(atlas::simulate_gaussian(many_rows, d, random)), 2 * n);
  }
}

TEST_CASE("simulated clouds lie where their names say, uniformly") {
  random_stream random(2);
  const auto sphere = atlas::simulate_sphere(many_rows, 2, random);
  // Archimedes: a coordinate of the sphere in space is uniform on [-1, 1].
  CHECK(atlas::kolmogorov_smirnov(column(sphere, 2), [](double x) { return 0.5 + 0.5 * x; }).p >
        seldom);
  const auto torus = atlas::simulate_torus(many_rows, 3, random);
  REQUIRE(torus.extent(1) == 6);
  std::vector<double> angles;
  for (index_t i = 0; i < many_rows; ++i) {
    CHECK(length_square(sphere[i]) == Approx(1).epsilon(tolerance::double_rounding));
    for (index_t c = 0; c < 6; c += 2)
      CHECK(torus(i, c) * torus(i, c) + torus(i, c + 1) * torus(i, c + 1) ==
            Approx(1).epsilon(tolerance::double_rounding));
    angles.push_back(std::atan2(torus(i, 5), torus(i, 4)) / (2 * std::numbers::pi) + 0.5);
  }
  CHECK(atlas::uniformity(angles).p > seldom);
  CHECK(atlas::uniformity(column(atlas::simulate_cube(many_rows, 3, random), 1)).p > seldom);
  const auto ball = atlas::simulate_ball(many_rows, 5, random);
  std::vector<double> volumes;
  for (index_t i = 0; i < many_rows; ++i) volumes.push_back(std::pow(length_square(ball[i]), 2.5));
  CHECK(atlas::uniformity(volumes).p > seldom);
  const auto gaussian = atlas::simulate_gaussian(many_rows, 5, random);
  std::vector<double> shares;
  for (index_t i = 0; i < many_rows; ++i)
    shares.push_back(boost::math::gamma_p(2.5, 0.5 * length_square(gaussian[i])));
  CHECK(atlas::uniformity(shares).p > seldom);
}

TEST_CASE("a swiss roll is uniform along its arc") {
  random_stream random(3);
  const auto roll = atlas::simulate_swiss_roll(many_rows, random);
  const auto arc = [](double t) { return 0.5 * (t * std::sqrt(1 + t * t) + std::asinh(t)); };
  const double low = arc(1.5 * std::numbers::pi), high = arc(4.5 * std::numbers::pi);
  std::vector<double> along, across;
  for (index_t i = 0; i < many_rows; ++i) {
    const double t = std::hypot(roll(i, 0), roll(i, 2));
    CHECK(t * std::cos(t) == Approx(roll(i, 0)).margin(1e-10));
    along.push_back((arc(t) - low) / (high - low));
    across.push_back(roll(i, 1) / 21);
  }
  CHECK(atlas::uniformity(along).p > seldom);
  CHECK(atlas::uniformity(across).p > seldom);
}

TEST_CASE("a spectrum is that of the covariance, whatever its axes") {
  random_stream random(4);
  const std::vector<double> eigenvalues = {9, 4, 1, 0.25, 0};
  const auto cloud = atlas::simulate_spectrum(many_rows, eigenvalues, random);
  const auto basis = atlas::symmetric_eigenbasis(atlas::detail::moments<double>(cloud).covariance);
  // An eigenvalue of N rows has relative standard error sqrt(2 / N) = 2.2 %, and a little bias.
  for (std::size_t i = 0; i < 5; ++i)
    CHECK(basis.values(static_cast<index_t>(i)) ==
          Approx(eigenvalues[i]).epsilon(0.13).margin(1e-9));
  CHECK(std::abs(basis.vectors(0, 0)) < 0.9999);
}

TEST_CASE("simulated clouds repeat by their streams, in every scalar") {
  random_stream a(5, 7), b(5, 7), other(5, 8);
  const auto wide = atlas::simulate_ball(50, 3, a);
  const auto narrow = atlas::simulate_ball<float>(50, 3, b);
  const auto different = atlas::simulate_ball(50, 3, other);
  for (index_t i = 0; i < 50; ++i)
    for (index_t k = 0; k < 3; ++k) {
      CHECK(narrow(i, k) == static_cast<float>(wide(i, k)));
      CHECK(different(i, k) != wide(i, k));
    }
}

TEST_CASE("clouds that cannot be are not simulated") {
  random_stream random(6);
  CHECK_REFUSED(atlas::value_error, atlas::simulate_cube(0, 2, random), "rows", "0");
  CHECK_REFUSED(atlas::value_error, atlas::simulate_torus(10, 0, random), "dimension", "0");
  CHECK_REFUSED(atlas::shape_error, atlas::simulate_spectrum(10, {}, random), "eigenvalues",
                "none");
  CHECK_REFUSED(atlas::value_error, atlas::simulate_spectrum(10, {1, -1}, random), "eigenvalues",
                "-1");
}
