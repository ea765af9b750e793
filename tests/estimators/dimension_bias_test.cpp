// SPDX-License-Identifier: MIT
#include "atlas/dimension/dimension_bias.hpp"

#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "../catch.hpp"
#include "../messages.hpp"
#include "atlas/dimension/corrected_dimension.hpp"
#include "atlas/dimension/estimators/mom.hpp"
#include "atlas/dimension/manifolds/draw_manifold.hpp"

namespace dimension_bias_test {
namespace {

using atlas::bias_curves;
using atlas::corrected_dimension;
using atlas::corrected_estimate;
using atlas::index_t;
using atlas::reference_cloud;
using atlas::estimators::mom;

/// The estimator of both nearest neighbours, maximum likelihood of all rows.
struct both_nearest {
  static constexpr bool needs_points = false;
  [[nodiscard]] index_t neighbors() const { return 2; }
  [[nodiscard]] atlas::interval_claim claim() const { return atlas::interval_claim::dimension; }
  void check_parameters() const {}
  template <class Self, class Visit>
  static void visit_parameters(Self&, Visit&&) {}
};

atlas::detail::raw_estimate raw_dimension(const both_nearest&,
                                          const atlas::detail::neighbor_rows& cloud) {
  atlas::detail::raw_estimate out;
  out.linked = 2;
  double sum = 0;
  std::vector<double> logs;
  for (index_t i = 0; i < cloud.rows(); ++i) {
    if (!atlas::detail::has_neighbors(cloud.table, i, 2, out)) continue;
    logs.push_back(std::log(cloud.table.distances(i, 1) / cloud.table.distances(i, 0)));
    sum += logs.back();
    out.rows.push_back(i);
  }
  const auto n = static_cast<double>(logs.size());
  out.dimension = (n - 1) / sum;
  out.scores = -Eigen::Map<const Eigen::VectorXd>(logs.data(), static_cast<index_t>(n)) / sum;
  return out;
}

struct counts {
  int raw_held = 0, held = 0, determined = 0, low = 0;
};

/// Of 20 clouds, whose interval holds the dimension, of the estimate and corrected; the clouds are
/// turned into more columns than they need, with so little noise that it fills them all.
template <class Estimator>
counts count_held(bias_curves<Estimator>& curves, const std::string& name,
                  const atlas::correction_options& options) {
  counts out;
  const atlas::manifold m = atlas::manifold_named(name);
  const auto d = static_cast<double>(m.dimension);
  for (std::uint64_t seed = 100; seed < 120; ++seed) {
    const auto x = atlas::draw_manifold(
        m, curves.rows(), {.ambient = 2 * m.dimension + 8, .noise = 1e-4, .seed = seed});
    const corrected_estimate r = corrected_dimension(x.points, curves, {}, options);
    out.raw_held += r.raw.interval.lower <= d && d <= r.raw.interval.upper;
    out.held += r.interval.lower <= d && d <= r.interval.upper;
    out.determined += !r.undetermined;
    out.low += r.raw.dimension < 0.85 * d;
  }
  return out;
}

}  // namespace

TEST_CASE("an estimate far too low is corrected, and its interval holds the dimension") {
  bias_curves<mom> curves({.k = 20}, 1000, {}, 4, 0);
  bias_curves<both_nearest> nearest({}, 1000, {}, 4, 0);
  const std::vector<reference_cloud> with_edges = {reference_cloud::cube, reference_cloud::gaussian,
                                                   reference_cloud::sphere};
  for (const char* name : {"cube_20", "cube_40", "gaussian_20", "gaussian_40"}) {
    CAPTURE(name);
    const counts c = count_held(curves, name, {.references = with_edges, .half_pairs = 0});
    CHECK(c.low == 20);
    CHECK(c.raw_held == 0);
    CHECK(c.held >= 18);
    CHECK(c.determined >= 15);
  }
  const counts of_all = count_held(curves, "cube_40", {.half_pairs = 0});
  CHECK(of_all.held >= 18);
  CHECK(of_all.determined == 0);  // a torus of about half the dimension would do as well
  for (const char* name : {"cube_20", "gaussian_40"}) {
    CAPTURE(name);
    const counts c = count_held(nearest, name, {.half_pairs = 0});
    CHECK(c.raw_held == 0);
    CHECK(c.held >= 18);
  }
}

TEST_CASE("biases are means over clouds, and fall short the more the greater the dimension") {
  double last = 1.2;
  for (const index_t d : {5, 15, 40}) {
    const auto all = atlas::dimension_bias(mom{.k = 20}, {.rows = 400, .dimension = d, .draws = 4});
    REQUIRE(all.size() == 4);
    const atlas::reference_bias& cube = all[1];
    CHECK(cube.reference == reference_cloud::cube);
    CHECK(cube.dimension == d);
    CHECK(cube.draws == 4);
    CHECK(cube.error == Approx(cube.deviation / 2));
    CHECK(cube.mean / static_cast<double>(d) < last);
    last = cube.mean / static_cast<double>(d);
    for (const atlas::reference_bias& b : all) CHECK(b.mean <= all[0].mean);  // the torus
  }
  CHECK(last < 0.65);
  bias_curves<mom> curves({.k = 20}, 400, {}, 4, 0);
  CHECK(curves.at(reference_cloud::cube, 40).mean / 40 == last);
  CHECK(curves.simulated() == 4);
  (void)curves.at(reference_cloud::cube, 40);
  CHECK(curves.simulated() == 4);
}

TEST_CASE("low dimensions are told, whatever the kind of cloud") {
  bias_curves<mom> curves({.k = 10}, 1000, {}, 4, 0);
  for (const char* name : {"cube_2", "M7_Roll", "torus_1", "sphere_3", "gaussian_4"}) {
    CAPTURE(name);
    const atlas::manifold m = atlas::manifold_named(name);
    const auto r = corrected_dimension(
        atlas::draw_manifold(m, 1000, {.ambient = 12, .seed = 3}).points, curves);
    CHECK_FALSE(r.undetermined);
    CHECK(r.remark.empty());
    CHECK(r.interval.lower <= static_cast<double>(m.dimension));
    CHECK(r.interval.upper >= static_cast<double>(m.dimension));
    CHECK(std::abs(r.dimension - static_cast<double>(m.dimension)) < 0.5);
  }
}

TEST_CASE("what cannot be told is said not to be") {
  const auto x = atlas::draw_manifold("cube_40", 300, {.ambient = 100, .noise = 1e-4}).points;
  const auto r = corrected_dimension(x, mom{.k = 20});
  CHECK(r.undetermined);
  CHECK(atlas_test::has(r.remark, "a torus of dimension"));
  CHECK(r.columns == 100);
  CHECK(r.references.size() == 4);
  const auto bounded = corrected_dimension(x, mom{.k = 20}, {}, {.greatest = 30});
  CHECK(bounded.undetermined);
  CHECK(bounded.interval.upper == std::numeric_limits<double>::infinity());
  CHECK(atlas_test::has(bounded.remark, "no upper bound"));
  const auto narrow = corrected_dimension(x, mom{.k = 20}, {}, {.columns = 3});
  CHECK(narrow.undetermined);
  CHECK(std::isnan(narrow.dimension));
  CHECK(atlas_test::has(narrow.remark, "in 3 columns"));
}

TEST_CASE("columns bound the dimension and the kinds of cloud") {
  const auto x = atlas::draw_manifold("gaussian_20", 1000, {.ambient = 64, .seed = 2}).points;
  const auto r = corrected_dimension(x, mom{.k = 20});
  CHECK(r.columns == 20);
  CHECK_FALSE(r.references[0].possible);  // a torus of 10 is the most
  CHECK(r.interval.upper == 20);
  CHECK(r.interval.lower < 20);
  CHECK_FALSE(r.undetermined);
}

TEST_CASE(
    "estimates that fall with fewer rows are biased; flat ones of low dimension do not fall") {
  const auto high =
      corrected_dimension(atlas::draw_manifold("gaussian_40", 800).points, mom{.k = 10});
  CHECK(high.trend.falls);
  CHECK(high.trend.half < high.raw.dimension);
  CHECK(high.trend.change == Approx(std::log(high.raw.dimension / high.trend.half)));
  const auto low = corrected_dimension(atlas::draw_manifold("torus_1", 800).points, mom{.k = 10});
  CHECK(std::abs(low.trend.change) < 0.03);
  const auto none = corrected_dimension(atlas::draw_manifold("torus_1", 800).points, mom{.k = 10},
                                        {}, {.half_pairs = 0});
  CHECK(std::isnan(none.trend.half));
  CHECK_FALSE(none.trend.falls);
}

TEST_CASE("corrections are the same bits for every thread count, of kept curves, and of float") {
  const auto x = atlas::draw_manifold("ball_12", 300, {.seed = 1}).points;
  const auto one = corrected_dimension(x, mom{.k = 10}, {.threads = 1});
  const auto three = corrected_dimension(x, mom{.k = 10}, {.threads = 3});
  bias_curves<mom> curves({.k = 10}, 300, {}, 4, 0);
  (void)curves.at(reference_cloud::torus, 77);
  const auto kept = corrected_dimension(x, curves);
  for (const corrected_estimate* r : {&three, &kept}) {
    CHECK(r->dimension == one.dimension);
    CHECK(r->interval.lower == one.interval.lower);
    CHECK(r->interval.upper == one.interval.upper);
    CHECK(r->trend.half == one.trend.half);
    CHECK(r->trend.error == one.trend.error);
  }
  const auto f = atlas::draw_manifold<float>("ball_12", 300, {.seed = 1}).points;
  CHECK(corrected_dimension(f, mom{.k = 10}).dimension == Approx(one.dimension).epsilon(1e-3));
}

TEST_CASE("rows of contexts are held against clouds with the same labels") {
  const auto x = atlas::draw_manifold("serial_6", 600, {.seed = 1});
  atlas::dimension_options options{.exclude = {.context = x.context}};
  const auto r = corrected_dimension(x.points, mom{.k = 10}, options);
  CHECK(r.raw.contexts == 50);
  CHECK(r.interval.lower <= 6);
  CHECK(r.interval.upper >= 6);
  CHECK(std::isfinite(r.trend.half));
}

TEST_CASE("rows that coincide are left out of the clouds too") {
  const auto x = atlas::draw_manifold("cube_3", 300, {.seed = 1}).points;
  atlas::owned_tensor<double, 2> twice({400, 3});
  for (index_t i = 0; i < 400; ++i)
    for (index_t c = 0; c < 3; ++c) twice.mutable_view()(i, c) = x(i % 300, c);
  const auto r = corrected_dimension(twice, mom{.k = 10});
  CHECK(r.raw.merged == 100);
  CHECK(r.dimension == corrected_dimension(x, mom{.k = 10}).dimension);
}

TEST_CASE("rows that are distinct are corrected alike, whatever is done with others") {
  const auto x = atlas::draw_manifold("cube_3", 300, {.seed = 2}).points;
  const auto merging = corrected_dimension(x, mom{.k = 20});
  const auto refusing =
      corrected_dimension(x, mom{.k = 20}, {.duplicates = atlas::duplicate_policy::error});
  CHECK(refusing.dimension == merging.dimension);
  CHECK(refusing.interval.lower == merging.interval.lower);
}

TEST_CASE("what cannot be corrected is refused") {
  const auto x = atlas::draw_manifold("cube_3", 100).points;
  CHECK_THROWS_AS(corrected_dimension(x, mom{.k = 10}, {}, {.references = {}}), atlas::shape_error);
  CHECK_THROWS_AS(corrected_dimension(x, mom{.k = 10}, {}, {.draws = 1}), atlas::value_error);
  CHECK_THROWS_AS(corrected_dimension(x, mom{.k = 10}, {}, {.greatest = 1}), atlas::value_error);
  CHECK_THROWS_AS(corrected_dimension(x, mom{.k = 10}, {}, {.widest = 1}), atlas::value_error);
  CHECK_THROWS_AS(corrected_dimension(x, mom{.k = 10}, {}, {.slack = std::nan("")}),
                  atlas::value_error);
  CHECK_THROWS_AS(corrected_dimension(x, mom{.k = 200}), atlas::value_error);
  bias_curves<mom> curves({.k = 10}, 99, {}, 4, 0);
  CHECK_THROWS_AS(corrected_dimension(x, curves), atlas::shape_error);
  CHECK_THROWS_AS(atlas::dimension_bias(mom{.k = 10}, {.dimension = 0}), atlas::value_error);
  CHECK_THROWS_AS(atlas::dimension_bias(mom{.k = 10}, {.rows = 2}), atlas::shape_error);
  CHECK_THROWS_AS(atlas::dimension_bias(mom{.k = 10}, {.estimate = {.periods = {1}}}),
                  atlas::value_error);
  const atlas::owned_tensor<double, 2> equal({10, 2});
  const auto none = corrected_dimension(equal, mom{.k = 2},
                                        {.duplicates = atlas::duplicate_policy::drop,
                                         .degenerate = atlas::degenerate_policy::report});
  CHECK(none.undetermined);
  CHECK(std::isnan(none.dimension));
  CHECK_FALSE(none.remark.empty());
}

TEST_CASE("inverses of curves are exact at what was simulated, and bounds where they are flat") {
  std::vector<double> y = {1, 3, 2, 4};
  atlas::detail::make_rising(y);
  CHECK(y == std::vector<double>{1, 2.5, 2.5, 4});
  const atlas::detail::bias_curve curve{{0, 1, 2, 3}, y, 3};
  CHECK(curve.inverse(1, false) == 0);
  CHECK(curve.inverse(0.5, true) == -0.5);
  CHECK(curve.inverse(2.5, false) == 1);
  CHECK(curve.inverse(2.5, true) == 2);
  CHECK(curve.inverse(3.25, true) == 2.5);
  CHECK(curve.inverse(9, true) == 3);
  CHECK(atlas::detail::dimension_grid(1) == std::vector<index_t>{1});
  CHECK(atlas::detail::dimension_grid(13) == std::vector<index_t>{1, 2, 3, 4, 5, 6, 8, 10, 13});
}

}  // namespace dimension_bias_test
