// SPDX-License-Identifier: MIT
#include "atlas/dimension/estimators/mle.hpp"

#include <numbers>
#include <utility>

#include "../catch.hpp"
#include "../messages.hpp"
#include "atlas/dimension/estimate_dimension.hpp"
#include "atlas/dimension/estimators/two_nn.hpp"
#include "estimator_checks.hpp"
#include "golden.hpp"

namespace mle_estimator {
namespace {

using atlas::local_mean;
using atlas::estimators::mle;
using atlas_test::golden_number;
using atlas_test::golden_value;

TEST_CASE("Levina and Bickel's estimate is the peer's, rows and all three means") {
  const std::pair<const char*, local_mean> means[] = {{"mle", local_mean::harmonic},
                                                      {"mean", local_mean::arithmetic},
                                                      {"median", local_mean::median}};
  const std::pair<const char*, mle> kinds[] = {{"skdim.MLE.k5", {.k = 5}},
                                               {"skdim.MLE.k20", {}},
                                               {"skdim.MLE.k20.unbiased", {.unbiased = true}}};
  for (const char* cloud : atlas_test::continuous_clouds) {
    const auto table = atlas::nearest_neighbors(atlas_test::golden_cloud(cloud), {.k = 20});
    for (auto [key, e] : kinds)
      for (const auto& [mean, combine] : means) {
        CAPTURE(cloud, key, mean);
        e.combine = combine;
        const auto& peer = golden_value(cloud, key);
        const auto r = atlas::estimate_from_neighbors(table, e);
        CHECK(r.dimension ==
              Approx(golden_number(peer.at(mean))).epsilon(atlas_test::same_definition));
        if (!peer.contains("pointwise")) continue;
        for (std::size_t i = 0; i < r.local.size(); ++i)
          CHECK(
              r.local[i] ==
              Approx(golden_number(peer.at("pointwise")[i])).epsilon(atlas_test::same_definition));
      }
  }
}

TEST_CASE("of two neighbours the harmonic mean is TwoNN's likelihood") {
  const auto points = atlas_test::golden_cloud("cube4");
  const double n = 400;  // N in place of N - 1
  CHECK(atlas::estimate_dimension(points, mle{.k = 2}).dimension ==
        Approx(n / (n - 1) *
               atlas::estimate_dimension(points, atlas::estimators::two_nn{.discard = 0}).dimension)
            .epsilon(1e-12));
}

TEST_CASE("coincident rows are left out, where the peer answers 0") {
  const auto points = atlas_test::golden_cloud("duplicates3");
  CHECK(golden_number(golden_value("duplicates3", "skdim.MLE.k20").at("mle")) == 0);
  const auto merged = atlas::estimate_dimension(points, mle{});
  CHECK(merged.merged > 0);
  CHECK(merged.dimension == Approx(2.75).epsilon(0.1));
  const auto dropped =
      atlas::estimate_dimension(points, mle{}, {.duplicates = atlas::duplicate_policy::drop});
  CHECK(dropped.duplicates > 0);
  CHECK(dropped.dimension == Approx(2.75).epsilon(0.1));
  CHECK(std::isnan(dropped.local[0]));
  CHECK_REFUSED(
      atlas::value_error,
      atlas::estimate_dimension(points, mle{}, {.duplicates = atlas::duplicate_policy::error}),
      "points", "distance 0");
}

/// The mean of ln X, X normal with mean 1 and this deviation where above 0: Simpson's rule in z of
/// x = 1 + t z, from 0 by z = -1/t + y^4 for the logarithm's singularity.
double brute_mean_log(double t) {
  const double lowest = std::max(-1 / t, -12.0), width = std::pow(12 - lowest, 0.25);
  const int steps = 100000;
  long double sum = 0, total = 0;
  for (int i = 1; i <= steps; ++i) {
    const double y = width * i / steps, z = lowest + y * y * y * y;
    const long double weight = (i == steps   ? 1
                                : i % 2 == 1 ? 4
                                             : 2) *
                               std::exp(-0.5 * z * z) * y * y * y;
    const double x = lowest > -12.0 ? t * y * y * y * y : 1 + t * z;
    sum += weight * std::log(x);
    total += weight;
  }
  return static_cast<double>(sum / total);
}

TEST_CASE("means of logarithms of noisy distances are those of brute force") {
  for (const double t :
       {1e-3, 0.02, 0.0499, 0.0501, 0.08, 0.0999, 0.1001, 0.2, 0.4, 1.0, 5.0, 100.0}) {
    CAPTURE(t);
    CHECK(atlas::detail::mean_log_of_noisy(3, 3 * t) == Approx(brute_mean_log(t)).epsilon(1e-8));
  }
  const double half_normal = -0.5 * (std::numbers::egamma + std::numbers::ln2);
  CHECK(atlas::detail::mean_log_of_noisy(1e-9, 2) ==
        Approx(std::log(2e9) + half_normal).epsilon(1e-8));
  CHECK(atlas::detail::mean_log_of_noisy(1e-12, 2) ==
        Approx(std::log(2e12) + half_normal).epsilon(1e-8));
  CHECK(std::isfinite(atlas::detail::mean_log_of_noisy(1e-300, 1e300)));
}

TEST_CASE("noise is taken off as the peer does, to its two digits, and off a noisy cloud") {
  const auto all = atlas_test::golden_cloud("sphere2");
  const atlas::tensor_view<const double, 2> first(all.data(), {100, all.extent(1)});
  CHECK(atlas::estimate_dimension(first, mle{.k = 10, .noise = 0.01}).dimension ==
        Approx(golden_number(golden_value("sphere2", "skdim.MLE.k10.noise"))).epsilon(0.01));
  atlas::random_stream random(4);
  const auto circles = atlas::simulate_torus(2000, 1, random);
  atlas::owned_tensor<double, 2> noisy({2000, 2});
  for (atlas::index_t i = 0; i < 2000; ++i)
    for (atlas::index_t c = 0; c < 2; ++c)
      noisy.mutable_view()(i, c) = circles(i, c) + 0.005 * random.normal();
  const double without = atlas::estimate_dimension(noisy, mle{}).dimension;
  const double with = atlas::estimate_dimension(noisy, mle{.noise = 0.005}).dimension;
  CHECK(without > 1.2);
  CHECK(with < without);
  CHECK(atlas::estimate_dimension(noisy, mle{.noise = 1e-9}).dimension ==
        Approx(without).epsilon(1e-8));
  CHECK_REFUSED(atlas::value_error, atlas::estimate_dimension(noisy, mle{.noise = 0.5}), "noise",
                "rows");
}

TEST_CASE("MLE has what every estimator has") {
  atlas_test::check_refusals(mle{});
  atlas_test::check_invariances(mle{});
  atlas_test::check_invariances(mle{.k = 8, .unbiased = true, .combine = local_mean::arithmetic});
  atlas_test::check_invariances(mle{.k = 10, .combine = local_mean::median});
  atlas_test::check_invariances(mle{.k = 5, .noise = 1e-3}, {.scale = 0.05});  // noise has a unit
}

TEST_CASE("MLE's interval holds the dimension as often as it says, where it claims to") {
  const auto harmonic = atlas_test::coverage_on_tori(mle{.k = 5}, 400, 2);
  CHECK(harmonic.of_value > 0.9);
  CHECK(harmonic.of_value < 0.99);
  const auto of_means = atlas_test::coverage_on_tori(
      mle{.k = 6, .unbiased = true, .combine = local_mean::arithmetic}, 400, 2);
  CHECK(of_means.of_value > 0.9);
  CHECK(of_means.of_value < 0.99);
  const auto wide = atlas_test::coverage_on_tori(mle{}, 500, 2);
  CHECK(wide.of_mean > 0.9);
  CHECK(wide.of_mean < 1);
  CHECK(mle{}.claim() == atlas::interval_claim::dimension);
  CHECK(mle{.unbiased = true}.claim() == atlas::interval_claim::own_mean);
  CHECK(mle{.combine = local_mean::arithmetic}.claim() == atlas::interval_claim::own_mean);
  CHECK(mle{.unbiased = true, .combine = local_mean::arithmetic}.claim() ==
        atlas::interval_claim::dimension);
  CHECK(mle{.noise = 1}.claim() == atlas::interval_claim::own_mean);
}

TEST_CASE("MLE refuses what it cannot estimate from") {
  const auto points = atlas_test::golden_cloud("cube4");
  const auto refused = [&](const mle& e, const char* argument, const char* got) {
    CHECK_REFUSED(atlas::value_error, atlas::estimate_dimension(points, e), argument, got);
  };
  refused({.k = 1}, "k", "1");
  refused({.k = 2, .unbiased = true}, "k", "3");
  refused({.k = 3, .combine = local_mean::arithmetic}, "k", "4");
  refused({.noise = -1}, "noise", "-1");
  refused({.noise = std::nan("")}, "noise", "NaN");
  refused({.k = 400}, "points", "400");
  const auto lattice = atlas_test::whole_lattice(6);
  CHECK_REFUSED(atlas::value_error, atlas::estimate_dimension(lattice, mle{.k = 2}), "points",
                "different distances");
  CHECK(atlas_test::has(atlas::estimate_dimension(lattice, mle{}).remark, "discrete"));
}

}  // namespace
}  // namespace mle_estimator
