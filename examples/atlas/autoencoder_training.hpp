// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// How autoencoders are trained, by name, and what a layer's heads say of them.

#include <string>
#include <vector>

#include "atlas/autoencoder/advantage.hpp"
#include "common.hpp"

namespace atlas_program {

/// Adds `--training`.
void add_training_option(CLI::App& app, atlas::autoencoder_training& training);

std::string training_name(atlas::autoencoder_training training);

json advantage_json(const atlas::advantage_estimate& advantage);

}  // namespace atlas_program
