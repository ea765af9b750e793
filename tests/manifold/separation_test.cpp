// SPDX-License-Identifier: MIT
#include "atlas/manifold/separation.hpp"

#include <Eigen/Dense>
#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "../catch.hpp"
#include "../messages.hpp"
#include "../statistics_for_tests.hpp"
#include "../tolerances.hpp"
#include "manifolds_for_tests.hpp"

using namespace atlas_test;
using atlas::separation;

namespace {

std::vector<int> halves(int n) {
  std::vector<int> labels(static_cast<std::size_t>(2 * n), 5);
  std::fill(labels.begin() + n, labels.end(), -3);
  return labels;
}

/// The definition in long double.
long double plain_ratio(const Eigen::MatrixXd& x, const std::vector<int>& labels, int groups) {
  std::vector<std::vector<long double>> centroids(
      static_cast<std::size_t>(groups),
      std::vector<long double>(static_cast<std::size_t>(x.cols())));
  const auto distance = [&](const auto& a, const auto& b) {
    long double square = 0;
    for (Eigen::Index k = 0; k < x.cols(); ++k) square += (a(k) - b(k)) * (a(k) - b(k));
    return std::sqrt(square);
  };
  const auto row = [&](Eigen::Index i) {
    return [&x, i](Eigen::Index k) { return static_cast<long double>(x(i, k)); };
  };
  const auto centroid = [&](int g) {
    return [&centroids, g](Eigen::Index k) {
      return centroids[static_cast<std::size_t>(g)][static_cast<std::size_t>(k)];
    };
  };
  for (Eigen::Index i = 0; i < x.rows(); ++i) {
    const int g = labels[static_cast<std::size_t>(i)];
    for (Eigen::Index k = 0; k < x.cols(); ++k)
      centroids[static_cast<std::size_t>(g)][static_cast<std::size_t>(k)] +=
          row(i)(k) / static_cast<long double>(std::count(labels.begin(), labels.end(), g));
  }
  long double own = 0, between = 0;
  for (Eigen::Index i = 0; i < x.rows(); ++i)
    own += distance(row(i), centroid(labels[static_cast<std::size_t>(i)]));
  for (int a = 0; a < groups; ++a)
    for (int b = a + 1; b < groups; ++b) between += distance(centroid(a), centroid(b));
  return own / static_cast<long double>(x.rows()) / (between / (groups * (groups - 1) / 2));
}

}  // namespace

TEST_CASE("separation of two normal blobs is the mean of chi over the gap") {
  constexpr int n = 2000, d = 3;
  const Eigen::MatrixXd x = two_blobs(n, d, 10);
  const auto r = separation(x, halves(n));
  const double chi = std::sqrt(2.0) * std::tgamma(0.5 * (d + 1)) / std::tgamma(0.5 * d);
  CHECK(r.within == Approx(chi).epsilon(0.02));
  CHECK(r.between == Approx(10).epsilon(0.01));
  CHECK(r.ratio == Approx(chi / 10).epsilon(0.02));
  CHECK(r.groups == 2);
  CHECK(r.p == 0.001);  // none of 999
  CHECK(r.z > 20);
  CHECK(r.contrast == Approx(1 / r.ratio));
  CHECK(r.null_ratio > 10 * r.ratio);
}

TEST_CASE("separation is its definition, for groups of any size and name") {
  const Eigen::MatrixXd x = (normal_cloud(90, 4, 6).array() + 100).matrix();
  std::vector<int> labels;
  for (int i = 0; i < 90; ++i) labels.push_back(i % 7 == 0 ? 0 : i % 3);
  const double wanted = static_cast<double>(plain_ratio(x, labels, 3));
  CHECK(separation(x, labels).ratio == Approx(wanted).epsilon(1e-11));
  std::vector<long> renamed;
  for (const int label : labels) renamed.push_back(1000000007L * (1 - label));
  CHECK(separation(x, renamed).ratio == Approx(wanted).epsilon(1e-11));
}

TEST_CASE("p is uniform for labels that mean nothing") {
  std::vector<double> p;
  for (std::uint64_t s = 0; s < 300; ++s) {
    const Eigen::MatrixXd x = normal_cloud(60, 3, 100 + s);
    p.push_back(separation(x, halves(30), {.permutations = 199, .seed = s}).p);
  }
  CHECK(ks_p(p, [](double v) { return std::clamp(v, 0.0, 1.0); }) > 0.01);
}

TEST_CASE("groups that mean nothing have a ratio of about sqrt(n / 2)") {
  // In many dimensions, where distances are all about their root mean square.
  const auto r = separation(normal_cloud(400, 200, 4), halves(200));
  CHECK(r.ratio == Approx(10).epsilon(0.1));
  CHECK(r.null_ratio == Approx(10).epsilon(0.1));
  CHECK(r.null_mean == Approx(0.1).epsilon(0.1));
  CHECK(std::abs(r.z) < 4);
}

TEST_CASE("clouds in a stack are groups, and surrogates know nothing of labels") {
  const Eigen::MatrixXd x = two_blobs(100, 3, 6);
  const std::vector<Eigen::MatrixXd> layers = {x.topRows(100), x.bottomRows(100)};
  const auto stacked = atlas::separation_of_clouds(layers);
  const auto plain = separation(x, halves(100));
  CHECK(stacked.ratio == Approx(plain.ratio).epsilon(tolerance::double_rounding));
  CHECK(stacked.p == plain.p);
  const auto null = atlas::separation_null(x, halves(100), plain, {.draws = 100});
  CHECK(null.mean == Approx(plain.null_mean).epsilon(0.2));
  CHECK(null.z > 5);
  CHECK(plain.z > 5);
  CHECK(atlas::separation_null(x, halves(100), plain, {.draws = 100, .threads = 1}).draws ==
        null.draws);
}

TEST_CASE("runs of rows that belong together are shuffled together") {
  // Twenty texts with places of their own: labels by text look like groups to a shuffle of rows.
  Eigen::MatrixXd x = normal_cloud(200, 5, 8);
  for (int i = 0; i < 200; ++i) x.row(i) += 3 * normal_cloud(20, 5, 9).row(i / 10);
  const auto rows = separation(x, halves(100));
  const auto blocks = separation(x, halves(100), {.permutations = 999, .rows_per_block = 10});
  CHECK(blocks.null_sd > 2 * rows.null_sd);
  CHECK(blocks.p > rows.p);
  CHECK(blocks.p > 0.01);
}

TEST_CASE("separation does not depend on threads") {
  const Eigen::MatrixXd x = normal_cloud(300, 4, 2);
  const auto one = separation(x, halves(150), {.permutations = 99, .threads = 1});
  const auto two = separation(x, halves(150), {.permutations = 99, .threads = 2});
  CHECK(one.null_mean == two.null_mean);
  CHECK(one.null_sd == two.null_sd);
}

TEST_CASE("labels that separate nothing are refused") {
  Eigen::MatrixXd x = normal_cloud(6, 2);
  CHECK_REFUSED(atlas::value_error, separation(x, std::vector<int>(6, 1)), "labels", "2");
  CHECK_REFUSED(atlas::value_error, separation(x, std::vector<int>{1, 2, 3, 4, 5, 6}), "labels",
                "every row");
  CHECK_REFUSED(atlas::shape_error, separation(x, halves(2)), "labels", "6");
  CHECK_REFUSED(atlas::value_error, separation(Eigen::MatrixXd::Ones(6, 2).eval(), halves(3)),
                "points", "differ");
  CHECK_REFUSED(atlas::value_error, separation(x, halves(3), {.permutations = 9}), "permutations",
                "9");
  x(2, 0) = std::numeric_limits<double>::infinity();
  CHECK_REFUSED(atlas::value_error, separation(x, halves(3)), "points", "[2, 0]");
}

TEST_CASE("separation is the same bits at every scale and offset") {
  const Eigen::MatrixXd x = swiss_roll(300), whole = (1024 * normal_cloud(90, 3)).array().round();
  std::vector<int> labels, few;
  for (int i = 0; i < 300; ++i) labels.push_back(i % 3);
  for (int i = 0; i < 90; ++i) few.push_back(i % 3);
  const auto plain = separation(x, labels, {.permutations = 50});
  for (const int power : {-1000, -600, 600, 1000}) {
    CAPTURE(power);
    const double scale = std::ldexp(1.0, power);
    const auto s = separation((scale * x).eval(), labels, {.permutations = 50});
    CHECK(s.contrast == plain.contrast);
    CHECK(s.within == scale * plain.within);
    CHECK(s.p == plain.p);
  }
  const auto at_zero = separation(whole, few, {.permutations = 50});
  for (const double offset : {1e3, 1e6, 1e9, 1e12}) {
    CAPTURE(offset);
    const Eigen::MatrixXd y = whole.array() + offset;
    const auto r = separation(y, few, {.permutations = 50});
    CHECK(r.within == at_zero.within);
    CHECK(r.contrast == at_zero.contrast);
    CHECK(r.p == at_zero.p);
  }
}

TEST_CASE("labels that only change their names tie with the labels as they are") {
  // Three pairs, as far apart as pairs can be: 3! 2^3 of 6! orders of the labels make the same
  // pairs.
  Eigen::MatrixXd x(6, 3);
  x << 0.1, 0.2, 0.3, 0.1, 0.3, 0.3, 5.1, 0.2, 0.7, 5.1, 0.1, 0.7, 0.3, 7.1, 9.9, 0.3, 7.3, 9.9;
  const std::vector<int> labels = {0, 0, 1, 1, 2, 2};
  const auto r = atlas::separation(x, labels, {.permutations = 4000});
  CHECK(r.p == Approx(1.0 / 15).margin(0.012));  // three standard errors of 4000 draws
}
