// SPDX-License-Identifier: MIT
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "../catch.hpp"
#include "../program/program_for_tests.hpp"
#include "atlas/core/random.hpp"
#include "atlas/io/npy.hpp"

namespace failing_program_test {

using namespace atlas_test;

void write_normal(const std::filesystem::path& file, atlas::index_t rows, atlas::index_t columns) {
  atlas::owned_tensor<double, 2> x({rows, columns});
  atlas::random_stream random(11);
  for (atlas::index_t i = 0; i < x.size(); ++i) x.mutable_view().data()[i] = random.normal();
  atlas::io::write_npy(file, x);
}

/// All files of a folder, by their names in it.
std::map<std::string, std::string> files_of(const std::filesystem::path& folder) {
  std::map<std::string, std::string> out;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder))
    if (entry.is_regular_file())
      out[std::filesystem::relative(entry.path(), folder).generic_string()] =
          atlas::io::read_text(entry.path());
  return out;
}

/// Each time with an old result in the place of the new, if that is a file.
struct command {
  std::string name, arguments;
  std::vector<std::string> files;  ///< that it replaces
};

program_run run_refusing(const temporary_folder& folder, const command& c, long number) {
  std::filesystem::remove_all(folder / "out");
  std::filesystem::create_directories(folder / "out");
  for (const std::string& file : c.files) atlas::io::write_file(folder / ("out/" + file), "old");
  return run(folder, c.arguments,
             "cd " + quoted(folder.path()) + " && env LD_PRELOAD=" + ATLAS_REFUSING_MEMORY +
                 " ATLAS_ALLOCATIONS=allocations ATLAS_REFUSED=" + std::to_string(number));
}

/// A run ends in order: its status, one line of error, and no file but whole ones, old or new.
/// \return whether it ended in a place that no error can leave
bool check_ending(const program_run& r, const std::map<std::string, std::string>& found,
                  const std::map<std::string, std::string>& wanted) {
  CAPTURE(r.status, r.err);
  CHECK((r.status == 0 || r.status == 2));
  if (r.status == 2) CHECK(r.one_line_of_error());
  if (r.status == 0) CHECK(found == wanted);
  const bool at_once = r.err.find("not even to stop in order") != std::string::npos;
  for (const auto& [name, text] : found) {
    CAPTURE(name);
    // What is being written is beside its place, and stays there as after a kill; so does the file
    // of the folder's lock, which nobody has any more.
    const bool left = name.find(".tmp-") != std::string::npos || name.ends_with("/lock");
    const auto same = wanted.find(name);
    CHECK(((left && at_once) || text == "old" || (same != wanted.end() && same->second == text)));
  }
  return at_once;
}

TEST_CASE("a command whose memory runs out says so and leaves whole files alone") {
  const temporary_folder folder;
  write_normal(folder / "x.npy", 120, 3);
  write_normal(folder / "w.npy", 12, 8);
  write_normal(folder / "a.npy", 60, 8);
  const char* text = std::getenv("ATLAS_CASES");
  const long cases = text == nullptr ? 4 : std::max(1L, std::atol(text));
  const std::string model = " --blocks 2 --block-size 48 --layers 1 --threads 2 --quiet";
  const std::vector<command> commands = {
      {"two-nn", "two-nn x.npy --surrogates 10 --json out/r.json --quiet --threads 2", {"r.json"}},
      {"dimension",
       "dimension x.npy --estimators two_nn,mle:k=10,ess:k=10 --json out/r.json --csv out/r.csv "
       "--quiet --threads 2",
       {"r.json", "r.csv"}},
      {"quantize-matrix",
       "quantize-matrix w.npy --activations a.npy --basis gptq --out out/q.npy --quiet --threads 2",
       {"q.npy"}},
      {"measure",
       "measure --points 60 --surrogates 0 --json out/r.json --csv out/r.csv" + model,
       {"r.json", "r.csv"}},
      {"thermo", "thermo --permutations 99 --draws 2 --json out/r.json" + model, {"r.json"}},
      {"quantize",
       "quantize --calibration-blocks 2 --bits 3 --methods gptq,random --draws 2 --out out/q" +
           model,
       {}}};
  for (const command& c : commands) {
    const program_run whole = run_refusing(folder, c, -1);
    INFO(c.name << ": " << whole.err);
    REQUIRE(whole.status == 0);
    const auto wanted = files_of(folder / "out");
    const long all = std::stol(atlas::io::read_text(folder / "allocations"));
    long at_once = 0;
    for (long i = 0; i < cases; ++i) {
      const long number = cases == 1 ? 0 : i * (all - 1) / (cases - 1);
      INFO("allocation " << number << " of " << all);
      const program_run r = run_refusing(folder, c, number);
      at_once += check_ending(r, files_of(folder / "out"), wanted) ? 1 : 0;
    }
    std::printf("%s: %ld allocations, %ld refused, of which %ld ended at once\n", c.name.c_str(),
                all, cases, at_once);
  }
}

}  // namespace failing_program_test
