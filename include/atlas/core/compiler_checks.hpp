// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// What the library takes for granted of the compiler and of Eigen. A unit that would compute
/// something else without a word does not compile.

// Sentences of #error stay on one line.
// clang-format off
#if defined(__FAST_MATH__) || defined(_M_FP_FAST)
#error "atlas: -ffast-math (or -Ofast, /fp:fast) makes results wrong and lets NaN pass: leave it out, or compile the units that include atlas without it"
#elif defined(__FINITE_MATH_ONLY__) && __FINITE_MATH_ONLY__ > 0
#error "atlas: -ffinite-math-only lets NaN and infinities pass as numbers: leave it out, or compile the units that include atlas without it"
#elif defined(__ASSOCIATIVE_MATH__)
#error "atlas: -fassociative-math (or -funsafe-math-optimizations) makes results wrong: leave it out, or compile the units that include atlas without it"
#endif

#if defined(EIGEN_DEFAULT_TO_ROW_MAJOR)
#error "atlas: EIGEN_DEFAULT_TO_ROW_MAJOR is not supported, since atlas relies on the order of elements of Eigen::MatrixXd: name Eigen::RowMajor where it is wanted (matrices of either order can be passed)"
#endif
// clang-format on
