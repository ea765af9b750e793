// SPDX-License-Identifier: MIT
#include "../clouds_for_tests.hpp"
#include "atlas/attention/residual.hpp"
#include "atlas/attention/residual_rules.hpp"
#include "atlas/boltzmann/argmax_stability.hpp"
#include "atlas/boltzmann/crystallization.hpp"
#include "atlas/boltzmann/density_matrix.hpp"
#include "atlas/boltzmann/observables.hpp"
#include "atlas/boltzmann/softmax.hpp"
#include "calls.hpp"

namespace atlas_test {

std::vector<threaded_call> attention_calls() {
  using s = call_settings;
  const Eigen::MatrixXd logits = normal_cloud(300, 300);
  const std::vector<Eigen::MatrixXf> points = {normal_cloud(40, 6, 1).cast<float>(),
                                               normal_cloud(40, 6, 2).cast<float>()};
  return {
      {"boltzmann/observables.hpp", "boltzmann_observables", false,
       [=](const s& o) {
         const auto r = atlas::boltzmann_observables<2>(logits, {.threads = o.threads});
         return (numbers() << r.entropy
                           << atlas::concentration<2>(logits, {.threads = o.threads}).ratio
                           << atlas::softmax<2>(logits, {.threads = o.threads}))
             .all;
       }},
      {"boltzmann/density_matrix.hpp", "density_matrix", false,
       [=](const s& o) {
         const auto p = atlas::softmax<2>(logits, {.threads = 1});
         const auto r = atlas::density_matrix(p, normal_cloud(300, 8), {.threads = o.threads});
         return (numbers() << r.purity << r.von_neumann_entropy).all;
       }},
      {"boltzmann/argmax_stability.hpp", "argmax_stability", true,
       [](const s& o) {
         const Eigen::MatrixXd q = normal_cloud(300, 8, 1), k = normal_cloud(300, 8, 2);
         return (numbers() << atlas::argmax_stability(
                                  q, k, {.threads = o.threads, .on_progress = o.on_progress})
                                  .stable)
             .all;
       }},
      {"attention/residual_rules.hpp", "residual_bases, random_residual_bases", true,
       [=](const s& o) {
         numbers all;
         for (const auto& b :
              atlas::residual_bases(points, {.threads = o.threads, .on_progress = o.on_progress}))
           all << b.vectors;
         for (const auto& b : atlas::random_residual_bases(
                  points, {.seed = 1, .threads = o.threads, .on_progress = o.on_progress}))
           all << b.vectors;
         return all.all;
       }},
      {"attention/residual.hpp", "decompose_residuals", true,
       [](const s& o) {
         const std::vector<Eigen::MatrixXd> a(4, normal_cloud(20, 20).cwiseAbs()),
             v(2, normal_cloud(20, 5));
         std::vector<Eigen::MatrixXd> rows = a;
         for (Eigen::MatrixXd& m : rows)
           for (Eigen::Index r = 0; r < m.rows(); ++r) m.row(r) /= m.row(r).sum();
         numbers all;
         for (const auto& r : atlas::decompose_residuals(
                  rows, v, {.threads = o.threads, .on_progress = o.on_progress}))
           all << r.raw;
         return all.all;
       }},
  };
}

}  // namespace atlas_test
