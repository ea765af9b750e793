// SPDX-License-Identifier: MIT
#include "atlas/subspace/split_half.hpp"

#include <Eigen/Dense>
#include <cmath>
#include <vector>

#include "../catch.hpp"
#include "../clouds_for_tests.hpp"
#include "../messages.hpp"
#include "atlas/subspace/haar.hpp"

using namespace atlas_test;

namespace {

/// A cloud with `signal` strong directions of the same strength.
Eigen::MatrixXd cloud_with(int rows, int d, int signal, std::uint64_t seed) {
  Eigen::MatrixXd x = normal_cloud(rows, d, seed);
  x.leftCols(signal) *= 30;
  return x * rotation(d, seed + 50);
}

const std::vector<int> no_labels;

}  // namespace

TEST_CASE("a subspace that stands out overlaps with itself, one that does not as by chance") {
  const std::vector<Eigen::MatrixXd> clear = {cloud_with(400, 20, 3, 1), cloud_with(400, 20, 3, 2)};
  const auto found = atlas::split_half_overlap(clear, no_labels, 3);
  CHECK(found.mean > 0.999);
  CHECK(found.mean <= 1);
  CHECK(found.contexts == 400);
  const std::vector<Eigen::MatrixXd> none(8, normal_cloud(400, 20, 3));
  std::vector<Eigen::MatrixXd> isotropic;
  for (std::uint64_t h = 0; h < 12; ++h) isotropic.push_back(normal_cloud(400, 20, 10 + h));
  const auto scattered = atlas::split_half_overlap(isotropic, no_labels, 3);
  const auto haar = atlas::haar_overlap(20, 3);
  // Halves of an isotropic cloud are independent: 12 heads, at least one independent halving each.
  CHECK(scattered.mean == Approx(haar.mean).margin(5 * haar.sd / std::sqrt(12.0)));
  CHECK(scattered.heads.size() == 12);
}

TEST_CASE("halves are of whole contexts") {
  // Each context has a direction of its own, which both halves of its rows would show.
  std::vector<int> context;
  Eigen::MatrixXd x(200, 30);
  for (int c = 0; c < 20; ++c)
    for (int i = 0; i < 10; ++i) {
      context.push_back(100 - c);
      x.row(10 * c + i) = normal_cloud(1, 1, static_cast<std::uint64_t>(10 * c + i))(0, 0) * 20 *
                              normal_cloud(1, 30, 700 + static_cast<std::uint64_t>(c)) +
                          normal_cloud(1, 30, 2000 + static_cast<std::uint64_t>(10 * c + i));
    }
  const std::vector<Eigen::MatrixXd> clouds = {x};
  const auto rows = atlas::split_half_overlap(clouds, no_labels, 8, {.halvings = 40});
  const auto texts = atlas::split_half_overlap(clouds, context, 8, {.halvings = 40});
  CHECK(texts.contexts == 20);
  CHECK(texts.halvings == 40);
  CHECK(rows.mean > texts.mean + 0.15);
}

TEST_CASE("where heads write, the ceiling is that of the clouds that they write") {
  const std::vector<Eigen::MatrixXd> clouds = {cloud_with(60, 5, 2, 1), cloud_with(60, 5, 2, 2)};
  const Eigen::MatrixXd weights = normal_cloud(10, 12, 4);
  std::vector<Eigen::MatrixXd> written;
  for (int h = 0; h < 2; ++h)
    written.push_back(clouds[static_cast<std::size_t>(h)] * weights.middleRows(5 * h, 5));
  const auto a = atlas::split_half_overlap(clouds, weights, no_labels, 3);
  const auto b = atlas::split_half_overlap(written, no_labels, 3);
  CHECK(a.mean == Approx(b.mean).epsilon(1e-9));
  CHECK(a.sd == Approx(b.sd).epsilon(1e-6));
}

TEST_CASE("heads without frames in a half have no ceiling, and bad labels are refused") {
  std::vector<Eigen::MatrixXd> clouds = {normal_cloud(40, 4, 1), normal_cloud(40, 4, 2)};
  clouds[1].rightCols(2).setZero();
  const auto found = atlas::split_half_overlap(clouds, no_labels, 3);
  CHECK(std::isnan(found.heads(1)));
  CHECK(found.mean == found.heads(0));
  const std::vector<int> three = [] {
    std::vector<int> out(40, 0);
    out[1] = 1;
    out[2] = 2;
    return out;
  }();
  CHECK_REFUSED(atlas::shape_error, atlas::split_half_overlap(clouds, three, 2), "context", "3");
  CHECK_REFUSED(atlas::shape_error, atlas::split_half_overlap(clouds, std::vector<int>(39), 2),
                "context", "39");
  CHECK_REFUSED(atlas::value_error, atlas::split_half_overlap(clouds, no_labels, 5),
                "local_dimension", "5");
  CHECK_REFUSED(atlas::value_error,
                (atlas::split_half_overlap(clouds, no_labels, 2, {.halvings = 0})), "halvings",
                "0");
}
