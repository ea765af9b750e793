// SPDX-License-Identifier: MIT
#include <Eigen/Dense>
#include <cmath>
#include <limits>
#include <vector>

#include "../catch.hpp"
#include "../clouds_for_tests.hpp"
#include "../messages.hpp"
#include "../statistics_for_tests.hpp"
#include "../tolerances.hpp"
#include "atlas/subspace/head_overlap.hpp"
#include "atlas/subspace/overlap.hpp"
#include "atlas/subspace/principal_angles.hpp"
#include "atlas/subspace/principal_frame.hpp"
#include "atlas/subspace/principal_spectra.hpp"
#include "atlas/subspace/residual_stream.hpp"

using namespace atlas_test;
using atlas::random_frame;

namespace {

std::vector<Eigen::MatrixXd> random_frames(int heads, int d, int k, std::uint64_t seed) {
  std::vector<Eigen::MatrixXd> frames;
  atlas::random_stream random(seed);
  for (int h = 0; h < heads; ++h) frames.push_back(random_frame(d, k, random));
  return frames;
}

template <class Scalar>
void check_extremes() {
  using matrix = Eigen::Matrix<Scalar, Eigen::Dynamic, Eigen::Dynamic>;
  const Eigen::MatrixXd axes = rotation(12);
  const matrix a = axes.leftCols(4).cast<Scalar>(), b = axes.rightCols(4).cast<Scalar>();
  const matrix turned = (axes.leftCols(4) * rotation(4, 3)).cast<Scalar>();
  const double tolerance =
      sizeof(Scalar) == 4 ? tolerance::float_rounding : tolerance::double_rounding;
  CHECK(std::abs(atlas::subspace_overlap(a, b).mean_cosine) < tolerance);
  CHECK(atlas::subspace_overlap(a, turned).mean_cosine == Approx(1).margin(tolerance));
  CHECK(atlas::subspace_overlap(a, turned).mean_cosine <= 1);
  CHECK(atlas::subspace_overlap(a, a).mean_squared_cosine == Approx(1).margin(tolerance));
}

}  // namespace

TEST_CASE("orthogonal frames overlap by 0, equal ones by 1, in float and double") {
  check_extremes<float>();
  check_extremes<double>();
}

TEST_CASE("principal angles are those that were built in, however small") {
  const std::vector<double> wanted = {0, 1e-9, 1e-4, 0.3, 1.2, std::acos(0.0)};
  const auto k = static_cast<Eigen::Index>(wanted.size());
  const Eigen::MatrixXd axes = rotation(15);
  Eigen::MatrixXd a = axes.leftCols(k), b(15, k);
  for (Eigen::Index i = 0; i < k; ++i) {
    const double angle = wanted[static_cast<std::size_t>(i)];
    b.col(i) = std::cos(angle) * axes.col(i) + std::sin(angle) * axes.col(k + i);
  }
  const auto found =
      atlas::principal_angles((a * rotation(k, 3)).eval(), (b * rotation(k, 4)).eval());
  for (Eigen::Index i = 0; i < k; ++i) {
    const double angle = wanted[static_cast<std::size_t>(i)];
    CHECK(found.angles(i) == Approx(angle).margin(1e-14 + 1e-12 * angle));
    CHECK(found.cosines(i) == Approx(std::cos(angle)).margin(tolerance::double_rounding));
  }
}

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
    CHECK(spectra[h].rank.eigenvalues == rank.eigenvalues);
  }
  CHECK_REFUSED(atlas::value_error, atlas::principal_spectra(clouds, 21), "local_dimension", "21");
  CHECK_REFUSED(atlas::value_error,
                (atlas::principal_spectra(clouds, 2, {.rank = {.variance = 2}})), "variance", "2");
}

TEST_CASE("overlaps of many heads are those of each pair, for any number of heads and threads") {
  for (const int heads : {1, 2, 5, 13}) {
    const auto frames = random_frames(heads, 18, 7, 11);
    const Eigen::MatrixXd matrix = atlas::overlap_matrix(frames, {.threads = 1});
    CHECK(matrix == atlas::overlap_matrix(frames, {.threads = 3}));
    for (int a = 0; a < heads; ++a)
      for (int b = 0; b < heads; ++b)
        CHECK(matrix(a, b) == Approx(atlas::subspace_overlap(frames[static_cast<std::size_t>(a)],
                                                             frames[static_cast<std::size_t>(b)])
                                         .mean_cosine)
                                  .epsilon(tolerance::double_rounding));
  }
}

TEST_CASE("a null that layers share gives what each would simulate") {
  const auto frames = random_frames(4, 20, 3, 1);
  const atlas::head_overlap_options options{.haar_draws = 500, .seed = 2};
  const auto own = atlas::head_overlap(frames, options);
  const auto shared =
      atlas::head_overlap(frames, atlas::haar_overlap(20, 3, {.draws = 500, .seed = 2}), options);
  CHECK(shared.global.z == own.global.z);
  CHECK(shared.global.null_mean == own.global.null_mean);
  CHECK(shared.global.interval.lower == own.global.interval.lower);
}

TEST_CASE("z of random frames is standard normal") {
  std::vector<double> z;
  for (std::uint64_t trial = 0; trial < 500; ++trial)
    z.push_back(
        atlas::head_overlap(random_frames(8, 24, 4, 1000 + trial), {.haar_draws = 2000}).global.z);
  CHECK(ks_p(z, normal_cdf) > 0.01);
}

TEST_CASE("pairs split into those that share a key/value head and those that do not") {
  const auto frames = random_frames(6, 16, 3, 5);
  const auto r = atlas::head_overlap(frames, {.heads_per_group = 3});
  CHECK(r.global.pairs == 15);
  CHECK(r.intra.pairs == 6);
  CHECK(r.inter.pairs == 9);
  double intra = 0, inter = 0;
  for (int a = 0; a < 6; ++a)
    for (int b = a + 1; b < 6; ++b) {
      const double overlap = atlas::subspace_overlap(frames[static_cast<std::size_t>(a)],
                                                     frames[static_cast<std::size_t>(b)])
                                 .mean_cosine;
      CHECK(r.matrix(a, b) == Approx(overlap).epsilon(tolerance::double_rounding));
      CHECK(r.matrix(b, a) == r.matrix(a, b));
      (a / 3 == b / 3 ? intra : inter) += overlap;
    }
  CHECK(r.intra.mean == Approx(intra / 6).epsilon(tolerance::double_rounding));
  CHECK(r.inter.mean == Approx(inter / 9).epsilon(tolerance::double_rounding));
  CHECK(r.inter.null_sd == Approx(r.global.null_sd * std::sqrt(15.0 / 9)));
}

TEST_CASE("overlaps do not change under a common rotation, and intervals hold the mean") {
  auto frames = random_frames(7, 20, 3, 6);
  const auto plain = atlas::head_overlap(frames);
  const Eigen::MatrixXd turn = rotation(20);
  for (auto& frame : frames) frame = (turn * frame).eval();
  CHECK((atlas::head_overlap(frames).matrix - plain.matrix).norm() < 1e-12);
  CHECK(plain.global.interval.lower < plain.global.mean);
  CHECK(plain.global.interval.upper > plain.global.mean);
  const auto one = atlas::head_overlap(frames, {.threads = 1});
  const auto two = atlas::head_overlap(frames, {.threads = 2});
  CHECK(one.global.interval.lower == two.global.interval.lower);
  CHECK(one.global.z == two.global.z);
}

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
  CHECK_REFUSED(atlas::shape_error,
                atlas::residual_stream_frames(clouds, projection.topRows(11).eval(), 3),
                "output_projection", "12");
}

TEST_CASE("heads that are left out are in no pair, nor in the interval") {
  auto frames = random_frames(5, 10, 2, 1), missing = frames;
  missing.insert(missing.begin() + 2,
                 Eigen::MatrixXd::Constant(10, 2, std::numeric_limits<double>::quiet_NaN()));
  const auto a = atlas::head_overlap(frames), b = atlas::head_overlap(missing);
  CHECK(b.left_out == std::vector<atlas::index_t>{2});
  CHECK(b.global.pairs == 10);
  CHECK(b.global.mean == a.global.mean);
  CHECK(b.global.interval.lower == a.global.interval.lower);
  CHECK(b.global.interval.upper == a.global.interval.upper);
  missing[2](0, 0) = 0;
  CHECK_REFUSED(atlas::value_error, atlas::head_overlap(missing), "frames, head 2", "[0, 1]");
}

TEST_CASE("frames that are none are refused") {
  const auto frames = random_frames(4, 10, 2, 1);
  CHECK_REFUSED(atlas::shape_error, (atlas::head_overlap(frames, {.heads_per_group = 3})), "group",
                "4");
  CHECK_REFUSED(atlas::shape_error, atlas::head_overlap(random_frames(1, 10, 2, 1)), "frames", "1");
  CHECK_REFUSED(atlas::value_error, (atlas::head_overlap(frames, {.haar_draws = 99})),
                "haar_draws: ", "from 100");
  CHECK_REFUSED(
      atlas::shape_error,
      (atlas::head_overlap(std::vector<Eigen::MatrixXd>{frames[0], Eigen::MatrixXd(10, 3)})), "3",
      "2");
  CHECK_REFUSED(atlas::value_error, atlas::subspace_overlap(frames[0], (2 * frames[0]).eval()), "b",
                "orthonormal");
  CHECK_REFUSED(atlas::shape_error,
                atlas::subspace_overlap(frames[0], random_frames(1, 9, 2, 1).front()), "b", "10");
  CHECK_REFUSED(atlas::shape_error,
                atlas::subspace_overlap(frames[0], Eigen::MatrixXd::Identity(2, 3).eval()), "b",
                "k <= d");
}
