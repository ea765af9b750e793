// SPDX-License-Identifier: MIT
#include "atlas/autoencoder/row_split.hpp"

#include <set>
#include <vector>

#include "../catch.hpp"
#include "../messages.hpp"

namespace {

/// Every row once, in increasing order on each side.
void check_split(const atlas::row_split& s, atlas::index_t rows) {
  std::set<atlas::index_t> all(s.training.begin(), s.training.end());
  all.insert(s.held_out.begin(), s.held_out.end());
  CHECK(static_cast<atlas::index_t>(all.size()) == rows);
  CHECK(static_cast<atlas::index_t>(s.training.size() + s.held_out.size()) == rows);
  CHECK(std::is_sorted(s.training.begin(), s.training.end()));
  CHECK(std::is_sorted(s.held_out.begin(), s.held_out.end()));
}

}  // namespace

TEST_CASE("rows are split at random, by the seed") {
  const auto s = atlas::split_by_row(1000, {.share = 0.2, .seed = 4});
  check_split(s, 1000);
  CHECK(s.held_out.size() == 200);
  CHECK(s.held_out == atlas::split_by_row(1000, {.share = 0.2, .seed = 4}).held_out);
  CHECK(s.held_out != atlas::split_by_row(1000, {.share = 0.2, .seed = 5}).held_out);
  CHECK(atlas::split_by_row(2, {.share = 0.01, .seed = 0}).held_out.size() == 1);
  CHECK(atlas::split_by_row(2, {.share = 0.99, .seed = 0}).training.size() == 1);
}

TEST_CASE("whole contexts are held out") {
  std::vector<int> context;
  for (int i = 0; i < 300; ++i) context.push_back(7 * (i % 10) - 20);
  const auto s = atlas::split_by_context(context, {.share = 0.3, .seed = 1});
  check_split(s, 300);
  std::set<int> trained, held;
  for (const auto r : s.training) trained.insert(context[static_cast<std::size_t>(r)]);
  for (const auto r : s.held_out) held.insert(context[static_cast<std::size_t>(r)]);
  CHECK(held.size() == 3);
  CHECK(trained.size() == 7);
  for (const int c : held) CHECK(trained.count(c) == 0);
}

TEST_CASE("splits of too little are refused") {
  CHECK_REFUSED(atlas::shape_error, atlas::split_by_row(1, {.share = 0.5, .seed = 0}), "rows",
                "got 1");
  CHECK_REFUSED(atlas::shape_error, atlas::split_by_row(-3, {.share = 0.5, .seed = 0}), "rows",
                "got 0");
  CHECK_REFUSED(atlas::value_error, atlas::split_by_row(9, {.share = 1.0, .seed = 0}), "share",
                "got 1");
  CHECK_REFUSED(atlas::value_error, atlas::split_by_row(9, {.share = NAN, .seed = 0}), "share",
                "NaN");
  CHECK_REFUSED(atlas::shape_error,
                atlas::split_by_context(std::vector<int>{3, 3, 3}, {.share = 0.5, .seed = 0}),
                "context", "at least 2 contexts");
  CHECK_REFUSED(atlas::shape_error,
                atlas::split_by_context(std::vector<int>{}, {.share = 0.5, .seed = 0}), "context",
                "got 0");
}
