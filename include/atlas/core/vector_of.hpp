// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// Vectors as wide as those of the processor that is compiled for: the one way in which the library
/// writes vector code. All that is asked of a compiler beyond standard C++ stands here and in
/// vector_functions.hpp: vector types and builtins of GCC and Clang, and the processor's
/// instructions for multiply-adds, square roots, comparisons and bytes. Other compilers, and any
/// with `ATLAS_PLAIN_VECTORS` defined, get the same in standard C++. All units of a program should
/// have the same. (The pragmas that unroll loops elsewhere are hints, which other compilers pass
/// over.)

#include <cmath>
#include <cstdint>
#include <cstring>
#include <type_traits>

#include "atlas/version.hpp"

#if !defined(ATLAS_PLAIN_VECTORS) && !defined(__GNUC__) && !defined(__clang__)
#define ATLAS_PLAIN_VECTORS
#endif

#if defined(ATLAS_PLAIN_VECTORS)
#include "atlas/core/plain_vector.hpp"
#else
#if defined(__SSE2__)
#include <immintrin.h>
#elif defined(__aarch64__)
#include <arm_neon.h>
#endif
#endif

namespace atlas::inline ATLAS_ABI::detail {

#if defined(__AVX512F__)
inline constexpr int vector_bytes = 64;
inline constexpr int vector_registers = 32;
#elif defined(__AVX__)
inline constexpr int vector_bytes = 32;
inline constexpr int vector_registers = 16;
#else
inline constexpr int vector_bytes = 16;
#if defined(__aarch64__)
inline constexpr int vector_registers = 32;
#else
inline constexpr int vector_registers = 16;
#endif
#endif

/// Whether `multiply_add` of floats and doubles rounds once, by an instruction for it.
#if defined(__FMA__) || defined(__AVX512F__) || defined(__aarch64__) || defined(FP_FAST_FMA)
inline constexpr bool fused_multiply_add = true;
#else
inline constexpr bool fused_multiply_add = false;
#endif

/// Of float, double, 32-bit integers or 64-bit words. Arithmetic goes lane by lane; a scalar beside
/// a vector stands for all of its lanes. A load or store needs no more alignment than one scalar.
template <class Scalar>
struct vector_of {
  static constexpr int lanes = vector_bytes / static_cast<int>(sizeof(Scalar));
#if defined(ATLAS_PLAIN_VECTORS)
  using type = plain_vector<Scalar, lanes>;
#else
  typedef Scalar type __attribute__((vector_size(vector_bytes)));
#endif

  static type load(const Scalar* from) {
    type out;
    std::memcpy(&out, from, sizeof out);
    return out;
  }
  /// From a multiple of 16 bytes, where memory from `new`, `malloc` and Eigen begins. SSE2 alone
  /// has operands in memory only there; vectors of more bytes need no more than others.
  static type load_aligned(const Scalar* from) {
#if !defined(ATLAS_PLAIN_VECTORS) && defined(__x86_64__) && !defined(__AVX__)
    typedef Scalar aligned __attribute__((vector_size(vector_bytes), aligned(16), may_alias));
    return *reinterpret_cast<const aligned*>(from);
#else
    return load(from);
#endif
  }
  static void store(Scalar* to, type x) {
    std::memcpy(to, &x, sizeof x);
  }

#if defined(ATLAS_PLAIN_VECTORS)
  static type all(Scalar x) {
    return type::all(x);
  }
  static type smaller(type a, type b) {
    return where_above(b, a, a, b);
  }
  static type larger(type a, type b) {
    return where_above(a, b, a, b);
  }
  /// `a > b ? x : y`, lane by lane.
  static type where_above(type a, type b, type x, type y) {
    return type::of_lanes([&](int l) { return a[l] > b[l] ? x[l] : y[l]; });
  }
  /// `a == b ? x : y`, lane by lane.
  static type where_equal(type a, type b, type x, type y) {
    return type::of_lanes([&](int l) { return a[l] == b[l] ? x[l] : y[l]; });
  }
  /// From floats to integers towards zero, which must fit; or the other way.
  template <class From>
  static type converted(const plain_vector<From, lanes>& x) {
    return type::of_lanes([&](int l) { return static_cast<Scalar>(x[l]); });
  }
  template <int... Lane>
  static type picked(type x) {
    return {x[Lane]...};
  }
  /// `a b + c`, rounded once where `fused_multiply_add` says so.
  static type multiply_add(type a, type b, type c) {
    return type::of_lanes([&](int l) {
      if constexpr (fused_multiply_add && !std::is_integral_v<Scalar>)
        return std::fma(a[l], b[l], c[l]);
      else
        return a[l] * b[l] + c[l];
    });
  }
  static type square_root(type x) {
    return type::of_lanes([&](int l) { return std::sqrt(x[l]); });
  }
  static type magnitude(type x) {
    return type::of_lanes([&](int l) { return std::abs(x[l]); });
  }
  /// |x| with the sign bits of another vector, those of zeros included.
  static type with_sign_of(type sign, type x) {
    return type::of_lanes([&](int l) { return std::copysign(x[l], sign[l]); });
  }
#else
  static type all(Scalar x) {
    return x - type{};
  }
  /// `a < b ? a : b`, lane by lane, for which processors have one instruction; compilers make two
  /// of the expression where comparisons go to masks. (GCC warns of the instruction without a mask
  /// that its own header uses a number before it is written.)
  static type smaller(type a, type b) {
#if defined(__AVX512F__)
    if constexpr (std::is_same_v<Scalar, double>)
      return (type)_mm512_maskz_min_pd(0xFF, (__m512d)a, (__m512d)b);
    else if constexpr (std::is_same_v<Scalar, float>)
      return (type)_mm512_maskz_min_ps(0xFFFF, (__m512)a, (__m512)b);
    else
      return a < b ? a : b;
#else
    return a < b ? a : b;
#endif
  }
  /// `a > b ? a : b`.
  static type larger(type a, type b) {
#if defined(__AVX512F__)
    if constexpr (std::is_same_v<Scalar, double>)
      return (type)_mm512_maskz_max_pd(0xFF, (__m512d)a, (__m512d)b);
    else if constexpr (std::is_same_v<Scalar, float>)
      return (type)_mm512_maskz_max_ps(0xFFFF, (__m512)a, (__m512)b);
    else
      return a > b ? a : b;
#else
    return a > b ? a : b;
#endif
  }
  /// `a > b ? x : y`, lane by lane.
  static type where_above(type a, type b, type x, type y) {
    return a > b ? x : y;
  }
  /// `a == b ? x : y`, lane by lane.
  static type where_equal(type a, type b, type x, type y) {
    return a == b ? x : y;
  }
  /// From floats to integers towards zero, which must fit; or the other way.
  template <class From>
  static type converted(From x) {
    return __builtin_convertvector(x, type);
  }
  template <int... Lane>
  static type picked(type x) {
    return __builtin_shufflevector(x, x, Lane...);
  }
  /// `a b + c`, rounded once where `fused_multiply_add` says so. On processors other than x86 and
  /// AArch64 it is the compiler that makes one instruction of it (with its default of
  /// -ffp-contract).
  static type multiply_add(type a, type b, type c) {
#if defined(__AVX512F__)
    if constexpr (std::is_same_v<Scalar, double>)
      return (type)_mm512_fmadd_pd((__m512d)a, (__m512d)b, (__m512d)c);
    else if constexpr (std::is_same_v<Scalar, float>)
      return (type)_mm512_fmadd_ps((__m512)a, (__m512)b, (__m512)c);
    else
      return a * b + c;
#elif defined(__FMA__)
    if constexpr (std::is_same_v<Scalar, double>)
      return (type)_mm256_fmadd_pd((__m256d)a, (__m256d)b, (__m256d)c);
    else if constexpr (std::is_same_v<Scalar, float>)
      return (type)_mm256_fmadd_ps((__m256)a, (__m256)b, (__m256)c);
    else
      return a * b + c;
#elif defined(__aarch64__)
    if constexpr (std::is_same_v<Scalar, double>)
      return (type)vfmaq_f64((float64x2_t)c, (float64x2_t)a, (float64x2_t)b);
    else if constexpr (std::is_same_v<Scalar, float>)
      return (type)vfmaq_f32((float32x4_t)c, (float32x4_t)a, (float32x4_t)b);
    else
      return a * b + c;
#else
    return a * b + c;
#endif
  }
  static type square_root(type x) {
    static_assert(!std::is_integral_v<Scalar>, "square roots are of floats and doubles");
#if defined(__AVX512F__)
    if constexpr (sizeof(Scalar) == 8)
      return (type)_mm512_sqrt_pd((__m512d)x);
    else
      return (type)_mm512_sqrt_ps((__m512)x);
#elif defined(__AVX__)
    if constexpr (sizeof(Scalar) == 8)
      return (type)_mm256_sqrt_pd((__m256d)x);
    else
      return (type)_mm256_sqrt_ps((__m256)x);
#elif defined(__SSE2__)
    if constexpr (sizeof(Scalar) == 8)
      return (type)_mm_sqrt_pd((__m128d)x);
    else
      return (type)_mm_sqrt_ps((__m128)x);
#elif defined(__aarch64__)
    if constexpr (sizeof(Scalar) == 8)
      return (type)vsqrtq_f64((float64x2_t)x);
    else
      return (type)vsqrtq_f32((float32x4_t)x);
#else
    for (int l = 0; l < lanes; ++l) x[l] = std::sqrt(x[l]);
    return x;
#endif
  }
  static type magnitude(type x) {
    return (type)((bits)x & ~sign_bits());
  }
  /// |x| with the sign bits of another vector, those of zeros included.
  static type with_sign_of(type sign, type x) {
    return (type)(((bits)x & ~sign_bits()) | ((bits)sign & sign_bits()));
  }
#endif

  /// `c - a b`, rounded as `multiply_add` is.
  static type subtract_product(type a, type b, type c) {
    return multiply_add(-a, b, c);
  }

  /// One bit for every lane in which a > b, the first lane lowest.
  static unsigned above(type a, type b) {
    static_assert(!std::is_integral_v<Scalar> || sizeof(Scalar) == 4, "words have no comparison");
#if !defined(ATLAS_PLAIN_VECTORS) && defined(__AVX512F__)
    __mmask16 mask;
    if constexpr (std::is_integral_v<Scalar>)
      mask = __builtin_ia32_cmpd512_mask(a, b, not_less_equal, 0xFFFF);
    else if constexpr (sizeof(Scalar) == 4)
      mask = __builtin_ia32_cmpps512_mask(b, a, less, 0xFFFF, current_rounding);
    else
      mask = __builtin_ia32_cmppd512_mask(b, a, less, 0xFF, current_rounding);
    // Of constants GCC 12 would leave the bits beyond the mask as they are.
    __asm__("" : "+k"(mask));
    return _cvtmask16_u32(mask);
#elif !defined(ATLAS_PLAIN_VECTORS) && defined(__AVX__)
    if constexpr (sizeof(Scalar) == 4)
      return static_cast<unsigned>(__builtin_ia32_movmskps256((vector_of<float>::type)(a > b)));
    else
      return static_cast<unsigned>(__builtin_ia32_movmskpd256((type)(a > b)));
#elif !defined(ATLAS_PLAIN_VECTORS) && defined(__SSE2__)
    if constexpr (sizeof(Scalar) == 4)
      return static_cast<unsigned>(__builtin_ia32_movmskps((vector_of<float>::type)(a > b)));
    else
      return static_cast<unsigned>(__builtin_ia32_movmskpd((type)(a > b)));
#else
    unsigned bits = 0;
    for (int l = 0; l < lanes; ++l) bits |= static_cast<unsigned>(a[l] > b[l]) << l;
    return bits;
#endif
  }
  static unsigned positive(type x) {
    return above(x, type{});
  }

 private:
  static constexpr int less = 1, current_rounding = 4;  // of comparisons of floats into masks
  static constexpr int not_less_equal = 6;              // of integers

#if !defined(ATLAS_PLAIN_VECTORS)
  using whole = std::conditional_t<sizeof(Scalar) == 8, std::int64_t, std::int32_t>;
  typedef whole bits __attribute__((vector_size(vector_bytes)));
  static bits sign_bits() {
    static_assert(!std::is_integral_v<Scalar>, "signs are of floats and doubles");
    return (bits)(-type{});
  }
#endif
};

}  // namespace atlas::inline ATLAS_ABI::detail
