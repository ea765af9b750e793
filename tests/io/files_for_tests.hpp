// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// What the tests of files share: a folder that goes away, and the message of an error.

#include <cstddef>
#include <filesystem>
#include <random>
#include <span>
#include <string>
#include <string_view>

#include "../messages.hpp"
#include "atlas/io/files.hpp"

namespace atlas_test {

/// An empty folder that is removed with everything in it.
class temporary_folder {
 public:
  temporary_folder() {
    std::random_device entropy;
    path_ = std::filesystem::temp_directory_path() /
            ("atlas-test-" + std::to_string(entropy()) + "-" + std::to_string(entropy()));
    std::filesystem::create_directories(path_);
  }
  temporary_folder(const temporary_folder&) = delete;
  temporary_folder& operator=(const temporary_folder&) = delete;
  ~temporary_folder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }

  const std::filesystem::path& path() const { return path_; }
  std::filesystem::path operator/(const std::string& name) const { return path_ / name; }
  std::filesystem::path write(const std::string& name, std::string_view text) const {
    atlas::io::write_file(path_ / name, text);
    return path_ / name;
  }
  std::size_t size() const {
    std::size_t n = 0;
    for ([[maybe_unused]] const auto& entry : std::filesystem::directory_iterator(path_)) ++n;
    return n;
  }

 private:
  std::filesystem::path path_;
};

inline std::span<const std::byte> bytes_of(std::string_view text) {
  return std::as_bytes(std::span(text));
}

}  // namespace atlas_test
