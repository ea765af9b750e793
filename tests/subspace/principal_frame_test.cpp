// SPDX-License-Identifier: MIT
#include "atlas/subspace/principal_frame.hpp"

#include <Eigen/Dense>

#include "../catch.hpp"
#include "../clouds_for_tests.hpp"
#include "../messages.hpp"
#include "atlas/subspace/overlap.hpp"

using namespace atlas_test;

TEST_CASE("a frame of a plane in space spans it, whatever the offset") {
  Eigen::MatrixXd cloud =
      normal_cloud(500, 2) * (Eigen::MatrixXd(2, 4) << 2, 0, 0, 1, 0, 1, -1, 0).finished();
  cloud.array() += 50;
  const Eigen::MatrixXd frame = atlas::principal_frame(cloud, 2);
  const Eigen::MatrixXd plane =
      atlas::orthonormal_columns((Eigen::MatrixXd(4, 2) << 2, 0, 0, 1, 0, -1, 1, 0).finished());
  CHECK(atlas::subspace_overlap(frame, plane).mean_cosine == Approx(1).margin(1e-10));
  CHECK_REFUSED(atlas::value_error, atlas::principal_frame(cloud, 5), "local_dimension", "5");
  CHECK_REFUSED(atlas::value_error, atlas::principal_frame(cloud, 3), "points", "2");
}
