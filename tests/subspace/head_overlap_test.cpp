// SPDX-License-Identifier: MIT
#include "atlas/subspace/head_overlap.hpp"

#include <Eigen/Dense>
#include <cmath>
#include <limits>
#include <vector>

#include "../catch.hpp"
#include "../clouds_for_tests.hpp"
#include "../messages.hpp"
#include "../statistics_for_tests.hpp"
#include "../tolerances.hpp"
#include "atlas/stats/factorial_effects.hpp"
#include "frames_for_tests.hpp"

using namespace atlas_test;

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

TEST_CASE(
    "a factor that changes the dimension of heads alone moves O_h with its null, and no excess") {
  // Two factors, three blocks; the first doubles the dimension of heads whose frames are random.
  const auto design = atlas::full_factorial(2);
  const atlas::haar_null nulls[] = {atlas::haar_overlap(16, 4), atlas::haar_overlap(32, 4)};
  int small = 0, seen = 0, followed = 0;
  for (std::uint64_t trial = 0; trial < 200; ++trial) {
    Eigen::MatrixXd overlap(3, 4), excess(3, 4);
    for (int b = 0; b < 3; ++b)
      for (int c = 0; c < 4; ++c) {
        const bool wide = design.sign(1, c) > 0;
        const auto r = atlas::head_overlap(
            random_frames(6, wide ? 32 : 16, 4,
                          7000 + 16 * trial + static_cast<std::uint64_t>(4 * b + c)),
            nulls[wide ? 1 : 0]);
        overlap(b, c) = r.inter.mean;
        excess(b, c) = r.inter.mean - r.inter.null_mean;
      }
    const auto of_overlap = atlas::factorial_effects(design, overlap),
               of_excess = atlas::factorial_effects(design, excess);
    // All six differences have one sign: the least p that there can be.
    seen += of_overlap[0].p == of_overlap[0].smallest_p ? 1 : 0;
    const double left = of_overlap[0].effect - (nulls[1].mean - nulls[0].mean);
    followed += std::abs(left) < 0.03 ? 1 : 0;
    for (const auto& e : of_excess) small += e.p <= 3.0 / 64 ? 1 : 0;
    CHECK(of_overlap[1].effect == Approx(of_excess[1].effect).margin(1e-12));
  }
  CHECK(seen == 200);
  CHECK(followed == 200);
  CHECK(small < 400 * 0.08);
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

TEST_CASE("heads that are left out are in no pair, nor in the interval") {
  auto frames = random_frames(5, 10, 2, 1), missing = frames;
  missing.insert(missing.begin() + 2,
                 Eigen::MatrixXd::Constant(10, 2, std::numeric_limits<double>::quiet_NaN()));
  const auto a = atlas::head_overlap(frames), b = atlas::head_overlap(missing);
  CHECK(b.left_out == std::vector<atlas::index_t>{2});
  CHECK(b.global.pairs == 10);
  // Norms of pairs side by side go through as many sweeps as one of them needs.
  CHECK(b.global.mean == Approx(a.global.mean).epsilon(1e-14));
  CHECK(b.global.interval.lower == Approx(a.global.interval.lower).epsilon(1e-13));
  CHECK(b.global.interval.upper == Approx(a.global.interval.upper).epsilon(1e-13));
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
}
