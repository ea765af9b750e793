// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// The folder in which `atlas ablate` keeps what it has done, so that a run that was killed goes
/// on.

#include <filesystem>
#include <memory>
#include <string>
#include <string_view>

#include "atlas/reference/training/trainer.hpp"
#include "common.hpp"
#include "folder_lock.hpp"

namespace atlas_program {

/// `options.json`, for each model `d_head-N/` with its checkpoint and measurements, then its model,
/// and at last the result. Every file appears when it is whole. Without a path nothing is kept.
class ablation_folder {
 public:
  /// Makes the folder, or goes on in one of the same options.
  /// \throws error or format_error naming the path: of other options, in use, or none of these
  ablation_folder(const std::string& path, const json& options);

  bool kept() const { return !path_.empty(); }

  /// `[{"step", ...}, ...]` of a model, as far as they are there.
  json measurements(atlas::index_t head_dimension) const;
  void save_measurements(atlas::index_t head_dimension, const json& measurements) const;

  /// Whether the model is trained and written.
  bool finished(atlas::index_t head_dimension) const;
  /// Goes on from the last checkpoint, if there is one.
  void load(atlas::index_t head_dimension, atlas::trainer& training) const;
  void save(atlas::index_t head_dimension, const atlas::trainer& training) const;
  /// Writes the trained model, for `atlas measure` and others.
  void finish(atlas::index_t head_dimension, const atlas::trainer& training,
              std::string_view tokenizer) const;

  /// Removes the checkpoints too, which nobody needs any more.
  void save_result(const json& result, const std::string& csv) const;

 private:
  std::filesystem::path at(atlas::index_t head_dimension, const char* name) const;

  std::filesystem::path path_;
  std::unique_ptr<folder_lock> lock_;
};

}  // namespace atlas_program
