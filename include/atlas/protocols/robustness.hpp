// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// Robustness: the same finding for other k, other N, and other layers and choices of points.

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "atlas/core/compiled.hpp"
#include "atlas/core/random.hpp"
#include "atlas/protocols/sample_measures.hpp"

namespace atlas::inline ATLAS_ABI {

struct rank_range {
  index_t smallest = 4, largest = 10;  ///< k of the heads' frames
};

/// O_h for every k. The residual stream's is empty for a sample without weights.
struct rank_robustness {
  std::vector<index_t> k;
  std::vector<head_overlap_result> head_coordinates, residual_stream;
  std::vector<finding> head_findings;      ///< head coordinates against Haar
  std::vector<finding> residual_findings;  ///< residual stream against Haar
  std::vector<finding> turned_findings;    ///< residual stream against turned clouds
};

struct size_robustness {
  std::vector<index_t> points;    ///< rows of each subsample
  std::vector<finding> findings;  ///< mean dimension against surrogates of as many rows
  /// ln(dimension) against ln(N): 0 for a dimension, not for an estimate that depends on the scale.
  double slope = 0;
};

/// Layers times choices of points.
struct layer_robustness {
  std::vector<finding> head_findings;       ///< O_h in head coordinates against Haar, a sample each
  std::vector<finding> residual_findings;   ///< in the residual stream; empty without weights
  std::vector<finding> dimension_findings;  ///< mean dimension against surrogates
  double overlap_sd_of_layers = 0;          ///< sd of the layers' O_h, means over choices
  double overlap_sd_of_choices = 0;         ///< sd between choices within a layer
  double dimension_sd_of_layers = 0;
  double dimension_sd_of_choices = 0;
};

namespace detail {

/// Least squares of y on x.
inline double slope_of(const std::vector<double>& x, const std::vector<double>& y) {
  const double mx = summarize(x).mean, my = summarize(y).mean;
  double xx = 0, xy = 0;
  for (std::size_t i = 0; i < x.size(); ++i) {
    xx += (x[i] - mx) * (x[i] - mx);
    xy += (x[i] - mx) * (y[i] - my);
  }
  return xx > 0 ? xy / xx : std::numeric_limits<double>::quiet_NaN();
}

/// sd of the layers' means, and the pooled sd within layers; NaN where there is nothing to compare.
struct spread {
  double between = 0, within = 0;
};
template <class Scalar = float>
spread spread_over_layers(const std::vector<basic_head_sample<Scalar>>& samples,
                          const std::vector<finding>& findings) {
  std::map<index_t, std::vector<double>> layers;
  for (std::size_t i = 0; i < samples.size(); ++i)
    layers[samples[i].layer].push_back(findings[i].value);
  std::vector<double> means;
  double squares = 0;
  index_t degrees = 0;
  for (const auto& [layer, values] : layers) {
    const sample_summary s = summarize(values);
    means.push_back(s.mean);
    if (s.count < 2) continue;
    squares += s.sd * s.sd * static_cast<double>(s.count - 1);
    degrees += s.count - 1;
  }
  return {summarize(means).sd, degrees > 0 ? std::sqrt(squares / static_cast<double>(degrees))
                                           : std::numeric_limits<double>::quiet_NaN()};
}

inline std::string numbered(const char* name, index_t number) {
  return std::string(name) + " " + std::to_string(number);
}

}  // namespace detail

/// O_h and its nulls for every k; the findings of each space and null are one family.
/// \throws value_error for k out of range; otherwise as `sample_overlap`
template <class Scalar = float>
[[nodiscard]] rank_robustness overlap_over_ranks(const basic_head_sample<Scalar>& sample,
                                                 const rank_range& range = {},
                                                 protocol_options o = {}) {
  check_sample(sample);
  check_between(range.smallest, 1, sample.points.extent(2), "smallest");
  check_between(range.largest, range.smallest, sample.points.extent(2), "largest");
  rank_robustness out;
  for (index_t k = range.smallest; k <= range.largest; ++k) {
    o.local_dimension = k;
    const std::string label = detail::numbered("k", k);
    out.k.push_back(k);
    out.head_coordinates.push_back(sample_overlap(sample, overlap_space::head_coordinates, o));
    out.head_findings.push_back(overlap_finding(label, out.head_coordinates.back().global));
    if (sample.output_projection.empty()) continue;
    out.residual_stream.push_back(sample_overlap(sample, overlap_space::residual_stream, o));
    const overlap_estimate& e = out.residual_stream.back().global;
    out.residual_findings.push_back(overlap_finding(label, e));
    out.turned_findings.push_back(turned_finding(label, sample_turned_null(sample, o).global));
  }
  for (auto* family : {&out.head_findings, &out.residual_findings, &out.turned_findings})
    *family = judge(std::move(*family), o.verdicts);
  return out;
}

/// The mean dimension of the heads on random shares of the rows, each with the null of its size.
/// \param fractions each in (0, 1]
/// \throws value_error for a fraction out of range or one that leaves too few rows
template <class Scalar = float>
[[nodiscard]] size_robustness dimension_over_sizes(const basic_head_sample<Scalar>& sample,
                                                   const std::vector<double>& fractions = {0.25,
                                                                                           0.5, 1},
                                                   const protocol_options& o = {}) {
  check_sample(sample);
  size_robustness out;
  std::vector<double> sizes, dimensions;
  for (const double fraction : fractions) {
    if (!(fraction > 0 && fraction <= 1))
      throw value_error("fractions", "shares in (0, 1]", detail::number_text(fraction));
    const auto rows =
        static_cast<index_t>(fraction * static_cast<double>(sample.points.extent(1)) + 1e-9);
    const basic_head_sample<Scalar> part = subsample(sample, rows, {.seed = o.seed});
    out.points.push_back(rows);
    protocol_options of_size = o;  // draws of different sizes are independent
    of_size.seed = seed_of_stream(o.seed, static_cast<std::uint64_t>(rows));
    out.findings.push_back(
        dimension_finding(detail::numbered("N", rows), mean_dimension(part, of_size)));
    sizes.push_back(std::log(static_cast<double>(rows)));
    dimensions.push_back(std::log(out.findings.back().value));
  }
  out.slope = detail::slope_of(sizes, dimensions);
  out.findings = judge(std::move(out.findings), o.verdicts);
  return out;
}

/// The findings of several layers and choices of points of one model, and how far they differ
/// between layers and between choices. Samples of one layer have the same `layer`.
/// \throws shape_error for no samples, or only some with weights; otherwise as the measures
template <class Scalar = float>
[[nodiscard]] layer_robustness over_layers_and_choices(
    const std::vector<basic_head_sample<Scalar>>& samples, const protocol_options& o = {}) {
  if (samples.empty()) throw shape_error("samples", "at least 1", "none");
  layer_robustness out;
  for (const basic_head_sample<Scalar>& s : samples) {
    if (s.output_projection.empty() != samples.front().output_projection.empty())
      throw shape_error("samples", "weights for all or for none", "weights for some");
    out.head_findings.push_back(
        overlap_finding(s.label, sample_overlap(s, overlap_space::head_coordinates, o).global));
    if (!s.output_projection.empty())
      out.residual_findings.push_back(
          overlap_finding(s.label, sample_overlap(s, overlap_space::residual_stream, o).global));
    out.dimension_findings.push_back(dimension_finding(s.label, mean_dimension(s, o)));
  }
  for (auto* family : {&out.head_findings, &out.residual_findings, &out.dimension_findings})
    *family = judge(std::move(*family), o.verdicts);
  const detail::spread overlap = detail::spread_over_layers(samples, out.head_findings);
  const detail::spread dimension = detail::spread_over_layers(samples, out.dimension_findings);
  out.overlap_sd_of_layers = overlap.between;
  out.overlap_sd_of_choices = overlap.within;
  out.dimension_sd_of_layers = dimension.between;
  out.dimension_sd_of_choices = dimension.within;
  return out;
}

}  // namespace atlas::inline ATLAS_ABI

#ifdef ATLAS_COMPILED
namespace atlas::inline ATLAS_ABI {
ATLAS_OF_PROTOCOLS rank_robustness overlap_over_ranks<float>(const basic_head_sample<float>&,
                                                             const rank_range&, protocol_options);
ATLAS_OF_PROTOCOLS rank_robustness overlap_over_ranks<double>(const basic_head_sample<double>&,
                                                              const rank_range&, protocol_options);
ATLAS_OF_PROTOCOLS layer_robustness over_layers_and_choices<float>(
    const std::vector<basic_head_sample<float>>&, const protocol_options&);
ATLAS_OF_PROTOCOLS layer_robustness over_layers_and_choices<double>(
    const std::vector<basic_head_sample<double>>&, const protocol_options&);
}  // namespace atlas::inline ATLAS_ABI
#endif
