// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// Whether this is under sanitizers, which multiply the time of everything by ten. There a test may
/// do less of what its cheaper part or another test runs as well: the release build does all of it.

namespace atlas_test {

#ifdef ATLAS_SANITIZED
inline constexpr bool sanitized = true;
#else
inline constexpr bool sanitized = false;
#endif

}  // namespace atlas_test
