// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// The Haar null of an overlap: what two uniformly random subspaces give.

#include <Eigen/Cholesky>
#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <string_view>
#include <utility>
#include <vector>

#include "atlas/core/as_view.hpp"
#include "atlas/core/checks.hpp"
#include "atlas/core/compiled.hpp"
#include "atlas/core/lazy.hpp"
#include "atlas/core/parallel.hpp"
#include "atlas/core/progress.hpp"
#include "atlas/core/random.hpp"
#include "atlas/linalg/batched/nuclear_norms.hpp"
#include "atlas/linalg/frame.hpp"
#include "atlas/linalg/tiled_product.hpp"
#include "atlas/stats/drawn_null.hpp"

namespace atlas::inline ATLAS_ABI {

struct haar_options {
  index_t draws = 20000;  ///< pairs of frames; the standard error falls with its square root
  std::uint64_t seed = 0;
  int threads = 0;                     ///< 0: all of the machine
  progress_callback on_progress = {};  ///< may cancel
};

/// Distribution of the mean principal cosine of two independent Haar k-frames in R^d.
struct haar_null {
  double mean = 0;            ///< by simulation, with the mean squared cosine as control variate
  double sd = 0;              ///< of one pair; O_h over P pairs has sd / sqrt(P), exactly
  double standard_error = 0;  ///< of `mean`
  double mean_squared = 0;    ///< mean squared cosine: k/d, exactly
  index_t draws = 0;          ///< of the simulation; 0: all is known exactly
};

namespace detail {

/// A factor R with R^T R ~ Wishart_k(n, I): Bartlett's upper triangle, or n rows of normal numbers
/// where n < k. Its cost does not depend on n.
template <class Real = double>
Eigen::MatrixX<Real> wishart_factor(index_t n, index_t k, random_stream& random) {
  if (n < k) return normal_matrix(n, k, random);
  Eigen::MatrixX<Real> factor = Eigen::MatrixX<Real>::Zero(k, k);
  for (index_t j = 0; j < k; ++j) {
    for (index_t i = 0; i < j; ++i) factor(i, j) = random.normal();
    factor(j, j) = random.chi(n - j);
  }
  return factor;
}

/// Draws principal cosines of two Haar k-frames in R^d. One frame may be the first k axes; the
/// other is the column space of a normal matrix whose first k rows A have Gram matrix
/// S ~ Wishart_k(k) and whose others W ~ Wishart_k(d - k), and the squares are the eigenvalues of
/// S in the metric S + W = L L^T (Muirhead, Aspects of Multivariate Statistical Theory, 1982,
/// section 3.3): the cosines are the singular values of `L^-1 A^T`.
template <class Real = double>
class haar_sampler {
 public:
  haar_sampler(index_t d, index_t k) : d_(d), k_(k) {}

  /// A `[k, k]` matrix whose singular values are the cosines.
  const Eigen::MatrixX<Real>& draw(random_stream& random) {
    const Eigen::MatrixX<Real> inside = wishart_factor<Real>(k_, k_, random);
    total_.noalias() = inside.transpose() * inside;
    if (d_ > k_) {
      const Eigen::MatrixX<Real> outside = wishart_factor<Real>(d_ - k_, k_, random);
      total_.noalias() += outside.transpose() * outside;
    }
    cholesky_.compute(total_);
    whitened_ = cholesky_.matrixL().solve(inside.transpose());
    return whitened_;
  }

 private:
  index_t d_, k_;
  Eigen::MatrixX<Real> total_, whitened_;
  Eigen::LLT<Eigen::MatrixX<Real>> cholesky_;
};

/// Sums over draws of the mean cosine x and the mean squared cosine y.
struct cosine_sums {
  double x = 0, y = 0, xx = 0, xy = 0, yy = 0;

  void add(double cosine, double squared) {
    x += cosine;
    y += squared;
    xx += cosine * cosine;
    xy += cosine * squared;
    yy += squared * squared;
  }
  void add(const cosine_sums& o) {
    x += o.x;
    y += o.y;
    xx += o.xx;
    xy += o.xy;
    yy += o.yy;
  }
};

/// Sums of as many draws as `norms` has lanes, or fewer: differences from what is expected, so that
/// they do not cancel. \param cosines where the mean cosine of each goes
template <class Real>
cosine_sums sums_of_draws(index_t count, double expected, haar_sampler<Real>& sampler,
                          nuclear_norms<Real>& norms, random_stream& random, double* cosines) {
  const auto k = static_cast<double>(norms.size());
  std::array<double, nuclear_norms<Real>::lanes> squared = {};
  for (index_t l = 0; l < count; ++l) {
    const Eigen::MatrixX<Real>& drawn = sampler.draw(random);
    squared[static_cast<std::size_t>(l)] = drawn.squaredNorm() / k;
    for (index_t c = 0; c < drawn.cols(); ++c)
      for (index_t r = 0; r < drawn.rows(); ++r) norms.at(l, r, c) = drawn(r, c);
  }
  const Real* const sum = norms.compute(count);
  cosine_sums out;
  for (index_t l = 0; l < count; ++l) {
    cosines[l] = sum[l] / k;
    out.add(cosines[l] - std::sqrt(expected), squared[static_cast<std::size_t>(l)] - expected);
  }
  return out;
}

struct simulated_cosines {
  cosine_sums sums;
  std::vector<double> means;  ///< of each pair of frames
};

template <class Real = double>
simulated_cosines simulate_cosines(index_t d, index_t k, const haar_options& options) {
  constexpr index_t chunk = 250;  // draws a stream, whatever the number of threads
  constexpr index_t lanes = nuclear_norms<Real>::lanes;
  const index_t chunks = (options.draws + chunk - 1) / chunk;
  const double expected = static_cast<double>(k) / static_cast<double>(d);
  std::vector<cosine_sums> parts(static_cast<std::size_t>(chunks));
  std::vector<double> means(static_cast<std::size_t>(options.draws));
  progress_meter meter(options.on_progress, "random subspaces", options.draws);
  parallel_for(chunks, options.threads, [&](index_t c) {
    random_stream random(options.seed, static_cast<std::uint64_t>(c));
    haar_sampler<Real> sampler(d, k);
    nuclear_norms<Real> norms(k);
    const index_t end = (std::min)(options.draws, (c + 1) * chunk);
    for (index_t i = c * chunk; i < end; i += lanes) {
      const index_t count = (std::min)(lanes, end - i);
      parts[static_cast<std::size_t>(c)].add(
          sums_of_draws(count, expected, sampler, norms, random, means.data() + i));
      meter.advance(count);
    }
  });
  cosine_sums all;
  for (const cosine_sums& part : parts) all.add(part);
  return {all, std::move(means)};
}

/// \throws value_error for fewer than 100, under the name that the caller knows the number by
inline void check_haar_draws(index_t draws, std::string_view argument) {
  check_between(draws, 100, index_t{1} << 40, argument);
}

/// The null, and the mean cosines that it is from; none where all is known exactly.
struct haar_simulation {
  haar_null null;
  std::vector<double> cosines;
};

template <class = lazy>
haar_simulation haar_overlap_with_draws(index_t d, index_t k, const haar_options& options) {
  check_between(d, 1, index_t{1} << 40, "d");
  check_between(k, 1, d, "k");
  check_haar_draws(options.draws, "draws");
  const double expected = static_cast<double>(k) / static_cast<double>(d);
  if (k == d) return {{1, 0, 0, 1, 0}, {}};
  simulated_cosines drawn = simulate_cosines(d, k, options);
  const cosine_sums& sums = drawn.sums;
  const auto n = static_cast<double>(options.draws);
  const double vxx = (sums.xx - sums.x * sums.x / n) / (n - 1);
  const double vxy = (sums.xy - sums.x * sums.y / n) / (n - 1);
  const double vyy = (sums.yy - sums.y * sums.y / n) / (n - 1);
  const double slope = vyy > 0 ? vxy / vyy : 0;
  const double mean = std::sqrt(expected) + (sums.x - slope * sums.y) / n;
  const double left = (std::max)(0.0, vxx - slope * vxy);
  return {{mean, std::sqrt(vxx), std::sqrt(left / n), expected, options.draws},
          std::move(drawn.means)};
}

}  // namespace detail

/// Mean and standard deviation of the mean principal cosine of two independent, uniformly random
/// k-dimensional subspaces of R^d.
///
/// The mean squared cosine is exactly k/d and moves with the mean cosine, so it serves as a control
/// variate: at d = 64, k = 7 and the default 20,000 draws the standard error is below 1e-4.
///
/// \param d dimension of the space
/// \param k dimension of the subspaces, 1 <= k <= d
/// \throws value_error for d < 1, k outside [1, d] or fewer than 100 draws; cancelled
///
/// O(draws k^3) time, independent of d; 8 bytes of memory a draw.
template <class = lazy>
[[nodiscard]] haar_null haar_overlap(index_t d, index_t k, const haar_options& options = {}) {
  return detail::haar_overlap_with_draws(d, k, options).null;
}

namespace detail {

/// \param frames H matrices `[d, k]`
template <class Statistic>
[[nodiscard]] drawn_null haar_null_of(const std::vector<Eigen::MatrixXd>& frames,
                                      Statistic&& statistic, const haar_options& options) {
  if (frames.empty()) throw shape_error("frames", "at least 1", "none");
  const index_t d = frames.front().rows(), k = frames.front().cols();
  check_between(k, 1, d, "k");
  check_draws(options.draws, "draws");
  std::vector<double> draws(static_cast<std::size_t>(options.draws));
  progress_meter meter(options.on_progress, "random frames", options.draws);
  parallel_for(options.draws, options.threads, [&](index_t i) {
    random_stream random(options.seed, static_cast<std::uint64_t>(i));
    std::vector<Eigen::MatrixXd> drawn = frames;
    for (Eigen::MatrixXd& frame : drawn)
      if (!frame.array().isNaN().all()) frame = random_frame(d, k, random);
    draws[static_cast<std::size_t>(i)] = statistic(drawn);
    meter.advance();
  });
  return compare_with_draws(statistic(frames), std::move(draws));
}

}  // namespace detail

/// The Haar null of any statistic of the frames of several heads: the same of as many independent,
/// uniformly random frames.
///
/// \param frames    `[H, d, k]`; those that are NaN throughout stay so in every draw
/// \param statistic from `const std::vector<Eigen::MatrixXd>&`, H frames, to a number; called on
///                  several threads at once
/// \param options   200 draws will do for most statistics
/// \throws shape_error for no frames or ragged ones; value_error for fewer than `least_draws`
///         draws; cancelled
///
/// O(draws (H d k^2 + S)) time for a statistic of cost S; the same bits for every number of
/// threads.
template <real_tensor<3> Frames, class Statistic>
[[nodiscard]] drawn_null haar_null_of(const Frames& frames, Statistic&& statistic,
                                      const haar_options& options = {.draws = 200}) {
  const auto held = as_view<3>(frames);
  const tensor_view<const scalar_of<Frames, 3>, 3>& view = held;
  return detail::haar_null_of(detail::matrices_copy<double>(view), statistic, options);
}

}  // namespace atlas::inline ATLAS_ABI

#ifdef ATLAS_COMPILED
namespace atlas::inline ATLAS_ABI::detail {
ATLAS_OF_SUBSPACE haar_simulation haar_overlap_with_draws<void>(index_t, index_t,
                                                                const haar_options&);
}  // namespace atlas::inline ATLAS_ABI::detail

namespace atlas::inline ATLAS_ABI {
ATLAS_OF_SUBSPACE haar_null haar_overlap<void>(index_t, index_t, const haar_options&);
}  // namespace atlas::inline ATLAS_ABI
#endif
