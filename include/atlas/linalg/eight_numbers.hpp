// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// Eight numbers at a time, whatever the width of a processor's vectors: for work that takes eight
/// columns, matrices or values side by side.

#include <cstddef>

#include "atlas/core/tensor_view.hpp"
#include "atlas/core/vector_of.hpp"

namespace atlas::inline ATLAS_ABI::detail {

inline constexpr index_t lane_count = 8;

/// The least multiple of eight that is not below n.
inline index_t padded_to_lanes(index_t n) {
  return (n + lane_count - 1) / lane_count * lane_count;
}

/// Eight numbers, in as many vectors as hold them. Arithmetic goes number by number; a scalar
/// beside them stands for all eight.
template <class Real>
class eight_numbers {
 public:
  using simd = vector_of<Real>;
  using vector = typename simd::type;
  static constexpr int parts = static_cast<int>(lane_count) / simd::lanes;
  static_assert(parts * simd::lanes == lane_count, "whole vectors hold eight numbers");

  /// Undefined.
  eight_numbers() = default;
  explicit eight_numbers(Real x) {
    set([&](int) { return simd::all(x); });
  }
  /// From a multiple of 16 bytes.
  explicit eight_numbers(const Real* from) {
    set([&](int p) { return simd::load_aligned(from + p * simd::lanes); });
  }
  void store(Real* to) const {
#pragma GCC unroll 4
    for (int p = 0; p < parts; ++p) simd::store(to + p * simd::lanes, part_[p]);
  }

  vector part(int p) const {
    return part_[p];
  }
  Real operator[](index_t l) const {
    return part_[l / simd::lanes][l % simd::lanes];
  }
  void set(index_t l, Real x) {
    part_[l / simd::lanes][l % simd::lanes] = x;
  }

  friend eight_numbers operator+(const eight_numbers& a, const eight_numbers& b) {
    return of_parts([&](int p) { return a.part_[p] + b.part_[p]; });
  }
  friend eight_numbers operator-(const eight_numbers& a, const eight_numbers& b) {
    return of_parts([&](int p) { return a.part_[p] - b.part_[p]; });
  }
  friend eight_numbers operator*(const eight_numbers& a, const eight_numbers& b) {
    return of_parts([&](int p) { return a.part_[p] * b.part_[p]; });
  }
  friend eight_numbers operator/(const eight_numbers& a, const eight_numbers& b) {
    return of_parts([&](int p) { return a.part_[p] / b.part_[p]; });
  }
  friend eight_numbers operator-(const eight_numbers& a) {
    return of_parts([&](int p) { return -a.part_[p]; });
  }
  friend eight_numbers operator-(Real a, const eight_numbers& b) {
    return eight_numbers(a) - b;
  }
  friend eight_numbers operator*(Real a, const eight_numbers& b) {
    return eight_numbers(a) * b;
  }
  friend eight_numbers operator/(Real a, const eight_numbers& b) {
    return eight_numbers(a) / b;
  }

  /// `a b + c` and `c - a b`, rounded as vectors do.
  static eight_numbers multiply_add(const eight_numbers& a, const eight_numbers& b,
                                    const eight_numbers& c) {
    return of_parts([&](int p) { return simd::multiply_add(a.part_[p], b.part_[p], c.part_[p]); });
  }
  static eight_numbers subtract_product(const eight_numbers& a, const eight_numbers& b,
                                        const eight_numbers& c) {
    return of_parts(
        [&](int p) { return simd::subtract_product(a.part_[p], b.part_[p], c.part_[p]); });
  }
  static eight_numbers larger(const eight_numbers& a, const eight_numbers& b) {
    return of_parts([&](int p) { return simd::larger(a.part_[p], b.part_[p]); });
  }
  /// `a > b ? x : y`, number by number.
  static eight_numbers where_above(const eight_numbers& a, const eight_numbers& b,
                                   const eight_numbers& x, const eight_numbers& y) {
    return of_parts(
        [&](int p) { return simd::where_above(a.part_[p], b.part_[p], x.part_[p], y.part_[p]); });
  }
  static eight_numbers square_root(const eight_numbers& x) {
    return of_parts([&](int p) { return simd::square_root(x.part_[p]); });
  }
  static eight_numbers magnitude(const eight_numbers& x) {
    return of_parts([&](int p) { return simd::magnitude(x.part_[p]); });
  }
  /// |x| with the signs of other numbers.
  static eight_numbers with_sign_of(const eight_numbers& sign, const eight_numbers& x) {
    return of_parts([&](int p) { return simd::with_sign_of(sign.part_[p], x.part_[p]); });
  }
  /// Whether a > b anywhere.
  static bool any_above(const eight_numbers& a, const eight_numbers& b) {
    unsigned above = 0;
#pragma GCC unroll 4
    for (int p = 0; p < parts; ++p) above |= simd::above(a.part_[p], b.part_[p]);
    return above != 0;
  }

 private:
  template <class Part>
  void set(const Part& part) {
#pragma GCC unroll 4
    for (int p = 0; p < parts; ++p) part_[p] = part(p);
  }
  /// Of vectors `part(0)`, `part(1)`, ...
  template <class Part>
  static eight_numbers of_parts(const Part& part) {
    eight_numbers out;
    out.set(part);
    return out;
  }

  vector part_[parts];
};

/// `(1 - factor v v^T) x` in place, of eight columns: x is `[n, 8]`, row-major, at a
/// multiple of 16 bytes. O(n) time.
template <class Real>
void reflect_eight(const Real* v, index_t n, Real factor, Real* x) {
  using eight = eight_numbers<Real>;
  eight even(Real(0)), odd = even;
  index_t i = 0;
  for (; i + 1 < n; i += 2) {
    even = eight::multiply_add(eight(v[i]), eight(x + i * lane_count), even);
    odd = eight::multiply_add(eight(v[i + 1]), eight(x + (i + 1) * lane_count), odd);
  }
  if (i < n) even = eight::multiply_add(eight(v[i]), eight(x + i * lane_count), even);
  const eight sum = factor * (even + odd);
  for (i = 0; i < n; ++i)
    eight::subtract_product(eight(v[i]), sum, eight(x + i * lane_count)).store(x + i * lane_count);
}

}  // namespace atlas::inline ATLAS_ABI::detail
