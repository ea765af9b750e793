// SPDX-License-Identifier: MIT
#include "atlas/io/tokens.hpp"

#include <cstdint>
#include <limits>
#include <string>
#include <type_traits>
#include <vector>

#include "../catch.hpp"
#include "atlas/io/npy.hpp"
#include "files_for_tests.hpp"

using namespace atlas_test;
namespace io = atlas::io;

namespace {

template <class T>
std::filesystem::path written(const temporary_folder& folder, const std::vector<T>& values) {
  io::write_npy(
      folder / "ids.npy",
      atlas::tensor_view<const T, 1>(values.data(), {static_cast<atlas::index_t>(values.size())}));
  return folder / "ids.npy";
}

template <class T>
void check_read() {
  const temporary_folder folder;
  const auto ids = io::read_tokens(written<T>(folder, {3, 0, 99, 3}), 100);
  CHECK(std::vector<atlas::index_t>(ids.data(), ids.data() + ids.size()) ==
        std::vector<atlas::index_t>{3, 0, 99, 3});
}

}  // namespace

TEST_CASE("ids of tokens are read from whole numbers of any type", "[io]") {
  check_read<std::int32_t>();
  check_read<std::int64_t>();
  check_read<std::int16_t>();
  check_read<std::int8_t>();
  check_read<std::uint64_t>();
  check_read<std::uint32_t>();
  check_read<std::uint16_t>();
  check_read<std::uint8_t>();
  const temporary_folder folder;
  CHECK(io::read_tokens(written<std::int32_t>(folder, {}), 5).size() == 0);
}

TEST_CASE("ids that a model has no row for are refused by index, and other arrays by what they are",
          "[io]") {
  const temporary_folder folder;
  const auto file = written<std::int32_t>(folder, {1, 99, 100, 101});
  CHECK(io::read_tokens(file, 102).size() == 4);
  CHECK_REFUSED(atlas::value_error, io::read_tokens(file, 100), "ids.npy: ids[2]",
                "from 0 to 99, got 100");
  CHECK_REFUSED(atlas::value_error, io::read_tokens(file, 0), "rows", "0");
  CHECK_REFUSED(atlas::value_error, io::read_tokens(written<std::int64_t>(folder, {5, -1}), 9),
                "ids.npy: ids[1]", "from 0 to 8, got -1");
  CHECK_REFUSED(
      atlas::format_error,
      io::read_tokens(
          written<std::uint64_t>(folder, {1, (std::numeric_limits<std::uint64_t>::max)()}), 9),
      "ids.npy", "element 1");
  CHECK_REFUSED(atlas::format_error, io::read_tokens(written<double>(folder, {1, 2}), 9), "ids.npy",
                "whole numbers, got F64");
  CHECK_REFUSED(atlas::format_error, io::read_tokens(written<float>(folder, {1, 2}), 9), "ids.npy",
                "whole numbers, got F32");
  const bool truths[] = {true, false};
  io::write_npy(folder / "truths.npy", atlas::tensor_view<const bool, 1>(truths, {2}));
  CHECK_REFUSED(atlas::format_error, io::read_tokens(folder / "truths.npy", 9), "truths.npy",
                "whole numbers, got BOOL");
  const std::vector<std::int64_t> six = {0, 1, 2, 3, 4, 5};
  io::write_npy(folder / "rows.npy", atlas::tensor_view<const std::int64_t, 2>(six.data(), {2, 3}));
  CHECK_REFUSED(atlas::shape_error, io::read_tokens(folder / "rows.npy", 9), "rows.npy",
                "one axis, got shape [2, 3]");
  std::string scalar = io::read_text(written<std::int64_t>(folder, {5}));
  scalar.replace(scalar.find("(1, )"), 5, "()   ");
  CHECK_REFUSED(atlas::shape_error, io::read_tokens(folder.write("scalar.npy", scalar), 9),
                "scalar.npy", "one axis, got shape []");
  const std::string whole = io::read_text(written<std::int64_t>(folder, six));
  folder.write("short.npy", whole.substr(0, whole.size() - 3));
  CHECK_REFUSED(atlas::format_error, io::read_tokens(folder / "short.npy", 9), "short.npy",
                "truncated");
  CHECK_REFUSED(atlas::format_error, io::read_tokens(folder.write("text.npy", "words"), 9),
                "text.npy", "expected");
  CHECK_REFUSED(atlas::format_error, io::read_tokens(folder / "none.npy", 9), "none.npy",
                "nothing");
}

TEST_CASE("blocks are the first tokens, one block after the other", "[io]") {
  const std::vector<std::int32_t> row = {0, 10, 20, 30, 40, 50, 60};
  const auto blocks = io::token_blocks(row, 2, 3);
  CHECK(blocks.extents() == atlas::shape<2>{2, 3});
  for (atlas::index_t i = 0; i < 6; ++i) CHECK(blocks(i / 3, i % 3) == 10 * i);
  CHECK(io::token_blocks(row, 0, 2).extents() == atlas::shape<2>{3, 2});
  CHECK_REFUSED(atlas::value_error, io::token_blocks(row, 3, 3), "9 tokens for 3 blocks of 3",
                "got 7");
  CHECK_REFUSED(atlas::value_error, io::token_blocks(row, 0, 8), "8 tokens for 1 blocks of 8",
                "got 7");
  CHECK_REFUSED(atlas::value_error, io::token_blocks(row, 1, 0), "tokens_per_block", "0");
  CHECK_REFUSED(atlas::value_error, io::token_blocks(row, -1, 2), "blocks", "-1");
}
