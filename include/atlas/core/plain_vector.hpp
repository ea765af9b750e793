// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// Vectors in standard C++, for compilers without vector types: arrays with operators, lane by
/// lane. A scalar beside a vector stands for all of its lanes.

#include <cstddef>

#include "atlas/version.hpp"

namespace atlas::inline ATLAS_ABI::detail {

template <class Scalar, int Lanes>
struct plain_vector {
  Scalar lane[Lanes];

  constexpr Scalar& operator[](std::ptrdiff_t l) { return lane[l]; }
  constexpr const Scalar& operator[](std::ptrdiff_t l) const { return lane[l]; }

  /// The vector of `value(l)`.
  template <class Value>
  static constexpr plain_vector of_lanes(const Value& value) {
    plain_vector out{};
    for (int l = 0; l < Lanes; ++l) out.lane[l] = value(l);
    return out;
  }
  static constexpr plain_vector all(Scalar x) {
    return of_lanes([&](int) { return x; });
  }

  friend constexpr plain_vector operator-(const plain_vector& a) {
    return of_lanes([&](int l) { return -a.lane[l]; });
  }
  friend constexpr plain_vector operator+(const plain_vector& a, const plain_vector& b) {
    return of_lanes([&](int l) { return a.lane[l] + b.lane[l]; });
  }
  friend constexpr plain_vector operator-(const plain_vector& a, const plain_vector& b) {
    return of_lanes([&](int l) { return a.lane[l] - b.lane[l]; });
  }
  friend constexpr plain_vector operator*(const plain_vector& a, const plain_vector& b) {
    return of_lanes([&](int l) { return a.lane[l] * b.lane[l]; });
  }
  friend constexpr plain_vector operator/(const plain_vector& a, const plain_vector& b) {
    return of_lanes([&](int l) { return a.lane[l] / b.lane[l]; });
  }
  friend constexpr plain_vector operator+(const plain_vector& a, Scalar b) { return a + all(b); }
  friend constexpr plain_vector operator+(Scalar a, const plain_vector& b) { return all(a) + b; }
  friend constexpr plain_vector operator-(const plain_vector& a, Scalar b) { return a - all(b); }
  friend constexpr plain_vector operator-(Scalar a, const plain_vector& b) { return all(a) - b; }
  friend constexpr plain_vector operator*(const plain_vector& a, Scalar b) { return a * all(b); }
  friend constexpr plain_vector operator*(Scalar a, const plain_vector& b) { return all(a) * b; }
  friend constexpr plain_vector operator/(const plain_vector& a, Scalar b) { return a / all(b); }
  friend constexpr plain_vector operator/(Scalar a, const plain_vector& b) { return all(a) / b; }
  /// Of whole numbers without a sign.
  friend constexpr plain_vector operator&(const plain_vector& a, Scalar b) {
    return of_lanes([&](int l) { return a.lane[l] & b; });
  }
  friend constexpr plain_vector operator|(const plain_vector& a, const plain_vector& b) {
    return of_lanes([&](int l) { return a.lane[l] | b.lane[l]; });
  }
  friend constexpr plain_vector operator|(const plain_vector& a, Scalar b) { return a | all(b); }
  friend constexpr plain_vector operator^(const plain_vector& a, const plain_vector& b) {
    return of_lanes([&](int l) { return a.lane[l] ^ b.lane[l]; });
  }
  friend constexpr plain_vector operator^(const plain_vector& a, Scalar b) { return a ^ all(b); }
  friend constexpr plain_vector operator<<(const plain_vector& a, int places) {
    return of_lanes([&](int l) { return a.lane[l] << places; });
  }
  friend constexpr plain_vector operator>>(const plain_vector& a, int places) {
    return of_lanes([&](int l) { return a.lane[l] >> places; });
  }
  constexpr plain_vector& operator+=(const plain_vector& b) { return *this = *this + b; }
  constexpr plain_vector& operator-=(const plain_vector& b) { return *this = *this - b; }
  constexpr plain_vector& operator*=(const plain_vector& b) { return *this = *this * b; }
};

}  // namespace atlas::inline ATLAS_ABI::detail
