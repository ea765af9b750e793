// SPDX-License-Identifier: MIT
/// \file
/// The parts of a study, and findings as JSON.

#include <cmath>

#include "study.hpp"

namespace atlas_program {

namespace {

using atlas::index_t;

/// A part of one model and text.
template <class Measure>
study_part pair_part(std::size_t m, std::size_t t, const std::string& what, Measure measure) {
  return {part_name(m, t, what), [=](study_session& session) { return measure(session, m, t); }};
}

template <class Measure>
study_part one_layer(std::size_t m, std::size_t t, const std::string& what, index_t layer,
                     Measure measure) {
  return {layer_part(m, t, what, layer),
          [=](study_session& session) { return measure(session, m, t, layer); }};
}

void add_pair(const study_session& session, std::size_t m, std::size_t t,
              std::vector<study_part>& parts) {
  const atlas::transformer_config& c = session.models()[m].config;
  parts.push_back(pair_part(m, t, "perplexity", measure_perplexity));
  for (index_t l = 0; l < c.layers; ++l)
    parts.push_back(one_layer(m, t, "layer", l, measure_study_layer));
  for (const index_t l : deepest_layers(c))
    parts.push_back(one_layer(m, t, "manifold", l, measure_manifold));
  parts.push_back(pair_part(m, t, "atlas", measure_atlas));
  parts.push_back(pair_part(m, t, "robustness", measure_robustness));
  parts.push_back(pair_part(m, t, "within-model", measure_within_model));
  parts.push_back(pair_part(m, t, "autoencoders", measure_autoencoders));
  parts.push_back(pair_part(m, t, "maturation", measure_maturation));
}

double number_of(const json& j) {
  return j.is_null() ? std::nan("") : j.get<double>();
}

atlas::verdict verdict_of(const std::string& name) {
  using atlas::verdict;
  for (const verdict v : {verdict::above, verdict::below, verdict::consistent_with_chance})
    if (name == atlas::name_of(v)) return v;
  return verdict::undecided;
}

}  // namespace

std::string part_name(std::size_t m, std::size_t t, const std::string& what) {
  return "model-" + std::to_string(m) + "-text-" + std::to_string(t) + "-" + what;
}

std::string layer_part(std::size_t m, std::size_t t, const std::string& what, index_t layer) {
  return part_name(m, t, what) + "-" + std::to_string(layer);
}

std::vector<study_part> study_parts(const study_session& session) {
  std::vector<study_part> parts;
  for (std::size_t t = 0; t < session.texts(); ++t) {
    for (std::size_t m = 0; m < session.models().size(); ++m) add_pair(session, m, t, parts);
    if (session.models().size() > 1)
      parts.push_back({"text-" + std::to_string(t) + "-architectures",
                       [t](study_session& s) { return measure_architectures(s, t); }});
  }
  return parts;
}

json finding_json(const atlas::finding& f) {
  return {{"label", f.label},
          {"value", number(f.value)},
          {"null_mean", number(f.null_mean)},
          {"null_sd", number(f.null_sd)},
          {"z", number(f.z)},
          {"p", number(f.p)},
          {"adjusted_p", number(f.adjusted_p)},
          {"verdict", atlas::name_of(f.verdict)}};
}

json findings_json(const std::vector<atlas::finding>& findings) {
  json out = json::array();
  for (const atlas::finding& f : findings) out.push_back(finding_json(f));
  return out;
}

atlas::finding finding_of(const json& j) {
  return {j["label"].get<std::string>(),
          number_of(j["value"]),
          number_of(j["null_mean"]),
          number_of(j["null_sd"]),
          number_of(j["z"]),
          number_of(j["p"]),
          number_of(j["adjusted_p"]),
          verdict_of(j["verdict"].get<std::string>())};
}

json sampled_json(const atlas::sampled_value& v) {
  return {{"value", number(v.value)},
          {"standard_error", number(v.standard_error)},
          {"left_out", v.left_out}};
}

atlas::sampled_value sampled_of(const json& j, const std::string& label) {
  return {label, number_of(j["value"]), number_of(j["standard_error"]),
          j["left_out"].get<std::vector<double>>()};
}

}  // namespace atlas_program
