// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// Kinds of surrogates by name, and the options that choose them.

#include <map>
#include <string>

#include "atlas/dimension/surrogate.hpp"
#include "common.hpp"

namespace atlas_program {

/// What `--surrogate-kind` may be.
extern const std::map<std::string, atlas::surrogate_kind> surrogate_kinds;

/// Adds `--surrogates` and `--surrogate-kind`.
void add_surrogate_options(CLI::App& app, atlas::index_t& draws, std::string& kind);

}  // namespace atlas_program
