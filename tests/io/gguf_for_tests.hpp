// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// Writes GGUF files byte by byte, right ones and wrong ones.

#include <bit>
#include <cstdint>
#include <cstring>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "atlas/io/gguf.hpp"
#include "files_for_tests.hpp"

namespace atlas_test {

/// The bytes of a number, the lowest first.
template <class Number>
std::string little_bytes(Number x) {
  std::string bytes(sizeof x, '\0');
  std::memcpy(bytes.data(), &x, sizeof x);
  return std::endian::native == std::endian::little ? bytes
                                                    : std::string(bytes.rbegin(), bytes.rend());
}

inline std::string counted_text(std::string_view text) {
  return little_bytes<std::uint64_t>(text.size()) + std::string(text);
}

/// Type and bytes of a value.
inline std::string gguf_text(std::string_view text) {
  return little_bytes<std::uint32_t>(8) + counted_text(text);
}
inline std::string gguf_u32(std::uint32_t x) {
  return little_bytes<std::uint32_t>(4) + little_bytes(x);
}
inline std::string gguf_f32(float x) {
  return little_bytes<std::uint32_t>(6) + little_bytes(x);
}
inline std::string gguf_flag(int x) {
  return little_bytes<std::uint32_t>(7) + std::string(1, static_cast<char>(x));
}
/// \param type of the elements, whose bytes are in `elements`
inline std::string gguf_array(std::uint32_t type, std::uint64_t count,
                              const std::string& elements) {
  return little_bytes<std::uint32_t>(9) + little_bytes(type) + little_bytes(count) + elements;
}
inline std::string gguf_texts(const std::vector<std::string>& texts) {
  std::string elements;
  for (const std::string& text : texts) elements += counted_text(text);
  return gguf_array(8, texts.size(), elements);
}
inline std::string gguf_i32s(const std::vector<std::int32_t>& numbers) {
  std::string elements;
  for (const std::int32_t x : numbers) elements += little_bytes(x);
  return gguf_array(5, numbers.size(), elements);
}

/// A tensor as the file has it.
struct tensor_for_tests {
  std::string name;
  std::vector<std::uint64_t> extents;  ///< fastest first
  std::uint32_t type = 0;
  std::string bytes;
  std::int64_t offset = -1;  ///< -1: behind the tensor before
};

/// All that a file is made of; what a test does not change makes a file that is right.
struct gguf_for_tests {
  std::string magic = "GGUF";
  std::uint32_t version = 3;
  std::int64_t tensor_count = -1, key_count = -1;         ///< -1: as many as there are
  std::vector<std::pair<std::string, std::string>> keys;  ///< type and bytes by name
  std::vector<tensor_for_tests> tensors;
  std::uint64_t alignment = 32;  ///< of the tensors, whatever the metadata say

  std::string& key(std::string_view name) {
    for (auto& [its_name, value] : keys)
      if (its_name == name) return value;
    return keys.emplace_back(std::string(name), "").second;
  }
  void erase_key(std::string_view name) {
    std::erase_if(keys, [&](const auto& entry) { return entry.first == name; });
  }
  tensor_for_tests& tensor(std::string_view name) {
    for (tensor_for_tests& t : tensors)
      if (t.name == name) return t;
    tensors.push_back({std::string(name), {}, 0, "", -1});
    return tensors.back();
  }
  void erase_tensor(std::string_view name) {
    std::erase_if(tensors, [&](const auto& t) { return t.name == name; });
  }

  std::string bytes() const {
    const auto counted = [](std::int64_t claimed, std::size_t there) {
      return little_bytes<std::uint64_t>(claimed < 0 ? there : static_cast<std::uint64_t>(claimed));
    };
    std::string header = magic + little_bytes(version) + counted(tensor_count, tensors.size()) +
                         counted(key_count, keys.size());
    for (const auto& [name, value] : keys) header += counted_text(name) + value;
    std::string data;
    for (const tensor_for_tests& t : tensors) {
      header += counted_text(t.name) +
                little_bytes<std::uint32_t>(static_cast<std::uint32_t>(t.extents.size()));
      for (const std::uint64_t extent : t.extents) header += little_bytes(extent);
      header += little_bytes(t.type) + counted(t.offset, data.size());
      data += t.bytes;
      pad(data);
    }
    pad(header);
    return header + data;
  }

 private:
  void pad(std::string& bytes) const {
    bytes.resize((bytes.size() + alignment - 1) / alignment * alignment, '\0');
  }
};

/// A file to change.
inline gguf_for_tests copy_of(const std::filesystem::path& path) {
  const auto file = atlas::io::gguf::open(path);
  gguf_for_tests copy;
  const auto text_of = [](std::span<const std::byte> bytes) {
    return std::string(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  };
  for (const auto& [key, value] : file.metadata()) {
    const auto type = static_cast<std::uint32_t>(value.type);
    copy.keys.emplace_back(key, value.is_array ? gguf_array(type, value.count, text_of(value.bytes))
                                               : little_bytes(type) + text_of(value.bytes));
  }
  for (const std::string& name : file.names()) {
    const auto& tensor = file.at(name);
    copy.tensors.push_back({name,
                            {tensor.extents.rbegin(), tensor.extents.rend()},
                            tensor.type.id,
                            text_of(tensor.bytes),
                            -1});
  }
  return copy;
}

inline std::filesystem::path gguf_data(const std::string& name) {
  return std::filesystem::path(ATLAS_TEST_DATA) / "gguf" / name;
}

}  // namespace atlas_test
