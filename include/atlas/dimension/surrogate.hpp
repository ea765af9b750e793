#pragma once
/// \file
/// Gaussian surrogates: what structureless data with the same mean and covariance would give.

#include <Eigen/Core>
#include <array>
#include <cmath>
#include <cstdint>
#include <limits>
#include <utility>
#include <vector>

#include "atlas/core/as_view.hpp"
#include "atlas/core/checks.hpp"
#include "atlas/core/parallel.hpp"
#include "atlas/core/random.hpp"
#include "atlas/dimension/cloud_fault.hpp"
#include "atlas/dimension/two_nn.hpp"
#include "atlas/linalg/covariance.hpp"
#include "atlas/linalg/eigenbasis.hpp"
#include "atlas/stats/student_t.hpp"
#include "atlas/stats/summary.hpp"

namespace atlas {

struct surrogate_options {
  index_t draws = 20;  ///< at least `least_draws`
  std::uint64_t seed = 0;
  int threads = 0;                     ///< 0: as many as the estimator's own options say
  progress_callback on_progress = {};  ///< may cancel, as may that of the estimator's own options
};

/// Where an estimate lies among those of its surrogates.
struct surrogate_null {
  double mean = 0;
  double sd = 0;
  /// `(estimate - mean) / (sd sqrt(1 + 1/n))` of n draws; NaN where the draws agree.
  double z = 0;
  double p = 0;               ///< two-sided, of Student's t with n - 1 degrees of freedom; likewise
  std::vector<double> draws;  ///< one estimate a surrogate
  /// Why there is no null, if there is none: no draws, and NaN throughout.
  cloud_fault fault = cloud_fault::none;
};

/// Draws clouds of the shape, mean and covariance of a given one.
template <class Scalar, class Real = double>
class gaussian_surrogates {
 public:
  /// \param points `[N, d]`, N >= 2
  explicit gaussian_surrogates(const tensor_view<const Scalar, 2>& points)
      : rows_(points.extent(0)), moments_(detail::moments(points)) {
    const eigenbasis basis = symmetric_eigenbasis(moments_.covariance);
    const Eigen::VectorX<Real>& values = basis.values;
    const Eigen::MatrixX<Real>& vectors = basis.vectors;
    const Eigen::VectorX<Real> spread = values.cwiseMax(0.0).cwiseSqrt();
    const Real scale = std::ldexp(Real(1), -moments_.exponent);
    shape_ = ((vectors * spread.asDiagonal()).transpose() * scale).template cast<Scalar>();
  }

  /// Cloud number `draw` of this seed, `[N, d]`.
  /// \throws value_error where it has numbers beyond the range of the scalar
  owned_tensor<Scalar, 2> draw(std::uint64_t seed, std::uint64_t draw) const {
    using rows = Eigen::Matrix<Scalar, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
    const index_t d = shape_.rows();
    owned_tensor<Scalar, 2> cloud({rows_, d});
    random_stream random(seed, draw);
    rows normals(rows_, d);
    random.fill_normal(normals.data(), rows_ * d);
    Eigen::Map<rows> out(cloud.mutable_view().data(), rows_, d);
    out.noalias() = normals * shape_;
    out.rowwise() += moments_.mean.transpose().template cast<Scalar>();
    if (!detail::all_finite(cloud))
      throw value_error("points", "values whose Gaussian surrogates its scalar can hold",
                        "surrogates beyond its range (multiply the points by a small constant)");
    return cloud;
  }

 private:
  index_t rows_;
  cloud_moments moments_;
  Eigen::Matrix<Scalar, Eigen::Dynamic, Eigen::Dynamic> shape_;
};

namespace detail {

/// Where a value lies among draws.
inline surrogate_null null_of_draws(std::vector<double> draws, double observed) {
  const sample_summary s = summarize(draws);
  const null_score score = score_against_draws(observed, s.mean, s.sd, s.count);
  return {s.mean, s.sd, score.z, score.p, std::move(draws)};
}

/// In place of the null of a cloud that cannot carry one.
template <class = void>
surrogate_null no_null(cloud_fault fault) {
  constexpr double none = std::numeric_limits<double>::quiet_NaN();
  surrogate_null out;
  out.mean = out.sd = out.z = out.p = none;
  out.fault = fault;
  return out;
}

/// The threads and the callbacks of a null, whose surrogates are measured with `estimator` options.
template <class Estimator>
surrogate_options with_estimator(surrogate_options surrogates, const Estimator& estimator) {
  if (surrogates.threads == 0) surrogates.threads = estimator.threads;
  surrogates.on_progress = both_callbacks(surrogates.on_progress, estimator.on_progress);
  return surrogates;
}

/// How what is called inside one of several tasks runs.
struct step_options {
  int threads = 1;
  progress_callback on_progress = {};

  /// The options of a call of that kind.
  template <class Options>
  Options of(Options options) const {
    options.threads = threads;
    options.on_progress = on_progress;
    return options;
  }
};

/// The nulls of K statistics from `draw(number, step)`, which gives all of them for one
/// structureless draw; in parallel over draws.
template <std::size_t K, class Draw>
std::array<surrogate_null, K> nulls_over_draws(const std::array<double, K>& observed,
                                               const surrogate_options& options, Draw&& draw) {
  check_draws(options.draws, "draws");
  std::vector<std::array<double, K>> values(static_cast<std::size_t>(options.draws));
  progress_meter meter(options.on_progress, "surrogates", options.draws);
  const step_options step{threads_inside(options.draws, options.threads), meter.within_a_step()};
  parallel_for(options.draws, options.threads, [&](index_t i) {
    values[static_cast<std::size_t>(i)] = draw(static_cast<std::uint64_t>(i), step);
    meter.advance();
  });
  std::array<surrogate_null, K> nulls;
  for (std::size_t k = 0; k < K; ++k) {
    std::vector<double> of_one;
    for (const auto& v : values) of_one.push_back(v[k]);
    nulls[k] = null_of_draws(std::move(of_one), observed[k]);
  }
  return nulls;
}

/// The same with `estimate(cloud, step)` of the surrogates of a cloud, if it can carry a null.
/// \throws shape_error for an empty cloud; value_error for NaN
template <std::size_t K, class Scalar, class Estimate>
std::array<surrogate_null, K> nulls_over_surrogates(const tensor_view<const Scalar, 2>& points,
                                                    const std::array<double, K>& observed,
                                                    const surrogate_options& options,
                                                    Estimate&& estimate) {
  check_not_empty(points, "points");
  check_finite(points, "points");
  check_draws(options.draws, "draws");
  if (const cloud_fault fault = fault_of_rows(points); fault != cloud_fault::none) {
    std::array<surrogate_null, K> nulls;
    nulls.fill(no_null(fault));
    return nulls;
  }
  const gaussian_surrogates<Scalar> source(points);
  return nulls_over_draws(observed, options, [&](std::uint64_t number, const step_options& step) {
    return estimate(source.draw(options.seed, number), step);
  });
}

}  // namespace detail

/// The null of `two_nn`: the same estimator, number of points and exclusion on draws with the
/// cloud's own mean and covariance. A low dimension is evidence of curvature only below it. A cloud
/// at fault (`fault_of_cloud`, `observed.fault`) has none.
///
/// \param points   `[N, d]`
/// \param observed what `two_nn` gave on them
/// \param options  of that call
/// \throws as `two_nn`; value_error for fewer than `least_draws` draws
///
/// O(draws (N^2 d)) time, O(N d) memory per thread.
template <tensor_like<2> Points>
surrogate_null two_nn_null(const Points& points, const two_nn_result& observed,
                           const two_nn_options& options = {},
                           const surrogate_options& surrogates = {}) {
  using scalar = scalar_of<Points, 2>;
  const auto held = as_view<2>(points);
  const tensor_view<const scalar, 2>& view = held;
  if (observed.fault != cloud_fault::none) {
    detail::check_draws(surrogates.draws, "draws");
    return detail::no_null(observed.fault);
  }
  const auto dimension = [&](const owned_tensor<scalar, 2>& cloud,
                             const detail::step_options& step) {
    return std::array{detail::two_nn_of_distances<scalar>(cloud, step.of(options)).dimension};
  };
  return detail::nulls_over_surrogates(view, std::array{observed.dimension},
                                       detail::with_estimator(surrogates, options), dimension)[0];
}

}  // namespace atlas
