// SPDX-License-Identifier: MIT
#include "leftovers.hpp"

#include <algorithm>
#include <cctype>
#include <chrono>
#include <string>
#include <system_error>
#include <vector>

namespace atlas_program {

namespace {

namespace fs = std::filesystem;

constexpr std::string_view mark = ".tmp-";
constexpr std::size_t digits_after_it = 16;

/// Before anything in it is removed; what cannot be read has nothing.
std::vector<fs::path> entries_of(const fs::path& folder) {
  std::error_code failure;
  std::vector<fs::path> found;
  for (fs::directory_iterator i(folder, failure), end; !failure && i != end; i.increment(failure))
    found.push_back(i->path());
  return found;
}

}  // namespace

bool is_leftover(const fs::path& file) {
  const std::string name = file.filename().string();
  const std::size_t at = name.rfind(mark);
  return at != std::string::npos && name.size() == at + mark.size() + digits_after_it &&
         std::all_of(name.begin() + static_cast<std::ptrdiff_t>(at + mark.size()), name.end(),
                     [](unsigned char c) { return std::isxdigit(c) != 0; });
}

void remove_leftovers(const fs::path& folder) {
  std::error_code ignored;
  for (const fs::path& entry : entries_of(folder))
    if (is_leftover(entry))
      fs::remove_all(entry, ignored);
    else if (fs::is_directory(entry, ignored) && !fs::is_symlink(entry, ignored))
      remove_leftovers(entry);
}

void remove_old_leftovers_of(const fs::path& file) {
  const std::string begin = file.filename().string() + std::string(mark);
  const auto old = fs::file_time_type::clock::now() - std::chrono::hours(1);
  const fs::path folder = file.has_parent_path() ? file.parent_path() : fs::path(".");
  for (const fs::path& entry : entries_of(folder)) {
    std::error_code failure;
    if (!entry.filename().string().starts_with(begin) || !is_leftover(entry)) continue;
    const auto touched = fs::last_write_time(entry, failure);
    if (!failure && touched < old) fs::remove(entry, failure);
  }
}

}  // namespace atlas_program
