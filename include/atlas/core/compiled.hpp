#pragma once
/// \file
/// The compiled form of the library. Linking `atlas::compiled` defines ATLAS_COMPILED: headers then
/// declare the functions behind their public calls as `extern template`, for float and double, and
/// the linked library holds them, so that a unit which calls one does not compile it again. Results
/// are the same bits; no function is missing without it.
///
/// A header lists its instances with the macro of its folder, ATLAS_OF_DIMENSION and so on. It is
/// `extern template` everywhere but in that folder's unit of the library, where it is `template`.

#ifdef ATLAS_COMPILED

#include <Eigen/Core>

#ifndef ATLAS_OF_STATS
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
