#pragma once
/// \file
/// All that `atlas measure` says of one layer.

#include "measure_report.hpp"
#include "measure_source.hpp"

namespace atlas_program {

/// \param n_rep query heads per key/value head
/// \param meter a step a head
/// \throws whatever is wrong with the clouds, naming the layer and the head
layer_report measure_layer(const source_layer& layer, atlas::index n_rep,
                           const measure_options& options, atlas::progress_meter& meter);

}  // namespace atlas_program
