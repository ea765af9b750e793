// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// The version, and the name of what a unit is compiled with. Everything in `atlas` is in an inline
/// namespace of that name, so that units of other versions, instruction sets or backends do not
/// take each other's functions: what one asks of the other by its declaration does not link.

#define ATLAS_VERSION_MAJOR 0
#define ATLAS_VERSION_MINOR 1
#define ATLAS_VERSION_PATCH 0

// The vectors of this unit's own kernels.
#if defined(ATLAS_PLAIN_VECTORS)
#define ATLAS_DETAIL_VECTORS plain
#elif defined(__AVX512VNNI__)
#define ATLAS_DETAIL_VECTORS avx512vnni
#elif defined(__AVX512F__)
#define ATLAS_DETAIL_VECTORS avx512
#elif defined(__AVXVNNI__)
#define ATLAS_DETAIL_VECTORS avxvnni
#elif defined(__AVX2__)
#define ATLAS_DETAIL_VECTORS avx2
#elif defined(__AVX__)
#define ATLAS_DETAIL_VECTORS avx
#else
#define ATLAS_DETAIL_VECTORS least
#endif
#ifdef ATLAS_USE_OPENMP
#define ATLAS_DETAIL_THREADS openmp
#else
#define ATLAS_DETAIL_THREADS threads
#endif
#if defined(ATLAS_USE_LAPACK)
#define ATLAS_DETAIL_PRODUCTS lapack
#elif defined(EIGEN_USE_BLAS)
#define ATLAS_DETAIL_PRODUCTS blas
#else
#define ATLAS_DETAIL_PRODUCTS eigen
#endif

#define ATLAS_DETAIL_JOINED_ABI(major, minor, vectors, threads, products) \
  v##major##_##minor##_##vectors##_##threads##_##products
#define ATLAS_DETAIL_NAMED_ABI(major, minor, vectors, threads, products) \
  ATLAS_DETAIL_JOINED_ABI(major, minor, vectors, threads, products)
#define ATLAS_ABI                                                                        \
  ATLAS_DETAIL_NAMED_ABI(ATLAS_VERSION_MAJOR, ATLAS_VERSION_MINOR, ATLAS_DETAIL_VECTORS, \
                         ATLAS_DETAIL_THREADS, ATLAS_DETAIL_PRODUCTS)

#define ATLAS_DETAIL_TEXT(x) #x
#define ATLAS_DETAIL_TEXT_OF(x) ATLAS_DETAIL_TEXT(x)

namespace atlas::inline ATLAS_ABI {

/// `major.minor.patch` (semantic versioning: while major is 0 a minor version may break callers).
inline constexpr char version[] =
    ATLAS_DETAIL_TEXT_OF(ATLAS_VERSION_MAJOR) "." ATLAS_DETAIL_TEXT_OF(
        ATLAS_VERSION_MINOR) "." ATLAS_DETAIL_TEXT_OF(ATLAS_VERSION_PATCH);

/// What this unit is compiled with: version, vectors, threads, products.
inline constexpr char build[] = ATLAS_DETAIL_TEXT_OF(ATLAS_ABI);

}  // namespace atlas::inline ATLAS_ABI
