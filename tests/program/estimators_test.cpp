// SPDX-License-Identifier: MIT
/// \file
/// `atlas estimators`: known manifolds, the same bytes however it is run, and its arithmetic.

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "../catch.hpp"
#include "program_for_tests.hpp"

namespace estimators_command_test {

namespace {

using atlas_test::has, atlas_test::program_run, atlas_test::quoted, atlas_test::run,
    atlas_test::temporary_folder;

const std::string clouds = "estimators --manifolds torus_2,cube_3 --estimators mom:k=5,mom:k=20 ";
const std::string small = clouds + "--points 80 --repeats 4 ";

TEST_CASE("estimators give the same bytes for every number of threads, and with a folder",
          "[bytes]") {
  const temporary_folder folder;
  const program_run one = run(folder, small + "--json - --threads 1");
  REQUIRE(one.status == 0);
  CHECK(one.err.empty());
  CHECK(one.out == run(folder, small + "--json - --threads 2").out);
  CHECK(one.out == run(folder, small + "--json - --out " + quoted(folder / "kept")).out);
  CHECK(one.out == atlas::io::read_text(folder / "kept" / "result.json"));
  CHECK(one.out != run(folder, small + "--json - --seed 1").out);
}

TEST_CASE("clouds that are there are not measured again, and those that are missing are") {
  const temporary_folder folder;
  const std::string kept = small + "--json - --out " + quoted(folder / "kept");
  const program_run first = run(folder, kept);
  REQUIRE(first.status == 0);
  const auto part = folder / "kept" / "parts" / "torus_2-1.json";
  const std::string bytes = atlas::io::read_text(part);
  std::filesystem::remove(part);
  atlas::io::write_file(folder / "kept" / "parts" / "cube_3-2.json", "{ damaged");
  CHECK(run(folder, kept).out == first.out);
  CHECK(atlas::io::read_text(part) == bytes);
  // More repeats go on from those that are there; other clouds need another folder.
  const std::string out = " --json - --out " + quoted(folder / "kept");
  const program_run more = run(folder, clouds + "--points 80 --repeats 5" + out);
  CHECK(more.status == 0);
  CHECK(more.out == run(folder, clouds + "--points 80 --repeats 5 --json -").out);
  const program_run other = run(folder, clouds + "--points 90 --repeats 4" + out);
  CHECK(other.status == 2);
  CHECK(has(other.err, "points"));
}

TEST_CASE("bias, coverage and ranks are those of the estimates that are kept") {
  const temporary_folder folder;
  const auto result = run(folder, small + "--json - --out " + quoted(folder / "kept")).json();
  REQUIRE(result["trials"].size() == 4);
  for (const auto& t : result["trials"]) {
    const std::size_t which = t["estimator"] == "mom:k=5" ? 0 : 1;
    const auto truth = t["truth"].get<double>();
    std::vector<nlohmann::json> estimates;
    double mean = 0, squares = 0, held = 0, held_mean = 0;
    for (int i = 0; i < 4; ++i) {
      const auto part = nlohmann::json::parse(atlas::io::read_text(
          folder / "kept" / "parts" /
          (t["manifold"].get<std::string>() + "-" + std::to_string(i) + ".json")));
      estimates.push_back(part["result"][which]);
      mean += estimates.back()[0].get<double>() / 4;
      squares += std::pow(estimates.back()[0].get<double>() / truth - 1, 2) / 4;
    }
    for (const auto& e : estimates) {
      const auto lower = e[2].get<double>(), upper = e[3].get<double>();
      held += lower <= truth && truth <= upper ? 0.25 : 0;
      held_mean += lower <= mean && mean <= upper ? 0.25 : 0;
    }
    CHECK(t["mean"].get<double>() == Approx(mean).epsilon(1e-12));
    CHECK(t["bias"].get<double>() == Approx(mean / truth - 1).margin(1e-12));
    CHECK(t["deviation"].get<double>() == Approx(std::sqrt(squares)).epsilon(1e-12));
    CHECK(t["coverage_of_dimension"]["value"] == held);
    CHECK(t["coverage_of_own_mean"]["value"] == held_mean);
    CHECK(t["undefined"] == 0);
    for (const auto& other : result["trials"])
      if (other["manifold"] == t["manifold"] && other["deviation"] < t["deviation"])
        CHECK(other["rank"] < t["rank"]);
  }
  CHECK(result["ranking"].size() == 2);
  CHECK(result["ranking"][0]["mean_rank"] <= result["ranking"][1]["mean_rank"]);
}

TEST_CASE("noise and columns change clouds, and costs are measured if asked for") {
  const temporary_folder folder;
  const std::string command =
      "estimators --manifolds torus_1 --estimators mom:k=10 --points 200 --repeats 2 --json - ";
  const auto clean = run(folder, command).json()["trials"][0];
  const auto noisy = run(folder, command + "--noise 0.5 --ambient 10").json()["trials"][0];
  CHECK(noisy["columns"] == 10);
  CHECK(clean["truth"] == noisy["truth"]);
  CHECK(noisy["mean"].get<double>() > clean["mean"].get<double>() + 1);
  CHECK_FALSE(clean.contains("seconds"));
  const auto costs = run(folder, command + "--costs").json()["trials"][0];
  CHECK(costs["seconds"].get<double>() > 0);
  CHECK(costs["mean"] == clean["mean"]);
  const program_run narrow = run(folder, command + "--ambient 1");
  CHECK(narrow.status == 2);
  CHECK(has(narrow.err, "--ambient: expected 0, or the 2 columns that torus_1 needs"));
  const program_run same = run(folder, "estimators --manifolds cube_3,cube_03 --repeats 2");
  CHECK(same.status == 2);
  CHECK(has(same.err, "cube_3 twice"));
}

TEST_CASE("estimators that have no estimate are counted and have no rank") {
  const temporary_folder folder;
  const auto trials = run(folder,
                          "estimators --manifolds cube_2 --estimators mom,mom:k=5 --points 50 "
                          "--repeats 3 --json -")
                          .json()["trials"];
  CHECK(trials[0]["undefined"] == 3);
  CHECK(trials[0]["rank"].is_null());
  CHECK(trials[0]["mean"].is_null());
  CHECK(has(trials[0]["why_undefined"].get<std::string>(), "more distinct rows than neighbours"));
  CHECK(trials[1]["why_undefined"].is_null());
  CHECK(trials[1]["rank"] == 1);
}

TEST_CASE("estimators have a table, a CSV file, and figures in a report") {
  const temporary_folder folder;
  const auto json = folder / "estimators.json", csv = folder / "estimators.csv";
  const program_run r = run(folder, small + "--json " + quoted(json) + " --csv " + quoted(csv));
  REQUIRE(r.status == 0);
  for (const char* words : {"torus_2", "holds d", "mean rank", "How to read this"})
    CHECK(has(r.out, words));
  const std::string text = atlas::io::read_text(csv);
  CHECK(std::count(text.begin(), text.end(), '\n') == 5);
  const program_run report =
      run(folder, "report --from " + quoted(json) + " --out " + quoted(folder / "report"));
  CHECK(report.status == 0);
  CHECK(std::filesystem::exists(folder / "report" / "estimators.vg.json"));
  CHECK(has(report.out, "Nearest to the dimension on average"));
}

}  // namespace

}  // namespace estimators_command_test
