// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// Arrays that hooks have seen: their names, shapes and heads.

#include <string>
#include <vector>

#include "array_file.hpp"
#include "atlas/core/tensor_view.hpp"

namespace atlas_program {

/// What the axes of an array are, for messages.
inline constexpr const char* by_position =
    "[batch, position, head, d_head], the batch perhaps left out";
inline constexpr const char* by_head = "[batch, head, query, key], the batch perhaps left out";

/// `blocks.L.attn.REST`, and that of a hook.
std::string array_of(atlas::index_t layer, const std::string& rest);
std::string hook_of(atlas::index_t layer, const std::string& hook);

/// An array of four dimensions, whose first is 1 where the file leaves the batch out.
struct hook_array {
  stored_array stored;
  atlas::shape<4> extents;
};

/// \throws format_error for an array that is not there, shape_error for one of other dimensions
hook_array read_hook(const array_file& file, const std::string& name, const char* axes);

/// \throws shape_error unless the array has these extents; negative: any
void check_extents_of(const hook_array& x, const atlas::shape<4>& wanted, const std::string& why);

/// Heads that clouds of these rows are of, in groups of so many.
/// \throws shape_error or format_error where hooks and metadata of the file contradict each other
atlas::index_t heads_per_group_of(const array_file& file, atlas::index_t layer,
                                  const std::string& rows);

/// \throws format_error for metadata that a file of activations does not have
void check_metadata_of_activations(const array_file& file);

/// Whether the file is one of activations, not of clouds. An npz file is.
bool holds_activations(const array_file& file);

/// The layers that hooks are of, increasing.
/// \throws format_error for names that no hook has, or no hook that is read
std::vector<atlas::index_t> layers_of_activations(const array_file& file);

}  // namespace atlas_program
