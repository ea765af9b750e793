// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// The corpus control: the same measurements on two texts.

#include <cmath>
#include <string>
#include <vector>

#include "atlas/core/compiled.hpp"
#include "atlas/core/lazy.hpp"
#include "atlas/protocols/sample_measures.hpp"
#include "atlas/protocols/verdict.hpp"

namespace atlas::inline ATLAS_ABI {

namespace detail {

/// Degrees of freedom of the error of a difference of two jackknives (Welch and Satterthwaite); 0
/// where an error is not from contexts, or there is none.
inline double difference_degrees(const sampled_value& a, const sampled_value& b) {
  if (a.left_out.size() < 2 || b.left_out.size() < 2) return 0;
  const auto fourth = [](const sampled_value& v) {
    const double variance = v.standard_error * v.standard_error;
    return variance * variance / static_cast<double>(v.left_out.size() - 1);
  };
  const double all = std::pow(std::hypot(a.standard_error, b.standard_error), 4);
  return all > 0 ? all / (fourth(a) + fourth(b)) : 0;
}

}  // namespace detail

/// The differences `second - first`, one family; null 0, p of Student's t where the errors are of
/// contexts. What is consistent with chance does not
/// depend on the text, as far as the errors can tell.
///
/// \param first, second the same quantities in the same order, with standard errors over the
///        passages of each text, which are independent between texts
/// \throws shape_error for none or other numbers of them; value_error for NaN, or labels that
/// differ
template <class = lazy>
[[nodiscard]] std::vector<finding> corpus_control(const std::vector<sampled_value>& first,
                                                  const std::vector<sampled_value>& second,
                                                  const verdict_options& options = {}) {
  if (first.empty()) throw shape_error("first", "at least 1 quantity", "none");
  check_extent(static_cast<index_t>(second.size()), static_cast<index_t>(first.size()), "second",
               "as many quantities as first,");
  std::vector<measured_value> differences;
  for (std::size_t i = 0; i < first.size(); ++i) {
    const sampled_value &a = first[i], &b = second[i];
    if (a.label != b.label) throw value_error("second", "the quantity " + a.label, b.label);
    differences.push_back({a.label, b.value - a.value, 0,
                           std::hypot(a.standard_error, b.standard_error), 0,
                           detail::difference_degrees(a, b)});
  }
  return judge_values(differences, options);
}

}  // namespace atlas::inline ATLAS_ABI

#ifdef ATLAS_COMPILED
namespace atlas::inline ATLAS_ABI {
ATLAS_OF_PROTOCOLS std::vector<finding> corpus_control<void>(const std::vector<sampled_value>&,
                                                             const std::vector<sampled_value>&,
                                                             const verdict_options&);
}  // namespace atlas::inline ATLAS_ABI
#endif
