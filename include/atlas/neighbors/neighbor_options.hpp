// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// What a search for nearest neighbours is asked for.

#include <vector>

#include "atlas/core/progress.hpp"
#include "atlas/core/tensor_view.hpp"
#include "atlas/neighbors/exclusion.hpp"

namespace atlas::inline ATLAS_ABI {

struct neighbor_options {
  index_t k = 2;           ///< neighbours per row, at most N - 1
  exclusion exclude = {};  ///< rows that may not be neighbours, or not together
  /// `[d]`, the length after which each coordinate begins again, of coordinates from 0 to it: 0 or
  /// +inf where one does not. Distances are to the nearest image. Empty: none does.
  std::vector<double> periods = {};
  int threads = 0;                     ///< 0: all of the machine
  progress_callback on_progress = {};  ///< may cancel
};

}  // namespace atlas::inline ATLAS_ABI
