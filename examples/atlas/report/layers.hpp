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

/// A head's TwoNN: "none" for any neighbours, "distinct" for those of other passages.
const json& estimate_of(const json& head, const char* neighbors);
/// The one that its surrogates are of: of other passages where passages are known.
const json& main_estimate_of(const json& head);
const json& surrogates_of(const json& head);
/// The share of nearest neighbours that have a label in common, and chance; NaN where not known.
struct label_shares {
  double share, chance;
};
label_shares shares_of(const json& head, const std::string& label);

}  // namespace atlas_program
