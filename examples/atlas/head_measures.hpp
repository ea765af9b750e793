// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// What the heads of one layer are like on a text: what `atlas redundancy` predicts by, and what
/// `atlas compare` has before and after.

#include <array>
#include <string>
#include <vector>

#include "atlas/core/progress.hpp"
#include "atlas/protocols/head_sample.hpp"
#include "atlas/reference/transformer.hpp"
#include "common.hpp"

namespace atlas_program {

struct head_measure_options {
  atlas::index_t min_context = 16, points = 1200, local_dimension = 7;
};

/// Measured block by block: how they are called in JSON and in tables.
struct observable_name {
  const char* key;
  const char* title;
};
inline constexpr std::array<observable_name, 5> head_observables = {{{"purity", "purity"},
                                                                     {"ratio", "R"},
                                                                     {"margin", "margin"},
                                                                     {"entropy", "S"},
                                                                     {"sink", "sink"}}};

struct head_measures {
  double dimension = 0, dimension_error = 0;  ///< NaN where the cloud carries none
  std::string fault;                          ///< why, or empty
  /// `[B]` means of each observable over the positions of a block.
  std::array<std::vector<double>, head_observables.size()> observables;
  double norm = 0;              ///< root mean square length of what it writes
  double own_overlap = 0;       ///< mean overlap with the other heads, in head coordinates
  double stream_overlap = 0;    ///< the same in the residual stream; NaN without a frame
  double ceiling = 0;           ///< with itself in the stream, halves of the passages
  std::vector<double> overlap;  ///< `[H]` in the stream, with each head

  /// Mean of an observable over blocks; NaN for none.
  double mean(std::size_t observable) const;
};

struct layer_measures {
  std::vector<head_measures> heads;
  atlas::head_sample sample;  ///< the clouds that it is of; not kept
};

/// One pass of the model as far as the layer.
/// \throws whatever is wrong with the clouds, naming the layer
layer_measures measure_heads(const atlas::transformer& model,
                             const atlas::tensor_view<const atlas::index_t, 2>& blocks,
                             atlas::index_t layer, const head_measure_options& options,
                             const common_options& common,
                             const atlas::progress_callback& on_progress);

/// As a part of a folder keeps them, to the bit.
/// Numbers that may be infinite or NaN, and back.
json reals_json(const std::vector<double>& values);
std::vector<double> reals_of(const json& kept);

json measures_to_json(const std::vector<head_measures>& heads);
std::vector<head_measures> measures_from_json(const json& kept);

/// A number, or NaN for null.
double real_of(const json& value);

}  // namespace atlas_program
