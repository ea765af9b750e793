// SPDX-License-Identifier: MIT
#include "atlas/core/vector_of.hpp"

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>
#include <type_traits>
#include <utility>

#include "../catch.hpp"

namespace {

template <class Scalar>
using simd = atlas::detail::vector_of<Scalar>;

/// Whole numbers of both signs, so that every result is exact.
template <class Scalar>
std::array<Scalar, static_cast<std::size_t>(simd<Scalar>::lanes)> numbers(int step) {
  std::array<Scalar, static_cast<std::size_t>(simd<Scalar>::lanes)> out{};
  for (std::size_t l = 0; l < out.size(); ++l)
    out[l] = static_cast<Scalar>((static_cast<int>(l) * step + 5) % 11 - 5);
  return out;
}

/// Whether lane l of the vector is `wanted(l)`, by its index and in memory.
template <class Scalar, class Wanted>
bool holds(const typename simd<Scalar>::type& x, const Wanted& wanted) {
  Scalar stored[simd<Scalar>::lanes];
  simd<Scalar>::store(stored, x);
  for (int l = 0; l < simd<Scalar>::lanes; ++l)
    if (x[l] != wanted(l) || stored[l] != wanted(l)) return false;
  return true;
}

template <class Scalar, int... Lane>
typename simd<Scalar>::type reversed(const typename simd<Scalar>::type& x,
                                     std::integer_sequence<int, Lane...>) {
  return simd<Scalar>::template picked<(simd<Scalar>::lanes - 1 - Lane)...>(x);
}

/// What four products of bytes add up to, an unsigned one on the right.
std::int32_t byte_products(std::int32_t right, std::int32_t left) {
  unsigned char unsigned_bytes[4];
  signed char signed_bytes[4];
  std::memcpy(unsigned_bytes, &right, 4);
  std::memcpy(signed_bytes, &left, 4);
  std::int32_t sum = 0;
  for (int b = 0; b < 4; ++b) sum += std::int32_t{unsigned_bytes[b]} * signed_bytes[b];
  return sum;
}

}  // namespace

TEST_CASE("vectors are the compiler's, or plain where that is asked for") {
#if defined(ATLAS_PLAIN_VECTORS)
  constexpr bool plain = true;
#else
  constexpr bool plain = false;
#endif
  STATIC_REQUIRE(std::is_class_v<simd<float>::type> == plain);
  STATIC_REQUIRE(sizeof(simd<float>::type) == atlas::detail::vector_bytes);
  STATIC_REQUIRE(sizeof(simd<double>::type) == atlas::detail::vector_bytes);
}

TEMPLATE_TEST_CASE("vectors do in every lane what scalars do", "", float, double, std::int32_t) {
  using vectors = simd<TestType>;
  using vector = typename vectors::type;
  const auto a = numbers<TestType>(3), b = numbers<TestType>(7);
  const vector x = vectors::load(a.data()), y = vectors::load(b.data());
  const auto at = [](const auto& from, int l) { return from[static_cast<std::size_t>(l)]; };
  const TestType two = 2;
  CHECK(holds<TestType>(vector{}, [](int) { return TestType(0); }));
  CHECK(holds<TestType>(vectors::all(two), [&](int) { return two; }));
  CHECK(holds<TestType>(x + y, [&](int l) { return at(a, l) + at(b, l); }));
  CHECK(holds<TestType>(x - y, [&](int l) { return at(a, l) - at(b, l); }));
  CHECK(holds<TestType>(x * y, [&](int l) { return at(a, l) * at(b, l); }));
  CHECK(holds<TestType>(-x, [&](int l) { return -at(a, l); }));
  CHECK(holds<TestType>(two * x + two, [&](int l) { return two * at(a, l) + two; }));
  CHECK(holds<TestType>(two - x * two, [&](int l) { return two - at(a, l) * two; }));
  CHECK(holds<TestType>(two + (x - two), [&](int l) { return at(a, l); }));
  vector sum = x;
  sum += y;
  CHECK(holds<TestType>(sum, [&](int l) { return at(a, l) + at(b, l); }));
  CHECK(holds<TestType>(vectors::smaller(x, y),
                        [&](int l) { return (std::min)(at(a, l), at(b, l)); }));
  CHECK(holds<TestType>(vectors::larger(x, y),
                        [&](int l) { return (std::max)(at(a, l), at(b, l)); }));
  CHECK(holds<TestType>(vectors::where_above(x, y, two * x, y),
                        [&](int l) { return at(a, l) > at(b, l) ? two * at(a, l) : at(b, l); }));
  CHECK(holds<TestType>(vectors::where_equal(x, vectors::larger(x, y), two * x, y),
                        [&](int l) { return at(a, l) >= at(b, l) ? two * at(a, l) : at(b, l); }));
  CHECK(holds<TestType>(reversed<TestType>(x, std::make_integer_sequence<int, vectors::lanes>()),
                        [&](int l) { return at(a, vectors::lanes - 1 - l); }));
  unsigned above = 0, positive = 0;
  for (int l = 0; l < vectors::lanes; ++l) {
    above |= static_cast<unsigned>(at(a, l) > at(b, l)) << l;
    positive |= static_cast<unsigned>(at(a, l) > 0) << l;
  }
  CHECK(vectors::above(x, y) == above);
  CHECK(vectors::positive(x) == positive);
}

TEST_CASE("vectors are converted, and integers written as bytes") {
  using floats = simd<float>;
  using integers = simd<std::int32_t>;
  constexpr int lanes = floats::lanes;
  float x[lanes];
  std::int32_t n[lanes];
  for (int l = 0; l < lanes; ++l) {
    x[l] = static_cast<float>(l) * 9.75F - 60;
    n[l] = l * 17 - 128;
  }
  CHECK(holds<std::int32_t>(integers::converted(floats::load(x)),
                            [&](int l) { return static_cast<std::int32_t>(x[l]); }));
  CHECK(holds<float>(floats::converted(integers::load(n)),
                     [&](int l) { return static_cast<float>(n[l]); }));
  std::int8_t bytes[lanes];
  atlas::detail::store_bytes(bytes, integers::load(n));
  for (int l = 0; l < lanes; ++l) CHECK(int{bytes[l]} == n[l]);
}

TEST_CASE("products of bytes are added in every lane") {
  using integers = simd<std::int32_t>;
  constexpr int lanes = integers::lanes;
  std::int32_t right[lanes], sums[lanes];
  for (int l = 0; l < lanes; ++l) {
    const unsigned char b[4] = {static_cast<unsigned char>(255 - l), static_cast<unsigned char>(l),
                                128, static_cast<unsigned char>(37 * l)};
    std::memcpy(&right[l], b, 4);
    sums[l] = 1000 * l - 7;
  }
  const signed char b[4] = {-127, 127, -1, 90};
  std::int32_t left = 0;
  std::memcpy(&left, b, 4);
  CHECK(holds<std::int32_t>(
      atlas::detail::add_byte_products(integers::load(sums), integers::load(right), left),
      [&](int l) { return sums[l] + byte_products(right[l], left); }));
}
