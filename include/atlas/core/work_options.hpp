// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// Options of calls that have no others of their own.

#include "atlas/core/progress.hpp"

namespace atlas::inline ATLAS_ABI {

/// Of calls that end within a second on a layer of a usual size.
struct thread_options {
  int threads = 0;  ///< 0: all of the machine
};

/// Of calls that may take longer.
struct work_options {
  int threads = 0;                     ///< 0: all of the machine
  progress_callback on_progress = {};  ///< may cancel
};

}  // namespace atlas::inline ATLAS_ABI
