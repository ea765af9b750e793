// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// What a calibration found, as the result has it and as it is printed.

#include <string>
#include <vector>

#include "calibrate.hpp"
#include "common.hpp"

namespace atlas_program::calibration {

struct calibration_report {
  json result;
  std::string table;
};
calibration_report report_of(const std::vector<calibration_row>& rows);

}  // namespace atlas_program::calibration
