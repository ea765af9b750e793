// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// Whether a head of one model is still itself in another: the overlap of where both write, each
/// learned from another half of the passages, between the ceiling (a head with itself, halves of
/// the same model) and the floor (the other model's clouds turned at random).

#include <Eigen/Core>
#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <limits>
#include <numeric>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "atlas/core/checks.hpp"
#include "atlas/core/compiled.hpp"
#include "atlas/core/interval.hpp"
#include "atlas/core/lazy.hpp"
#include "atlas/core/parallel.hpp"
#include "atlas/core/progress.hpp"
#include "atlas/core/random.hpp"
#include "atlas/linalg/frame.hpp"
#include "atlas/protocols/head_sample.hpp"
#include "atlas/stats/bootstrap.hpp"
#include "atlas/stats/drawn_null.hpp"
#include "atlas/stats/summary.hpp"
#include "atlas/subspace/principal_angles.hpp"
#include "atlas/subspace/residual_stream.hpp"
#include "atlas/subspace/split_half.hpp"

namespace atlas::inline ATLAS_ABI {

struct self_overlap_options {
  index_t local_dimension = 7;  ///< k of the frames
  index_t halvings = 10;        ///< random ones, of contexts
  index_t draws = 48;           ///< of turned clouds, at least `least_draws`
  double confidence = 0.95;     ///< of the interval
  std::uint64_t seed = 0;
  std::uint64_t stream = 0;            ///< give each layer its own
  int threads = 0;                     ///< 0: all of the machine
  progress_callback on_progress = {};  ///< may cancel
};

/// Overlaps are mean principal cosines in the residual stream; NaN for a head without a frame.
struct self_overlap_result {
  Eigen::MatrixXd overlaps;       ///< `[H, H]`, head h of a with head g of b, over halvings
  Eigen::VectorXd self, ceiling;  ///< `[H]`, of head h of a: with its match; of halves of both
  Eigen::VectorXd floor;          ///< `[H]`, with its match turned, over draws
  drawn_null null;                ///< the mean of `self` over heads, beside that of each draw
  double ceiling_mean = 0;
  double others = 0;  ///< mean overlap with the heads that are not the match; NaN for one head
  /// `(self - floor) / (ceiling - floor)` of the means: 1 is the same head, 0 a head like any of
  /// its spectrum. NaN where the ceiling is no higher than the floor.
  double share = 0;
  atlas::interval interval;  ///< of the share, by the bootstrap over heads; NaN below 3
};

namespace detail {

/// Frames where heads write, of one half: `[half][head]`.
using half_frames = std::vector<std::vector<Eigen::MatrixXd>>;

/// NaN where a head has no frame.
inline double overlap_or_none(const Eigen::MatrixXd& a, const Eigen::MatrixXd& b) {
  if (is_left_out(a) || is_left_out(b)) return std::numeric_limits<double>::quiet_NaN();
  return principal_cosines(a, b).mean();
}

/// The heads of one model, with the covariances of halves of their passages.
template <class Scalar = float>
class halved_heads {
 public:
  halved_heads(const basic_head_sample<Scalar>& sample, const self_overlap_options& o)
      : sample_(sample),
        writers_(head_writers<Scalar>(sample.output_projection, sample.points.extent(0),
                                      sample.points.extent(2), o.threads)),
        k_(o.local_dimension) {
    check_between(k_, 1, writers_.front().mixing.rows(), "local_dimension");
  }

  index_t heads() const { return sample_.points.extent(0); }

  /// `[head]` of the covariances of some rows.
  std::vector<Eigen::MatrixXd> covariances(const std::vector<index_t>& rows) const {
    std::vector<Eigen::MatrixXd> out;
    const tensor_view<const Scalar, 3> points = sample_.points;
    for (index_t h = 0; h < heads(); ++h) out.push_back(covariance_of_rows(points[h], rows));
    return out;
  }
  std::vector<Eigen::MatrixXd> frames(const std::vector<Eigen::MatrixXd>& covariances) const {
    std::vector<Eigen::MatrixXd> out;
    for (std::size_t h = 0; h < covariances.size(); ++h)
      out.push_back(written_frame(writers_[h], covariances[h], k_,
                                  "clouds, head " + std::to_string(h), rank_policy::leave_out));
    return out;
  }
  /// With all heads of a group turned alike.
  std::vector<Eigen::MatrixXd> turned_frames(std::vector<Eigen::MatrixXd> covariances,
                                             random_stream& random) const {
    Eigen::MatrixXd rotation;
    for (std::size_t h = 0; h < covariances.size(); ++h) {
      const index_t d = covariances[h].rows();
      if (h % static_cast<std::size_t>(sample_.heads_per_group) == 0)
        rotation = random_frame(d, d, random);
      covariances[h] = rotation * covariances[h] * rotation.transpose();
    }
    return frames(covariances);
  }

 private:
  const basic_head_sample<Scalar>& sample_;
  std::vector<head_writer> writers_;
  index_t k_;
};

/// One halving of the passages of both models.
struct halving {
  Eigen::MatrixXd overlaps;
  Eigen::VectorXd ceiling;
  std::vector<Eigen::MatrixXd> frames_a, covariances_b;  ///< of the first and of the second half
};

template <class Scalar>
halving compare_halves(const halved_heads<Scalar>& a, const halved_heads<Scalar>& b,
                       const std::vector<index_t>& match,
                       const std::vector<std::vector<index_t>>& halves) {
  const index_t heads = a.heads();
  halving out;
  half_frames of_a, of_b;
  for (const std::vector<index_t>& rows : halves) {
    of_a.push_back(a.frames(a.covariances(rows)));
    out.covariances_b = b.covariances(rows);
    of_b.push_back(b.frames(out.covariances_b));
  }
  out.overlaps.resize(heads, heads);
  out.ceiling.resize(heads);
  for (index_t i = 0; i < heads; ++i) {
    const auto h = static_cast<std::size_t>(i), m = static_cast<std::size_t>(match[h]);
    for (index_t j = 0; j < heads; ++j) {
      const auto g = static_cast<std::size_t>(j);
      out.overlaps(i, j) =
          0.5 * (overlap_or_none(of_a[0][h], of_b[1][g]) + overlap_or_none(of_a[1][h], of_b[0][g]));
    }
    out.ceiling(i) =
        0.5 * (overlap_or_none(of_a[0][h], of_a[1][h]) + overlap_or_none(of_b[0][m], of_b[1][m]));
  }
  out.frames_a = std::move(of_a[0]);
  return out;
}

/// Mean over what is not NaN; NaN for nothing.
inline double mean_of_finite(const Eigen::VectorXd& x) {
  std::vector<double> kept;
  for (const double value : x)
    if (!std::isnan(value)) kept.push_back(value);
  return summarize(kept).mean;
}

inline double share_between(double self, double ceiling, double floor) {
  return ceiling > floor ? (self - floor) / (ceiling - floor)
                         : std::numeric_limits<double>::quiet_NaN();
}

/// The share of the means and its interval over heads.
template <class = lazy>
void add_share(self_overlap_result& out, const self_overlap_options& o) {
  std::vector<std::array<double, 3>> heads;
  for (index_t h = 0; h < out.self.size(); ++h)
    if (!std::isnan(out.self(h) + out.ceiling(h) + out.floor(h)))
      heads.push_back({out.self(h), out.ceiling(h), out.floor(h)});
  const auto share = [&](std::span<const index_t> rows) {
    std::array<double, 3> sum{};
    for (const index_t r : rows)
      for (std::size_t i = 0; i < 3; ++i) sum[i] += heads[static_cast<std::size_t>(r)][i];
    return share_between(sum[0], sum[1], sum[2]);
  };
  constexpr double none = std::numeric_limits<double>::quiet_NaN();
  std::vector<index_t> all(heads.size());
  std::iota(all.begin(), all.end(), index_t{0});
  out.share = heads.empty() ? none : share(all);
  out.interval = {none, none};
  if (heads.size() < 3 || !std::isfinite(out.share)) return;
  out.interval = atlas::bootstrap(static_cast<index_t>(heads.size()), share,
                                  bootstrap_options{.confidence = o.confidence,
                                                    .bca = false,
                                                    .seed = o.seed ^ o.stream,
                                                    .threads = o.threads})
                     .percentile;
}

template <class Scalar>
void check_pair(const basic_head_sample<Scalar>& a, const basic_head_sample<Scalar>& b,
                const std::vector<index_t>& match, const self_overlap_options& o) {
  check_sample(a);
  check_sample(b);
  check_not_empty(a.output_projection, a.label + ": output_projection");
  check_not_empty(b.output_projection, b.label + ": output_projection");
  check_shape(b.points, a.points.extents(), b.label + ": points");
  check_extent(b.output_projection.extent(1), a.output_projection.extent(1),
               b.label + ": output_projection", "d_model columns,");
  check_extent(b.heads_per_group, a.heads_per_group, b.label + ": heads_per_group",
               "that of the other model,");
  check_extent(static_cast<index_t>(match.size()), a.points.extent(0), "match", "one a head,");
  for (const index_t m : match) check_between(m, 0, a.points.extent(0) - 1, "match");
  if (a.context.empty() || b.context.empty() ||
      !std::equal(a.context.begin(), a.context.end(), b.context.begin(), b.context.end()))
    throw value_error(b.label + ": context", "the passages of the other model's rows", "others");
  check_between(o.halvings, 1, index_t{1} << 20, "halvings");
  check_draws(o.draws, "draws");
  check_open_unit(o.confidence, "confidence");
}

}  // namespace detail

/// The overlap of each head of one model with its match in another, where both write.
///
/// Frames of one model are from one half of the passages, those of the other from the other half:
/// a model compared with itself is at its ceiling on average, not above it. The floor turns the
/// clouds of b at random in their heads' own coordinates, groups as wholes, and sends them through
/// b's projection (docs/methods/subspace.md#turned-null).
///
/// \param a, b  samples of the same places of one text, with output projections into one residual
///              stream
/// \param match `[H]`, for each head of a its head of b
/// \throws shape_error for samples of other shapes or fewer than 4 contexts; value_error for other
///         contexts, k or options out of range, fewer than `least_draws` draws; cancelled
///
/// O(halvings H (N d^2 + d^3 + H k^3 + H d_model k^2) + draws H (d^3 + d_model d k)) time. The same
/// bits for every number of threads.
template <class Scalar = float>
[[nodiscard]] self_overlap_result self_overlap(const basic_head_sample<Scalar>& a,
                                               const basic_head_sample<Scalar>& b,
                                               const std::vector<index_t>& match,
                                               const self_overlap_options& o = {}) {
  detail::check_pair(a, b, match, o);
  const auto units = detail::units_of_rows(a.context, a.points.extent(1));
  if (units.size() < 4)
    throw shape_error(a.label + ": context", "at least 4 different ones, 2 a half",
                      std::to_string(units.size()));
  const detail::halved_heads<Scalar> of_a(a, o), of_b(b, o);
  const index_t heads = of_a.heads();
  const std::uint64_t seed = seed_of_stream(o.seed, o.stream);
  std::vector<detail::halving> halvings(static_cast<std::size_t>(o.halvings));
  progress_meter meter(o.on_progress, "halves of the passages", o.halvings + o.draws);
  parallel_for(o.halvings, o.threads, [&](index_t i) {
    random_stream random(seed, static_cast<std::uint64_t>(i));
    halvings[static_cast<std::size_t>(i)] =
        detail::compare_halves(of_a, of_b, match, detail::random_halves(units, random));
    meter.advance();
  });
  std::vector<Eigen::VectorXd> turned(static_cast<std::size_t>(o.draws));
  parallel_for(o.draws, o.threads, [&](index_t i) {
    const detail::halving& half = halvings[static_cast<std::size_t>(i % o.halvings)];
    random_stream random(seed, static_cast<std::uint64_t>(o.halvings + i));
    const auto frames = of_b.turned_frames(half.covariances_b, random);
    Eigen::VectorXd& overlaps = turned[static_cast<std::size_t>(i)];
    overlaps.resize(heads);
    for (index_t h = 0; h < heads; ++h) {
      const auto at = static_cast<std::size_t>(h);
      overlaps(h) =
          detail::overlap_or_none(half.frames_a[at], frames[static_cast<std::size_t>(match[at])]);
    }
    meter.advance();
  });
  self_overlap_result out;
  out.overlaps = Eigen::MatrixXd::Zero(heads, heads);
  out.ceiling = out.floor = out.self = Eigen::VectorXd::Zero(heads);
  for (const detail::halving& half : halvings) {
    out.overlaps += half.overlaps / static_cast<double>(o.halvings);
    out.ceiling += half.ceiling / static_cast<double>(o.halvings);
  }
  std::vector<double> means, others;
  for (const Eigen::VectorXd& draw : turned) {
    out.floor += draw / static_cast<double>(o.draws);
    means.push_back(detail::mean_of_finite(draw));
  }
  for (index_t h = 0; h < heads; ++h)
    for (index_t g = 0; g < heads; ++g)
      if (g == match[static_cast<std::size_t>(h)])
        out.self(h) = out.overlaps(h, g);
      else if (!std::isnan(out.overlaps(h, g)))
        others.push_back(out.overlaps(h, g));
  out.others = summarize(others).mean;
  out.ceiling_mean = detail::mean_of_finite(out.ceiling);
  out.null = compare_with_draws(detail::mean_of_finite(out.self), std::move(means));
  detail::add_share(out, o);
  return out;
}

}  // namespace atlas::inline ATLAS_ABI

#ifdef ATLAS_COMPILED
namespace atlas::inline ATLAS_ABI {
ATLAS_OF_PROTOCOLS self_overlap_result self_overlap<float>(const basic_head_sample<float>&,
                                                           const basic_head_sample<float>&,
                                                           const std::vector<index_t>&,
                                                           const self_overlap_options&);
}  // namespace atlas::inline ATLAS_ABI
#endif
