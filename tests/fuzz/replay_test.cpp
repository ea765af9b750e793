// SPDX-License-Identifier: MIT
/// \file
/// Seeds of the fuzz targets, and the cases that were found, without libFuzzer: any compiler.

#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>
#include <map>
#include <string>
#include <vector>

#include "target.hpp"

namespace {

namespace fs = std::filesystem;

const fs::path here = ATLAS_FUZZ_DATA;

/// Files of each target: those of a folder, and those that `seeds.txt` names.
std::map<std::string, std::vector<fs::path>> files_in(const char* folder) {
  std::map<std::string, std::vector<fs::path>> found;
  if (!fs::exists(here / folder)) return found;
  for (const auto& entry : fs::recursive_directory_iterator(here / folder))
    if (entry.is_regular_file())
      found[entry.path().parent_path().filename().string()].push_back(entry.path());
  return found;
}

std::map<std::string, std::vector<fs::path>> seeds() {
  auto found = files_in("seeds");
  std::ifstream list(here / "seeds.txt");
  for (std::string target, file; list >> target >> file;)
    found[target].push_back(here / "../.." / file);
  return found;
}

atlas_fuzz::bytes mapped(const fs::path& file, std::vector<std::byte>& bytes) {
  const std::string text = atlas::io::read_text(file);
  const auto all = std::as_bytes(std::span(text));
  bytes.assign(all.begin(), all.end());  // of exactly this size, for sanitizers
  return bytes;
}

/// How many the target takes. Anything but atlas::error ends the test.
std::size_t taken(const atlas_fuzz::target& target, const std::vector<fs::path>& files) {
  std::size_t count = 0;
  std::vector<std::byte> bytes;
  for (const fs::path& file : files) {
    CAPTURE(target.name, file);
    CHECK_NOTHROW(count += atlas_fuzz::takes(target, mapped(file, bytes)) ? 1 : 0);
  }
  return count;
}

}  // namespace

TEST_CASE("each target takes some of its seeds, and refuses the others by an error of its own") {
  const auto files = seeds();
  CHECK(files.size() == atlas_fuzz::targets().size());
  for (const atlas_fuzz::target& target : atlas_fuzz::targets()) {
    CAPTURE(target.name);
    const auto found = files.find(std::string(target.name));
    REQUIRE(found != files.end());
    CHECK(taken(target, found->second) > 0);
  }
}

TEST_CASE("each target refuses the beginnings of its seeds, whatever their length") {
  const auto files = seeds();
  for (const atlas_fuzz::target& target : atlas_fuzz::targets()) {
    std::vector<std::byte> bytes;
    const auto whole = mapped(files.at(std::string(target.name)).front(), bytes);
    const std::size_t step = whole.size() / 40 + 1;
    for (std::size_t size = 0; size < whole.size(); size += step) {
      const std::vector<std::byte> begin(whole.begin(),
                                         whole.begin() + static_cast<std::ptrdiff_t>(size));
      CAPTURE(target.name, size);
      CHECK_NOTHROW(atlas_fuzz::takes(target, begin));
    }
  }
}

TEST_CASE("what fuzzing found is refused or read, by an error of its own at most") {
  const auto files = files_in("regressions");
  for (const atlas_fuzz::target& target : atlas_fuzz::targets())
    if (const auto found = files.find(std::string(target.name)); found != files.end())
      taken(target, found->second);
}
