// SPDX-License-Identifier: MIT
#include "atlas/core/vector_functions.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>
#include <type_traits>
#include <utility>

#include "../catch.hpp"

namespace {

template <class Scalar>
using simd = atlas::detail::vector_of<Scalar>;

/// Whole numbers of both signs, so that every result is exact.
template <class Scalar>
std::array<Scalar, static_cast<std::size_t>(simd<Scalar>::lanes)> whole_numbers(int step) {
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
  const auto a = whole_numbers<TestType>(3), b = whole_numbers<TestType>(7);
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
  sum -= x;
  CHECK(holds<TestType>(sum, [&](int l) { return at(b, l); }));
  sum *= x;
  CHECK(holds<TestType>(sum, [&](int l) { return at(b, l) * at(a, l); }));
  CHECK(holds<TestType>(vectors::multiply_add(x, y, sum),
                        [&](int l) { return 2 * at(a, l) * at(b, l); }));
  CHECK(holds<TestType>(vectors::subtract_product(x, y, sum), [](int) { return TestType(0); }));
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

TEMPLATE_TEST_CASE("vectors divide, and have roots, magnitudes and signs", "", float, double) {
  using vectors = simd<TestType>;
  using vector = typename vectors::type;
  const auto a = whole_numbers<TestType>(3), b = whole_numbers<TestType>(7);
  const vector x = vectors::load(a.data()), y = vectors::load(b.data());
  const auto at = [](const auto& from, int l) { return from[static_cast<std::size_t>(l)]; };
  const TestType seven = 7;
  CHECK(holds<TestType>(x / vectors::all(seven), [&](int l) { return at(a, l) / seven; }));
  CHECK(holds<TestType>(x / seven, [&](int l) { return at(a, l) / seven; }));
  CHECK(holds<TestType>(seven / (x + seven), [&](int l) { return seven / (at(a, l) + seven); }));
  CHECK(holds<TestType>(vectors::square_root(x + seven),
                        [&](int l) { return std::sqrt(at(a, l) + seven); }));
  CHECK(holds<TestType>(vectors::magnitude(x), [&](int l) { return std::abs(at(a, l)); }));
  CHECK(holds<TestType>(vectors::with_sign_of(x, y),
                        [&](int l) { return std::copysign(at(b, l), at(a, l)); }));
  // Zeros have signs, NaN a magnitude.
  const vector zero{}, one = vectors::all(TestType(1));
  CHECK(holds<TestType>(vectors::with_sign_of(-zero, one), [](int) { return TestType(-1); }));
  CHECK(holds<TestType>(vectors::with_sign_of(zero, -one), [](int) { return TestType(1); }));
  const vector nan = vectors::magnitude(-vectors::all(std::numeric_limits<TestType>::quiet_NaN()));
  for (int l = 0; l < vectors::lanes; ++l) {
    CHECK(std::isnan(nan[l]));
    CHECK(!std::signbit(vectors::magnitude(-zero)[l]));
  }
  // Comparisons with NaN are false.
  CHECK(vectors::above(nan, zero) == 0);
  CHECK(vectors::above(zero, nan) == 0);
  CHECK(
      holds<TestType>(vectors::where_above(nan, zero, zero, one), [](int) { return TestType(1); }));
}

TEMPLATE_TEST_CASE("of a number and NaN, or of two zeros, the second is larger and smaller", "",
                   float, double) {
  using vectors = simd<TestType>;
  using vector = typename vectors::type;
  const vector nan = vectors::all(std::numeric_limits<TestType>::quiet_NaN());
  const vector zero{}, one = vectors::all(TestType(1));
  for (const auto of : {&vectors::larger, &vectors::smaller}) {
    CHECK(holds<TestType>(of(nan, one), [](int) { return TestType(1); }));
    CHECK(std::isnan(of(one, nan)[0]));
    CHECK(std::signbit(of(zero, -zero)[0]));
    CHECK_FALSE(std::signbit(of(-zero, zero)[0]));
  }
}

TEST_CASE("floats are loaded as doubles, and doubles stored as floats") {
  using doubles = simd<double>;
  constexpr int lanes = doubles::lanes;
  float narrow[lanes + 1], back[lanes + 1] = {};
  double wide[lanes], kept[lanes] = {};
  for (int l = 0; l < lanes; ++l) {
    narrow[l] = 0.1F * static_cast<float>(l + 1);
    wide[l] = 0.1 * (l + 1);
  }
  CHECK(holds<double>(atlas::detail::load_as_doubles(narrow),
                      [&](int l) { return static_cast<double>(narrow[l]); }));
  CHECK(holds<double>(atlas::detail::load_as_doubles(wide), [&](int l) { return wide[l]; }));
  atlas::detail::store_doubles(back, doubles::load(wide));
  atlas::detail::store_doubles(kept, doubles::load(wide));
  for (int l = 0; l < lanes; ++l) {
    CHECK(back[l] == static_cast<float>(wide[l]));
    CHECK(kept[l] == wide[l]);
  }
  CHECK(back[lanes] == 0);
}

TEST_CASE("powers of two change the exponent alone") {
  using doubles = simd<double>;
  for (const double power : {-1000.0, -3.0, 0.0, 12.0, 900.0})
    CHECK(holds<double>(
        atlas::detail::times_power_of_two(doubles::all(1.7), doubles::all(power + 0x1.8p52)),
        [&](int) { return std::ldexp(1.7, static_cast<int>(power)); }));
}

TEMPLATE_TEST_CASE("multiply-adds round once where the processor has them", "", float, double) {
  using vectors = simd<TestType>;
  using vector = typename vectors::type;
  const TestType eps = std::numeric_limits<TestType>::epsilon();
  // Clang folds products and sums of constants as if there were an instruction for both.
  volatile TestType one = 1;
  const vector x = vectors::all(one + eps), minus_square = vectors::all(-(one + 2 * eps));
  // (1 + eps)^2 = 1 + 2 eps + eps^2, of which a product that is rounded loses the last term.
  const TestType left = atlas::detail::fused_multiply_add ? eps * eps : 0;
  CHECK(holds<TestType>(vectors::multiply_add(x, x, minus_square), [&](int) { return left; }));
  CHECK(
      holds<TestType>(vectors::subtract_product(x, x, -minus_square), [&](int) { return -left; }));
}

TEMPLATE_TEST_CASE("vectors are loaded and stored where one scalar may be", "", float, double,
                   std::int32_t) {
  using vectors = simd<TestType>;
  alignas(64) TestType memory[3 * vectors::lanes + 1];
  for (int i = 0; i < 3 * vectors::lanes + 1; ++i) memory[i] = static_cast<TestType>(i);
  for (int from = 0; from < vectors::lanes; ++from)
    CHECK(holds<TestType>(vectors::load(memory + from),
                          [&](int l) { return static_cast<TestType>(from + l); }));
  const int quarter = 16 / static_cast<int>(sizeof(TestType));  // of 64 bytes
  for (int from = 0; from < vectors::lanes; from += quarter)
    CHECK(holds<TestType>(vectors::load_aligned(memory + from),
                          [&](int l) { return static_cast<TestType>(from + l); }));
  vectors::store(memory + vectors::lanes + 1, vectors::all(TestType(-1)));
  for (int i = 0; i < 3 * vectors::lanes + 1; ++i) {
    const bool written = i > vectors::lanes && i <= 2 * vectors::lanes;
    CHECK(memory[i] == static_cast<TestType>(written ? -1 : i));
  }
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
