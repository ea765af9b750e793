// SPDX-License-Identifier: MIT
/// \file
/// The protocols of the study that need clouds: robustness, the within-model control and the
/// comparison of architectures.

#include <algorithm>

#include "atlas/protocols/cross_architecture.hpp"
#include "atlas/protocols/robustness.hpp"
#include "atlas/protocols/within_model.hpp"
#include "study.hpp"

namespace atlas_program {

namespace {

using atlas::index_t;
using atlas::overlap_space;

/// Findings that say which sample they are of.
std::vector<atlas::finding> labelled(std::vector<atlas::finding> all, const std::string& place) {
  for (atlas::finding& f : all) f.label = place + ", " + f.label;
  return all;
}

json ranks_json(const atlas::head_sample& s, const atlas::protocol_options& o) {
  const index_t d = s.points.extent(2);
  const auto r =
      atlas::overlap_over_ranks(s, {std::min<index_t>(4, d), std::min<index_t>(10, d)}, o);
  return {{"overlap", findings_json(labelled(r.head_findings, s.label))},
          {"residual_haar", findings_json(labelled(r.residual_findings, s.label))},
          {"residual_turned", findings_json(labelled(r.turned_findings, s.label))}};
}

json sizes_json(const atlas::head_sample& s, const atlas::protocol_options& o) {
  const auto r = atlas::dimension_over_sizes(s, {0.25, 0.5, 1}, o);
  return {{"dimension", findings_json(labelled(r.findings, s.label))}, {"slope", number(r.slope)}};
}

/// The deepest layers, each with both choices of points.
std::vector<atlas::head_sample> all_choices(const study_clouds& clouds) {
  std::vector<atlas::head_sample> out;
  for (const atlas::head_sample& other : clouds.other_choice) {
    out.push_back(clouds.layers[static_cast<std::size_t>(other.layer)]);
    out.push_back(other);
    for (std::size_t i = out.size() - 2; i < out.size(); ++i)
      out[i].label += ", points " + std::to_string(out[i].choice + 1);
  }
  return out;
}

json choices_json(const study_clouds& clouds, const atlas::protocol_options& o) {
  const auto r = atlas::over_layers_and_choices(all_choices(clouds), o);
  return {{"overlap", findings_json(r.head_findings)},
          {"residual_haar", findings_json(r.residual_findings)},
          {"dimension", findings_json(r.dimension_findings)},
          {"overlap_sd_of_layers", number(r.overlap_sd_of_layers)},
          {"overlap_sd_of_choices", number(r.overlap_sd_of_choices)},
          {"dimension_sd_of_layers", number(r.dimension_sd_of_layers)},
          {"dimension_sd_of_choices", number(r.dimension_sd_of_choices)}};
}

}  // namespace

json measure_robustness(study_session& session, std::size_t m, std::size_t t) {
  const study_clouds& clouds = session.clouds(m, t);
  const atlas::protocol_options o = protocol_options_of(session);
  const atlas::head_sample& deepest = clouds.layers.back();
  return {{"ranks", ranks_json(deepest, o)},
          {"sizes", sizes_json(deepest, o)},
          {"choices", choices_json(clouds, o)}};
}

json measure_within_model(study_session& session, std::size_t m, std::size_t t) {
  const study_clouds& clouds = session.clouds(m, t);
  const atlas::protocol_options o = protocol_options_of(session);
  const auto of = [&](overlap_space space) {
    const auto r = atlas::within_model_control(clouds.layers, {.space = space, .measures = o});
    return findings_json(r.findings);
  };
  return {{"head_coordinates", of(overlap_space::head_coordinates)},
          {"residual_stream", of(overlap_space::residual_stream)}};
}

json measure_architectures(study_session& session, std::size_t t) {
  std::vector<atlas::model_layers> models;
  for (std::size_t m = 0; m < session.models().size(); ++m)
    models.push_back({session.models()[m].name, session.clouds(m, t).layers});
  const auto r = atlas::compare_architectures(models, {.measures = protocol_options_of(session)});
  const std::string& text = session.options().texts[t];
  json measurements = json::array();
  for (const auto& m : r.measurements)
    measurements.push_back({{"model", m.model},
                            {"depth", m.depth},
                            {"layer", m.layer},
                            {"overlap", number(m.overlap.global.mean)},
                            {"intra", number(m.overlap.intra.mean)},
                            {"inter", number(m.overlap.inter.mean)},
                            {"dimension", number(m.mean_dimension)}});
  return {{"heads", r.heads},
          {"points", r.points},
          {"measurements", measurements},
          {"grouping", findings_json(labelled(r.grouping, "on " + text))},
          {"differences", findings_json(labelled(r.differences, "on " + text))}};
}

}  // namespace atlas_program
