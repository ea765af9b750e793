// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// How much each head writes to the residual stream.

#include <Eigen/Core>
#include <algorithm>
#include <cmath>
#include <vector>

#include "atlas/core/as_view.hpp"
#include "atlas/core/checks.hpp"
#include "atlas/core/compiled.hpp"
#include "atlas/core/parallel.hpp"
#include "atlas/core/work_options.hpp"
#include "atlas/linalg/covariance.hpp"

namespace atlas::inline ATLAS_ABI {

namespace detail {

/// \throws as `written_norms`
template <class Scalar, class Weight>
std::vector<double> written_norms(const tensor_view<const Scalar, 3>& rows,
                                  const tensor_view<const Weight, 2>& projection,
                                  const work_options& o) {
  check_not_empty(rows, "rows");
  check_finite(rows, "rows");
  const index_t heads = rows.extent(0), n = rows.extent(1), d = rows.extent(2);
  check_not_empty(projection, "output_projection");
  check_extent(projection.extent(0), heads * d, "output_projection", "heads * d_head rows,");
  check_finite(projection, "output_projection");
  std::vector<double> out(static_cast<std::size_t>(heads));
  progress_meter meter(o.on_progress, "heads", heads);
  parallel_for(heads, o.threads, [&](index_t h) {
    Eigen::MatrixXd weights(d, projection.extent(1));
    for (index_t i = 0; i < d; ++i)
      for (index_t m = 0; m < weights.cols(); ++m)
        weights(i, m) = static_cast<double>(projection(h * d + i, m));
    const Eigen::MatrixXd gram = weights * weights.transpose();
    const cloud_moments m = moments(rows[h]);
    // Means of squares: about the mean, and of the mean itself.
    const double scale = std::ldexp(1.0, -2 * m.exponent);
    const double about = m.covariance.cwiseProduct(gram).sum() * scale *
                         static_cast<double>((std::max)(n - 1, index_t{1})) /
                         static_cast<double>(n);
    out[static_cast<std::size_t>(h)] =
        std::sqrt((std::max)(0.0, about + m.mean.dot(gram * m.mean)));
    meter.advance();
  });
  return out;
}

}  // namespace detail

/// The root mean square length of what each head writes to the residual stream.
///
/// \param rows              `[H, N, d_head]`, what heads hand on
/// \param output_projection `[H * d_head, d_model]`, rows head-major
/// \return `[H]`
/// \throws shape_error for no rows or a projection of other shape; value_error for NaN; cancelled
///
/// O(H d_head^2 (N + d_model)) time.
template <real_tensor<3> Rows, real_tensor<2> Projection>
[[nodiscard]] std::vector<double> written_norms(const Rows& rows,
                                                const Projection& output_projection,
                                                const work_options& options = {}) {
  const auto held = as_view<3>(rows);
  const auto weights = as_view<2>(output_projection);
  return detail::written_norms<scalar_of<Rows, 3>, scalar_of<Projection, 2>>(held, weights,
                                                                             options);
}

}  // namespace atlas::inline ATLAS_ABI
