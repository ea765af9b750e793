// SPDX-License-Identifier: MIT
#include "figures.hpp"

#include <algorithm>
#include <set>
#include <utility>

namespace atlas_program {

std::size_t different_values(const std::string& column, const number_table& numbers) {
  const auto place = std::find(numbers.columns.begin(), numbers.columns.end(), column);
  const auto c = static_cast<std::size_t>(place - numbers.columns.begin());
  std::set<json> values;
  for (const auto& row : numbers.rows) values.insert(row[c]);
  return values.size();
}

std::string if_several(const std::string& column, const number_table& numbers) {
  return different_values(column, numbers) > 1 ? column : "";
}

void add_band(double mean, double sd, std::vector<json>& row) {
  row.insert(row.end(), {number(mean), number(mean - 1.96 * sd), number(mean + 1.96 * sd)});
}

namespace {

/// Tables have numbers, texts and truth values.
void make_plain(json& value) {
  if (value.is_structured()) value = nullptr;
}

}  // namespace

std::vector<figure> all_figures(const report_results& results) {
  constexpr figure_maker makers[] = {
      study_findings,          overlap_by_layer,
      overlap_matrices,        overlap_by_rank,
      overlap_by_source,       dimension_by_layer,
      dimension_map,           dimension_by_scale,
      neighbours_in_passage,   phase_map,
      crystallization_curves,  autoencoders_against_pca,
      quantization_by_bits,    pareto_fronts,
      ablation_along_training, effects_of_factors,
      worth_of_heads,          predictors_of_worth,
      pairs_left_out,          heads_before_and_after,
      dimensions_of_cloud,     estimators_on_manifolds,
      calibration_coverage,
  };
  std::vector<figure> out;
  for (const figure_maker make : makers)
    for (figure& f : make(results)) {
      for (auto& row : f.numbers.rows) std::for_each(row.begin(), row.end(), make_plain);
      out.push_back(std::move(f));
    }
  return out;
}

}  // namespace atlas_program
