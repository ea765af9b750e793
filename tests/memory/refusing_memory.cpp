// SPDX-License-Identifier: MIT
/// \file
/// Loaded before a program (LD_PRELOAD), counts its allocations from main on and refuses number
/// ATLAS_REFUSED of them. ATLAS_ALLOCATIONS names a file that is told how many there were.

#include <dlfcn.h>

#include <cstdio>
#include <cstdlib>

#include "failing_memory.hpp"

namespace {

using main_function = int (*)(int, char**, char**);
main_function real_main = nullptr;

int counted_main(int argc, char** argv, char** environment) {
  namespace memory = atlas_test::memory;
  const char* number = std::getenv("ATLAS_REFUSED");
  int status = 0;
  {
    const memory::watch watching(number == nullptr ? -1 : std::atol(number));
    status = real_main(argc, argv, environment);
  }
  if (const char* file = std::getenv("ATLAS_ALLOCATIONS"))
    if (std::FILE* out = std::fopen(file, "w")) {
      std::fprintf(out, "%ld\n", memory::asked.load());
      std::fclose(out);
    }
  return status;
}

}  // namespace

/// In the place of the C library's, which it calls with another main.
extern "C" int __libc_start_main(main_function program, int argc, char** argv, void (*init)(),
                                 void (*finish)(), void (*loader)(), void* stack) {
  using start = int (*)(main_function, int, char**, void (*)(), void (*)(), void (*)(), void*);
  real_main = program;
  return reinterpret_cast<start>(dlsym(RTLD_NEXT, "__libc_start_main"))(
      counted_main, argc, argv, init, finish, loader, stack);
}
