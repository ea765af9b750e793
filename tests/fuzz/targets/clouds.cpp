// SPDX-License-Identifier: MIT
#include <CLI/CLI.hpp>

#include "../target.hpp"
#include "cloud_file.hpp"

namespace {

/// Clouds and activations, in safetensors or npz, as `atlas measure --clouds` reads them.
const atlas_fuzz::registered clouds("clouds", [](atlas_fuzz::bytes input) {
  CLI::App command;
  atlas_program::measure_options options;
  options.common.command = &command;
  options.common.quiet = true;
  options.common.threads = 1;
  options.min_context = 0;
  options.points = 3;
  atlas_program::add_cloud_file_options(command, options);
  options.clouds_file = atlas_fuzz::file_of(input, "fuzzed.clouds").string();
  const auto all = [](std::size_t, std::size_t) { return true; };
  options.rows = "v";
  atlas_fuzz::tried([&] { (void)atlas_program::read_clouds(options, all); });
  options.rows = "residual";
  (void)atlas_program::read_clouds(options, all);
});

}  // namespace
