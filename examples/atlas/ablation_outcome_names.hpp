// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// What `atlas ablate --factors` measures of each model.

#include <array>

namespace atlas_program {

/// What is measured of a run: how it is called in JSON and in tables.
struct ablation_outcome {
  const char* key;
  const char* title;
  int decimals;
  bool tested;  ///< false: a part of another, whose effect is shown without a test
};

inline constexpr std::array<ablation_outcome, 12> ablation_outcomes = {
    {{"overlap_excess", "O_h less Haar", 4, true},
     {"stream_excess", "in stream less turned", 4, true},
     {"dimension_excess", "dimension less surrogates", 2, true},
     {"plateau_dimension", "dimension of plateau", 2, true},
     {"loss", "loss, nats a token", 4, true},
     {"overlap", "O_h", 4, false},
     {"overlap_null", "its Haar null", 4, false},
     {"stream", "in stream", 4, false},
     {"stream_null", "its turned null", 4, false},
     {"dimension", "dimension", 2, false},
     {"dimension_null", "its surrogates", 2, false},
     {"plateau_share", "share of layers in plateau", 2, false}}};

}  // namespace atlas_program
