// SPDX-License-Identifier: MIT
#include "atlas/stats/permutation.hpp"

#include <algorithm>
#include <cmath>
#include <vector>

#include "../catch.hpp"
#include "../messages.hpp"

using atlas::index_t;

TEST_CASE("few orders are all counted, many are drawn, and the share is that of all") {
  // The first row stays at its place in one order of n.
  const auto first_stays = [](const std::vector<index_t>& rows) { return rows[0] == 0; };
  CHECK(atlas::detail::permutation_p(6, {}, first_stays) == Approx(1.0 / 6).epsilon(1e-14));
  const double drawn = atlas::detail::permutation_p(20, {.permutations = 20000}, first_stays);
  CHECK(drawn == Approx(0.05).margin(5 * std::sqrt(0.05 * 0.95 / 20000)));
  const auto never = [](const std::vector<index_t>&) { return false; };
  CHECK(atlas::detail::permutation_p(20, {.permutations = 99}, never) == 0.01);
  CHECK(atlas::detail::permutation_p(20, {.permutations = 20000, .threads = 1}, first_stays) ==
        drawn);
}

TEST_CASE("blocks are shuffled whole, and every shuffle holds each row once") {
  const auto checked = [](const std::vector<index_t>& rows) {
    std::vector<index_t> sorted = rows;
    std::sort(sorted.begin(), sorted.end());
    bool whole = true;
    for (std::size_t i = 0; i < rows.size(); ++i) {
      whole = whole && sorted[i] == static_cast<index_t>(i);
      if (i % 3 != 0) whole = whole && rows[i] == rows[i - 1] + 1;
    }
    return whole;
  };
  CHECK(atlas::detail::permutation_p(12, {.block_size = 3}, checked) == 1);
  CHECK(atlas::detail::permutation_p(60, {.permutations = 500, .block_size = 3}, checked) == 1);
}

TEST_CASE("shuffles that there are none of are refused") {
  const auto any = [](const std::vector<index_t>&) { return true; };
  CHECK_REFUSED(atlas::value_error, atlas::detail::permutation_p(6, {.permutations = 0}, any),
                "permutations", "0");
  CHECK_REFUSED(atlas::shape_error, atlas::detail::permutation_p(7, {.block_size = 3}, any),
                "block_size", "7");
  CHECK_REFUSED(atlas::value_error, atlas::detail::permutation_p(6, {.block_size = 6}, any),
                "2 blocks", "6");
}
