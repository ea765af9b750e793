// SPDX-License-Identifier: MIT
#include "atlas/manifold/pooled_dimension.hpp"

#include <Eigen/Dense>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "../catch.hpp"
#include "../messages.hpp"
#include "manifolds_for_tests.hpp"

using namespace atlas_test;
using atlas::pooled_dimension;

namespace {

Eigen::MatrixXd centred_stack(const std::vector<Eigen::MatrixXd>& clouds) {
  const Eigen::Index n = clouds.front().rows();
  Eigen::MatrixXd out(n * std::ssize(clouds), clouds.front().cols());
  for (std::size_t h = 0; h < clouds.size(); ++h)
    out.middleRows(static_cast<Eigen::Index>(h) * n, n) =
        clouds[h].rowwise() - clouds[h].colwise().mean();
  return out;
}

}  // namespace

TEST_CASE("the pooled dimension is that of the heads less their means") {
  const auto clouds = rolls(3, 400, true);
  const auto r = pooled_dimension(clouds);
  CHECK(r.points_used == 1200);
  CHECK(r.dimension == Approx(atlas::two_nn(centred_stack(clouds)).dimension).epsilon(1e-6));
  std::vector<Eigen::MatrixXd> patches;  // of one plane, at different places
  for (std::uint64_t h = 0; h < 3; ++h)
    patches.push_back(
        ((cube(400, 2, h) * rotation(5).topRows(2)).array() + 7.0 * static_cast<double>(h))
            .matrix());
  CHECK(pooled_dimension(patches).dimension == Approx(2).epsilon(0.12));  // 1080 ratios: 3 %
}

TEST_CASE("rows of one place are no neighbours across heads once their context is excluded") {
  // All heads the same: every row has duplicates in the other heads.
  const std::vector<Eigen::MatrixXd> same(3, normal_cloud(300, 4, 5));
  CHECK_REFUSED(atlas::value_error,
                (pooled_dimension(same, {.duplicates = atlas::duplicate_policy::drop})), "points",
                "900 duplicate");
  CHECK(pooled_dimension(same).merged == 600);
  CHECK(pooled_dimension(same).fault == atlas::cloud_fault::mostly_duplicates);
  std::vector<int> context;
  for (int i = 0; i < 300; ++i) context.push_back(i / 10);
  const auto exclude = atlas::same_context(context);
  const std::vector<Eigen::MatrixXd> noisy = {normal_cloud(300, 4, 5), normal_cloud(300, 4, 6)};
  std::vector<int> twice = context;
  twice.insert(twice.end(), context.begin(), context.end());
  CHECK(
      pooled_dimension(noisy, {.exclude = exclude}).dimension ==
      Approx(atlas::two_nn(centred_stack(noisy), {.exclude = atlas::same_context(twice)}).dimension)
          .epsilon(1e-9));
}

TEST_CASE("the pooled dimension is the same bits at every scale and offset") {
  const Eigen::MatrixXd x = swiss_roll(300), whole = (1024 * normal_cloud(90, 3)).array().round();
  const auto pooled = [](const Eigen::MatrixXd& a, const Eigen::MatrixXd& b) {
    return pooled_dimension(std::vector<Eigen::MatrixXd>{a, b}).dimension;
  };
  const double plain = pooled(x, 2 * x), at_zero = pooled(whole, 3 * whole);
  for (const int power : {-1000, -600, 600, 1000}) {
    CAPTURE(power);
    const double scale = std::ldexp(1.0, power);
    CHECK(pooled(scale * x, scale * 2 * x) == plain);
  }
  for (const double offset : {1e3, 1e6, 1e9, 1e12}) {
    CAPTURE(offset);
    CHECK(pooled(whole.array() + offset, (3 * whole).array() - offset) == at_zero);
  }
}
