// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// Layers whose heads have rows of their own, since some are left out of each head's cloud: what is
/// said of all heads together, from each head's rows.

#include <Eigen/Core>
#include <algorithm>
#include <limits>
#include <set>
#include <utility>
#include <vector>

#include "atlas/linalg/covariance.hpp"
#include "atlas/stats/summary.hpp"
#include "atlas/subspace/principal_spectra.hpp"
#include "atlas/subspace/residual_stream.hpp"
#include "atlas/subspace/split_half.hpp"
#include "atlas/subspace/turned_null.hpp"
#include "measure_report.hpp"
#include "source_layer.hpp"

namespace atlas_program {

/// Fewer rows, or rows of fewer passages, are no cloud.
inline constexpr atlas::index_t least_own_rows = 30, least_own_passages = 3;

/// The rows of one head that are not left out.
template <class Scalar>
struct own_cloud {
  atlas::owned_tensor<Scalar, 3> points;  ///< `[1, N_h, d]`
  source_layer labels;                    ///< of these rows
  atlas::index_t passages = 0;            ///< that rows are of, or rows where these are not known

  atlas::index_t rows() const { return points.extent(1); }
  bool is_cloud() const { return rows() >= least_own_rows && passages >= least_own_passages; }
};

/// Those of rows `from`; nothing of labels that are not known.
inline atlas::owned_tensor<atlas::index_t, 1> labels_of(
    const atlas::owned_tensor<atlas::index_t, 1>& labels, const std::vector<atlas::index_t>& from) {
  if (labels.empty()) return {};
  atlas::owned_tensor<atlas::index_t, 1> out({std::ssize(from)});
  for (std::size_t n = 0; n < from.size(); ++n)
    out.mutable_view()[static_cast<atlas::index_t>(n)] = labels[from[n]];
  return out;
}

/// Labels of a layer's rows `from`.
inline source_layer labels_of(const source_layer& layer, const std::vector<atlas::index_t>& from) {
  source_layer out;
  out.layer = layer.layer;
  out.precision = layer.precision;
  out.context = labels_of(layer.context, from);
  out.position = labels_of(layer.position, from);
  out.token = labels_of(layer.token, from);
  if (layer.attended.empty()) return out;
  out.attended =
      atlas::owned_tensor<atlas::index_t, 2>({layer.attended.extent(0), std::ssize(from)});
  for (atlas::index_t h = 0; h < out.attended.extent(0); ++h)
    for (std::size_t n = 0; n < from.size(); ++n)
      out.attended.mutable_view()(h, static_cast<atlas::index_t>(n)) = layer.attended(h, from[n]);
  return out;
}

template <class Scalar>
own_cloud<Scalar> own_cloud_of(const atlas::owned_tensor<Scalar, 3>& points,
                               const source_layer& layer, atlas::index_t head) {
  std::vector<atlas::index_t> rows;
  for (atlas::index_t n = 0; n < layer.left_out.extent(1); ++n)
    if (layer.left_out(head, n) == 0) rows.push_back(n);
  const atlas::index_t count = std::ssize(rows), d = points.extent(2);
  own_cloud<Scalar> out{atlas::owned_tensor<Scalar, 3>({1, count, d}), labels_of(layer, rows),
                        count};
  for (std::size_t n = 0; n < rows.size(); ++n)
    for (atlas::index_t k = 0; k < d; ++k)
      out.points.mutable_view()(0, static_cast<atlas::index_t>(n), k) = points(head, rows[n], k);
  const auto& context = out.labels.context;
  if (!layer.context.empty())
    out.passages =
        std::ssize(std::set<atlas::index_t>(context.data(), context.data() + context.size()));
  return out;
}

/// What is said of a head that has too few rows of its own.
/// \param in_passages the passages of rows are known
inline head_report no_cloud(atlas::index_t head, atlas::index_t rows, bool in_passages) {
  constexpr double none = std::numeric_limits<double>::quiet_NaN();
  head_report out;
  out.head = head;
  out.points = rows;
  out.none.dimension = none;
  out.none.interval = {none, none};
  out.none.fit = {none, none};
  out.fault = out.none.fault = atlas::cloud_fault::too_few_ratios;
  out.truncated = out.none;
  if (in_passages) out.distinct = out.whole = out.none;
  return out;
}

/// `[H]`, or nothing where none are.
inline std::vector<atlas::index_t> left_out_rows(const source_layer& layer) {
  std::vector<atlas::index_t> out;
  if (layer.left_out.empty()) return out;
  for (atlas::index_t h = 0; h < layer.left_out.extent(0); ++h) {
    const auto of_head = layer.left_out[h];
    out.push_back(std::count(of_head.data(), of_head.data() + of_head.size(), 1));
  }
  return out;
}

/// Heads that have clouds of their own rows; all of them where no rows are left out.
template <class Scalar>
atlas::index_t heads_with_clouds(const atlas::owned_tensor<Scalar, 3>& points,
                                 const source_layer& layer) {
  const atlas::index_t heads = points.extent(0);
  if (layer.left_out.empty()) return heads;
  atlas::index_t count = 0;
  for (atlas::index_t h = 0; h < heads; ++h)
    count += own_cloud_of(points, layer, h).is_cloud() ? 1 : 0;
  return count;
}

/// A frame of a head that is left out of overlaps.
inline Eigen::MatrixXd no_frame(atlas::index_t rows, atlas::index_t k) {
  return Eigen::MatrixXd::Constant(rows, k, std::numeric_limits<double>::quiet_NaN());
}

/// The head's block of rows of the output projection.
inline atlas::tensor_view<const float, 2> projection_of_head(const source_layer& layer,
                                                             atlas::index_t head,
                                                             atlas::index_t d) {
  const auto& all = layer.output_projection;
  return {all.data() + head * d * all.extent(1), {d, all.extent(1)}};
}

/// As `principal_spectra`.
template <class Scalar>
std::vector<atlas::principal_spectrum> spectra_of(const atlas::owned_tensor<Scalar, 3>& points,
                                                  const source_layer& layer, atlas::index_t k,
                                                  const atlas::frame_options& options) {
  const atlas::spectra_options o{.policy = options.policy, .threads = options.threads};
  if (layer.left_out.empty()) return atlas::principal_spectra(points, k, o);
  std::vector<atlas::principal_spectrum> out;
  for (atlas::index_t h = 0; h < points.extent(0); ++h) {
    const auto own = own_cloud_of(points, layer, h);
    if (own.is_cloud())
      out.push_back(std::move(atlas::principal_spectra(own.points, k, o).front()));
    else
      out.push_back({no_frame(points.extent(2), k), {}});
  }
  return out;
}

/// Covariances of the heads' own rows, `[H, d, d]`; 0 of those that are no cloud.
template <class Scalar>
atlas::owned_tensor<double, 3> own_covariances(const atlas::owned_tensor<Scalar, 3>& points,
                                               const source_layer& layer) {
  const atlas::index_t heads = points.extent(0), d = points.extent(2);
  atlas::owned_tensor<double, 3> out({heads, d, d});
  for (atlas::index_t h = 0; h < heads; ++h) {
    const auto own = own_cloud_of(points, layer, h);
    if (!own.is_cloud()) continue;
    const atlas::tensor_view<const Scalar, 2> rows = own.points[0];
    const Eigen::MatrixXd covariance = atlas::detail::moments(rows).covariance;
    for (atlas::index_t i = 0; i < d; ++i)
      for (atlas::index_t j = 0; j < d; ++j) out.mutable_view()(h, i, j) = covariance(i, j);
  }
  return out;
}

/// As `residual_stream_frames`.
template <class Scalar>
std::vector<Eigen::MatrixXd> written_frames(const atlas::owned_tensor<Scalar, 3>& points,
                                            const source_layer& layer, atlas::index_t k,
                                            const atlas::frame_options& options) {
  if (layer.left_out.empty())
    return atlas::residual_stream_frames(points, layer.output_projection, k, options);
  return atlas::residual_stream_frames_of_covariances(own_covariances(points, layer),
                                                      layer.output_projection, k, options);
}

/// As `turned_null`.
template <class Scalar>
atlas::turned_null_result turned_of(const atlas::owned_tensor<Scalar, 3>& points,
                                    const source_layer& layer, atlas::index_t k,
                                    const atlas::turned_null_options& options) {
  if (layer.left_out.empty())
    return atlas::turned_null(points, layer.output_projection, k, options);
  return atlas::turned_null_of_covariances(own_covariances(points, layer), layer.output_projection,
                                           k, options);
}

/// As `split_half_overlap`, each head's rows halved by themselves. Heads that have rows of fewer
/// than 4 passages have none.
/// \param halve from a head's own cloud and its number
template <class Scalar, class Halve>
atlas::split_half_result own_ceilings(const atlas::owned_tensor<Scalar, 3>& points,
                                      const source_layer& layer, Halve&& halve) {
  const atlas::index_t heads = points.extent(0);
  atlas::split_half_result out;
  out.heads = Eigen::VectorXd::Constant(heads, std::numeric_limits<double>::quiet_NaN());
  std::vector<double> with_frames;
  for (atlas::index_t h = 0; h < heads; ++h) {
    const auto own = own_cloud_of(points, layer, h);
    if (!own.is_cloud() || own.passages < 4) continue;
    const atlas::split_half_result of_head = halve(own, h);
    out.heads(h) = of_head.mean;
    out.contexts = out.contexts == 0 ? of_head.contexts : std::min(out.contexts, of_head.contexts);
    out.halvings = of_head.halvings;
    if (of_head.mean == of_head.mean) with_frames.push_back(of_head.mean);
  }
  const atlas::sample_summary s = atlas::summarize(with_frames);
  out.mean = s.mean;
  out.sd = s.sd;
  return out;
}

template <class Scalar>
atlas::split_half_result ceiling_of(const atlas::owned_tensor<Scalar, 3>& points,
                                    const source_layer& layer, atlas::index_t k,
                                    const atlas::split_half_options& options) {
  if (layer.left_out.empty()) return atlas::split_half_overlap(points, layer.context, k, options);
  return own_ceilings(points, layer, [&](const own_cloud<Scalar>& own, atlas::index_t) {
    return atlas::split_half_overlap(own.points, own.labels.context, k, options);
  });
}

template <class Scalar>
atlas::split_half_result stream_ceiling_of(const atlas::owned_tensor<Scalar, 3>& points,
                                           const source_layer& layer, atlas::index_t k,
                                           const atlas::split_half_options& options) {
  if (layer.left_out.empty())
    return atlas::split_half_overlap(points, layer.output_projection, layer.context, k, options);
  return own_ceilings(points, layer, [&](const own_cloud<Scalar>& own, atlas::index_t h) {
    return atlas::split_half_overlap(own.points, projection_of_head(layer, h, points.extent(2)),
                                     own.labels.context, k, options);
  });
}

}  // namespace atlas_program
