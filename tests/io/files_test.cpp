// SPDX-License-Identifier: MIT
#include "atlas/io/files.hpp"

#include <cstdio>
#include <memory>
#include <string>

#include "../catch.hpp"
#include "files_for_tests.hpp"

using atlas::format_error;
using atlas::io::read_text;
using atlas::io::write_file;
using atlas_test::temporary_folder;

TEST_CASE("what was written is read back", "[io][files]") {
  const temporary_folder folder;
  const std::string text("a\0b\r\n\xFF", 6);
  write_file(folder / "x", text);
  CHECK(read_text(folder / "x") == text);
  const atlas::io::mapped_file mapped(folder / "x");
  CHECK(mapped.bytes().size() == text.size());
  CHECK(std::to_integer<int>(mapped.bytes()[5]) == 0xFF);
  write_file(folder / "x", {atlas_test::bytes_of("one"), {}, atlas_test::bytes_of("two")});
  CHECK(read_text(folder / "x") == "onetwo");
  write_file(folder / "x", std::string_view());
  CHECK(read_text(folder / "x").empty());
  CHECK(folder.size() == 1);
}

TEST_CASE("files that cannot be read are named", "[io][files]") {
  const temporary_folder folder;
  CHECK_REFUSED(format_error, read_text(folder / "none"), "none", "nothing at this path");
  CHECK_REFUSED(format_error, read_text(folder.path()), folder.path().string(), "a directory");
  CHECK_REFUSED(format_error, atlas::io::mapped_file(folder.write("empty", "")), "empty",
                "0 bytes");
}

TEST_CASE("a Git LFS pointer is no file", "[io][files]") {
  const temporary_folder folder;
  const auto file =
      folder.write("model.safetensors",
                   "version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12345\n");
  CHECK_REFUSED(format_error, read_text(file), "model.safetensors", "git lfs pull");
  CHECK_REFUSED(format_error, atlas::io::mapped_file(file), "model.safetensors", "Git LFS pointer");
}

TEST_CASE("a failed write leaves nothing and harms nothing", "[io][files]") {
  const temporary_folder folder;
  CHECK_REFUSED(atlas::error, write_file(folder / "no" / "x", std::string_view("text")), "x",
                "can be written");
  std::filesystem::create_directories(folder / "taken" / "inside");
  CHECK_REFUSED(atlas::error, write_file(folder / "taken", std::string_view("text")), "taken",
                "can be written");
  CHECK(folder.size() == 1);
  CHECK(std::filesystem::exists(folder / "taken" / "inside"));
}

TEST_CASE("a link stays, and what it leads to is written", "[io][files]") {
  const temporary_folder folder;
  folder.write("file", "before");
  std::filesystem::create_symlink("file", folder / "link");
  std::filesystem::create_symlink(folder / "link", folder / "further");
  std::filesystem::create_symlink("none", folder / "dangling");
  std::filesystem::create_symlink("round", folder / "round");
  write_file(folder / "further", std::string_view("after"));
  CHECK(read_text(folder / "file") == "after");
  write_file(folder / "dangling", std::string_view("text"));
  CHECK(read_text(folder / "none") == "text");
  for (const char* name : {"link", "further", "dangling"})
    CHECK(std::filesystem::is_symlink(folder / name));
  CHECK_REFUSED(atlas::error, write_file(folder / "round", std::string_view("text")), "round",
                "a link that leads to itself");
  CHECK(folder.size() == 6);
}

TEST_CASE("a file that is written again keeps its permissions", "[io][files]") {
  using std::filesystem::perms;
  const temporary_folder folder;
  folder.write("x", "before");
  std::filesystem::permissions(folder / "x", perms::owner_read | perms::owner_write);
  write_file(folder / "x", std::string_view("after"));
  CHECK(std::filesystem::status(folder / "x").permissions() ==
        (perms::owner_read | perms::owner_write));
}

#ifdef __linux__
TEST_CASE("what is no file is written to as it is, and a write names the reason why it failed",
          "[io][files]") {
  // By a number of this process, so that nothing could be put in the place of the device.
  const std::unique_ptr<std::FILE, int (*)(std::FILE*)> full(std::fopen("/dev/full", "wb"),
                                                             &std::fclose);
  if (!full) return;
  const std::string name = "/proc/self/fd/" + std::to_string(::fileno(full.get()));
  CHECK_REFUSED(atlas::error, write_file(name, std::string_view("text")), name,
                "No space left on device");
  CHECK_REFUSED(atlas::error, write_file(name, std::string(100000, 'x')), name,
                "No space left on device");
}
#endif
