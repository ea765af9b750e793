// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// The maturation gate: does training bring a quantity away from its null, and from when on?

#include <optional>
#include <vector>

#include "atlas/core/compiled.hpp"
#include "atlas/core/lazy.hpp"
#include "atlas/protocols/verdict.hpp"

namespace atlas::inline ATLAS_ABI {

struct maturation_result {
  std::vector<finding> checkpoints;  ///< one family
  /// The first checkpoint from which on all are on the same side of the null; nothing where the
  /// last one is not on a side.
  std::optional<index_t> departure;
  atlas::verdict verdict = atlas::verdict::undecided;  ///< of the last checkpoint
  /// Whether the first checkpoint, the initialisation, is consistent with chance: otherwise the
  /// quantity owes its departure to the architecture, at least in part.
  bool starts_at_chance = false;
};

/// Judges a quantity at initialisation and along training.
///
/// \param checkpoints in order, each beside its null
/// \throws shape_error for none; otherwise as `compare_with_null`
template <class = lazy>
[[nodiscard]] maturation_result maturation_gate(const std::vector<measured_value>& checkpoints,
                                                const verdict_options& options = {}) {
  if (checkpoints.empty()) throw shape_error("checkpoints", "at least 1", "none");
  maturation_result out;
  out.checkpoints = judge_values(checkpoints, options);
  out.verdict = out.checkpoints.back().verdict;
  out.starts_at_chance = out.checkpoints.front().verdict == verdict::consistent_with_chance;
  if (out.verdict != verdict::above && out.verdict != verdict::below) return out;
  auto first = static_cast<index_t>(out.checkpoints.size()) - 1;
  while (first > 0 && out.checkpoints[static_cast<std::size_t>(first - 1)].verdict == out.verdict)
    --first;
  out.departure = first;
  return out;
}

}  // namespace atlas::inline ATLAS_ABI

#ifdef ATLAS_COMPILED
namespace atlas::inline ATLAS_ABI {
ATLAS_OF_PROTOCOLS maturation_result maturation_gate<void>(const std::vector<measured_value>&,
                                                           const verdict_options&);
}  // namespace atlas::inline ATLAS_ABI
#endif
