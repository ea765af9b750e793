// SPDX-License-Identifier: MIT
#include "atlas/dimension/profile_scales.hpp"

#include <Eigen/Dense>
#include <cstdint>
#include <vector>

#include "../catch.hpp"
#include "atlas/core/random.hpp"
#include "atlas/stats/summary.hpp"

using atlas::index_t;

namespace {

/// Rows on a ring whose neighbours are the next twelve, and scores that are sums of normal numbers
/// over the same.
atlas::detail::profile_scale ring_of_scores(index_t n, atlas::random_stream& random) {
  atlas::detail::profile_scale out{
      {}, Eigen::VectorXd::Zero(n), std::vector<std::vector<index_t>>(static_cast<std::size_t>(n))};
  for (index_t i = 0; i < n; ++i) {
    const double x = random.normal();
    out.scores[i] += x;
    for (index_t k = 1; k <= 12; ++k) {
      out.scores[(i + k) % n] += x;
      out.neighbours[static_cast<std::size_t>(i)].push_back((i + k) % n);
    }
  }
  return out;
}

}  // namespace

TEST_CASE("variances over scales are as uncertain as they say, with contexts too") {
  constexpr index_t n = 600;
  atlas::detail::row_units thirds{{}, n / 3, true};
  for (index_t i = 0; i < n; ++i) thirds.unit.push_back(i / 3);
  for (const auto& units : {thirds, atlas::detail::row_units{{}, n, false}}) {
    std::vector<double> variances;
    double found = 0;
    for (std::uint64_t draw = 0; draw < 400; ++draw) {
      atlas::random_stream random(41, draw);
      const auto c = atlas::detail::covariance_of_scales({ring_of_scores(n, random)},
                                                         Eigen::MatrixXd::Ones(1, 1), units);
      variances.push_back(c.matrix(0, 0));
      found += c.degrees / 400;
    }
    // 2 mean^2 / variance are the degrees of freedom of a multiple of chi-squared; of 400 draws
    // they are known to a tenth, and the form of the scores' correlation makes a fifth.
    const auto s = atlas::summarize(variances);
    CHECK(found == Approx(2 * s.mean * s.mean / (s.sd * s.sd)).epsilon(0.5));
    CHECK(s.mean == Approx(n * 13 * 13).epsilon(0.25));
  }
}
