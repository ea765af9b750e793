// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// Files within the program.

#include <cstddef>
#include <string_view>

// The assembler includes the file; it lies between two symbols.
#define ATLAS_EMBED(symbol, file)                                                        \
  asm(".section .rodata\n.balign 64\n" #symbol "_begin:\n.incbin \"" file "\"\n" #symbol \
      "_end:\n.byte 0\n.previous\n");                                                    \
  extern "C" const char symbol##_begin[] __attribute__((visibility("hidden")));          \
  extern "C" const char symbol##_end[] __attribute__((visibility("hidden")))

namespace atlas_program {

inline std::string_view between(const char* begin, const char* end) {
  return {begin, static_cast<std::size_t>(end - begin)};
}

}  // namespace atlas_program
