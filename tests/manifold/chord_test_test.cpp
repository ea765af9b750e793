// SPDX-License-Identifier: MIT
#include "atlas/manifold/chord_test.hpp"

#include <Eigen/Dense>
#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>
#include <utility>
#include <vector>

#include "../catch.hpp"
#include "../messages.hpp"
#include "../tolerances.hpp"
#include "manifolds_for_tests.hpp"

using namespace atlas_test;
using atlas::chord_test;

namespace {

/// Distance from the midpoint of rows `steps` apart on the regular circle of n rows to the nearest
/// row between them (or, for neighbours, beyond them), over the distance of neighbours.
double on_a_circle(int n, int steps) {
  const double step = 2 * std::numbers::pi / n, radius = std::cos(0.5 * step * steps);
  const double angle = steps == 1 ? 1.5 * step : (steps % 2) * 0.5 * step;
  const double distance = std::sqrt(1 + radius * radius - 2 * radius * std::cos(angle));
  return distance / (2 * std::sin(0.5 * step));
}

std::vector<double> brute_force_chords(const Eigen::MatrixXd& x, std::size_t k,
                                       const std::vector<int>& context) {
  const auto same = [&](Eigen::Index a, Eigen::Index b) {
    return context[static_cast<std::size_t>(a)] == context[static_cast<std::size_t>(b)];
  };
  std::vector<double> spacings, found;
  for (Eigen::Index i = 0; i < x.rows(); ++i) {
    std::vector<std::pair<double, Eigen::Index>> near;
    for (Eigen::Index j = 0; j < x.rows(); ++j)
      if (!same(i, j)) near.emplace_back((x.row(i) - x.row(j)).norm(), j);
    std::sort(near.begin(), near.end());
    spacings.push_back(near[0].first);
    const Eigen::Index end = near[k - 1].second;
    double nearest = std::numeric_limits<double>::infinity();
    for (Eigen::Index j = 0; j < x.rows(); ++j)
      if (!same(i, j) && !same(end, j))
        nearest = std::min(nearest, (0.5 * (x.row(i) + x.row(end)) - x.row(j)).norm());
    found.push_back(nearest);
  }
  std::sort(spacings.begin(), spacings.end());
  for (double& f : found) f /= atlas::sorted_quantile(spacings, 0.5);
  return found;
}

}  // namespace

TEST_CASE("chords of a regular circle are as far from it as geometry says") {
  for (const int steps : {1, 2, 3, 4, 7, 10, 20}) {  // the k-th neighbour is k / 2 steps away
    CAPTURE(steps);
    const auto r = chord_test(regular_circle(100), {.k = 2 * steps});
    const double wanted = on_a_circle(100, steps);
    CHECK(r.median == Approx(wanted).epsilon(1e-9));
    CHECK(r.mean == Approx(wanted).epsilon(1e-9));
    CHECK(r.length ==
          Approx(std::sin(std::numbers::pi * steps / 100) / std::sin(std::numbers::pi / 100)));
    CHECK(r.share_above_one == (wanted > 1 ? 1 : 0));
    CHECK(r.chords == 100);
    CHECK(r.spacing == Approx(2 * std::sin(std::numbers::pi / 100)));
  }
}

TEST_CASE("first neighbours on a line: the mean has a closed form") {
  // With unit density r1 is exponential of rate 2 and, given it, the distance from the midpoint
  // has P(D > r/2 + u) = e^-u up to u = r and e^(r - 2u) beyond, so that E[D] = 1/4 + 1 - 1/3; the
  // median of r1 is ln 2 / 2.
  const auto r = chord_test(random_circle(20000), {.k = 1, .chords = 20000});
  CHECK(r.mean == Approx(2 * (0.25 + 1 - 1.0 / 3) / std::log(2.0)).epsilon(0.02));
}

TEST_CASE("a midpoint in an evenly filled cloud is a place like any other") {
  for (const int d : {1, 2, 3, 5}) {
    CAPTURE(d);
    const auto r = chord_test(cube(4000, d, 3), {.k = 20});
    CHECK(r.median == Approx(1).margin(0.1));
    CHECK(r.share_above_one == Approx(0.5).margin(0.07));
  }
  for (const Eigen::MatrixXd& dense : {flat_torus(4000), sphere(4000), swiss_roll(4000)})
    CHECK(chord_test(dense, {.k = 10}).median == Approx(1).margin(0.1));
}

TEST_CASE("long chords leave a curved cloud, and those of surrogates do not") {
  const Eigen::MatrixXd roll = swiss_roll(1500);
  const atlas::chord_options longer{.k = 100};
  const auto curved = chord_test(roll, longer);
  const auto null = atlas::chord_null(roll, curved);
  CHECK(null.median.mean < 1);
  CHECK(null.median.z > 10);
  CHECK(null.mean.z > 10);
  CHECK(null.share_above_one.z > 10);
  const Eigen::MatrixXd flat = normal_cloud(1000, 4, 6);
  CHECK(std::abs(atlas::chord_null(flat, chord_test(flat, longer)).median.z) < 3.5);
  CHECK(atlas::chord_null(roll, curved, {.threads = 1}).mean.draws == null.mean.draws);
}

TEST_CASE("chords across a gap have their midpoints in it") {
  const Eigen::MatrixXd x = two_blobs(100, 2, 40);
  CHECK(chord_test(x, {.k = 10}).mean < 2);
  const auto across = chord_test(x, {.k = 150});
  CHECK(across.share_above_one == 1);
  // The ends are some normal deviates away from the centres, half a gap from the midpoint.
  CHECK(across.median * across.spacing == Approx(17.5).margin(2.5));
}

TEST_CASE("chords under exclusion are those of the definition, spelt out") {
  const Eigen::MatrixXd x = normal_cloud(150, 3, 12);
  std::vector<int> context;
  for (int i = 0; i < 150; ++i) context.push_back(i / 10);
  const auto wanted = brute_force_chords(x, 4, context);
  const auto r = chord_test(x, {.k = 4, .exclude = atlas::same_context(context)});
  CHECK(r.mean == Approx(atlas::summarize(wanted).mean).epsilon(tolerance::double_rounding));
  CHECK(r.chords == 150);
  std::vector<int> own;
  for (int i = 0; i < 150; ++i) own.push_back(i);
  CHECK(chord_test(x, {.k = 4, .exclude = atlas::same_context(own)}).mean ==
        chord_test(x, {.k = 4}).mean);
}

TEST_CASE("rows without a chord are counted") {
  const Eigen::MatrixXd x = normal_cloud(60, 2, 1);
  std::vector<int> context(60, 0);
  for (int i = 50; i < 60; ++i) context[static_cast<std::size_t>(i)] = i;
  // Rows of the large context have the ten others; those have all.
  const auto r = chord_test(x, {.k = 20, .exclude = atlas::same_context(context)});
  CHECK(r.isolated == 50);
  CHECK(r.chords == 10);
  CHECK_REFUSED(atlas::value_error,
                (chord_test(x, {.k = 2, .exclude = atlas::same_context(std::vector<int>(60, 1))})),
                "points", "none");
}

TEST_CASE("chords do not depend on storage, offset or threads") {
  const Eigen::MatrixXd x = normal_cloud(800, 5, 3);
  const auto plain = chord_test(x, {.chords = 300});
  CHECK(plain.chords == 300);
  const Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor> rows = x;
  CHECK(chord_test(rows, {.chords = 300}).mean == plain.mean);
  CHECK(chord_test((x.array() + 1e3).matrix().eval(), {.chords = 300}).mean ==
        Approx(plain.mean).epsilon(1e-9));
  for (const int threads : {1, 2, 3})
    CHECK(chord_test(x, {.chords = 300, .threads = threads}).mean == plain.mean);
}

TEST_CASE("clouds without chords are refused") {
  const Eigen::MatrixXd x = normal_cloud(10, 2);
  CHECK_REFUSED(atlas::value_error, chord_test(x), "k", "from 1 to 9, got 10");
  CHECK_REFUSED(atlas::value_error, (chord_test(x, {.k = 2, .chords = 0})), "chords", "0");
  CHECK_REFUSED(atlas::value_error, (chord_test(Eigen::MatrixXd::Ones(20, 2).eval(), {.k = 2})),
                "points", "different places");
  CHECK_REFUSED(atlas::value_error, (chord_test(x.topRows(2).eval(), {.k = 1})), "points", "none");
  CHECK_REFUSED(atlas::value_error, (atlas::chord_null(x, {}, {.draws = 9})), "draws", "9");
}

TEST_CASE("chords are the same bits at every scale") {
  const Eigen::MatrixXd x = swiss_roll(300);
  const auto plain = atlas::chord_test(x);
  for (const int power : {-1000, -600, 600, 1000}) {
    CAPTURE(power);
    const double scale = std::ldexp(1.0, power);
    const auto r = atlas::chord_test((scale * x).eval());
    CHECK(r.median == plain.median);
    CHECK(r.spacing == scale * plain.spacing);
  }
}

TEST_CASE("one row far outside takes nothing from the chords of the others") {
  Eigen::MatrixXd plain = swiss_roll(300), wide = plain;
  plain.row(0).setConstant(0x1p200);
  wide.row(0).setConstant(0x1p600);  // squares of the others' distances are 0 beside it
  const auto a = atlas::chord_test(plain), b = atlas::chord_test(wide);
  CHECK(b.median == Approx(a.median).epsilon(1e-12));
  CHECK(b.share_above_one == a.share_above_one);
  CHECK(b.spacing == a.spacing);
  Eigen::MatrixXd near_zero = 0x1p-600 * swiss_roll(300);
  near_zero.row(0).setConstant(1);
  CHECK(atlas::chord_test(near_zero).median == Approx(a.median).epsilon(1e-12));
}
