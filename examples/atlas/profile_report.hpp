// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// A dimension at several scales, as JSON and as a table.

#include <string>
#include <vector>

#include "atlas/dimension/dimension_profile.hpp"
#include "common.hpp"

namespace atlas_program {

/// `{"moves", "p", "sizes": {"slope", "standard_error", "p", "steps": [...]}, "orders": {...}}`, a
/// step being `{"points", "parts", "order", "distance", "dimension", "lower", "upper"}`.
json profile_json(const atlas::dimension_profile_result& profile);

/// A row of a table for each scale, without its header.
/// \param name what the profile is of, in the first column
std::vector<std::vector<std::string>> profile_rows(const std::string& name,
                                                   const atlas::dimension_profile_result& profile);
std::vector<std::string> profile_header(const std::string& first);

}  // namespace atlas_program
