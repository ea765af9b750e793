// SPDX-License-Identifier: MIT
/// \file
/// `atlas dimension`: several estimators of one cloud, against the library's, and its advice.

#include "dimension_advice.hpp"

#include <cmath>
#include <string>
#include <vector>

#include "../catch.hpp"
#include "atlas/dimension/estimate_dimensions.hpp"
#include "atlas/io/npy.hpp"
#include "atlas/simulation/clouds.hpp"
#include "program_for_tests.hpp"

namespace dimension_command_test {

namespace {

using atlas_program::advice_of, atlas_program::advised_cloud, atlas_program::advised_estimate;
using atlas_test::has, atlas_test::program_run, atlas_test::quoted, atlas_test::run,
    atlas_test::temporary_folder;

std::string torus_file(const temporary_folder& folder, atlas::index_t rows) {
  atlas::random_stream random(3);
  const auto points = atlas::simulate_torus<float>(rows, 2, random);
  const atlas::tensor_view<const float, 2> view = points;
  atlas::io::write_npy(folder / "torus.npy", view);
  return quoted(folder / "torus.npy");
}

std::string labels_file(const temporary_folder& folder, const std::string& name,
                        atlas::index_t rows, atlas::index_t each) {
  atlas::owned_tensor<atlas::index_t, 1> labels({rows});
  for (atlas::index_t i = 0; i < rows; ++i) labels.mutable_view()[i] = i / each;
  const atlas::tensor_view<const atlas::index_t, 1> view = labels;
  atlas::io::write_npy(folder / name, view);
  return quoted(folder / name);
}

/// Whether one of the sentences begins with a word.
bool says(const std::vector<std::string>& advice, const std::string& word) {
  for (const std::string& sentence : advice)
    if (sentence.starts_with(word)) return true;
  return false;
}

advised_cloud cloud_of(std::vector<advised_estimate> estimates) {
  advised_cloud cloud;
  cloud.rows = 1000;
  cloud.looked_at = 1000;
  cloud.adjacent_by_chance = 0.002;
  cloud.estimates = std::move(estimates);
  return cloud;
}

TEST_CASE("dimension gives the library's numbers, the same bytes for every number of threads",
          "[bytes]") {
  const temporary_folder folder;
  const std::string file = torus_file(folder, 400);
  const std::string command =
      "dimension " + file + " --estimators mom:k=10,mom:k=20:combine=median --by-scale ";
  const program_run one = run(folder, command + "--surrogates 10 --json - --threads 1");
  REQUIRE(one.status == 0);
  CHECK(one.err.empty());
  CHECK(one.out == run(folder, command + "--surrogates 10 --json - --threads 2").out);
  const auto found = one.json();
  CHECK(found["run"]["command"] == "dimension");
  CHECK(found["points"] == 400);
  CHECK(found["merged"] == 0);
  const auto points = atlas::io::read_npy<float, 2>(folder / "torus.npy");
  const auto expected = atlas::estimate_dimensions(
      points, {atlas::estimators::mom{.k = 10},
               atlas::estimators::mom{.k = 20, .combine = atlas::local_mean::median}});
  REQUIRE(found["estimates"].size() == 2);
  for (std::size_t i = 0; i < 2; ++i) {
    const auto& e = found["estimates"][i];
    CHECK(e["name"] == "mom");
    CHECK(e["dimension"] == Approx(expected[i].dimension).epsilon(1e-12));
    CHECK(e["lower"] == Approx(expected[i].interval.lower).epsilon(1e-12));
    CHECK(e["upper"] == Approx(expected[i].interval.upper).epsilon(1e-12));
    CHECK(e["standard_error"] == Approx(expected[i].standard_error).epsilon(1e-12));
    CHECK(e["points_used"] == 400);
    CHECK(e["claim"] == "own mean");
    CHECK(e["surrogate"]["mean"].get<double>() > 2);
  }
  CHECK(found["estimates"][1]["parameters"]["combine"] == "median");
  CHECK(found["estimates"][1]["text"] == "mom:k=20:combine=median");
  REQUIRE(found["scales"].size() == 3);
  CHECK(found["scales"][2]["parts"] == 4);
  CHECK(found["scales"][0]["estimates"][0]["dimension"] == found["estimates"][0]["dimension"]);
}

TEST_CASE("all estimators answer, or say why not, and none loses the others") {
  const temporary_folder folder;
  const std::string file = torus_file(folder, 60);
  const program_run r = run(folder, "dimension " + file + " --json -");
  REQUIRE(r.status == 0);
  const auto found = r.json();
  CHECK(found["estimates"].size() == atlas::all_estimators().size());
  for (const auto& e : found["estimates"]) {
    INFO(e.dump());
    if (!e["dimension"].is_null()) {
      CHECK(e["dimension"].get<double>() > 0.5);
      continue;
    }
    CHECK((e["remark"].is_string() || e["fault"].is_string()));
    CHECK(e["lower"].is_null());
  }
  const program_run table = run(folder, "dimension " + file);
  CHECK(has(table.out, "more distinct rows than neighbours (100), got 60"));
}

TEST_CASE("rows that coincide are merged and counted, and contexts are the units") {
  const temporary_folder folder;
  atlas::random_stream random(4);
  auto points = atlas::simulate_cube(200, 3, random);
  for (atlas::index_t i = 0; i < 20; ++i)
    for (atlas::index_t k = 0; k < 3; ++k)
      points.mutable_view()(i, k) =
          static_cast<const atlas::owned_tensor<double, 2>&>(points)[100 + i][k];
  const atlas::tensor_view<const double, 2> view = points;
  atlas::io::write_npy(folder / "twice.npy", view);
  const std::string command =
      "dimension " + quoted(folder / "twice.npy") + " --estimators mom:k=5 --json - ";
  const auto merged = run(folder, command).json();
  CHECK(merged["merged"] == 20);
  CHECK(merged["estimates"][0]["points_used"] == 180);
  const auto contexts =
      run(folder, command + "--context " + labels_file(folder, "context.npy", 200, 4)).json();
  CHECK(contexts["exclude"] == "distinct");
  CHECK(contexts["contexts"].get<int>() >= 45);
  const auto few =
      run(folder, command + "--exclude whole --context " + labels_file(folder, "few.npy", 200, 50))
          .json();
  CHECK(has(few["advice"].dump(), "too few"));
}

TEST_CASE("estimators are typed as NAME:key=value, and refused by name") {
  const temporary_folder folder;
  const std::string file = torus_file(folder, 60);
  const auto refused = [&](const std::string& estimators) {
    const program_run r = run(folder, "dimension " + file + " --estimators '" + estimators + "'");
    CHECK(r.status == 2);
    CHECK(r.one_line_of_error());
    CHECK(r.out.empty());
    return r.err;
  };
  CHECK(has(refused("mmo:k=3"), "got mmo; did you mean mom?"));
  CHECK(has(refused("mom:combin=mean"),
            "--estimators, mom: expected one of k, combine, got combin; "
            "did you mean combine?"));
  CHECK(has(refused("mom:combine=meen"), "got meen; did you mean mean?"));
  CHECK(has(refused("mom:k=1"), "--estimators, mom:k: expected a whole number from 2"));
  CHECK(has(refused("mom:k=x"), "--estimators, mom:k: expected a whole number, got x"));
  CHECK(has(refused("mom:k="), "got nothing"));
  CHECK(has(refused("mom:k"), "expected k=VALUE"));
  CHECK(has(refused("mom:k=3:k=4"), "k twice"));
  CHECK(has(refused("all,mom"), "mom twice"));
  CHECK(run(folder, "dimension " + file + " --estimators mom:k=3,mom:k=4").status == 0);
}

TEST_CASE("a table and a CSV file have a row for each estimator") {
  const temporary_folder folder;
  const std::string file = torus_file(folder, 100);
  const auto csv = folder / "dimension.csv";
  const program_run r =
      run(folder, "dimension " + file + " --estimators mom:k=5,mom:k=10 --csv " + quoted(csv));
  REQUIRE(r.status == 0);
  for (const char* words : {"mom:k=5", "mom:k=10", "own mean", "0 merged", "interval of"})
    CHECK(has(r.out, words));
  const std::string text = atlas::io::read_text(csv);
  CHECK(std::count(text.begin(), text.end(), '\n') == 3);
  CHECK(text.starts_with("estimator,dimension,lower,upper"));
  const program_run periods =
      run(folder, "dimension " + file + " --estimators mom:k=5 --periods 1,2,3");
  CHECK(periods.status == 2);
  CHECK(has(periods.err, "periods"));
}

TEST_CASE("advice: estimates that agree to a tenth, or within errors, need none") {
  CHECK(advice_of(cloud_of({{"two_nn", 2.0, 0.1, 2}, {"mle", 2.1, 0.01, 20}})).size() == 1);
  CHECK(says(advice_of(cloud_of({{"two_nn", 2.0, 0.1, 2}, {"mle", 2.1, 0.01, 20}})),
             "The estimates agree"));
  CHECK(says(advice_of(cloud_of({{"two_nn", 2.0, 0.4, 2}, {"mle", 2.6, 0.4, 20}})),
             "The estimates agree"));
  // The lowest is hardly known, the other two are.
  CHECK(says(advice_of(cloud_of({{"pca", 1.0, 5.0, 2}, {"mle", 2.0, 0.1, 20}, {"mom", 4, 0.1, 9}})),
             "The estimates disagree: from 2.0 (mle) to 4.0 (mom)"));
  CHECK(says(advice_of(cloud_of({})), "No estimator"));
  CHECK(
      says(advice_of(cloud_of({{"two_nn", 2.0, 0.4, 2}, {"mle", NAN, NAN, 20}})), "One estimate"));
}

TEST_CASE("advice: few neighbours against many, directions against neighbourhoods") {
  const auto noise = advice_of(cloud_of({{"two_nn", 4.0, 0.1, 2}, {"mle", 2.2, 0.1, 20}}));
  CHECK(says(noise, "The estimates disagree: from 2.2 (mle) to 4.0 (two_nn)"));
  CHECK(says(noise, "Scale: few neighbours see more"));
  const auto curved = advice_of(cloud_of({{"two_nn", 2.0, 0.1, 2}, {"mle", 3.2, 0.1, 20}}));
  CHECK(says(curved, "Scale: many neighbours see more"));
  const auto linear = advice_of(
      cloud_of({{"two_nn", 2.0, 0.1, 2}, {"mle", 2.1, 0.1, 20}, {"local_pca", 9, NAN, 0, true}}));
  CHECK(says(linear, "Curvature: the cloud spreads along more directions, 9.0 (local_pca)"));
  CHECK_FALSE(says(linear, "Scale"));
  const auto unexplained = advice_of(cloud_of({{"a", 2.0, 0.1, 20}, {"b", 4.0, 0.1, 20}}));
  CHECK(says(unexplained, "None of the rules"));
}

TEST_CASE("advice: scales that were measured decide between noise and curvature") {
  auto cloud = cloud_of({{"two_nn", 4.0, 0.1, 2}, {"mle", 2.2, 0.1, 20}});
  cloud.scales = {{4.0, 0.1}, {3.0, 0.1}, {2.2, 0.1}};
  CHECK(says(advice_of(cloud), "Noise, or edges: the dimension falls from 4.0"));
  cloud.scales = {{2.2, 0.1}, {3.0, 0.1}};
  CHECK(says(advice_of(cloud), "Curvature"));
  cloud.scales = {{2.2, 0.1}, {2.3, 0.1}};
  CHECK_FALSE(says(advice_of(cloud), "Curvature"));
}

TEST_CASE("advice: dependence, lattices, duplicates, few rows and few contexts") {
  auto cloud = cloud_of({{"two_nn", 2.0, 0.1, 2}, {"mle", 2.1, 0.1, 20}});
  cloud.adjacent = 0.4;
  CHECK(says(advice_of(cloud),
             "Dependence: the nearest neighbour is the row before or after for "
             "40 % of rows (0.2 % by chance)"));
  cloud.order_matters = false;
  CHECK_FALSE(says(advice_of(cloud), "Dependence"));
  cloud.tied = 0.5;
  CHECK(says(advice_of(cloud), "Lattice: 50 %"));
  cloud.merged = 1000;
  CHECK(says(advice_of(cloud), "Duplicates: 50 %"));
  cloud.contexts = 4;
  CHECK(says(advice_of(cloud), "Errors: 4 contexts"));
  CHECK(says(advice_of(cloud_of({{"two_nn", 9.0, 0.1, 2}, {"mle", 9.1, 0.1, 20}})),
             "Rows: 1000 rows show no more than 6.0"));
}

TEST_CASE("rows in the order of a path are told of their dependence") {
  const temporary_folder folder;
  atlas::random_stream random(6);
  atlas::owned_tensor<double, 2> walk({500, 5});
  double x[5] = {};
  for (atlas::index_t i = 0; i < 500; ++i)
    for (atlas::index_t k = 0; k < 5; ++k) walk.mutable_view()(i, k) = x[k] += random.normal();
  const atlas::tensor_view<const double, 2> view = walk;
  atlas::io::write_npy(folder / "walk.npy", view);
  const program_run r =
      run(folder, "dimension " + quoted(folder / "walk.npy") + " --estimators mom:k=10");
  CHECK(r.status == 0);
  CHECK(has(r.out, "Dependence: "));
}

}  // namespace

}  // namespace dimension_command_test
