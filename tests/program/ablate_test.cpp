// SPDX-License-Identifier: MIT
/// \file
/// Models trained by the program, and runs that were killed.

#include <algorithm>
#include <cmath>
#include <map>
#include <string>

#include "../catch.hpp"
#include "../tolerances.hpp"
#include "program_for_tests.hpp"

using namespace atlas_test;

namespace {

using options = std::map<std::string, std::string>;

/// A run of seconds, with other options where they are given.
std::string ablate(options changed = {}) {
  changed.merge(options{{"head-dims", "4,8"},
                        {"model-dim", "16"},
                        {"layers", "1"},
                        {"steps", "12"},
                        {"batch", "2"},
                        {"block-size", "32"},
                        {"held-out", "0.02"},
                        {"points", "150"},
                        {"surrogates", "0"}});
  std::string command = "ablate";
  for (const auto& [name, value] : changed) command += " --" + name + " '" + value + "'";
  return command + " ";
}

/// All files below a folder.
std::map<std::string, std::string> files_of(const std::filesystem::path& folder) {
  std::map<std::string, std::string> files;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder))
    if (entry.is_regular_file())
      files[std::filesystem::relative(entry.path(), folder).string()] =
          atlas::io::read_text(entry.path());
  return files;
}

std::string out_option(const std::filesystem::path& folder, int save_every = 2) {
  return std::string("--out '").append(folder.string()).append("' --json - --save-every ") +
         std::to_string(save_every) + " ";
}

std::string killed_after(double seconds) {
  return std::string("timeout -s KILL ").append(std::to_string(seconds));
}

}  // namespace

TEST_CASE("ablate measures every model along its training, whatever the threads") {
  const temporary_folder folder;
  const program_run one = run(folder, ablate() + "--json - --threads 1");
  REQUIRE(one.status == 0);
  CHECK(one.err.empty());
  CHECK(one.out == run(folder, ablate() + "--json - --threads 2").out);
  CHECK(folder.size() == 0);
  const auto result = one.json();
  CHECK(result["source"]["measured_steps"] == std::vector<int>{0, 3, 6, 12});
  REQUIRE(result["models"].size() == 2);
  double loss_before = 0;
  for (const auto& model : result["models"]) {
    const auto d = model["head_dimension"].get<int>();
    CHECK(model["heads"] == 16 / d);
    CHECK(model["local_dimension"] == d / 2);
    REQUIRE(model["measurements"].size() == 4);
    const auto first = model["measurements"][0], last = model["measurements"][3];
    CHECK(first["step"] == 0);
    CHECK(first["loss"].get<double>() == Approx(std::log(2048.0)).epsilon(0.01));
    CHECK(last["loss"].get<double>() < first["loss"].get<double>());
    CHECK(last["perplexity"]["value"].get<double>() ==
          Approx(std::exp(last["loss"].get<double>())).epsilon(tolerance::double_rounding));
    // The same numbers at first, whatever the number of heads: these matter little then.
    if (loss_before > 0) CHECK(first["loss"].get<double>() == Approx(loss_before).epsilon(1e-3));
    loss_before = first["loss"].get<double>();
    const auto layer = last["layers"][0];
    CHECK(layer["heads"].size() == static_cast<std::size_t>(16 / d));
    CHECK(layer["heads"][0]["two_nn"].contains("distinct"));
    CHECK(layer["overlap"]["head_coordinates"]["global"]["z"].is_number());
    CHECK(layer["overlap"]["residual_stream"]["global"]["turned_z"].is_number());
  }
  CHECK(result["departures"].size() == 4);
  CHECK(result["departures"][3]["rows"] == 2);
}

TEST_CASE("a run that was killed goes on and ends as if it had not been", "[bytes]") {
  const temporary_folder folder;
  const auto whole = folder / "whole", killed = folder / "killed";
  const std::string longer = ablate({{"steps", "60"}});
  const program_run uninterrupted = run(folder, longer + out_option(whole));
  REQUIRE(uninterrupted.status == 0);
  CHECK(uninterrupted.err.empty());
  const auto expected = files_of(whole);
  CHECK(expected.size() == 3 + 2 * 4);
  CHECK(expected.contains("d_head-4/model/tokenizer.json"));
  CHECK(expected.at("result.json") == uninterrupted.out);
  CHECK(expected.at("result.csv").starts_with("head_dimension,"));
  // Ever later, until it is through; no attempt loses what the others have done.
  program_run r;
  int attempts = 0;
  for (double seconds = 0.1; attempts < 60; seconds *= 1.3, ++attempts) {
    r = run(folder, longer + out_option(killed), killed_after(seconds));
    if (r.status == 0) break;
    // Nothing, unless it was killed while it printed its result or just after.
    CHECK(uninterrupted.out.starts_with(r.out));
  }
  REQUIRE(r.status == 0);
  CHECK(attempts > 0);
  CHECK(r.out == uninterrupted.out);
  CHECK(files_of(killed) == expected);
  // The end of a write that was killed, and a checkpoint in the middle.
  std::filesystem::remove_all(killed / "d_head-8");
  const std::string half = ablate({{"steps", "60"}}) + out_option(killed, 20);
  const auto eight = killed / "d_head-8";
  for (double seconds = 0.05; !std::filesystem::exists(eight / "training.safetensors") &&
                              !std::filesystem::exists(eight / "model");
       seconds *= 1.2)
    run(folder, half, killed_after(seconds));
  atlas::io::write_file(eight / "model.tmp-0123456789abcdef", "half");
  const program_run resumed = run(folder, half);
  REQUIRE(resumed.status == 0);
  CHECK(resumed.err.find("head dimension 4 is done already") != std::string::npos);
  CHECK(resumed.err.find("head dimension 8 ") != std::string::npos);
  CHECK(files_of(killed) == expected);
  CHECK(run(folder, half + "--quiet").err.empty());
}

TEST_CASE("models of an ablation are measured as any other") {
  const temporary_folder folder;
  const program_run r = run(folder, ablate({{"head-dims", "4"}}) + out_option(folder / "out"));
  REQUIRE(r.status == 0);
  const program_run measured =
      run(folder,
          "measure --blocks 4 --block-size 32 --points 60 --surrogates 0 --local-dim 2 "
          "--json - --model '" +
              (folder / "out/d_head-4/model").string() + "'");
  REQUIRE(measured.status == 0);
  CHECK(measured.json()["layers"][0]["heads"].size() == 4);
}

TEST_CASE("ablate refuses what it cannot train on, and folders of others") {
  const temporary_folder folder;
  const auto out = folder / "out", json = folder / "result.json";
  const auto refused = [&](const options& changed, const std::string& reason) {
    const program_run r = run(folder, ablate(changed) + " --json '" + json.string() + "'");
    INFO(ablate(changed) << "\n" << r.out << r.err);
    CHECK(r.status == 2);
    CHECK(r.one_line_of_error());
    CHECK(r.out.empty());
    CHECK(r.err.find(reason) != std::string::npos);
    CHECK_FALSE(std::filesystem::exists(json));
  };
  const auto bad = [&](const std::string& name, const std::string& value,
                       const std::string& reason) {
    refused({{"out", out.string()}, {name, value}}, reason);
  };
  bad("head-dims", "3", "--head-dims: expected divisors of 16 from 2 to its half, got 3");
  bad("head-dims", "16", "--head-dims");
  for (const std::string name : {"steps", "batch", "block-size", "layers", "held-out", "local-dim",
                                 "save-every", "learning-rate", "points"})
    bad(name, "0", "--" + name);
  bad("learning-rate", "nan", "--learning-rate");
  bad("held-out", "0.0001", "moby-dick");
  bad("checkpoints", "0,1.5", "--checkpoints");
  bad("surrogates", "9", "--surrogates");
  bad("min-context", "32", "--min-context");
  bad("text", "nowhere.txt", "nowhere.txt");
  bad("csv", "nowhere/table.csv", "--csv");
  bad("text", folder.write("short.txt", "Call me Ishmael.").string(), "short.txt");
  CHECK_FALSE(std::filesystem::exists(out));
  refused({{"out", folder.write("file", "text").string()}}, "a new folder");
  std::filesystem::create_directories(folder / "full");
  folder.write("full/own.txt", "text");
  refused({{"out", (folder / "full").string()}}, "own.txt");
  CHECK(files_of(folder / "full").size() == 1);
  const options kept = {{"head-dims", "4"}, {"steps", "2"}, {"out", out.string()}};
  REQUIRE(run(folder, ablate(kept) + "--quiet").status == 0);
  const auto before = files_of(out);
  const auto other = [&](const std::string& name, const std::string& value) {
    options changed = kept;
    changed[name] = value;
    return changed;
  };
  refused(other("steps", "3"), "options.json: steps: expected 3");
  refused(other("seed", "1"), "options.json: seed");
  refused(other("text", "moby-dick"), "options.json: texts");
  CHECK(files_of(out) == before);
  atlas::io::write_file(out / "d_head-4/measurements.json", "[1]");
  refused(kept, "measurements.json");
}

TEST_CASE("ablate has an example, a table and a CSV file") {
  const temporary_folder folder;
  CHECK(run(folder, "ablate --help").out.find("Example:\n  atlas ablate") != std::string::npos);
  const auto csv = folder / "table.csv";
  const program_run r =
      run(folder, ablate({{"head-dims", "8"}, {"steps", "2"}, {"csv", csv.string()}}));
  REQUIRE(r.status == 0);
  CHECK(r.out.find("How to read this.") != std::string::npos);
  const std::string text = atlas::io::read_text(csv);
  CHECK(std::count(text.begin(), text.end(), '\n') == 1 + 3);
  CHECK(has(text, ",points,version,seed,options\n"));
  CHECK(has(text, ",150,"));
  CHECK(has(text, "--steps 2"));
}
