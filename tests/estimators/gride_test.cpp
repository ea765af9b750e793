// SPDX-License-Identifier: MIT
#include "atlas/dimension/estimators/gride.hpp"

#include <utility>

#include "../catch.hpp"
#include "../messages.hpp"
#include "atlas/dimension/estimate_dimension.hpp"
#include "atlas/dimension/estimators/two_nn.hpp"
#include "estimator_checks.hpp"
#include "golden.hpp"

namespace gride_estimator {
namespace {

using atlas::estimators::gride;
using atlas_test::golden_number;
using atlas_test::golden_value;

TEST_CASE("GRIDE with the peers' cut is scikit-dimension's") {
  for (const char* cloud : atlas_test::continuous_clouds) {
    const auto points = atlas_test::golden_cloud(cloud);
    for (const auto& [n1, n2] : {std::pair{1, 2}, {2, 4}, {1, 3}, {4, 8}}) {
      CAPTURE(cloud, n1, n2);
      const std::string key = "skdim.GRIDE." + std::to_string(n1) + "." + std::to_string(n2);
      CHECK(atlas::estimate_dimension(points, gride{n1, n2, true}).dimension ==
            Approx(golden_number(golden_value(cloud, key).at("dimension")))
                .epsilon(atlas_test::same_definition));
    }
  }
}

TEST_CASE("one table of neighbours serves all scales, as of both peers") {
  for (const char* cloud : atlas_test::continuous_clouds) {
    CAPTURE(cloud);
    const auto table = atlas::nearest_neighbors(atlas_test::golden_cloud(cloud), {.k = 64});
    const auto& ours = golden_value(cloud, "skdim.GRIDE.multiscale64").at("dimension");
    const auto& dadapy = golden_value(cloud, "dadapy.gride.64").at("id");
    auto scales = atlas::gride_scales(64);
    REQUIRE(scales.size() == ours.size());
    for (std::size_t s = 0; s < scales.size(); ++s) {
      scales[s].peers_cut = true;
      const double got = atlas::estimate_from_neighbors(table, scales[s]).dimension;
      CHECK(got == Approx(golden_number(ours[s])).epsilon(atlas_test::same_definition));
      CHECK(got == Approx(golden_number(dadapy[s])).epsilon(atlas_test::same_definition));
    }
  }
}

TEST_CASE("GRIDE drops ratios of 1 on a lattice as scikit-dimension does, where few are") {
  const auto points = atlas_test::golden_cloud("lattice3");
  const auto r = atlas::estimate_dimension(points, gride{4, 8, true});
  CHECK(r.dimension ==
        Approx(golden_number(golden_value("lattice3", "skdim.GRIDE.4.8").at("dimension")))
            .epsilon(atlas_test::same_definition));
  CHECK(atlas_test::has(r.remark, "equally far"));
}

TEST_CASE("GRIDE of orders 1 and 2 without a cut is TwoNN that discards nothing") {
  const auto points = atlas_test::golden_cloud("helix");
  CHECK(atlas::estimate_dimension(points, gride{}).dimension ==
        Approx(atlas::estimate_dimension(points, atlas::estimators::two_nn{.discard = 0}).dimension)
            .epsilon(1e-12));
}

TEST_CASE("the root of GRIDE's likelihood equation is where the likelihood is largest") {
  atlas::random_stream random(3);
  atlas::detail::ratio_logs logs{{}, 3, 7, 1};
  for (int i = 0; i < 200; ++i) {  // ratios of a Poisson process of dimension 2.5
    double near = 0, far = 0;
    for (int j = 0; j < 7; ++j) (j < 3 ? near : far) += random.exponential();
    logs.values.push_back(std::log((near + far) / near) / 2.5);
  }
  const auto likelihood = [&](double d) {  // with N - 1 of the logarithms of d
    double sum = -std::log(d);
    for (const double l : logs.values)
      sum += std::log(d) + 3 * std::log(std::expm1(d * l)) - 6 * d * l;
    return sum;
  };
  const double found = atlas::detail::likeliest_dimension(logs, 199);
  CHECK(found == Approx(2.5).epsilon(0.15));
  for (const double off : {1e-3, 1e-2, 0.3})
    for (const double d : {found * (1 - off), found * (1 + off)})
      CHECK(likelihood(d) < likelihood(found));
  const double step = 1e-4 * found;
  CHECK(atlas::detail::total_score(logs, found, 199).slope ==
        Approx((likelihood(found + step) - 2 * likelihood(found) + likelihood(found - step)) /
               (step * step))
            .epsilon(1e-4));
}

TEST_CASE("without the cut low dimensions are not too high") {
  // Ideal ratios: a table whose squared, or otherwise raised, distances are a Poisson process.
  atlas::random_stream random(9);
  const double d = 0.5;
  atlas::neighbor_table table{atlas::owned_tensor<double, 2>({20000, 2}),
                              atlas::owned_tensor<atlas::index_t, 2>({20000, 2})};
  for (atlas::index_t i = 0; i < 20000; ++i) {
    const double near = random.exponential(), far = near + random.exponential();
    table.distances.mutable_view()(i, 0) = std::pow(near, 1 / d);
    table.distances.mutable_view()(i, 1) = std::pow(far, 1 / d);
    table.indices.mutable_view()(i, 0) = table.indices.mutable_view()(i, 1) = 0;
  }
  const atlas::dimension_options quick{.errors = false};
  CHECK(atlas::estimate_from_neighbors(table, gride{}, quick).dimension == Approx(d).epsilon(0.02));
  CHECK(atlas::estimate_from_neighbors(table, gride{.peers_cut = true}, quick).dimension >
        1.03 * d);
}

TEST_CASE("GRIDE has what every estimator has") {
  atlas_test::check_refusals(gride{});
  atlas_test::check_invariances(gride{});
  atlas_test::check_invariances(gride{4, 8});
}

TEST_CASE("GRIDE's interval holds the dimension as often as it says") {
  const auto first = atlas_test::coverage_on_tori(gride{}, 400, 2, {.seed = 11});
  CHECK(first.of_value > 0.9);
  CHECK(first.of_value < 0.99);
  const auto fourth = atlas_test::coverage_on_tori(gride{4, 8}, 400, 2);
  CHECK(fourth.of_mean > 0.9);
  CHECK(fourth.of_mean < 0.99);
  CHECK(gride{}.claim() == atlas::interval_claim::dimension);
  CHECK(gride{.peers_cut = true}.claim() == atlas::interval_claim::own_mean);
}

TEST_CASE("GRIDE refuses orders that are none, lattices, and more neighbours than rows") {
  const auto points = atlas_test::golden_cloud("cube4");
  CHECK_REFUSED(atlas::value_error, atlas::estimate_dimension(points, gride{0, 2}), "n1", "0");
  CHECK_REFUSED(atlas::value_error, atlas::estimate_dimension(points, gride{2, 2}), "n2", "2");
  CHECK_REFUSED(atlas::value_error, atlas::estimate_dimension(points, gride{1, 1000}), "points",
                "1000");
  CHECK_REFUSED(atlas::value_error, atlas::gride_scales(1), "range_max", "1");
  const auto lattice = atlas_test::whole_lattice(6);
  CHECK_REFUSED(atlas::value_error, atlas::estimate_dimension(lattice, gride{}), "points",
                "neighbours at different distances");
  const auto reported =
      atlas::estimate_dimension(lattice, gride{}, {.degenerate = atlas::degenerate_policy::report});
  CHECK(std::isnan(reported.dimension));
  CHECK(reported.fault == atlas::cloud_fault::too_few_ratios);
  CHECK(atlas_test::has(reported.remark, "equally far"));
}

}  // namespace
}  // namespace gride_estimator
