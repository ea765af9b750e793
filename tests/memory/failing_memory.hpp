// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// Memory that runs out when a test says so: malloc and its kin in the place of the C library's,
/// which operator new and Eigen call. To be included by one file of an executable.

#include <malloc.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstdlib>
#include <exception>
#include <new>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

namespace atlas_test::memory {

constinit std::atomic<long> asked = 0;     ///< allocations since the count began
constinit std::atomic<long> refused = -1;  ///< number of the one that fails; -1: none
constinit std::atomic<long> live = 0;      ///< blocks that are not freed
constinit std::atomic<bool> counts = false;

/// Whether this allocation is the one that fails.
inline bool refuses() {
  if (!counts.load(std::memory_order_relaxed)) return false;
  if (asked++ != refused) return false;
  errno = ENOMEM;
  return true;
}

inline void* counted(void* block) {
  if (block != nullptr) ++live;
  return block;
}

}  // namespace atlas_test::memory

extern "C" {

void* __libc_malloc(std::size_t bytes);
void* __libc_calloc(std::size_t count, std::size_t bytes);
void* __libc_realloc(void* block, std::size_t bytes);
void* __libc_memalign(std::size_t alignment, std::size_t bytes);
void __libc_free(void* block);

void* malloc(std::size_t bytes) noexcept {
  if (atlas_test::memory::refuses()) return nullptr;
  return atlas_test::memory::counted(__libc_malloc(bytes));
}

void* calloc(std::size_t count, std::size_t bytes) noexcept {
  if (atlas_test::memory::refuses()) return nullptr;
  return atlas_test::memory::counted(__libc_calloc(count, bytes));
}

void* realloc(void* block, std::size_t bytes) noexcept {
  if (atlas_test::memory::refuses()) return nullptr;
  void* moved = __libc_realloc(block, bytes);
  return block == nullptr ? atlas_test::memory::counted(moved) : moved;
}

void* memalign(std::size_t alignment, std::size_t bytes) noexcept {
  if (atlas_test::memory::refuses()) return nullptr;
  return atlas_test::memory::counted(__libc_memalign(alignment, bytes));
}

void* aligned_alloc(std::size_t alignment, std::size_t bytes) noexcept {
  return memalign(alignment, bytes);
}

int posix_memalign(void** block, std::size_t alignment, std::size_t bytes) noexcept {
  *block = memalign(alignment, bytes);
  return *block == nullptr ? ENOMEM : 0;
}

void free(void* block) noexcept {
  if (block != nullptr) --atlas_test::memory::live;
  __libc_free(block);
}

}  // extern "C"

namespace atlas_test::memory {

/// Counts, and refuses one allocation, while it lives.
class watch {
 public:
  explicit watch(long fails) {
    asked = 0;
    refused = fails;
    counts = true;
  }
  ~watch() { counts = false; }
  watch(const watch&) = delete;
  watch& operator=(const watch&) = delete;
};

/// How many allocations `call()` makes.
template <class Call>
long allocations_of(Call&& call) {
  const watch counting(-1);
  call();
  counts = false;
  return asked;
}

/// At most how many allocations of a call are refused, one a run: ATLAS_CASES, or few.
inline long most_cases() {
  const char* cases = std::getenv("ATLAS_CASES");
  return cases == nullptr ? 6 : std::max(1L, std::atol(cases));
}

/// Which of `all` allocations are refused: all of them, or the first, the last, and some between.
inline std::vector<long> refused_of(long all) {
  const long cases = std::min(all, most_cases());
  std::vector<long> out;
  for (long i = 0; i < cases; ++i) out.push_back(cases == 1 ? 0 : i * (all - 1) / (cases - 1));
  return out;
}

enum class outcome { returned, out_of_memory, other_error };

struct refusal {
  outcome came = outcome::returned;
  std::string what;  ///< of an error that is not std::bad_alloc
};

/// What comes of `call()` where its allocation of this number fails.
template <class Call>
refusal refuse(long number, Call&& call) {
  refusal out;
  const watch refusing(number);
  try {
    call();
  } catch (const std::bad_alloc&) {
    out.came = outcome::out_of_memory;
  } catch (const std::exception& e) {
    counts = false;
    out = {outcome::other_error, e.what()};
  }
  return out;
}

}  // namespace atlas_test::memory
