// SPDX-License-Identifier: MIT
#include "atlas/subspace/residual_stream.hpp"

#include <Eigen/Dense>
#include <vector>

#include "../catch.hpp"
#include "../clouds_for_tests.hpp"
#include "../messages.hpp"
#include "atlas/subspace/overlap.hpp"

using namespace atlas_test;

TEST_CASE("residual-stream frames are those of the clouds that the heads write") {
  const std::vector<Eigen::MatrixXd> clouds = {normal_cloud(200, 6, 1) * normal_cloud(6, 6, 2),
                                               normal_cloud(200, 6, 3) * normal_cloud(6, 6, 4)};
  const Eigen::MatrixXd projection = normal_cloud(12, 30, 5);
  const auto frames = atlas::residual_stream_frames(clouds, projection, 3);
  for (int h = 0; h < 2; ++h) {
    const Eigen::MatrixXd written =
        clouds[static_cast<std::size_t>(h)] * projection.middleRows(6 * h, 6);
    CHECK(atlas::subspace_overlap(frames[static_cast<std::size_t>(h)],
                                  atlas::principal_frame(written, 3))
              .mean_cosine == Approx(1).margin(1e-9));
  }
  atlas::owned_tensor<double, 3> covariances({3, 6, 6});  // the last one is that of no cloud
  for (int h = 0; h < 2; ++h) {
    const Eigen::MatrixXd& x = clouds[static_cast<std::size_t>(h)];
    const Eigen::MatrixXd centred = x.rowwise() - x.colwise().mean();
    const Eigen::MatrixXd c = centred.transpose() * centred;
    for (int i = 0; i < 6; ++i)
      for (int j = 0; j < 6; ++j) covariances.mutable_view()(h, i, j) = c(i, j);
  }
  const Eigen::MatrixXd wider = normal_cloud(18, 30, 6);
  Eigen::MatrixXd of_three = wider;
  of_three.topRows(12) = projection;
  const auto same = atlas::residual_stream_frames_of_covariances(
      covariances, of_three, 3, {.policy = atlas::rank_policy::leave_out});
  REQUIRE(same.size() == 3);
  for (std::size_t h = 0; h < 2; ++h)
    CHECK(atlas::subspace_overlap(frames[h], same[h]).mean_cosine == Approx(1).margin(1e-9));
  CHECK(same[2].array().isNaN().all());
  CHECK_REFUSED(atlas::value_error,
                atlas::residual_stream_frames_of_covariances(covariances, of_three, 3),
                "covariances, head 2", "3 directions");
  CHECK_REFUSED(atlas::shape_error,
                atlas::residual_stream_frames(clouds, projection.topRows(11).eval(), 3),
                "output_projection", "12");
}
