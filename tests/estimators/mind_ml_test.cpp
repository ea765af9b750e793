// SPDX-License-Identifier: MIT
#include "atlas/dimension/estimators/mind_ml.hpp"

#include <string>
#include <utility>

#include "../catch.hpp"
#include "../messages.hpp"
#include "atlas/dimension/estimate_dimension.hpp"
#include "estimator_checks.hpp"
#include "golden.hpp"

namespace mind_ml_estimator {
namespace {

using atlas::estimators::gride;
using atlas::estimators::mind_ml;
using atlas_test::golden_number;
using atlas_test::golden_value;

/// The likelihood of ratios r_1/r_{k+1} as the paper has it.
double likelihood(const atlas::neighbor_table& table, atlas::index_t k, double d) {
  double sum = 0;
  for (atlas::index_t i = 0; i < table.distances.extent(0); ++i) {
    const double rho = table.distances(i, 0) / table.distances(i, k);
    sum += std::log(static_cast<double>(k) * d) + (d - 1) * std::log(rho) +
           static_cast<double>(k - 1) * std::log(1 - std::pow(rho, d));
  }
  return sum;
}

TEST_CASE("MiND_ML is the peer's, but where its optimiser gave its start back") {
  // Maxima that the peer missed: it says 2.0 of the roll, with 20 neighbours and with 10.
  const std::pair<std::string, double> missed[] = {{"swiss_roll.k20", 1.928},
                                                   {"swiss_roll.k10", 1.914}};
  for (const char* cloud : atlas_test::continuous_clouds) {
    const auto table = atlas::nearest_neighbors(atlas_test::golden_cloud(cloud), {.k = 21});
    for (const auto& [k, bound] : {std::pair{20, "10"}, std::pair{10, "20"}}) {
      CAPTURE(cloud, k);
      const std::string end = ".k" + std::to_string(k) + ".D" + bound;
      const double got = atlas::estimate_from_neighbors(table, mind_ml{.k = k}).dimension;
      const double peer = golden_number(golden_value(cloud, "skdim.MiND_ML.MLk" + end));
      bool is_missed = false;
      for (const auto& [name, root] : missed)
        if (name == std::string(cloud) + ".k" + std::to_string(k)) {
          is_missed = true;
          CHECK(peer == 2);
          CHECK(got == Approx(root).epsilon(5e-4));
          CHECK(likelihood(table, k, got) > likelihood(table, k, peer));
        }
      if (!is_missed) CHECK(got == Approx(peer).epsilon(atlas_test::same_definition));
      CHECK(atlas::estimate_from_neighbors(table, mind_ml{.k = k, .integer = true}).dimension ==
            golden_number(golden_value(cloud, "skdim.MiND_ML.MLi" + end)));
    }
  }
}

TEST_CASE("both forms of MiND_ML are where the paper's likelihood is largest") {
  const auto table = atlas::nearest_neighbors(atlas_test::golden_cloud("sphere5_in8"), {.k = 13});
  const double found = atlas::estimate_from_neighbors(table, mind_ml{.k = 12}).dimension;
  for (const double d : {0.5 * found, 0.999 * found, 1.001 * found, 2 * found})
    CHECK(likelihood(table, 12, d) < likelihood(table, 12, found));
  double best = 1;
  for (double d = 1; d <= 30; ++d)
    if (likelihood(table, 12, d) > likelihood(table, 12, best)) best = d;
  CHECK(atlas::estimate_from_neighbors(table, mind_ml{12, true}).dimension == best);
}

TEST_CASE("MiND_ML's likelihood is GRIDE's of orders 1 and k + 1") {
  const auto table = atlas::nearest_neighbors(atlas_test::golden_cloud("cube4"), {.k = 9});
  CHECK(atlas::estimate_from_neighbors(table, mind_ml{.k = 8}).dimension ==
        Approx(atlas::estimate_from_neighbors(table, gride{1, 9}).dimension).epsilon(2.0 / 400));
}

TEST_CASE("MiND_ML has no bound of 10, and refuses to answer one that it was given") {
  atlas::random_stream random(6);
  const auto points = atlas::simulate_gaussian(600, 20, random);
  const auto r = atlas::estimate_dimension(points, mind_ml{});
  CHECK(r.dimension > 14);
  CHECK_REFUSED(atlas::value_error, atlas::estimate_dimension(points, mind_ml{.max_dimension = 10}),
                "max_dimension", "10");
  const auto reported =
      atlas::estimate_dimension(points, mind_ml{.integer = true, .max_dimension = 10},
                                {.degenerate = atlas::degenerate_policy::report});
  CHECK(std::isnan(reported.dimension));
  CHECK(reported.fault != atlas::cloud_fault::none);
  CHECK(atlas_test::has(reported.remark, "max_dimension"));
  CHECK(atlas::estimate_dimension(points, mind_ml{.max_dimension = 50}).dimension == r.dimension);
}

TEST_CASE("MiND_ML has what every estimator has") {
  atlas_test::check_refusals(mind_ml{});
  atlas_test::check_invariances(mind_ml{});
  atlas_test::check_invariances(mind_ml{.k = 10, .integer = true});
}

TEST_CASE("MiND_ML's interval holds the dimension as often as it says") {
  const auto narrow = atlas_test::coverage_on_tori(mind_ml{.k = 5}, 400, 2);
  CHECK(narrow.of_value > 0.9);
  CHECK(narrow.of_value < 0.99);
  const auto wide = atlas_test::coverage_on_tori(mind_ml{.k = 10}, 500, 2);
  CHECK(wide.of_mean > 0.9);
  CHECK(wide.of_mean < 0.995);
  CHECK(mind_ml{}.claim() == atlas::interval_claim::dimension);
  CHECK(mind_ml{.integer = true}.claim() == atlas::interval_claim::own_mean);
}

TEST_CASE("the interval of a whole number holds the maximum over all numbers") {
  atlas::random_stream random(8);
  const auto points = atlas::simulate_cube(300, 5, random);  // whose edges take a half off
  const auto table = atlas::nearest_neighbors(points, {.k = 21});
  const auto whole = atlas::estimate_from_neighbors(table, mind_ml{.integer = true});
  const auto any = atlas::estimate_from_neighbors(table, mind_ml{});
  CHECK(whole.dimension == std::round(whole.dimension));
  CHECK(whole.interval.lower <= any.dimension);
  CHECK(whole.interval.upper >= any.dimension);
  CHECK(whole.standard_error >= any.standard_error);
}

TEST_CASE("MiND_ML refuses what it cannot estimate from") {
  const auto points = atlas_test::golden_cloud("cube4");
  CHECK_REFUSED(atlas::value_error, atlas::estimate_dimension(points, mind_ml{.k = 0}), "k", "0");
  CHECK_REFUSED(atlas::value_error, atlas::estimate_dimension(points, mind_ml{.max_dimension = -1}),
                "max_dimension", "-1");
  const auto duplicates = atlas_test::golden_cloud("duplicates3");  // of which the peer answers 1
  CHECK(atlas::estimate_dimension(duplicates, mind_ml{}).dimension == Approx(2.8).epsilon(0.05));
  CHECK_REFUSED(atlas::value_error,
                atlas::estimate_dimension(atlas_test::whole_lattice(6), mind_ml{.k = 2}), "points",
                "neighbours at different distances");
}

}  // namespace
}  // namespace mind_ml_estimator
