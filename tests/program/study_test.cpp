// SPDX-License-Identifier: MIT
/// \file
/// The study through the program: the same bytes for every number of threads and for runs that were
/// killed, and folders that it leaves alone.

#include <filesystem>
#include <fstream>
#include <map>
#include <sstream>
#include <string>
#include <vector>

#include "../catch.hpp"
#include "program_for_tests.hpp"

using namespace atlas_test;

namespace {

namespace fs = std::filesystem;

/// A study of one model that takes seconds.
const std::string small_study =
    "study --model tiny-llama --text moby-dick --text addresses --blocks 5 --block-size 48 "
    "--points 90 --surrogates 10 --manifold-draws 10 --epochs 3 --local-dim 4 ";

std::string into(const fs::path& folder) {
  return "--out '" + folder.string() + "' ";
}

/// All files below a folder, by name.
std::map<std::string, std::string> contents(const fs::path& folder) {
  std::map<std::string, std::string> files;
  for (const auto& entry : fs::recursive_directory_iterator(folder))
    if (entry.is_regular_file())
      files[fs::relative(entry.path(), folder).string()] = atlas::io::read_text(entry.path());
  return files;
}

/// The fields of a line of CSV; commas between quotes are part of their field.
std::vector<std::string> fields_of(const std::string& line) {
  std::vector<std::string> fields(1);
  bool quoted = false;
  for (const char c : line) {
    if (c == '"')
      quoted = !quoted;
    else if (c == ',' && !quoted)
      fields.emplace_back();
    else
      fields.back() += c;
  }
  return fields;
}

/// The first row of a table, by the names of its columns.
std::map<std::string, std::string> columns_of(const std::string& csv) {
  std::istringstream lines(csv);
  std::string header, row;
  std::getline(lines, header);
  std::getline(lines, row);
  const std::vector<std::string> names = fields_of(header), fields = fields_of(row);
  REQUIRE(names.size() == fields.size());
  std::map<std::string, std::string> fields_by_name;
  for (std::size_t i = 0; i < names.size(); ++i) fields_by_name[names[i]] = fields[i];
  return fields_by_name;
}

std::size_t count_parts(const fs::path& folder) {
  std::size_t count = 0;
  if (!fs::exists(folder / "parts")) return 0;
  for (const auto& entry : fs::directory_iterator(folder / "parts"))
    count += entry.path().extension() == ".json" && entry.path().stem() != "study" ? 1 : 0;
  return count;
}

}  // namespace

TEST_CASE("a study is the same for every number of threads, and when it was killed", "[bytes]") {
  const temporary_folder folder;
  const program_run one = run(folder, small_study + into(folder / "one") + "--threads 1");
  REQUIRE(one.status == 0);
  CHECK(one.err.empty());
  CHECK(one.out.starts_with("# Study\n"));
  const auto whole = contents(folder / "one");
  const std::size_t parts = count_parts(folder / "one");
  CHECK(parts == 2 * (6 + 3 + 6));
  CHECK(whole.size() == parts + 7);
  CHECK(run(folder, small_study + into(folder / "two") + "--threads 2").status == 0);
  CHECK(contents(folder / "two") == whole);

  // Killed again and again, later every time, until it gets to the end.
  const fs::path killed = folder / "killed";
  bool resumed = false;
  for (int tenths = 5;; tenths += tenths / 2) {
    const std::size_t there = count_parts(killed);
    const program_run r =
        run(folder, small_study + into(killed),
            "timeout -s KILL " + std::to_string(tenths / 10) + "." + std::to_string(tenths % 10));
    if (there > 0 && there < parts && has(r.err, "resuming")) {
      // A shell may add that the program was killed.
      CHECK(r.err.starts_with("atlas: resuming: " + std::to_string(there) + " of " +
                              std::to_string(parts) + " parts are there\n"));
      resumed = true;
    }
    if (r.status == 0) break;
  }
  CHECK(resumed);
  CHECK(contents(killed) == whole);

  // A part that is damaged, one that is gone and one that was being written.
  fs::resize_file(killed / "parts" / "model-0-text-0-layer-2.json", 100);
  fs::remove(killed / "parts" / "model-0-text-1-atlas.json");
  std::ofstream(killed / "parts" / "model-0-text-1-atlas.json.tmp-0123456789abcdef") << "{";
  const program_run again = run(folder, small_study + into(killed));
  CHECK(again.status == 0);
  CHECK(again.err == "atlas: resuming: " + std::to_string(parts - 2) + " of " +
                         std::to_string(parts) + " parts are there\n");
  CHECK(again.out == one.out);
  CHECK(contents(killed) == whole);

  // Other options are another study.
  const program_run other = run(folder, small_study + into(killed) + "--seed 1");
  CHECK(other.status == 2);
  CHECK(other.one_line_of_error());
  CHECK(has(other.err, "seed 0 (now 1)"));
  CHECK(contents(killed) == whole);
}

TEST_CASE("a study has its claims with verdicts, and tables") {
  const temporary_folder folder;
  const program_run r = run(folder,
                            "study --text moby-dick --blocks 5 --block-size 48 --points 90 "
                            "--surrogates 10 --manifold-draws 10 --epochs 1 --json - --quiet " +
                                into(folder / "both"));
  REQUIRE(r.status == 0);
  CHECK(r.err.empty());
  CHECK(r.out == atlas::io::read_text(folder / "both" / "study.json"));
  const auto study = r.json();
  std::map<std::string, std::size_t> findings;
  for (const auto& claim : study["claims"]) {
    findings[claim["id"]] = claim["findings"].size();
    for (const auto& f : claim["findings"]) CHECK(f["verdict"].is_string());
  }
  CHECK(findings["overlap"] == 12);
  CHECK(findings["gqa-intra"] == 6);
  CHECK(findings["architectures"] == 3);
  CHECK(findings["corpus-dimension"] == 0);
  CHECK(findings["profile-dimension"] == 2);
  CHECK(findings["scale-overlap"] == 1);
  CHECK(findings["robust-k"] == 14);
  CHECK(findings["maturation-overlap"] == 4);
  const auto heads = atlas::io::read_text(folder / "both" / "heads.csv");
  CHECK(std::count(heads.begin(), heads.end(), '\n') == 1 + 2 * 6 * 6);
  const auto table = columns_of(heads);
  const auto first = study["parts"]["model-0-text-0-layer-0"]["heads"][0];
  for (const std::string key : {"mean", "sd", "z", "p"}) {
    const auto null = first["none"]["surrogate"][key].get<double>();
    CHECK(std::stod(table.at("surrogate_" + key)) == null);
    CHECK(std::stod(table.at("surrogate_" + key + "_distinct_passages")) ==
          first["distinct"]["surrogate"][key].get<double>());
  }
  CHECK(table.at("fault").empty());
  for (const std::string name : {"heads", "findings", "overlaps", "autoencoders"}) {
    INFO(name);
    const auto fields_by_name = columns_of(atlas::io::read_text(folder / "both" / (name + ".csv")));
    CHECK(fields_by_name.at("points") == "90");
    CHECK(fields_by_name.at("version") == study["run"]["version"].get<std::string>());
    CHECK(fields_by_name.at("seed") == "0");
    CHECK(has(fields_by_name.at("options"), "--block-size 48"));
  }
  CHECK(study["points"] == 90);
  CHECK(study["run"]["options"]["--surrogates"] == 10);
  CHECK(has(atlas::io::read_text(folder / "both" / "summary.md"), "| Autoencoders beat PCA |"));
}

TEST_CASE("a study refuses what it cannot work on") {
  const temporary_folder folder;
  const auto refused = [&](const std::string& arguments, std::string_view part) {
    const program_run r = run(folder, "study " + arguments);
    INFO(arguments << "\n" << r.err);
    CHECK(r.status == 2);
    CHECK(r.one_line_of_error());
    CHECK(r.out.empty());
    CHECK(has(r.err, part));
  };
  const std::string out = into(folder / "out");
  refused(out + "--model no-such-model", "no-such-model");
  refused(out + "--text no-such-text", "no-such-text");
  refused(out + "--model tiny-gpt2 --model tiny-gpt2", "tiny-gpt2 twice");
  refused(out + "--blocks 4", "--blocks");
  refused(out + "--block-size 300", "--block-size");
  refused(out + "--min-context 256", "--min-context");
  refused(out + "--local-dim 33", "--local-dim");
  refused(out + "--points 10", "--points");
  refused(out + "--surrogates 9", "--surrogates");
  CHECK_FALSE(fs::exists(folder / "out"));
  folder.write("file", "text");
  refused(into(folder / "file"), "file");
  refused(into(folder / "file" / "below"), "below");
  fs::create_directories(folder / "full");
  atlas::io::write_file(folder / "full" / "mine", std::string_view("text"));
  refused(into(folder / "full"), "a folder of other things");
  CHECK(contents(folder / "full").size() == 1);
}
