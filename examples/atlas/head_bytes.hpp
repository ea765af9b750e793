// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// What was measured of a head as bytes, for another rank: all that reports say of it.

#include <string>

#include "measure_report.hpp"

namespace atlas_program {

std::string bytes_of(const head_report& head);
/// \throws error for bytes that are no head's
head_report head_of(const std::string& bytes);

}  // namespace atlas_program
