#include "../../examples/atlas/dispatch.hpp"

#include <filesystem>
#include <fstream>

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

TEST_CASE("a processor that has a later instruction set has the earlier one") {
  const auto sets = atlas_program::instruction_sets();
  CHECK((sets.empty() || sets.back() == "avx2"));
}
