// SPDX-License-Identifier: MIT
#include "atlas/boltzmann/crystallization.hpp"

#include <Eigen/Core>
#include <algorithm>
#include <cmath>
#include <vector>

#include "../catch.hpp"
#include "../clouds_for_tests.hpp"
#include "../messages.hpp"
#include "../tolerances.hpp"
#include "atlas/boltzmann/argmax_stability.hpp"

using namespace atlas_test;
using numbers = std::vector<double>;

TEST_CASE("ratio and margin are of the two largest weights, wherever they are") {
  atlas::random_stream random(1);
  for (const std::size_t n : {1U, 2U, 3U, 300U, 513U}) {
    numbers s(n);
    for (double& x : s) x = 2 * random.normal();
    for (const double beta : {0.5, 1.0}) {
      const auto got = atlas::concentration<1>(s, {.beta = beta});
      std::vector<long double> p;
      long double z = 0;
      for (const double x : s) z += std::exp(static_cast<long double>(beta * x));
      for (const double x : s) p.push_back(std::exp(static_cast<long double>(beta * x)) / z);
      std::sort(p.rbegin(), p.rend());
      const long double second = n > 1 ? p[1] : 0;
      CHECK(got.ratio == Approx(static_cast<double>(second / p[0])).epsilon(1e-13));
      CHECK(got.margin == Approx(static_cast<double>(p[0] - second)).epsilon(1e-12));
    }
  }
  CHECK(atlas::concentration<1>(numbers{3, 3, 1}).ratio == 1);
  CHECK(atlas::concentration<1>(numbers{3, 3, 1}).margin == 0);
  CHECK(atlas::concentration<1>(numbers{1e4, 1e4 - 1e-9}).margin ==
        Approx((1e4 - (1e4 - 1e-9)) / 4 * 1).epsilon(1e-6).margin(1e-9));
  const double masked = -std::numeric_limits<double>::infinity();
  CHECK(atlas::concentration<1>(numbers{masked, 2, masked}).ratio == 0);
  CHECK(atlas::concentration<1>(numbers{masked, 2, masked}).margin == 1);
  const Eigen::MatrixXd rows = Eigen::MatrixXd::Random(40, 9);
  const auto all = atlas::concentration<2>(rows, {.threads = 2});
  for (atlas::index_t i = 0; i < 40; ++i)
    CHECK(all.ratio[i] == atlas::concentration<1>(rows.row(i)).ratio);
  CHECK_REFUSED(atlas::value_error, atlas::concentration<1>(numbers{masked}), "logits", "-inf");
}

TEST_CASE("L_c is where the ratio stays below the threshold to the end") {
  const auto of = [](const numbers& r) { return atlas::crystallization_depth(r); };
  CHECK(of({0.5, 0.2, 0.04, 0.01}).layer == atlas::index_t{2});
  CHECK(of({0.5, 0.2, 0.04, 0.01}).fraction == Approx(2.0 / 3));
  CHECK(of({0.04, 0.2, 0.04, 0.01}).layer == atlas::index_t{2});
  CHECK(of({0.01, 0.01}).layer == atlas::index_t{0});
  CHECK_FALSE(of({0.01, 0.05}).layer.has_value());
  CHECK(of({0.01}).fraction == 0.0);
  CHECK_REFUSED(atlas::shape_error, of({}), "mean_ratios", "none");
  CHECK_REFUSED(atlas::value_error, of({std::nan("")}), "mean_ratios", "NaN");
}

TEST_CASE("the argmax of two keys flips as often as the normal distribution says") {
  // Keys +-e1 and queries (c, x): the noise flips the choice with probability Phi(-c / sd).
  const atlas::index_t n = 4000;
  Eigen::MatrixXd queries(n, 2), keys(2, 2);
  atlas::random_stream random(2);
  for (atlas::index_t i = 0; i < n; ++i)
    queries.row(i) << (i % 2 == 0 ? 1.0 : -1.0), random.normal();
  keys << 1, 0, -1, 0;
  const auto r =
      atlas::argmax_stability(queries, keys, {.noise = 0.8, .draws = 10, .causal = false});
  double square = 0;
  for (atlas::index_t c = 0; c < 2; ++c)
    square += (queries.col(c).array() - queries.col(c).mean()).square().sum();
  CHECK(r.noise_sd == Approx(0.8 * std::sqrt(square / (2 * n))).epsilon(1e-12));
  const double stays = 0.5 * std::erfc(-1 / r.noise_sd / std::sqrt(2.0));
  CHECK(r.share == Approx(stays).margin(4 * std::sqrt(stays * (1 - stays) / (10.0 * n))));
}

TEST_CASE("without noise every choice is stable; masks, windows and threads are kept") {
  const Eigen::MatrixXd queries = normal_cloud(150, 6), keys = normal_cloud(150, 6, 8);
  CHECK(atlas::argmax_stability(queries, keys, {.noise = 0}).share == 1);
  const auto one = atlas::argmax_stability(queries, keys, {.noise = 0.3, .threads = 1});
  const auto two = atlas::argmax_stability(queries, keys, {.noise = 0.3, .threads = 2});
  CHECK(one.share == two.share);
  CHECK(one.share < 1);
  CHECK(one.stable[0] == 1);  // one key
  CHECK(std::equal(one.stable.data(), one.stable.data() + 150, two.stable.data()));
  CHECK(atlas::argmax_stability(queries, keys, {.noise = 5, .window = 1}).share == 1);
  const Eigen::MatrixXd equal = Eigen::RowVectorXd::LinSpaced(6, 0.1, 0.9).replicate(67, 1);
  CHECK(atlas::argmax_stability(queries.topRows(67), equal, {.noise = 0.3}).share == 1);
  CHECK(atlas::argmax_stability(queries, keys, {.noise = 0.3, .seed = 1}).share != one.share);
}

TEST_CASE("queries and keys that do not fit are refused") {
  const Eigen::MatrixXd queries = normal_cloud(5, 3);
  CHECK_REFUSED(atlas::shape_error, atlas::argmax_stability(queries, normal_cloud(5, 2)), "keys",
                "3");
  CHECK_REFUSED(atlas::shape_error, atlas::argmax_stability(queries, normal_cloud(4, 3)), "keys",
                "at least as many");
  CHECK_REFUSED(atlas::value_error, atlas::argmax_stability(queries, queries, {.noise = -1}),
                "noise", "-1");
  CHECK_REFUSED(atlas::value_error, atlas::argmax_stability(queries, queries, {.draws = 0}),
                "draws", "0");
  Eigen::MatrixXd bad = queries;
  bad(4, 0) = std::nan("");
  CHECK_REFUSED(atlas::value_error, atlas::argmax_stability(bad, queries), "queries", "NaN");
}
