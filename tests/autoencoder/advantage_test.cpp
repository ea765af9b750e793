// SPDX-License-Identifier: MIT
#include "atlas/autoencoder/advantage.hpp"

#include <cmath>
#include <vector>

#include "../catch.hpp"
#include "../clouds_for_tests.hpp"
#include "../messages.hpp"
#include "../tolerances.hpp"

using namespace atlas_test;
using atlas::owned_tensor;

namespace {

constexpr atlas::index_t contexts = 25, each = 20;

/// Three heads that bend by different amounts; rows of a context lie together.
owned_tensor<double, 3> bent_heads() {
  owned_tensor<double, 3> clouds({3, contexts * each, 3});
  atlas::random_stream random(8);
  for (atlas::index_t i = 0; i < clouds.extent(1); ++i) {
    const double t = 0.2 * static_cast<double>(i / each) + random.uniform();
    for (atlas::index_t h = 0; h < 3; ++h) {
      const double bend = 0.3 * static_cast<double>(h);
      const double x[] = {t, bend * std::cos(2 * t), 0.3 * random.normal()};
      for (atlas::index_t k = 0; k < 3; ++k) clouds.mutable_view()(h, i, k) = x[k];
    }
  }
  return clouds;
}

owned_tensor<atlas::index_t, 1> labels() {
  owned_tensor<atlas::index_t, 1> context({contexts * each});
  for (atlas::index_t i = 0; i < context.extent(0); ++i) context.mutable_view()[i] = i / each;
  return context;
}

/// Squared errors of rows, summed over a context.
using context_sums = std::map<atlas::index_t, double>;

/// The mean advantage without one context, from what the models make of the rows.
double mean_without(const std::vector<context_sums>& gains,
                    const std::vector<context_sums>& squares, atlas::index_t left_out) {
  double mean = 0;
  for (std::size_t h = 0; h < gains.size(); ++h) {
    double gain = 0, square = 0;
    for (const auto& [c, g] : gains[h])
      if (c != left_out) gain += g, square += squares[h].at(c);
    mean += gain / square / static_cast<double>(gains.size());
  }
  return mean;
}

}  // namespace

TEST_CASE("the error of the mean advantage is that of a jackknife between contexts") {
  const auto clouds = bent_heads();
  const auto context = labels();
  const auto heads = atlas::train_autoencoders(
      clouds, {.hidden = 16, .bottleneck = 1, .epochs = 30, .held_out = 0.8, .context = context});
  const auto split = atlas::split_by_context(context, {.share = 0.8, .seed = 0});
  std::vector<context_sums> gains(3), squares(3);
  for (atlas::index_t h = 0; h < 3; ++h) {
    const auto k = static_cast<std::size_t>(h);
    Eigen::MatrixXd cloud(contexts * each, 3);
    for (atlas::index_t i = 0; i < cloud.rows(); ++i)
      for (atlas::index_t j = 0; j < 3; ++j) cloud(i, j) = clouds(h, i, j);
    Eigen::MatrixXd training = cloud(split.training, Eigen::all);
    const Eigen::RowVectorXd mean = training.colwise().mean();
    training.rowwise() -= mean;
    const Eigen::VectorXd axis =
        atlas::symmetric_eigenbasis(training.transpose() * training).vectors.col(0);
    const auto back = atlas::reconstruct(heads[k].model, cloud);
    for (const atlas::index_t row : split.held_out) {
      const Eigen::RowVectorXd x = cloud.row(row) - mean;
      double own = 0;
      for (atlas::index_t j = 0; j < 3; ++j)
        own += std::pow(static_cast<double>(back(row, j)) - cloud(row, j), 2);
      gains[k][context[row]] += x.squaredNorm() - std::pow(x * axis, 2) - own;
      squares[k][context[row]] += x.squaredNorm();
    }
  }
  const auto found = atlas::mean_advantage(heads);
  REQUIRE(found.contexts == 20);
  CHECK(found.value == Approx(mean_without(gains, squares, -1)).epsilon(1e-4));
  double level = 0, spread = 0;
  for (const auto& [c, g] : gains[0]) level += mean_without(gains, squares, c) / 20;
  for (const auto& [c, g] : gains[0])
    spread += std::pow(mean_without(gains, squares, c) - level, 2);
  const double error = std::sqrt(19.0 / 20 * spread);
  CHECK(found.standard_error == Approx(error).epsilon(0.1));
  // Heads that share passages err together, but not entirely.
  double sum = 0;
  for (const auto& r : heads) sum += r.advantage_standard_error / 3;
  CHECK(found.standard_error < sum);
}

TEST_CASE("the interval and p are Student's, of a degree less than held-out contexts") {
  atlas::autoencoder_result head;
  head.advantage = 0.5;
  head.advantage_deviations = {0.1, -0.1, 0.05, -0.05, 0.0};
  const auto one = atlas::mean_advantage({head});
  const double error = std::sqrt(5.0 / 4 * 0.025);
  CHECK(one.standard_error == Approx(error));
  CHECK(one.t == Approx(0.5 / error));
  // Quantile of the tables: t(0.975, 4) = 2.776445105.
  CHECK(one.interval.upper - one.value == Approx(2.776445105 * error).epsilon(1e-8));
  CHECK(one.value - one.interval.lower == Approx(2.776445105 * error).epsilon(1e-8));
  CHECK(one.p == Approx(atlas::two_sided_t_p(0.5 / error, 4)));
  // The mean of a head and its mirror image has no error at all.
  atlas::autoencoder_result mirror = head;
  for (double& d : mirror.advantage_deviations) d = -d;
  CHECK(atlas::mean_advantage({head, mirror}).standard_error == 0);
  CHECK(atlas::mean_advantage({head, head}).standard_error == Approx(error));
  atlas::autoencoder_result lone;
  lone.advantage = 0.25;
  lone.advantage_deviations = {0};
  const auto none = atlas::mean_advantage({lone});
  CHECK(none.value == 0.25);
  CHECK(std::isnan(none.standard_error));
  CHECK(std::isnan(none.p));
  CHECK(std::isnan(none.interval.lower));
}

TEST_CASE("advantages of nothing, or of other splits, have no mean") {
  atlas::autoencoder_result a, b;
  a.advantage_deviations = {0, 0};
  b.advantage_deviations = {0, 0, 0};
  CHECK_REFUSED(atlas::shape_error, atlas::mean_advantage({}), "heads", "none");
  CHECK_REFUSED(atlas::shape_error, atlas::mean_advantage({a, b}), "heads", "held-out contexts");
  CHECK_REFUSED(atlas::value_error, atlas::mean_advantage({a, a}, {.confidence = 1}), "confidence",
                "got 1");
}
