// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// Architectures compared at equal numbers of points and heads and at equal relative depth, with
/// query heads that share a key/value head told from those that do not.

#include <algorithm>
#include <cmath>
#include <numeric>
#include <string>
#include <utility>
#include <vector>

#include "atlas/core/compiled.hpp"
#include "atlas/core/lazy.hpp"
#include "atlas/protocols/sample_measures.hpp"

namespace atlas::inline ATLAS_ABI {

/// A model and its layers, first to last.
template <class Scalar>
struct basic_model_layers {
  std::string name;
  std::vector<basic_head_sample<Scalar>> layers;
};

using model_layers = basic_model_layers<float>;

struct cross_architecture_options {
  std::vector<double> depths = {0, 0.5, 1};  ///< relative, from 0 to 1
  overlap_space space = overlap_space::head_coordinates;
  protocol_options measures = {};
};

/// One model at one depth, after it was cut down to what all have.
struct controlled_measurement {
  std::string model;
  double depth = 0;
  index_t layer = 0;
  head_overlap_result overlap;
  double mean_dimension = 0;
};

struct cross_architecture_result {
  index_t heads = 0, points = 0;  ///< that all were compared with
  std::vector<controlled_measurement> measurements;
  std::vector<finding> global, inter;  ///< O_h against Haar
  std::vector<finding> intra;          ///< only of models with groups
  /// O_h within groups less that between groups, only of models with groups; null 0.
  std::vector<finding> grouping;
  /// Excess over Haar of each model's inter-group O_h less the first model's; null 0.
  std::vector<finding> differences;
};

/// `round(relative (layers - 1))`.
/// \throws value_error for a depth outside [0, 1] or no layers
[[nodiscard]] inline index_t layer_at_depth(double relative, index_t layers) {
  check_between(layers, 1, index_t{1} << 40, "layers");
  if (!(relative >= 0 && relative <= 1))
    throw value_error("depths", "numbers from 0 to 1", detail::number_text(relative));
  return static_cast<index_t>(std::round(relative * static_cast<double>(layers - 1)));
}

namespace detail {

/// What all models have: the fewest points, and the most heads that whole groups of each model
/// make.
struct common_size {
  index_t heads = 0, points = 0;
};
template <class Scalar = float>
common_size common_size_of(const std::vector<basic_model_layers<Scalar>>& models) {
  index_t heads = index_t{1} << 40, points = heads, step = 1;
  for (const basic_model_layers<Scalar>& model : models)
    for (const basic_head_sample<Scalar>& s : model.layers) {
      check_sample(s);
      heads = (std::min)(heads, s.points.extent(0));
      points = (std::min)(points, s.points.extent(1));
      step = std::lcm(step, s.heads_per_group);
    }
  heads -= heads % step;
  if (heads < 2)
    throw shape_error("models", "at least 2 heads of whole groups in each model",
                      std::to_string(heads));
  return {heads, points};
}

/// Random whole groups of heads and random rows.
template <class Scalar = float>
basic_head_sample<Scalar> cut_down(const basic_head_sample<Scalar>& from, const common_size& size,
                                   std::uint64_t seed) {
  random_stream random(seed, 1);
  const index_t groups = from.points.extent(0) / from.heads_per_group;
  std::vector<index_t> heads;
  for (const index_t g : sample_rows(groups, size.heads / from.heads_per_group, random))
    for (index_t i = 0; i < from.heads_per_group; ++i)
      heads.push_back(g * from.heads_per_group + i);
  return subsample(heads_of_sample(from, heads), size.points, {.seed = seed});
}

/// A mean over pairs less that over others: under Haar all pairs are uncorrelated, so variances
/// add. The error of one null mean for both cancels, those of two add as well.
template <class = lazy>
finding overlap_difference(std::string label, const overlap_estimate& a,
                           const overlap_estimate& b) {
  const double excess = (a.mean - a.null_mean) - (b.mean - b.null_mean);
  const bool one_null = a.null_mean == b.null_mean;
  const double of_nulls = one_null ? 0 : std::hypot(a.null_standard_error, b.null_standard_error);
  const double sd = std::hypot(a.null_sd, b.null_sd, of_nulls);
  return compare_with_null({std::move(label), excess, 0, sd, 0});
}

inline std::string place_label(const std::string& model, double depth) {
  return model + " at depth " + std::to_string(depth).substr(0, 4);
}

template <class = lazy>
void add_findings(const controlled_measurement& m, const controlled_measurement& first,
                  cross_architecture_result& out) {
  const std::string label = place_label(m.model, m.depth);
  out.global.push_back(overlap_finding(label, m.overlap.global));
  if (m.overlap.inter.pairs > 0) out.inter.push_back(overlap_finding(label, m.overlap.inter));
  if (m.overlap.intra.pairs > 0) out.intra.push_back(overlap_finding(label, m.overlap.intra));
  if (m.overlap.intra.pairs > 0 && m.overlap.inter.pairs > 0)
    out.grouping.push_back(overlap_difference(label, m.overlap.intra, m.overlap.inter));
  if (m.model != first.model && m.overlap.inter.pairs > 0 && first.overlap.inter.pairs > 0)
    out.differences.push_back(
        overlap_difference(label + " less " + first.model, m.overlap.inter, first.overlap.inter));
}

}  // namespace detail

/// Compares models after cutting all of them down to the same number of points and of heads (whole
/// groups, drawn at random), layer by layer of equal relative depth.
///
/// Different d_head have different nulls, so models are compared by their excess over it. Findings
/// of each kind are one family over models and depths.
///
/// \param models at least 2, of different names, each with all of its layers
/// \throws shape_error for fewer than 2 models, a model without layers or too few heads in common;
///         value_error for equal names or depths out of range; otherwise as the measures
template <class Scalar = float>
[[nodiscard]] cross_architecture_result compare_architectures(
    const std::vector<basic_model_layers<Scalar>>& models,
    const cross_architecture_options& o = {}) {
  if (models.size() < 2) throw shape_error("models", "at least 2", std::to_string(models.size()));
  for (std::size_t i = 0; i < models.size(); ++i) {
    if (models[i].layers.empty()) throw shape_error(models[i].name, "at least 1 layer", "none");
    for (std::size_t j = 0; j < i; ++j)
      if (models[i].name == models[j].name)
        throw value_error("models", "different names", models[i].name + " twice");
  }
  const detail::common_size size = detail::common_size_of(models);
  cross_architecture_result out;
  out.heads = size.heads;
  out.points = size.points;
  for (const double depth : o.depths) {
    const std::size_t first = out.measurements.size();
    for (const basic_model_layers<Scalar>& model : models) {
      const index_t l = layer_at_depth(depth, static_cast<index_t>(model.layers.size()));
      const basic_head_sample<Scalar> cut =
          detail::cut_down(model.layers[static_cast<std::size_t>(l)], size, o.measures.seed);
      out.measurements.push_back({model.name, depth, l, sample_overlap(cut, o.space, o.measures),
                                  mean_dimension_value(cut, o.measures)});
      detail::add_findings(out.measurements.back(), out.measurements[first], out);
    }
  }
  for (auto* family : {&out.global, &out.inter, &out.intra, &out.grouping, &out.differences})
    *family = judge(std::move(*family), o.measures.verdicts);
  return out;
}

}  // namespace atlas::inline ATLAS_ABI

#ifdef ATLAS_COMPILED
namespace atlas::inline ATLAS_ABI {
ATLAS_OF_PROTOCOLS cross_architecture_result compare_architectures<float>(
    const std::vector<basic_model_layers<float>>&, const cross_architecture_options&);
ATLAS_OF_PROTOCOLS cross_architecture_result compare_architectures<double>(
    const std::vector<basic_model_layers<double>>&, const cross_architecture_options&);
}  // namespace atlas::inline ATLAS_ABI
#endif
