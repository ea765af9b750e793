// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// `--without-sinks` and what counts as a sink, as options of commands that look at attention.

#include "atlas/attention/sinks.hpp"
#include "options.hpp"

namespace atlas_program {

inline void add_sink_options(CLI::App& app, bool& without_sinks, atlas::sink_options& sinks,
                             const char* what) {
  app.add_flag("--without-sinks", without_sinks, what);
  add_real(app, "--sink-weight", sinks.weight, open_unit,
           "mean weight beyond chance from which on a key is a sink");
  add_real(app, "--sink-norm", sinks.value_norm, positive,
           "length of its value, over the median, up to which it is one");
}

}  // namespace atlas_program
