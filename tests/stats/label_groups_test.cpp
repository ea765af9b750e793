// SPDX-License-Identifier: MIT
#include "atlas/stats/label_groups.hpp"

#include <cstdint>
#include <vector>

#include "../catch.hpp"
#include "../messages.hpp"

using atlas::index_t;

TEST_CASE("labels are numbered in their order, and groups list their rows") {
  const std::vector<std::int64_t> labels = {70, -3, 70, 12, -3, 70};
  const auto groups = atlas::detail::number_labels(labels, "labels");
  CHECK(groups.groups == 3);
  CHECK(groups.group == std::vector<index_t>{2, 0, 2, 1, 0, 2});
  CHECK(atlas::detail::rows_of_groups(groups) ==
        std::vector<std::vector<index_t>>{{1, 4}, {3}, {0, 2, 5}});
  CHECK_REFUSED(atlas::shape_error, atlas::detail::number_labels(std::vector<int>{}, "labels"),
                "labels", "empty");
}
