// SPDX-License-Identifier: MIT
/// \file
/// What the study measures of each layer: dimension, rank, neighbours and overlap.

#include <fmt/format.h>

#include "atlas/dimension/pca_rank.hpp"
#include "atlas/protocols/context_neighbors.hpp"
#include "measure_report.hpp"
#include "study.hpp"

namespace atlas_program {

namespace {

using atlas::index_t;
using atlas::overlap_space;

/// An estimate beside those of Gaussian surrogates of its cloud.
json head_dimension_json(const atlas::mean_dimension_result& all, std::size_t head) {
  json out = dimension_json(all.heads[head]);
  out["fault"] = fault_json(all.heads[head].fault);
  out["surrogate"] = surrogate_json(all.head_nulls[head]);
  return out;
}

/// What is known of a head.
json head_json(const atlas::head_sample& sample, std::size_t place,
               const atlas::mean_dimension_result& none,
               const atlas::mean_dimension_result& distinct, double same_context) {
  const auto head = static_cast<index_t>(place);
  const auto truncated =
      atlas::two_nn(sample.points[head], {.estimator = atlas::two_nn_estimator::truncated,
                                          .degenerate = atlas::degenerate_policy::report,
                                          .threads = 1});
  const auto rank = atlas::pca_rank(sample.points[head]);
  return {{"head", head},
          {"none", head_dimension_json(none, place)},
          {"distinct", head_dimension_json(distinct, place)},
          {"truncated", dimension_json(truncated)["dimension"]},
          {"same_context_neighbors", number(same_context)},
          {"pca_rank", rank.rank},
          {"participation_ratio", number(rank.participation_ratio)}};
}

/// The dimension of the heads under both exclusions, and their neighbours.
json add_dimensions(const atlas::head_sample& s, atlas::protocol_options o, json& found) {
  const atlas::mean_dimension_result distinct = atlas::mean_dimension(s, o);
  o.exclude_context = false;
  const atlas::mean_dimension_result none = atlas::mean_dimension(s, o);
  const auto near = atlas::context_neighbors(
      s, {.seed = o.seed, .threads = o.threads, .on_progress = o.on_progress});
  found["dimension_none"] = finding_json(atlas::dimension_finding(s.label, none));
  found["dimension_distinct"] = finding_json(atlas::dimension_finding(s.label, distinct));
  found["same_context"] =
      finding_json(atlas::compare_with_null({s.label, near.share, near.null.mean, near.null.sd,
                                             static_cast<index_t>(near.null.draws.size())}));
  json heads = json::array();
  for (std::size_t h = 0; h < distinct.heads.size(); ++h)
    heads.push_back(head_json(s, h, none, distinct, near.heads[h]));
  return heads;
}

/// O_h in both spaces, against both nulls, and split where query heads are grouped.
json add_overlaps(const atlas::head_sample& s, const atlas::protocol_options& o, json& found) {
  const auto head = atlas::sample_overlap(s, overlap_space::head_coordinates, o);
  const auto residual = atlas::sample_overlap(s, overlap_space::residual_stream, o);
  const auto turned = atlas::sample_turned_null(s, o);
  found["overlap"] = finding_json(atlas::overlap_finding(s.label, head.global));
  found["residual_haar"] = finding_json(atlas::overlap_finding(s.label, residual.global));
  found["residual_turned"] = finding_json(atlas::turned_finding(s.label, turned.global));
  if (head.intra.pairs > 0) {
    found["intra"] = finding_json(atlas::overlap_finding(s.label, head.intra));
    found["inter"] = finding_json(atlas::overlap_finding(s.label, head.inter));
    found["intra_turned"] = finding_json(atlas::turned_finding(s.label, turned.intra));
    found["inter_turned"] = finding_json(atlas::turned_finding(s.label, turned.inter));
  }
  return {{"local_dimension", o.local_dimension},
          {"head_coordinates", overlap_json(head)},
          {"residual_stream", overlap_json(residual, {.turned = &turned})}};
}

/// With standard errors over passages, for comparisons between layers, texts and models.
json sampled_quantities(const atlas::head_sample& s, const atlas::protocol_options& o) {
  atlas::protocol_options one = o;
  one.threads = 1;
  one.on_progress = {};  // the contexts, several at once, report and are cancelled
  const auto of = [&](auto&& statistic) {
    return sampled_json(
        atlas::over_contexts(s, statistic, {.threads = o.threads, .on_progress = o.on_progress}));
  };
  return {{"dimension",
           of([&](const atlas::head_sample& x) { return atlas::mean_dimension_value(x, one); })},
          {"overlap", of([&](const atlas::head_sample& x) {
             return atlas::mean_overlap(x, overlap_space::head_coordinates, one);
           })},
          {"residual_overlap", of([&](const atlas::head_sample& x) {
             return atlas::mean_overlap(x, overlap_space::residual_stream, one);
           })}};
}

}  // namespace

atlas::protocol_options protocol_options_of(const study_session& session) {
  const study_options& o = session.options();
  return {.local_dimension = o.local_dimension,
          .surrogates = o.surrogates,
          .haar_draws = 5000,
          .seed = o.common.seed,
          .threads = o.common.threads,
          .on_progress = session.progress()};
}

json measure_perplexity(study_session& session, std::size_t m, std::size_t t) {
  const study_clouds& clouds = session.clouds(m, t);
  json out = perplexity_json(clouds.perplexity);
  out["parameters"] = clouds.parameters;
  return out;
}

json measure_study_layer(study_session& session, std::size_t m, std::size_t t, index_t layer) {
  const atlas::head_sample& s = session.clouds(m, t).layers[static_cast<std::size_t>(layer)];
  const atlas::protocol_options o = protocol_options_of(session);
  json findings = json::object();
  json out = {{"layer", layer}, {"points", s.points.extent(1)}};
  out["heads"] = add_dimensions(s, o, findings);
  out["overlap"] = add_overlaps(s, o, findings);
  out["findings"] = findings;
  out["sampled"] = sampled_quantities(s, o);
  return out;
}

}  // namespace atlas_program
