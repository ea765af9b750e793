// SPDX-License-Identifier: MIT
#include <Eigen/Core>
#include <cmath>
#include <utility>
#include <vector>

#include "../catch.hpp"
#include "../clouds_for_tests.hpp"
#include "../messages.hpp"
#include "../tolerances.hpp"
#include "atlas/dimension/pca_rank.hpp"
#include "atlas/dimension/surrogate.hpp"
#include "atlas/dimension/two_nn.hpp"

using namespace atlas_test;

namespace {

Eigen::MatrixXd uniform_cloud(int n, int d) {
  atlas::random_stream random(4);
  Eigen::MatrixXd x(n, d);
  for (double* v = x.data(); v != x.data() + x.size(); ++v) *v = random.uniform();
  return x;
}

}  // namespace

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

TEST_CASE("surrogates that their scalar cannot hold are named") {
  const Eigen::MatrixXf wide = (2 * uniform_cloud(300, 4).cast<float>().array() - 1) * 3.3e38F;
  CHECK_REFUSED(atlas::value_error, atlas::two_nn_null(wide, atlas::two_nn(wide)), "points",
                "surrogates beyond its range");
  const Eigen::MatrixXf half = 0.125F * wide;
  CHECK(std::isfinite(atlas::two_nn_null(half, atlas::two_nn(half)).z));
}

TEST_CASE("a row far outside takes no other row with it") {
  const Eigen::MatrixXd x = uniform_cloud(300, 5);
  const auto plain = atlas::nearest_neighbors(x.topRows(299).eval());
  for (const double outside : {1e150, 1e170, 1e250, 1e300, 7e307}) {
    CAPTURE(outside);
    Eigen::MatrixXd y = x;
    y.row(299).setConstant(outside);
    const auto table = atlas::nearest_neighbors(y);
    int wrong = 0;
    for (int i = 0; i < 299; ++i)
      for (int k = 0; k < 2; ++k)
        wrong +=
            table.indices(i, k) != plain.indices(i, k) ||
            std::abs(table.distances(i, k) - plain.distances(i, k)) > 1e-15 * plain.distances(i, k);
    CHECK(wrong == 0);
    CHECK(table.indices(299, 0) == 0);  // all the others are as far
    CHECK(table.distances(299, 0) == Approx(std::sqrt(5.0) * outside).epsilon(1e-14));
    const auto r = atlas::two_nn(y);
    CHECK(r.points_used + r.duplicates == 300);
    CHECK(r.fault == atlas::cloud_fault::few_rows);
  }
}

TEST_CASE("two scales in one cloud, and duplicates among them") {
  Eigen::MatrixXd x = uniform_cloud(90, 3);
  x.topRows(30) *= 1e-200;
  x.middleRows(30, 30) *= 1e200;
  x.row(1) = x.row(0);
  for (const double scale : {1.0, 0x1p-330, 0x1p330}) {
    const Eigen::MatrixXd y = scale * x;
    const auto table = atlas::nearest_neighbors(y);
    const atlas::exclusion exclude = atlas::same_context(std::vector<int>(90, 0));
    int wrong = 0;
    for (int i = 0; i < 90; ++i) {
      long double first = INFINITY, second = INFINITY;
      for (int j = 0; j < 90; ++j) {
        long double sum = 0;
        for (int k = 0; k < 3; ++k) {
          const long double gap =
              static_cast<long double>(y(i, k)) - static_cast<long double>(y(j, k));
          sum += gap * gap;
        }
        if (j == i) continue;
        if (sum < first)
          second = std::exchange(first, sum);
        else
          second = std::min(second, sum);
      }
      const auto close = [](double got, long double square) {
        const long double want = std::sqrt(square);
        return std::abs(static_cast<long double>(got) - want) <= 1e-14L * want;
      };
      wrong += !close(table.distances(i, 0), first) || !close(table.distances(i, 1), second);
    }
    CHECK(wrong == 0);
    CHECK(table.indices(0, 0) == 1);
    CHECK(table.distances(0, 0) == 0);
    CHECK(std::isinf(atlas::nearest_neighbors(y, {.exclude = exclude}).distances(0, 0)));
  }
}

TEST_CASE("distances that no double can hold are refused") {
  Eigen::MatrixXd x = Eigen::MatrixXd::Constant(3, 4, 1.7e308);
  x.row(1) *= -1;
  x.row(2) *= -1;
  CHECK_REFUSED(atlas::value_error, atlas::nearest_neighbors(x), "points", "further apart");
}

TEST_CASE("PCA rank and participation ratio are the same at every scale and offset") {
  Eigen::MatrixXd x = normal_cloud(200, 6) * normal_cloud(6, 6, 9);
  const auto plain = atlas::pca_rank(x);
  for (const int power : {-1000, -515, -500, -350, 350, 500, 512, 1018}) {
    CAPTURE(power);
    const auto r = atlas::pca_rank((std::ldexp(1.0, power) * x).eval());
    CHECK(r.rank == plain.rank);
    CHECK(r.participation_ratio == Approx(plain.participation_ratio).epsilon(1e-14));
    if (std::abs(power) <= 500)
      CHECK(r.eigenvalues(5) == Approx(std::ldexp(plain.eigenvalues(5), 2 * power)).epsilon(1e-13));
  }
  const Eigen::MatrixXd whole = (1024 * x).array().round();  // offsets then round nothing
  const auto rounded = atlas::pca_rank(whole);
  for (const double offset : {1e3, 1e6, 1e9, 1e12}) {
    CAPTURE(offset);
    const auto r = atlas::pca_rank((whole.array() + offset).matrix().eval());
    CHECK(r.participation_ratio == Approx(rounded.participation_ratio).epsilon(1e-12));
    CHECK(r.eigenvalues(5) == Approx(rounded.eigenvalues(5)).epsilon(1e-12));
  }
}

TEST_CASE("a spectrum at either end of a double has its participation ratio") {
  for (const double scale : {1e-320, 1e-300, 1e300})
    CHECK(atlas::pca_rank_of_spectrum(scale * Eigen::VectorXd::Ones(4)).participation_ratio ==
          Approx(4));
}

TEST_CASE("surrogates are of the scale of their cloud") {
  const Eigen::MatrixXd x = normal_cloud(200, 4);
  const auto plain = atlas::two_nn_null(x, atlas::two_nn(x), {.draws = 10});
  for (const int power : {-900, -530, 530, 900}) {
    const Eigen::MatrixXd y = std::ldexp(1.0, power) * x;
    const auto null = atlas::two_nn_null(y, atlas::two_nn(y), {.draws = 10});
    CHECK(null.mean == Approx(plain.mean).epsilon(1e-12));
    CHECK(null.z == Approx(plain.z).epsilon(1e-9).margin(1e-9));
  }
}
