// SPDX-License-Identifier: MIT
#include "array_file.hpp"

#include <bit>
#include <charconv>
#include <utility>

#include "atlas/core/errors.hpp"
#include "atlas/io/files.hpp"

namespace atlas_program {

namespace io = atlas::io;

namespace {

/// A zip archive begins with its first entry, or with its end where it has none.
bool is_archive(const std::string& file) {
  const io::mapped_file mapped(file);
  const std::string_view begin(reinterpret_cast<const char*>(mapped.bytes().data()),
                               mapped.bytes().size());
  return begin.starts_with("PK\x03\x04") || begin.starts_with("PK\x05\x06");
}

/// Calls `use` with the safetensors or the archive itself.
template <class File, class Use>
decltype(auto) with_file(const File& file, Use&& use) {
  if (const auto* archive = std::get_if<npz_file>(&file)) return use(*archive);
  return use(*std::get<std::shared_ptr<const io::safetensors>>(file));
}

std::variant<std::shared_ptr<const io::safetensors>, npz_file> opened_arrays(
    const std::string& file) {
  if (is_archive(file)) return npz_file(file);
  return std::make_shared<const io::safetensors>(io::safetensors::open(file));
}

}  // namespace

array_file::array_file(const std::string& file) : name_(file), file_(opened_arrays(file)) {}

std::vector<std::string> array_file::names() const {
  return with_file(file_, [](const auto& f) { return f.names(); });
}

bool array_file::contains(const std::string& array) const {
  return with_file(file_, [&](const auto& f) { return f.contains(array); });
}

const std::map<std::string, std::string>& array_file::metadata() const {
  static const std::map<std::string, std::string> none;
  return is_npz() ? none : std::get<0>(file_)->metadata();
}

std::string array_file::place(const std::string& array) const {
  return name_ + ": tensor " + io::in_quotes(array);
}

void array_file::check_there(const std::string& array) const {
  if (!contains(array))
    throw atlas::format_error(name_, "a tensor " + io::in_quotes(array), "none of that name");
}

std::vector<atlas::index_t> array_file::extents(const std::string& array) const {
  check_there(array);
  if (is_npz()) return std::get<npz_file>(file_).extents(array);
  return std::get<0>(file_)->at(array).extents;
}

stored_array array_file::at(const std::string& array) const {
  check_there(array);
  if (is_npz()) return std::get<npz_file>(file_).at(array);
  const auto& tensors = std::get<0>(file_);
  const io::tensor_entry& found = tensors->at(array);
  if (!io::is_read(found.type))
    throw atlas::format_error(place(array),
                              "F64, F32, F16, BF16, integers or BOOL (no other type is read)",
                              std::string(io::dtype_name(found.type)));
  constexpr bool swapped = std::endian::native == std::endian::big;
  return {place(array), found.type, found.extents, found.bytes, swapped, tensors};
}

std::optional<atlas::index_t> leading_number(std::string_view& name) {
  atlas::index_t number = -1;
  const auto end = std::from_chars(name.data(), name.data() + name.size(), number);
  const auto length = static_cast<std::size_t>(end.ptr - name.data());
  constexpr atlas::index_t largest = atlas::index_t{1} << 31;  // one more is a number still
  if (end.ec != std::errc() || number < 0 || number > largest ||
      std::to_string(number) != name.substr(0, length))
    return std::nullopt;
  name.remove_prefix(length);
  return number;
}

bool take_prefix(std::string_view& name, std::string_view prefix) {
  if (!name.starts_with(prefix)) return false;
  name.remove_prefix(prefix.size());
  return true;
}

atlas::index_t n_rep_of(const std::string& text, const std::string& file) {
  std::string_view rest = text;
  const auto heads_per_group = leading_number(rest);
  if (!heads_per_group || !rest.empty() || *heads_per_group < 1)
    throw atlas::format_error(file, "metadata n_rep to be a whole number of 1 or more",
                              io::in_quotes(text));
  return *heads_per_group;
}

}  // namespace atlas_program
