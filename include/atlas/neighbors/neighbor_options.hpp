// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// What a search for nearest neighbours is asked for.

#include "atlas/core/progress.hpp"
#include "atlas/core/tensor_view.hpp"
#include "atlas/neighbors/exclusion.hpp"

namespace atlas::inline ATLAS_ABI {

struct neighbor_options {
  index_t k = 2;                       ///< neighbours per row, at most N - 1
  exclusion exclude = {};              ///< rows that may not be neighbours, or not together
  int threads = 0;                     ///< 0: all of the machine
  progress_callback on_progress = {};  ///< may cancel
};

}  // namespace atlas::inline ATLAS_ABI
