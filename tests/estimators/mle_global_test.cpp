// SPDX-License-Identifier: MIT
#include "atlas/dimension/estimators/mle_global.hpp"

#include "../catch.hpp"
#include "../messages.hpp"
#include "atlas/dimension/estimate_dimension.hpp"
#include "estimator_checks.hpp"
#include "golden.hpp"

namespace mle_global_estimator {
namespace {

using atlas::estimators::mle_global;

TEST_CASE("the likelihood of a cloud's smallest distances is the peer's") {
  for (const char* cloud : atlas_test::continuous_clouds) {
    CAPTURE(cloud);
    CHECK(
        atlas::estimate_dimension(atlas_test::golden_cloud(cloud), mle_global{10, 20}).dimension ==
        Approx(
            atlas_test::golden_number(atlas_test::golden_value(cloud, "skdim.MLE.global.K10.n20")))
            .epsilon(atlas_test::same_definition));
  }
}

/// From all pairs of rows.
double of_all_pairs(const atlas::owned_tensor<double, 2>& points, std::size_t count) {
  std::vector<double> distances;
  for (atlas::index_t i = 0; i < points.extent(0); ++i)
    for (atlas::index_t j = 0; j < i; ++j) {
      double square = 0;
      for (atlas::index_t c = 0; c < points.extent(1); ++c)
        square += std::pow(points(i, c) - points(j, c), 2);
      distances.push_back(std::sqrt(square));
    }
  std::sort(distances.begin(), distances.end());
  double sum = 0;
  for (std::size_t p = 0; p < count; ++p) sum += std::log(distances[count - 1] / distances[p]);
  return (static_cast<double>(count) - 1) / sum;
}

TEST_CASE("the pairs are the nearest of all, whichever rows have them as neighbours") {
  atlas::random_stream random(7);
  const auto points = atlas::simulate_gaussian(300, 2, random);
  for (const atlas::index_t k : {8, 20, 60})
    CHECK(atlas::estimate_dimension(points, mle_global{.k = k, .distances = 75}).dimension ==
          Approx(of_all_pairs(points, 75)).epsilon(1e-12));
  CHECK(atlas::estimate_dimension(points, mle_global{}).dimension ==
        Approx(of_all_pairs(points, 75)).epsilon(1e-12));
  CHECK(
      atlas::estimate_dimension(points, mle_global{.distances = 75, .unbiased = true}).dimension ==
      Approx(73.0 / 74 * of_all_pairs(points, 75)).epsilon(1e-12));
}

TEST_CASE("pairs that no row holds are never missed without a word") {
  atlas::random_stream random(7);
  const auto points = atlas::simulate_gaussian(300, 2, random);
  CHECK_REFUSED(atlas::value_error,
                atlas::estimate_dimension(points, mle_global{.k = 2, .distances = 300}),
                "distances", "2 neighbours");
  for (const atlas::index_t k : {2, 3, 5}) {  // as many as are certain, by default
    const auto table = atlas::nearest_neighbors(points, {.k = k});
    const auto pairs =
        atlas::detail::pairs_below(table, k, atlas::detail::certain_distance(table, k));
    const std::size_t count = std::min<std::size_t>(75, pairs.size());
    CHECK(atlas::estimate_dimension(points, mle_global{.k = k}).dimension ==
          Approx(of_all_pairs(points, count)).epsilon(1e-12));
  }
  std::vector<atlas::index_t> context(300);
  for (std::size_t i = 0; i < 300; ++i) context[i] = static_cast<atlas::index_t>(i % 100);
  CHECK_REFUSED(atlas::value_error,
                atlas::estimate_dimension(points, mle_global{},
                                          {.exclude = atlas::distinct_contexts(context)}),
                "exclude.distinct", "true");
}

TEST_CASE("the global likelihood has what every estimator has") {
  atlas_test::check_refusals(mle_global{});
  atlas_test::check_invariances(mle_global{});
  atlas_test::check_invariances(mle_global{.k = 10, .distances = 50, .unbiased = true});
}

TEST_CASE("the global likelihood's interval holds the dimension as often as it says") {
  const auto share = atlas_test::coverage_on_tori(mle_global{}, 500, 2);
  CHECK(share.of_mean > 0.9);
  CHECK(share.of_mean < 0.99);
  CHECK(share.of_value > 0.9);
  const auto fixed = atlas_test::coverage_on_tori(mle_global{.distances = 60}, 300, 2);
  CHECK(fixed.of_mean > 0.88);
  CHECK(fixed.of_mean < 0.99);
  CHECK(mle_global{}.claim() == atlas::interval_claim::dimension);
  CHECK(mle_global{.distances = 60}.claim() == atlas::interval_claim::own_mean);
}

TEST_CASE("the global likelihood leaves out coincident rows and refuses lattices") {
  const auto points = atlas_test::golden_cloud("duplicates3");  // of which the peer answers 0
  const auto dropped = atlas::estimate_dimension(points, mle_global{},
                                                 {.duplicates = atlas::duplicate_policy::drop});
  CHECK(dropped.duplicates > 0);
  CHECK(dropped.dimension > 1);
  const auto lattice = atlas_test::whole_lattice(6);
  CHECK_REFUSED(atlas::value_error, atlas::estimate_dimension(lattice, mle_global{}), "points",
                "neighbours at different distances");
  CHECK_REFUSED(atlas::value_error, atlas::estimate_dimension(points, mle_global{.distances = 2}),
                "distances", "3");
  CHECK_REFUSED(atlas::value_error, atlas::estimate_dimension(points, mle_global{.k = 0}), "k",
                "0");
}

}  // namespace
}  // namespace mle_global_estimator
