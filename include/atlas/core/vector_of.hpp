#pragma once
/// \file
/// Vectors as wide as those of the processor that is compiled for, from the compiler's own vector
/// types (GCC and Clang). Only the way from comparisons to bits is asked of the processor by name.

#include <cstring>

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

/// Arithmetic goes lane by lane; a scalar beside a vector stands for all of its lanes.
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

  /// One bit for every lane that is above 0, the first lane lowest.
  static unsigned positive(type x) {
#if defined(__AVX512F__)
    if constexpr (sizeof(Scalar) == 4)
      return __builtin_ia32_cmpps512_mask(type{}, x, less, 0xFFFF, current_rounding);
    else
      return __builtin_ia32_cmppd512_mask(type{}, x, less, 0xFF, current_rounding);
#elif defined(__AVX__)
    if constexpr (sizeof(Scalar) == 4)
      return static_cast<unsigned>(__builtin_ia32_movmskps256((type)(type{} < x)));
    else
      return static_cast<unsigned>(__builtin_ia32_movmskpd256((type)(type{} < x)));
#elif defined(__SSE2__)
    if constexpr (sizeof(Scalar) == 4)
      return static_cast<unsigned>(__builtin_ia32_movmskps((type)(type{} < x)));
    else
      return static_cast<unsigned>(__builtin_ia32_movmskpd((type)(type{} < x)));
#else
    unsigned bits = 0;
    for (int l = 0; l < lanes; ++l) bits |= static_cast<unsigned>(x[l] > 0) << l;
    return bits;
#endif
  }

 private:
  static constexpr int less = 1, current_rounding = 4;  // of comparisons into masks
};

}  // namespace atlas::detail
