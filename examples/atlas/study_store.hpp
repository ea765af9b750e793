// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// The folder of a study: parts that are whole or not there, and whose they are.

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

#include "common.hpp"

namespace atlas_program {

/// FNV-1a of bytes: tells files and options that changed by accident from those that did not.
std::uint64_t content_hash(std::string_view bytes, std::uint64_t so_far = 0xCBF29CE484222325u);
std::string hash_text(std::uint64_t hash);

/// `DIR/parts/*.json` and `DIR/parts/study.json`, which says what they are parts of.
class study_store {
 public:
  /// Makes the folder, or enters that of a study of the same description; removes what a killed run
  /// left half written.
  /// \throws error for a folder of another study or of other things, or one that cannot be made
  study_store(const std::filesystem::path& folder, const json& description);

  /// A part that is there, whole, and of this study.
  std::optional<json> read(const std::string& name) const;
  void write(const std::string& name, const json& result) const;
  /// A file beside the parts.
  void write_file(const std::string& name, const std::string& text) const;

 private:
  std::filesystem::path part_file(const std::string& name) const;

  std::filesystem::path folder_;
  std::string key_;  // of the description
};

}  // namespace atlas_program
