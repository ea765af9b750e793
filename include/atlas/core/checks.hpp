// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// Checks of user input, for estimators of your own too. Each throws with the argument's name, what
/// was expected and what came, and does nothing where all is well.
/// \code
/// template <atlas::tensor_like<2> Points>
/// double spread(const Points& points, atlas::index_t k) {
///   const auto view = atlas::as_view<2>(points);
///   atlas::check_not_empty(view, "points");
///   atlas::check_finite(view, "points");  // "points: expected finite values, got nan"
///   atlas::check_between(k, 1, view.extent(0) - 1, "k");
///   return view(k, 0) - view(0, 0);
/// }
/// \endcode

#include <array>
#include <charconv>
#include <cmath>
#include <string>
#include <string_view>
#include <type_traits>

#include "atlas/core/as_view.hpp"
#include "atlas/core/errors.hpp"
#include "atlas/core/tensor_view.hpp"
#include "atlas/core/vector_of.hpp"

namespace atlas::inline ATLAS_ABI::detail {

/// The shortest text that reads back as the same number, for a message.
inline std::string number_text(double x) {
  if (!std::isfinite(x)) return std::isnan(x) ? "NaN" : (x > 0 ? "+inf" : "-inf");
  std::array<char, 32> text;  // no double takes more than 24
  const auto written = std::to_chars(text.data(), text.data() + text.size(), x);
  return {text.data(), written.ptr};
}

template <class T, std::size_t Rank>
void check_finite_at(const tensor_view<T, Rank>& x, std::string_view argument,
                     const std::string& place) {
  for (index_t i = 0; i < x.extent(0); ++i) {
    const std::string here = place + (place.empty() ? "" : ", ");
    if constexpr (Rank == 1) {
      if (!std::isfinite(static_cast<double>(x[i])))
        throw value_error(
            argument, "finite values",
            number_text(static_cast<double>(x[i])) + " at [" + here + std::to_string(i) + "]");
    } else {
      check_finite_at(x[i], argument, here + std::to_string(i));
    }
  }
}

/// True when none of some numbers, one after the other, is NaN or infinite.
template <class T>
bool all_finite(const T* x, index_t count) {
  T sum = 0;  // NaN from the first that is not finite on
  index_t i = 0;
  if constexpr (std::is_same_v<T, float> || std::is_same_v<T, double>) {
    using simd = vector_of<T>;
    constexpr index_t lanes = simd::lanes;
    typename simd::type sums[4] = {};  // an addition takes four cycles
    for (; i + 4 * lanes <= count; i += 4 * lanes)
#pragma GCC unroll 4
      for (int v = 0; v < 4; ++v) sums[v] += simd::load(x + i + v * lanes) * simd::all(0);
    const auto all = (sums[0] + sums[1]) + (sums[2] + sums[3]);
    for (int l = 0; l < lanes; ++l) sum += all[l];
  }
  for (; i < count; ++i) sum += x[i] * T(0);
  return sum == 0;
}

/// The same of a tensor's elements; the fast path of check_finite.
template <class T>
bool all_finite(const tensor_view<T, 1>& x) {
  using value = std::remove_const_t<T>;
  if (x.stride(0) == 1) return all_finite<value>(x.data(), x.extent(0));
  value sum = 0;
  for (index_t i = 0; i < x.extent(0); ++i) sum += x[i] * value(0);
  return sum == 0;
}
template <class T, std::size_t Rank>
bool all_finite(const tensor_view<T, Rank>& x) {
  if constexpr (Rank == 2) {  // along the memory
    if (x.stride(1) == 1 && x.stride(0) == x.extent(1))
      return all_finite<std::remove_const_t<T>>(x.data(), x.extent(0) * x.extent(1));
    if (x.stride(0) >= 0 && x.stride(0) < x.stride(1))
      return all_finite(
          tensor_view<T, 2>(x.data(), {x.extent(1), x.extent(0)}, {x.stride(1), x.stride(0)}));
  }
  for (index_t i = 0; i < x.extent(0); ++i)
    if (!all_finite(x[i])) return false;
  return true;
}

}  // namespace atlas::inline ATLAS_ABI::detail

namespace atlas::inline ATLAS_ABI {

/// \param x a view, or what `as_view` returned
/// \param argument its name, for the message
/// \throws value_error naming the first NaN or infinity and its place
///
/// One pass over the elements.
template <class T, std::size_t Rank>
void check_finite(const tensor_view<T, Rank>& x, std::string_view argument) {
  if (!detail::all_finite(x)) detail::check_finite_at(x, argument, "");
}

/// \throws shape_error if any extent is zero
template <class T, std::size_t Rank>
void check_not_empty(const tensor_view<T, Rank>& x, std::string_view argument) {
  if (x.empty())
    throw shape_error(argument, "at least one element", "empty shape " + shape_text(x.extents()));
}

/// \throws shape_error unless the extents are those wanted
template <class T, std::size_t Rank>
void check_shape(const tensor_view<T, Rank>& x, const std::type_identity_t<any_shape<Rank>>& wanted,
                 std::string_view argument) {
  if (x.extents() != wanted.value)
    throw shape_error(argument, shape_text(wanted.value), shape_text(x.extents()));
}

/// One extent, or another number of things.
///
/// \param got, wanted what there are and what there should be
/// \param argument  whose extent it is
/// \param dimension what is counted: "rows", "one label per row,"
/// \throws shape_error unless they are equal
inline void check_extent(index_t got, index_t wanted, std::string_view argument,
                         std::string_view dimension) {
  if (got != wanted)
    throw shape_error(argument, std::string(dimension) + " " + std::to_string(wanted),
                      std::to_string(got));
}

/// \throws value_error unless `low <= value <= high`
inline void check_between(index_t value, index_t low, index_t high, std::string_view argument) {
  if (value < low || value > high)
    throw value_error(argument,
                      "a whole number from " + std::to_string(low) + " to " + std::to_string(high),
                      std::to_string(value));
}

/// \throws value_error unless `low <= value < high`; NaN fails too
inline void check_half_open(double value, double low, double high, std::string_view argument) {
  if (!(value >= low && value < high))
    throw value_error(
        argument,
        "a number in [" + detail::number_text(low) + ", " + detail::number_text(high) + ")",
        detail::number_text(value));
}

/// \throws value_error unless `0 < value < 1`; NaN fails too
inline void check_open_unit(double value, std::string_view argument) {
  if (!(value > 0 && value < 1))
    throw value_error(argument, "a number strictly between 0 and 1", detail::number_text(value));
}

/// \throws value_error unless value > 0 and finite
inline void check_positive(double value, std::string_view argument) {
  if (!(value > 0 && std::isfinite(value)))
    throw value_error(argument, "a positive number", detail::number_text(value));
}

}  // namespace atlas::inline ATLAS_ABI
