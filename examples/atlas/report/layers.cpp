// SPDX-License-Identifier: MIT
#include "layers.hpp"

namespace atlas_program {

std::vector<measured_layer> measured_layers(const report_results& results) {
  std::vector<measured_layer> out;
  for (const command_result* r : results.of("measure"))
    for (const json& layer : member(r->content, {"layers"}))
      if (const json& number = member(layer, {"layer"}); number.is_number_integer())
        out.push_back({r->source, number.get<atlas::index_t>(), &layer});
  return out;
}

std::vector<measured_layer> deepest_of_each(const std::vector<measured_layer>& layers) {
  std::vector<measured_layer> out;
  for (const measured_layer& l : layers) {
    if (!out.empty() && out.back().source == l.source) out.pop_back();
    out.push_back(l);
  }
  return out;
}

judged_overlap overlap_of(const json& estimate, const std::string& space) {
  const bool turned = space == "residual_stream";
  const auto of = [&](const char* name) { return real_member(estimate, {name}); };
  return {of("mean"),
          of("lower"),
          of("upper"),
          of(turned ? "turned_null_mean" : "null_mean"),
          of(turned ? "turned_null_sd" : "null_sd"),
          of(turned ? "turned_p" : "p"),
          of("null_mean")};
}

const json& estimate_of(const json& head, const char* neighbors) {
  const json& of_measure = member(head, {"two_nn", neighbors});
  return of_measure.is_null() ? member(head, {neighbors}) : of_measure;
}

const json& main_estimate_of(const json& head) {
  const json& distinct = estimate_of(head, "distinct");
  return distinct.is_null() ? estimate_of(head, "none") : distinct;
}

const json& surrogates_of(const json& head) {
  const json& of_measure = member(head, {"two_nn", "surrogate"});
  return of_measure.is_null() ? member(main_estimate_of(head), {"surrogate"}) : of_measure;
}

label_shares shares_of(const measured_layer& layer, const json& head, const std::string& label) {
  const std::string name = "same_" + label + "_neighbors";
  const json& of_measure = member(head, {"two_nn", name.c_str()});
  if (of_measure.is_object())
    return {real_member(of_measure, {"share"}), real_member(of_measure, {"chance"})};
  const std::string of_study = "same_" + label;
  return {real_member(head, {name.c_str()}),
          real_member(*layer.content, {"findings", of_study.c_str(), "null_mean"})};
}

}  // namespace atlas_program
