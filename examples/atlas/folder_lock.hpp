// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// One run at a time in a folder of results.

#include <filesystem>

namespace atlas_program {

/// A lock that the system takes away with the process, however that ends. The file is removed with
/// the lock; one that a killed run has left locks nothing. File systems without locks lock nothing
/// either: two runs are not told from each other there.
class folder_lock {
 public:
  /// \param file in a folder that is there; made where it is not
  /// \throws error naming the folder, where another run has the lock or the file cannot be made
  folder_lock(std::filesystem::path file, const std::filesystem::path& folder);
  ~folder_lock();
  folder_lock(const folder_lock&) = delete;
  folder_lock& operator=(const folder_lock&) = delete;

 private:
  std::filesystem::path file_;
  int handle_ = -1;
};

}  // namespace atlas_program
