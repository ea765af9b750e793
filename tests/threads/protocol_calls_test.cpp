// SPDX-License-Identifier: MIT
#include "../protocols/samples_for_tests.hpp"
#include "atlas/protocols/context_neighbors.hpp"
#include "atlas/protocols/sample_measures.hpp"
#include "calls.hpp"

namespace atlas_test {

std::vector<threaded_call> protocol_calls() {
  using s = call_settings;
  return {
      {"protocols/context_neighbors.hpp", "context_neighbors", true,
       [](const s& o) {
         const auto r = atlas::context_neighbors(
             planned_sample({.heads = 3}),
             {.permutations = 99, .threads = o.threads, .on_progress = o.on_progress});
         return (numbers() << r.heads << r.null.draws).all;
       }},
      {"protocols/sample_measures.hpp", "mean_dimension and overlaps", true,
       [](const s& o) {
         atlas::protocol_options options = quick_protocol();
         options.threads = o.threads;
         options.on_progress = o.on_progress;
         const auto sample = planned_sample({.heads = 3, .model = 80});
         const auto e =
             atlas::sample_overlap(sample, atlas::overlap_space::residual_stream, options);
         return (numbers() << atlas::mean_dimension(sample, options).null.draws << e.global.z
                           << atlas::sample_turned_null(sample, options).global.sd)
             .all;
       }},
      {"protocols/sample_measures.hpp", "over_contexts", true,
       [](const s& o) {
         atlas::protocol_options one = quick_protocol();
         one.threads = 1;
         const auto r = atlas::over_contexts(
             planned_sample({.heads = 3}),
             [&](const atlas::head_sample& x) { return atlas::mean_dimension_value(x, one); },
             {.threads = o.threads, .on_progress = o.on_progress});
         return (numbers() << r.left_out).all;
       }},
  };
}

}  // namespace atlas_test
