// SPDX-License-Identifier: MIT
#include "linear_maps.hpp"

#include <algorithm>
#include <map>

#include "atlas/linalg/tiled_product.hpp"
#include "atlas/quantize/second_moment_accumulator.hpp"
#include "atlas/quantize/weight_fisher_accumulator.hpp"
#include "atlas/reference/gradients.hpp"

namespace atlas_program {

namespace {

using atlas::index_t;

/// The sums of one map while blocks go by.
class map_sums {
 public:
  map_sums(const atlas::linear_capture& first, const linear_map_options& options)
      : options_(options),
        inputs_(first.inputs.extent(1)),
        outputs_(first.output_gradients.extent(1)),
        fisher_(first.inputs.extent(1),
                options.weight_fisher ? first.output_gradients.extent(1) : 0) {
    map_.name = first.weight;
    map_.layer = first.layer;
    map_.input_major = first.input_major;
  }

  void add(const atlas::linear_capture& c, index_t step, int threads) {
    inputs_.add(c.inputs, {threads});
    if (options_.output_moments) outputs_.add(c.output_gradients, {threads});
    if (options_.weight_fisher) add_gradient(c, threads);
    const index_t t = c.inputs.extent(0);
    for (index_t row = c.block * t; options_.sampled_inputs > 0 && row < (c.block + 1) * t; ++row)
      if (row % step == 0)
        for (index_t k = 0; k < c.inputs.extent(1); ++k)
          sampled_.push_back(c.inputs(row - c.block * t, k));
  }

  linear_map finished(int threads) {
    map_.input_moments = inputs_.matrix({threads});
    map_.input_mean = inputs_.mean();
    if (options_.output_moments) map_.output_moments = outputs_.matrix({threads});
    if (options_.weight_fisher) {
      map_.weight_fisher = fisher_.matrix({threads});
      map_.gradient_mean = fisher_.mean();
    }
    const index_t in = inputs_.dimension();
    map_.inputs = Eigen::Map<const atlas::row_matrix<float>>(
        sampled_.data(), static_cast<index_t>(sampled_.size()) / in, in);
    return std::move(map_);
  }

 private:
  /// dL/dW of the block.
  void add_gradient(const atlas::linear_capture& c, int threads) {
    const auto rows = [](const atlas::tensor_view<const float, 2>& x) {
      return atlas::matrix_copy<float>(x);
    };
    const atlas::row_matrix<float> gradient =
        atlas::tiled_product(rows(c.output_gradients).transpose(), rows(c.inputs), {threads});
    fisher_.add(
        atlas::tensor_view<const float, 3>(gradient.data(), {1, gradient.rows(), gradient.cols()}),
        {threads});
  }

  linear_map_options options_;
  linear_map map_;
  atlas::second_moment_accumulator inputs_, outputs_;
  atlas::weight_fisher_accumulator fisher_;
  std::vector<float> sampled_;
};

/// Copies W, turned to `[out, in]`.
void read_weights(const std::vector<index_t>& extents, const float* values, linear_map& map) {
  const Eigen::Map<const atlas::row_matrix<float>> stored(values, extents[0], extents[1]);
  if (map.input_major)
    map.weights = stored.transpose();
  else
    map.weights = stored;
}

}  // namespace

std::vector<linear_map> collect_linear_maps(const atlas::transformer& model,
                                            const atlas::tensor_view<const index_t, 2>& blocks,
                                            const linear_map_options& options,
                                            const common_options& common) {
  const auto& layers = options.layers;
  const index_t wanted = std::max<index_t>(options.sampled_inputs, 1);
  const index_t step = std::max<index_t>(1, blocks.size() / wanted);
  std::map<std::string, map_sums, std::less<>> sums;
  atlas::loss_gradients(
      model, blocks,
      {.mean = false,
       .linear_observer =
           [&](const atlas::linear_capture& c) {
             if (std::find(layers.begin(), layers.end(), c.layer) == layers.end()) return;
             auto found = sums.find(c.weight);
             if (found == sums.end())
               found = sums.emplace(std::string(c.weight), map_sums(c, options)).first;
             found->second.add(c, step, common.threads);
           },
       .threads = common.threads,
       .on_progress = progress_bar(common)});
  std::vector<linear_map> out;
  atlas::progress_meter meter(progress_bar(common), "second moments",
                              static_cast<index_t>(sums.size()));
  model.for_each_parameter(
      [&](const std::string& name, const std::vector<index_t>& extents, const auto& values) {
        const auto found = sums.find(name);
        if (found == sums.end()) return;
        out.push_back(found->second.finished(common.threads));
        read_weights(extents, values.data(), out.back());
        sums.erase(found);
        meter.advance();
      });
  return out;
}

void replace_weights(atlas::transformer& model, const linear_map& map,
                     const atlas::row_matrix<float>& weights) {
  model.for_each_parameter(
      [&](const std::string& name, const std::vector<index_t>& extents, const auto& values) {
        if (name != map.name) return;
        Eigen::Map<atlas::row_matrix<float>> stored(values.data(), extents[0], extents[1]);
        if (map.input_major)
          stored = weights.transpose();
        else
          stored = weights;
      });
}

std::string short_name(const linear_map& map) {
  std::string name = map.name;
  for (const std::string prefix : {"transformer.", "model."})
    if (name.starts_with(prefix)) name.erase(0, prefix.size());
  const std::string suffix = ".weight";
  if (name.ends_with(suffix)) name.erase(name.size() - suffix.size());
  return name;
}

}  // namespace atlas_program
