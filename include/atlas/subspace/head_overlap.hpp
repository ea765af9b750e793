// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// O_h, the mean overlap of the heads of a layer, with its intervals and its Haar null.

#include <Eigen/Core>
#include <cmath>
#include <cstdint>
#include <string>
#include <vector>

#include "atlas/core/as_view.hpp"
#include "atlas/core/checks.hpp"
#include "atlas/core/compiled.hpp"
#include "atlas/core/interval.hpp"
#include "atlas/core/lazy.hpp"
#include "atlas/stats/distributions.hpp"
#include "atlas/stats/null_score.hpp"
#include "atlas/subspace/haar.hpp"
#include "atlas/subspace/overlap.hpp"
#include "atlas/subspace/overlap_interval.hpp"

namespace atlas::inline ATLAS_ABI {

struct head_overlap_options {
  index_t heads_per_group = 1;         ///< query heads per key/value head; 1: no groups
  double confidence = 0.95;            ///< of the intervals
  index_t haar_draws = 20000;          ///< of the null, as `haar_options::draws`
  std::uint64_t seed = 0;              ///< of the null
  int threads = 0;                     ///< 0: all of the machine
  progress_callback on_progress = {};  ///< may cancel
};

/// The mean over a set of pairs of heads. NaN where there are no such pairs.
struct overlap_estimate {
  double mean = 0;
  index_t pairs = 0;
  /// Of the mean over repeated draws of heads (whole groups of them, where they share key/value
  /// heads), from the variances of heads and of pairs; NaN below 3 heads or groups, within groups
  /// below 2.
  atlas::interval interval;
  double null_mean = 0;            ///< of independent Haar frames
  double null_sd = 0;              ///< of the mean over this many pairs
  double null_standard_error = 0;  ///< of null_mean, which is simulated
  /// `(mean - null_mean) / s`, s^2 the sum of the squares of null_sd and null_standard_error; NaN
  /// where the null has no spread.
  double z = 0;
  /// Two-sided, of Student's t with one degree of freedom less than the null has draws.
  double p = 0;
};

struct head_overlap_result {
  index_t local_dimension = 0;    ///< k
  index_t ambient_dimension = 0;  ///< d
  Eigen::MatrixXd matrix;         ///< `[H, H]` mean principal cosines; NaN for heads left out
  std::vector<index_t> left_out;  ///< heads whose frame is NaN; they are in no pair
  overlap_estimate global;        ///< all pairs
  overlap_estimate intra;         ///< pairs that share a key/value head
  overlap_estimate inter;         ///< pairs that do not
};

namespace detail {

/// A mean over pairs of frames against a Haar null, whose own mean and sd are simulated. NaN where
/// the null has no spread (k = d: every overlap is 1).
template <class = lazy>
null_score score_against_haar(double mean, double pairs, const haar_null& null) {
  constexpr double none = std::numeric_limits<double>::quiet_NaN();
  const double spread = std::hypot(null.sd / std::sqrt(pairs), null.standard_error);
  if (!has_spread(null.sd, null.mean, mean)) return {none, none};
  const double z = (mean - null.mean) / spread;
  return {z,
          null.draws > 1 ? two_sided_t_p(z, static_cast<double>(null.draws - 1)) : two_sided_p(z)};
}

template <class = lazy>
overlap_estimate estimate_overlap(const Eigen::MatrixXd& matrix, pair_group group,
                                  const haar_null& null, const head_overlap_options& options) {
  const auto pairs = pairs_of(group, matrix, options.heads_per_group);
  overlap_estimate e;
  e.mean = mean_over(matrix, pairs);
  e.pairs = static_cast<index_t>(pairs.size());
  e.interval = overlap_interval(matrix, group, options.heads_per_group, options.confidence);
  e.null_mean = null.mean;
  e.null_sd = null.sd / std::sqrt(static_cast<double>(pairs.size()));
  e.null_standard_error = null.standard_error;
  const null_score score = score_against_haar(e.mean, static_cast<double>(e.pairs), null);
  e.z = score.z;
  e.p = score.p;
  return e;
}

inline void check_head_overlap(index_t heads, const head_overlap_options& options,
                               const char* argument) {
  if (heads < 2) throw shape_error(argument, "at least 2 heads", std::to_string(heads));
  check_between(options.heads_per_group, 1, heads, "heads_per_group");
  if (heads % options.heads_per_group != 0)
    throw shape_error(
        argument, "a number of heads that heads_per_group divides",
        std::to_string(heads) + " heads in groups of " + std::to_string(options.heads_per_group));
  check_open_unit(options.confidence, "confidence");
}

template <class = lazy>
head_overlap_result head_overlap(const std::vector<Eigen::MatrixXd>& frames, const haar_null& null,
                                 const head_overlap_options& options) {
  head_overlap_result out;
  out.ambient_dimension = frames.front().rows();
  out.local_dimension = frames.front().cols();
  out.matrix = overlap_matrix(frames, options.threads);
  for (std::size_t h = 0; h < frames.size(); ++h)
    if (is_left_out(frames[h])) out.left_out.push_back(static_cast<index_t>(h));
  out.global = estimate_overlap(out.matrix, pair_group::global, null, options);
  out.intra = estimate_overlap(out.matrix, pair_group::intra, null, options);
  out.inter = estimate_overlap(out.matrix, pair_group::inter, null, options);
  return out;
}

}  // namespace detail

/// Mean overlap over all pairs of heads, and over those that do and do not share a key/value head.
///
/// Overlaps of different pairs of independent Haar frames are pairwise independent, so the standard
/// deviation of their mean over P pairs is exactly sd / sqrt(P): z and p follow, with the
/// simulation's own error counted in. What frames in a head's own coordinates mean, and why those
/// in the residual stream are the comparable ones, is in docs/methods/subspace.md#gauge.
///
/// \param frames `[H, d, k]`, H >= 2, orthonormal columns; a vector of H matrices will do. One that
///               is NaN throughout (`rank_policy::leave_out`) is of a head that is left out
/// \throws shape_error for fewer than 2 heads, ragged frames or a heads_per_group that does not
/// divide
///         H; value_error for NaN, columns that are not orthonormal, options out of range;
///         cancelled
///
/// O(H^2 (d k^2 + k^3)) time.
template <real_tensor<3> Frames>
[[nodiscard]] head_overlap_result head_overlap(const Frames& frames,
                                               const head_overlap_options& options = {}) {
  const auto view = as_view<3>(frames);
  const auto checked = detail::checked_frames<scalar_of<Frames, 3>>(view);
  detail::check_head_overlap(view.extent(0), options, "frames");
  detail::check_haar_draws(options.haar_draws, "haar_draws");
  const haar_null null = haar_overlap(view.extent(1), view.extent(2),
                                      {.draws = options.haar_draws,
                                       .seed = options.seed,
                                       .threads = options.threads,
                                       .on_progress = options.on_progress});
  return detail::head_overlap(checked, null, options);
}

/// The same with a null that the caller has: `haar_overlap` of these d and k, which the layers of a
/// model share. `options.haar_draws` does not matter.
template <real_tensor<3> Frames>
[[nodiscard]] head_overlap_result head_overlap(const Frames& frames, const haar_null& null,
                                               const head_overlap_options& options = {}) {
  const auto view = as_view<3>(frames);
  const auto checked = detail::checked_frames<scalar_of<Frames, 3>>(view);
  detail::check_head_overlap(view.extent(0), options, "frames");
  return detail::head_overlap(checked, null, options);
}

}  // namespace atlas::inline ATLAS_ABI

#ifdef ATLAS_COMPILED
namespace atlas::inline ATLAS_ABI::detail {
ATLAS_OF_SUBSPACE overlap_estimate estimate_overlap<void>(const Eigen::MatrixXd&, pair_group,
                                                          const haar_null&,
                                                          const head_overlap_options&);
ATLAS_OF_SUBSPACE head_overlap_result head_overlap<void>(const std::vector<Eigen::MatrixXd>&,
                                                         const haar_null&,
                                                         const head_overlap_options&);
}  // namespace atlas::inline ATLAS_ABI::detail
#endif
