// SPDX-License-Identifier: MIT
#include "peak_memory.hpp"

#include <cmath>
#include <fstream>
#include <limits>
#include <string>

#ifdef __GLIBC__
#include <malloc.h>
#endif

namespace atlas_program {

namespace {

/// A line of the process's status, such as "VmHWM:", in MiB; NaN where there is none.
double status_mebibytes(const std::string& key) {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);)
    if (line.starts_with(key)) return std::stod(line.substr(key.size())) / 1024;
  return std::numeric_limits<double>::quiet_NaN();
}

/// From now on the largest memory is that of what follows.
bool reset_peak() {
  std::ofstream refs("/proc/self/clear_refs");
  refs << "5" << std::flush;
  return static_cast<bool>(refs);
}

}  // namespace

peak_memory::peak_memory() : before_(std::numeric_limits<double>::quiet_NaN()) {
#ifdef __GLIBC__
  malloc_trim(0);
#endif
  if (reset_peak()) before_ = status_mebibytes("VmRSS:");
}

double peak_memory::mebibytes() const {
  return std::fmax(0, status_mebibytes("VmHWM:") - before_) + (std::isnan(before_) ? before_ : 0);
}

}  // namespace atlas_program
