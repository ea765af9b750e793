// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// Estimates of dimension by several estimators, as JSON, CSV and tables.

#include <optional>
#include <string>
#include <vector>

#include "atlas/dimension/corrected_dimension.hpp"
#include "atlas/dimension/dimensions_by_scale.hpp"
#include "atlas/dimension/dimensions_null.hpp"
#include "common.hpp"
#include "dimension_advice.hpp"

namespace atlas_program {

/// What one estimator gave.
struct dimension_row {
  atlas::any_estimator estimator;
  atlas::dimension_estimate estimate;
  double seconds = 0;  ///< that it took, errors included; never in a file
  std::optional<atlas::corrected_estimate> corrected = {};  ///< without its bias
  std::optional<atlas::surrogate_null> null = {};
};

/// `{"name", "parameters", "dimension", "lower", "upper", "standard_error", "error_from", "claim",
/// "points_used", "neighbors", "duplicates", "isolated", "contexts", "fault", "remark"}`, with
/// "corrected" and "surrogate" where these were asked for.
json estimate_json(const dimension_row& row);

/// A line for each estimator, and what those without an estimate say.
std::string estimates_text(const std::vector<dimension_row>& rows);

std::string dimensions_csv(const std::vector<dimension_row>& rows, const common_options& common);

json scales_json(const std::vector<dimension_row>& rows,
                 const std::vector<atlas::dimensions_at_scale>& scales);
/// A column for each scale.
std::string scales_text(const std::vector<dimension_row>& rows,
                        const std::vector<atlas::dimensions_at_scale>& scales);

/// How they look to the rules of advice.
std::vector<advised_estimate> advised_estimates(const std::vector<dimension_row>& rows);
/// The geometric mean, at each scale, over estimators that have an estimate at all of them, and
/// whose neighbours are a small share of the largest one's rows, or contexts where these are the
/// units: other neighbourhoods reach the edges of the cloud.
std::vector<advised_scale> advised_scales(const std::vector<dimension_row>& rows,
                                          const std::vector<atlas::dimensions_at_scale>& scales);

}  // namespace atlas_program
