// SPDX-License-Identifier: MIT
#include "atlas/dimension/two_nn.hpp"

#include <Eigen/Dense>
#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "../catch.hpp"
#include "../clouds_for_tests.hpp"
#include "../messages.hpp"
#include "../statistics_for_tests.hpp"
#include "../tolerances.hpp"
#include "atlas/dimension/surrogate.hpp"
#include "two_nn_for_tests.hpp"

using namespace atlas_test;
using atlas::two_nn;
using atlas::two_nn_estimator;

namespace {

/// Sorted ln(r2/r1) by brute force in long double.
std::vector<long double> log_ratios(const Eigen::MatrixXd& x) {
  std::vector<long double> logs;
  for (Eigen::Index i = 0; i < x.rows(); ++i) {
    long double first = INFINITY, second = INFINITY;
    for (Eigen::Index j = 0; j < x.rows(); ++j) {
      if (i == j) continue;
      long double square = 0;
      for (Eigen::Index k = 0; k < x.cols(); ++k) {
        const long double gap =
            static_cast<long double>(x(i, k)) - static_cast<long double>(x(j, k));
        square += gap * gap;
      }
      if (square < first)
        second = std::exchange(first, square);
      else
        second = std::min(second, square);
    }
    logs.push_back(std::log(second / first) / 2);
  }
  std::sort(logs.begin(), logs.end());
  return logs;
}

}  // namespace

TEST_CASE("a swiss roll has dimension 2, not 2.7") {
  double censored = 0, truncated = 0;
  for (std::uint64_t seed = 0; seed < 8; ++seed) {
    const Eigen::MatrixXd roll = swiss_roll(3000, seed);
    censored += two_nn(roll).dimension / 8;
    truncated += two_nn(roll, {.estimator = two_nn_estimator::truncated}).dimension / 8;
  }
  CHECK(censored == Approx(2.0).margin(0.05));
  CHECK(truncated == Approx(2.7).margin(0.07));
}

TEST_CASE("a table of neighbours gives what the cloud gives, with every estimator") {
  Eigen::MatrixXd x = normal_cloud(300, 5);
  x.row(7) = x.row(8);
  const auto table = atlas::nearest_neighbors(x, {.k = 3});
  const auto dropped = atlas::duplicate_policy::drop;
  for (const auto estimator : {two_nn_estimator::censored, two_nn_estimator::regression,
                               two_nn_estimator::truncated, two_nn_estimator::bayesian}) {
    const auto whole = two_nn(x, {.estimator = estimator, .duplicates = dropped});
    const auto from_table = atlas::two_nn_from_neighbors(table, {.estimator = estimator});
    CHECK(from_table.dimension == whole.dimension);
    CHECK(from_table.interval.lower == whole.interval.lower);
    CHECK(from_table.points_used == 298);
    CHECK(from_table.duplicates == 2);
  }
  const auto nearest = atlas::nearest_neighbors(x, {.k = 1});
  CHECK_REFUSED(atlas::shape_error, atlas::two_nn_from_neighbors(nearest), "table", "[300, 1]");
}

TEST_CASE("estimates of a cloud are the formulas on brute-force distances") {
  const Eigen::MatrixXd x = normal_cloud(400, 4);
  const auto logs = log_ratios(x);
  const std::size_t kept = 360;
  long double sum = 0, xx = 0, xy = 0;
  for (std::size_t i = 0; i < kept; ++i) {
    sum += logs[i];
    const long double y = -std::log(1 - static_cast<long double>(i + 1) / 400);
    xx += logs[i] * logs[i];
    xy += logs[i] * y;
  }
  const auto close = [](double got, long double wanted) {
    CHECK(got == Approx(static_cast<double>(wanted)).epsilon(1e-10));  // logs of rounded ratios
  };
  close(two_nn(x).dimension, (kept - 1) / (sum + 40 * logs[kept - 1]));
  close(two_nn(x, {.estimator = two_nn_estimator::truncated}).dimension, kept / sum);
  close(two_nn(x, {.estimator = two_nn_estimator::regression}).dimension, xy / xx);
  close(two_nn(x, {.estimator = two_nn_estimator::bayesian, .prior = {2, 3}}).dimension,
        (2 + kept) / (3 + sum + 40 * logs[kept - 1]));
}

TEST_CASE("duplicates are counted and merged or dropped, or refused") {
  Eigen::MatrixXd x = normal_cloud(300, 3);
  x.row(1) = x.row(0);
  x.row(3) = x.row(2);
  const auto merged = two_nn(x);
  CHECK(merged.merged == 2);
  CHECK(merged.duplicates == 0);
  CHECK(merged.points_used == 298);
  const auto r = two_nn(x, {.duplicates = atlas::duplicate_policy::drop});
  CHECK(r.merged == 0);
  CHECK(r.duplicates == 4);
  CHECK(r.points_used == 296);
  CHECK_REFUSED(atlas::value_error, (two_nn(x, {.duplicates = atlas::duplicate_policy::error})),
                "duplicates", "4");
}

TEST_CASE("exclusion decides for a series that is sampled densely") {
  // Short walks: a row's neighbours are the steps before and after it.
  atlas::random_stream random(5);
  Eigen::MatrixXd walks(1200, 8);
  std::vector<int> context;
  for (int i = 0; i < 1200; ++i) {
    for (int k = 0; k < 8; ++k)
      walks(i, k) = i % 100 == 0 ? random.normal() : walks(i - 1, k) + 0.02 * random.normal();
    context.push_back(i / 100);
  }
  const auto free = two_nn(walks);
  const auto strict = two_nn(walks, {.exclude = atlas::same_context(context)});
  CHECK(free.dimension < strict.dimension);
  const auto isolated = two_nn(
      walks.topRows(130).eval(),
      {.exclude = atlas::same_context(std::vector<int>(context.begin(), context.begin() + 130))});
  CHECK(isolated.isolated == 0);
  CHECK(isolated.points_used == 130);
}

TEST_CASE("the dimension does not change with scale, rotation, order, storage or threads") {
  const Eigen::MatrixXd x = normal_cloud(900, 6);
  const double plain = two_nn(x).dimension;
  CHECK(two_nn((4 * x).eval()).dimension == Approx(plain).epsilon(tolerance::double_rounding));
  CHECK(two_nn((x * rotation(6)).eval()).dimension == Approx(plain).epsilon(1e-9));
  CHECK(two_nn(x.colwise().reverse().eval()).dimension ==
        Approx(plain).epsilon(tolerance::double_rounding));
  const Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor> rows = x;
  CHECK(two_nn(rows).dimension == plain);
  for (const int threads : {1, 2, 3}) CHECK(two_nn(x, {.threads = threads}).dimension == plain);
}

TEST_CASE("a Gaussian cloud is like its surrogates, a curved one is below them") {
  const Eigen::MatrixXd x = normal_cloud(600, 5);
  const auto plain = atlas::two_nn_null(x, two_nn(x), {.draws = 40});
  CHECK(std::abs(plain.z) < 3);
  const Eigen::MatrixXd roll = swiss_roll(1500);
  const auto curved = atlas::two_nn_null(roll, two_nn(roll));
  CHECK(curved.z < -5);
  CHECK(curved.draws.size() == 20);
  const auto again = atlas::two_nn_null(roll, two_nn(roll), {.threads = 1});
  CHECK(again.draws == curved.draws);
}

TEST_CASE("p of a Gaussian cloud against ten of its surrogates is uniform") {
  std::vector<double> p;
  for (std::uint64_t seed = 0; seed < 300; ++seed) {
    const Eigen::MatrixXd x = normal_cloud(120, 3, 100 + seed);
    p.push_back(atlas::two_nn_null(x, two_nn(x), {.draws = 10, .seed = seed}).p);
  }
  CHECK(ks_p(p, [](double u) { return u; }) > 0.01);
}

TEST_CASE("surrogates have the mean and covariance of their cloud") {
  const Eigen::MatrixXd mixing = normal_cloud(4, 4);
  const Eigen::MatrixXd x = (normal_cloud(20000, 4, 3) * mixing).array() + 2.0;
  const atlas::cloud_surrogates<double> source(atlas::as_view<2>(x));
  const auto wanted = atlas::detail::moments<double>(atlas::as_view<2>(x));
  const auto cloud = source.draw(1, 0);
  const auto got = atlas::detail::moments<double>(cloud);
  CHECK((got.mean - wanted.mean).norm() < 0.1);
  CHECK((got.covariance - wanted.covariance).norm() < 0.05 * wanted.covariance.norm());
}

TEST_CASE("clouds and options that give no dimension are refused") {
  const Eigen::MatrixXd equal = Eigen::MatrixXd::Ones(50, 3);
  CHECK_REFUSED(atlas::value_error, two_nn(equal), "points", "49 merged");
  CHECK_REFUSED(atlas::shape_error, two_nn(normal_cloud(2, 3)), "points", "2");
  Eigen::MatrixXd lattice(100, 2);
  for (int i = 0; i < 100; ++i) lattice.row(i) << i / 10, i % 10;
  CHECK_REFUSED(atlas::value_error, two_nn(lattice), "lattice", "distances");
  const Eigen::MatrixXd tenths = 0.1 * lattice.array() + 0.377;  // equal but for rounding
  CHECK_REFUSED(atlas::value_error, two_nn(tenths), "rounding", "distances");
  Eigen::MatrixXd x = normal_cloud(50, 3);
  CHECK_REFUSED(atlas::value_error, (two_nn(x, {.discard_fraction = 1})), "discard_fraction", "1");
  CHECK_REFUSED(atlas::value_error, (two_nn(x, {.discard_fraction = -0.1})), "discard_fraction",
                "-0.1");
  CHECK_REFUSED(atlas::value_error, (two_nn(x, {.confidence = 1})), "confidence", "1");
  CHECK_REFUSED(atlas::value_error, (two_nn(x, {.prior = {.shape = 1, .rate = -2}})), "prior",
                "1 and -2");
  x(7, 2) = std::numeric_limits<double>::quiet_NaN();
  CHECK_REFUSED(atlas::value_error, two_nn(x), "NaN", "[7, 2]");
  CHECK_REFUSED(atlas::value_error, atlas::two_nn_from_ratios(std::vector<double>{1.5, 0.9, 2}),
                "ratios", "0.9");
  CHECK_REFUSED(atlas::value_error,
                (atlas::two_nn_null(equal, atlas::two_nn_result{}, {.draws = 9})), "draws", "9");
}

TEST_CASE("TwoNN is the same bits at every scale of double") {
  const Eigen::MatrixXd x = uniform_cloud(600, 5);
  const auto plain = atlas::two_nn(x);
  CHECK(plain.dimension == Approx(5).epsilon(0.1));
  for (const int power : {-960, -700, -537, -505, -400, -150, 150, 400, 490, 505, 700, 1023}) {
    CAPTURE(power);
    const auto r = atlas::two_nn((std::ldexp(1.0, power) * x).eval());
    CHECK(r.dimension == plain.dimension);
    CHECK(r.points_used == 600);
  }
  const auto subnormal = atlas::two_nn((std::ldexp(1.0, -1040) * x).eval());
  CHECK(subnormal.dimension == Approx(plain.dimension).epsilon(1e-3));  // 34 binary digits are left
  CHECK(subnormal.duplicates == 0);
  CHECK(atlas::two_nn((std::pow(10.0, -161.6) * x).eval()).dimension ==
        Approx(plain.dimension).epsilon(1e-12));
}

TEST_CASE("TwoNN is the same at every scale of float") {
  const Eigen::MatrixXf x = uniform_cloud(600, 40).cast<float>();
  const auto plain = atlas::two_nn(x);
  for (const int power : {-100, -60, 60, 100, 126, 127}) {
    CAPTURE(power);
    CHECK(atlas::two_nn((std::ldexp(1.0F, power) * x).eval()).dimension == plain.dimension);
  }
  const Eigen::MatrixXf wide = (2 * x.array() - 1) * 3.3e38F;  // differences beyond a float
  CHECK(atlas::two_nn(wide).dimension == Approx(plain.dimension).epsilon(1e-5));
  CHECK(atlas::two_nn((std::ldexp(1.0F, -135) * x).eval()).dimension ==
        Approx(plain.dimension).epsilon(0.01));  // 14 binary digits are left
}
