// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// Normal numbers from random bits: Marsaglia and Tsang, "The ziggurat method for generating random
/// variables", J. Stat. Softw. 5(8), 2000.

#include <array>
#include <bit>
#include <cmath>
#include <cstdint>

#include "atlas/core/portable_math.hpp"
#include "atlas/core/vector_functions.hpp"

namespace atlas::inline ATLAS_ABI::detail {

/// The 256 layers of the ziggurat for exp(-x^2/2).
struct ziggurat {
  static constexpr int layers = 256;
  static constexpr double tail = 3.6541528853610088;  // where the tail begins
  static constexpr double area = 0.00492867323399;    // of each layer
  std::array<double, layers + 1> x{}, density{};

  static double height(double x) { return portable_exp(-0.5 * (x * x)); }

  ziggurat() {
    density[1] = height(tail);
    x[0] = area / density[1];
    density[0] = 0;
    x[1] = tail;
    for (std::size_t i = 2; i < layers; ++i) {
      const double step = area / x[i - 1];
      density[i] = density[i - 1] + step;
      x[i] = std::sqrt(-2 * portable_log(density[i]));
    }
    x[layers] = 0;
    density[layers] = 1;
  }

  static const ziggurat& table() {
    static const ziggurat instance;
    return instance;
  }
};

/// Uniform on (0, 1), from 64 random bits.
inline double uniform_of(std::uint64_t word) {
  return (static_cast<double>(word >> 12) + 0.5) * 0x1p-52;
}

/// The same of `bits()`.
template <class Bits>
double uniform_from(Bits& bits) {
  return uniform_of(bits());
}

template <class Bits>
double exponential_from(Bits& bits) {
  return -portable_log(uniform_from(bits));
}

/// Beyond the last layer, by Marsaglia's method.
template <class Bits>
double normal_tail_from(Bits& bits) {
  for (;;) {
    const double beyond = exponential_from(bits) / ziggurat::tail;
    if (2 * exponential_from(bits) > beyond * beyond) return ziggurat::tail + beyond;
  }
}

/// Whether a height at random between those of layers `layer` and `layer + 1`, `layer > 0`, is
/// below `height(x)`, x between the ends of the two. That is `density[layer] e^t` for a t that is
/// at most ln(density[2] / density[1]) = 0.74, and e^t is between Taylor's polynomial of degree 4
/// and that with t^5 / 40 more. Where these decide by more than any rounding, they decide as the
/// exponential does, which is seldom needed.
inline bool in_wedge(const ziggurat& z, std::size_t layer, double x, double uniform) {
  constexpr double rounding = 1e-12;
  const double bottom = z.density[layer], rise = z.density[layer + 1] - bottom;
  const double t = 0.5 * ((z.x[layer] - x) * (z.x[layer] + x)), t2 = t * t;
  const double least = ((1 + t) + t2 * (1.0 / 2 + t * (1.0 / 6))) + (t2 * t2) * (1.0 / 24);
  const double most = least + (t2 * t2) * (t * (1.0 / 40));
  const double y = bottom + uniform * rise;
  if (y < bottom * least * (1 - rounding)) return true;
  if (y > bottom * most * (1 + rounding)) return false;
  return std::fma(uniform, rise, bottom) < ziggurat::height(x);
}

/// Negative by bit 8, without a branch that nobody can predict.
inline double with_sign(double x, std::uint64_t word) {
  return std::bit_cast<double>(std::bit_cast<std::uint64_t>(x) | (word & 256U) << 55);
}

/// A normal number from one word and, where they are needed, further ones; false where what came
/// does not count.
template <class Bits>
bool try_normal(const ziggurat& z, Bits& bits, double& out) {
  const std::uint64_t word = bits();
  const auto layer = static_cast<std::size_t>(word & 255U);
  const double x = uniform_of(word) * z.x[layer];
  out = with_sign(x, word);
  if (x < z.x[layer + 1]) return true;
  if (layer > 0) return in_wedge(z, layer, x, uniform_from(bits));
  out = with_sign(normal_tail_from(bits), word);
  return true;
}

template <class Bits>
double normal_from(const ziggurat& z, Bits& bits) {
  double out = 0;
  while (!try_normal(z, bits, out)) {
  }
  return out;
}

inline constexpr int normals_at_once = 8;

/// What the words' numbers are where each is inside the next layer; a bit of 1 for each that is
/// not, and does not count.
template <class Real>
unsigned normals_inside(const ziggurat& z, const std::uint64_t* words, Real* out) {
  using doubles = vector_of<double>;
  constexpr int lanes = doubles::lanes;
  constexpr std::uint64_t bits_of_one = 0x3FF0000000000000U;
  unsigned inside = 0;
  for (int from = 0; from < normals_at_once; from += lanes) {
    const word_vector word = vector_of<std::uint64_t>::load(words + from);
    double_vector end{}, next_end{};
    for (int l = 0; l < lanes; ++l) {
      const auto layer = static_cast<std::size_t>(words[from + l] & 255U);
      end[l] = z.x[layer];
      next_end[l] = z.x[layer + 1];
    }
    // As `uniform_of`: both sums are exact.
    const double_vector uniform =
        (std::bit_cast<double_vector>((word >> 12) | bits_of_one) - 1.0) + 0x1p-53;
    const double_vector x = uniform * end;
    inside |= doubles::above(next_end, x) << from;
    const word_vector sign = (word & std::uint64_t{256}) << 55;
    store_doubles(out + from, std::bit_cast<double_vector>(std::bit_cast<word_vector>(x) | sign));
  }
  return ~inside & ((1U << normals_at_once) - 1U);
}

/// The next normal numbers, as `normal_from` gives them one by one: at most `normals_at_once`, of
/// which `out` has room, and maybe none.
/// \param words `normals_at_once` that come next of `ahead`, which has `skip(count)`
/// \return      how many came
template <class Real, class Ahead>
int next_normals(const ziggurat& z, const std::uint64_t* words, Ahead& ahead, Real* out) {
  const unsigned outside = normals_inside(z, words, out);
  if (outside == 0) {
    ahead.skip(normals_at_once);
    return normals_at_once;
  }
  const int inside = std::countr_zero(outside);
  ahead.skip(inside);
  double x = 0;
  const bool counts = try_normal(z, ahead, x);
  out[inside] = static_cast<Real>(x);
  return inside + static_cast<int>(counts);
}

}  // namespace atlas::inline ATLAS_ABI::detail
