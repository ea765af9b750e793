// SPDX-License-Identifier: MIT
#include "npz_file.hpp"

#include "../target.hpp"

namespace {

const atlas_fuzz::registered npz("npz", [](atlas_fuzz::bytes input) {
  const atlas_program::npz_file file(atlas_fuzz::file_of(input, "fuzzed.npz").string());
  for (const std::string& name : file.names()) {
    atlas_fuzz::tried([&] { (void)file.extents(name); });
    atlas_fuzz::tried([&] { (void)file.at(name); });
  }
});

}  // namespace
