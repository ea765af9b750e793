// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// What heads do, from their weights alone and in no coordinates of their own: which positions a
/// head looks at is decided by `W_Q^T W_K`, what it hands on by `W_O W_V`, and neither product
/// changes when a head's own coordinates are turned. Heads of two models of one residual stream can
/// so be told from each other, wherever they are in their layers (Elhage et al., "A mathematical
/// framework for transformer circuits", 2021).

#include <Eigen/Core>
#include <algorithm>
#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "atlas/core/checks.hpp"
#include "atlas/core/compiled.hpp"
#include "atlas/core/lazy.hpp"
#include "atlas/core/parallel.hpp"
#include "atlas/core/random.hpp"
#include "atlas/core/work_options.hpp"
#include "atlas/linalg/row_matrix.hpp"
#include "atlas/reference/transformer.hpp"
#include "atlas/reference/weight_values.hpp"

namespace atlas::inline ATLAS_ABI {

/// The weights of one layer's heads as maps of what comes out of the norm before its gain: gain and
/// shift of the norm are in them, and biases are their last column. The bias of keys is there for
/// rotary positions alone: without them it adds the same to all logits of a query and decides
/// nothing.
struct head_maps {
  std::vector<Eigen::MatrixXd> queries;  ///< `[H]` of `[d_head, d_model + 1]`
  std::vector<Eigen::MatrixXd> keys;     ///< `[H / heads_per_group]` of the same
  std::vector<Eigen::MatrixXd> values;   ///< likewise
  std::vector<Eigen::MatrixXd> writes;   ///< `[H]` of `[d_head, d_model]`
  index_t heads_per_group = 1;
};

/// How alike the maps of two layers' heads are, `[H, H]` cosines (Frobenius) in [-1, 1]: 1 for the
/// same map up to a factor; NaN for a head whose map is 0.
struct map_similarity {
  Eigen::MatrixXd looks;   ///< of `W_Q^T W_K`, at distance 0 where positions are rotary
  Eigen::MatrixXd writes;  ///< of `W_O W_V`
};

namespace detail {

/// One linear map of all queries, keys and values: its rows `[first, first + count)` with the
/// norm's gain and shift, and the bias as last column.
template <class = lazy>
Eigen::MatrixXd projection_rows(const model_weights<float>& model, index_t layer,
                                const std::vector<weight_values>& projections, index_t first,
                                index_t count, bool with_bias) {
  const layer_places& places = model.layer(layer);
  const index_t d = model.config.model_dimension;
  const float* const gain = model.values(places.attention_norm.weight);
  const float* const shift = model.values(places.attention_norm.bias);
  Eigen::MatrixXd out = Eigen::MatrixXd::Zero(count, d + 1);
  index_t before = 0, found = 0;
  for (std::size_t map = 0; map < projections.size(); ++map) {
    const linear_places& p = places.projections[map];
    const std::vector<index_t>& extents = model.at(p.weight).extents;
    const Eigen::Map<const row_matrix<float>> weight(projections[map].data(), extents[0],
                                                     extents[1]);
    const index_t rows = p.input_major ? weight.cols() : weight.rows();
    const float* const bias = model.values(p.bias);
    for (index_t i = (std::max)(index_t{0}, before - first); i < count && first + i < before + rows;
         ++i, ++found) {
      const index_t row = first + i - before;
      double constant = with_bias && bias ? static_cast<double>(bias[row]) : 0;
      for (index_t m = 0; m < d; ++m) {
        const auto w = static_cast<double>(p.input_major ? weight(m, row) : weight(row, m));
        out(i, m) = gain ? w * static_cast<double>(gain[m]) : w;
        if (with_bias && shift) constant += w * static_cast<double>(shift[m]);
      }
      out(i, d) = constant;
    }
    before += rows;
  }
  check_extent(found, count, "projections", "rows of queries, keys and values,");
  return out;
}

/// `<A^T B, C^T D>` (Frobenius) of maps of few rows: the sum of `(A C^T) o (B D^T)`.
inline double product_of_maps(const Eigen::MatrixXd& a, const Eigen::MatrixXd& b,
                              const Eigen::MatrixXd& c, const Eigen::MatrixXd& d) {
  return (a * c.transpose()).cwiseProduct(b * d.transpose()).sum();
}

/// Lengths of `left_h^T right_(h / group)`.
template <class = lazy>
std::vector<double> map_lengths(const std::vector<Eigen::MatrixXd>& left,
                                const std::vector<Eigen::MatrixXd>& right, index_t group) {
  std::vector<double> out;
  for (std::size_t h = 0; h < left.size(); ++h) {
    const Eigen::MatrixXd& r = right[h / static_cast<std::size_t>(group)];
    out.push_back(std::sqrt((std::max)(0.0, product_of_maps(left[h], r, left[h], r))));
  }
  return out;
}

/// Cosines of `left_h^T right_(h / group)` of two layers.
template <class = lazy>
Eigen::MatrixXd map_cosines(const std::vector<Eigen::MatrixXd>& left_a,
                            const std::vector<Eigen::MatrixXd>& right_a,
                            const std::vector<Eigen::MatrixXd>& left_b,
                            const std::vector<Eigen::MatrixXd>& right_b, index_t group,
                            const work_options& o) {
  const auto heads = static_cast<index_t>(left_a.size());
  const auto length_a = map_lengths(left_a, right_a, group),
             length_b = map_lengths(left_b, right_b, group);
  Eigen::MatrixXd out(heads, heads);
  progress_meter meter(o.on_progress, "maps of heads", heads);
  parallel_for(heads, o.threads, [&](index_t i) {
    const auto a = static_cast<std::size_t>(i), group_a = a / static_cast<std::size_t>(group);
    for (std::size_t b = 0; b < left_b.size(); ++b) {
      const std::size_t group_b = b / static_cast<std::size_t>(group);
      const double length = length_a[a] * length_b[b];
      out(i, static_cast<index_t>(b)) =
          length > 0 ? std::clamp(product_of_maps(left_a[a], right_a[group_a], left_b[b],
                                                  right_b[group_b]) /
                                      length,
                                  -1.0, 1.0)
                     : std::numeric_limits<double>::quiet_NaN();
    }
    meter.advance();
  });
  return out;
}

}  // namespace detail

/// \throws value_error for a layer out of range, or a model with norms or scales between the maps:
///         a family other than gpt2, llama and atlas, norms of queries and keys, norms after
///         attention, or a `norm_offset`
///
/// O(parameters of the layer's attention) time and memory, in double.
template <class = lazy>
[[nodiscard]] head_maps maps_of_heads(const transformer& model, index_t layer) {
  const transformer_config& c = model.config();
  check_between(layer, 0, c.layers - 1, "layer");
  // Products of the maps would not know of what is between them.
  if (c.family != model_family::gpt2 && c.family != model_family::llama &&
      c.family != model_family::atlas)
    throw value_error("model: family", "gpt2, llama or atlas", "another");
  if (c.norms != norm_position::before)
    throw value_error("model: norms", "norms before attention alone", "norms after it");
  if (c.norm_offset != 0)
    throw value_error("model: norm_offset", "0", detail::number_text(c.norm_offset));
  if (c.head_norm != query_key_norm::none)
    throw value_error("model: head_norm", "no norms of queries and keys", "some");
  const index_t d = c.head_dimension;
  const bool rotary = c.rotary_share > 0;
  head_maps out;
  out.heads_per_group = c.heads_per_group();
  const auto written = model.output_projection(layer);
  std::vector<weight_values> projections;  // stored ones are made floats once
  for (const detail::linear_places& p : model.weights().layer(layer).projections)
    projections.emplace_back(model.weights().at(p.weight));
  for (index_t h = 0; h < c.heads; ++h) {
    out.queries.push_back(
        detail::projection_rows(model.weights(), layer, projections, h * d, d, true));
    Eigen::MatrixXd block(d, c.model_dimension);
    for (index_t i = 0; i < d; ++i)
      for (index_t m = 0; m < c.model_dimension; ++m)
        block(i, m) = static_cast<double>(written(h * d + i, m));
    out.writes.push_back(std::move(block));
  }
  const index_t keys = c.heads * d, values = keys + c.key_value_heads * d;
  for (index_t g = 0; g < c.key_value_heads; ++g) {
    out.keys.push_back(
        detail::projection_rows(model.weights(), layer, projections, keys + g * d, d, rotary));
    out.values.push_back(
        detail::projection_rows(model.weights(), layer, projections, values + g * d, d, true));
  }
  return out;
}

/// The heads in another residual stream: its coordinates in a random order, each with a random
/// sign, the same for all heads. What they are to each other stays; to heads of the stream that
/// they were in they are no more than chance. The null of `similarity_of_maps`.
template <class = lazy>
[[nodiscard]] head_maps in_other_stream(const head_maps& maps, random_stream& random) {
  if (maps.writes.empty()) throw shape_error("maps", "at least 1 head", "none");
  const index_t d = maps.writes.front().cols();
  const std::vector<index_t> order = random_permutation(d, random);
  std::vector<double> sign;
  for (index_t m = 0; m < d; ++m) sign.push_back(random.uniform_index(2) == 0 ? 1 : -1);
  const auto moved = [&](std::vector<Eigen::MatrixXd> list) {
    for (Eigen::MatrixXd& map : list) {
      const Eigen::MatrixXd old = map;
      for (index_t m = 0; m < d; ++m)
        map.col(m) =
            sign[static_cast<std::size_t>(m)] * old.col(order[static_cast<std::size_t>(m)]);
    }
    return list;
  };
  return {moved(maps.queries), moved(maps.keys), moved(maps.values), moved(maps.writes),
          maps.heads_per_group};
}

/// \param a, b maps of as many heads, in as many groups, of one residual stream
/// \throws shape_error for others; cancelled
///
/// O(H^2 d_head^2 d_model) time; nothing of d_model^2 is formed.
template <class = lazy>
[[nodiscard]] map_similarity similarity_of_maps(const head_maps& a, const head_maps& b,
                                                const work_options& options = {}) {
  if (a.queries.empty()) throw shape_error("a", "at least 1 head", "none");
  check_extent(static_cast<index_t>(b.queries.size()), static_cast<index_t>(a.queries.size()), "b",
               "as many heads as a,");
  check_extent(b.heads_per_group, a.heads_per_group, "b: heads_per_group", "that of a,");
  check_extent(b.queries[0].cols(), a.queries[0].cols(), "b", "columns of queries,");
  return {detail::map_cosines(a.queries, a.keys, b.queries, b.keys, a.heads_per_group, options),
          detail::map_cosines(a.writes, a.values, b.writes, b.values, a.heads_per_group, options)};
}

}  // namespace atlas::inline ATLAS_ABI

#ifdef ATLAS_COMPILED
namespace atlas::inline ATLAS_ABI {
ATLAS_OF_PROTOCOLS head_maps maps_of_heads<void>(const transformer&, index_t);
ATLAS_OF_PROTOCOLS head_maps in_other_stream<void>(const head_maps&, random_stream&);
ATLAS_OF_PROTOCOLS map_similarity similarity_of_maps<void>(const head_maps&, const head_maps&,
                                                           const work_options&);
}  // namespace atlas::inline ATLAS_ABI
#endif
