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

/// Steps that `measure_layer` makes in all layers: one a head, and one a surrogate of it.
atlas::index_t steps_of_layers(const measure_source& source, const measure_options& options);

/// \param heads_per_group query heads per key/value head
/// \param meter makes `steps_of_layers` steps
/// \throws whatever is wrong with the clouds, naming the layer and the head
layer_report measure_layer(const source_layer& layer, atlas::index_t heads_per_group,
                           const measure_options& options, haar_nulls& nulls,
                           atlas::progress_meter& meter);

}  // namespace atlas_program
