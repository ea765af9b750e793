// SPDX-License-Identifier: MIT
#include "../../examples/atlas/dispatch.hpp"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include "../catch.hpp"
#include "../io/files_for_tests.hpp"

TEST_CASE("the best build beside the program that the processor can run is chosen") {
  const atlas_test::temporary_folder folder;
  const std::filesystem::path here = folder.path();
  using atlas_program::best_build;
  CHECK(best_build(here, {"avx512vnni", "avx2"}).empty());
  std::ofstream(here / "atlas-avx2") << "x";
  CHECK(best_build(here, {"avx512vnni", "avx2"}) == here / "atlas-avx2");
  CHECK(best_build(here, {}).empty());
  std::ofstream(here / "atlas-avx512vnni") << "x";
  CHECK(best_build(here, {"avx512vnni", "avx2"}) == here / "atlas-avx512vnni");
  CHECK(best_build(here, {"avx2"}) == here / "atlas-avx2");
  std::filesystem::create_directory(here / "atlas-other");
  CHECK(best_build(here, {"other"}).empty());
}

TEST_CASE("instruction sets are those that the kernel sees in the processor") {
  std::set<std::string> flags;
  std::ifstream information("/proc/cpuinfo");
  for (std::string line; flags.empty() && std::getline(information, line);)
    if (line.starts_with("flags")) {
      std::istringstream words(line);
      flags = {std::istream_iterator<std::string>(words), {}};
    }
  const auto has = [&](const std::vector<std::string>& wanted) {
    return std::all_of(wanted.begin(), wanted.end(),
                       [&](const std::string& flag) { return flags.contains(flag); });
  };
  std::vector<std::string> sets;
  const bool avx2 = has({"avx2", "fma", "bmi2"});
  if (avx2 && has({"avx512f", "avx512bw", "avx512cd", "avx512dq", "avx512vl", "avx512_vnni"}))
    sets.emplace_back("avx512vnni");
  if (avx2) sets.emplace_back("avx2");
  CHECK(atlas_program::instruction_sets() == sets);
}
