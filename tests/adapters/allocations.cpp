// SPDX-License-Identifier: MIT
#include "allocations.hpp"

#include <new>

std::size_t& bytes_allocated() {
  thread_local std::size_t bytes = 0;
  return bytes;
}

extern "C" void* __real_malloc(std::size_t size);
extern "C" void __real_free(void* memory);
extern "C" void* __wrap_malloc(std::size_t size) {
  bytes_allocated() += size;
  return __real_malloc(size);
}
extern "C" void __wrap_free(void* memory) {
  __real_free(memory);
}

// The address sanitizer's own operators (for std::nothrow_t) may meet these.
extern "C" const char* __asan_default_options();
extern "C" const char* __asan_default_options() {
  return "alloc_dealloc_mismatch=0";
}

void* operator new(std::size_t size) {
  if (void* memory = __wrap_malloc(size == 0 ? 1 : size)) return memory;
  throw std::bad_alloc();
}
void* operator new[](std::size_t size) {
  return operator new(size);
}
void operator delete(void* memory) noexcept {
  __real_free(memory);
}
void operator delete(void* memory, std::size_t) noexcept {
  __real_free(memory);
}
void operator delete[](void* memory) noexcept {
  __real_free(memory);
}
void operator delete[](void* memory, std::size_t) noexcept {
  __real_free(memory);
}
