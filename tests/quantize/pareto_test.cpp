// SPDX-License-Identifier: MIT
#include "atlas/quantize/pareto.hpp"

#include <Eigen/Dense>
#include <algorithm>
#include <cmath>
#include <limits>

#include "../catch.hpp"
#include "../messages.hpp"
#include "../tolerances.hpp"
#include "atlas/quantize/block_fisher.hpp"
#include "layers_for_tests.hpp"

using namespace atlas_test;
using atlas::basis_path;
using atlas::fisher_pareto;

namespace {

struct layer {
  Eigen::MatrixXd weights = normal_cloud(30, 24, 1);
  Eigen::MatrixXd inputs = layer_inputs(200, 24);
  Eigen::MatrixXd moments = inputs.transpose() * inputs / 200;
  Eigen::MatrixXd fisher = layer_moments(24, 77);
};

}  // namespace

TEST_CASE("the ends of a path are the bases of the activations and of the weights' gradients") {
  const layer l;
  const auto p_a = atlas::symmetric_eigenbasis(l.moments),
             p_w = atlas::symmetric_eigenbasis(l.fisher);
  for (const auto path : {basis_path::geodesic, basis_path::blend}) {
    const auto r = fisher_pareto(l.weights, l.inputs, l.fisher, l.moments, {.path = path});
    REQUIRE(r.points.size() == 11);
    CHECK(r.points.front().angle == Approx(0).margin(1e-6));
    const auto start = atlas::block_fisher_quantize(l.weights, l.fisher, {.known_eigenbasis = p_a});
    const auto end = atlas::block_fisher_quantize(l.weights, l.fisher, {.known_eigenbasis = p_w});
    CHECK(r.points.front().weight_error == Approx(start.errors.weights).epsilon(1e-6));
    CHECK(r.points.front().loss_error == Approx(start.errors.output).epsilon(1e-6));
    CHECK(r.points.back().weight_error == Approx(end.errors.weights).epsilon(1e-6));
    CHECK(r.points.back().loss_error == Approx(end.errors.output).epsilon(1e-6));
    const auto activations = atlas::block_fisher_quantize(l.inputs, l.moments, {});
    CHECK(r.points.front().activation_error == Approx(activations.errors.weights).epsilon(1e-6));
  }
}

TEST_CASE("every basis of a path is orthogonal, and a geodesic turns at constant speed") {
  const layer l;
  const auto p_a = atlas::symmetric_eigenbasis(l.moments).vectors;
  const auto p_w = atlas::symmetric_eigenbasis(l.fisher).vectors;
  for (const auto path : {basis_path::geodesic, basis_path::blend}) {
    const atlas::detail::basis_walk walk(p_a, p_w, path);
    double last = -1;
    for (int i = 0; i <= 10; ++i) {
      const Eigen::MatrixXd p = walk.at(i / 10.0);
      CHECK((p.transpose() * p - Eigen::MatrixXd::Identity(24, 24)).cwiseAbs().maxCoeff() < 1e-6);
      const double angle = walk.angle(p, i / 10.0);
      CHECK(angle > last);
      last = angle;
      if (path == basis_path::geodesic) CHECK(angle == Approx(i / 10.0 * walk.angle(p, 1)));
    }
    const Eigen::MatrixXd cosines = (walk.at(1).transpose() * p_w).cwiseAbs();
    CHECK((cosines - Eigen::MatrixXd::Identity(24, 24)).cwiseAbs().maxCoeff() < 1e-9);
  }
  // The angle of the blend's end, from eigenvalues, is that of the geodesic, from its planes.
  const atlas::detail::basis_walk a(p_a, p_w, basis_path::geodesic), b(p_a, p_w, basis_path::blend);
  CHECK(b.angle(b.at(1), 1) == Approx(a.angle(a.at(1), 1)));
}

TEST_CASE("signs of eigenvectors do not count, and mirror images are joined") {
  const Eigen::MatrixXd basis = rotation(9);
  Eigen::MatrixXd flipped = basis;
  for (int c = 0; c < 9; c += 2) flipped.col(c) *= -1;
  CHECK(atlas::detail::aligned_basis(basis, flipped) == basis);
  for (std::uint64_t seed = 1; seed < 9; ++seed) {
    const Eigen::MatrixXd other = atlas::detail::aligned_basis(basis, rotation(9, seed + 20));
    CHECK((basis.transpose() * other).determinant() == Approx(1));
  }
}

TEST_CASE("floor, front and correlation are those of the points") {
  const layer l;
  const auto r = fisher_pareto(l.weights, l.inputs, l.fisher, l.moments, {.steps = 15});
  double floor = std::numeric_limits<double>::infinity(), sx = 0, sy = 0, xx = 0, xy = 0, yy = 0;
  for (const auto& p : r.points) {
    CHECK(p.product == p.weight_error * p.activation_error);
    floor = std::min(floor, p.product);
    sx += p.angle / 15;
    sy += p.product / 15;
    bool beaten = false;
    for (const auto& q : r.points)
      beaten |= q.weight_error < p.weight_error && q.activation_error < p.activation_error;
    CHECK(p.on_front == !beaten);
  }
  for (const auto& p : r.points) {
    xx += (p.angle - sx) * (p.angle - sx);
    xy += (p.angle - sx) * (p.product - sy);
    yy += (p.product - sy) * (p.product - sy);
  }
  CHECK(r.product_floor == floor);
  CHECK(r.correlation == Approx(xy / std::sqrt(xx * yy)));
  CHECK(r.angle == r.points.back().angle);
}

TEST_CASE("results do not depend on threads; float weights go with double activations") {
  const layer l;
  const auto one = fisher_pareto(l.weights, l.inputs, l.fisher, l.moments, {.threads = 1});
  const auto three = fisher_pareto(l.weights, l.inputs, l.fisher, l.moments, {.threads = 3});
  const Eigen::MatrixXf single = l.weights.cast<float>();
  const auto mixed = fisher_pareto(single, l.inputs, l.fisher, l.moments);
  for (std::size_t i = 0; i < 11; ++i) {
    CHECK(one.points[i].product == three.points[i].product);
    CHECK(one.points[i].loss_error == three.points[i].loss_error);
    CHECK(mixed.points[i].weight_error == Approx(one.points[i].weight_error).epsilon(0.02));
    CHECK(mixed.points[i].activation_error == one.points[i].activation_error);
  }
}

TEST_CASE("where both bases are one nothing changes along the path") {
  const layer l;
  const auto r = fisher_pareto(l.weights, l.inputs, l.moments, l.moments, {.steps = 5});
  CHECK(r.angle == Approx(0).margin(1e-12));
  CHECK(std::isnan(r.correlation));
  for (const auto& p : r.points) CHECK(p.product == Approx(r.product_floor));
}

TEST_CASE("layers that do not fit are refused") {
  const layer l;
  CHECK_REFUSED(atlas::shape_error,
                fisher_pareto(l.weights, l.inputs.leftCols(20), l.fisher, l.moments), "activations",
                "24, got 20");
  CHECK_REFUSED(atlas::shape_error,
                fisher_pareto(l.weights, l.inputs, layer_moments(20), l.moments), "weight_fisher",
                "[24, 24], got [20, 20]");
  CHECK_REFUSED(atlas::value_error,
                (fisher_pareto(l.weights, l.inputs, l.fisher, l.moments, {.steps = 1})), "steps",
                "1");
  CHECK_REFUSED(
      atlas::value_error,
      (fisher_pareto(l.weights, l.inputs, l.fisher, l.moments, {.weight_grid = {.bits = 1}})),
      "bits", "1");
  CHECK_REFUSED(atlas::value_error,
                fisher_pareto(l.weights, (l.inputs * NAN).eval(), l.fisher, l.moments),
                "activations", "NaN");
}
