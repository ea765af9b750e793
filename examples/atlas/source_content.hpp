// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// What models and texts are by their bytes, so that kept results can tell whether they are of the
/// same ones.

#include <cstdint>
#include <string>

#include "model_source.hpp"

namespace atlas_program {

/// Of the files that a model is read from, or of an embedded one.
std::uint64_t model_content(const std::string& name);

/// Of a text or a file of tokens.
std::uint64_t input_content(const model_input& input);

/// `{"name", "content"}`
json content_json(const std::string& name, std::uint64_t hash);

}  // namespace atlas_program
