// SPDX-License-Identifier: MIT
#include "atlas/dimension/estimators/two_nn.hpp"

#include "../catch.hpp"
#include "../messages.hpp"
#include "atlas/dimension/estimate_dimension.hpp"
#include "atlas/dimension/two_nn.hpp"
#include "atlas/simulation/clouds.hpp"
#include "estimator_checks.hpp"
#include "golden.hpp"

namespace two_nn_as_estimator {
namespace {

using atlas::two_nn_estimator;
using atlas::estimators::two_nn;

TEST_CASE("TwoNN by regression and by maximum likelihood is that of the peers") {
  for (const char* cloud : atlas_test::continuous_clouds) {
    CAPTURE(cloud);
    const auto points = atlas_test::golden_cloud(cloud);
    const auto agree = [&](const two_nn& e, const char* key) {
      CAPTURE(key);
      CHECK(atlas::estimate_dimension(points, e).dimension ==
            Approx(atlas_test::golden_number(atlas_test::golden_value(cloud, key)))
                .epsilon(atlas_test::same_definition));
    };
    agree({two_nn_estimator::regression, 0.1}, "skdim.TwoNN.linear.discard0.1");
    agree({two_nn_estimator::regression, 0.2}, "skdim.TwoNN.linear.discard0.2");
    agree({two_nn_estimator::censored, 0.1}, "skdim.TwoNN.mle.discard0.1");
    agree({two_nn_estimator::censored, 0}, "skdim.TwoNN.mle.discard0.0");
    agree({two_nn_estimator::censored, 0}, "dadapy.2NN.ml");
  }
}

TEST_CASE("the estimator is atlas::two_nn: the same bits, and the same error") {
  atlas::random_stream random(1);
  const auto points = atlas::simulate_torus(500, 3, random);
  for (const auto estimator : {two_nn_estimator::censored, two_nn_estimator::regression,
                               two_nn_estimator::truncated, two_nn_estimator::bayesian}) {
    const auto wanted = atlas::two_nn(points, {.estimator = estimator});
    const auto got = atlas::estimate_dimension(points, two_nn{estimator});
    CHECK(got.dimension == wanted.dimension);
    CHECK(got.standard_error == Approx(wanted.standard_error).epsilon(1e-12));
    CHECK(got.points_used == wanted.points_used);
    CHECK(got.error_from == atlas::error_source::scores);
    CHECK(got.local.empty());
  }
}

TEST_CASE("contexts are the units of TwoNN as an estimator, as of atlas::two_nn") {
  atlas::random_stream random(2);
  const auto points = atlas::simulate_torus(400, 2, random);
  std::vector<atlas::index_t> context(400);
  for (std::size_t i = 0; i < 400; ++i) context[i] = static_cast<atlas::index_t>(i / 20);
  const auto wanted = atlas::two_nn(points, {.context = context});
  const auto got = atlas::estimate_dimension(points, two_nn{}, {.context = context});
  CHECK(got.contexts == 20);
  CHECK(got.standard_error == Approx(wanted.standard_error).epsilon(1e-12));
}

TEST_CASE("TwoNN as an estimator has what every estimator has") {
  atlas_test::check_refusals(two_nn{});
  atlas_test::check_invariances(two_nn{});
  atlas_test::check_invariances(two_nn{two_nn_estimator::regression});
  atlas_test::check_invariances(two_nn{two_nn_estimator::bayesian},
                                {.scale = 1e-2});  // its prior has a scale
}

TEST_CASE("TwoNN's interval holds the dimension as often as it says") {
  const auto holds = atlas_test::coverage_on_tori(two_nn{}, 400, 2);
  CHECK(holds.of_mean > 0.9);
  CHECK(holds.of_mean < 0.99);
  CHECK(holds.of_value > 0.9);
  const auto truncated = atlas_test::coverage_on_tori(two_nn{two_nn_estimator::truncated}, 400, 2);
  CHECK(truncated.of_mean > 0.9);
  CHECK(truncated.of_value < 0.1);
  CHECK(two_nn{two_nn_estimator::truncated}.claim() == atlas::interval_claim::own_mean);
  CHECK(two_nn{}.claim() == atlas::interval_claim::dimension);
}

TEST_CASE("TwoNN refuses shares outside [0, 1) and lattices") {
  const auto points = atlas_test::golden_cloud("cube4");
  CHECK_REFUSED(atlas::value_error, atlas::estimate_dimension(points, two_nn{.discard = 1}),
                "discard", "[0, 1)");
  const auto lattice = atlas_test::whole_lattice(6);
  CHECK_REFUSED(atlas::value_error, atlas::estimate_dimension(lattice, two_nn{}), "points",
                "neighbours at different distances");
  const auto reported = atlas::estimate_dimension(lattice, two_nn{},
                                                  {.degenerate = atlas::degenerate_policy::report});
  CHECK(std::isnan(reported.dimension));
  CHECK(reported.fault == atlas::cloud_fault::too_few_ratios);
}

}  // namespace
}  // namespace two_nn_as_estimator
