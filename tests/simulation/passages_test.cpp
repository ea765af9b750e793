// SPDX-License-Identifier: MIT
#include "atlas/simulation/passages.hpp"

#include <cmath>
#include <map>
#include <vector>

#include "../catch.hpp"
#include "../messages.hpp"
#include "../tolerances.hpp"
#include "atlas/stats/summary.hpp"

using namespace atlas_test;
using atlas::index_t;
using atlas::random_stream;

TEST_CASE("rows of a passage are correlated by their distance alone") {
  random_stream random(1);
  const double rho = 0.9;
  const auto cloud = atlas::simulate_passages({.passages = 4000, .rows = 6, .length = 16}, 2,
                                              {.correlation = rho}, random);
  // Products of two rows of a passage, one pair a passage and gap so that they are independent.
  std::map<index_t, std::vector<double>> products;
  std::vector<double> squares, across;
  for (index_t c = 0; c < 4000; ++c) {
    const index_t first = 6 * c;
    squares.push_back(cloud.points(first + 3, 0) * cloud.points(first + 3, 0));
    if (c > 0) across.push_back(cloud.points(first, 0) * cloud.points(first - 1, 0));
    for (index_t i = 1; i < 6; ++i)
      products[cloud.position[first + i] - cloud.position[first]].push_back(
          cloud.points(first + i, 1) * cloud.points(first, 1));
  }
  const auto check_mean = [](const std::vector<double>& values, double wanted) {
    const auto s = atlas::summarize(values);
    INFO(s.mean << " +- " << s.standard_error << ", wanted " << wanted);
    CHECK(std::abs(s.mean - wanted) < 5.5 * s.standard_error);
  };
  check_mean(squares, 1);
  check_mean(across, 0);
  for (const auto& [gap, values] : products) {
    if (values.size() < 500) continue;
    INFO("gap " << gap);
    check_mean(values, std::pow(rho, static_cast<double>(gap)));
  }
  CHECK(products.size() >= 10);
}

TEST_CASE("passages have their rows at different places in order") {
  random_stream random(2);
  const auto cloud = atlas::simulate_passages<float>({.passages = 7, .rows = 9, .length = 9}, 3,
                                                     {.correlation = 0.5}, random);
  REQUIRE(cloud.points.extent(0) == 63);
  for (index_t i = 0; i < 63; ++i) {
    CHECK(cloud.context[i] == i / 9);
    CHECK(cloud.position[i] == i % 9);  // as many rows as places: all of them
  }
  const auto spread =
      atlas::simulate_passages({.passages = 300, .rows = 4, .length = 100}, 1, {}, random);
  std::vector<double> middle;
  for (index_t i = 0; i < 1200; ++i) {
    if (i % 4 != 0) CHECK(spread.position[i] > spread.position[i - 1]);
    if (i % 4 == 0) middle.push_back(static_cast<double>(spread.position[i]));
  }
  // The least of 4 places out of 100, (101 / 5) - 1 on average.
  const auto s = atlas::summarize(middle);
  CHECK(std::abs(s.mean - 19.2) < 5 * s.standard_error);
}

TEST_CASE("passages have means and scales of their own where that is asked for") {
  random_stream random(3);
  const index_t passages = 2000, rows = 20;
  const auto moments = [&](const atlas::passage_structure& structure) {
    const auto cloud =
        atlas::simulate_passages({.passages = passages, .rows = rows}, 2, structure, random);
    std::vector<double> means, log_variances;
    for (index_t c = 0; c < passages; ++c) {
      std::vector<double> x;
      for (index_t i = 0; i < rows; ++i) x.push_back(cloud.points(c * rows + i, 0));
      const auto s = atlas::summarize(x);
      means.push_back(s.mean);
      log_variances.push_back(2 * std::log(s.sd));
    }
    return std::pair(atlas::summarize(means), atlas::summarize(log_variances));
  };
  // Standard errors of an sd of 2000 values are 1.6 %.
  const auto [plain, plain_scales] = moments({});
  CHECK(plain.sd == Approx(std::sqrt(1.0 / rows)).epsilon(0.09));
  const auto [moved, moved_scales] = moments({.mean_sd = 3});
  CHECK(moved.sd == Approx(std::sqrt(9 + 1.0 / rows)).epsilon(0.09));
  CHECK(moved_scales.sd == Approx(plain_scales.sd).epsilon(0.2));
  const auto [scaled, scaled_scales] = moments({.scale_sd = 1});
  CHECK(scaled_scales.sd > 3 * plain_scales.sd);
  CHECK(std::abs(scaled.mean) < 5 * scaled.standard_error);
}

TEST_CASE("rows of passages are mixed at the end") {
  Eigen::MatrixXd mixing(2, 3);
  mixing << 1, 0, 2, 0, 1, -1;
  random_stream a(4), b(4);
  const atlas::passage_design design{.passages = 5, .rows = 4, .length = 50};
  const auto plain = atlas::simulate_passages(design, 2, {.correlation = 0.7}, a);
  const auto mixed = atlas::simulate_passages(design, 2, {.correlation = 0.7, .mixing = mixing}, b);
  REQUIRE(mixed.points.extent(1) == 3);
  for (index_t i = 0; i < 20; ++i) {
    CHECK(mixed.points(i, 0) == plain.points(i, 0));
    CHECK(mixed.points(i, 2) ==
          Approx(2 * plain.points(i, 0) - plain.points(i, 1)).epsilon(tolerance::double_rounding));
  }
}

TEST_CASE("passages that cannot be are not simulated") {
  random_stream random(5);
  const auto simulate = [&](const atlas::passage_design& design,
                            const atlas::passage_structure& structure) {
    return atlas::simulate_passages(design, 2, structure, random);
  };
  CHECK_REFUSED(atlas::value_error, simulate({.passages = 0}, {}), "design.passages", "0");
  CHECK_REFUSED(atlas::value_error, simulate({.rows = 20, .length = 19}, {}), "design.length",
                "19");
  CHECK_REFUSED(atlas::value_error, simulate({}, {.correlation = 1}), "structure.correlation", "1");
  CHECK_REFUSED(atlas::value_error, simulate({}, {.mean_sd = -1}), "structure.mean_sd", "-1");
  CHECK_REFUSED(atlas::shape_error, simulate({}, {.mixing = Eigen::MatrixXd::Identity(3, 3)}),
                "structure.mixing", "3");
}
