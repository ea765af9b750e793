// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// Layers that `atlas measure` or `atlas study` measured, in one shape.

#include <string>
#include <vector>

#include "results.hpp"

namespace atlas_program {

struct measured_layer {
  std::string source;
  atlas::index_t layer = 0;
  const json* content = nullptr;

  const json& heads() const { return member(*content, {"heads"}); }
  const json& overlap() const { return member(*content, {"overlap"}); }
};

/// All of them, those of one source after the other.
std::vector<measured_layer> measured_layers(const report_results& results);

/// The last layer of each source.
std::vector<measured_layer> deepest_of_each(const std::vector<measured_layer>& layers);

/// An overlap and its null: turned clouds in the residual stream, random frames elsewhere. NaN
/// where a number is not known.
struct judged_overlap {
  double mean, lower, upper, null_mean, null_sd, p, haar_mean;
};
judged_overlap overlap_of(const json& estimate, const std::string& space);

/// A head's TwoNN: "none" for any neighbours, "distinct" for those of other passages.
const json& estimate_of(const json& head, const char* neighbors);
/// The one that its surrogates are of: of other passages where passages are known.
const json& main_estimate_of(const json& head);
const json& surrogates_of(const json& head);
/// The share of a head's nearest neighbours that have a label in common, and chance, which a study
/// has of the mean over the layer's heads; NaN where not known.
struct label_shares {
  double share, chance;
};
label_shares shares_of(const measured_layer& layer, const json& head, const std::string& label);

}  // namespace atlas_program
