#pragma once
/// \file
/// Vectors as wide as those of the processor that is compiled for, from the compiler's own vector
/// types (GCC and Clang; no intrinsics).

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

  /// Whether any lane is above 0.
  static bool any_positive(type x) {
    Scalar values[lanes];
    std::memcpy(values, &x, sizeof x);
    bool any = false;
    for (int l = 0; l < lanes; ++l) any |= values[l] > 0;
    return any;
  }
};

}  // namespace atlas::detail
