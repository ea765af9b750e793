// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// What the runs of `atlas ablate --factors` say: effects of factors, and what goes with the
/// plateau of dimension.

#include <string>
#include <vector>

#include "ablation_design.hpp"
#include "ablation_outcomes.hpp"
#include "atlas/stats/factorial_effects.hpp"
#include "atlas/stats/mediation.hpp"

namespace atlas_program {

/// One factor's effect on one outcome.
struct ablation_effect {
  ablation_outcome outcome;
  atlas::factor_effect effect;
  double p_holm = 0;  ///< over all factors and tested outcomes; NaN for the others
};

/// One outcome's mediation by the plateau's dimension.
struct ablation_mediation {
  ablation_outcome outcome;
  atlas::mediation_result result;
};

struct ablation_findings {
  std::vector<ablation_effect> effects;  ///< outcome by outcome
  std::vector<ablation_mediation> mediation;
  std::string no_mediation;  ///< why there is none; or empty
};

/// \param runs each cell of the first seed, then of the next
ablation_findings ablation_findings_of(const ablation_options& options, const ablation_plan& plan,
                                       const std::vector<json>& runs);

json findings_json(const ablation_plan& plan, const ablation_findings& found);
/// Cells, effects, mediation, and how to read them.
std::string findings_text(const ablation_plan& plan, const std::vector<json>& runs,
                          const ablation_findings& found);
/// A row a run (RFC 4180).
std::string runs_csv(const ablation_plan& plan, const std::vector<json>& runs,
                     const common_options& common);
/// A row an effect.
std::string effects_csv(const ablation_plan& plan, const ablation_findings& found,
                        const common_options& common);

}  // namespace atlas_program
