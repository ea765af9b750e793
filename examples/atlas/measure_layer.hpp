// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// All that `atlas measure` says of one layer.

#include <map>
#include <utility>

#include "atlas/subspace/haar.hpp"
#include "measure_report.hpp"
#include "measure_source.hpp"

namespace atlas_program {

/// Haar nulls, simulated where they are first asked for: layers share them.
class haar_nulls {
 public:
  explicit haar_nulls(const atlas::haar_options& options) : options_(options) {}
  const atlas::haar_null& of(atlas::index_t d, atlas::index_t k);

 private:
  atlas::haar_options options_;
  std::map<std::pair<atlas::index_t, atlas::index_t>, atlas::haar_null> nulls_;
};

/// Steps of `measure_head` for so many heads: one each, and one a surrogate.
atlas::index_t steps_of_heads(atlas::index_t heads, const measure_options& options);
/// Those of `measure_layer` in all layers.
atlas::index_t steps_of_layers(const measure_source& source, const measure_options& options);

/// What is said of a head alone, on one thread.
/// \param heads_per_group query heads per key/value head
/// \param meter makes `steps_of_heads` steps
/// \throws whatever is wrong with the clouds, naming the layer and the head
head_report measure_head(const source_layer& layer, atlas::index_t head,
                         atlas::index_t heads_per_group, const measure_options& options,
                         atlas::progress_meter& meter);

/// What is said of a layer's heads together, and they themselves.
layer_report measure_together(const source_layer& layer, std::vector<head_report> heads,
                              atlas::index_t heads_per_group, const measure_options& options,
                              haar_nulls& nulls);

/// Both.
layer_report measure_layer(const source_layer& layer, atlas::index_t heads_per_group,
                           const measure_options& options, haar_nulls& nulls,
                           atlas::progress_meter& meter);

}  // namespace atlas_program
