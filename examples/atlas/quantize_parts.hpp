// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// What `atlas quantize` keeps of its work: a part for each method, number of bits and draw.

#include <string>
#include <vector>

#include "quantize_report.hpp"

namespace atlas_program {

/// All matrices rounded once, and how well the model reads the text then.
struct quantize_draw {
  std::vector<matrix_errors> matrices;
  atlas::perplexity_result read;
};

std::string draw_name(const std::string& method, int bits, atlas::index_t draw);

/// Numbers that are not finite come back as NaN; all others to the bit.
json draw_json(const quantize_draw& draw);
quantize_draw draw_of(const json& kept);

}  // namespace atlas_program
