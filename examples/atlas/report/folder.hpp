// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// The folder of a report. Its page and its figures are of one run: the results of a run that fails
/// are apart from the report that was there before.

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "../common.hpp"
#include "../folder_lock.hpp"
#include "page.hpp"

namespace atlas_program {

/// Makes a report's folder. Folders that were not there and stay empty are taken away again.
class report_folder {
 public:
  /// \throws error where it cannot be made, or where another run writes to it
  explicit report_folder(const std::filesystem::path& folder);
  ~report_folder();
  report_folder(const report_folder&) = delete;
  report_folder& operator=(const report_folder&) = delete;

  /// A file for a part's result until the report is written: in `unfinished`, where it stays if a
  /// later part fails.
  std::filesystem::path unfinished_part(const std::string& part);

  /// What is written at the end, each file whole or not there: the older report goes, parts come
  /// from where they were, and the page comes last.
  std::vector<output_file> files_of(const report_content& report) const;

 private:
  std::filesystem::path folder_;
  std::vector<std::string> parts_;           // that are unfinished
  std::vector<std::filesystem::path> made_;  // the innermost first
  std::unique_ptr<folder_lock> lock_;        // in `unfinished`
};

}  // namespace atlas_program
