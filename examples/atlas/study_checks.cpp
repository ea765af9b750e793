// SPDX-License-Identifier: MIT
/// \file
/// The dearer measurements of the study, of the deepest layers: manifold checks, the pooled
/// dimension, autoencoders, and the same architecture before training.

#include <algorithm>
#include <cmath>
#include <set>

#include "atlas/autoencoder/advantage.hpp"
#include "atlas/autoencoder/train_autoencoder.hpp"
#include "atlas/manifold/chord_test.hpp"
#include "atlas/manifold/connectivity.hpp"
#include "atlas/manifold/homogeneity.hpp"
#include "atlas/manifold/pooled_dimension.hpp"
#include "atlas/protocols/maturation_gate.hpp"
#include "study.hpp"

namespace atlas_program {

namespace {

using atlas::index_t;

/// A quantity of every head and its surrogates, as one of their mean: heads have independent
/// surrogates.
struct head_means {
  double value = 0, null_mean = 0, null_variance = 0;
  index_t heads = 0, draws = 0;

  void add(double x, const atlas::surrogate_null& null) {
    value += x;
    null_mean += null.mean;
    null_variance += null.sd * null.sd;
    draws = static_cast<index_t>(null.draws.size());
    ++heads;
  }
  json finding(const std::string& label) const {
    const auto n = static_cast<double>(heads);
    return finding_json(atlas::compare_with_null(
        {label, value / n, null_mean / n, std::sqrt(null_variance) / n, draws}));
  }
};

/// Neighbours of a row in the manifold checks: each of another passage, with one passage left to
/// compare a chord's midpoint with.
index_t checked_neighbors(const atlas::head_sample& s) {
  const std::set<index_t> passages(s.context.data(), s.context.data() + s.context.size());
  const auto others = static_cast<index_t>(passages.size()) - 2;
  return std::min({index_t{10}, s.points.extent(1) / 6, std::max<index_t>(1, others)});
}

struct manifold_means {
  head_means largest_share, chord, local_dimension, dimension_sd;
};

void add_head(const atlas::head_sample& s, index_t head, const study_options& o,
              const atlas::progress_callback& on_progress, manifold_means& out) {
  const auto points = s.points[head];
  const atlas::exclusion exclude = atlas::distinct_contexts(s.context);
  const int threads = o.common.threads;
  const index_t n = points.extent(0), k = checked_neighbors(s);
  atlas::surrogate_options draws{
      .draws = o.manifold_draws,
      .labels = {s.context, s.position},
      .seed = o.common.seed,
      .stream = (static_cast<std::uint64_t>(s.layer) << 32U) + static_cast<std::uint64_t>(4 * head),
      .threads = threads,
      .on_progress = on_progress};
  const atlas::connectivity_options graph{
      .k = k, .exclude = exclude, .threads = threads, .on_progress = on_progress};
  const auto joined = atlas::connectivity(points, graph);
  ++draws.stream;  // another for each check
  out.largest_share.add(joined.largest_share,
                        atlas::connectivity_null(points, joined, draws).largest_share);
  const atlas::chord_options chords{.k = k,
                                    .chords = 400,
                                    .exclude = exclude,
                                    .seed = o.common.seed,
                                    .threads = threads,
                                    .on_progress = on_progress};
  const auto chord = atlas::chord_test(points, chords);
  ++draws.stream;
  out.chord.add(chord.mean, atlas::chord_null(points, chord, draws).mean);
  const atlas::homogeneity_options regions{.region_points = std::min<index_t>(400, n / 2),
                                           .exclude = exclude,
                                           .seed = o.common.seed,
                                           .threads = threads,
                                           .on_progress = on_progress};
  const auto local = atlas::homogeneity(points, regions);
  ++draws.stream;
  const auto local_null = atlas::homogeneity_null(points, local, draws);
  out.local_dimension.add(local.mean, local_null.mean);
  out.dimension_sd.add(local.sd, local_null.sd);
}

json head_json(index_t head, const atlas::autoencoder_result& r) {
  return {{"head", head},
          {"unexplained", number(r.held_out_unexplained)},
          {"unexplained_standard_error", number(r.held_out_standard_error)},
          {"pca_unexplained", number(r.pca_unexplained)},
          {"pca_standard_error", number(r.pca_standard_error)},
          {"advantage", number(r.advantage)},
          {"advantage_standard_error", number(r.advantage_standard_error)},
          {"train_unexplained", number(r.train_unexplained)},
          {"pca_train_unexplained", number(r.pca_train_unexplained)},
          {"epochs", r.epochs_run},
          {"best_epoch", r.best_epoch}};
}

atlas::finding advantage_finding(const std::string& label,
                                 const atlas::advantage_estimate& advantage) {
  // A single passage has no error, and gives no verdict.
  const double error = std::isnan(advantage.standard_error) ? 0 : advantage.standard_error;
  atlas::finding f = atlas::compare_with_null({label, advantage.value, 0, error, 0});
  f.p = advantage.p;
  return f;
}

atlas::measured_value measured_overlap(const atlas::head_sample& s,
                                       const atlas::protocol_options& o) {
  const auto e = atlas::sample_overlap(s, atlas::overlap_space::head_coordinates, o).global;
  return {s.label, e.mean, e.null_mean, std::hypot(e.null_sd, e.null_standard_error), 0};
}

atlas::measured_value measured_turned(const atlas::head_sample& s,
                                      const atlas::protocol_options& o) {
  const atlas::turned_null_result null = atlas::sample_turned_null(s, o);
  return {s.label, null.global.observed, null.global.mean, null.global.sd, null.draws};
}

atlas::measured_value measured_dimension(const atlas::head_sample& s,
                                         const atlas::protocol_options& o) {
  const auto r = atlas::mean_dimension(s, o);
  return {s.label, r.mean, r.null.mean, r.null.sd, static_cast<index_t>(r.null.draws.size())};
}

json gate_json(const atlas::maturation_result& gate) {
  return {{"findings", findings_json(gate.checkpoints)},
          {"verdict", atlas::name_of(gate.verdict)},
          {"starts_at_chance", gate.starts_at_chance},
          {"departure", gate.departure ? json(*gate.departure) : json(nullptr)}};
}

}  // namespace

json measure_manifold(study_session& session, std::size_t m, std::size_t t, index_t layer) {
  const atlas::head_sample& s = session.clouds(m, t).layers[static_cast<std::size_t>(layer)];
  manifold_means means;
  for (index_t h = 0; h < s.points.extent(0); ++h)
    add_head(s, h, session.options(), session.progress(), means);
  return {{"layer", layer},
          {"findings",
           {{"largest_share", means.largest_share.finding(s.label)},
            {"chord", means.chord.finding(s.label)},
            {"local_dimension", means.local_dimension.finding(s.label)},
            {"local_dimension_sd", means.dimension_sd.finding(s.label)}}}};
}

json measure_atlas(study_session& session, std::size_t m, std::size_t t) {
  const study_options& o = session.options();
  const atlas::head_sample& deepest = session.clouds(m, t).layers.back();
  constexpr index_t rows = 400;  // the pooled cloud has as many for each head
  const atlas::head_sample s =
      atlas::subsample(deepest, std::min(rows, deepest.points.extent(1)), {.seed = o.common.seed});
  const auto written =
      atlas::residual_stream_clouds(s.points, s.output_projection, {.threads = o.common.threads});
  const atlas::two_nn_options options{.exclude = atlas::distinct_contexts(s.context),
                                      .threads = o.common.threads,
                                      .on_progress = session.progress()};
  const auto pooled = atlas::pooled_dimension(written, options);
  const auto null = atlas::pooled_dimension_null(written, pooled,
                                                 {.draws = o.manifold_draws,
                                                  .labels = {s.context, s.position},
                                                  .seed = o.common.seed,
                                                  .threads = o.common.threads,
                                                  .on_progress = session.progress()});
  const auto draws = static_cast<index_t>(null.draws.size());
  return {{"rows", s.points.extent(1)},
          {"findings",
           {{"pooled_dimension", finding_json(atlas::compare_with_null(
                                     {s.label, pooled.dimension, null.mean, null.sd, draws}))}}}};
}

json measure_autoencoders(study_session& session, std::size_t m, std::size_t t) {
  const study_options& o = session.options();
  const atlas::head_sample& s = session.clouds(m, t).layers.back();
  atlas::autoencoder_options training = o.autoencoders;
  training.bottleneck = o.local_dimension;
  training.context = s.context;
  training.seed = o.common.seed;
  training.threads = o.common.threads;
  training.on_progress = session.progress();
  const auto heads = atlas::train_autoencoders(s.points, training);
  const atlas::advantage_estimate advantage = atlas::mean_advantage(heads);
  json rows = json::array();
  for (std::size_t h = 0; h < heads.size(); ++h)
    rows.push_back(head_json(static_cast<index_t>(h), heads[h]));
  return {{"heads", rows},
          {"advantage", advantage_json(advantage)},
          {"findings", {{"advantage", finding_json(advantage_finding(s.label, advantage))}}}};
}

json measure_maturation(study_session& session, std::size_t m, std::size_t t) {
  const atlas::protocol_options o = protocol_options_of(session);
  atlas::head_sample trained = session.clouds(m, t).layers.back();
  const std::string place = trained.label;
  trained.label = place + ", trained";
  atlas::head_sample initial = session.initial_sample(m, t);
  initial.label = place + ", at random weights";
  const auto gate = [&](auto&& measured) {
    return gate_json(atlas::maturation_gate({measured(initial, o), measured(trained, o)}));
  };
  return {{"overlap", gate(measured_overlap)},
          {"residual_turned", gate(measured_turned)},
          {"dimension_distinct", gate(measured_dimension)}};
}

}  // namespace atlas_program
