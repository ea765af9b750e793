// SPDX-License-Identifier: MIT
/// \file
/// The program's calibration: what it has, and a smaller one whose bounds fail by chance less than
/// once in a million runs.

#include <cmath>
#include <set>
#include <string>

#include "../catch.hpp"
#include "atlas/core/tensor_view.hpp"
#include "program_for_tests.hpp"

using namespace atlas_test;

namespace {

const std::string calibrate = "calibrate --json - ";

/// Intervals that held the truth, over the rows whose quantity has this name (any: empty).
struct held_intervals {
  double hits = 0, clouds = 0;
};

held_intervals held_by(const nlohmann::json& result, const std::string& quantity) {
  held_intervals out;
  for (const auto& row : result["intervals"]) {
    if (row["should_be_off"] == true || (!quantity.empty() && row["quantity"] != quantity))
      continue;
    CHECK(row["undefined"] == 0);
    out.clouds += row["clouds"].get<double>();
    out.hits += std::round(row["clouds"].get<double>() * row["coverage"]["value"].get<double>());
  }
  return out;
}

/// Whether a share of independent clouds may be this, but for once in a million runs.
void check_half_open(const held_intervals& held, double low, double high) {
  INFO(held.hits << " of " << held.clouds);
  const auto slack = [&](double share) {
    return 4.9 * std::sqrt(share * (1 - share) / held.clouds);
  };
  CHECK(held.hits / held.clouds > low - slack(low));
  CHECK(held.hits / held.clouds < high + slack(high));
}

}  // namespace

TEST_CASE("a calibration is the same for every number of threads, and of items one by one",
          "[bytes]") {
  const temporary_folder folder;
  const std::string some = "--clouds 20 --what contexts,haar,correlations,bootstrap ";
  const program_run one = run(folder, calibrate + some + "--threads 1");
  REQUIRE(one.status == 0);
  CHECK(one.err.empty());
  CHECK(one.out == run(folder, calibrate + some + "--threads 2").out);
  const auto all = one.json();
  CHECK(all["run"]["command"] == "calibrate");
  CHECK(all["run"]["options"]["--clouds"] == 20);
  CHECK(all["run"]["options"]["--quick"] == false);
  CHECK(all["rows"] == all["intervals"].size() + all["scores"].size());
  std::set<std::string> items;
  for (const char* kind : {"intervals", "scores"})
    for (const auto& row : all[kind]) items.insert(row["item"].get<std::string>());
  CHECK(items == std::set<std::string>{"contexts", "haar", "correlations", "bootstrap"});
  const auto alone = run(folder, calibrate + "--clouds 20 --what haar").json();
  CHECK(alone["intervals"].empty());
  REQUIRE(alone["scores"].size() == 6);
  std::size_t next = 0;
  for (const auto& row : all["scores"])
    if (row["item"] == "haar") CHECK(row == alone["scores"][next++]);
  CHECK(next == 6);
  CHECK(run(folder, calibrate + some + "--seed 1").out != one.out);
}

TEST_CASE("intervals of the dimension cover as often as they say") {
  const temporary_folder folder;
  const int clouds = sanitized ? 20 : 40;
  const auto found =
      run(folder, calibrate + "--what two-nn --clouds " + std::to_string(clouds)).json();
  // 18 kinds of clouds; their own means are of 40 clouds each, which covers half a percent more.
  for (const char* estimator : {"censored", "regression", "truncated", "bayesian"}) {
    INFO(estimator);
    const held_intervals held = held_by(found, estimator);
    CHECK(held.clouds == 18 * clouds);
    check_half_open(held, 0.94, 0.97);
  }
}

TEST_CASE("intervals of passages cover, and the statistics' p are uniform") {
  const temporary_folder folder;
  const int clouds = sanitized ? 20 : 150;
  const auto found =
      run(folder, calibrate + "--what contexts,haar,correlations,bootstrap --clouds " +
                      std::to_string(clouds))
          .json();
  for (const char* quantity : {"neighbours of other contexts", "of distinct contexts"})
    check_half_open(held_by(found, quantity), 0.92, 0.97);
  for (const char* quantity : {"mean, percentile", "mean, BCa", "mean, passages drawn"})
    check_half_open(held_by(found, quantity), 0.925, 0.965);
  for (const auto& row : found["scores"]) {
    INFO(row.dump());
    if (row["should_be_off"] == true) {
      if (!sanitized) CHECK(row["off"] == true);  // of 20 clouds it need not show
      continue;
    }
    CHECK(row["ks_p"].get<double>() > 1e-7);
    if (row["mean"].is_null()) continue;
    CHECK(std::abs(row["mean"].get<double>()) < 5.5 / std::sqrt(clouds));
    CHECK(std::abs(std::log(row["sd"].get<double>())) < 5.5 / std::sqrt(2.0 * clouds));
  }
}

TEST_CASE("a calibration has an example, a table and what it is read by") {
  const temporary_folder folder;
  const auto help = run(folder, "calibrate --help");
  CHECK(help.status == 0);
  CHECK(help.out.find("Example:\n  atlas calibrate") != std::string::npos);
  const auto table = run(folder, "calibrate --clouds 20 --what bootstrap,correlations");
  REQUIRE(table.status == 0);
  for (const char* words : {"mean, BCa", "partial Spearman", "off, as it should be", "rows are off",
                            "How to read this"}) {
    INFO(words);
    CHECK(table.out.find(words) != std::string::npos);
  }
}
