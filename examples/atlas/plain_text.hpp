// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// Texts from files, such as names of models, as they are shown to people and to other programs.

#include <string>

namespace atlas_program {

/// The text with U+FFFD for whatever is not UTF-8, for control characters other than tab and end of
/// line, for those that change the direction of what stands around them, and for U+2028 and U+2029,
/// which end a line in some programs alone: what is read is what is there.
std::string plain_text(const std::string& text);

}  // namespace atlas_program
