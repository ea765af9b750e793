// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// Functions that a unit compiles only where it calls them.

#include "atlas/version.hpp"

namespace atlas::inline ATLAS_ABI {

/// `template <class = lazy>` stands before functions of fixed types whose bodies are expensive to
/// compile (decompositions, matrix products, JSON, threads). A compiler instantiates what a
/// function that is no template uses, called or not; of a template it does so where it is called.
/// Calls look as they would without it; only who takes an address writes `&atlas::haar_overlap<>`.
using lazy = void;

}  // namespace atlas::inline ATLAS_ABI
