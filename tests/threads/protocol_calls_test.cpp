// SPDX-License-Identifier: MIT
#include "../protocols/samples_for_tests.hpp"
#include "atlas/protocols/context_neighbors.hpp"
#include "atlas/protocols/head_maps.hpp"
#include "atlas/protocols/sample_measures.hpp"
#include "atlas/protocols/self_overlap.hpp"
#include "calls.hpp"

namespace atlas_test {

std::vector<threaded_call> protocol_calls() {
  using s = call_settings;
  const auto maps = [](std::uint64_t seed) {
    atlas::head_maps out;
    for (std::uint64_t h = 0; h < 7; ++h) {
      out.queries.push_back(normal_cloud(4, 11, seed + h));
      out.keys.push_back(normal_cloud(4, 11, seed + 10 + h));
      out.values.push_back(normal_cloud(4, 11, seed + 20 + h));
      out.writes.push_back(normal_cloud(4, 10, seed + 30 + h));
    }
    return out;
  };
  return {
      {"protocols/head_maps.hpp", "similarity_of_maps", true,
       [=](const s& o) {
         const auto r = atlas::similarity_of_maps(
             maps(0), maps(50), {.threads = o.threads, .on_progress = o.on_progress});
         return (numbers() << r.looks << r.writes).all;
       }},
      {"protocols/self_overlap.hpp", "self_overlap", true,
       [](const s& o) {
         const auto sample = planned_sample({.heads = 3, .model = 80});
         const auto r = atlas::self_overlap(sample, sample, {1, 0, 2},
                                            {.local_dimension = 2,
                                             .halvings = 4,
                                             .draws = 12,
                                             .threads = o.threads,
                                             .on_progress = o.on_progress});
         return (numbers() << r.overlaps << r.ceiling << r.null.draws << r.interval.lower).all;
       }},
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
