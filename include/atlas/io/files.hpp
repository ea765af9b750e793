// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// Whole files: mapped or read at once, and written so that nothing half done is ever left.

#include <boost/interprocess/exceptions.hpp>
#include <boost/interprocess/file_mapping.hpp>
#include <boost/interprocess/mapped_region.hpp>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <random>
#include <span>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include "atlas/core/errors.hpp"
#include "atlas/core/lazy.hpp"

namespace atlas::inline ATLAS_ABI::io {

namespace detail {

/// The size in bytes of a regular file.
/// \throws format_error naming the path when there is none.
inline std::uintmax_t regular_file_size(const std::filesystem::path& file) {
  std::error_code failure;
  const auto status = std::filesystem::status(file, failure);
  if (!std::filesystem::exists(status))
    throw format_error(file.string(), "a file", "nothing at this path");
  if (std::filesystem::is_directory(status))
    throw format_error(file.string(), "a file", "a directory");
  if (!std::filesystem::is_regular_file(status))
    throw format_error(file.string(), "a regular file", "something else");
  const std::uintmax_t size = std::filesystem::file_size(file, failure);
  if (failure) throw format_error(file.string(), "a readable file", failure.message());
  return size;
}

/// Where a repository was cloned without its large files, short texts stand in their places.
/// \throws format_error naming the file when its bytes are such a text
inline void refuse_git_lfs_pointer(std::span<const std::byte> bytes,
                                   const std::filesystem::path& file) {
  constexpr std::string_view begin = "version https://git-lfs";
  if (std::string_view(reinterpret_cast<const char*>(bytes.data()), bytes.size())
          .starts_with(begin))
    throw format_error(file.string(), "the file itself",
                       "a Git LFS pointer to it (run git lfs pull in its repository)");
}

}  // namespace detail

/// A file mapped into memory for reading. Neither copied nor moved: share it by `shared_ptr`.
/// The file must not be shortened while it is mapped.
class mapped_file {
 public:
  /// \throws format_error naming the path for a missing, empty or unreadable file, and for a Git
  /// LFS pointer in the place of one.
  template <class = lazy>
  explicit mapped_file(const std::filesystem::path& file) {
    if (detail::regular_file_size(file) == 0)
      throw format_error(file.string(), "a file with something in it", "0 bytes");
    try {
      namespace ipc = boost::interprocess;
      const ipc::file_mapping mapping(file.string().c_str(), ipc::read_only);
      region_ = ipc::mapped_region(mapping, ipc::read_only);
    } catch (const boost::interprocess::interprocess_exception& reason) {
      throw format_error(file.string(), "a readable file", reason.what());
    }
    detail::refuse_git_lfs_pointer(bytes(), file);
  }
  mapped_file(const mapped_file&) = delete;
  mapped_file& operator=(const mapped_file&) = delete;

  [[nodiscard]] std::span<const std::byte> bytes() const {
    return {static_cast<const std::byte*>(region_.get_address()), region_.get_size()};
  }

 private:
  boost::interprocess::mapped_region region_;
};

/// The bytes of a file, unchanged. An empty file is an empty string.
/// \throws format_error naming the path for a missing or unreadable file, and for a Git LFS
/// pointer.
template <class = lazy>
[[nodiscard]] std::string read_text(const std::filesystem::path& file) {
  if (detail::regular_file_size(file) == 0) return {};
  const mapped_file mapped(file);
  const auto bytes = mapped.bytes();
  return std::string(reinterpret_cast<const char*>(bytes.data()), bytes.size());
}

namespace detail {

/// A name beside `file` that nobody else uses.
template <class = lazy>
std::filesystem::path temporary_beside(const std::filesystem::path& file) {
  static constexpr char digits[] = "0123456789abcdef";
  std::random_device entropy;
  std::string suffix = ".tmp-";
  for (int i = 0; i < 16; ++i) suffix += digits[entropy() % 16U];
  std::filesystem::path beside = file;
  return beside += suffix;
}

/// Removes a temporary unless it was renamed in time. Refers to its path: a copy could fail for
/// want of memory, after the file was made.
class temporary_file {
 public:
  explicit temporary_file(const std::filesystem::path& path) : path_(path) {}
  temporary_file(const temporary_file&) = delete;
  temporary_file& operator=(const temporary_file&) = delete;
  ~temporary_file() {
    std::error_code ignored;
    if (!renamed_) std::filesystem::remove(path_, ignored);
  }

  void rename_to(const std::filesystem::path& target) {
    std::error_code failure;
    std::filesystem::rename(path_, target, failure);
    if (failure) throw error(target.string(), "a path that can be written", failure.message());
    renamed_ = true;
  }

 private:
  const std::filesystem::path& path_;
  bool renamed_ = false;
};

[[noreturn]] inline void refuse_to_write(const std::filesystem::path& file,
                                         const std::string& reason) {
  throw error(file.string(), "a path that can be written", reason);
}

using file_handle = std::unique_ptr<std::FILE, int (*)(std::FILE*)>;

/// \param named what an error names in the place of the path; empty: the path itself
/// \throws error with the system's reason where the file cannot be opened
inline file_handle opened_to_write(const std::filesystem::path& file, const char* mode,
                                   const std::filesystem::path& named = {}) {
  file_handle opened(std::fopen(file.string().c_str(), mode), &std::fclose);
  if (!opened)
    refuse_to_write(named.empty() ? file : named, std::generic_category().message(errno));
  return opened;
}

/// Closes the file in any case. \throws error naming `file`, with the system's reason
inline void write_parts(file_handle out, const std::filesystem::path& file,
                        const std::vector<std::span<const std::byte>>& parts) {
  for (const auto part : parts)
    if (!part.empty() && std::fwrite(part.data(), 1, part.size(), out.get()) != part.size())
      refuse_to_write(file, std::generic_category().message(errno));
  if (std::fclose(out.release()) != 0)
    refuse_to_write(file, std::generic_category().message(errno));
}

}  // namespace detail

/// Where a chain of links ends, whether or not something is there.
/// \throws error naming the file where they lead nowhere
inline std::filesystem::path end_of_links(const std::filesystem::path& file) {
  std::filesystem::path at = file;
  for (int links = 0; links < 40; ++links) {
    std::error_code failure;
    if (!std::filesystem::is_symlink(at, failure)) return at;
    const std::filesystem::path to = std::filesystem::read_symlink(at, failure);
    if (failure) detail::refuse_to_write(file, failure.message());
    at = at.parent_path() / to;  // `to` alone where it is absolute
  }
  detail::refuse_to_write(file, "a link that leads to itself");
}

/// Writes the parts one after the other into a new file beside `file`, which then takes its place
/// and has its permissions. A link stays: what it leads to is written, there or not. What is no
/// file, such as a terminal, a pipe or /dev/null, is written to as it is. On failure a file is as
/// it was and no temporary is left; a process that is killed may leave one, `<file>.tmp-<16 hex
/// digits>`. \throws error naming the path, with the system's reason.
inline void write_file(const std::filesystem::path& file,
                       const std::vector<std::span<const std::byte>>& parts) {
  std::error_code unknown;
  const std::filesystem::file_status there = std::filesystem::status(file, unknown);
  if (std::filesystem::is_directory(there)) detail::refuse_to_write(file, "a directory");
  if (std::filesystem::exists(there) && !std::filesystem::is_regular_file(there))
    return detail::write_parts(detail::opened_to_write(file, "wb"), file, parts);
  const std::filesystem::path target = end_of_links(file);
  const bool replaces = std::filesystem::exists(there);
  if (replaces) detail::opened_to_write(target, "r+b");  // refuses one that is write-protected
  const std::filesystem::path beside = detail::temporary_beside(target);
  // "x" refuses a name that somebody took in the meantime.
  detail::file_handle opened = detail::opened_to_write(beside, "wbx", file);
  detail::temporary_file temporary(beside);
  // Before it has content that others may not read.
  if (replaces) std::filesystem::permissions(beside, there.permissions(), unknown);
  detail::write_parts(std::move(opened), file, parts);  // closes it: Windows renames no open file
  temporary.rename_to(target);
}

inline void write_file(const std::filesystem::path& file, std::span<const std::byte> bytes) {
  write_file(file, std::vector<std::span<const std::byte>>{bytes});
}

inline void write_file(const std::filesystem::path& file, std::string_view text) {
  write_file(file, std::as_bytes(std::span(text)));
}

}  // namespace atlas::inline ATLAS_ABI::io
