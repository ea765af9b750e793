// SPDX-License-Identifier: MIT
#include "atlas/manifold/position_groups.hpp"

#include <vector>

#include "../catch.hpp"
#include "../messages.hpp"

TEST_CASE("positions fall into equally wide groups") {
  const std::vector<int> position = {16, 17, 18, 19, 20, 21, 255, 136, 135};
  CHECK(atlas::position_groups(position, 2) ==
        std::vector<atlas::index_t>{0, 0, 0, 0, 0, 0, 1, 1, 0});
  CHECK(atlas::position_groups(std::vector<int>{3, 1, 2}, 3) ==
        std::vector<atlas::index_t>{2, 0, 1});
  CHECK(atlas::position_groups(std::vector<int>{4, 4}, 3) == std::vector<atlas::index_t>{0, 0});
  CHECK_REFUSED(atlas::value_error, atlas::position_groups(position, 0), "groups", "0");
  CHECK_REFUSED(atlas::shape_error, atlas::position_groups(std::vector<int>{}, 2), "position",
                "empty");
}
