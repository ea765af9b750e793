// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// Files that a write which was killed has left: `<name>.tmp-<16 hex digits>`, as `write_file` and
/// `save_transformer` name what is not whole yet.

#include <filesystem>

namespace atlas_program {

/// Whether a file or a folder has such a name.
bool is_leftover(const std::filesystem::path& file);

/// Removes all of them in a folder, where nobody else writes, and in folders in it.
void remove_leftovers(const std::filesystem::path& folder);

/// Removes those of one file that nobody has touched for an hour, and so nobody still writes to.
void remove_old_leftovers_of(const std::filesystem::path& file);

}  // namespace atlas_program
