// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// Checks of user input. Each throws with the argument's name, what was expected and what came.

#include <array>
#include <charconv>
#include <cmath>
#include <concepts>
#include <string>
#include <string_view>

#include "atlas/core/as_view.hpp"
#include "atlas/core/errors.hpp"
#include "atlas/core/tensor_view.hpp"

namespace atlas::inline ATLAS_ABI::detail {

/// The shortest text that reads back as the same number, for a message.
inline std::string number_text(double x) {
  if (!std::isfinite(x)) return std::isnan(x) ? "NaN" : (x > 0 ? "+inf" : "-inf");
  std::array<char, 32> text;  // no double takes more than 24
  const auto written = std::to_chars(text.data(), text.data() + text.size(), x);
  return {text.data(), written.ptr};
}

template <class T, std::size_t Rank>
void check_finite_at(const tensor_view<T, Rank>& x, std::string_view argument, std::string place) {
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

/// True when no element is NaN or infinite; the fast path of check_finite.
template <class T>
bool all_finite(const tensor_view<T, 1>& x) {
  std::remove_const_t<T> sum = 0;
  for (index_t i = 0; i < x.extent(0); ++i) sum += x[i] * std::remove_const_t<T>(0);
  return sum == 0;
}
template <class T, std::size_t Rank>
bool all_finite(const tensor_view<T, Rank>& x) {
  if constexpr (Rank == 2)  // along the memory
    if (x.stride(0) >= 0 && x.stride(0) < x.stride(1))
      return all_finite(
          tensor_view<T, 2>(x.data(), {x.extent(1), x.extent(0)}, {x.stride(1), x.stride(0)}));
  for (index_t i = 0; i < x.extent(0); ++i)
    if (!all_finite(x[i])) return false;
  return true;
}

/// \throws value_error naming the first NaN or infinity and its place.
template <class T, std::size_t Rank>
void check_finite(const tensor_view<T, Rank>& x, std::string_view argument) {
  if (!all_finite(x)) check_finite_at(x, argument, "");
}

/// \throws shape_error if any extent is zero.
template <class T, std::size_t Rank>
void check_not_empty(const tensor_view<T, Rank>& x, std::string_view argument) {
  if (x.empty())
    throw shape_error(argument, "at least one element", "empty shape " + shape_text(x.extents()));
}

/// \throws shape_error unless the extent is as wanted.
inline void check_extent(index_t got, index_t wanted, std::string_view argument,
                         std::string_view dimension) {
  if (got != wanted)
    throw shape_error(argument, std::string(dimension) + " " + std::to_string(wanted),
                      std::to_string(got));
}

/// \throws value_error unless `low <= value <= high`.
inline void check_between(index_t value, index_t low, index_t high, std::string_view argument) {
  if (value < low || value > high)
    throw value_error(argument,
                      "a whole number from " + std::to_string(low) + " to " + std::to_string(high),
                      std::to_string(value));
}

/// \throws value_error unless `low <= value < high`; NaN fails too.
inline void check_share(double value, double low, double high, std::string_view argument) {
  if (!(value >= low && value < high))
    throw value_error(argument, "a number in [" + number_text(low) + ", " + number_text(high) + ")",
                      number_text(value));
}

/// \throws value_error unless `0 < value < 1`; NaN fails too.
inline void check_open_unit(double value, std::string_view argument) {
  if (!(value > 0 && value < 1))
    throw value_error(argument, "a number strictly between 0 and 1", number_text(value));
}

}  // namespace atlas::inline ATLAS_ABI::detail
