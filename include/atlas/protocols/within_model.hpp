// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// The within-model control: do heads of higher dimension overlap more with the others?

#include <cmath>
#include <cstdint>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "atlas/core/compiled.hpp"
#include "atlas/core/lazy.hpp"
#include "atlas/protocols/sample_measures.hpp"
#include "atlas/stats/correlation.hpp"

namespace atlas::inline ATLAS_ABI {

struct within_model_options {
  overlap_space space = overlap_space::head_coordinates;
  index_t permutations = 9999;
  protocol_options measures = {};
};

/// One layer.
struct within_model_layer {
  std::vector<double> dimensions;  ///< `[H]`; NaN for heads that carry no estimate
  std::vector<double> overlaps;  ///< `[H]`, mean over the heads of other groups; NaN likewise, and
                                 ///< for heads without a frame
  correlation spearman;          ///< over heads that have both
};

struct within_model_result {
  std::vector<within_model_layer> layers;
  std::vector<finding> findings;  ///< Spearman's coefficient of each layer; null 0
};

namespace detail {

/// Mean overlap of each head with those that do not share its key/value head.
template <class = lazy>
std::vector<double> inter_overlaps(const Eigen::MatrixXd& matrix, index_t heads_per_group) {
  std::vector<double> out;
  for (index_t h = 0; h < matrix.rows(); ++h) {
    double sum = 0;
    index_t pairs = 0;
    for (index_t other = 0; other < matrix.rows(); ++other)
      if (in_group(pair_group::inter, h, other, heads_per_group) && !std::isnan(matrix(h, other))) {
        sum += matrix(h, other);
        ++pairs;
      }
    out.push_back(pairs > 0 ? sum / static_cast<double>(pairs)
                            : std::numeric_limits<double>::quiet_NaN());
  }
  return out;
}

template <class Scalar = float>
within_model_layer correlate_heads(const basic_head_sample<Scalar>& sample,
                                   const within_model_options& o, std::uint64_t seed) {
  check_sample(sample);
  const index_t heads = sample.points.extent(0);
  if (heads < 3 || heads / sample.heads_per_group < 2)
    throw shape_error(
        sample.label + ": points", "at least 3 heads in at least 2 groups",
        std::to_string(heads) + " in " + std::to_string(heads / sample.heads_per_group));
  const protocol_options& m = o.measures;
  within_model_layer out;
  const auto frames = sample_frames(sample, o.space, m);
  Eigen::MatrixXd matrix = overlap_matrix(frames, m.threads);
  for (const two_nn_result& r :
       head_dimensions<Scalar>(sample.points, two_nn_options_of(sample, m))) {
    const bool carried = r.fault == cloud_fault::none;
    if (!carried) leave_out(static_cast<index_t>(out.dimensions.size()), matrix);
    out.dimensions.push_back(carried ? r.dimension : std::numeric_limits<double>::quiet_NaN());
  }
  out.overlaps = inter_overlaps(matrix, sample.heads_per_group);
  std::vector<double> dimensions, overlaps;
  for (std::size_t h = 0; h < out.overlaps.size(); ++h)
    if (!std::isnan(out.dimensions[h]) && !std::isnan(out.overlaps[h])) {
      dimensions.push_back(out.dimensions[h]);
      overlaps.push_back(out.overlaps[h]);
    }
  if (dimensions.size() < 3)
    throw value_error(sample.label + ": points", "at least 3 heads with a dimension and overlaps",
                      std::to_string(dimensions.size()));
  out.spearman = spearman(dimensions, overlaps,
                          {.permutations = o.permutations,
                           .seed = seed,
                           .threads = m.threads,
                           .on_progress = m.on_progress});
  return out;
}

}  // namespace detail

/// Spearman's correlation of each head's dimension with its mean overlap with the heads of other
/// groups, layer by layer, with a permutation p. Heads whose clouds carry no estimate or have no
/// frame count nowhere. The layers are one family.
///
/// \param layers one sample a layer, of at least 3 heads
/// \throws shape_error for no layers or too few heads; value_error for dimensions or overlaps that
///         are all equal; otherwise as the measures
template <class Scalar = float>
[[nodiscard]] within_model_result within_model_control(
    const std::vector<basic_head_sample<Scalar>>& layers, const within_model_options& o = {}) {
  if (layers.empty()) throw shape_error("layers", "at least 1", "none");
  within_model_result out;
  for (std::size_t l = 0; l < layers.size(); ++l) {
    out.layers.push_back(detail::correlate_heads(layers[l], o, o.measures.seed + l));
    const correlation& r = out.layers.back().spearman;
    out.findings.push_back(compare_with_permutations(layers[l].label, r.coefficient, 0, r.p));
  }
  out.findings = judge(std::move(out.findings), o.measures.verdicts);
  return out;
}

}  // namespace atlas::inline ATLAS_ABI

#ifdef ATLAS_COMPILED
namespace atlas::inline ATLAS_ABI {
ATLAS_OF_PROTOCOLS within_model_result within_model_control<float>(
    const std::vector<basic_head_sample<float>>&, const within_model_options&);
ATLAS_OF_PROTOCOLS within_model_result within_model_control<double>(
    const std::vector<basic_head_sample<double>>&, const within_model_options&);
}  // namespace atlas::inline ATLAS_ABI
#endif
