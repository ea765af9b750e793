// SPDX-License-Identifier: MIT
#include "../clouds_for_tests.hpp"
#include "atlas/dimension/dimension_profile.hpp"
#include "atlas/dimension/surrogate.hpp"
#include "atlas/dimension/two_nn.hpp"
#include "atlas/neighbors/nearest_neighbors.hpp"
#include "atlas/neighbors/nearest_neighbors_among.hpp"
#include "atlas/neighbors/neighbor_counts.hpp"
#include "atlas/neighbors/neighbors_within.hpp"
#include "atlas/neighbors/ring_neighbors.hpp"
#include "calls.hpp"

namespace atlas_test {

std::vector<threaded_call> cloud_calls() {
  using s = call_settings;
  const Eigen::MatrixXd x = normal_cloud(800, 5);
  const auto null = [](const atlas::surrogate_null& n) { return (numbers() << n.draws).all; };
  return {
      {"neighbors/neighbor_options.hpp", "nearest_neighbors", true,
       [=](const s& o) {
         const auto t = atlas::nearest_neighbors(
             x, {.k = 3, .threads = o.threads, .on_progress = o.on_progress});
         return (numbers() << t.distances << t.indices).all;
       }},
      {"neighbors/neighbor_options.hpp", "nearest_neighbors in a tree", true,
       [](const s& o) {
         const Eigen::MatrixXd flat = normal_cloud(5000, 3);
         const auto t = atlas::nearest_neighbors(
             flat, {.k = 3, .threads = o.threads, .on_progress = o.on_progress});
         return (numbers() << t.distances << t.indices).all;
       }},
      {"neighbors/neighbor_options.hpp", "nearest_neighbors in a periodic box", true,
       [=](const s& o) {
         const auto t =
             atlas::nearest_neighbors(x.cwiseAbs().eval(), {.k = 3,
                                                            .periods = {6, 0, 7, 6, 0},
                                                            .threads = o.threads,
                                                            .on_progress = o.on_progress});
         return (numbers() << t.distances << t.indices).all;
       }},
      {"neighbors/nearest_neighbors_among.hpp", "nearest_neighbors_among", true,
       [=](const s& o) {
         const auto t = atlas::nearest_neighbors_among(
             x, normal_cloud(900, 5, 3),
             {.k = 3, .threads = o.threads, .on_progress = o.on_progress});
         return (numbers() << t.distances << t.indices).all;
       }},
      {"neighbors/neighbors_within.hpp", "neighbors_within", true,
       [=](const s& o) {
         const auto t =
             atlas::neighbors_within(x, 1.0, {.threads = o.threads, .on_progress = o.on_progress});
         return (numbers() << t.offsets << t.distances << t.indices).all;
       }},
      {"neighbors/ring_neighbors.hpp", "ring_neighbors", true,
       [=](const s& o) {
         const auto t = atlas::ring_neighbors(
             x, {.k = 3, .rows = x.rows(), .threads = o.threads, .on_progress = o.on_progress},
             [](std::string block) { return block; });
         return (numbers() << t.distances << t.indices).all;
       }},
      {"neighbors/neighbor_counts.hpp", "neighbor_counts", true,
       [=](const s& o) {
         const auto t = atlas::neighbor_counts(
             x, {0.5, 1.0}, {.threads = o.threads, .on_progress = o.on_progress});
         return (numbers() << t).all;
       }},
      {"dimension/two_nn_options.hpp", "two_nn", true,
       [=](const s& o) {
         const auto r = atlas::two_nn(x, {.threads = o.threads, .on_progress = o.on_progress});
         return (numbers() << r.dimension << r.interval.lower << r.fit.p).all;
       }},
      {"dimension/two_nn_options.hpp", "dimension_profile", true,
       [=](const s& o) {
         const auto r = atlas::dimension_profile(
             x, {.threads = o.threads, .on_progress = o.on_progress}, {.halvings = 2});
         numbers all;
         for (const auto* steps : {&r.sizes, &r.orders})
           for (const auto& step : *steps) all << step.dimension << step.standard_error;
         return (all << r.p).all;
       }},
      {"dimension/surrogate.hpp", "two_nn_null", true,
       [=](const s& o) {
         return null(atlas::two_nn_null(x, atlas::two_nn(x, {.threads = 1}),
                                        {.threads = o.threads, .on_progress = o.on_progress}));
       }},
      {"dimension/surrogates/options.hpp", "two_nn_null of passages", true,
       [=](const s& o) {
         std::vector<atlas::index_t> context, position;
         for (atlas::index_t i = 0; i < static_cast<atlas::index_t>(x.rows()); ++i) {
           context.push_back(i / 8);
           position.push_back(3 * (i % 8));
         }
         return null(atlas::surrogate_null_of(
             x, [](const auto& cloud) { return atlas::two_nn(cloud, {.threads = 1}).dimension; },
             {.draws = 10,
              .kind = atlas::surrogate_kind::passages,
              .labels = {atlas::detail::copy_labels(context, "context"),
                         atlas::detail::copy_labels(position, "position")},
              .threads = o.threads,
              .on_progress = o.on_progress}));
       }},
  };
}

}  // namespace atlas_test
