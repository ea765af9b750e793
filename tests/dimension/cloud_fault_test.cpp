// SPDX-License-Identifier: MIT
#include "atlas/dimension/cloud_fault.hpp"

#include <Eigen/Dense>
#include <cmath>
#include <limits>

#include "../catch.hpp"
#include "../clouds_for_tests.hpp"
#include "../messages.hpp"
#include "atlas/dimension/surrogate.hpp"
#include "atlas/dimension/two_nn.hpp"

using namespace atlas_test;
using atlas::cloud_fault;
using atlas::fault_of_cloud;

namespace {

/// Residuals of a head whose weight is on one key but for `share` of the rows: (1 - a*) of any size
/// between rounding and 1.
Eigen::MatrixXf settled_head(atlas::index_t n, double share) {
  atlas::random_stream random(3);
  Eigen::MatrixXf rows = normal_cloud(n, 16, 5).cast<float>();
  for (atlas::index_t i = 0; i < n; ++i)
    rows.row(i) *=
        random.uniform() < share ? 1.0F : static_cast<float>(std::exp(-20 - 15 * random.uniform()));
  return rows;
}

void check_fault(const Eigen::MatrixXf& x, cloud_fault wanted) {
  CHECK(fault_of_cloud(x) == wanted);
  const auto found = atlas::two_nn(x, {.degenerate = atlas::degenerate_policy::report});
  CHECK(found.fault == wanted);
  const auto null = atlas::two_nn_null(x, found, {.draws = 10});
  CHECK(null.fault == wanted);
  CHECK(std::isnan(null.z));
  CHECK(null.draws.empty());
  // A table of neighbours does not know the rows; the null looks at them.
  atlas::two_nn_result unsuspecting;
  unsuspecting.dimension = 3;
  const auto again = atlas::two_nn_null(x, unsuspecting, {.draws = 10});
  CHECK(again.fault == wanted);
}

}  // namespace

TEST_CASE("a head whose weight is on one key has no estimate and no null") {
  check_fault(settled_head(600, 0.1), cloud_fault::mostly_duplicates);
  check_fault(settled_head(600, 0.01), cloud_fault::few_rows);
  Eigen::MatrixXf zeros = Eigen::MatrixXf::Zero(600, 16);
  zeros.topRows(200) = normal_cloud(200, 16).cast<float>();
  check_fault(zeros, cloud_fault::mostly_duplicates);
}

TEST_CASE("variance of a few rows and rows on a line carry no comparison") {
  Eigen::MatrixXf outlier = normal_cloud(600, 8).cast<float>();
  outlier.row(17) *= 3000.0F;
  check_fault(outlier, cloud_fault::few_rows);
  const Eigen::MatrixXd line =
      normal_cloud(600, 1) * normal_cloud(1, 8) + Eigen::MatrixXd::Constant(600, 8, 5.0);
  check_fault(line.cast<float>(), cloud_fault::one_direction);
  CHECK(fault_of_cloud(line) == cloud_fault::one_direction);
  CHECK(fault_of_cloud(normal_cloud(600, 1)) == cloud_fault::none);
}

TEST_CASE("clouds that are only narrow, heavy-tailed, small or huge are at no fault") {
  CHECK(fault_of_cloud(normal_cloud(3, 1)) == cloud_fault::none);
  CHECK(fault_of_cloud(swiss_roll(500)) == cloud_fault::none);
  Eigen::MatrixXd narrow = normal_cloud(500, 6);
  narrow.rightCols(5) *= 1e-6;
  CHECK(fault_of_cloud(narrow) == cloud_fault::none);
  Eigen::MatrixXd heavy = normal_cloud(500, 6);
  atlas::random_stream random(2);
  for (int i = 0; i < 500; ++i) heavy.row(i) *= std::exp(0.7 * random.normal());
  CHECK(fault_of_cloud(heavy) == cloud_fault::none);
  for (const int power : {-1000, -500, 500, 1000}) {
    CAPTURE(power);
    CHECK(fault_of_cloud((std::ldexp(1.0, power) * narrow).eval()) == cloud_fault::none);
    CHECK(fault_of_cloud((std::ldexp(1.0, power) * Eigen::MatrixXd::Ones(9, 2)).eval()) ==
          cloud_fault::mostly_duplicates);
  }
}

TEST_CASE("outliers, heavy tails and clusters are at no fault") {
  for (const int n : {100, 1000, 10000}) {
    CAPTURE(n);
    const Eigen::MatrixXd x = normal_cloud(n, 5);
    for (const double outside : {10.0, 20.0, 30.0, 50.0}) {
      Eigen::MatrixXd outlier = x;
      outlier.row(3) << outside, 0, 0, 0, 0;
      CHECK(fault_of_cloud(outlier) == cloud_fault::none);
    }
    for (const double s : {1.0, 1.5}) {
      const Eigen::MatrixXd lognormal = (s * x.array()).exp();
      CHECK(fault_of_cloud(lognormal) == cloud_fault::none);
      CHECK(fault_of_cloud(lognormal.leftCols(1).eval()) == cloud_fault::none);
    }
    Eigen::MatrixXd student = x, bursts = x, cluster = x;
    const Eigen::MatrixXd y = normal_cloud(n, 3, 8);
    for (int i = 0; i < n; ++i) student.row(i) /= y.row(i).norm() / std::sqrt(3.0);
    for (int i = 0; i < n; i += 64) {
      bursts.row(i) *= 20;
      cluster(i, 0) += 30;
    }
    CHECK(fault_of_cloud(student) == cloud_fault::none);
    CHECK(fault_of_cloud(bursts) == cloud_fault::none);
    CHECK(fault_of_cloud(cluster) == cloud_fault::none);
  }
  Eigen::MatrixXd outlier = normal_cloud(1000, 5);
  outlier.row(3) << 30, 0, 0, 0, 0;
  const auto found = atlas::two_nn(outlier);
  CHECK(std::isfinite(atlas::two_nn_null(outlier, found, {.draws = 10}).z));
}

TEST_CASE("a few rows that are all of the variance are found in clouds of every size") {
  for (const int n : {10, 50, 100, 1000, 10000}) {
    CAPTURE(n);
    Eigen::MatrixXd x = 1e-6 * normal_cloud(n, 5);
    x.topRows((n + 99) / 100).col(0).array() += 1;  // one place, and apart from the mean
    CHECK(fault_of_cloud(x) == cloud_fault::few_rows);
    x.setZero();
    x(n / 2, 1) = 1;
    CHECK(fault_of_cloud(x) == cloud_fault::few_rows);
  }
}

TEST_CASE("rounding is that of each coordinate") {
  Eigen::MatrixXf x = 1e-4F * normal_cloud(600, 5).cast<float>();
  x.col(4).setConstant(2000.0F);
  CHECK(fault_of_cloud(x) == cloud_fault::none);
  CHECK(atlas::two_nn(x).fault == cloud_fault::none);
  x.col(2).setConstant(-1.0F);
  x.col(1) = 3 * x.col(0);
  x.col(3) = -x.col(0);
  CHECK(fault_of_cloud(x) == cloud_fault::one_direction);
  x.leftCols(4) = normal_cloud(600, 4).cast<float>();
  x.leftCols(4) *= 1e-4F;
  x.leftCols(4).array() += 2000.0F;  // one or two steps of a float
  CHECK(fault_of_cloud(x) == cloud_fault::mostly_duplicates);
}

TEST_CASE("more than half of the rows at one place are found wherever they stand") {
  Eigen::MatrixXd x = normal_cloud(601, 4);
  const auto settle = [&](auto&& chosen) {
    Eigen::MatrixXd y = x;
    for (int i = 0; i < 601; ++i)
      if (chosen(i)) y.row(i) << 3, 0.25 + i % 2 * 0x1p-52, 0, -1;
    return fault_of_cloud(y);
  };
  CHECK(settle([](int i) { return i % 2 == 0; }) == cloud_fault::mostly_duplicates);
  CHECK(settle([](int i) { return i < 301; }) == cloud_fault::mostly_duplicates);
  CHECK(settle([](int i) { return i >= 300; }) == cloud_fault::mostly_duplicates);
  CHECK(settle([](int i) { return i % 2 == 1; }) == cloud_fault::none);
}

TEST_CASE("duplicates of many places are a fault that only distances show") {
  Eigen::MatrixXd x = normal_cloud(600, 4);
  for (int i = 0; i < 400; i += 2) x.row(i) = x.row(i + 1);
  CHECK(fault_of_cloud(x) == cloud_fault::none);
  CHECK(atlas::two_nn(x).fault == cloud_fault::none);  // 400 places are left
  CHECK(atlas::two_nn(x, {.duplicates = atlas::duplicate_policy::drop}).fault ==
        cloud_fault::mostly_duplicates);
  CHECK(atlas::two_nn_from_neighbors(atlas::nearest_neighbors(x)).fault ==
        cloud_fault::mostly_duplicates);
  for (int i = 0; i < 600; ++i) x.row(i) = x.row(i / 3 * 3);  // each place three times
  CHECK(fault_of_cloud(x) == cloud_fault::none);
  CHECK(atlas::two_nn(x).fault == cloud_fault::mostly_duplicates);
  CHECK(atlas::two_nn(x).merged == 400);
  CHECK(atlas::two_nn_null(x, atlas::two_nn(x)).fault == cloud_fault::mostly_duplicates);
}

TEST_CASE("a cloud without ratios is refused, or reported where that is asked for") {
  const Eigen::MatrixXd equal = Eigen::MatrixXd::Ones(50, 3);
  CHECK_REFUSED(atlas::value_error, atlas::two_nn(equal), "points", "49 merged");
  CHECK(describe(cloud_fault::none) == "none");
  const auto reported = atlas::two_nn(equal, {.degenerate = atlas::degenerate_policy::report});
  CHECK(reported.fault == cloud_fault::mostly_duplicates);
  CHECK(std::isnan(reported.dimension));
  CHECK(std::isnan(reported.interval.lower));
  CHECK(reported.merged == 49);
  CHECK(has(std::string(atlas::describe(reported.fault)), "equal"));
  Eigen::MatrixXd lattice(100, 2);
  for (int i = 0; i < 100; ++i) lattice.row(i) << i / 10, i % 10;
  CHECK(atlas::two_nn(lattice, {.degenerate = atlas::degenerate_policy::report}).fault ==
        cloud_fault::too_few_ratios);
  CHECK_REFUSED(atlas::value_error, (atlas::two_nn_null(equal, reported, {.draws = 1})), "draws",
                "1");
}
