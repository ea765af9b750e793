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
  const auto null = atlas::two_nn_null(x, found, {}, {.draws = 10});
  CHECK(null.fault == wanted);
  CHECK(std::isnan(null.z));
  CHECK(null.draws.empty());
  // A table of neighbours does not know the rows; the null looks at them.
  atlas::two_nn_result unsuspecting;
  unsuspecting.dimension = 3;
  const auto again = atlas::two_nn_null(x, unsuspecting, {}, {.draws = 10});
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

TEST_CASE("duplicates of many places are a fault that only distances show") {
  Eigen::MatrixXd x = normal_cloud(600, 4);
  for (int i = 0; i < 400; i += 2) x.row(i) = x.row(i + 1);
  CHECK(fault_of_cloud(x) == cloud_fault::none);
  CHECK(atlas::two_nn(x).fault == cloud_fault::mostly_duplicates);
  CHECK(atlas::two_nn_from_neighbors(atlas::nearest_neighbors(x)).fault ==
        cloud_fault::mostly_duplicates);
  CHECK(atlas::two_nn_null(x, atlas::two_nn(x)).fault == cloud_fault::mostly_duplicates);
}

TEST_CASE("a cloud without ratios is refused, or reported where that is asked for") {
  const Eigen::MatrixXd equal = Eigen::MatrixXd::Ones(50, 3);
  CHECK_REFUSED(atlas::value_error, atlas::two_nn(equal), "points", "50 duplicate");
  const auto reported = atlas::two_nn(equal, {.degenerate = atlas::degenerate_policy::report});
  CHECK(reported.fault == cloud_fault::mostly_duplicates);
  CHECK(std::isnan(reported.dimension));
  CHECK(std::isnan(reported.interval.lower));
  CHECK(reported.duplicates == 50);
  CHECK(has(std::string(atlas::describe(reported.fault)), "equal"));
  Eigen::MatrixXd lattice(100, 2);
  for (int i = 0; i < 100; ++i) lattice.row(i) << i / 10, i % 10;
  CHECK(atlas::two_nn(lattice, {.degenerate = atlas::degenerate_policy::report}).fault ==
        cloud_fault::too_few_ratios);
  CHECK_REFUSED(atlas::value_error, (atlas::two_nn_null(equal, reported, {}, {.draws = 1})),
                "draws", "1");
}
