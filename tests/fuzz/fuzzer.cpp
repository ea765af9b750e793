// SPDX-License-Identifier: MIT
/// \file
/// libFuzzer's entry. ATLAS_FUZZ_TARGET says which reader it is about. Where ATLAS_FUZZ_REACHED
/// names a file, all places that the compiler counts at are written there at the end, a line each:
/// the address in the program, and whether some input reached it.

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <vector>

#include "target.hpp"

// What the compiler counts, and where: the linker's names for the ends of both tables.
extern "C" {
extern std::uint8_t __start___sancov_cntrs[], __stop___sancov_cntrs[];
struct sancov_place {
  std::uintptr_t address, flags;
};
extern const sancov_place __start___sancov_pcs[];
extern const char __executable_start[];
}

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

/// What some input reached; libFuzzer sets its counters back before each.
class reached_places {
 public:
  explicit reached_places(const char* file) : file_(file) {
    reached_.resize(static_cast<std::size_t>(__stop___sancov_cntrs - __start___sancov_cntrs));
  }
  reached_places(const reached_places&) = delete;
  reached_places& operator=(const reached_places&) = delete;
  ~reached_places() {
    std::ofstream out(file_);
    for (std::size_t i = 0; i < reached_.size(); ++i)
      out << std::hex << "0x"
          << __start___sancov_pcs[i].address - reinterpret_cast<std::uintptr_t>(__executable_start)
          << ' ' << (reached_[i] ? 1 : 0) << '\n';
  }

  void add() {
    for (std::size_t i = 0; i < reached_.size(); ++i)
      if (__start___sancov_cntrs[i] != 0) reached_[i] = true;
  }

 private:
  const char* file_;
  std::vector<bool> reached_;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const atlas_fuzz::target& reader = chosen();
  static const char* const file = std::getenv("ATLAS_FUZZ_REACHED");
  atlas_fuzz::takes(reader, {reinterpret_cast<const std::byte*>(data), size});
  if (file != nullptr) {
    static reached_places places(file);
    places.add();
  }
  return 0;
}
