// SPDX-License-Identifier: MIT
#include "ablation_outcomes.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "atlas/protocols/collect_clouds.hpp"
#include "atlas/protocols/depth_profile.hpp"
#include "atlas/protocols/head_sample.hpp"
#include "atlas/protocols/sample_measures.hpp"
#include "atlas/reference/perplexity.hpp"
#include "atlas/reference/random_transformer.hpp"
#include "model_source.hpp"

namespace atlas_program {

namespace {

using atlas::index_t;

/// What one layer is like.
struct layer_outcomes {
  atlas::overlap_estimate overlap;    ///< of heads of different groups, in their own coordinates
  atlas::turned_estimate stream;      ///< of the same where they write
  atlas::mean_dimension_result mean;  ///< over heads, neighbours of distinct passages
  atlas::sampled_value sampled;       ///< the same with its error over passages
};

atlas::trainer trained(const ablation_options& o, const ablation_texts& texts,
                       const ablation_plan& plan, std::size_t cell, std::uint64_t seed) {
  atlas::trainer training(atlas::random_transformer(plan.cells[cell].config,
                                                    {.seed = atlas::seed_of_stream(seed, cell)}),
                          texts.training, training_of(o, seed));
  atlas::progress_meter meter(progress_bar(o.common), "training, " + run_name(cell, seed), o.steps);
  while (training.steps_done() < o.steps) {
    training.step();
    meter.advance();
  }
  return training;
}

layer_outcomes outcomes_of(const atlas::head_sample& sample,
                           const atlas::protocol_options& options) {
  layer_outcomes out;
  out.overlap =
      atlas::sample_overlap(sample, atlas::overlap_space::head_coordinates, options).inter;
  out.stream = atlas::sample_turned_null(sample, options).inter;
  out.mean = atlas::mean_dimension(sample, options);
  atlas::protocol_options one = options;
  one.threads = 1;
  one.on_progress = {};
  out.sampled = atlas::over_contexts(
      sample, [&](const atlas::head_sample& s) { return atlas::mean_dimension_value(s, one); },
      {.threads = options.threads, .on_progress = options.on_progress});
  return out;
}

json layer_json(index_t layer, const layer_outcomes& l) {
  return {{"layer", layer},
          {"overlap",
           {{"value", number(l.overlap.mean)},
            {"pairs", l.overlap.pairs},
            {"null_mean", number(l.overlap.null_mean)},
            {"null_sd", number(l.overlap.null_sd)},
            {"z", number(l.overlap.z)},
            {"p", number(l.overlap.p)}}},
          {"stream",
           {{"value", number(l.stream.observed)},
            {"null_mean", number(l.stream.mean)},
            {"null_sd", number(l.stream.sd)},
            {"z", number(l.stream.z)},
            {"p", number(l.stream.p)}}},
          {"dimension",
           {{"value", number(l.mean.mean)},
            {"standard_error", number(l.sampled.standard_error)},
            {"null_mean", number(l.mean.null.mean)},
            {"null_sd", number(l.mean.null.sd)},
            {"z", number(l.mean.null.z)},
            {"p", number(l.mean.null.p)}}}};
}

/// Longest run of layers that are not below the highest one, and how high these are.
json plateau_json(const std::vector<layer_outcomes>& layers) {
  std::vector<atlas::sampled_value> values;
  for (const layer_outcomes& l : layers) values.push_back(l.sampled);
  const atlas::depth_profile_result profile = atlas::depth_profile(values);
  double height = 0;
  for (index_t l = profile.plateau_first; l <= profile.plateau_last; ++l)
    height += values[static_cast<std::size_t>(l)].value;
  return {{"first", profile.plateau_first},
          {"last", profile.plateau_last},
          {"share", profile.plateau_share},
          {"dimension",
           number(height / static_cast<double>(profile.plateau_last - profile.plateau_first + 1))},
          {"peak", profile.peak}};
}

/// Means over layers; the excesses are their differences.
json outcomes_json(const std::vector<layer_outcomes>& layers, const json& plateau, double loss) {
  const auto mean = [&](auto&& of) {
    double sum = 0;
    for (const layer_outcomes& l : layers) sum += of(l);
    return sum / static_cast<double>(layers.size());
  };
  const double overlap = mean([](const auto&l) { return l.overlap.mean; }),
               haar = mean([](const auto&l) { return l.overlap.null_mean; }),
               stream = mean([](const auto&l) { return l.stream.observed; }),
               turned = mean([](const auto&l) { return l.stream.mean; }),
               dimension = mean([](const auto&l) { return l.mean.mean; }),
               surrogates = mean([](const auto&l) { return l.mean.null.mean; });
  return {{"overlap_excess", number(overlap - haar)},
          {"stream_excess", number(stream - turned)},
          {"dimension_excess", number(dimension - surrogates)},
          {"plateau_dimension", plateau["dimension"]},
          {"loss", number(loss)},
          {"overlap", number(overlap)},
          {"overlap_null", number(haar)},
          {"stream", number(stream)},
          {"stream_null", number(turned)},
          {"dimension", number(dimension)},
          {"dimension_null", number(surrogates)},
          {"plateau_share", plateau["share"]}};
}

std::vector<layer_outcomes> measured_layers(const ablation_options& o, const ablation_texts& texts,
                                            const ablation_plan& plan,
                                            const atlas::transformer& model, std::uint64_t seed) {
  const auto bar = progress_bar(o.common);
  const atlas::collected_clouds clouds = atlas::collect_clouds(model, measured_passages(o, texts),
                                                               {.min_context = o.min_context,
                                                                .points = o.points,
                                                                .seed = seed,
                                                                .threads = o.common.threads,
                                                                .on_progress = bar});
  const atlas::protocol_options options{.local_dimension = plan.local_dimension,
                                        .surrogates = o.surrogates,
                                        .haar_draws = 5000,
                                        .seed = seed,
                                        .threads = o.common.threads,
                                        .on_progress = bar};
  std::vector<layer_outcomes> out;
  for (const atlas::head_clouds& layer : clouds.layers)
    out.push_back(outcomes_of(
        atlas::sample_of(fmt::format("layer {}", layer.layer), layer,
                         model.output_projection(layer.layer), model.config().heads_per_group()),
        options));
  return out;
}

/// \throws error naming what has no value
void check_outcomes(const json& outcomes) {
  for (const ablation_outcome& outcome : ablation_outcomes)
    if (!outcomes[outcome.key].is_number())
      throw atlas::error(outcome.title, "a number in every run", "none: heads are degenerate");
}

json measured_run(const ablation_options& o, const ablation_texts& texts, const ablation_plan& plan,
                  std::size_t cell, std::uint64_t seed,
                  const std::function<void(const atlas::transformer&)>& keep) {
  const atlas::trainer training = trained(o, texts, plan, cell, seed);
  const auto read =
      atlas::perplexity(training.model(), texts.held_out,
                        {.threads = o.common.threads, .on_progress = progress_bar(o.common)});
  const auto layers = measured_layers(o, texts, plan, training.model(), seed);
  json of_layers = json::array();
  for (std::size_t l = 0; l < layers.size(); ++l)
    of_layers.push_back(layer_json(static_cast<index_t>(l), layers[l]));
  const json plateau = plateau_json(layers), perplexity = perplexity_json(read);
  json outcomes = outcomes_json(layers, plateau, std::log(read.perplexity));
  check_outcomes(outcomes);
  if (keep) keep(training.model());
  return {{"cell", cell},        {"seed", seed},       {"perplexity", perplexity},
          {"layers", of_layers}, {"plateau", plateau}, {"outcomes", std::move(outcomes)}};
}

}  // namespace

std::string run_name(std::size_t cell, std::uint64_t seed) {
  return fmt::format("cell-{}-seed-{}", cell, seed);
}

json ablation_run_json(const ablation_options& o, const ablation_texts& texts,
                       const ablation_plan& plan, std::size_t cell, std::uint64_t seed,
                       const std::function<void(const atlas::transformer&)>& keep) {
  try {
    return measured_run(o, texts, plan, cell, seed, keep);
  } catch (const atlas::cancelled&) {
    throw;
  } catch (const atlas::error& e) {
    throw atlas::error(
        run_name(cell, seed) + ": " +
        in_typed_names(e.what(), {{"schedule.peak", "--learning-rate"}, {"points", "--points"}}));
  }
}

atlas::owned_tensor<index_t, 2> measured_passages(const ablation_options& o,
                                                  const ablation_texts& texts) {
  const index_t all = texts.held_out.extent(0), tokens = texts.held_out.extent(1);
  atlas::owned_tensor<index_t, 2> out({o.passages, tokens});
  for (index_t i = 0; i < o.passages; ++i)
    for (index_t t = 0; t < tokens; ++t)
      out.mutable_view()(i, t) = texts.held_out(i * all / o.passages, t);
  return out;
}

}  // namespace atlas_program
