// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// How much memory a piece of work takes at most.

namespace atlas_program {

/// Memory of this process above what it had when this was made. Of one at a time, with no other
/// work beside; what the allocator kept from before is given back first.
class peak_memory {
 public:
  peak_memory();
  /// MiB since then, at most; NaN where the system does not tell (others than Linux).
  double mebibytes() const;

 private:
  double before_;
};

}  // namespace atlas_program
