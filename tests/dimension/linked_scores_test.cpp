// SPDX-License-Identifier: MIT
#include "atlas/dimension/linked_scores.hpp"

#include <Eigen/Dense>
#include <algorithm>
#include <set>
#include <vector>

#include "../catch.hpp"
#include "atlas/core/random.hpp"

using atlas::index_t;

namespace {

/// Sums over linked pairs by all pairs, in long double.
struct pairwise {
  long double own = 0, linked = 0, links = 0;
};

pairwise by_all_pairs(const atlas::detail::scored_rows& a) {
  pairwise out;
  const index_t n = a.count();
  const double mean = a.scores.col(0).mean();
  std::vector<std::set<index_t>> sets;
  for (index_t i = 0; i < n; ++i) {
    auto& set = sets.emplace_back();
    a.members.visit(i, [&](index_t unit) { set.insert(unit); });
  }
  for (index_t i = 0; i < n; ++i)
    for (index_t j = 0; j < n; ++j) {
      const long double product = static_cast<long double>(a.scores(i, 0) - mean) *
                                  static_cast<long double>(a.scores(j, 0) - mean);
      const auto& x = sets[static_cast<std::size_t>(i)];
      if (a.members.own(i) == a.members.own(j)) out.own += product;
      if (std::none_of(x.begin(), x.end(),
                       [&](index_t u) { return sets[static_cast<std::size_t>(j)].contains(u); }))
        continue;
      out.linked += product;
      out.links += 1;
    }
  return out;
}

}  // namespace

TEST_CASE("sums of scores over linked pairs count each pair once") {
  atlas::random_stream random(3);
  for (const index_t units : {300, 40, 12})
    for (const index_t width : {3, 9}) {
      CAPTURE(units, width);
      atlas::detail::scored_rows rows{units, {}, Eigen::MatrixXd(300, 1)};
      std::vector<index_t> sets;
      for (index_t i = 0; i < 300; ++i) {
        rows.scores(i, 0) = random.normal() + 3;
        sets.push_back(units == 300 ? i : random.uniform_index(units));
        for (index_t k = 1; k < width; ++k)
          sets.push_back(random.uniform_index(20) == 0 ? 7 : random.uniform_index(units));
      }
      rows.members = {std::move(sets), width};
      const pairwise wanted = by_all_pairs(rows);
      const auto got = atlas::detail::sum_scores(rows);
      CHECK(got.own(0, 0) == Approx(static_cast<double>(wanted.own)).epsilon(1e-10));
      if (units == 12 && width == 9) {  // nearly all pairs are linked
        CHECK(wanted.links > 0.95L * 300 * 300);
        CHECK(got.linked.size() == 0);
        continue;
      }
      REQUIRE(got.linked.size() == 1);
      CHECK(got.links == static_cast<double>(wanted.links));
      CHECK(got.linked(0, 0) == Approx(static_cast<double>(wanted.linked)).margin(1e-9));
    }
}

TEST_CASE("units of rows in a table of neighbours are those of a copy") {
  atlas::random_stream random(5);
  constexpr index_t n = 60, k = 5, linked = 3;
  atlas::owned_tensor<index_t, 2> neighbors({n, k});
  const auto table = neighbors.mutable_view();
  for (index_t i = 0; i < n; ++i)
    for (index_t j = 0; j < k; ++j) table(i, j) = (i + 1 + random.uniform_index(n - 1)) % n;
  std::vector<index_t> rows, copy;
  for (index_t i = 0; i < n; i += 1 + random.uniform_index(2)) {
    rows.push_back(i);
    copy.push_back(i);
    for (index_t j = 0; j < linked; ++j) copy.push_back(neighbors(i, j));
  }
  const auto count = static_cast<index_t>(rows.size());
  Eigen::MatrixXd scores(count, 2);
  for (index_t i = 0; i < scores.size(); ++i) scores.data()[i] = random.normal();
  const auto got = atlas::detail::sum_scores({n, {rows, neighbors, linked + 1}, scores});
  const auto wanted = atlas::detail::sum_scores({n, {copy, linked + 1}, scores});
  CHECK(got.links == wanted.links);
  CHECK(got.own == wanted.own);
  CHECK(got.linked == wanted.linked);
}

TEST_CASE("sums over many links are those of a part of the rows, to a few percent") {
  // Rows along a line, each with the 40 after it: 3e7 links seen. Scores that follow each other.
  constexpr index_t n = 20000, width = 41;
  atlas::random_stream random(4);
  atlas::detail::scored_rows rows{n + width, {}, Eigen::MatrixXd(n, 1)};
  std::vector<index_t> sets;
  double last = 0;
  for (index_t i = 0; i < n; ++i) {
    rows.scores(i, 0) = last = 0.9 * last + random.normal();
    for (index_t k = 0; k < width; ++k) sets.push_back(i + k);
  }
  rows.members = {std::move(sets), width};
  const auto got = atlas::detail::sum_scores(rows);
  const Eigen::VectorXd centred = rows.scores.col(0).array() - rows.scores.mean();
  double wanted = 0;
  for (index_t i = 0; i < n; ++i)
    for (index_t j = (std::max)(index_t{0}, i - width + 1); j < (std::min)(n, i + width); ++j)
      wanted += centred[i] * centred[j];
  CHECK(got.links == Approx(81. * n).epsilon(0.002));
  CHECK(got.linked(0, 0) != wanted);
  CHECK(got.linked(0, 0) == Approx(wanted).epsilon(0.1));
}
