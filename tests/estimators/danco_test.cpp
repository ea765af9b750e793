// SPDX-License-Identifier: MIT
#include "atlas/dimension/estimators/danco.hpp"

#include <string>

#include "estimator_checks.hpp"
#include "golden.hpp"

namespace danco_test {
namespace {

using atlas::danco_angles;
using atlas::danco_answer;
using atlas::estimators::danco;
using atlas_test::golden_number;
using atlas_test::golden_value;

atlas::detail::danco_means means_of(const atlas::owned_tensor<double, 2>& cloud, atlas::index_t k,
                                    danco_angles angles) {
  const atlas::tensor_view<const double, 2> points = cloud;
  const atlas::dimension_options options;
  const auto table = atlas::nearest_neighbors(cloud, {.k = k + 1});
  atlas::detail::raw_estimate counts;
  return atlas::detail::means_of_rows(
      atlas::detail::measure_rows(atlas::detail::estimator_cloud<double>{points, table, options}, k,
                                  angles, counts),
      k);
}

TEST_CASE("folded statistics are those of the peer") {
  for (const std::string cloud : atlas_test::continuous_clouds) {
    CAPTURE(cloud);
    const auto m = means_of(atlas_test::golden_cloud(cloud), 10, danco_angles::folded);
    const auto& peer = golden_value(cloud, "skdim.DANCo.statistics.k10");
    CHECK(m.angle == Approx(golden_number(peer.at("mu_nu"))).epsilon(1e-11));
    CHECK(m.concentration == Approx(golden_number(peer.at("mu_tau"))).epsilon(1e-11));
    // Of the roll the peer's optimiser has its start back, which is a whole number.
    if (cloud == "swiss_roll")
      CHECK(m.dimension == Approx(1.9141847286).epsilon(1e-9));
    else
      CHECK(m.dimension ==
            Approx(golden_number(peer.at("dhat"))).epsilon(atlas_test::same_definition));
  }
}

TEST_CASE("directed angles are the angles, folded ones their quotient's") {
  atlas::row_matrix<double> wide(3, 2), narrow(3, 2), room;
  wide << 1, 0, -0.5, 0.8660254037844386, -0.5, -0.8660254037844386;
  narrow << 1, 0, 2, 0.1, 3, -0.1;
  const auto far = atlas::detail::angle_of_neighbors(wide, room, danco_angles::directed);
  CHECK(far.direction == Approx(2 * std::numbers::pi / 3));
  CHECK(std::isfinite(far.concentration));
  CHECK(atlas::detail::angle_of_neighbors(wide, room, danco_angles::folded).direction ==
        Approx(-std::numbers::pi / 3));
  CHECK(atlas::detail::angle_of_neighbors(narrow, room, danco_angles::directed).direction ==
        Approx(atlas::detail::angle_of_neighbors(narrow, room, danco_angles::folded).direction));
}

TEST_CASE("the dimension by distances is the root of the likelihood's slope") {
  atlas::random_stream random(1);
  for (const double d : {0.3, 1.0, 6.0, 80.0}) {
    Eigen::ArrayXd logs(500);  // of k = 1 they are exponential
    for (double& log : logs) log = -random.exponential() / d;
    CHECK(atlas::detail::dimension_of_ratios(logs, 1) == Approx(-500 / logs.sum()).epsilon(1e-12));
    const double found = atlas::detail::dimension_of_ratios(logs, 10);
    CHECK(std::abs(atlas::detail::slope_of_ratios(logs, found, 10).first) < 1e-9 * 500 / found);
  }
}

TEST_CASE("divergences: sums of digammas, Bessel functions, 0 of equals") {
  // psi(1 + i/q) of k = 2, q = 1: -(psi(1) - 2 psi(2) + psi(3)) = 1/2
  CHECK(atlas::detail::alternating_digammas(2, 1) == Approx(0.5).epsilon(1e-12));
  CHECK(atlas::detail::alternating_digammas(10, 0.3) == Approx(0.615985500735685).epsilon(1e-12));
  CHECK(atlas::detail::alternating_digammas(10, 1.5) == Approx(0.0372293683477376).epsilon(1e-11));
  CHECK(atlas::detail::alternating_digammas(10, 4) == Approx(0.00101099838565477).epsilon(1e-9));
  for (const double k : {3.0, 10.0, 50.0, 1000.0})
    CHECK(std::abs(atlas::detail::divergence_of_ratios(k, 1)) < 1e-10 * k);
  CHECK(atlas::detail::divergence_of_ratios(50, 1.1) > 0);
  CHECK(atlas::detail::divergence_of_ratios(50, 0.9) > 0);
  CHECK(atlas::detail::log_bessel_i0(1) == Approx(0.2359143585).epsilon(1e-9));
  CHECK(atlas::detail::log_bessel_i0(29.999999) ==
        Approx(atlas::detail::log_bessel_i0(30.000001)).epsilon(1e-7));
  CHECK(atlas::detail::log_bessel_i0(1e4) ==
        Approx(1e4 - 0.5 * std::log(2e4 * std::numbers::pi)).epsilon(1e-8));
  CHECK(atlas::detail::bessel_ratio(1) == Approx(0.4463899658965).epsilon(1e-12));
  CHECK(atlas::detail::bessel_ratio(1e5) == Approx(1 - 0.5e-5).epsilon(1e-9));
  CHECK(std::abs(atlas::detail::divergence_of_angles(1.2, 4, 1.2, 4)) < 1e-14);
  CHECK(atlas::detail::divergence_of_angles(1.2, 4, 1.3, 4) > 0);
}

TEST_CASE("rows that are looked at have the means of whole clouds") {
  const auto mean_of = [](atlas::index_t looked, atlas::index_t draws) {
    atlas::detail::ball_means balls({.rows = 400, .looked = looked, .draws = draws, .seed = 4});
    return balls.of(8);
  };
  const auto whole = mean_of(400, 60), few = mean_of(60, 400);
  // 24,000 rows each, of standard deviations below 8, 0.5 and 5.
  CHECK(few.dimension == Approx(whole.dimension).margin(0.2));
  CHECK(few.angle == Approx(whole.angle).margin(0.012));
  CHECK(few.concentration == Approx(whole.concentration).margin(0.12));
}

TEST_CASE("balls have their own dimension, and spheres nearly theirs") {
  atlas::random_stream random(2);
  for (const atlas::index_t d : {2, 5, 12, 30}) {
    CAPTURE(d);
    const auto ball = atlas::simulate_ball(1000, d, random);
    const danco high{.max_dimension = 3 * d};
    const auto r = atlas::estimate_dimension(ball, high);
    CHECK(r.error_from == atlas::error_source::scores);
    CHECK(std::abs(r.dimension - static_cast<double>(d)) <
          0.03 * static_cast<double>(d) + 0.1 + 3 * r.standard_error);
    const danco whole{.max_dimension = 3 * d, .answer = danco_answer::integer};
    const double n = atlas::estimate_dimension(ball, whole, {.errors = false}).dimension;
    CHECK(n == std::floor(n));
    CHECK(std::abs(n - r.dimension) < 1);
  }
  const auto sphere = atlas_test::golden_cloud("sphere5_in8");
  CHECK(atlas::estimate_dimension(sphere, danco{.answer = danco_answer::integer}).dimension == 5);
}

TEST_CASE("a dimension at the largest that is allowed says so") {
  atlas::random_stream random(3);
  const auto cube = atlas::simulate_gaussian(400, 5, random);
  const auto r = atlas::estimate_dimension(cube, danco{.max_dimension = 3});
  CHECK(r.dimension == 3);
  CHECK_FALSE(r.remark.empty());
}

TEST_CASE("curves have a dimension of 1") {
  const auto r = atlas::estimate_dimension(atlas_test::golden_cloud("helix"), danco{});
  CHECK(r.dimension == Approx(1).margin(0.1));
  CHECK(r.standard_error > 0);
  atlas::random_stream random(3);
  const auto line = atlas::simulate_gaussian(300, 1, random);
  CHECK(atlas::estimate_dimension(line, danco{}, {.errors = false}).dimension == 1);
}

TEST_CASE("angles and norms: threads, scale, order, float, seeds, bad input, lattices") {
  const auto cloud = atlas_test::golden_cloud("sphere5_in8");
  for (const auto angles : {danco_angles::directed, danco_angles::folded}) {
    const danco e{.angles = angles, .calibration_rows = 200};
    atlas_test::check_threads(e, cloud, {.resamples = 4});
    for (const double factor : {0x1p-40, 0x1p600})
      atlas_test::check_scale(e, cloud, factor, {.errors = false});
    atlas_test::check_order(e, cloud, {.errors = false}, 1e-9);
    atlas_test::check_float(e, cloud, 1e-4);
  }
  const auto a = atlas::estimate_dimension(cloud, danco{}, {.errors = false, .seed = 1});
  const auto b = atlas::estimate_dimension(cloud, danco{}, {.errors = false, .seed = 2});
  CHECK(a.dimension != b.dimension);
  CHECK(a.dimension == Approx(b.dimension).epsilon(0.1));
  atlas_test::check_refusals(danco{});
  CHECK_THROWS_AS(danco{.k = 2}.check_parameters(), atlas::value_error);
  CHECK_THROWS_AS(danco{.draws = 0}.check_parameters(), atlas::value_error);
  CHECK_THROWS_AS(danco{.max_dimension = -1}.check_parameters(), atlas::value_error);
  CHECK_THROWS_AS(atlas::estimate_dimension(cloud, danco{.k = 499}), atlas::value_error);
  const auto twice = atlas::estimate_dimension(atlas_test::golden_cloud("duplicates3"), danco{});
  CHECK(twice.merged == 20);
  CHECK(twice.dimension > 2);
  const auto lattice =
      atlas::estimate_dimension(atlas_test::golden_cloud("lattice3"), danco{}, {.errors = false});
  CHECK(lattice.dimension > 2);
  CHECK(lattice.dimension <= 3);
}

TEST_CASE("intervals of angles and norms hold the mean estimate") {
  const double held = atlas_test::coverage_on_tori(danco{.calibration_rows = 200, .draws = 1}, 400,
                                                   2, {.clouds = 300})
                          .of_mean;
  CAPTURE(held);
  CHECK(held >= 0.90);
  CHECK(held <= 0.99);
}

}  // namespace
}  // namespace danco_test
