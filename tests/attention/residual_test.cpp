// SPDX-License-Identifier: MIT
#include "atlas/attention/residual.hpp"

#include <Eigen/Dense>
#include <limits>
#include <vector>

#include "../catch.hpp"
#include "../clouds_for_tests.hpp"
#include "../messages.hpp"
#include "../tolerances.hpp"

using namespace atlas_test;

namespace {

/// Causal softmax weights of random logits.
Eigen::MatrixXd causal_weights(int t, std::uint64_t seed) {
  Eigen::MatrixXd w = (2 * normal_cloud(t, t, seed)).array().exp();
  w = w.triangularView<Eigen::Lower>();
  for (int q = 0; q < t; ++q) w.row(q) /= w.row(q).sum();
  return w;
}

}  // namespace

TEST_CASE("residuals are what is left of attention without its largest weight") {
  const Eigen::MatrixXd w = causal_weights(20, 1), v = normal_cloud(20, 5, 2);
  const auto r = atlas::decompose_residual(w, v);
  for (int q = 0; q < 20; ++q) {
    Eigen::Index top = 0;
    const double largest = w.row(q).maxCoeff(&top);
    CHECK(r.argmax[q] == top);
    CHECK(r.top[q] == largest);
    CHECK(r.tail_mass[q] == Approx(1 - largest).margin(tolerance::double_rounding));
    const Eigen::RowVectorXd raw = w.row(q) * v - v.row(top);
    const Eigen::RowVectorXd tail = (w.row(q) * v - largest * v.row(top)) / (1 - largest);
    for (int k = 0; k < 5; ++k) {
      CHECK(r.raw(q, k) == Approx(raw(k)).margin(tolerance::double_rounding));
      if (q > 0) CHECK(r.tail(q, k) == Approx(tail(k)).margin(1e-10));
    }
  }
  CHECK(r.undefined_tails == std::vector<atlas::index_t>{0});  // a query that sees one key only
}

TEST_CASE("a weight so near 1 that 1 - w has no digits left still has its tail") {
  const Eigen::MatrixXd w = (Eigen::MatrixXd(1, 3) << 1 - 1e-17, 0.5e-17, 0.5e-17).finished();
  const Eigen::MatrixXd v = (Eigen::MatrixXd(3, 1) << 7, 2, 4).finished();
  const auto r = atlas::decompose_residual(w, v);
  CHECK(r.tail_mass[0] == Approx(1e-17));
  CHECK(r.tail(0, 0) == Approx(3));
}

TEST_CASE("heads of grouped queries share their values") {
  std::vector<Eigen::MatrixXd> weights, values = {normal_cloud(8, 3, 1), normal_cloud(8, 3, 2)};
  for (std::uint64_t h = 0; h < 4; ++h) weights.push_back(causal_weights(8, 10 + h));
  const auto all = atlas::decompose_residuals(weights, values);
  CHECK(all.size() == 4);
  for (std::size_t h = 0; h < 4; ++h) {
    const auto one = atlas::decompose_residual(weights[h], values[h / 2]);
    for (int q = 0; q < 8; ++q)
      for (int k = 0; k < 3; ++k) CHECK(all[h].raw(q, k) == one.raw(q, k));
  }
}

TEST_CASE("heads that values are no share of are refused") {
  const std::vector<Eigen::MatrixXd> weights(3, causal_weights(8, 10)),
      values = {normal_cloud(8, 3, 1), normal_cloud(8, 3, 2)};
  CHECK_REFUSED(atlas::shape_error, atlas::decompose_residuals(weights, values), "values",
                "divides 3, got 2");
}

TEST_CASE("weights that are none are refused") {
  Eigen::MatrixXd w = causal_weights(6, 1), v = normal_cloud(6, 2, 1);
  CHECK_REFUSED(atlas::shape_error, atlas::decompose_residual(w, v.topRows(5).eval()), "values",
                "6");
  w(3, 0) += 0.5;
  CHECK_REFUSED(atlas::value_error, atlas::decompose_residual(w, v), "weights", "query 3");
  w(3, 0) = -0.1;
  CHECK_REFUSED(atlas::value_error, atlas::decompose_residual(w, v), "weights", "3");
  w = causal_weights(6, 1);
  v(2, 1) = std::numeric_limits<double>::quiet_NaN();
  CHECK_REFUSED(atlas::value_error, atlas::decompose_residual(w, v), "values", "[2, 1]");
}
