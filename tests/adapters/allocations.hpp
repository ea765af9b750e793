// SPDX-License-Identifier: MIT
#pragma once
// Counts what `operator new` and this program's own calls of `malloc` hand out; both are replaced
// in allocations.cpp (`malloc` by the linker's --wrap).

#include <cstddef>

/// Of the calling thread, so far.
std::size_t& bytes_allocated();

template <class Call>
std::size_t allocated_by(Call&& call) {
  const std::size_t before = bytes_allocated();
  call();
  return bytes_allocated() - before;
}
