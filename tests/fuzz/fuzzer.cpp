// SPDX-License-Identifier: MIT
/// \file
/// libFuzzer's entry. `atlas_fuzz` is told by ATLAS_FUZZ_TARGET which reader it is about.

#include <cstdint>
#include <cstdio>
#include <cstdlib>

#include "target.hpp"

namespace {

const atlas_fuzz::target& chosen() {
  const char* const name = std::getenv("ATLAS_FUZZ_TARGET");
  for (const atlas_fuzz::target& t : atlas_fuzz::targets())
    if (name != nullptr && t.name == name) return t;
  std::fputs("ATLAS_FUZZ_TARGET: expected one of", stderr);
  for (const atlas_fuzz::target& t : atlas_fuzz::targets())
    std::fprintf(stderr, " %s", std::string(t.name).c_str());
  std::fprintf(stderr, ", got %s\n", name == nullptr ? "nothing" : name);
  std::exit(2);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const atlas_fuzz::target& reader = chosen();
  atlas_fuzz::takes(reader, {reinterpret_cast<const std::byte*>(data), size});
  return 0;
}
