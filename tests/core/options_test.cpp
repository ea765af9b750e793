// SPDX-License-Identifier: MIT
/// Options structs hold no nested default that naming a field of it would undo.
#include <filesystem>
#include <fstream>
#include <regex>
#include <string>

#include "../catch.hpp"

TEST_CASE("nested options have the defaults of their own type") {
  // `x_options x = {.field = value}`: `{.x = {.other = value}}` would put back the type's own
  // field.
  const std::regex nested(R"(^\s+[a-z_:]+_options [a-z_]+ ?=? ?\{\s*\.)");
  const std::filesystem::path headers =
      std::filesystem::path(ATLAS_TEST_DATA).parent_path().parent_path() / "include";
  std::size_t read = 0;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(headers)) {
    if (entry.path().extension() != ".hpp") continue;
    ++read;
    std::ifstream file(entry.path());
    bool in_options = false;
    for (std::string line; std::getline(file, line);) {
      if (std::regex_search(line, std::regex(R"(^struct \w*options\b)"))) in_options = true;
      if (line == "};") in_options = false;
      CAPTURE(entry.path().string(), line);
      if (in_options) CHECK_FALSE(std::regex_search(line, nested));
    }
  }
  CHECK(read > 100);
}
