// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// Zip archives and npy arrays byte by byte, so that any of their fields can be wrong.

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace atlas_test {

/// A number of so many bytes, the lowest first.
inline std::string little(std::uint64_t number, int bytes) {
  std::string out;
  for (int i = 0; i < bytes; ++i) out += static_cast<char>(number >> (8 * i) & 0xFF);
  return out;
}

/// CRC-32 as zip has it.
inline std::uint32_t crc_of(std::string_view bytes) {
  std::uint32_t crc = ~std::uint32_t{0};
  for (const char c : bytes) {
    crc ^= static_cast<unsigned char>(c);
    for (int i = 0; i < 8; ++i) crc = (crc >> 1) ^ ((crc & 1) != 0 ? 0xEDB88320U : 0U);
  }
  return ~crc;
}

/// What an archive says of an entry, and its bytes.
struct zip_entry {
  std::string name, bytes;
  std::uint32_t crc = crc_of(bytes);
  std::uint64_t size = bytes.size();
  unsigned flags = 0, method = 0;
};

inline std::string zip_bytes(const std::vector<zip_entry>& entries) {
  std::string out, directory;
  for (const zip_entry& e : entries) {
    const std::string fields = little(20, 2) + little(e.flags, 2) + little(e.method, 2) +
                               little(0x21'0000, 4) + little(e.crc, 4) + little(e.bytes.size(), 4) +
                               little(e.size, 4) + little(e.name.size(), 2) + little(0, 2);
    directory += "PK\x01\x02" + little(20, 2) + fields + std::string(10, '\0') +
                 little(out.size(), 4) + e.name;
    out += "PK\x03\x04" + fields + e.name + e.bytes;
  }
  const std::string count = little(entries.size(), 2);
  return out + directory + "PK\x05\x06" + little(0, 4) + count + count +
         little(directory.size(), 4) + little(out.size(), 4) + little(0, 2);
}

/// Version 1.0 of npy. \param shape as Python has it: "(1, 2)"
inline std::string npy_bytes(const std::string& shape, std::string_view elements,
                             const std::string& descr = "<f4") {
  std::string text = "{'descr': '" + descr + "', 'fortran_order': False, 'shape': " + shape + ", }";
  text.resize((10 + text.size()) / 64 * 64 + 64 - 10 - 1, ' ');
  text += '\n';
  return std::string("\x93NUMPY\x01\0", 8) + little(text.size(), 2) + text + std::string(elements);
}

}  // namespace atlas_test
