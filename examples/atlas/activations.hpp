// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// Clouds of activations that hooks have seen: a file of arrays with the names and shapes that
/// TransformerLens gives them, as docs/guide/activations.md describes it.

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "atlas/attention/sinks.hpp"
#include "atlas/core/progress.hpp"
#include "atlas/core/tensor_view.hpp"
#include "hook_arrays.hpp"
#include "source_layer.hpp"

namespace atlas_program {

/// What rows of the clouds are: attention residuals, or those of a hook.
inline constexpr std::array<const char*, 5> rows_of_activations = {"residual", "q", "k", "v", "z"};

struct activation_options {
  std::string rows = "residual";    ///< one of `rows_of_activations`
  atlas::index_t min_context = 16;  ///< positions of a passage before this one are left out
  atlas::index_t points = 1200;     ///< rows of a cloud, or all places where there are fewer
  bool points_are_there = false;    ///< fewer places are an error
  std::uint64_t seed = 0;           ///< of the places
  bool without_sinks = false;       ///< rows that rest on a head's sink are marked to be left out
  atlas::sink_options sinks = {};
  atlas::progress_callback on_progress = {};  ///< while sinks are looked for
  int threads = 0;
};

struct activations {
  std::vector<source_layer> layers;
  atlas::index_t heads_per_group = 1;  ///< of heads that clouds are of
};

/// Clouds of these layers, of the same places in all of them: rows are spread over passages as
/// `atlas::cloud_collector` spreads them, and are its rows for the same activations, to the bit.
/// \throws format_error or shape_error naming the file and the array: for one that is lacking, of
///         another shape than others of its layer or file, weights that are none, values that are
///         not finite, and heads whose z are not their weights times their values; value_error for
///         options that leave no places
activations read_activations(const array_file& file, const std::vector<atlas::index_t>& layers,
                             const activation_options& options);

}  // namespace atlas_program
