// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// What the protocols measure: the clouds of one layer's heads, with what is known of their rows
/// and of the weights that write them.

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "atlas/attention/clouds.hpp"
#include "atlas/core/as_view.hpp"
#include "atlas/core/checks.hpp"
#include "atlas/core/random.hpp"
#include "atlas/core/whole_numbers.hpp"
#include "atlas/neighbors/exclusion.hpp"

namespace atlas::inline ATLAS_ABI {

/// Of clouds in float or double.
template <class Scalar>
struct basic_head_sample {
  std::string label;                          ///< in findings
  owned_tensor<Scalar, 3> points;             ///< `[H, N, d]`, row n of every head of one place
  row_numbers context;                        ///< `[N]`, or empty: rows are independent
  row_numbers position;                       ///< `[N]`, place within the context; or empty
  owned_tensor<Scalar, 2> output_projection;  ///< `[H * d, d_model]`, rows head-major; or empty
  index_t heads_per_group = 1;                ///< query heads per key/value head
  index_t layer = 0;
  index_t choice = 0;  ///< which choice of points it is, where there are several of a layer
};

using head_sample = basic_head_sample<float>;

/// A sample of collected clouds.
/// \param output_projection may be empty
[[nodiscard]] inline head_sample sample_of(
    std::string label, const head_clouds& clouds,
    const tensor_view<const float, 2>& output_projection = {}, index_t heads_per_group = 1) {
  head_sample out;
  out.label = std::move(label);
  out.points = clouds.points;
  out.context = clouds.context;
  out.position = clouds.position;
  out.heads_per_group = heads_per_group;
  out.layer = clouds.layer;
  if (!output_projection.empty()) out.output_projection = copy_as<float>(output_projection);
  return out;
}

/// \throws shape_error for no heads, fewer than 3 rows, or contexts, positions, weights and groups
/// of another
///         size than the clouds; value_error for NaN
template <class Scalar = float>
void check_sample(const basic_head_sample<Scalar>& sample) {
  const std::string& name = sample.label;
  check_not_empty(sample.points, name + ": points");
  const index_t heads = sample.points.extent(0), n = sample.points.extent(1);
  if (n < 3) throw shape_error(name + ": points", "at least 3 rows", std::to_string(n));
  check_finite(sample.points, name + ": points");
  if (!sample.context.empty())
    check_extent(sample.context.extent(0), n, name + ": context", "one label per row,");
  if (!sample.position.empty())
    check_extent(sample.position.extent(0), n, name + ": position", "one place per row,");
  if (!sample.output_projection.empty())
    check_extent(sample.output_projection.extent(0), heads * sample.points.extent(2),
                 name + ": output_projection", "heads * d_head rows,");
  if (sample.heads_per_group < 1 || heads % sample.heads_per_group != 0)
    throw shape_error(name + ": heads_per_group",
                      "a divisor of " + std::to_string(heads) + " heads",
                      std::to_string(sample.heads_per_group));
}

namespace detail {

/// Some rows of all heads, in the order given.
template <class Scalar = float>
basic_head_sample<Scalar> rows_of_sample(const basic_head_sample<Scalar>& from,
                                         const std::vector<index_t>& rows) {
  const index_t heads = from.points.extent(0), d = from.points.extent(2);
  const auto n = static_cast<index_t>(rows.size());
  basic_head_sample<Scalar> out = from;
  out.points = owned_tensor<Scalar, 3>({heads, n, d});
  const auto to = out.points.mutable_view();
  for (index_t h = 0; h < heads; ++h)
    for (index_t i = 0; i < n; ++i)
      for (index_t k = 0; k < d; ++k)
        to(h, i, k) = from.points(h, rows[static_cast<std::size_t>(i)], k);
  const auto gather = [&](const owned_tensor<index_t, 1>& labels, owned_tensor<index_t, 1>& into) {
    if (labels.empty()) return;
    into = owned_tensor<index_t, 1>({n});
    for (index_t i = 0; i < n; ++i)
      into.mutable_view()[i] = labels[rows[static_cast<std::size_t>(i)]];
  };
  gather(from.context, out.context);
  gather(from.position, out.position);
  return out;
}

/// Some heads, in the order given, with their rows of the output projection.
template <class Scalar = float>
basic_head_sample<Scalar> heads_of_sample(const basic_head_sample<Scalar>& from,
                                          const std::vector<index_t>& heads) {
  const index_t n = from.points.extent(1), d = from.points.extent(2);
  const auto count = static_cast<index_t>(heads.size());
  const index_t width = from.output_projection.empty() ? 0 : from.output_projection.extent(1);
  basic_head_sample<Scalar> out = from;
  out.points = owned_tensor<Scalar, 3>({count, n, d});
  if (width > 0) out.output_projection = owned_tensor<Scalar, 2>({count * d, width});
  for (index_t h = 0; h < count; ++h) {
    const index_t head = heads[static_cast<std::size_t>(h)];
    for_each_element(static_cast<const tensor_view<const Scalar, 3>&>(from.points)[head],
                     out.points.mutable_view()[h], [](Scalar x, Scalar& to) { to = x; });
    for (index_t i = 0; i < d; ++i)
      for (index_t m = 0; m < width; ++m)
        out.output_projection.mutable_view()(h * d + i, m) =
            from.output_projection(head * d + i, m);
  }
  return out;
}

}  // namespace detail

struct subsample_options {
  std::uint64_t seed = 0;
};

/// A random share of `rows` rows, the same for all heads, in their order.
/// \throws value_error for more rows than there are, or fewer than 3
template <class Scalar = float>
[[nodiscard]] basic_head_sample<Scalar> subsample(const basic_head_sample<Scalar>& sample,
                                                  index_t rows,
                                                  const subsample_options& options = {}) {
  check_between(rows, 3, sample.points.extent(1), "rows");
  random_stream random(options.seed);
  return detail::rows_of_sample(sample, sample_rows(sample.points.extent(1), rows, random));
}

}  // namespace atlas::inline ATLAS_ABI
