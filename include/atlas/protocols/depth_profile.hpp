// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// A quantity along the depth of a model: its peak and its plateau.

#include <cmath>
#include <string>
#include <utility>
#include <vector>

#include "atlas/core/compiled.hpp"
#include "atlas/core/lazy.hpp"
#include "atlas/protocols/sample_measures.hpp"
#include "atlas/protocols/verdict.hpp"

namespace atlas::inline ATLAS_ABI {

struct depth_profile_options {
  double plateau_errors = 2;  ///< standard errors below the peak that the plateau may go
  verdict_options verdicts = {};
};

struct depth_profile_result {
  index_t peak = 0;             ///< layer of the largest value, the first of equal ones
  double relative_peak = 0;     ///< peak / (L - 1); 0 for a single layer
  finding peak_excess;          ///< that layer of `layers`
  std::vector<finding> layers;  ///< each less the mean of the others; null 0
  index_t plateau_first = 0, plateau_last = 0;  ///< both in it
  double plateau_share = 0;                     ///< layers in it / L
};

namespace detail {

/// A quantity without each context, or empty, of the mean of all layers but one.
inline std::vector<double> mean_left_out(const std::vector<sampled_value>& layers,
                                         std::size_t without) {
  std::vector<double> out(layers.front().left_out.size(), 0.0);
  for (std::size_t l = 0; l < layers.size(); ++l)
    for (std::size_t c = 0; l != without && c < out.size(); ++c)
      out[c] += layers[l].left_out[c] / static_cast<double>(layers.size() - 1);
  return out;
}

/// Standard error of a difference: paired, context by context, where both were measured without
/// each of the same contexts; otherwise as of independent values.
inline double difference_error(const sampled_value& a, const sampled_value& b) {
  if (a.left_out.empty()) return std::hypot(a.standard_error, b.standard_error);
  std::vector<double> difference;
  for (std::size_t c = 0; c < a.left_out.size(); ++c)
    difference.push_back(a.left_out[c] - b.left_out[c]);
  return jackknife_error(difference);
}

/// The mean of all layers but one.
inline sampled_value other_layers(const std::vector<sampled_value>& layers, std::size_t without) {
  sampled_value mean{"others", 0, 0, mean_left_out(layers, without)};
  const auto n = static_cast<double>(layers.size() - 1);
  double squares = 0;
  for (std::size_t l = 0; l < layers.size(); ++l) {
    if (l == without) continue;
    mean.value += layers[l].value / n;
    squares += layers[l].standard_error * layers[l].standard_error;
  }
  mean.standard_error = std::sqrt(squares) / n;
  return mean;
}

/// The longest run of layers in the interval, the first of equal ones.
template <class = lazy>
void find_plateau(const std::vector<sampled_value>& layers, double errors,
                  depth_profile_result& out) {
  const sampled_value& top = layers[static_cast<std::size_t>(out.peak)];
  const auto count = static_cast<index_t>(layers.size());
  index_t longest = 0, run = 0;
  for (index_t l = 0; l < count; ++l) {
    const sampled_value& here = layers[static_cast<std::size_t>(l)];
    const bool in = top.value - here.value <= errors * difference_error(top, here);
    run = in ? run + 1 : 0;
    if (run <= longest) continue;
    longest = run;
    out.plateau_first = l - run + 1;
    out.plateau_last = l;
  }
  out.plateau_share = static_cast<double>(longest) / static_cast<double>(count);
}

inline void check_profile(const std::vector<sampled_value>& layers,
                          const depth_profile_options& o) {
  if (layers.size() < 2) throw shape_error("layers", "at least 2", std::to_string(layers.size()));
  for (const sampled_value& l : layers) {
    if (!std::isfinite(l.value)) throw value_error(l.label, "a finite value", number_text(l.value));
    if (!(l.standard_error >= 0))
      throw value_error(l.label, "a standard_error of 0 or more", number_text(l.standard_error));
    check_extent(static_cast<index_t>(l.left_out.size()),
                 static_cast<index_t>(layers.front().left_out.size()), l.label,
                 "as many contexts as the first layer,");
  }
  if (!(o.plateau_errors >= 0))
    throw value_error("plateau_errors", "0 or more", number_text(o.plateau_errors));
}

}  // namespace detail

/// Where a quantity is largest, by how much, and for how long it stays there.
///
/// The null is a flat profile. Every layer is compared with the mean of the others, in standard
/// errors of that difference; all layers are one family, since any of them could have been the
/// peak. The peak is one where its finding is `above`. Contexts that all layers saw are paired, and
/// p is then of Student's t with as many degrees of freedom as contexts less one.
///
/// The plateau is the longest run of consecutive layers whose value is not below the peak's by more
/// than `plateau_errors` standard errors of the difference; of equally long ones the first. The
/// peak itself need not be in it.
///
/// \param layers in order, at least 2; `left_out` of all (of the same contexts in one order) or
/// none
///
/// \throws shape_error for fewer than 2 layers or other numbers of contexts; value_error for
/// NaN
template <class = lazy>
[[nodiscard]] depth_profile_result depth_profile(const std::vector<sampled_value>& layers,
                                                 const depth_profile_options& o = {}) {
  detail::check_profile(layers, o);
  depth_profile_result out;
  const std::size_t contexts = layers.front().left_out.size();
  const double degrees = contexts > 1 ? static_cast<double>(contexts - 1) : 0;
  for (std::size_t l = 0; l < layers.size(); ++l) {
    if (layers[l].value > layers[static_cast<std::size_t>(out.peak)].value)
      out.peak = static_cast<index_t>(l);
    const sampled_value others = detail::other_layers(layers, l);
    out.layers.push_back(
        compare_with_null({layers[l].label, layers[l].value - others.value, 0,
                           detail::difference_error(layers[l], others), 0, degrees}));
  }
  out.layers = judge(std::move(out.layers), o.verdicts);
  out.peak_excess = out.layers[static_cast<std::size_t>(out.peak)];
  out.relative_peak = static_cast<double>(out.peak) / static_cast<double>(layers.size() - 1);
  detail::find_plateau(layers, o.plateau_errors, out);
  return out;
}

}  // namespace atlas::inline ATLAS_ABI

#ifdef ATLAS_COMPILED
namespace atlas::inline ATLAS_ABI {
ATLAS_OF_PROTOCOLS depth_profile_result depth_profile<void>(const std::vector<sampled_value>&,
                                                            const depth_profile_options&);
}  // namespace atlas::inline ATLAS_ABI
#endif
