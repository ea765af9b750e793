// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// The compiled form of the library. Linking `atlas::compiled` defines ATLAS_COMPILED: headers then
/// declare the functions behind their public calls as `extern template`, for float and double, and
/// the linked library holds them, so that a unit which calls one does not compile it again. Results
/// are the same bits; no function is missing without it.
///
/// A header lists its instances with the macro of its folder, ATLAS_OF_DIMENSION and so on
/// (ATLAS_OF_ESTIMATORS in dimension/estimators). It is
/// `extern template` everywhere but in that folder's unit of the library, where it is `template`.

#ifdef ATLAS_COMPILED

#include <Eigen/Core>

#include "atlas/version.hpp"

// Memory that Eigen aligns, sizes of vectors and backends must be the library's own: each set of
// them is a name of its own, which a library of other flags does not define.
#define ATLAS_DETAIL_JOINED(align, vectors, threads, products) \
  compiled_with_alignment_##align##_vectors_##vectors##_##threads##_##products
#define ATLAS_DETAIL_BUILD(align, vectors, threads, products) \
  ATLAS_DETAIL_JOINED(align, vectors, threads, products)
#define ATLAS_DETAIL_THIS_BUILD                                                         \
  ATLAS_DETAIL_BUILD(EIGEN_MAX_ALIGN_BYTES, ATLAS_DETAIL_VECTORS, ATLAS_DETAIL_THREADS, \
                     ATLAS_DETAIL_PRODUCTS)

namespace atlas::inline ATLAS_ABI::detail {
/// Defined by a library of these flags alone.
extern const char ATLAS_DETAIL_THIS_BUILD;
#if defined(__GNUC__)
[[gnu::used]] static const char* const library_of_these_flags = &ATLAS_DETAIL_THIS_BUILD;
#endif
}  // namespace atlas::inline ATLAS_ABI::detail

#ifdef ATLAS_OF_STATS
#define ATLAS_DETAIL_UNIT_OF_STATS  // which alone includes Boost.Math
#else
#define ATLAS_OF_STATS extern template
#endif
#ifndef ATLAS_OF_LINALG
#define ATLAS_OF_LINALG extern template
#endif
#ifndef ATLAS_OF_NEIGHBORS
#define ATLAS_OF_NEIGHBORS extern template
#endif
#ifndef ATLAS_OF_DIMENSION
#define ATLAS_OF_DIMENSION extern template
#endif
#ifndef ATLAS_OF_ESTIMATORS
#define ATLAS_OF_ESTIMATORS extern template
#endif
#ifndef ATLAS_OF_SUBSPACE
#define ATLAS_OF_SUBSPACE extern template
#endif
#ifndef ATLAS_OF_MANIFOLD
#define ATLAS_OF_MANIFOLD extern template
#endif
#ifndef ATLAS_OF_BOLTZMANN
#define ATLAS_OF_BOLTZMANN extern template
#endif
#ifndef ATLAS_OF_QUANTIZE
#define ATLAS_OF_QUANTIZE extern template
#endif
#ifndef ATLAS_OF_PROTOCOLS
#define ATLAS_OF_PROTOCOLS extern template
#endif
#ifndef ATLAS_OF_ATTENTION
#define ATLAS_OF_ATTENTION extern template
#endif
#ifndef ATLAS_OF_NN
#define ATLAS_OF_NN extern template
#endif
#ifndef ATLAS_OF_AUTOENCODER
#define ATLAS_OF_AUTOENCODER extern template
#endif
#ifndef ATLAS_OF_REFERENCE
#define ATLAS_OF_REFERENCE extern template
#endif
#ifndef ATLAS_OF_SIMULATION
#define ATLAS_OF_SIMULATION extern template
#endif

#endif
