// SPDX-License-Identifier: MIT
#include "atlas/quantize/pareto.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <memory>
#include <utility>

#include "linear_maps.hpp"
#include "options.hpp"

namespace atlas_program {

namespace {

using atlas::index_t;

const std::map<std::string, atlas::basis_path> paths = {{"geodesic", atlas::basis_path::geodesic},
                                                        {"blend", atlas::basis_path::blend}};

struct pareto_command_options {
  common_options common;
  model_options source;
  layer_options layers;
  std::string path = "geodesic";
  index_t steps = 11, rows = 1024;
  int bits = 4, activation_bits = 4;
};

json point_json(const atlas::pareto_point& p) {
  return {{"t", number(p.t)},
          {"angle", number(p.angle)},
          {"weight_error", number(p.weight_error)},
          {"loss_error", number(p.loss_error)},
          {"activation_error", number(p.activation_error)},
          {"product", number(p.product)},
          {"on_front", p.on_front}};
}

json result_json(const linear_map& map, const atlas::pareto_result& r) {
  json points = json::array();
  for (const atlas::pareto_point& p : r.points) points.push_back(point_json(p));
  return {{"name", short_name(map)},
          {"layer", map.layer},
          {"angle", number(r.angle)},
          {"product_floor", number(r.product_floor)},
          {"correlation", number(r.correlation)},
          {"points", points}};
}

std::vector<std::string> result_row(const linear_map& map, const atlas::pareto_result& r) {
  const auto least =
      std::min_element(r.points.begin(), r.points.end(),
                       [](const auto& a, const auto& b) { return a.product < b.product; });
  const auto ends = [&](auto member) {
    return fmt::format("{:.2e} {:.2e}", r.points.front().*member, r.points.back().*member);
  };
  const auto on_front =
      std::count_if(r.points.begin(), r.points.end(), [](const auto& p) { return p.on_front; });
  return {short_name(map),
          ends(&atlas::pareto_point::weight_error),
          ends(&atlas::pareto_point::loss_error),
          ends(&atlas::pareto_point::activation_error),
          fmt::format("{:.2e}", r.product_floor),
          digits(least->t, 2),
          fmt::format("{}/{}", on_front, r.points.size()),
          digits(r.angle, 3),
          digits(r.correlation, 2)};
}

constexpr const char* how_to_read_pareto =
    "How to read this. Weights and inputs of each matrix rounded in one basis, from P_A, the\n"
    "eigenvectors of E[a a^T], to P_W, those of F_W; pairs of numbers are of these two ends.\n"
    "Errors are relative squared norms; the loss error is weighted by F_W. Floor: least product\n"
    "of weight and activation error, and where on the way it is; front: points that no other\n"
    "beats in both; angle: root mean square rotation from P_A to P_W; its correlation with the\n"
    "product along the way.\n";

atlas::pareto_result pareto_of(const linear_map& map, const pareto_command_options& o,
                               atlas::progress_callback on_progress) {
  return atlas::fisher_pareto(
      map.weights, map.inputs, map.weight_fisher, map.input_moments,
      {.path = paths.at(o.path),
       .steps = o.steps,
       .weight_grid = {.bits = o.bits},
       .activation_grid = {.bits = o.activation_bits, .granularity = atlas::granularity::row},
       .threads = o.common.threads,
       .on_progress = std::move(on_progress)});
}

void run_pareto(const pareto_command_options& o) {
  if (was_typed(*o.common.command, "--rows"))
    atlas::check_between(o.rows, 1, o.source.blocks * o.source.tokens_per_block, "--rows");
  begin_stage(o.common, "reading the model and the text");
  const model_source source = open_model_source(o.source);
  const auto maps =
      collect_linear_maps(source.lm.model, source.blocks,
                          {.layers = chosen_layers(o.layers, source.lm.model.config().layers),
                           .weight_fisher = true,
                           .sampled_inputs = o.rows},
                          o.common);
  pass_meter passes(o.common, "paths", static_cast<index_t>(maps.size()));
  json found = json::array();
  std::vector<std::vector<std::string>> rows = {{"matrix", "weight error", "loss error",
                                                 "activation error", "floor", "at t", "front",
                                                 "angle", "correlation"}};
  for (const linear_map& map : maps) {
    const auto r = pareto_of(map, o, passes.next());
    found.push_back(result_json(map, r));
    rows.push_back(result_row(map, r));
  }
  json settings = {{"path", o.path},
                   {"bits", o.bits},
                   {"activation_bits", o.activation_bits},
                   {"rows", maps.empty() ? 0 : maps.front().inputs.rows()}};
  report(o.common,
         {{"source", source.description},
          {"tokens", source.blocks.size()},
          {"settings", settings},
          {"matrices", found}},
         heading(source.description) + table_text(rows) + "\n" + how_to_read_pareto);
}

}  // namespace

void add_pareto(CLI::App& program) {
  const auto options = std::make_shared<pareto_command_options>();
  CLI::App& app = *program.add_subcommand(
      "pareto",
      "What one basis costs weights and activations, from the basis of the one to that "
      "of the other.");
  add_model_options(app, options->source);
  add_layer_options(app, options->layers, "all unless told otherwise");
  std::vector<std::string> names;
  for (const auto& [name, path] : paths) names.push_back(name);
  add_choice(app, "--path", options->path, names, "between the bases");
  add_whole(app, "--steps", options->steps, {2, 100000}, "bases on it, both ends included");
  add_whole(app, "--bits", options->bits, {2, 8}, "of weights, a scale per direction");
  add_whole(app, "--activation-bits", options->activation_bits, {2, 8},
            "of inputs, a scale per token");
  add_whole(app, "--rows", options->rows, {1, 1 << 30}, "tokens whose inputs are rounded");
  add_common_options(app, options->common, "atlas pareto --deepest 1 --bits 3");
  app.callback([options] { run_pareto(*options); });
}

}  // namespace atlas_program
