// SPDX-License-Identifier: MIT
#include "atlas/quantize/uncertainty.hpp"

#include <Eigen/Dense>
#include <cmath>
#include <limits>
#include <numbers>
#include <vector>

#include "../catch.hpp"
#include "../messages.hpp"
#include "../statistics_for_tests.hpp"
#include "../tolerances.hpp"
#include "layers_for_tests.hpp"

using namespace atlas_test;
using atlas::fisher_uncertainty;

namespace {

/// Of the formula as it is written.
double commutator(const Eigen::MatrixXd& f, const Eigen::MatrixXd& g) {
  return (f * g - g * f).norm() / (std::sqrt(2.0) * f.norm() * g.norm());
}

}  // namespace

TEST_CASE("the commutator is that of its definition") {
  const Eigen::MatrixXd f = layer_moments(20, 1), g = layer_moments(20, 5);
  const auto r = fisher_uncertainty(f, g);
  CHECK(r.commutator.value == Approx(commutator(f, g)));
  CHECK(r.commutator.value < 1);
  // Projections on two lines at angle a: |sin a cos a|.
  Eigen::MatrixXd x = Eigen::MatrixXd::Zero(5, 5), y = x;
  Eigen::VectorXd line = Eigen::VectorXd::Zero(5);
  line(0) = std::cos(0.4);
  line(3) = std::sin(0.4);
  x(0, 0) = 1;
  y = line * line.transpose();
  const auto lines = fisher_uncertainty(x, y);
  CHECK(lines.commutator.value == Approx(std::sin(0.4) * std::cos(0.4)));
  CHECK(lines.k == 1);
  CHECK(lines.angles.angles(0) == Approx(0.4));
}

TEST_CASE("matrices that commute have no uncertainty") {
  const Eigen::MatrixXd cloud = normal_cloud(60, 20);
  const Eigen::MatrixXd f = cloud.transpose() * cloud;
  const auto r = fisher_uncertainty(f, (f * f + f).eval(), {.k = 4});
  CHECK(r.commutator.value < 1e-12);
  CHECK(r.commutator.z < -5);
  CHECK(r.mean_cosine == Approx(1));
  CHECK(r.angles.angles.maxCoeff() < 1e-6);
  CHECK(r.z > 5);
}

TEST_CASE("matrices in unrelated bases are as the reference says") {
  const Eigen::MatrixXd f = layer_moments(30);
  const Eigen::MatrixXd turn = rotation(30);
  const auto r =
      fisher_uncertainty(f, (turn * f * turn.transpose()).eval(), {.k = 5, .draws = 200});
  CHECK(std::abs(r.z) < 4);
  CHECK(std::abs(r.commutator.z) < 4);
  CHECK(r.effective_rank_weights.second_moments ==
        Approx(r.effective_rank_activations.second_moments));
}

TEST_CASE("p of unrelated bases against ten random ones is uniform") {
  std::vector<double> commutator, cosine;
  const Eigen::MatrixXd f = layer_moments(12, 1);
  for (std::uint64_t seed = 0; seed < 200; ++seed) {
    atlas::random_stream random(seed, 77);
    const Eigen::MatrixXd turn = atlas::random_frame(12, 12, random);
    const auto r = fisher_uncertainty(f, (turn * f * turn.transpose()).eval(),
                                      {.k = 3, .draws = 10, .seed = seed});
    commutator.push_back(r.commutator.p);
    cosine.push_back(r.p);
  }
  CHECK(ks_p(commutator, [](double u) { return u; }) > 0.01);
  CHECK(ks_p(cosine, [](double u) { return u; }) > 0.01);
}

TEST_CASE("the rank of a single angle among random ones is uniform") {
  std::vector<double> rank;
  const Eigen::MatrixXd f = layer_moments(8, 1), g = layer_moments(8, 3);
  for (std::uint64_t seed = 0; seed < 300; ++seed) {
    atlas::random_stream random(seed, 78);
    const Eigen::MatrixXd turn = atlas::random_frame(8, 8, random);
    const auto r = fisher_uncertainty(f, (turn * g * turn.transpose()).eval(),
                                      {.k = 1, .draws = 10, .haar_draws = 500, .seed = seed});
    rank.push_back(r.rank_p);
    CHECK(r.commutator.rank_p >= 2.0 / 11);
  }
  CHECK(ks_p(rank, [](double u) { return u; }) > 1e-6);
}

TEST_CASE("the exact mean square of the reference is that of the draws") {
  for (const int d : {2, 5, 24}) {
    CAPTURE(d);
    const auto r = fisher_uncertainty(layer_moments(d, 1), layer_moments(d, 5),
                                      {.k = 1, .draws = 4000, .seed = 3});
    const auto& c = r.commutator;
    const double squares = c.random_mean * c.random_mean + c.random_sd * c.random_sd;
    CHECK(squares == Approx(c.random_rms * c.random_rms).epsilon(0.05));
  }
  // Lines in the plane: the mean of sin^2 cos^2 is 1/8.
  Eigen::MatrixXd line = Eigen::MatrixXd::Zero(2, 2);
  line(0, 0) = 1;
  CHECK(fisher_uncertainty(line, line).commutator.random_rms == Approx(std::sqrt(0.125)));
}

TEST_CASE("results do not depend on threads, nor on the scale of either matrix") {
  const Eigen::MatrixXd f = layer_moments(20, 1), g = layer_moments(20, 5);
  const auto one = fisher_uncertainty(f, g, {.threads = 1});
  const auto three = fisher_uncertainty(f, g, {.threads = 3});
  CHECK(one.commutator.random_mean == three.commutator.random_mean);
  CHECK(one.commutator.z == three.commutator.z);
  const auto scaled = fisher_uncertainty((1e6 * f).eval(), (1e-6 * g).eval());
  CHECK(scaled.commutator.value == Approx(one.commutator.value));
  CHECK(scaled.k == one.k);
  CHECK(fisher_uncertainty(f, g, {.seed = 1}).commutator.random_mean != one.commutator.random_mean);
}

TEST_CASE("one dimension, the identity and the whole space have no uncertainty to score") {
  const Eigen::MatrixXd one = Eigen::MatrixXd::Ones(1, 1);
  const auto single = fisher_uncertainty(one, one);
  CHECK(single.commutator.value == 0);
  CHECK(single.commutator.random_rms == 0);
  CHECK(std::isnan(single.z));
  const auto same = fisher_uncertainty(Eigen::MatrixXd::Identity(6, 6).eval(), layer_moments(6));
  CHECK(same.commutator.value == 0);
  CHECK(same.commutator.random_rms < 1e-7);
  CHECK(fisher_uncertainty(layer_moments(6), layer_moments(6, 3), {.k = 6}).mean_cosine ==
        Approx(1));
}

TEST_CASE("matrices that cannot be compared are refused") {
  const Eigen::MatrixXd f = layer_moments(5);
  CHECK_REFUSED(atlas::shape_error, fisher_uncertainty(f, layer_moments(4)), "activation_moments",
                "[5, 5], got [4, 4]");
  CHECK_REFUSED(atlas::shape_error, fisher_uncertainty(normal_cloud(5, 4), f), "weight_fisher",
                "[5, 5], got [5, 4]");
  CHECK_REFUSED(atlas::value_error, (fisher_uncertainty(f, f, {.k = 6})), "k", "6");
  CHECK_REFUSED(atlas::value_error, (fisher_uncertainty(f, f, {.draws = 9})), "draws", "9");
  CHECK_REFUSED(atlas::value_error, (fisher_uncertainty(f, f, {.haar_draws = 99})),
                "haar_draws: ", "from 100");
  Eigen::MatrixXd bad = f;
  bad(0, 0) = std::numeric_limits<double>::quiet_NaN();
  CHECK_REFUSED(atlas::value_error, fisher_uncertainty(bad, f), "weight_fisher", "NaN");
  Eigen::MatrixXd line = Eigen::MatrixXd::Zero(5, 5);
  line(0, 0) = 1;
  CHECK_REFUSED(atlas::value_error, (fisher_uncertainty(line, f, {.k = 2})), "weight_fisher", "2");
}
