// SPDX-License-Identifier: MIT
#include <Eigen/SVD>
#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <set>
#include <string>
#include <vector>

#include "../catch.hpp"
#include "../messages.hpp"
#include "atlas/core/portable_angles.hpp"
#include "atlas/core/random.hpp"
#include "atlas/dimension/manifolds/draw_manifold.hpp"
#include "atlas/neighbors/nearest_neighbors.hpp"

namespace manifolds_test {
namespace {

using atlas::draw_manifold;
using atlas::index_t;
using atlas::detail::manifold_chart;

/// The rank of a chart's derivative, by central differences at parameters that are drawn.
index_t rank_at(const manifold_chart& chart, atlas::random_stream& random) {
  const auto p = static_cast<std::size_t>(chart.parameters);
  const auto m = static_cast<std::size_t>(chart.ambient);
  std::vector<double> at(p), above(m), below(m);
  chart.draw(at, random);
  Eigen::MatrixXd derivative(chart.ambient, chart.parameters);
  constexpr double step = 1e-5;
  for (std::size_t j = 0; j < p; ++j) {
    std::vector<double> moved = at;
    const double by = step * at[j];  // stays in the range, and near an end of a range as well
    moved[j] = at[j] + by;
    chart.map(moved, above);
    moved[j] = at[j] - by;
    chart.map(moved, below);
    for (std::size_t i = 0; i < m; ++i)
      derivative(static_cast<index_t>(i), static_cast<index_t>(j)) =
          (above[i] - below[i]) / (2 * by);
  }
  const Eigen::VectorXd values = derivative.jacobiSvd().singularValues();
  return (values.array() > 1e-7 * values[0]).count();
}

/// A number of all bits.
std::uint64_t bits_of(const atlas::owned_tensor<double, 2>& points) {
  std::uint64_t out = 1469598103934665603U;
  for (const double x : points) out = (out ^ std::bit_cast<std::uint64_t>(x)) * 1099511628211U;
  return out;
}

/// Eigenvalues of the covariance of the k nearest rows of row i, descending, over their sum.
Eigen::VectorXd local_spectrum(const atlas::owned_tensor<double, 2>& points,
                               const atlas::neighbor_table& table, index_t i, index_t k) {
  Eigen::MatrixXd x(k, points.extent(1));
  for (index_t j = 0; j < k; ++j)
    for (index_t c = 0; c < x.cols(); ++c) x(j, c) = points(table.indices(i, j), c);
  x.rowwise() -= x.colwise().mean().eval();
  const Eigen::VectorXd values = x.jacobiSvd().singularValues().array().square();
  return values / values.sum();
}

/// The median over rows of how many principal axes a neighbourhood has, those of less than 3 % of
/// the greatest not counted.
index_t local_rank(const atlas::owned_tensor<double, 2>& points, index_t k) {
  const auto table = atlas::nearest_neighbors(points, {.k = k});
  std::vector<index_t> ranks;
  for (index_t i = 0; i < points.extent(0); i += 37) {
    const Eigen::VectorXd values = local_spectrum(points, table, i, k);
    ranks.push_back((values.array() > 0.03 * values[0]).count());
  }
  std::nth_element(ranks.begin(), ranks.begin() + static_cast<std::ptrdiff_t>(ranks.size() / 2),
                   ranks.end());
  return ranks[ranks.size() / 2];
}

TEST_CASE("portable angles are those of the standard library") {
  using atlas::detail::portable_arc_tangent, atlas::detail::portable_sine_cosine,
      atlas::detail::portable_tangent, atlas::detail::sine_cosine_of_turns;
  atlas::random_stream random(1);
  double worst = 0, worst_turns = 0, worst_arc = 0;
  for (int i = 0; i < 20000; ++i) {
    const double x = 10 * random.normal();
    const auto of = portable_sine_cosine(x), turned = sine_cosine_of_turns(x);
    worst = std::max({worst, std::abs(of.sine - std::sin(x)) / (1 + std::abs(x)),
                      std::abs(of.cosine - std::cos(x)) / (1 + std::abs(x))});
    const double angle = 2 * std::acos(-1.0) * (x - std::round(x));
    worst_turns = std::max({worst_turns, std::abs(turned.sine - std::sin(angle)),
                            std::abs(turned.cosine - std::cos(angle))});
    worst_arc = std::max(worst_arc, std::abs(portable_arc_tangent(x) / std::atan(x) - 1));
  }
  CHECK(worst < 1e-15);
  CHECK(worst_turns < 1e-15);
  CHECK(worst_arc < 2e-15);
  CHECK(portable_arc_tangent(0.0) == 0.0);
  CHECK(portable_tangent(0.3) == Approx(std::tan(0.3)).epsilon(1e-14));
}

TEST_CASE("benchmark manifolds have the rank and the columns that are stated") {
  atlas::random_stream random(2);
  for (const auto& chart : atlas::detail::benchmark_charts) {
    CAPTURE(chart.name);
    for (int i = 0; i < 5; ++i) CHECK(rank_at(chart, random) == chart.dimension);
  }
  std::set<std::string> names;
  for (const atlas::manifold& m : atlas::benchmark_manifolds()) {
    CAPTURE(m.name);
    names.insert(m.name);
    const auto drawn = draw_manifold(m, 40, {.seed = 5});
    CHECK(drawn.points.extent(0) == 40);
    CHECK(drawn.points.extent(1) == m.ambient);
    for (const double x : drawn.points) CHECK(std::isfinite(x));
    CHECK(drawn.context.empty());
    CHECK(drawn.dimensions.empty());
  }
  CHECK(names.size() == 24);
}

TEST_CASE("neighbourhoods of dense draws have as many principal axes as there are dimensions") {
  for (const char* name :
       {"M2_Affine_3to5", "M5a_Helix1d", "M7_Roll", "M11_Moebius", "M13a_Scurve", "M13b_Spiral",
        "swiss_roll", "torus", "moebius", "sphere_2", "torus_2", "ball_3", "gaussian_3"}) {
    CAPTURE(name);
    const atlas::manifold m = atlas::manifold_named(name);
    CHECK(local_rank(draw_manifold(m, 4000, {.seed = 3}).points, 16) == m.dimension);
  }
}

TEST_CASE("draws are the same for the same seed, and of the bits that are known") {
  const auto bits = [](const char* name, std::uint64_t seed) {
    return bits_of(draw_manifold(name, 500, {.noise = 0.01, .seed = seed}).points);
  };
  for (const char* name : {"M1_Sphere", "moebius", "mixture", "serial_5", "cube_3"}) {
    CHECK(bits(name, 7) == bits(name, 7));
    CHECK(bits(name, 7) != bits(name, 8));
  }
  CHECK(bits("M1_Sphere", 3) == 0x346c04c293c7f1c8U);
  CHECK(bits("M3_Nonlinear_4to6", 3) == 0x3f3349cdcd1cf8e9U);
  CHECK(bits("M8_Nonlinear", 3) == 0x81b7a5c4712f68b8U);
  CHECK(bits("Mbeta", 3) == 0xc92b187a0eb69c7bU);
  CHECK(bits("Mn2_Nonlinear", 3) == 0x6ffea16bc094291dU);
  CHECK(bits("Mp3_Paraboloid", 3) == 0xdb5bb44e6e6561f5U);
}

TEST_CASE("noise has its standard deviation in every column, whatever else") {
  const atlas::manifold_options clean{.ambient = 30, .seed = 4};
  const atlas::manifold_options noisy{.ambient = 30, .noise = 0.25, .seed = 4};
  const auto a = draw_manifold("M7_Roll", 4000, clean), b = draw_manifold("M7_Roll", 4000, noisy);
  for (index_t c : {0, 7, 29}) {
    double square = 0;
    for (index_t i = 0; i < 4000; ++i)
      square += std::pow(b.points(i, c) - a.points(i, c), 2) / 4000;
    CHECK(std::sqrt(square) == Approx(0.25).epsilon(0.06));  // of 4000: 1.1 % of error
  }
}

TEST_CASE("more columns are a turn: distances stay") {
  const auto a = draw_manifold("M2_Affine_3to5", 50, {.seed = 4});
  const auto b = draw_manifold("M2_Affine_3to5", 50, {.ambient = 40, .seed = 4});
  const Eigen::Map<const Eigen::Matrix<double, -1, -1, Eigen::RowMajor>> x(a.points.data(), 50, 5);
  const Eigen::Map<const Eigen::Matrix<double, -1, -1, Eigen::RowMajor>> y(b.points.data(), 50, 40);
  CHECK((x * x.transpose() - y * y.transpose()).cwiseAbs().maxCoeff() < 1e-10);
  const auto f = draw_manifold<float>("M2_Affine_3to5", 50, {.seed = 4});
  CHECK(f.points(3, 2) == static_cast<float>(a.points(3, 2)));
}

TEST_CASE("serial manifolds have contexts and positions, mixtures each row's dimension") {
  const auto serial = draw_manifold(atlas::serial_manifold(4, {.rows = 10, .length = 30}), 95);
  REQUIRE(serial.context.extent(0) == 95);
  CHECK(serial.context[94] == 9);
  for (index_t i = 1; i < 95; ++i)
    if (serial.context[i] == serial.context[i - 1])
      CHECK(serial.position[i] > serial.position[i - 1]);
  const atlas::manifold mixture = atlas::manifold_named("mixture");
  CHECK(mixture.dimension == 4);
  const auto mixed = draw_manifold(mixture, 100);
  CHECK(mixed.dimensions[0] == 1);
  CHECK(mixed.dimensions[1] == 2);
  CHECK(mixed.dimensions[98] == 4);
  CHECK(mixed.points(98, 4) == 20);
  CHECK(draw_manifold(mixture, 2).points.extent(0) == 2);
}

TEST_CASE("spectra and lattices are what they are asked to be") {
  const atlas::manifold flat = atlas::spectrum_manifold("flat", {4, 1, 0});
  CHECK(flat.dimension == 2);
  CHECK(flat.ambient == 3);
  const auto drawn = draw_manifold(flat, 200);
  const Eigen::Map<const Eigen::Matrix<double, -1, -1, Eigen::RowMajor>> x(drawn.points.data(), 200,
                                                                           3);
  const Eigen::VectorXd values = x.jacobiSvd().singularValues();
  CHECK(values[2] < 1e-10 * values[0]);
  for (const double v : draw_manifold(atlas::lattice_manifold(3, 4), 300).points) {
    CHECK(v == std::floor(v));
    CHECK((v >= 0 && v < 4));
  }
}

TEST_CASE("what cannot be drawn is refused") {
  CHECK_REFUSED(atlas::value_error, atlas::spectrum_manifold("x", {1, -2}), "eigenvalues", "-2");
  CHECK_REFUSED(atlas::value_error,
                atlas::mixture_manifold("x", {atlas::spectrum_manifold("y", {1})},
                                        std::numeric_limits<double>::infinity()),
                "apart", "inf");
  CHECK_THROWS_AS(draw_manifold("M14_None", 10), atlas::value_error);
  const std::string refusal =
      atlas_test::message_of<atlas::value_error>([] { (void)draw_manifold("cube_x", 10); });
  CHECK(atlas_test::has(refusal, "Mp3_Paraboloid"));
  CHECK(atlas_test::has(refusal, "cube_<dimension>"));
  CHECK_THROWS_AS(draw_manifold("M7_Roll", 10, {.ambient = 2}), atlas::value_error);
  CHECK_THROWS_AS(draw_manifold("M7_Roll", 10, {.noise = -1}), atlas::value_error);
  CHECK_THROWS_AS(draw_manifold("M7_Roll", 10, {.noise = std::nan("")}), atlas::value_error);
  CHECK_THROWS_AS(draw_manifold("M7_Roll", 0), atlas::value_error);
  CHECK_THROWS_AS(atlas::spectrum_manifold("none", {0.0}), atlas::value_error);
  CHECK_THROWS_AS(atlas::spectrum_manifold("none", {}), atlas::shape_error);
  CHECK_THROWS_AS(atlas::lattice_manifold(3, 1), atlas::value_error);
  CHECK_THROWS_AS(draw_manifold("serial_0", 10), atlas::value_error);
  CHECK_THROWS_AS(atlas::mixture_manifold("none", {}), atlas::shape_error);
  CHECK_THROWS_AS(draw_manifold(atlas::mixture_manifold("m", {atlas::serial_manifold(2)}), 10),
                  atlas::value_error);
}

}  // namespace
}  // namespace manifolds_test
