// SPDX-License-Identifier: MIT
#include "atlas/linalg/covariance.hpp"

#include <Eigen/Dense>
#include <cmath>
#include <limits>

#include "../catch.hpp"
#include "../clouds_for_tests.hpp"
#include "../messages.hpp"
#include "../tolerances.hpp"
#include "atlas/core/as_view.hpp"

using namespace atlas_test;

TEST_CASE("moments agree with long double and do not mind an offset or the storage order") {
  Eigen::MatrixXd cloud = normal_cloud(700, 5);
  cloud.array() += 1e6;
  const auto m = atlas::detail::moments<double>(atlas::as_view<2>(cloud));
  for (int a = 0; a < 5; ++a)
    for (int b = 0; b < 5; ++b) {
      long double mean_a = 0, mean_b = 0, sum = 0;
      for (int i = 0; i < 700; ++i) {
        mean_a += static_cast<long double>(cloud(i, a)) / 700;
        mean_b += static_cast<long double>(cloud(i, b)) / 700;
      }
      for (int i = 0; i < 700; ++i)
        sum += (static_cast<long double>(cloud(i, a)) - mean_a) *
               (static_cast<long double>(cloud(i, b)) - mean_b);
      CHECK(m.covariance(a, b) ==
            Approx(static_cast<double>(sum / 699)).margin(1e-9));  // the offset costs digits
    }
  const Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor> rows = cloud;
  const auto other = atlas::detail::moments<double>(atlas::as_view<2>(rows));
  CHECK(m.covariance == other.covariance);
}

TEST_CASE("covariances of any width, rows and columns apart, agree with plain sums") {
  for (const int d : {1, 3, 8, 20, 64, 67, 130, 515}) {
    CAPTURE(d);
    const int n = 150;  // blocks of rows, the last one not full
    const Eigen::MatrixXd wide = normal_cloud(2 * n, 2 * d);
    const auto every_other = Eigen::Map<const Eigen::MatrixXd, 0, Eigen::Stride<-1, -1>>(
        wide.data(), n, d, Eigen::Stride<-1, -1>(4 * n, 2));
    const Eigen::MatrixXd cloud = every_other;
    const Eigen::MatrixXd centred = cloud.rowwise() - cloud.colwise().mean();
    const Eigen::MatrixXd wanted = (centred.transpose() * centred) / (n - 1);
    const auto found = atlas::detail::moments<double>(atlas::as_view<2>(cloud));
    CHECK((found.covariance - wanted).norm() < tolerance::double_rounding * wanted.norm());
    CHECK(found.covariance == found.covariance.transpose());
    const atlas::tensor_view<const double, 2> strided(wide.data(), {n, d}, {2, 4 * n});
    CHECK(atlas::detail::moments<double>(strided).covariance == found.covariance);
  }
}

TEST_CASE("covariances that a double cannot hold are those of the cloud by a power of two") {
  const Eigen::MatrixXd x = (64 * normal_cloud(100, 3)).array().round();
  const auto plain = atlas::detail::moments<double>(atlas::as_view<2>(x));
  CHECK(plain.exponent == 0);
  for (const int power : {-900, -520, 520, 1012}) {
    CAPTURE(power);
    const Eigen::MatrixXd y = std::ldexp(1.0, power) * x;
    const auto m = atlas::detail::moments<double>(atlas::as_view<2>(y));
    CHECK(m.mean == std::ldexp(1.0, power) * plain.mean);
    CHECK(m.covariance * std::ldexp(1.0, -2 * (m.exponent + power)) == plain.covariance);
  }
  Eigen::MatrixXd apart = x;  // differences of rows beyond the largest double
  apart.col(0) *= 0x1p1015;
  const auto m = atlas::detail::moments<double>(atlas::as_view<2>(apart));
  CHECK(m.covariance.allFinite());
  CHECK(m.covariance(0, 0) > 0);
  for (const double offset : {1e6, 1e9, 1e12}) {
    const Eigen::MatrixXd y = x.array() + offset;
    CHECK(atlas::detail::moments<double>(atlas::as_view<2>(y)).covariance == plain.covariance);
  }
}

TEST_CASE("covariances do not mind where the first rows are") {
  constexpr int n = 300, d = 19;
  const Eigen::MatrixXd cloud = normal_cloud(n, d);
  for (const double far : {0.1, 1.0, 1e3, 1e6}) {
    CAPTURE(far);
    Eigen::MatrixXd moved = cloud;
    moved.topRows(80).array() += far;  // whose mean is far from that of all
    moved.col(3).setConstant(0.1);     // exactly without variance
    moved.col(5) *= 1e-9;              // small beside its offset
    const Eigen::MatrixXd centred = moved.rowwise() - moved.colwise().mean();
    const Eigen::MatrixXd wanted = centred.transpose() * centred / (n - 1);
    const auto found = atlas::detail::moments<double>(atlas::as_view<2>(moved));
    const Eigen::VectorXd spread = wanted.diagonal().cwiseSqrt();
    for (int a = 0; a < d; ++a)
      for (int b = 0; b < d; ++b)
        if (a != 3 && b != 3)
          CHECK(found.covariance(a, b) ==
                Approx(wanted(a, b)).margin(1e-13 * spread(a) * spread(b)));
    CHECK(found.covariance.col(3).isZero(0));
    CHECK((found.mean - moved.colwise().mean().transpose()).norm() < 1e-13 * (1 + far));
  }
}

TEST_CASE("moments name what is not finite, and take what squares cannot hold") {
  Eigen::MatrixXd cloud = normal_cloud(70, 20);
  const auto moments = [&] {
    return atlas::detail::checked_moments<double>(atlas::as_view<2>(cloud), "clouds, head 3");
  };
  cloud(66, 17) = std::numeric_limits<double>::infinity();
  CHECK_REFUSED(atlas::value_error, moments(), "clouds, head 3", "+inf at [66, 17]");
  cloud(66, 17) = std::numeric_limits<double>::quiet_NaN();
  CHECK_REFUSED(atlas::value_error, moments(), "clouds, head 3", "NaN at [66, 17]");
  cloud(66, 17) = 1e300;
  CHECK(moments().exponent != 0);
  // Rows that are further apart than the largest double, about a mean of 0.
  const Eigen::MatrixXd ends{{1.5e308}, {-1.5e308}};
  const auto wide = atlas::detail::checked_moments<double>(atlas::as_view<2>(ends), "ends");
  const double scaled = std::ldexp(1.5e308, wide.exponent);
  CHECK(wide.covariance(0, 0) == Approx(2 * scaled * scaled).epsilon(1e-12));
}
