// SPDX-License-Identifier: MIT
#include "atlas/simulation/heads.hpp"

#include <Eigen/SVD>
#include <cmath>
#include <vector>

#include "../catch.hpp"
#include "../messages.hpp"
#include "../tolerances.hpp"
#include "atlas/linalg/covariance.hpp"
#include "atlas/simulation/duplicates.hpp"
#include "atlas/stats/summary.hpp"
#include "atlas/subspace/overlap.hpp"

using namespace atlas_test;
using atlas::index_t;
using atlas::random_stream;

namespace {

/// Mean squared cosines of the first two heads over layers.
atlas::sample_summary mean_squares(index_t layers, index_t d, index_t k,
                                   const atlas::shared_directions& shared) {
  std::vector<double> squares;
  for (index_t l = 0; l < layers; ++l) {
    random_stream random(1, static_cast<std::uint64_t>(l));
    const auto frames = atlas::simulate_frames(2, d, k, shared, random);
    squares.push_back((frames[0].transpose() * frames[1]).squaredNorm() / static_cast<double>(k));
  }
  return atlas::summarize(squares);
}

}  // namespace

TEST_CASE("frames are orthonormal, and independent unless they share directions") {
  random_stream random(1);
  for (const auto& frame :
       atlas::simulate_frames(4, 12, 3, {.count = 2, .least_cosine = 0.5}, random))
    CHECK((frame.transpose() * frame - Eigen::MatrixXd::Identity(3, 3)).norm() <
          tolerance::double_rounding);
  const auto independent = mean_squares(2000, 16, 4, {});
  CHECK(std::abs(independent.mean - 4.0 / 16) < 5 * independent.standard_error);
  // One direction in common, and k - 1 independent ones of the d - 1 others.
  const auto shared = mean_squares(2000, 16, 4, {.count = 1});
  CHECK(std::abs(shared.mean - (1 + 9.0 / 15) / 4) < 5 * shared.standard_error);
  const auto half = mean_squares(2000, 16, 4, {.count = 1, .least_cosine = 0.6});
  CHECK(half.mean > independent.mean + 5 * independent.standard_error);
  CHECK(half.mean < shared.mean - 5 * shared.standard_error);
}

TEST_CASE("a direction at cosine c is in the frame at that cosine") {
  random_stream a(2), b(2);
  // The same draws, so that the common direction is that of the frames that hold it.
  const auto held = atlas::simulate_frames(2, 64, 1, {.count = 1}, a);
  const auto leaning =
      atlas::simulate_frames(2, 64, 1, {.count = 1, .least_cosine = 0.6, .most_cosine = 0.6}, b);
  for (std::size_t h = 0; h < 2; ++h)
    CHECK(std::abs(held[0].col(0).dot(leaning[h].col(0))) ==
          Approx(0.6).epsilon(tolerance::double_rounding));
}

TEST_CASE("clouds of heads vary in their frames") {
  random_stream random(3);
  const auto frames = atlas::simulate_frames(2, 8, 2, {}, random);
  const auto clouds = atlas::simulate_heads(frames, 20000, 0.5, random);
  for (index_t h = 0; h < 2; ++h) {
    const auto& frame = frames[static_cast<std::size_t>(h)];
    const Eigen::MatrixXd wanted =
        frame * frame.transpose() + 0.25 * Eigen::MatrixXd::Identity(8, 8);
    // Standard errors of a covariance of 20,000 rows are below 1.25 sqrt(2 / 20000) = 0.0125.
    CHECK((atlas::detail::moments<double>(clouds[h]).covariance - wanted).cwiseAbs().maxCoeff() <
          0.07);
  }
  const auto flat = atlas::simulate_heads<float>(frames, 20, 0, random);
  const Eigen::MatrixXd off = Eigen::MatrixXd::Identity(8, 8) - frames[1] * frames[1].transpose();
  for (index_t i = 0; i < 20; ++i) {
    Eigen::VectorXd row(8);
    for (index_t k = 0; k < 8; ++k) row(k) = static_cast<double>(flat(1, i, k));
    CHECK((off * row).norm() < tolerance::float_rounding * row.norm());
  }
}

TEST_CASE("projections have singular values as unequal as asked for") {
  random_stream random(4);
  const auto spectrum = [&](double decay) {
    const auto w = atlas::simulate_projection(60, 50, 20, decay, random);
    REQUIRE(w.extent(0) == 3000);
    Eigen::MatrixXd gram = Eigen::MatrixXd::Zero(20, 20);
    for (index_t i = 0; i < 3000; ++i)
      for (index_t a = 0; a < 20; ++a)
        for (index_t b = 0; b < 20; ++b) gram(a, b) += w(i, a) * w(i, b) / 3000;
    Eigen::VectorXd values = Eigen::SelfAdjointEigenSolver<Eigen::MatrixXd>(gram).eigenvalues();
    return Eigen::VectorXd(values.reverse());
  };
  // Edges of a Wishart spectrum are within (1 + sqrt(20 / 3000))^2 of 1.
  CHECK(spectrum(0).maxCoeff() < 1.25);
  CHECK(spectrum(0).minCoeff() > 0.75);
  const auto steep = spectrum(1);
  for (index_t i = 0; i < 20; ++i)
    CHECK(steep(i) * static_cast<double>((i + 1) * (i + 1)) == Approx(1).epsilon(0.25));
}

TEST_CASE("heads that cannot be are not simulated") {
  random_stream random(5);
  CHECK_REFUSED(atlas::value_error, atlas::simulate_frames(2, 4, 5, {}, random), "k", "5");
  CHECK_REFUSED(atlas::value_error, atlas::simulate_frames(2, 4, 2, {.count = 3}, random),
                "shared.count", "3");
  CHECK_REFUSED(atlas::value_error,
                atlas::simulate_frames(
                    2, 4, 2, {.count = 1, .least_cosine = 0.9, .most_cosine = 0.5}, random),
                "least_cosine", "0.9");
  CHECK_REFUSED(atlas::shape_error,
                atlas::simulate_heads(std::vector<Eigen::MatrixXd>(), 5, 0, random), "frames",
                "none");
  CHECK_REFUSED(atlas::value_error,
                atlas::simulate_heads(atlas::simulate_frames(2, 4, 2, {}, random), 5, -1, random),
                "noise", "-1");
  CHECK_REFUSED(atlas::value_error, atlas::simulate_projection(2, 4, 8, -1, random), "decay", "-1");
}

TEST_CASE("copies are rows of the cloud, exactly or but for a last bit") {
  random_stream random(6);
  const auto cloud = atlas::simulate_gaussian<float>(40, 3, random);
  const auto twice = atlas::with_duplicates(cloud, 25, random);
  const auto nearly = atlas::with_near_duplicates(cloud, 25, random);
  REQUIRE(twice.extent(0) == 65);
  REQUIRE(nearly.extent(0) == 65);
  // How many coordinates of the row of the cloud that is nearest differ, each by a last bit.
  const auto differ = [&](const atlas::tensor_view<const float, 1>& row) {
    index_t fewest = 3;
    for (index_t i = 0; i < 40; ++i) {
      index_t count = 0, one_up = 0;
      for (index_t k = 0; k < 3; ++k) {
        count += row[k] != cloud(i, k) ? 1 : 0;
        one_up += row[k] == std::nextafter(cloud(i, k), INFINITY) ? 1 : 0;
      }
      if (count == one_up) fewest = std::min(fewest, count);
    }
    return fewest;
  };
  for (index_t i = 0; i < 65; ++i) {
    CHECK(differ(twice[i]) == 0);
    CHECK(differ(nearly[i]) == (i < 40 ? 0 : 1));
  }
  CHECK_REFUSED(atlas::value_error, atlas::with_duplicates(cloud, -1, random), "copies", "-1");
}
