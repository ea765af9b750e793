#pragma once
/// \file
/// Vectors as wide as those of the processor that is compiled for, from the compiler's own vector
/// types (GCC and Clang). Only the way from comparisons to bits is asked of the processor by name.

#include <cstring>
#include <type_traits>

namespace atlas::detail {

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
  typedef Scalar type __attribute__((vector_size(vector_bytes)));
  static constexpr int lanes = vector_bytes / static_cast<int>(sizeof(Scalar));

  static type load(const Scalar* from) {
    type out;
    std::memcpy(&out, from, sizeof out);
    return out;
  }
  static void store(Scalar* to, type x) { std::memcpy(to, &x, sizeof x); }
  static type all(Scalar x) { return x - type{}; }
  static type smaller(type a, type b) { return a < b ? a : b; }
  static type larger(type a, type b) { return a > b ? a : b; }

  /// One bit for every lane in which a > b, the first lane lowest.
  static unsigned above(type a, type b) {
#if defined(__AVX512F__)
    if constexpr (std::is_integral_v<Scalar>)
      return __builtin_ia32_cmpd512_mask(a, b, not_less_equal, 0xFFFF);
    else if constexpr (sizeof(Scalar) == 4)
      return __builtin_ia32_cmpps512_mask(b, a, less, 0xFFFF, current_rounding);
    else
      return __builtin_ia32_cmppd512_mask(b, a, less, 0xFF, current_rounding);
#elif defined(__AVX__)
    if constexpr (sizeof(Scalar) == 4)
      return static_cast<unsigned>(__builtin_ia32_movmskps256((vector_of<float>::type)(a > b)));
    else
      return static_cast<unsigned>(__builtin_ia32_movmskpd256((type)(a > b)));
#elif defined(__SSE2__)
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

}  // namespace atlas::detail
