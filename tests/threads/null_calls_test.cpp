// SPDX-License-Identifier: MIT
#include "../clouds_for_tests.hpp"
#include "atlas/manifold/atlas_test.hpp"
#include "atlas/manifold/chord_test.hpp"
#include "atlas/manifold/connectivity.hpp"
#include "atlas/manifold/homogeneity.hpp"
#include "atlas/manifold/pooled_dimension.hpp"
#include "atlas/manifold/separation.hpp"
#include "calls.hpp"

namespace atlas_test {

std::vector<threaded_call> null_calls() {
  using s = call_settings;
  const Eigen::MatrixXd x = normal_cloud(800, 5);
  const std::vector<Eigen::MatrixXd> heads = {normal_cloud(200, 6, 1), normal_cloud(200, 6, 2),
                                              normal_cloud(200, 6, 3)};
  std::vector<int> labels;
  for (int i = 0; i < 800; ++i) labels.push_back(i % 4);
  return {
      {"dimension/two_nn_options.hpp", "pooled_dimension", true,
       [=](const s& o) {
         const atlas::two_nn_options options{.threads = o.threads, .on_progress = o.on_progress};
         const auto r = atlas::pooled_dimension(heads, options);
         return (numbers() << r.dimension
                           << atlas::pooled_dimension_null(
                                  heads, r,
                                  {.draws = 10, .threads = o.threads, .on_progress = o.on_progress})
                                  .draws)
             .all;
       }},
      {"manifold/connectivity.hpp", "connectivity", true,
       [=](const s& o) {
         const atlas::connectivity_options options{
             .k = 2, .threads = o.threads, .on_progress = o.on_progress};
         const auto r = atlas::connectivity(x, options);
         const auto n = atlas::connectivity_null(
             x, r, {.draws = 10, .threads = o.threads, .on_progress = o.on_progress});
         return (numbers() << r.component << n.components.draws).all;
       }},
      {"manifold/chord_test.hpp", "chord_test", true,
       [=](const s& o) {
         const atlas::chord_options options{
             .chords = 60, .threads = o.threads, .on_progress = o.on_progress};
         const auto r = atlas::chord_test(x, options);
         return (numbers() << r.mean
                           << atlas::chord_null(
                                  x, r,
                                  {.draws = 10, .threads = o.threads, .on_progress = o.on_progress})
                                  .mean.draws)
             .all;
       }},
      {"manifold/homogeneity.hpp", "homogeneity", true,
       [=](const s& o) {
         const atlas::homogeneity_options options{
             .region_points = 100, .threads = o.threads, .on_progress = o.on_progress};
         const auto r = atlas::homogeneity(x, options);
         return (numbers() << r.mean << r.sd
                           << atlas::homogeneity_null(
                                  x, r,
                                  {.draws = 10, .threads = o.threads, .on_progress = o.on_progress})
                                  .sd.draws)
             .all;
       }},
      {"manifold/atlas_test.hpp", "atlas_test", true,
       [=](const s& o) {
         const auto r = atlas::atlas_test(heads, {.haar_draws = 1000,
                                                  .surrogates = 10,
                                                  .threads = o.threads,
                                                  .on_progress = o.on_progress});
         return (numbers() << r.overlap.matrix << r.overlap.global.interval.lower
                           << r.overlap.global.z << r.pooled_null.draws)
             .all;
       }},
      {"manifold/separation.hpp", "separation", true,
       [=](const s& o) {
         const auto r = atlas::separation(
             x, labels, {.permutations = 99, .threads = o.threads, .on_progress = o.on_progress});
         return (numbers() << r.ratio << r.null_mean << r.z).all;
       }},
      {"dimension/surrogate.hpp", "separation_null", true,
       [=](const s& o) {
         const auto r = atlas::separation(x, labels, {.permutations = 10, .threads = 1});
         return (numbers() << atlas::separation_null(
                                  x, labels, r,
                                  {.threads = o.threads, .on_progress = o.on_progress})
                                  .draws)
             .all;
       }},
  };
}

}  // namespace atlas_test
