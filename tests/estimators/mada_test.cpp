// SPDX-License-Identifier: MIT
#include "atlas/dimension/estimators/mada.hpp"

#include <utility>

#include "../catch.hpp"
#include "../messages.hpp"
#include "atlas/dimension/estimate_dimension.hpp"
#include "estimator_checks.hpp"
#include "golden.hpp"

namespace mada_estimator {
namespace {

using atlas::local_mean;
using atlas::estimators::mada;
using atlas_test::golden_number;
using atlas_test::golden_value;

TEST_CASE("the manifold-adaptive dimension is the peer's, rows and both means") {
  for (const char* cloud : atlas_test::continuous_clouds)
    for (const auto& [mean, combine] :
         {std::pair{"mean", local_mean::arithmetic}, std::pair{"median", local_mean::median}}) {
      CAPTURE(cloud, mean);
      const auto& peer = golden_value(cloud, "skdim.MADA.k20");
      const auto r =
          atlas::estimate_dimension(atlas_test::golden_cloud(cloud), mada{.combine = combine});
      CHECK(r.dimension ==
            Approx(golden_number(peer.at(mean))).epsilon(atlas_test::same_definition));
      for (std::size_t i = 0; i < r.local.size(); ++i)
        CHECK(r.local[i] ==
              Approx(golden_number(peer.at("pointwise")[i])).epsilon(atlas_test::same_definition));
    }
}

TEST_CASE("a row's dimension is exact where distances grow as in a ball") {
  atlas::neighbor_table table{atlas::owned_tensor<double, 2>({5, 9}),
                              atlas::owned_tensor<atlas::index_t, 2>({5, 9})};
  for (atlas::index_t i = 0; i < 5; ++i)
    for (atlas::index_t j = 0; j < 9; ++j)
      table.distances.mutable_view()(i, j) = std::pow(static_cast<double>(j + 1), 1 / 3.5);
  const atlas::dimension_options quick{.errors = false};
  CHECK(atlas::estimate_from_neighbors(table, mada{.k = 8}, quick).dimension == Approx(3.5));
  // Of an odd number the half is rounded down: the ninth against the fourth.
  CHECK(atlas::estimate_from_neighbors(table, mada{.k = 9}, quick).dimension ==
        Approx(3.5 * std::log(2.0) / std::log(2.25)));
}

TEST_CASE("MADA has what every estimator has") {
  atlas_test::check_refusals(mada{});
  atlas_test::check_invariances(mada{});
  atlas_test::check_invariances(mada{.k = 7, .combine = local_mean::harmonic});
}

TEST_CASE("MADA's interval holds its mean as often as it says, which is not the dimension") {
  const auto holds = atlas_test::coverage_on_tori(mada{.k = 10}, 500, 2);
  CHECK(holds.of_mean > 0.9);
  CHECK(holds.of_mean < 0.99);
  CHECK(holds.of_value < 0.5);
  const auto median =
      atlas_test::coverage_on_tori(mada{.k = 10, .combine = local_mean::median}, 500, 2);
  CHECK(median.of_mean > 0.9);
  CHECK(median.of_mean < 0.995);
  CHECK(mada{}.claim() == atlas::interval_claim::own_mean);
}

TEST_CASE("MADA counts coincident rows and refuses what it cannot estimate from") {
  const auto points = atlas_test::golden_cloud("duplicates3");
  const auto dropped =
      atlas::estimate_dimension(points, mada{}, {.duplicates = atlas::duplicate_policy::drop});
  CHECK(dropped.duplicates > 0);
  CHECK(std::isnan(dropped.local[0]));
  CHECK(dropped.dimension == Approx(3).epsilon(0.1));
  CHECK_REFUSED(atlas::value_error, atlas::estimate_dimension(points, mada{.k = 4}), "k", "5");
  CHECK_REFUSED(atlas::value_error,
                atlas::estimate_dimension(points, mada{.k = 1, .combine = local_mean::median}), "k",
                "2");
  const auto lattice = atlas_test::whole_lattice(6);
  CHECK_REFUSED(atlas::value_error, atlas::estimate_dimension(lattice, mada{.k = 5}), "points",
                "equally far");
  CHECK(atlas_test::has(
      atlas::estimate_dimension(lattice, mada{.k = 20, .combine = local_mean::harmonic}).remark,
      "discrete"));
}

}  // namespace
}  // namespace mada_estimator
