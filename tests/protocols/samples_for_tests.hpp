// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// Samples of heads whose overlap and dimension are known.

#include <Eigen/Dense>
#include <string>

#include "../clouds_for_tests.hpp"
#include "atlas/protocols/head_sample.hpp"
#include "atlas/protocols/sample_measures.hpp"

namespace atlas_test {

struct sample_plan {
  atlas::index_t heads = 8, rows = 200, d = 24, signal = 4, contexts = 10;
  bool shared = false;                 ///< one signal subspace for all heads, or one for each
  atlas::index_t heads_per_group = 1;  ///< with more than 1, heads of a group share a subspace
  double noise = 0.1;                  ///< sd outside the subspace, 1 inside
  atlas::index_t model = 0;            ///< width of the output projection, or none
  std::uint64_t seed = 1;
};

/// Gaussian heads, each with its variance in a subspace of `signal` dimensions.
inline atlas::head_sample planned_sample(const sample_plan& p) {
  atlas::head_sample out;
  out.label = "sample " + std::to_string(p.seed);
  out.heads_per_group = p.heads_per_group;
  out.points = atlas::owned_tensor<float, 3>({p.heads, p.rows, p.d});
  out.context = atlas::owned_tensor<atlas::index_t, 1>({p.rows});
  for (atlas::index_t n = 0; n < p.rows; ++n)
    out.context.mutable_view()[n] = n * p.contexts / p.rows;
  for (atlas::index_t h = 0; h < p.heads; ++h) {
    const auto group = static_cast<std::uint64_t>(h / p.heads_per_group);
    const Eigen::MatrixXd axes = rotation(p.d, 1000 * p.seed + (p.shared ? 0 : group));
    Eigen::MatrixXd cloud = normal_cloud(p.rows, p.d, 500 * p.seed + static_cast<std::uint64_t>(h));
    cloud.rightCols(p.d - p.signal) *= p.noise;
    const Eigen::MatrixXd turned = cloud * axes.transpose();
    for (atlas::index_t n = 0; n < p.rows; ++n)
      for (atlas::index_t k = 0; k < p.d; ++k)
        out.points.mutable_view()(h, n, k) = static_cast<float>(turned(n, k));
  }
  if (p.model == 0) return out;
  const Eigen::MatrixXd weights = normal_cloud(p.heads * p.d, p.model, 77 + p.seed);
  out.output_projection = atlas::owned_tensor<float, 2>({p.heads * p.d, p.model});
  for (atlas::index_t i = 0; i < weights.rows(); ++i)
    for (atlas::index_t m = 0; m < p.model; ++m)
      out.output_projection.mutable_view()(i, m) = static_cast<float>(weights(i, m));
  return out;
}

/// Small and quick.
inline atlas::protocol_options quick_protocol() {
  return {
      .local_dimension = 4, .surrogates = 10, .haar_draws = 2000, .turned_draws = 30, .seed = 3};
}

}  // namespace atlas_test
