// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// Clouds that were collected elsewhere: a safetensors file, as docs/guide/clouds.md describes it,
/// or activations that they are made of (docs/guide/activations.md).

#include "measure_source.hpp"

namespace atlas_program {

/// Adds `--clouds` and what goes with it.
void add_cloud_file_options(CLI::App& app, measure_options& options);

/// Options that a file of clouds leaves no choice of.
/// \param more of the subcommand alone
/// \throws value_error naming one that was typed
void check_cloud_file_options(const measure_options& options,
                              std::initializer_list<const char*> more);

/// \throws format_error or shape_error naming the file and the tensor for whatever is not
/// understood, or contradicts itself
measure_source read_clouds(const measure_options& options,
                           const layers_wanted& wanted = every_layer);

}  // namespace atlas_program
