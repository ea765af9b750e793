// SPDX-License-Identifier: MIT
#include "atlas/subspace/turned_null.hpp"

#include <Eigen/Dense>
#include <cmath>
#include <vector>

#include "../catch.hpp"
#include "../clouds_for_tests.hpp"
#include "../messages.hpp"
#include "../statistics_for_tests.hpp"
#include "../tolerances.hpp"
#include "atlas/subspace/residual_stream.hpp"

using namespace atlas_test;

namespace {

/// How clouds without structure are made.
struct cloud_plan {
  int heads = 5, d = 8, rows = 200;
  double decay = 0;  ///< eigenvalue i is i^-decay
  double rho = 0;    ///< correlation of neighbouring rows of a context
  int context = 12;  ///< rows
  int group = 1;     ///< heads that share most of their rows and their coordinates
};

std::vector<Eigen::MatrixXd> made_clouds(const cloud_plan& plan, atlas::random_stream& random) {
  std::vector<Eigen::MatrixXd> out;
  Eigen::MatrixXd turn, values;
  for (int h = 0; h < plan.heads; ++h) {
    Eigen::MatrixXd x = atlas::normal_matrix(plan.rows, plan.d, random);
    for (int i = 0; i < plan.rows; ++i)
      if (i % plan.context != 0)
        x.row(i) = plan.rho * x.row(i - 1) + std::sqrt(1 - plan.rho * plan.rho) * x.row(i);
    for (int c = 0; c < plan.d; ++c) x.col(c) *= std::pow(c + 1.0, -plan.decay / 2);
    if (h % plan.group == 0) {
      turn = atlas::random_frame(plan.d, plan.d, random);
      values = x;
    }
    out.push_back((0.8 * values + 0.6 * x) * turn.transpose());
  }
  return out;
}

/// Weights whose singular values fall as j^-power, in directions that heads share.
Eigen::MatrixXd made_weights(int heads, int d, int width, double power,
                             atlas::random_stream& random) {
  Eigen::MatrixXd w = atlas::normal_matrix(heads * d, width, random);
  for (int j = 0; j < width; ++j) w.col(j) *= std::pow(j + 1.0, -power);
  return w * atlas::random_frame(width, width, random);
}

}  // namespace

TEST_CASE("z of clouds without structure is standard under any weights") {
  // Unequal spectra, few rows and dependent ones. Of n cases z has a mean with error 1 / sqrt(n)
  // and an sd with error 1 / sqrt(2 n): bounds of 5 of them, with what t of 19 degrees is wider.
  constexpr int cases = 150;
  struct setting {
    double decay, power, rho;
    int rows;
  };
  for (const auto& [decay, power, rho, rows] :
       {setting{0, 1, 0, 60}, setting{1, 0.5, 0, 20}, setting{1, 1, 0.9, 120}}) {
    CAPTURE(decay, power, rho, rows);
    std::vector<double> z, p;
    for (std::uint64_t c = 0; c < cases; ++c) {
      atlas::random_stream random(91, c);
      const Eigen::MatrixXd weights = made_weights(5, 8, 24, power, random);
      const auto clouds = made_clouds({.rows = rows, .decay = decay, .rho = rho}, random);
      const auto null = atlas::turned_null(clouds, weights, 3, {.draws = 20, .seed = c}).global;
      z.push_back(null.z);
      p.push_back(null.rank_p);
    }
    const auto s = atlas::summarize(z);
    CHECK(std::abs(s.mean) < 5 * 1.06 / std::sqrt(cases));
    CHECK(s.sd > 0.72);
    CHECK(s.sd < 1.42);
    int beyond = 0;  // exactly uniform on multiples of 2/21
    for (const double x : p) beyond += x < 0.2 ? 1 : 0;
    CHECK(beyond < cases * 4 / 21 + 5 * std::sqrt(cases * 4 / 21 * 17 / 21.0));
  }
}

TEST_CASE("what heads of a group have in common is kept, and no finding") {
  // Two groups of 3 heads, mixtures of the same values: turned one by one they are far apart.
  constexpr int cases = 100;
  std::vector<double> together, apart;
  for (std::uint64_t c = 0; c < cases; ++c) {
    atlas::random_stream random(17, c);
    const Eigen::MatrixXd weights = made_weights(6, 8, 24, 1, random);
    const auto clouds = made_clouds({.heads = 6, .decay = 2, .group = 3}, random);
    const auto null =
        atlas::turned_null(clouds, weights, 3, {.heads_per_group = 3, .draws = 20, .seed = c});
    CHECK(null.intra.pairs == 6);
    CHECK(null.inter.pairs == 9);
    together.push_back(null.intra.z);
    apart.push_back(null.inter.z);
  }
  for (const auto* z : {&together, &apart}) {
    CHECK(std::abs(atlas::summarize(*z).mean) < 5 * 1.1 / std::sqrt(cases));
    CHECK(atlas::summarize(*z).sd < 1.6);
  }
}

TEST_CASE("clouds that lie where their weights meet are above the turned null") {
  atlas::random_stream random(5);
  const Eigen::MatrixXd weights = made_weights(6, 8, 24, 0, random);
  // Each head's cloud varies most along what of its weights writes one common direction.
  const Eigen::VectorXd common = atlas::random_frame(24, 1, random);
  std::vector<Eigen::MatrixXd> clouds;
  for (int h = 0; h < 6; ++h) {
    const Eigen::MatrixXd block = weights.middleRows(8 * h, 8);
    const Eigen::VectorXd to_common =
        (block * block.transpose()).ldlt().solve(block * common).normalized();
    Eigen::MatrixXd x = atlas::normal_matrix(100, 8, random);
    x += 6 * atlas::normal_matrix(100, 1, random) * to_common.transpose();
    clouds.push_back(x);
  }
  const auto null = atlas::turned_null(clouds, weights, 2);
  CHECK(null.global.z > 2.5);
  CHECK(null.global.p < 0.02);
  CHECK(null.global.rank_p == Approx(2.0 / 49));
}

TEST_CASE("the turned null observes what head_overlap does, and gives its interval") {
  atlas::random_stream random(6);
  const Eigen::MatrixXd weights = made_weights(6, 8, 24, 0.5, random);
  const auto clouds = made_clouds({.heads = 6, .decay = 1}, random);
  const auto overlap = atlas::head_overlap(atlas::residual_stream_frames(clouds, weights, 3),
                                           {.heads_per_group = 2, .haar_draws = 200});
  const auto null = atlas::turned_null(clouds, weights, 3, {.heads_per_group = 2});
  CHECK((null.matrix - overlap.matrix).cwiseAbs().maxCoeff() < tolerance::double_rounding);
  for (const auto& [a, b] : {std::pair{&null.global, &overlap.global},
                             {&null.intra, &overlap.intra},
                             {&null.inter, &overlap.inter}}) {
    CHECK(a->observed == Approx(b->mean).epsilon(tolerance::double_rounding));
    CHECK(a->pairs == b->pairs);
    CHECK(a->interval.lower == Approx(b->interval.lower).epsilon(1e-9));
    CHECK(a->draws.size() == 48);
  }
}

TEST_CASE("weights of equal singular values leave the Haar null, of isotropic clouds as well") {
  Eigen::MatrixXd weights(48, 16);
  for (int h = 0; h < 3; ++h)
    weights.middleRows(16 * h, 16) = rotation(16, 20 + static_cast<std::uint64_t>(h));
  atlas::random_stream random(2);
  const auto clouds = made_clouds({.heads = 3, .d = 16, .decay = 1}, random);
  const auto null = atlas::turned_null(clouds, weights, 5, {.draws = 1500}).global;
  const auto haar = atlas::haar_overlap(16, 5);
  CHECK(null.mean == Approx(haar.mean).margin(5 * haar.sd / std::sqrt(4500.0)));
  CHECK(null.sd == Approx(haar.sd / std::sqrt(3.0)).epsilon(0.1));
}

TEST_CASE("a draw is the cloud turned: its spectrum and its weights, by multiplying it out") {
  // One head writes through W, the other through an identity that no turn moves: the mean squared
  // overlap of many draws against turned clouds that are written out.
  atlas::random_stream random(3);
  const Eigen::MatrixXd weights = made_weights(2, 6, 9, 1, random);
  const auto clouds = made_clouds({.heads = 2, .d = 6, .decay = 1}, random);
  const auto null = atlas::turned_null(clouds, weights, 2, {.draws = 2000}).global;
  std::vector<double> multiplied;
  for (int i = 0; i < 2000; ++i) {
    std::vector<Eigen::MatrixXd> turned;
    for (const auto& x : clouds) turned.push_back(x * atlas::random_frame(6, 6, random));
    const auto frames = atlas::residual_stream_frames(turned, weights, 2, {.threads = 1});
    multiplied.push_back(atlas::subspace_overlap(frames[0], frames[1]).mean_cosine);
  }
  const auto s = atlas::summarize(multiplied);
  CHECK(null.mean == Approx(s.mean).margin(5 * std::hypot(s.sd, null.sd) / std::sqrt(2000.0)));
  CHECK(null.sd == Approx(s.sd).epsilon(0.12));
}

TEST_CASE("any statistic of frames or of overlaps has its turned null") {
  atlas::random_stream random(7);
  const Eigen::MatrixXd weights = made_weights(5, 8, 24, 1, random);
  const auto clouds = made_clouds({}, random);
  const auto whole = atlas::turned_null(clouds, weights, 3);
  const auto mean = [](const Eigen::MatrixXd& m) { return (m.sum() - 5) / 20; };
  const auto of_overlaps = atlas::turned_null_of(clouds, weights, 3, mean);
  CHECK(of_overlaps.observed == Approx(whole.global.observed));
  CHECK(of_overlaps.z == Approx(whole.global.z).epsilon(1e-6));
  const auto of_frames =
      atlas::turned_null_of(clouds, weights, 3, [](const std::vector<Eigen::MatrixXd>& f) {
        return (f[0].transpose() * f[1]).squaredNorm();
      });
  const auto frames = atlas::residual_stream_frames(clouds, weights, 3);
  CHECK(of_frames.observed == Approx((frames[0].transpose() * frames[1]).squaredNorm()));
  CHECK(of_frames.p > 1e-6);
}

TEST_CASE("heads that write too few directions are left out of observation and draws") {
  atlas::random_stream random(8);
  const Eigen::MatrixXd weights = made_weights(4, 8, 24, 1, random);
  auto clouds = made_clouds({.heads = 4}, random);
  clouds[2].rightCols(6).setZero();
  const auto null = atlas::turned_null(clouds, weights, 3);
  CHECK(null.left_out == std::vector<atlas::index_t>{2});
  CHECK(null.global.pairs == 3);
  CHECK(std::isfinite(null.global.z));
  CHECK(std::isnan(null.matrix(2, 1)));
  CHECK(std::isnan(null.intra.z));
  for (auto& x : clouds) x.rightCols(6).setZero();
  CHECK_REFUSED(atlas::value_error, atlas::turned_null(clouds, weights, 3), "clouds", "none of 4");
}

TEST_CASE("covariances do in place of clouds, whatever their scale") {
  atlas::random_stream random(9);
  const Eigen::MatrixXd weights = made_weights(4, 8, 24, 1, random);
  const auto clouds = made_clouds({.heads = 4}, random);
  std::vector<Eigen::MatrixXd> covariances;
  for (const auto& x : clouds) {
    const Eigen::MatrixXd centred = x.rowwise() - x.colwise().mean();
    covariances.push_back(1e-250 * (centred.transpose() * centred));
  }
  const auto a = atlas::turned_null(clouds, weights, 3);
  const auto b = atlas::turned_null_of_covariances(covariances, weights, 3);
  CHECK(b.global.observed == Approx(a.global.observed).epsilon(1e-9));
  CHECK(b.global.mean == Approx(a.global.mean).margin(5 * a.global.sd / std::sqrt(24.0)));
  covariances[1](0, 1) += 1e-250 * 100;
  CHECK_REFUSED(atlas::value_error, atlas::turned_null_of_covariances(covariances, weights, 3),
                "covariances, head 1", "symmetric");
}

TEST_CASE("turned nulls of what does not fit are refused") {
  const std::vector<Eigen::MatrixXd> clouds(3, normal_cloud(20, 4));
  const Eigen::MatrixXd weights = normal_cloud(12, 9);
  const auto refused = [&](const char* argument, const char* got, const auto& o, int k = 2) {
    CHECK_REFUSED(atlas::error, atlas::turned_null(clouds, weights, k, o), argument, got);
  };
  using options = atlas::turned_null_options;
  refused("draws", "9", options{.draws = 9});
  refused("clouds", "groups of 2", options{.heads_per_group = 2});
  refused("confidence", "1", options{.confidence = 1});
  refused("local_dimension", "5", options{}, 5);
  CHECK_REFUSED(atlas::shape_error, atlas::turned_null(clouds, weights.topRows(11).eval(), 2),
                "output_projection", "12");
}
