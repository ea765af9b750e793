// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// What is fuzzed: readers by name, each a function of the bytes of a file.

#include <unistd.h>

#include <cstddef>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "atlas/core/errors.hpp"
#include "atlas/io/files.hpp"

namespace atlas_fuzz {

using bytes = std::span<const std::byte>;

/// A reader. It may throw atlas::error, which is how files are refused, and nothing else.
struct target {
  std::string_view name;
  void (*read)(bytes input);
};

/// All that were registered, in any order.
inline std::vector<target>& targets() {
  static std::vector<target> all;
  return all;
}

/// One at namespace scope makes a reader a target.
struct registered {
  registered(std::string_view name, void (*read)(bytes)) { targets().push_back({name, read}); }
};

/// Whether the reader took the bytes. Whatever else it throws is passed on: a finding.
inline bool takes(const target& reader, bytes input) {
  try {
    reader.read(input);
    return true;
  } catch (const atlas::error&) {
    return false;
  }
}

/// Calls `use` where a refusal of an earlier step does not keep this one from being tried.
template <class Use>
void tried(Use&& use) {
  try {
    use();
  } catch (const atlas::error&) {
  }
}

inline std::string_view text_of(bytes input) {
  return {reinterpret_cast<const char*>(input.data()), input.size()};
}

/// A folder of this process, which goes away when it ends.
class own_folder {
 public:
  own_folder() : path_(std::filesystem::temp_directory_path() / name()) {
    std::filesystem::create_directories(path_);
  }
  own_folder(const own_folder&) = delete;
  own_folder& operator=(const own_folder&) = delete;
  ~own_folder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }

  std::filesystem::path operator/(const std::string& file) const { return path_ / file; }

 private:
  static std::string name() { return "atlas-fuzz-" + std::to_string(::getpid()); }

  std::filesystem::path path_;
};

/// The bytes as a file, for readers that open one.
inline std::filesystem::path file_of(bytes input, const std::string& name) {
  static const own_folder folder;
  atlas::io::write_file(folder / name, input);
  return folder / name;
}

}  // namespace atlas_fuzz
