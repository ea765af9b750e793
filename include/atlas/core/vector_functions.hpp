// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// What is done with vectors beyond the arithmetic of equal lanes: loads and stores of another
/// scalar, powers of two, products of bytes, sums in the order in which they are written.

#include <bit>
#include <cstdint>
#include <cstring>

#include "atlas/core/vector_of.hpp"

#if !defined(ATLAS_PLAIN_VECTORS) && \
    (defined(__AVX512VNNI__) || (defined(__AVXVNNI__) && defined(__AVX2__)))
#define ATLAS_DETAIL_BYTE_PRODUCTS
#endif

namespace atlas::inline ATLAS_ABI::detail {

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

/// Writes, for every bit that is set of a mask of up to 16 lanes, `first` plus the number of the
/// lane. Overwrites up to 16 numbers.
/// \return behind the last number
inline std::int32_t* append_lanes(std::int32_t* to, unsigned bits, std::int32_t first) {
#if !defined(ATLAS_PLAIN_VECTORS) && defined(__AVX512F__)
  const integer_vector lanes = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
  vector_of<std::int32_t>::store(to, (integer_vector)_mm512_maskz_compress_epi32(
                                         static_cast<__mmask16>(bits), (__m512i)(lanes + first)));
  return to + std::popcount(bits);
#else
  for (; bits != 0; bits &= bits - 1) *to++ = first + std::countr_zero(bits);
  return to;
#endif
}

using double_vector = vector_of<double>::type;

/// As many words of 64 bits.
using word_vector = vector_of<std::uint64_t>::type;

/// Each lane's lower 32 bits times a number of 32 bits.
inline word_vector multiply_lower_half(word_vector x, std::uint32_t by) {
#if !defined(ATLAS_PLAIN_VECTORS) && defined(__AVX512F__)
  const word_vector factor = vector_of<std::uint64_t>::all(by);
  return (word_vector)_mm512_maskz_mul_epu32(0xFF, (__m512i)x, (__m512i)factor);
#elif !defined(ATLAS_PLAIN_VECTORS) && defined(__AVX2__)
  return (word_vector)_mm256_mul_epu32((__m256i)x, (__m256i)vector_of<std::uint64_t>::all(by));
#elif !defined(ATLAS_PLAIN_VECTORS) && defined(__SSE2__) && !defined(__AVX__)
  return (word_vector)_mm_mul_epu32((__m128i)x, (__m128i)vector_of<std::uint64_t>::all(by));
#elif !defined(ATLAS_PLAIN_VECTORS) && defined(__aarch64__)
  return (word_vector)vmull_n_u32(vmovn_u64((uint64x2_t)x), by);
#else
  return (x & 0xFFFFFFFFU) * vector_of<std::uint64_t>::all(by);
#endif
}

/// As many numbers as a vector of doubles has lanes, as doubles.
inline double_vector load_as_doubles(const double* from) {
  return vector_of<double>::load(from);
}
inline double_vector load_as_doubles(const float* from) {
  constexpr int lanes = vector_of<double>::lanes;
#if defined(ATLAS_PLAIN_VECTORS)
  plain_vector<float, lanes> narrow;
#else
  typedef float floats __attribute__((vector_size(vector_bytes / 2)));
  floats narrow;
#endif
  std::memcpy(&narrow, from, lanes * sizeof(float));
#if !defined(ATLAS_PLAIN_VECTORS) && defined(__AVX512F__)  // GCC makes three instructions of it
  return (double_vector)_mm512_maskz_cvtps_pd(0xFF, (__m256)narrow);
#else
  return vector_of<double>::converted(narrow);
#endif
}

/// Calls `body(k, x)` for the coordinates from k on, zeros beyond the last, one vector of them
/// after the other.
template <class Scalar, class Body>
void for_each_vector(const Scalar* row, std::int64_t d, const Body& body) {
  constexpr std::int64_t lanes = vector_of<double>::lanes;
  std::int64_t k = 0;
  for (; k + lanes <= d; k += lanes) body(k, load_as_doubles(row + k));
  if (k == d) return;
  Scalar rest[lanes] = {};
  for (std::int64_t l = 0; k + l < d; ++l) rest[l] = row[k + l];
  body(k, load_as_doubles(rest));
}

/// Each lane rounded to the scalar that it is stored as.
inline void store_doubles(double* to, double_vector x) {
  vector_of<double>::store(to, x);
}
inline void store_doubles(float* to, double_vector x) {
  constexpr int lanes = vector_of<double>::lanes;
#if defined(ATLAS_PLAIN_VECTORS)
  const auto narrow =
      plain_vector<float, lanes>::of_lanes([&](int l) { return static_cast<float>(x[l]); });
#else
  typedef float floats __attribute__((vector_size(vector_bytes / 2)));
  const auto narrow = __builtin_convertvector(x, floats);
#endif
  std::memcpy(to, &narrow, lanes * sizeof(float));
}

/// `x 2^k`, lane by lane, for `k` whole, given as `k + 1.5 2^52`, which has k in its lowest bits;
/// both x and the result normal numbers.
inline double_vector times_power_of_two(double_vector x, double_vector shifted) {
#if defined(ATLAS_PLAIN_VECTORS)
  return double_vector::of_lanes([&](int l) {
    return std::bit_cast<double>(std::bit_cast<std::uint64_t>(x[l]) +
                                 (std::bit_cast<std::uint64_t>(shifted[l]) << 52));
  });
#else
  typedef std::uint64_t bits __attribute__((vector_size(vector_bytes)));
  return (double_vector)((bits)x + ((bits)shifted << 52));
#endif
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

inline double_vector as_written(double_vector x) {
#if defined(__clang__) && defined(__x86_64__) && !defined(ATLAS_PLAIN_VECTORS)
  return __arithmetic_fence(x);
#elif defined(__clang__)
  for (int l = 0; l < vector_of<double>::lanes; ++l) x[l] = as_written(x[l]);
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
