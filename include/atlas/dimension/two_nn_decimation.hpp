#pragma once
/// \file
/// The TwoNN estimate against the size of subsamples: a plateau is a dimension, a slope is scale
/// dependence (Facco et al. 2017, section "Estimating the scale").

#include <cstdint>
#include <vector>

#include "atlas/core/as_view.hpp"
#include "atlas/core/parallel.hpp"
#include "atlas/core/random.hpp"
#include "atlas/dimension/two_nn.hpp"
#include "atlas/stats/summary.hpp"

namespace atlas {

struct decimation_options {
  std::vector<double> fractions = {1.0, 0.5, 0.25, 0.125};  ///< of the rows, each in (0, 1]
  index_t repeats = 10;                                     ///< subsamples of each size
  std::uint64_t seed = 0;
};

struct decimation_step {
  index_t points = 0;         ///< rows of a subsample
  index_t repeats = 0;        ///< 1 for the whole cloud, of which there is one
  double mean = 0;            ///< of the estimates
  double standard_error = 0;  ///< of that mean; NaN for a single subsample. Subsamples overlap, so
                              ///< it understates the error at large fractions
};

namespace detail {

template <class Scalar>
owned_tensor<Scalar, 2> gather_rows(const tensor_view<const Scalar, 2>& points,
                                    const std::vector<index_t>& rows) {
  owned_tensor<Scalar, 2> out({static_cast<index_t>(rows.size()), points.extent(1)});
  const auto target = out.mutable_view();
  for (index_t i = 0; i < target.extent(0); ++i)
    for (index_t k = 0; k < target.extent(1); ++k)
      target(i, k) = points(rows[static_cast<std::size_t>(i)], k);
  return out;
}

template <class Scalar>
double two_nn_of_rows(const tensor_view<const Scalar, 2>& points, const std::vector<index_t>& rows,
                      two_nn_options options) {
  options.exclude = gather_exclusion(options.exclude, rows);
  return two_nn_of_distances<Scalar>(gather_rows(points, rows), options).dimension;
}

}  // namespace detail

/// Mean and standard error of `two_nn` over random subsamples of each size, the exclusion kept.
/// \param points `[N, d]`
/// \throws as `two_nn`; value_error for a fraction outside (0, 1] or repeats < 1; cancelled
template <tensor_like<2> Points>
std::vector<decimation_step> two_nn_decimation(const Points& points,
                                               const two_nn_options& options = {},
                                               const decimation_options& decimation = {}) {
  using scalar = scalar_of<Points, 2>;
  const auto held = as_view<2>(points);
  const tensor_view<const scalar, 2>& view = held;
  detail::check_not_empty(view, "points");
  detail::check_finite(view, "points");
  detail::check_exclusion(options.exclude, view.extent(0));
  detail::check_between(decimation.repeats, 1, index_t{1} << 20, "repeats");
  std::vector<decimation_step> steps;
  for (const double fraction : decimation.fractions) {
    if (!(fraction > 0 && fraction <= 1))
      throw value_error("fractions", "shares in (0, 1]", detail::number_text(fraction));
    const auto rows = static_cast<index_t>(fraction * static_cast<double>(view.extent(0)) + 1e-9);
    const index_t repeats = rows == view.extent(0) ? 1 : decimation.repeats;
    std::vector<double> estimates(static_cast<std::size_t>(repeats));
    progress_meter meter(options.on_progress, "subsamples", repeats);
    two_nn_options inside = options;
    inside.threads = threads_inside(repeats, options.threads);
    inside.on_progress = meter.within_a_step();
    parallel_for(repeats, options.threads, [&](index_t r) {
      random_stream random(decimation.seed, (static_cast<std::uint64_t>(steps.size()) << 32) |
                                                static_cast<std::uint64_t>(r));
      estimates[static_cast<std::size_t>(r)] =
          detail::two_nn_of_rows(view, sample_rows(view.extent(0), rows, random), inside);
      meter.advance();
    });
    const sample_summary s = summarize(estimates);
    steps.push_back({rows, repeats, s.mean, s.standard_error});
  }
  return steps;
}

}  // namespace atlas
