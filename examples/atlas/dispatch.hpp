// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// The program compiled for several instruction sets, side by side: the plain one starts and hands
/// over to the best that the processor has (option ATLAS_DISPATCH).

#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <string>
#include <system_error>
#include <vector>

namespace atlas_program {

/// Instruction sets that the program may be compiled for and this processor has, the best first.
inline std::vector<std::string> instruction_sets() {
  std::vector<std::string> sets;
#if defined(__x86_64__)
  __builtin_cpu_init();
  const bool avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") &&
                    __builtin_cpu_supports("bmi2");
  const bool avx512 = avx2 && __builtin_cpu_supports("avx512f") &&
                      __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512cd") &&
                      __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl");
  if (avx512 && __builtin_cpu_supports("avx512vnni")) sets.push_back("avx512vnni");
  if (avx2) sets.push_back("avx2");
#endif
  return sets;
}

/// `atlas-<set>` in a folder, of the first set that is there; empty where none is.
inline std::filesystem::path best_build(const std::filesystem::path& folder,
                                        const std::vector<std::string>& sets) {
  for (const std::string& set : sets) {
    std::error_code ignored;
    std::filesystem::path build = folder / ("atlas-" + set);
    if (std::filesystem::is_regular_file(build, ignored)) return build;
  }
  return {};
}

/// Becomes the best build beside this program. Returns where there is none, where it cannot be run,
/// or where ATLAS_PLAIN is set in the environment.
inline void hand_over(char** argv) {
  if (std::getenv("ATLAS_PLAIN") != nullptr) return;
  std::error_code error;
  const auto self = std::filesystem::read_symlink("/proc/self/exe", error);
  if (error) return;
  const auto build = best_build(self.parent_path(), instruction_sets());
  if (!build.empty()) execv(build.c_str(), argv);
}

}  // namespace atlas_program
