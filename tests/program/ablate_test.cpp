// SPDX-License-Identifier: MIT
/// \file
/// Models trained by the program, and runs that were killed.

#include <algorithm>
#include <array>
#include <cmath>
#include <map>
#include <set>
#include <string>
#include <vector>

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

/// A design of seconds.
std::string design(options changed = {}) {
  changed.merge(options{{"factors", "d_head,rotary,rms"},
                        {"design", "half"},
                        {"head-dims", "4,8"},
                        {"model-dim", "32"},
                        {"layers", "2"},
                        {"steps", "2"},
                        {"batch", "2"},
                        {"block-size", "32"},
                        {"held-out", "0.02"},
                        {"points", "60"},
                        {"passages", "6"},
                        {"surrogates", "10"},
                        {"seeds", "2"}});
  std::string command = "ablate";
  for (const auto& [name, value] : changed) command += " --" + name + " '" + value + "'";
  return command + " ";
}

TEST_CASE("a design of models has effects that are those of its runs, whatever the threads") {
  const temporary_folder folder;
  const program_run one = run(folder, design() + "--json - --threads 1");
  INFO(one.err);
  REQUIRE(one.status == 0);
  CHECK(one.err.empty());
  CHECK(one.out == run(folder, design() + "--json - --threads 2").out);
  const auto result = one.json();
  const auto of_design = result["source"]["design"];
  CHECK(of_design["resolution"] == 3);
  CHECK(of_design["words"] == std::vector<std::string>{"d_head x rotary x rms"});
  CHECK(of_design["factors"][2]["not_separable_from"] ==
        std::vector<std::string>{"d_head x rotary"});
  REQUIRE(of_design["cells"].size() == 4);
  // As many parameters, as far as whole units of the MLP go: 65 numbers in each of 2 layers.
  const auto parameters = of_design["cells"][0]["parameters"].get<int>();
  std::set<std::string> levels;
  for (const auto& cell : of_design["cells"]) {
    CHECK(std::abs(cell["parameters"].get<int>() - parameters) <= 65);
    CHECK(cell["heads"].get<int>() * cell["head_dimension"].get<int>() == 32);
    levels.insert(cell["levels"].dump());
  }
  CHECK(levels.size() == 4);
  REQUIRE(result["runs"].size() == 8);
  const std::map<std::string, int> signs_of = {{"d_head", 0}, {"rotary", 1}, {"rms", 2}};
  const std::array<std::array<int, 4>, 3> signs = {
      {{-1, 1, -1, 1}, {-1, -1, 1, 1}, {1, -1, -1, 1}}};
  CHECK(result["effects"].size() == 3 * 5);
  for (const auto* effects : {&result["effects"], &result["effects_on_parts"]})
    for (const auto& e : *effects) {
      const auto& sign = signs.at(static_cast<std::size_t>(signs_of.at(e["factor"])));
      double effect = 0;
      for (const auto& r : result["runs"])
        effect += 0.25 * sign[r["cell"].get<std::size_t>()] *
                  r["outcomes"][e["outcome"].get<std::string>()].get<double>();
      INFO(e);
      CHECK(e["effect"].get<double>() == Approx(effect).margin(1e-10));
      CHECK(e["by_seed"].size() == 2);
      CHECK(e["degrees"] == 1);
      if (!e.contains("p")) continue;
      CHECK(e["p_holm"].get<double>() >= e["p"].get<double>());
      CHECK(e["p"].get<double>() >= e["smallest_p"].get<double>());
      CHECK(e["smallest_p"].get<double>() == Approx(2.0 / 36));
    }
  for (const auto& r : result["runs"]) {
    const auto& o = r["outcomes"];
    CHECK(o["loss"].get<double>() ==
          Approx(std::log(r["perplexity"]["value"].get<double>())).epsilon(1e-12));
    CHECK(o["overlap_excess"].get<double>() ==
          Approx(o["overlap"].get<double>() - o["overlap_null"].get<double>()).margin(1e-12));
    CHECK(r["layers"].size() == 2);
  }
  CHECK(result["mediation"]["exploratory"] == true);
  CHECK(result["mediation"]["outcomes"].size() == 3);
}

TEST_CASE(
    "models that differ in d_head alone have an O_h that follows its null, and nothing else") {
  const temporary_folder folder;
  // Hardly trained: all that differs is how many coordinates a head has.
  const auto result = run(folder, design({{"factors", "d_head,rms"},
                                          {"design", "full"},
                                          {"head-dims", "8,32"},
                                          {"model-dim", "128"},
                                          {"steps", "1"},
                                          {"learning-rate", "1e-9"},
                                          {"points", "90"},
                                          {"seeds", "4"}}) +
                                      "--json -")
                          .json();
  std::map<std::string, std::map<std::string, nlohmann::json>> of;
  for (const auto* effects : {&result["effects"], &result["effects_on_parts"]})
    for (const auto& e : *effects) of[e["outcome"]][e["factor"]] = e;
  const double overlap = of["overlap"]["d_head"]["effect"],
               null = of["overlap_null"]["d_head"]["effect"];
  CHECK(null < -0.2);
  CHECK(overlap == Approx(null).margin(0.05));
  CHECK(of["overlap"]["d_head"]["interval"]["upper"] < -0.2);
  for (const char* outcome : {"overlap_excess", "stream_excess"})
    for (const char* factor : {"d_head", "rms"}) {
      INFO(of[outcome][factor]);
      CHECK(of[outcome][factor]["p"] > 0.01);
      CHECK(of[outcome][factor]["p_holm"] > 0.05);
    }
}

TEST_CASE("a design that was killed goes on and ends as if it had not been, also with more seeds",
          "[bytes]") {
  const temporary_folder folder;
  const auto whole = folder / "whole", killed = folder / "killed";
  const auto into = [](const std::filesystem::path& to, const std::string& seeds) {
    return design({{"seeds", seeds}, {"steps", "20"}, {"out", to.string()}}) + "--json - ";
  };
  const program_run uninterrupted = run(folder, into(whole, "3"));
  REQUIRE(uninterrupted.status == 0);
  const auto expected = files_of(whole);
  // What the parts are of, parts, three files a model, and the results.
  CHECK(expected.size() == 1 + 12 + 12 * 3 + 3);
  const program_run kept =
      run(folder, "measure --model " + (whole / "models/cell-1-seed-2").string() +
                      " --text addresses --blocks 5 --block-size 16 --points 40 "
                      "--min-context 4 --local-dim 2 --surrogates 0 --json -");
  CHECK(kept.status == 0);
  CHECK(has(kept.out, "head_coordinates"));
  CHECK(expected.at("result.json") == uninterrupted.out);
  CHECK(expected.at("effects.csv").starts_with("outcome,factor,"));
  program_run r;
  int attempts = 0;
  for (double seconds = 0.2; attempts < 40; seconds *= 1.4, ++attempts) {
    r = run(folder, into(killed, "3"), killed_after(seconds));
    if (r.status == 0) break;
    CHECK(uninterrupted.out.starts_with(r.out));
  }
  REQUIRE(r.status == 0);
  CHECK(attempts > 0);
  CHECK(files_of(killed) == expected);
  // Fewer seeds are there already, and a part that is damaged is made again.
  atlas::io::write_file(killed / "parts" / "cell-1-seed-0.json", "{ damaged");
  const program_run fewer = run(folder, into(killed, "2"));
  REQUIRE(fewer.status == 0);
  CHECK(has(fewer.err, "resuming: 7 of 8 models are there"));
  CHECK(fewer.out == run(folder, design({{"steps", "20"}}) + "--json -").out);
  CHECK(files_of(killed).at("parts/cell-1-seed-0.json") == expected.at("parts/cell-1-seed-0.json"));
  const program_run other =
      run(folder, design({{"steps", "3"}, {"out", killed.string()}}) + "--json -");
  CHECK(other.status == 2);
  CHECK(has(other.err, "steps 20 (now 3)"));
}

TEST_CASE("a design has a table that says what it cannot separate and what p it cannot reach") {
  const temporary_folder folder;
  const auto csv = folder / "runs.csv";
  const program_run r = run(folder, design({{"csv", csv.string()}}));
  REQUIRE(r.status == 0);
  for (const char* said :
       {"3 factors in 4 cells, 2 seeds each: a fraction of resolution 3",
        "rms is not separable from d_head x rotary", "The smallest p that there can be is 0.056",
        "Too few seeds or cells", "exploratory", "How to read this."}) {
    INFO(said);
    CHECK(has(r.out, said));
  }
  const std::string text = atlas::io::read_text(csv);
  CHECK(text.starts_with("cell,run_seed,d_head,rotary,rms,heads,"));
  CHECK(std::count(text.begin(), text.end(), '\n') == 1 + 8);
  // One factor and two seeds leave nothing for a slope.
  const program_run single =
      run(folder, design({{"factors", "gated"}, {"design", "full"}, {"head-dims", "8"}}));
  REQUIRE(single.status == 0);
  CHECK(has(single.out, "No mediation: dimension of plateau: expected more cells"));
  CHECK(has(single.out, "nothing is confounded"));
}

TEST_CASE("ablate refuses designs that cannot be") {
  const temporary_folder folder;
  const auto refused = [&](const options& changed, const std::string& reason) {
    const program_run r = run(folder, design(changed));
    INFO(design(changed) << "\n" << r.out << r.err);
    CHECK(r.status == 2);
    CHECK(r.one_line_of_error());
    CHECK(has(r.err, reason));
  };
  refused({{"factors", "rms,gated,rms"}}, "--factors: expected different ones, got rms twice");
  refused({{"factors", "kv_heads,grouped"}}, "--factors: expected kv_heads or grouped");
  refused({{"head-dims", "8"}}, "--head-dims: expected two different levels of d_head, got 8");
  refused({{"head-dims", "8,8"}}, "--head-dims: expected two different levels");
  refused({{"head-dims", "4,8,16"}}, "--head-dims: expected two different levels");
  refused({{"head-dims", "4,6"}}, "--head-dims: expected divisors of 32");
  refused({{"model-dim", "33"}, {"head-dims", "3,11"}}, "--head-dims: expected an even number");
  refused({{"factors", "rms,gated,rotary"}}, "--head-dims: expected one number without d_head");
  refused({{"factors", "kv_heads,rms,gated"}, {"head-dims", "8"}, {"kv-heads", "2"}},
          "--kv-heads: expected two different levels of kv_heads, got 2");
  refused({{"factors", "kv_heads,rms,gated"}, {"head-dims", "8"}, {"kv-heads", "2,8"}},
          "--kv-heads: expected divisors of the 4 heads of dimension 8, 2 or more, got 8");
  refused({{"factors", "kv_heads,rms,gated"}, {"head-dims", "8"}, {"kv-heads", "2,3"}}, "got 3");
  refused({{"kv-heads", "2,4"}}, "--kv-heads: expected one number without kv_heads");
  refused({{"factors", "grouped,rms,gated"}, {"head-dims", "8"}, {"kv-heads", "2"}},
          "--kv-heads: expected nothing with grouped");
  refused({{"factors", "grouped,rms,gated"}, {"head-dims", "16"}},
          "--factors grouped: expected an even number of heads, 4 or more");
  refused({{"factors", "rms,gated"}, {"head-dims", "8"}},
          "--design: expected a share that leaves more cells than the 2 factors, got half, which "
          "leaves 2");
  refused({{"factors", "rms"}, {"head-dims", "8"}},
          "--design: expected a share that leaves more cells than the 1 factors");
  refused({{"layers", "1"}}, "--layers: expected at least 2 with --factors");
  refused({{"surrogates", "0"}}, "--surrogates: expected 10 or more");
  refused({{"checkpoints", "1"}}, "--checkpoints");
  refused({{"min-context", "32"}}, "--min-context: expected a whole number from 0 to 31");
  refused({{"points", "9999"}}, "--points: expected at most");
  refused({{"learning-rate", "1e30"}}, "cell-0-seed-0: --learning-rate: expected a learning rate");
  refused({{"save-every", "2"}}, "--save-every");
  refused({{"passages", "4000"}}, "--passages: expected at most the");
  refused({{"seed", "18446744073709551615"}}, "--seed");
  for (const std::string option : {"--kv-heads 2", "--seeds 2", "--design half", "--match width",
                                   "--passages 5", "--permutations 9"}) {
    const program_run r = run(folder, ablate() + option);
    INFO(r.err);
    CHECK(r.status == 2);
    CHECK(has(r.err, "without --factors"));
  }
  // Matching by width leaves the MLP as it is, and groups have half as many keys.
  const auto width =
      run(folder,
          design({{"match", "width"}, {"factors", "grouped,rms,gated"}, {"head-dims", "8"}}) +
              "--json -")
          .json();
  for (const auto& cell : width["source"]["design"]["cells"]) {
    CHECK(cell["mlp_dimension"] == 128);
    CHECK(cell["key_value_heads"] == (cell["levels"]["grouped"] == "2 queries a key" ? 2 : 4));
  }
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
