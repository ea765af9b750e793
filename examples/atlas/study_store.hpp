// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// The folder of a study: parts that are whole or not there, and whose they are.

#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "common.hpp"
#include "folder_lock.hpp"

namespace atlas_program {

/// FNV-1a of bytes: tells files and options that changed by accident from those that did not.
std::uint64_t content_hash(std::string_view bytes, std::uint64_t so_far = 0xCBF29CE484222325u);
std::string hash_text(std::uint64_t hash);

/// `DIR/parts/*.json` and `DIR/parts/study.json`, which says what they are parts of.
///
/// Ranks write to it side by side, each its own parts, and make it together.
class study_store {
 public:
  /// Makes the folder, or enters that of a study of the same description; removes what a killed run
  /// left half written.
  /// \throws error for a folder of another study or of other things, one that another run writes
  /// to,
  ///         or one that cannot be made
  study_store(const std::filesystem::path& folder, const json& description);

  /// Names of files of parts, in one look at the folder; not all need be whole.
  std::set<std::string> names() const;
  /// A part that is there, whole, and of this study.
  std::optional<json> read(const std::string& name) const;
  void write(const std::string& name, const json& result) const;
  /// A folder beside the parts, made where it is not. \throws error where it cannot be made
  std::filesystem::path folder_of(const std::string& name) const;
  /// A file beside the parts.
  void write_file(const std::string& name, const std::string& text) const;

 private:
  void make(const std::filesystem::path& folder, const json& description);
  std::filesystem::path part_file(const std::string& name) const;

  std::filesystem::path folder_;
  std::string key_;                          // of the description
  std::shared_ptr<const folder_lock> lock_;  // of rank 0
};

/// Parts of a command, by name, that ranks divide among them.
struct parts_to_do {
  std::vector<std::string> names;  ///< in the order of one process
  std::function<json(atlas::index_t part)> measure;
  std::function<void(atlas::index_t part)> begin;  ///< before one that is measured; or empty
  int threads = 1;                                 ///< parts that a rank measures side by side
};

/// All parts in their order, at rank 0, and elsewhere nothing. Those in the folder are read, and
/// the others measured and kept there, each by its rank as soon as it has it. Divided are the parts
/// that are missing, so that they may be left by any number of ranks.
/// \param resumed says how many are there, where there are some; or empty
std::vector<json> all_parts(const parts_to_do& parts, const study_store* store,
                            const std::function<void(std::size_t)>& resumed = {});

}  // namespace atlas_program
