// SPDX-License-Identifier: MIT
/// \file
/// Preloaded into a rank of the program: no thread can be started once MPI is, as on a machine that
/// has no room for another.

#include <dlfcn.h>
#include <pthread.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>

namespace {

template <class Function>
Function found(void* where, const char* name) {
  return reinterpret_cast<Function>(dlsym(where, name));
}

bool fails() {
  const char* rank = std::getenv("OMPI_COMM_WORLD_RANK");
  const char* failing = std::getenv("ATLAS_FAILING_RANK");
  if (rank == nullptr || failing == nullptr || std::strcmp(rank, failing) != 0) return false;
  const auto initialized = found<int (*)(int*)>(RTLD_DEFAULT, "MPI_Initialized");
  int is = 0;
  return initialized != nullptr && initialized(&is) == 0 && is != 0;
}

}  // namespace

extern "C" int pthread_create(pthread_t* thread, const pthread_attr_t* attributes,
                              void* (*start)(void*), void* argument) {
  using function = int (*)(pthread_t*, const pthread_attr_t*, void* (*)(void*), void*);
  static const auto real = found<function>(RTLD_NEXT, "pthread_create");
  return fails() ? EAGAIN : real(thread, attributes, start, argument);
}
