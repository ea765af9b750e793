// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// Models and texts inside the program.

#include <optional>
#include <string>
#include <string_view>

#include "atlas/io/model.hpp"

namespace atlas_program {

/// tiny-gpt2 or tiny-llama; nothing for other names.
std::optional<atlas::io::model_files> embedded_model(const std::string& name);

/// moby-dick or addresses; nothing for other names.
std::optional<std::string_view> embedded_text(const std::string& name);

}  // namespace atlas_program
