// SPDX-License-Identifier: MIT
#include "npz_file.hpp"

#include <fmt/format.h>
#include <zip.h>

#include <algorithm>
#include <filesystem>
#include <limits>

#include "atlas/io/npy.hpp"

namespace atlas_program {

namespace {

/// Deflate makes at most 258 bytes of 2 bits, and a few more of less than a byte.
constexpr std::uint64_t most_inflation = 1032;
/// Headers of npy are at most as long in version 1, which NumPy writes where it can.
constexpr std::uint64_t longest_npy_header = std::uint64_t{1} << 17;

constexpr const char* two_of_one_name = "two entries of one name";

std::shared_ptr<zip> open_archive(const std::string& file) {
  int code = 0;
  zip* const archive = zip_open(file.c_str(), ZIP_RDONLY | ZIP_CHECKCONS, &code);
  if (archive != nullptr) return {archive, zip_discard};
  zip_error_t reason;
  zip_error_init_with_code(&reason, code);
  const std::string text = code == ZIP_ER_EXISTS ? two_of_one_name : zip_error_strerror(&reason);
  zip_error_fini(&reason);
  throw atlas::format_error(file, "an npz file", text);
}

zip_stat_t entry_of(zip& archive, std::uint64_t number, const std::string& file) {
  zip_stat_t found;
  constexpr zip_uint64_t wanted = ZIP_STAT_NAME | ZIP_STAT_SIZE | ZIP_STAT_COMP_SIZE |
                                  ZIP_STAT_COMP_METHOD | ZIP_STAT_ENCRYPTION_METHOD;
  if (zip_stat_index(&archive, number, 0, &found) != 0 || (found.valid & wanted) != wanted)
    throw atlas::format_error(file, fmt::format("entry {} to be described", number),
                              zip_strerror(&archive));
  return found;
}

/// Sizes are checked before anything is made as large as they say.
void check_npz_entry(const zip_stat_t& found, std::uint64_t file_size, const std::string& file) {
  const std::string place = file + ": " + atlas::io::in_quotes(found.name);
  if (found.encryption_method != ZIP_EM_NONE)
    throw atlas::format_error(place, "an entry that is not encrypted", "an encrypted one");
  if (found.comp_method != ZIP_CM_STORE && found.comp_method != ZIP_CM_DEFLATE)
    throw atlas::format_error(
        place, "an entry that is stored or deflated (numpy.savez or savez_compressed)",
        fmt::format("compression method {}", found.comp_method));
  const bool stored = found.comp_method == ZIP_CM_STORE;
  if (found.comp_size > file_size ||
      (stored ? found.size != found.comp_size : found.size / most_inflation > found.comp_size))
    throw atlas::format_error(
        place, "a size that its bytes can have",
        fmt::format("{} bytes of {} in a file of {}", found.size, found.comp_size, file_size));
}

/// What the archive calls an array, without its ending.
std::string array_name(const std::string& entry, const std::string& file) {
  constexpr std::string_view ending = ".npy";
  if (entry.size() > ending.size() && entry.ends_with(ending))
    return entry.substr(0, entry.size() - ending.size());
  throw atlas::format_error(
      file, "arrays, entries that end with .npy",
      atlas::io::in_quotes(entry) + (entry.ends_with("data.pkl")
                                         ? " (a file of PyTorch: write its tensors as safetensors)"
                                         : ""));
}

/// The elements row by row, of an array whose first dimension is the fastest.
std::vector<std::byte> rows_first(std::span<const std::byte> columns,
                                  const std::vector<atlas::index_t>& extents, std::size_t size) {
  std::vector<std::byte> out(columns.size());
  std::vector<atlas::index_t> strides, at(extents.size(), 0);
  atlas::index_t step = 1;
  for (const atlas::index_t e : extents) {
    strides.push_back(step);
    step *= e;
  }
  for (std::size_t done = 0; done < out.size(); done += size) {
    atlas::index_t from = 0;
    for (std::size_t r = 0; r < at.size(); ++r) from += at[r] * strides[r];
    std::copy_n(columns.begin() + from * static_cast<atlas::index_t>(size), size,
                out.begin() + static_cast<atlas::index_t>(done));
    for (std::size_t r = at.size(); r-- > 0 && ++at[r] == extents[r];) at[r] = 0;
  }
  return out;
}

}  // namespace

npz_file::npz_file(const std::string& file) : name_(file), archive_(open_archive(file)) {
  const std::uint64_t file_size = std::filesystem::file_size(file);
  const zip_int64_t count = zip_get_num_entries(archive_.get(), 0);
  for (zip_int64_t i = 0; i < count; ++i) {
    const auto number = static_cast<std::uint64_t>(i);
    const zip_stat_t found = entry_of(*archive_, number, name_);
    const std::string array = array_name(found.name, name_);
    check_npz_entry(found, file_size, name_);
    if (!entries_.try_emplace(array, entry{number, found.size}).second)
      throw atlas::format_error(place(array), "each name once", two_of_one_name);
  }
}

std::vector<std::string> npz_file::names() const {
  std::vector<std::string> all;
  for (const auto& [name, found] : entries_) all.push_back(name);
  return all;
}

std::string npz_file::place(const std::string& array) const {
  return name_ + ": tensor " + atlas::io::in_quotes(array);
}

std::vector<std::byte> npz_file::read(const std::string& array, std::uint64_t bytes) const {
  const entry& wanted = entries_.at(array);
  const std::shared_ptr<zip_file_t> opened(zip_fopen_index(archive_.get(), wanted.number, 0),
                                           [](zip_file_t* f) {
                                             if (f != nullptr) zip_fclose(f);
                                           });
  if (!opened)
    throw atlas::format_error(place(array), "a readable entry", zip_strerror(archive_.get()));
  std::vector<std::byte> out(std::min(bytes, wanted.size));
  std::uint64_t done = 0;
  // After the last byte comes a read of nothing, in which libzip compares the CRC.
  std::byte beyond[1];
  while (true) {
    const bool full = done == out.size();
    if (full && out.size() < wanted.size) return out;
    const zip_int64_t got = full ? zip_fread(opened.get(), beyond, 1)
                                 : zip_fread(opened.get(), out.data() + done, out.size() - done);
    if (got < 0)
      throw atlas::format_error(place(array), "an entry that is whole",
                                zip_file_strerror(opened.get()));
    if (full && got == 0) return out;
    if (full || got == 0)
      throw atlas::format_error(place(array), fmt::format("{} bytes", wanted.size),
                                full ? "more" : fmt::format("{}", done));
    done += static_cast<std::uint64_t>(got);
  }
}

std::vector<atlas::index_t> npz_file::extents(const std::string& array) const {
  return atlas::io::npy_header(read(array, longest_npy_header), place(array)).extents;
}

stored_array npz_file::at(const std::string& array) const {
  auto held = std::make_shared<std::vector<std::byte>>(read(array, entries_.at(array).size));
  const auto info = atlas::io::npy_header(*held, place(array));
  std::span<const std::byte> bytes = atlas::io::npy_elements(info, *held, place(array));
  if (info.fortran_order && info.extents.size() > 1) {
    *held = rows_first(bytes, info.extents, atlas::io::dtype_size(info.type));
    bytes = *held;
  }
  return {place(array), info.type, info.extents, bytes, info.swapped, held};
}

}  // namespace atlas_program
