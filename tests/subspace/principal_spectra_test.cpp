// SPDX-License-Identifier: MIT
#include "atlas/subspace/principal_spectra.hpp"

#include <Eigen/Dense>
#include <vector>

#include "../catch.hpp"
#include "../clouds_for_tests.hpp"
#include "../messages.hpp"

using namespace atlas_test;

TEST_CASE("one decomposition gives the frame and the rank that two give") {
  const std::vector<Eigen::MatrixXd> clouds = {normal_cloud(200, 20, 1) * normal_cloud(20, 20, 2),
                                               normal_cloud(200, 20, 3) * normal_cloud(20, 20, 4)};
  const auto spectra = atlas::principal_spectra(clouds, 5, {.rank = {.variance = 0.7}});
  const auto frames = atlas::principal_frames(clouds, 5);
  for (std::size_t h = 0; h < 2; ++h) {
    const auto rank = atlas::pca_rank(clouds[h], {.variance = 0.7});
    CHECK(spectra[h].frame == frames[h]);
    CHECK(frames[h] == atlas::principal_frame(clouds[h], 5));
    CHECK(spectra[h].rank.rank == rank.rank);
    CHECK((spectra[h].rank.eigenvalues - rank.eigenvalues).norm() <
          1e-14 * rank.eigenvalues.norm());
  }
  CHECK_REFUSED(atlas::value_error, atlas::principal_spectra(clouds, 21), "local_dimension", "21");
  CHECK_REFUSED(atlas::value_error,
                (atlas::principal_spectra(clouds, 2, {.rank = {.variance = 2}})), "variance", "2");
}
