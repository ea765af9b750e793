// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// Vectors as wide as those of the processor that is compiled for. All that is asked of a compiler
/// beyond standard C++ stands here: vector types and builtins of GCC and Clang, and the processor's
/// instructions for comparisons and bytes. Other compilers, and any with `ATLAS_PLAIN_VECTORS`
/// defined, get the same in standard C++. All units of a program should have the same. (The pragmas
/// that unroll loops elsewhere are hints, which other compilers pass over.)

#include <cstdint>
#include <cstring>
#include <type_traits>

#include "atlas/version.hpp"

#if !defined(ATLAS_PLAIN_VECTORS) && !defined(__GNUC__) && !defined(__clang__)
#define ATLAS_PLAIN_VECTORS
#endif

#if defined(ATLAS_PLAIN_VECTORS)
#include "atlas/core/plain_vector.hpp"
#elif defined(__AVX512VNNI__) || (defined(__AVXVNNI__) && defined(__AVX2__))
#define ATLAS_DETAIL_BYTE_PRODUCTS
#include <immintrin.h>
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
inline constexpr int vector_registers = 16;
#endif

/// Of float, double or 32-bit integers. Arithmetic goes lane by lane; a scalar beside a vector
/// stands for all of its lanes.
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
#else
  static type all(Scalar x) {
    return x - type{};
  }
  static type smaller(type a, type b) {
    return a < b ? a : b;
  }
  static type larger(type a, type b) {
    return a > b ? a : b;
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
#endif

  /// One bit for every lane in which a > b, the first lane lowest.
  static unsigned above(type a, type b) {
#if !defined(ATLAS_PLAIN_VECTORS) && defined(__AVX512F__)
    if constexpr (std::is_integral_v<Scalar>)
      return __builtin_ia32_cmpd512_mask(a, b, not_less_equal, 0xFFFF);
    else if constexpr (sizeof(Scalar) == 4)
      return __builtin_ia32_cmpps512_mask(b, a, less, 0xFFFF, current_rounding);
    else
      return __builtin_ia32_cmppd512_mask(b, a, less, 0xFF, current_rounding);
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
};

using integer_vector = vector_of<std::int32_t>::type;

/// The lowest byte of each lane, the first lane first.
inline void store_bytes(void* to, integer_vector x) {
  constexpr int lanes = vector_of<std::int32_t>::lanes;
#if defined(ATLAS_PLAIN_VECTORS)
  std::int8_t bytes[lanes];
  for (int l = 0; l < lanes; ++l) bytes[l] = static_cast<std::int8_t>(x[l]);
#else
  typedef std::int8_t bytes_of __attribute__((vector_size(lanes)));
  const auto bytes = __builtin_convertvector(x, bytes_of);
#endif
  std::memcpy(to, &bytes, sizeof bytes);
}

#if defined(ATLAS_DETAIL_BYTE_PRODUCTS)
inline constexpr bool fast_bytes = true;
#else
inline constexpr bool fast_bytes = false;
#endif

/// Adds to each lane the four products of its bytes, unsigned ones of `right` and signed ones of
/// `left`.
inline integer_vector add_byte_products(integer_vector sum, integer_vector right,
                                        std::int32_t left) {
#if defined(ATLAS_DETAIL_BYTE_PRODUCTS) && defined(__AVX512VNNI__)
  return (integer_vector)_mm512_dpbusd_epi32((__m512i)sum, (__m512i)right,
                                             (__m512i)vector_of<std::int32_t>::all(left));
#elif defined(ATLAS_DETAIL_BYTE_PRODUCTS)
  return (integer_vector)_mm256_dpbusd_avx_epi32((__m256i)sum, (__m256i)right,
                                                 (__m256i)vector_of<std::int32_t>::all(left));
#elif defined(ATLAS_PLAIN_VECTORS)
  for (int l = 0; l < vector_of<std::int32_t>::lanes; ++l)
    for (int shift = 0; shift < 32; shift += 8)
      sum[l] += ((right[l] >> shift) & 255) * static_cast<std::int8_t>(left >> shift);
  return sum;
#else
  for (int shift = 0; shift < 32; shift += 8)
    sum += ((right >> shift) & 255) * static_cast<std::int8_t>(left >> shift);
  return sum;
#endif
}

/// x as the sums before it are written. Clang has no macro for -fassociative-math alone, under
/// which it would otherwise take what is added and subtracted again for nothing; GCC has
/// (compiler_checks.hpp). Clang's fence is an error on machines that do not know it, of which
/// `__has_builtin` says nothing: there an empty instruction stands between the two, in the class of
/// register that holds x already.
inline double as_written(double x) {
#if defined(__clang__) && defined(__x86_64__)
  return __arithmetic_fence(x);
#elif defined(__clang__)
#if defined(__aarch64__)
  __asm__("" : "+w"(x));
#elif defined(__riscv_flen) && __riscv_flen >= 64
  __asm__("" : "+f"(x));
#else
  __asm__("" : "+m"(x));
#endif
  return x;
#else
  return x;
#endif
}

/// Asks for the memory around a place, which need not be any, to be read ahead.
inline void prefetch_line([[maybe_unused]] const void* place) {
#if !defined(ATLAS_PLAIN_VECTORS)
  __builtin_prefetch(place);
#endif
}

}  // namespace atlas::inline ATLAS_ABI::detail

#undef ATLAS_DETAIL_BYTE_PRODUCTS
