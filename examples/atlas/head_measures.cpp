// SPDX-License-Identifier: MIT
#include "head_measures.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "atlas/attention/left_out_rules.hpp"
#include "atlas/attention/thermodynamics.hpp"
#include "atlas/dimension/two_nn.hpp"
#include "atlas/protocols/collect_clouds.hpp"
#include "atlas/stats/summary.hpp"
#include "atlas/subspace/overlap.hpp"
#include "atlas/subspace/residual_stream.hpp"
#include "atlas/subspace/split_half.hpp"
#include "atlas/subspace/written_norms.hpp"

namespace atlas_program {

namespace {

using atlas::index_t;

/// Means over the positions from `min_context` on, of each block.
std::vector<double> means_of_blocks(const atlas::tensor_view<const double, 2>& x,
                                    index_t min_context) {
  std::vector<double> out;
  for (index_t b = 0; b < x.extent(0); ++b) {
    std::vector<double> rows;
    for (index_t t = min_context; t < x.extent(1); ++t)
      if (!std::isnan(x(b, t))) rows.push_back(x(b, t));
    out.push_back(atlas::summarize(rows).mean);
  }
  return out;
}

/// Share of the queries after a block's sink that look at it most; 0 of a block without.
std::vector<double> sink_shares(const atlas::layer_thermodynamics& layer, index_t head,
                                index_t blocks) {
  std::vector<double> out;
  for (index_t b = 0; b < blocks; ++b) {
    const atlas::attention_sink& sink = layer.sinks[static_cast<std::size_t>(head * blocks + b)];
    out.push_back(sink.found ? sink.top : 0);
  }
  return out;
}

void add_thermodynamics(const atlas::layer_thermodynamics& layer, index_t blocks,
                        index_t min_context, std::vector<head_measures>& heads) {
  for (std::size_t h = 0; h < heads.size(); ++h) {
    const auto head = static_cast<index_t>(h);
    const auto means = [&](const atlas::owned_tensor<double, 3>& x) {
      return means_of_blocks(x[head], min_context);
    };
    heads[h].observables = {means(layer.purity), means(layer.ratio), means(layer.margin),
                            means(layer.entropy), sink_shares(layer, head, blocks)};
  }
}

/// Neighbours of distinct passages; errors count passages.
void add_dimensions(const atlas::head_sample& sample, const common_options& common,
                    std::vector<head_measures>& heads) {
  const atlas::two_nn_options options{.degenerate = atlas::degenerate_policy::report,
                                      .exclude = atlas::distinct_contexts(sample.context),
                                      .context = sample.context,
                                      .threads = common.threads};
  const atlas::tensor_view<const float, 3> points = sample.points;
  for (std::size_t h = 0; h < heads.size(); ++h) {
    const auto found = atlas::two_nn(points[static_cast<index_t>(h)], options);
    const bool carried = found.fault == atlas::cloud_fault::none;
    heads[h].dimension = carried ? found.dimension : NAN;
    heads[h].dimension_error = carried ? found.standard_error : NAN;
    if (!carried) heads[h].fault = std::string(atlas::describe(found.fault));
  }
}

/// Mean of a row of overlaps without the diagonal and without NaN; NaN for none.
double mean_with_others(const Eigen::MatrixXd& overlaps, index_t head) {
  std::vector<double> others;
  for (index_t g = 0; g < overlaps.cols(); ++g)
    if (g != head && !std::isnan(overlaps(head, g))) others.push_back(overlaps(head, g));
  return atlas::summarize(others).mean;
}

/// NaN throughout where no cloud has as many directions.
Eigen::MatrixXd overlaps_or_none(const atlas::head_sample& sample, index_t k, bool stream,
                                 int threads) {
  const index_t heads = sample.points.extent(0);
  const atlas::frame_options options{.policy = atlas::rank_policy::leave_out, .threads = threads};
  try {
    return atlas::overlap_matrix(
        stream ? atlas::residual_stream_frames(sample.points, sample.output_projection, k, options)
               : atlas::principal_frames(sample.points, k, options),
        {threads});
  } catch (const atlas::value_error&) {
    return Eigen::MatrixXd::Constant(heads, heads, NAN);
  }
}

void add_overlaps(const atlas::head_sample& sample, index_t k, const common_options& common,
                  std::vector<head_measures>& heads) {
  const Eigen::MatrixXd own = overlaps_or_none(sample, k, false, common.threads),
                        stream = overlaps_or_none(sample, k, true, common.threads);
  const auto ceiling =
      atlas::split_half_overlap(sample.points, sample.output_projection, sample.context, k,
                                {.seed = common.seed, .threads = common.threads});
  for (std::size_t h = 0; h < heads.size(); ++h) {
    const auto head = static_cast<index_t>(h);
    heads[h].own_overlap = mean_with_others(own, head);
    heads[h].stream_overlap = mean_with_others(stream, head);
    heads[h].ceiling = ceiling.heads(head);
    heads[h].overlap.assign(stream.row(head).begin(), stream.row(head).end());
  }
}

}  // namespace

json reals_json(const std::vector<double>& values) {
  json out = json::array();
  for (const double x : values) out.push_back(number(x));
  return out;
}

std::vector<double> reals_of(const json& kept) {
  std::vector<double> out;
  for (const json& x : kept) out.push_back(real_of(x));
  return out;
}

double head_measures::mean(std::size_t observable) const {
  std::vector<double> there;
  for (const double x : observables[observable])
    if (!std::isnan(x)) there.push_back(x);
  return atlas::summarize(there).mean;
}

layer_measures measure_heads(const atlas::transformer& model,
                             const atlas::tensor_view<const index_t, 2>& blocks, index_t layer,
                             const head_measure_options& o, const common_options& common,
                             const atlas::progress_callback& on_progress) {
  const atlas::transformer_config& c = model.config();
  const index_t count = blocks.extent(0), tokens = blocks.extent(1);
  atlas::cloud_collector clouds({.layers = {layer},
                                 .heads = c.heads,
                                 .head_dimension = c.head_dimension,
                                 .blocks = count,
                                 .tokens_per_block = tokens,
                                 .min_context = o.min_context,
                                 .points = o.points,
                                 .seed = common.seed});
  atlas::thermodynamics_collector thermodynamics({.layers = {layer},
                                                  .heads = c.heads,
                                                  .blocks = count,
                                                  .tokens_per_block = tokens,
                                                  .draws = 1,
                                                  .seed = common.seed});
  atlas::context_collector contexts({{layer}, c.heads, c.head_dimension, count, tokens});
  const std::vector<atlas::head_observer> observers = {clouds.observer(), thermodynamics.observer(),
                                                       contexts.observer()};
  model.forward(blocks, {.observed_layers = {layer},
                         .observer =
                             [&](const atlas::head_capture& capture) {
                               for (const auto& see : observers) see(capture);
                             },
                         .threads = common.threads,
                         .on_progress = on_progress});
  const std::string name = fmt::format("layer {}", layer);
  layer_measures out{std::vector<head_measures>(static_cast<std::size_t>(c.heads)),
                     atlas::sample_of(name, clouds.clouds(layer), model.output_projection(layer),
                                      c.heads_per_group())};
  add_thermodynamics(thermodynamics.layer(layer), count, o.min_context, out.heads);
  with_typed_names({{"clouds", name}, {"points", name}, {"local_dimension", "--local-dim"}}, [&] {
    add_dimensions(out.sample, common, out.heads);
    add_overlaps(out.sample, o.local_dimension, common, out.heads);
  });
  const auto norms = atlas::written_norms(contexts.contexts(layer), model.output_projection(layer),
                                          {.threads = common.threads});
  for (std::size_t h = 0; h < norms.size(); ++h) out.heads[h].norm = norms[h];
  return out;
}

json measures_to_json(const std::vector<head_measures>& heads) {
  json out = json::array();
  for (const head_measures& h : heads) {
    json one = {{"dimension",
                 {{"value", number(h.dimension)},
                  {"standard_error", number(h.dimension_error)},
                  {"fault", h.fault.empty() ? json(nullptr) : json(h.fault)}}},
                {"norm", number(h.norm)},
                {"overlap_in_head_coordinates", number(h.own_overlap)},
                {"overlap_in_stream", number(h.stream_overlap)},
                {"ceiling", number(h.ceiling)},
                {"overlaps", reals_json(h.overlap)}};
    for (std::size_t i = 0; i < head_observables.size(); ++i)
      one[head_observables[i].key] = reals_json(h.observables[i]);
    out.push_back(std::move(one));
  }
  return out;
}

std::vector<head_measures> measures_from_json(const json& kept) {
  std::vector<head_measures> out;
  for (const json& one : kept) {
    head_measures h;
    h.dimension = real_of(one.at("dimension").at("value"));
    h.dimension_error = real_of(one.at("dimension").at("standard_error"));
    if (const json& fault = one.at("dimension").at("fault"); fault.is_string())
      h.fault = fault.get<std::string>();
    h.norm = real_of(one.at("norm"));
    h.own_overlap = real_of(one.at("overlap_in_head_coordinates"));
    h.stream_overlap = real_of(one.at("overlap_in_stream"));
    h.ceiling = real_of(one.at("ceiling"));
    h.overlap = reals_of(one.at("overlaps"));
    for (std::size_t i = 0; i < head_observables.size(); ++i)
      h.observables[i] = reals_of(one.at(head_observables[i].key));
    out.push_back(std::move(h));
  }
  return out;
}

double real_of(const json& value) {
  return value.is_number() ? value.get<double>() : NAN;
}

}  // namespace atlas_program
