// SPDX-License-Identifier: MIT
#include "atlas/manifold/stacked_clouds.hpp"

#include <Eigen/Dense>
#include <vector>

#include "../catch.hpp"
#include "../clouds_for_tests.hpp"
#include "../tolerances.hpp"
#include "atlas/core/as_view.hpp"

using namespace atlas_test;
using atlas::index_t;

TEST_CASE("stacks, rows side by side and chosen clouds hold what they are made of") {
  std::vector<Eigen::MatrixXd> clouds;
  for (std::uint64_t h = 0; h < 3; ++h)
    clouds.push_back((normal_cloud(5, 2, h).array() + 1e3 * static_cast<double>(h)).matrix());
  const auto held = atlas::as_view<3>(clouds);
  const atlas::tensor_view<const double, 3>& view = held;
  const auto plain = atlas::detail::stacked(view, false),
             centred = atlas::detail::stacked(view, true);
  const auto beside = atlas::detail::side_by_side(view);
  const auto back = atlas::detail::apart<double>(beside, 3);
  const auto chosen = atlas::detail::clouds_of(view, {2, 0});
  for (index_t h = 0; h < 3; ++h) {
    const Eigen::MatrixXd& x = clouds[static_cast<std::size_t>(h)];
    for (index_t i = 0; i < 5; ++i)
      for (index_t k = 0; k < 2; ++k) {
        CHECK(plain(h * 5 + i, k) == x(i, k));
        CHECK(centred(h * 5 + i, k) == Approx(x(i, k) - x.col(k).mean()).margin(1e-11));
        CHECK(beside(i, h * 2 + k) == x(i, k));
        CHECK(back(h, i, k) == x(i, k));
        if (h != 1) CHECK(chosen(h == 2 ? 0 : 1, i, k) == x(i, k));
      }
  }
}

TEST_CASE("labels of a stack are those of a cloud, again and again") {
  const std::vector<int> context = {4, 4, 7};
  const auto twice = atlas::detail::stacked(atlas::same_context(context), 2);
  REQUIRE(twice.context.extent(0) == 6);
  for (index_t i = 0; i < 6; ++i)
    CHECK(twice.context[i] == context[static_cast<std::size_t>(i % 3)]);
}
