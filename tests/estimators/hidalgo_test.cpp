// SPDX-License-Identifier: MIT
#include "atlas/dimension/estimators/hidalgo.hpp"

#include <algorithm>
#include <boost/math/special_functions/beta.hpp>
#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "../catch.hpp"
#include "atlas/simulation/clouds.hpp"

namespace hidalgo_test {
namespace {

using atlas::index_t;

/// A Gaussian of dimension 2 and, far from it, one of dimension 6, in 6 columns.
template <class Scalar = double>
atlas::owned_tensor<Scalar, 2> two_parts(index_t each, std::uint64_t seed) {
  atlas::random_stream random(seed, 0);
  atlas::owned_tensor<Scalar, 2> out({2 * each, 6});
  const auto p = out.mutable_view();
  for (index_t i = 0; i < 2 * each; ++i)
    for (index_t k = 0; k < 6; ++k)
      p(i, k) =
          static_cast<Scalar>(i < each ? (k < 2 ? random.normal() : 0.0) : 10 + random.normal());
  return out;
}

/// Independent Pareto ratios, each part's rows in a ring whose neighbours are of the same part.
atlas::neighbor_table pareto_rings(index_t each, const std::vector<double>& dimensions,
                                   std::uint64_t seed) {
  const auto parts = static_cast<index_t>(dimensions.size());
  atlas::random_stream random(seed, 1);
  atlas::neighbor_table t{atlas::owned_tensor<double, 2>({parts * each, 3}),
                          atlas::owned_tensor<index_t, 2>({parts * each, 3})};
  for (index_t i = 0; i < parts * each; ++i) {
    const index_t part = i / each;
    const double mu = std::exp(random.exponential() / dimensions[static_cast<std::size_t>(part)]);
    for (index_t j = 0; j < 3; ++j) {
      t.distances.mutable_view()(i, j) = j == 0 ? 1 : mu + static_cast<double>(j - 1);
      t.indices.mutable_view()(i, j) = part * each + (i % each + j + 1) % each;
    }
  }
  return t;
}

bool holds(const atlas::posterior_summary& s, double x) {
  return s.interval.lower <= x && x <= s.interval.upper;
}

TEST_CASE("hidalgo tells a plane from a cloud of six dimensions") {
  const auto points = two_parts(300, 5);
  const auto r = atlas::hidalgo(points, {.burn_in = 200, .sweeps = 300, .seed = 3});
  CHECK(r.dimensions[0].mean == Approx(2).margin(0.4));
  CHECK(r.dimensions[1].mean == Approx(5.5).margin(1));
  CHECK(r.weights[0].mean == Approx(0.5).margin(0.1));
  CHECK(r.converged);
  CHECK(r.worst_r_hat < 1.05);
  CHECK(r.dimensions[0].effective_draws > 100);
  CHECK(r.error_from == atlas::error_source::posterior);
  index_t right = 0;
  for (index_t i = 0; i < 600; ++i) {
    right += r.part[static_cast<std::size_t>(i)] == (i < 300 ? 0 : 1);
    CHECK(r.membership(i, 0) + r.membership(i, 1) == Approx(1));
  }
  CHECK(right > 570);
}

TEST_CASE("intervals of hidalgo cover for independent ratios") {
  constexpr int repeats = 200;
  int low = 0, high = 0, weight = 0;
  for (int s = 0; s < repeats; ++s) {
    const auto table = pareto_rings(100, {2, 6}, static_cast<std::uint64_t>(s));
    const auto r = atlas::hidalgo_from_neighbors(
        table, {.chains = 2, .burn_in = 100, .sweeps = 250, .seed = static_cast<std::uint64_t>(s)});
    low += holds(r.dimensions[0], 2);
    high += holds(r.dimensions[1], 6);
    weight += holds(r.weights[0], 0.5);
  }
  CAPTURE(low, high, weight);
  CHECK(low >= 180);
  CHECK(low <= 199);
  CHECK(high >= 180);
  CHECK(high <= 199);
  CHECK(weight >= 190);  // planted shares are not drawn from the prior: they never vary
}

TEST_CASE("one part of hidalgo has the posterior of a Gamma prior") {
  const auto table = pareto_rings(400, {3}, 9);
  double sum = 0;
  for (index_t i = 0; i < 400; ++i) sum += std::log(table.distances(i, 1));
  const auto r = atlas::hidalgo_from_neighbors(
      table, {.components = 1, .prior = {2, 0.5}, .burn_in = 10, .sweeps = 2000});
  const double mean = 402 / (0.5 + sum), sd = std::sqrt(402) / (0.5 + sum);
  CHECK(r.dimensions[0].mean == Approx(mean).margin(5 * sd / std::sqrt(8000.0)));
  CHECK(r.dimensions[0].sd == Approx(sd).epsilon(0.05));
  CHECK(r.dimensions[0].effective_draws > 6000);
  CHECK(r.weights[0].mean == 1);
  CHECK(r.weights[0].sd == 0);
}

TEST_CASE("normalisations are means over draws of neighbours, counted one by one") {
  // By enumeration: Z(m) is a mean over numbers j of hypergeometric draws.
  const index_t n = 12, q = 3;
  const double zeta = 0.8;
  const auto choose = [](index_t a, index_t b) {
    double out = 1;
    for (index_t i = 0; i < b; ++i) out *= static_cast<double>(a - i) / static_cast<double>(i + 1);
    return b > a ? 0.0 : out;
  };
  const auto power = [&](index_t m) {
    if (m == 0) return 0.0;
    double z = 0;
    for (index_t j = 0; j <= q; ++j)
      z += choose(m - 1, j) * choose(n - m, q - j) / choose(n - 1, q) *
           std::pow(zeta, static_cast<double>(j)) * std::pow(1 - zeta, static_cast<double>(q - j));
    return static_cast<double>(m) * std::log(z);
  };
  const std::vector<double> found = atlas::detail::normalisations(n, q, zeta);
  REQUIRE(found.size() == 13);
  for (index_t m = 0; m <= n; ++m)
    CHECK(found[static_cast<std::size_t>(m)] == Approx(power(m)).epsilon(1e-12));
}

/// The probability of each row to be of the part of lower dimension, from all 2^n assignments with
/// dimensions and weights integrated out. Priors are Gamma(1, 1) and uniform.
std::vector<double> enumerated_membership(const atlas::neighbor_table& t, double zeta) {
  const index_t n = t.distances.extent(0), q = 2;
  const std::vector<double> normal = atlas::detail::normalisations(n, q, zeta);
  std::vector<double> out(static_cast<std::size_t>(n), 0.0);
  double total = 0;
  for (unsigned z = 0; z < 1U << n; ++z) {
    double rows[2] = {0, 0}, sum[2] = {0, 0}, agreeing = 0;
    for (index_t i = 0; i < n; ++i) {
      const unsigned part = (z >> i) & 1U;
      rows[part] += 1;
      sum[part] += std::log(t.distances(i, 1) / t.distances(i, 0));
      for (index_t j = 0; j < q; ++j) agreeing += part == ((z >> t.indices(i, j)) & 1U);
    }
    double log_p = agreeing * std::log(zeta / (1 - zeta));
    for (int c = 0; c < 2; ++c)
      log_p += 2 * std::lgamma(rows[c] + 1) - (rows[c] + 1) * std::log(1 + sum[c]) -
               normal[static_cast<std::size_t>(rows[c])];
    const double p = std::exp(log_p);
    const double first_lower =  // of two Gamma variables with these shapes and rates
        boost::math::ibeta(1 + rows[0], 1 + rows[1], (1 + sum[0]) / (2 + sum[0] + sum[1]));
    total += p;
    for (index_t i = 0; i < n; ++i)
      out[static_cast<std::size_t>(i)] +=
          p * (((z >> i) & 1U) == 0 ? first_lower : 1 - first_lower);
  }
  for (double& p : out) p /= total;
  return out;
}

TEST_CASE("memberships are those of the exact posterior of a few rows") {
  atlas::neighbor_table t = pareto_rings(5, {1.5, 9}, 3);
  const index_t across = 7;  // a row that has a neighbour in the other part
  t.indices.mutable_view()(2, 1) = across;
  for (const double zeta : {0.5, 0.7, 0.9}) {
    const std::vector<double> exact = enumerated_membership(t, zeta);
    const auto r = atlas::hidalgo_from_neighbors(
        t, {.neighbors = 2, .zeta = zeta, .burn_in = 100, .sweeps = 20000, .seed = 2});
    for (index_t i = 0; i < 10; ++i)
      CHECK(r.membership(i, 0) == Approx(exact[static_cast<std::size_t>(i)]).margin(0.012));
  }
}

TEST_CASE("hidalgo gives the same bits on one thread and three, and in float") {
  atlas::hidalgo_options o{.chains = 3, .burn_in = 20, .sweeps = 40, .seed = 11, .threads = 1};
  const auto points = two_parts(60, 2);
  const auto one = atlas::hidalgo(points, o);
  o.threads = 3;
  const auto three = atlas::hidalgo(points, o);
  for (std::size_t c = 0; c < 2; ++c) {
    CHECK(one.dimensions[c].mean == three.dimensions[c].mean);
    CHECK(one.weights[c].r_hat == three.weights[c].r_hat);
  }
  CHECK(one.part == three.part);
  const auto single = atlas::hidalgo(two_parts<float>(60, 2), o);
  CHECK(single.dimensions[1].mean == Approx(one.dimensions[1].mean).epsilon(0.2));
}

TEST_CASE("rows that coincide have no part, and are counted") {
  auto points = two_parts(40, 4);
  for (index_t k = 0; k < 6; ++k) points.mutable_view()(7, k) = points(3, k);
  const atlas::hidalgo_options o{.burn_in = 10, .sweeps = 20};
  const auto merged = atlas::hidalgo(points, o);
  CHECK(merged.merged == 1);
  CHECK(merged.points_used == 79);
  CHECK(merged.part[7] == -1);
  CHECK(std::isnan(merged.membership(7, 0)));
  CHECK(merged.part[3] >= 0);
  atlas::hidalgo_options dropping = o;
  dropping.duplicates = atlas::duplicate_policy::drop;
  const auto dropped = atlas::hidalgo(points, dropping);
  CHECK(dropped.duplicates == 2);
  CHECK(dropped.points_used == 78);
  dropping.duplicates = atlas::duplicate_policy::error;
  CHECK_THROWS_AS(atlas::hidalgo(points, dropping), atlas::value_error);
}

TEST_CASE("hidalgo refuses what it can make nothing of") {
  const auto points = two_parts(20, 1);
  CHECK_THROWS_WITH(atlas::hidalgo(points, {.zeta = 1}), Catch::Contains("zeta"));
  CHECK_THROWS_WITH(atlas::hidalgo(points, {.zeta = 0.4}), Catch::Contains("zeta"));
  CHECK_THROWS_WITH(atlas::hidalgo(points, {.components = 0}), Catch::Contains("components"));
  CHECK_THROWS_WITH(atlas::hidalgo(points, {.neighbors = 1}), Catch::Contains("neighbors"));
  CHECK_THROWS_WITH(atlas::hidalgo(points, {.neighbors = 40}), Catch::Contains("points"));
  CHECK_THROWS_WITH(atlas::hidalgo(points, {.chains = 1}), Catch::Contains("chains"));
  CHECK_THROWS_WITH(atlas::hidalgo(points, {.prior = {0, 1}}), Catch::Contains("prior.shape"));
  auto broken = points;
  broken.mutable_view()(2, 1) = std::numeric_limits<double>::quiet_NaN();
  CHECK_THROWS_AS(atlas::hidalgo(broken), atlas::value_error);
  atlas::owned_tensor<double, 2> line({12, 1});  // inner neighbours are equally far
  for (index_t i = 0; i < 12; ++i) line.mutable_view()(i, 0) = static_cast<double>(i);
  CHECK_NOTHROW(atlas::hidalgo(line, {.burn_in = 0, .sweeps = 8}));  // the ends have a ratio
  atlas::neighbor_table flat = pareto_rings(10, {2}, 1);
  for (index_t i = 0; i < 10; ++i) flat.distances.mutable_view()(i, 1) = 1;
  CHECK_THROWS_WITH(atlas::hidalgo_from_neighbors(flat), Catch::Contains("equally far"));
  CHECK_THROWS_AS(atlas::hidalgo_from_neighbors(flat, {.neighbors = 4}), atlas::shape_error);
}

TEST_CASE("chains that disagree show, and correlated draws are worth less") {
  std::vector<std::vector<double>> chains(4);
  atlas::random_stream random(1, 0);
  for (auto& chain : chains)
    for (int t = 0; t < 1000; ++t) chain.push_back(random.normal());
  const auto good = atlas::detail::agreement_of_chains(chains);
  CHECK(good.r_hat == Approx(1).margin(0.01));
  CHECK(good.effective_draws > 3000);
  auto apart = chains;
  for (double& x : apart[2]) x += 3;
  CHECK(atlas::detail::agreement_of_chains(apart).r_hat > 1.3);
  double worth = 0;  // of autoregressive chains with 0.9: (1 - 0.9) / (1 + 0.9) of their draws
  for (int repeat = 0; repeat < 16; ++repeat) {
    auto slow = chains;
    for (auto& chain : slow)
      for (std::size_t t = 0; t < chain.size(); ++t)
        chain[t] =
            t == 0 ? random.normal() : 0.9 * chain[t - 1] + std::sqrt(1 - 0.81) * random.normal();
    worth += atlas::detail::agreement_of_chains(slow).effective_draws / 16;
  }
  CHECK(worth == Approx(4000 * 0.1 / 1.9).epsilon(0.2));
}

}  // namespace
}  // namespace hidalgo_test
