// SPDX-License-Identifier: MIT
#include "../target.hpp"
#include "atlas/io/training_checkpoint.hpp"
#include "training_run.hpp"

namespace {

/// A checkpoint of the run that `training_run` is.
const atlas_fuzz::registered training("training", [](atlas_fuzz::bytes input) {
  static atlas::trainer run = atlas_fuzz::training_run();
  atlas::io::load_training(atlas_fuzz::file_of(input, "fuzzed.safetensors"), run);
});

}  // namespace
