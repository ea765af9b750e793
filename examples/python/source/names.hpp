// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// Enumerations of the library as texts, as its program writes them.

#include <array>
#include <string>
#include <string_view>
#include <utility>

#include "atlas/core/errors.hpp"
#include "atlas/dimension/any_estimator.hpp"
#include "atlas/dimension/cloud_fault.hpp"
#include "atlas/dimension/coincident_rows.hpp"
#include "atlas/dimension/estimate.hpp"
#include "atlas/dimension/surrogates/options.hpp"
#include "atlas/dimension/two_nn_options.hpp"
#include "atlas/quantize/grid.hpp"
#include "atlas/quantize/quantize_matrix.hpp"
#include "atlas/quantize/rotation.hpp"
#include "atlas/subspace/principal_frame.hpp"

namespace atlas_python {

template <class Enum, std::size_t N>
using enum_names = std::array<std::pair<std::string_view, Enum>, N>;

constexpr enum_names<atlas::duplicate_policy, 3> own_names(atlas::duplicate_policy) {
  using e = atlas::duplicate_policy;
  return {{{"merge", e::merge}, {"drop", e::drop}, {"error", e::error}}};
}
constexpr enum_names<atlas::degenerate_policy, 2> own_names(atlas::degenerate_policy) {
  using e = atlas::degenerate_policy;
  return {{{"error", e::error}, {"report", e::report}}};
}
constexpr enum_names<atlas::stored_precision, 5> own_names(atlas::stored_precision) {
  using e = atlas::stored_precision;
  return {{{"scalar", e::of_scalar},
           {"float16", e::half},
           {"bfloat16", e::bfloat16},
           {"float32", e::single},
           {"float64", e::double_precision}}};
}
constexpr enum_names<atlas::surrogate_kind, 5> own_names(atlas::surrogate_kind) {
  using e = atlas::surrogate_kind;
  return {{{"automatic", e::automatic},
           {"independent", e::independent},
           {"serial", e::serial},
           {"passages", e::passages},
           {"marginal", e::marginal}}};
}
constexpr enum_names<atlas::cloud_fault, 6> own_names(atlas::cloud_fault) {
  using e = atlas::cloud_fault;
  return {{{"none", e::none},
           {"too_few_ratios", e::too_few_ratios},
           {"mostly_duplicates", e::mostly_duplicates},
           {"few_rows", e::few_rows},
           {"one_direction", e::one_direction},
           {"no_estimate", e::no_estimate}}};
}
constexpr enum_names<atlas::error_source, 4> own_names(atlas::error_source) {
  using e = atlas::error_source;
  return {{{"none", e::none},
           {"scores", e::scores},
           {"halves", e::halves},
           {"posterior", e::posterior}}};
}
constexpr enum_names<atlas::interval_claim, 2> own_names(atlas::interval_claim) {
  using e = atlas::interval_claim;
  return {{{"dimension", e::dimension}, {"own_mean", e::own_mean}}};
}
constexpr enum_names<atlas::rank_policy, 2> own_names(atlas::rank_policy) {
  using e = atlas::rank_policy;
  return {{{"refuse", e::refuse}, {"leave_out", e::leave_out}}};
}
constexpr enum_names<atlas::grid_kind, 2> own_names(atlas::grid_kind) {
  using e = atlas::grid_kind;
  return {{{"symmetric", e::symmetric}, {"asymmetric", e::asymmetric}}};
}
constexpr enum_names<atlas::granularity, 4> own_names(atlas::granularity) {
  using e = atlas::granularity;
  return {{{"tensor", e::tensor}, {"column", e::column}, {"row", e::row}, {"group", e::group}}};
}
constexpr enum_names<atlas::basis_kind, 4> own_names(atlas::basis_kind) {
  using e = atlas::basis_kind;
  return {{{"identity", e::identity},
           {"random_orthogonal", e::random_orthogonal},
           {"hadamard", e::hadamard},
           {"fisher", e::fisher}}};
}
inline auto own_names(atlas::quantization_method) {
  enum_names<atlas::quantization_method, atlas::all_quantization_methods.size()> names;
  for (std::size_t i = 0; i < names.size(); ++i) {
    const auto method = atlas::all_quantization_methods[i];
    names[i] = {atlas::name_of(method), method};
  }
  return names;
}

template <class Enum>
concept named_by_the_library = requires(Enum e) {
  names_of(e);
};

/// Names and values of an enumeration.
template <class Enum>
auto names_and_values(Enum e) {
  if constexpr (named_by_the_library<Enum>)
    return names_of(e);
  else
    return own_names(e);
}

template <class Enum>
std::string_view name_of_value(Enum value) {
  for (const auto& [name, one] : names_and_values(value))
    if (one == value) return name;
  return "unknown";
}

/// "'merge', 'drop' or 'error'"
template <class Enum>
std::string names_text(Enum e) {
  std::string text;
  const auto all = names_and_values(e);
  for (std::size_t i = 0; i < all.size(); ++i)
    text += (i == 0 ? "'" : i + 1 < all.size() ? ", '" : " or '") + std::string(all[i].first) + "'";
  return text;
}

/// As a type of a signature.
template <class Enum>
std::string literal_of(Enum e) {
  std::string text;
  for (const auto& [name, one] : names_and_values(e))
    text += (text.empty() ? "'" : ", '") + std::string(name) + "'";
  return "typing.Literal[" + text + "]";
}

/// \throws value_error naming the argument and all names
template <class Enum>
Enum value_named(const std::string& text, const std::string& argument, Enum e) {
  for (const auto& [name, one] : names_and_values(e))
    if (name == text) return one;
  throw atlas::value_error(argument, names_text(e), "'" + text + "'");
}

}  // namespace atlas_python
