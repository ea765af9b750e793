// SPDX-License-Identifier: MIT
#include "atlas/neighbors/best_candidates.hpp"

#include <algorithm>
#include <utility>
#include <vector>

#include "../catch.hpp"
#include "atlas/core/random.hpp"

using atlas::index_t;
using atlas::detail::best_candidates;

namespace {

struct offered {
  double square;
  index_t row;
};

/// Rows in any order, many of them at equal distances.
std::vector<offered> some_offers(atlas::random_stream& random, index_t count) {
  std::vector<offered> out;
  for (index_t row = 0; row < count; ++row)
    out.push_back({static_cast<double>(random.uniform_index(4)) / 2, row});
  for (std::size_t i = out.size(); i > 1; --i)
    std::swap(out[i - 1],
              out[static_cast<std::size_t>(random.uniform_index(static_cast<index_t>(i)))]);
  return out;
}

}  // namespace

TEST_CASE("the best of all that were offered are kept, whatever the order") {
  atlas::random_stream random(12);
  for (int repeat = 0; repeat < 400; ++repeat)
    for (const index_t k : {1, 2, 3}) {
      std::vector<offered> offers = some_offers(random, 1 + repeat % 9);
      best_candidates best(2, k, nullptr), two(2, 2, nullptr);
      for (const auto& [square, row] : offers) {
        best.offer(1, row, square);
        two.offer_to_two(1, row, square);
      }
      std::sort(offers.begin(), offers.end(), [](const offered& a, const offered& b) {
        return std::pair(a.square, a.row) < std::pair(b.square, b.row);
      });
      CAPTURE(repeat, k, offers.size());
      const auto check = [&](const atlas::neighbor_table& found, index_t places) {
        for (index_t p = 0; p < places; ++p) {
          const auto at = static_cast<std::size_t>(p);
          CHECK(found.indices(1, p) == (at < offers.size() ? offers[at].row : -1));
          if (at < offers.size()) CHECK(found.distances(1, p) == offers[at].square);
          CHECK(found.indices(0, p) == -1);
        }
      };
      check(best.table_of_distances(), k);
      check(two.table_of_distances(), 2);
      CHECK(best.keeps_two() == (k == 2));
    }
}
