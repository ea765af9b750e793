// SPDX-License-Identifier: MIT
#include "atlas/dimension/estimators/fisher_separability.hpp"

#include <array>
#include <cmath>
#include <limits>
#include <numbers>
#include <string>
#include <vector>

#include "../catch.hpp"
#include "atlas/dimension/estimate_dimension.hpp"
#include "atlas/simulation/clouds.hpp"
#include "golden.hpp"

namespace fisher_separability_test {
namespace {

using atlas::index_t;
using atlas::estimators::fisher_separability;
using tensor = atlas::owned_tensor<double, 2>;

tensor gaussian(index_t rows, index_t dimension, std::uint64_t seed) {
  atlas::random_stream random(seed, 0);
  return atlas::simulate_gaussian(rows, dimension, random);
}

TEST_CASE("Fisher separability is that of the peer, at every alpha") {
  for (const char* cloud : atlas_test::continuous_clouds) {
    CAPTURE(cloud);
    const tensor points = atlas_test::golden_cloud(cloud);
    const auto& peer = atlas_test::golden_value(cloud, "skdim.FisherS");
    const auto profile = atlas::fisher_profile(points);
    for (std::size_t a = 0; a < atlas::fisher_alpha_count; ++a) {
      CHECK(profile.alpha[a] == Approx(peer.at("alphas")[a].get<double>()).epsilon(1e-12));
      CHECK(profile.inseparable[a] ==
            Approx(peer.at("mean_p_alpha")[a].get<double>()).epsilon(atlas_test::same_definition));
      CHECK(profile.dimension[a] ==
            Approx(peer.at("n_alpha")[a].get<double>()).epsilon(atlas_test::same_definition));
    }
    const auto r = atlas::estimate_dimension(points, fisher_separability{}, {.errors = false});
    CHECK(r.dimension ==
          Approx(peer.at("dimension").get<double>()).epsilon(atlas_test::same_definition));
    CHECK(r.remark.find("principal components") != std::string::npos);
  }
}

/// Cosines of a cloud whose components are kept, by the definition.
std::array<double, atlas::fisher_alpha_count> brute_shares(const tensor& points,
                                                           double conditional_number) {
  const atlas::detail::directions d =
      atlas::detail::directions_of(atlas::tensor_view<const double, 2>(points), conditional_number);
  std::array<double, atlas::fisher_alpha_count> out{};
  const auto n = static_cast<double>(d.exact.rows());
  for (std::size_t a = 0; a < out.size(); ++a)
    for (index_t i = 0; i < d.exact.rows(); ++i)
      for (index_t j = 0; j < d.exact.rows(); ++j)
        if (i != j &&
            d.exact.row(i).dot(d.exact.row(j)) >= (60.0 + 2 * static_cast<double>(a)) / 100)
          out[a] += 1 / (n * (n - 1));
  return out;
}

TEST_CASE("tiles count the pairs that all pairs have") {
  for (const index_t d : {2, 5, 17}) {
    const tensor points = gaussian(600, d, 4);
    const auto expected = brute_shares(points, 10);
    const auto profile = atlas::fisher_profile(points);
    CHECK(profile.components == d);
    for (std::size_t a = 0; a < expected.size(); ++a)
      CHECK(profile.inseparable[a] == Approx(expected[a]).epsilon(1e-9).margin(1e-15));
  }
}

TEST_CASE("the dimension of a share solves the equation it is from") {
  for (const double alpha : {0.6, 0.8, 0.98})
    for (const double n : {1.5, 3.0, 12.0, 60.0}) {
      const double rest = 1 - alpha * alpha;
      const double share =
          std::pow(rest, 0.5 * n) / (alpha * std::sqrt(2 * std::numbers::pi * rest * n));
      CHECK(atlas::detail::dimension_of_share(share, alpha) == Approx(n).epsilon(1e-12));
    }
  CHECK(std::isnan(atlas::detail::dimension_of_share(0, 0.8)));
}

TEST_CASE("the alpha chosen is nearest to nine tenths of the largest") {
  std::array<double, atlas::fisher_alpha_count> shares{};
  CHECK(atlas::detail::chosen_alpha(shares) == -1);
  for (std::size_t last = 0; last < shares.size(); ++last) {
    shares[last] = 0.1;
    const double wanted = 0.9 * (0.6 + 0.02 * static_cast<double>(last));
    std::size_t best = 0;
    for (std::size_t a = 0; a <= last; ++a)
      if (std::abs(0.6 + 0.02 * static_cast<double>(a) - wanted) <
          std::abs(0.6 + 0.02 * static_cast<double>(best) - wanted) - 1e-9)
        best = a;
    CHECK(atlas::detail::chosen_alpha(shares) == static_cast<index_t>(best));
  }
}

TEST_CASE("Gaussians and spheres read as the space that they are in") {
  for (const index_t d : {5, 10, 20}) {
    const auto r =
        atlas::estimate_dimension(gaussian(2000, d, 1), fisher_separability{}, {.errors = false});
    CHECK(r.dimension == Approx(static_cast<double>(d)).epsilon(0.05));
  }
  atlas::random_stream random(1, 0);
  const auto sphere = atlas::simulate_sphere(1000, 4, random);
  const auto r = atlas::estimate_dimension(sphere, fisher_separability{}, {.errors = false});
  CHECK(r.dimension == Approx(5).epsilon(0.05));
  CHECK(r.claim == atlas::interval_claim::own_mean);
}

TEST_CASE("a dimension is found up to the components kept, and the remark says so") {
  std::vector<double> spectrum(10, 0.01);
  for (std::size_t i = 0; i < 4; ++i) spectrum[i] = 1;
  atlas::random_stream random(2, 0);
  const auto points = atlas::simulate_spectrum(800, spectrum, random);
  const auto cut = atlas::estimate_dimension(points, fisher_separability{}, {.errors = false});
  CHECK(cut.dimension == Approx(4).epsilon(0.06));
  CHECK(cut.remark.find("4 of 10") != std::string::npos);
  const auto all = atlas::estimate_dimension(
      points, fisher_separability{.conditional_number = 1000}, {.errors = false});
  CHECK(all.dimension == Approx(10).epsilon(0.1));
}

TEST_CASE("separability has the same bits for all threads and scales, and in any order of rows") {
  const tensor points = gaussian(700, 6, 6);
  tensor scaled({700, 6}), turned({700, 6});
  atlas::owned_tensor<float, 2> single({700, 6});
  for (index_t i = 0; i < 700; ++i)
    for (index_t k = 0; k < 6; ++k) {
      scaled.mutable_view()(i, k) = 0x1p-700 * points(i, k);
      turned.mutable_view()(i, k) = points(699 - i, k);
      single.mutable_view()(i, k) = static_cast<float>(points(i, k));
    }
  const auto one =
      atlas::estimate_dimension(points, fisher_separability{}, {.resamples = 4, .threads = 1});
  const auto three =
      atlas::estimate_dimension(points, fisher_separability{}, {.resamples = 4, .threads = 3});
  CHECK(one.dimension == three.dimension);
  CHECK(one.standard_error == three.standard_error);
  CHECK(atlas::fisher_profile(scaled).inseparable == atlas::fisher_profile(points).inseparable);
  const auto backwards = atlas::fisher_profile(turned), forwards = atlas::fisher_profile(points);
  const auto of_float = atlas::fisher_profile(single);
  for (std::size_t a = 0; a < atlas::fisher_alpha_count; ++a) {
    CHECK(backwards.inseparable[a] == Approx(forwards.inseparable[a]).margin(1e-12));
    CHECK(of_float.inseparable[a] == Approx(forwards.inseparable[a]).margin(1e-4));
  }
}

TEST_CASE("intervals of separability hold the mean of the estimator") {
  // Exponential coordinates: their fourth moments move the share of pairs, as a sphere's do not.
  constexpr int repeats = 100;
  std::vector<atlas::interval> intervals;
  double mean = 0;
  for (int s = 0; s < repeats; ++s) {
    atlas::random_stream random(90, static_cast<std::uint64_t>(s));
    tensor points({300, 4});
    for (index_t i = 0; i < 300; ++i)
      for (index_t k = 0; k < 4; ++k) points.mutable_view()(i, k) = random.exponential();
    const auto r = atlas::estimate_dimension(
        points, fisher_separability{}, {.resamples = 16, .seed = static_cast<std::uint64_t>(s)});
    intervals.push_back(r.interval);
    mean += r.dimension / repeats;
  }
  int held = 0;
  for (const auto& i : intervals) held += i.lower <= mean && mean <= i.upper;
  CAPTURE(held, mean);
  CHECK(held >= 90);
}

TEST_CASE("separability refuses what it cannot honour, and rows that all are separated") {
  const tensor points = gaussian(60, 3, 1);
  atlas::dimension_options o;
  o.exclude = atlas::same_context(std::vector<int>(60, 1));
  CHECK_THROWS_WITH(atlas::estimate_dimension(points, fisher_separability{}, o),
                    Catch::Contains("exclude"));
  CHECK_THROWS_WITH(
      atlas::estimate_dimension(points, fisher_separability{}, {.periods = {9, 0, 0}}),
      Catch::Contains("periods"));
  CHECK_THROWS_WITH(atlas::estimate_dimension(points, fisher_separability{.conditional_number = 1}),
                    Catch::Contains("conditional_number"));
  CHECK_THROWS_AS(atlas::fisher_profile(gaussian(1, 3, 1)), atlas::shape_error);
  tensor broken = points;
  broken.mutable_view()(3, 1) = std::numeric_limits<double>::quiet_NaN();
  CHECK_THROWS_AS(atlas::fisher_profile(broken), atlas::value_error);
  const tensor wide = gaussian(30, 200, 1);
  CHECK_THROWS_WITH(atlas::estimate_dimension(wide, fisher_separability{.conditional_number = 1e3}),
                    Catch::Contains("separated"));
  const auto reported =
      atlas::estimate_dimension(wide, fisher_separability{.conditional_number = 1e3},
                                {.degenerate = atlas::degenerate_policy::report});
  CHECK(std::isnan(reported.dimension));
  CHECK(reported.fault != atlas::cloud_fault::none);
  CHECK_THROWS_AS(atlas::estimate_dimension(tensor({50, 3}), fisher_separability{}),
                  atlas::value_error);
}

TEST_CASE("rows at the centre are left out, and contexts are units of the error") {
  tensor points({201, 3});
  const tensor half = gaussian(100, 3, 3);
  for (index_t i = 0; i < 100; ++i)
    for (index_t k = 0; k < 3; ++k) {
      points.mutable_view()(2 * i, k) = half(i, k);
      points.mutable_view()(2 * i + 1, k) = -half(i, k);
    }
  points.mutable_view()(200, 0) = points.mutable_view()(200, 1) = points.mutable_view()(200, 2) = 0;
  const auto profile = atlas::fisher_profile(points);
  CHECK((profile.rows == 200 || profile.rows == 201));  // the mean is 0 but for rounding
  std::vector<int> context(201);
  for (std::size_t i = 0; i < 201; ++i) context[i] = static_cast<int>(i / 10);
  const auto r = atlas::estimate_dimension(points, fisher_separability{},
                                           {.context = context, .resamples = 6});
  CHECK(r.contexts == 21);
  CHECK(r.standard_error > 0);
}

}  // namespace
}  // namespace fisher_separability_test
