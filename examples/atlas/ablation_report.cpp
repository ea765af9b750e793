// SPDX-License-Identifier: MIT
#include "ablation_report.hpp"

#include <fmt/format.h>

#include <cmath>
#include <limits>
#include <map>

#include "atlas/stats/multiple_testing.hpp"

namespace atlas_program {

namespace {

using atlas::index_t;

constexpr double not_measured = std::numeric_limits<double>::quiet_NaN();

/// The number at a path of members; NaN where it is null or not there.
double at(const json& object, const char* path) {
  const json::json_pointer pointer(path);
  if (!object.contains(pointer) || !object.at(pointer).is_number()) return not_measured;
  return object.at(pointer).get<double>();
}

overlap_score score(const json& overlap, const std::string& prefix) {
  const auto of = [&](const char* name) { return at(overlap, ("/" + prefix + name).c_str()); };
  return {at(overlap, "/mean"), of("null_mean"), of("null_sd"), of("z"), of("p")};
}

double mean_over_heads(const json& layer, const char* path) {
  double sum = 0;
  for (const json& head : layer.at("heads")) sum += at(head, path);
  return sum / static_cast<double>(layer.at("heads").size());
}

ablation_row row_of(const json& model, const json& measured, const json& layer) {
  const json& overlap = layer.at("overlap");
  const json& head = overlap.at("head_coordinates").at("global");
  const json& stream = overlap.at("residual_stream").at("global");
  return {.head_dimension = model.at("head_dimension"),
          .heads = model.at("heads"),
          .local_dimension = overlap.at("local_dimension"),
          .step = measured.at("step"),
          .layer = layer.at("layer"),
          .perplexity = at(measured, "/perplexity/value"),
          .perplexity_error = at(measured, "/perplexity/standard_error"),
          .loss = at(measured, "/loss"),
          .head_coordinates = score(head, ""),
          .residual_stream = score(stream, ""),
          .turned = score(stream, "turned_"),
          .p_holm = not_measured,
          .dimension = mean_over_heads(layer, "/two_nn/none/dimension"),
          .dimension_other = mean_over_heads(layer, "/two_nn/distinct/dimension"),
          .surrogate = mean_over_heads(layer, "/two_nn/surrogate/mean"),
          .points = layer.at("heads").front().at("points")};
}

void add_holm(std::vector<ablation_row>& rows) {
  std::vector<double> p;
  for (const ablation_row& r : rows) p.push_back(r.head_coordinates.p);
  const std::vector<double> adjusted = atlas::holm_correction(p);
  for (std::size_t i = 0; i < rows.size(); ++i) rows[i].p_holm = adjusted[i];
}

std::string null_text(const overlap_score& s) {
  return fmt::format("{} ({})", digits(s.null_mean, 3), digits(s.null_sd, 3));
}

std::vector<std::string> table_row(const ablation_row& r) {
  return {std::to_string(r.head_dimension),
          std::to_string(r.heads),
          std::to_string(r.step),
          std::to_string(r.layer),
          fmt::format("{} ({})", digits(r.perplexity, 1), digits(r.perplexity_error, 1)),
          digits(r.head_coordinates.overlap, 3),
          null_text(r.head_coordinates),
          digits(r.head_coordinates.z, 1),
          p_text(r.p_holm),
          digits(r.residual_stream.overlap, 3),
          null_text(r.residual_stream),
          digits(r.residual_stream.z, 1),
          p_text(r.residual_stream.p),
          null_text(r.turned),
          digits(r.turned.z, 1),
          p_text(r.turned.p),
          digits(r.dimension, 1),
          digits(r.dimension_other, 1),
          digits(r.surrogate, 1)};
}

/// Rows that depart, of how many, by step.
struct departure_count {
  index_t above = 0, below = 0, rows = 0;
};

std::map<index_t, departure_count> departures(const std::vector<ablation_row>& rows) {
  std::map<index_t, departure_count> by_step;
  for (const ablation_row& r : rows) {
    departure_count& count = by_step[r.step];
    ++count.rows;
    if (!(r.p_holm < 0.05)) continue;
    ++(r.head_coordinates.z > 0 ? count.above : count.below);
  }
  return by_step;
}

/// An empty field for what is not known.
std::string field(double x) {
  return std::isfinite(x) ? fmt::format("{}", x) : "";
}

std::string csv_line(const ablation_row& r, const std::string& run) {
  std::string line =
      fmt::format("{},{},{},{},{}", r.head_dimension, r.heads, r.local_dimension, r.step, r.layer);
  const overlap_score &h = r.head_coordinates, &s = r.residual_stream, &t = r.turned;
  for (const double x : {r.perplexity, r.perplexity_error,
                         r.loss,       h.overlap,
                         h.null_mean,  h.null_sd,
                         h.z,          h.p,
                         r.p_holm,     s.overlap,
                         s.null_mean,  s.null_sd,
                         s.z,          s.p,
                         t.null_mean,  t.null_sd,
                         t.z,          t.p,
                         r.dimension,  r.dimension_other,
                         r.surrogate})
    line.append(",").append(field(x));
  return fmt::format("{},{},{}\n", line, r.points, run);
}

}  // namespace

std::vector<ablation_row> ablation_rows(const json& models) {
  std::vector<ablation_row> rows;
  for (const json& model : models)
    for (const json& measured : model.at("measurements"))
      for (const json& layer : measured.at("layers"))
        rows.push_back(row_of(model, measured, layer));
  add_holm(rows);
  return rows;
}

std::string ablation_table(const std::vector<ablation_row>& rows) {
  std::vector<std::vector<std::string>> table = {
      {"d_head", "heads", "step", "layer", "perplexity (se)", "O_h", "Haar (sd)", "z", "p (Holm)",
       "in stream", "Haar (sd)", "z", "p", "turned (sd)", "z", "p", "TwoNN", "other passages",
       "surrogates"}};
  for (const ablation_row& r : rows) table.push_back(table_row(r));
  return table_text(table) + "\n";
}

std::string ablation_csv(const std::vector<ablation_row>& rows, const common_options& common) {
  std::string text =
      "head_dimension,heads,local_dimension,step,layer,perplexity,perplexity_standard_error,loss,"
      "overlap,null_mean,null_sd,z,p,p_holm,stream_overlap,stream_null_mean,stream_null_sd,"
      "stream_z,stream_p,turned_null_mean,turned_null_sd,turned_z,turned_p,two_nn,two_nn_distinct_"
      "contexts,"
      "two_nn_surrogates,points,";
  text.append(run_columns).append("\n");
  const std::string run = run_fields(common);
  for (const ablation_row& r : rows) text += csv_line(r, run);
  return text;
}

json departures_json(const std::vector<ablation_row>& rows) {
  json out = json::array();
  for (const auto& [step, count] : departures(rows))
    out.push_back(
        {{"step", step}, {"above", count.above}, {"below", count.below}, {"rows", count.rows}});
  return out;
}

std::string departures_text(const std::vector<ablation_row>& rows) {
  std::string text;
  for (const auto& [step, count] : departures(rows))
    text += fmt::format("Step {}: O_h is above its Haar null in {} and below in {} of {} layers\n",
                        step, count.above, count.below, count.rows);
  return text + "\n";
}

}  // namespace atlas_program
