// SPDX-License-Identifier: MIT
#include "hook_residuals.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "atlas/attention/residual.hpp"
#include "atlas/boltzmann/softmax.hpp"
#include "atlas/core/parallel.hpp"

namespace atlas_program {

using atlas::index_t;

namespace {

/// Of weights' sum from 1; elements of bfloat16 are each off by up to 2^-9 of themselves.
constexpr double sum_slack = 1e-3, bfloat16_sum_slack = 4e-3;
/// What weights, values and z were rounded to, at most thrice to bfloat16; other heads' values are
/// off by more than all of it.
constexpr double z_tolerance = 0.02;

/// \throws format_error for weights that are none
template <class Scalar>
void check_weights(std::span<const Scalar> weights, double slack, const std::string& place) {
  double sum = 0;
  for (const Scalar weight : weights) {
    const auto w = static_cast<double>(weight);
    if (!(w >= 0)) throw atlas::format_error(place, "weights of 0 or more", fmt::format("{}", w));
    sum += w;
  }
  if (!(std::abs(sum - 1) <= slack))
    throw atlas::format_error(place, "weights that sum to 1", fmt::format("{}", sum));
}

}  // namespace

template <class Scalar>
std::vector<Scalar> weights_at(const layer_attention& a, index_t passage, index_t head,
                               index_t query) {
  const index_t length = a.weights.extents[3];
  std::vector<Scalar> out(static_cast<std::size_t>(length));
  read_elements(a.weights.stored, ((passage * a.heads() + head) * length + query) * length,
                std::span(out));
  const std::string place = fmt::format("{}: head {}, passage {}, position {}",
                                        a.weights.stored.place, head, passage, query);
  if (a.scores) try {
      const auto softened = atlas::softmax<1>(out);
      std::copy(softened.begin(), softened.end(), out.begin());
    } catch (const atlas::error& e) {
      throw atlas::format_error(place, e.expected(), e.got());
    }
  check_weights<Scalar>(
      out, a.weights.stored.type == atlas::io::dtype::bf16 ? bfloat16_sum_slack : sum_slack, place);
  return out;
}

namespace {

/// All values of a passage, `[T, value heads, d]`.
template <class Scalar>
std::vector<Scalar> values_of(const layer_attention& a, index_t passage) {
  const auto [passages, length, heads, d] = a.values.extents;
  std::vector<Scalar> out(static_cast<std::size_t>(length * heads * d));
  read_elements(a.values.stored, passage * length * heads * d, std::span(out));
  for (const Scalar& x : out)
    if (!std::isfinite(x))
      throw atlas::format_error(fmt::format("{}: passage {}", a.values.stored.place, passage),
                                "finite values", fmt::format("{}", x));
  return out;
}

/// Rows [first, last), which are of one passage.
template <class Scalar>
void add_passage(const layer_attention& a, const chosen_places& at, index_t first, index_t last,
                 residual_clouds<Scalar>& out) {
  const index_t passage = at.context[first], d = a.values.extents[3];
  const std::vector<Scalar> values = values_of<Scalar>(a, passage);
  std::vector<double> sum;
  for (index_t h = 0; h < a.heads(); ++h) {
    const atlas::tensor_view<const Scalar, 2> of_head(values.data() + a.value_head(h) * d,
                                                      {at.length, d}, {a.value_heads() * d, 1});
    for (index_t n = first; n < last; ++n) {
      const std::vector<Scalar> weights = weights_at<Scalar>(a, passage, h, at.position[n]);
      const auto row = atlas::detail::tail_sum<Scalar>(
          atlas::tensor_view<const Scalar, 1>(weights.data(), {at.length}), of_head, sum);
      out.attended.mutable_view()(h, n) = row.argmax;
      for (index_t k = 0; k < d; ++k)
        out.points.mutable_view()(h, n, k) =
            atlas::detail::raw_element<Scalar>(row, sum[static_cast<std::size_t>(k)], of_head, k);
    }
  }
}

/// Share of z that residuals and the values they are about do not give.
template <class Scalar>
double z_error(const hook_array& z, const layer_attention& a, const chosen_places& at,
               const residual_clouds<Scalar>& clouds, index_t head) {
  const index_t d = z.extents[3], rows = at.context.size();
  const auto width = static_cast<std::size_t>(d);
  std::vector<double> seen(width), most(width);
  double error = 0, scale = 0;
  for (index_t n = 0; n < rows; ++n) {
    const index_t passage = at.context[n] * at.length;
    read_elements(z.stored, ((passage + at.position[n]) * a.heads() + head) * d, std::span(seen));
    read_elements(a.values.stored,
                  ((passage + clouds.attended(head, n)) * a.value_heads() + a.value_head(head)) * d,
                  std::span(most));
    for (std::size_t k = 0; k < width; ++k) {
      const double made =
          static_cast<double>(clouds.points(head, n, static_cast<index_t>(k))) + most[k];
      error += (seen[k] - made) * (seen[k] - made);
      scale += seen[k] * seen[k] + made * made;
    }
  }
  return error == 0 ? 0 : std::sqrt(error / scale);  // NaN where z is
}

}  // namespace

layer_attention open_attention(const array_file& file, index_t layer) {
  const std::string values = hook_of(layer, "v"), pattern = hook_of(layer, "pattern"),
                    scores = hook_of(layer, "attn_scores");
  const bool weighted = file.contains(pattern);
  for (const auto& [name, there] :
       {std::pair(pattern + " or " + scores, weighted || file.contains(scores)),
        std::pair(values, file.contains(values))})
    if (!there)
      throw atlas::format_error(
          fmt::format("{}: layer {}", file.name(), layer),
          "a tensor " + name + " (residuals are of weights and values; --rows takes others)",
          "none of that name");
  layer_attention out{read_hook(file, weighted ? pattern : scores, by_head),
                      read_hook(file, values, by_position), !weighted};
  const auto [passages, heads, queries, keys] = out.weights.extents;
  check_extents_of(out.weights, {-1, -1, -1, queries}, "as many keys as queries");
  check_extents_of(out.values, {passages, keys, -1, -1},
                   "as hook_" + std::string(weighted ? "pattern" : "attn_scores"));
  return out;
}

template <class Scalar>
residual_clouds<Scalar> residuals_of(const layer_attention& a, const chosen_places& at,
                                     int threads) {
  const index_t rows = at.context.size();
  residual_clouds<Scalar> out{
      atlas::owned_tensor<Scalar, 3>({a.heads(), rows, a.values.extents[3]}),
      atlas::owned_tensor<index_t, 2>({a.heads(), rows})};
  std::vector<index_t> first;  // rows of passages lie side by side
  for (index_t n = 0; n < rows; ++n)
    if (n == 0 || at.context[n] != at.context[n - 1]) first.push_back(n);
  first.push_back(rows);
  atlas::parallel_for(static_cast<index_t>(first.size()) - 1, threads, [&](index_t i) {
    const auto p = static_cast<std::size_t>(i);
    add_passage(a, at, first[p], first[p + 1], out);
  });
  return out;
}

template <class Scalar>
void check_z(const array_file& file, index_t layer, const layer_attention& a,
             const chosen_places& at, const residual_clouds<Scalar>& clouds) {
  const std::string name = hook_of(layer, "z");
  if (!file.contains(name)) return;
  const hook_array z = read_hook(file, name, by_position);
  check_extents_of(z, {at.passages, at.length, a.heads(), a.values.extents[3]},
                   "as the weights and values of its layer");
  for (index_t h = 0; h < a.heads(); ++h) {
    const double error = z_error(z, a, at, clouds, h);
    if (!(error < z_tolerance))
      throw atlas::format_error(
          fmt::format("{}: head {}", z.stored.place, h),
          "the weights times the values of its layer; other heads' values, or weights of another "
          "run, give others",
          fmt::format("rows that differ by {:.2g} of their norm", error));
  }
}

template std::vector<float> weights_at(const layer_attention&, index_t, index_t, index_t);
template residual_clouds<float> residuals_of(const layer_attention&, const chosen_places&, int);
template residual_clouds<double> residuals_of(const layer_attention&, const chosen_places&, int);
template void check_z(const array_file&, index_t, const layer_attention&, const chosen_places&,
                      const residual_clouds<float>&);
template void check_z(const array_file&, index_t, const layer_attention&, const chosen_places&,
                      const residual_clouds<double>&);

}  // namespace atlas_program
