// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// Heads of a file of activations, one passage after the other, as a model that runs hands them
/// out: whole weights, for what looks at more than sampled rows.

#include <functional>
#include <vector>

#include "atlas/attention/capture.hpp"
#include "atlas/attention/sinks.hpp"
#include "atlas/core/progress.hpp"
#include "hook_residuals.hpp"

namespace atlas_program {

/// How a file's captures were made.
struct capture_source {
  atlas::index_t passages = 0, length = 0, heads = 0;
  /// From hook_attn_scores. Otherwise logits are ln of the weights: those of the model but for a
  /// number that is added to all of a row.
  bool logits_are_scores = false;
  /// The layer has queries and keys. Where a head's do not give its weights, as those before rotary
  /// embedding do not, its captures are without.
  bool has_queries = false;
};

/// One layer of a file.
class layer_captures {
 public:
  /// \throws format_error or shape_error naming what the layer lacks, or what does not go together
  layer_captures(const array_file& file, atlas::index_t layer);

  [[nodiscard]] const capture_source& source() const { return source_; }

  /// Calls the observer for each passage and head, from several threads at once.
  /// \throws format_error for weights that are none, that look at later keys, or values that are
  ///         not finite; cancelled
  void see(const atlas::head_observer& observer, int threads,
           const atlas::progress_callback& on_progress) const;

 private:
  void see_head(atlas::index_t passage, atlas::index_t head,
                const atlas::head_observer& observer) const;

  atlas::index_t layer_;
  layer_attention attention_;
  std::vector<hook_array> queries_and_keys_;  // two, or none
  capture_source source_;
};

/// The sinks of a layer's heads, `[H * B]`, the passages of a head together.
std::vector<atlas::attention_sink> sinks_of(const array_file& file, atlas::index_t layer,
                                            const atlas::sink_options& options, int threads,
                                            const atlas::progress_callback& on_progress);

}  // namespace atlas_program
