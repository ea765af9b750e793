// SPDX-License-Identifier: MIT
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <memory>
#include <optional>
#include <set>

#include "atlas/attention/residual_rules.hpp"
#include "atlas/attention/rules.hpp"
#include "atlas/autoencoder/advantage.hpp"
#include "atlas/autoencoder/autoencoder_rule.hpp"
#include "atlas/autoencoder/train_autoencoder.hpp"
#include "atlas/stats/multiple_testing.hpp"
#include "autoencoder_training.hpp"
#include "cloud_file.hpp"
#include "measure_source.hpp"
#include "options.hpp"

namespace atlas_program {

namespace {

using atlas::index_t;

struct autoencode_options {
  measure_options clouds;  ///< its text is the one that is read, not the one learned on
  model_input calibration;
  index_t calibration_blocks = 60;
  atlas::autoencoder_options training;
};

/// What was learned of one layer.
struct learned_layer {
  index_t layer = 0, points = 0;
  std::vector<atlas::autoencoder_result> heads;       ///< the models of them moved to the rule
  std::vector<atlas::residual_basis> principal;       ///< of the same training rows
  std::vector<atlas::advantage_estimate> advantages;  ///< of each head
  std::vector<double> p_holm;                         ///< of these
  atlas::advantage_estimate mean;                     ///< over heads
};

/// Rows of a cloud `[H, N, d]`.
template <class Scalar>
atlas::owned_tensor<float, 3> rows_of(const atlas::owned_tensor<Scalar, 3>& points,
                                      const std::vector<index_t>& rows) {
  const index_t d = points.extent(2);
  atlas::owned_tensor<float, 3> out({points.extent(0), static_cast<index_t>(rows.size()), d});
  for (index_t h = 0; h < out.extent(0); ++h)
    for (index_t i = 0; i < out.extent(1); ++i)
      for (index_t k = 0; k < d; ++k)
        out.mutable_view()(h, i, k) =
            static_cast<float>(points(h, rows[static_cast<std::size_t>(i)], k));
  return out;
}

void add_advantages(learned_layer& layer) {
  for (const atlas::autoencoder_result& r : layer.heads)
    layer.advantages.push_back(atlas::mean_advantage({r}));
  layer.mean = atlas::mean_advantage(layer.heads);
}

/// Errors say which layer they are about.
learned_layer learn(const source_layer& layer, atlas::autoencoder_options o) try {
  return std::visit(
      [&](const auto& points) {
        o.context = layer.context;
        learned_layer out{layer.layer, points.extent(1), {}, {}, {}, {}, {}};
        out.heads = atlas::train_autoencoders(points, o);
        const atlas::row_split split = atlas::autoencoder_split(points.extent(1), o);
        out.principal =
            atlas::residual_bases(rows_of(points, split.training), {.threads = o.threads});
        add_advantages(out);
        return out;
      },
      layer.points);
} catch (const atlas::cancelled&) {
  throw;
} catch (const atlas::error& e) {
  throw atlas::error(fmt::format("layer.{}: {}", layer.layer,
                                 in_typed_names(e.what(), {{"learning_rate", "--learning-rate"},
                                                           {"held_out", "--held-out"},
                                                           {"points", "clouds"}})));
}

/// Over all heads of all layers.
void add_holm(std::vector<learned_layer>& layers) {
  std::vector<double> p;
  for (const learned_layer& l : layers)
    for (const atlas::advantage_estimate& a : l.advantages) p.push_back(std::isnan(a.p) ? 1 : a.p);
  const std::vector<double> adjusted = atlas::holm_correction(p);
  auto next = adjusted.begin();
  for (learned_layer& l : layers) {
    const auto last = next + static_cast<std::ptrdiff_t>(l.advantages.size());
    l.p_holm.assign(next, last);
    next = last;
  }
}

/// "autoencoder" or "PCA", or "neither" where the difference may be chance.
const char* better(const atlas::advantage_estimate& advantage, double p) {
  if (!(p < 0.05)) return "neither";
  return advantage.value > 0 ? "autoencoder" : "PCA";
}

json head_json(const learned_layer& layer, std::size_t head) {
  const atlas::autoencoder_result& r = layer.heads[head];
  const atlas::advantage_estimate& a = layer.advantages[head];
  return {
      {"head", head},
      {"autoencoder", uncertain_json({r.held_out_unexplained, r.held_out_standard_error})},
      {"pca", uncertain_json({r.pca_unexplained, r.pca_standard_error})},
      {"advantage", advantage_json(a)},
      {"p_holm", number(layer.p_holm[head])},
      {"better", better(a, layer.p_holm[head])},
      {"training",
       {{"autoencoder", number(r.train_unexplained)}, {"pca", number(r.pca_train_unexplained)}}},
      {"epochs", r.epochs_run},
      {"best_epoch", r.best_epoch}};
}

json schedule_json(const atlas::training_schedule& s) {
  return {{"epochs", s.epochs}, {"batch", s.batch}, {"patience", s.patience}};
}

json layer_json(const learned_layer& layer) {
  json heads = json::array();
  for (std::size_t h = 0; h < layer.heads.size(); ++h) heads.push_back(head_json(layer, h));
  return {{"layer", layer.layer},
          {"points", layer.points},
          {"training_rows", layer.heads.front().training_rows},
          {"validation_rows", layer.heads.front().validation_rows},
          {"held_out_rows", layer.heads.front().held_out_rows},
          {"held_out_contexts", layer.mean.contexts},
          {"schedule", schedule_json(layer.heads.front().schedule)},
          {"heads", heads},
          {"mean_advantage", advantage_json(layer.mean)},
          {"better", better(layer.mean, layer.mean.p)}};
}

std::string percent_text(const atlas::advantage_estimate& a) {
  return with_interval(100 * a.value, {100 * a.interval.lower, 100 * a.interval.upper}, 2);
}

std::string layer_table(const learned_layer& layer, bool contexts) {
  std::vector<std::vector<std::string>> rows = {{"head", "autoencoder % (se)", "PCA % (se)",
                                                 "PCA - autoencoder", "t", "p (Holm)", "better",
                                                 "on training", "epochs"}};
  for (std::size_t h = 0; h < layer.heads.size(); ++h) {
    const atlas::autoencoder_result& r = layer.heads[h];
    rows.push_back({std::to_string(h),
                    with_error({r.held_out_unexplained, r.held_out_standard_error}, 100, 2),
                    with_error({r.pca_unexplained, r.pca_standard_error}, 100, 2),
                    percent_text(layer.advantages[h]), digits(layer.advantages[h].t, 1),
                    p_text(layer.p_holm[h]), better(layer.advantages[h], layer.p_holm[h]),
                    fmt::format("{} / {}", digits(100 * r.train_unexplained),
                                digits(100 * r.pca_train_unexplained)),
                    fmt::format("{} of {}", r.best_epoch, r.epochs_run)});
  }
  const atlas::autoencoder_result& first = layer.heads.front();
  const std::string held_out = contexts ? fmt::format("{} rows of {} held-out contexts",
                                                      first.held_out_rows, layer.mean.contexts)
                                        : fmt::format("{} held-out rows", first.held_out_rows);
  return fmt::format("Layer {}: variance unexplained, {} training rows, {}\n", layer.layer,
                     first.training_rows, held_out) +
         table_text(rows) +
         fmt::format("Mean over heads: PCA - autoencoder {}, t {}, p {:.2g}: better {}\n\n",
                     percent_text(layer.mean), digits(layer.mean.t, 1), layer.mean.p,
                     better(layer.mean, layer.mean.p));
}

struct rule_outcome {
  std::string name;
  atlas::perplexity_result read;
  atlas::uncertain change, recovered;
};

using rules = std::map<index_t, atlas::context_rule>;  // by layer

/// Full attention, V*, V* + PCA, V* + autoencoder.
std::vector<std::pair<std::string, rules>> interventions(const std::vector<learned_layer>& layers,
                                                         index_t k) {
  rules most, principal, curved;
  for (const learned_layer& l : layers) {
    std::vector<atlas::autoencoder> models;
    for (const auto& head : l.heads) models.push_back(head.model);
    most[l.layer] = atlas::top_k_rule(1);
    principal[l.layer] = atlas::low_rank_rule(l.principal, k);
    curved[l.layer] = atlas::autoencoder_rule(std::move(models));
  }
  return {{"full attention", {}},
          {"V*", most},
          {fmt::format("V* + PCA of rank {}", k), principal},
          {"V* + autoencoder", curved}};
}

std::vector<rule_outcome> read_all(const model_source& source,
                                   const atlas::owned_tensor<index_t, 2>& blocks,
                                   const std::vector<std::pair<std::string, rules>>& all,
                                   const common_options& common) {
  pass_meter meter(common, "interventions", static_cast<index_t>(all.size()));
  std::vector<rule_outcome> out;
  for (const auto& [name, changed] : all) {
    out.push_back({name,
                   atlas::perplexity(
                       source.lm.model, blocks,
                       {.rules = changed, .threads = common.threads, .on_progress = meter.next()}),
                   {},
                   {}});
  }
  for (rule_outcome& o : out) {
    o.change = atlas::perplexity_change(out[0].read, o.read);
    o.recovered = atlas::share_recovered(out[0].read, out[1].read, o.read);
  }
  return out;
}

json outcomes_json(const std::vector<rule_outcome>& all) {
  json out = {
      {"rules", json::array()},
      {"pca_less_autoencoder", uncertain_json(atlas::perplexity_change(all[3].read, all[2].read))}};
  for (const rule_outcome& o : all)
    out["rules"].push_back({{"rule", o.name},
                            {"perplexity", perplexity_json(o.read)},
                            {"change", uncertain_json(o.change)},
                            {"recovered", uncertain_json(o.recovered)}});
  return out;
}

std::string outcomes_table(const std::vector<rule_outcome>& all) {
  std::vector<std::vector<std::string>> rows = {
      {"rule", "perplexity", "change (se)", "% of V*'s damage recovered (se)"}};
  for (const rule_outcome& o : all)
    rows.push_back({o.name, digits(o.read.perplexity, 3), with_error(o.change, 1, 3),
                    with_error(o.recovered, 100, 1)});
  return table_text(rows) +
         fmt::format("Perplexity with PCA less that with autoencoders: {}\n\n",
                     with_error(atlas::perplexity_change(all[3].read, all[2].read), 1, 3));
}

constexpr const char* how_to_read_autoencode =
    "How to read this. Shares of the held-out rows' variance about the training mean that a\n"
    "bottleneck of k numbers leaves unexplained: by a curved surface (autoencoder) and by the\n"
    "flat one of the same training rows (PCA of rank k; a tenth of their contexts says when the\n"
    "autoencoder's training ends). Whole contexts are held out where they are known; standard\n"
    "errors are between them, differences are paired, with 95 % intervals of Student's t.\n"
    "Better: p below 0.05, after Holm's correction over all heads; heads err together, which\n"
    "the mean's interval takes into account. An autoencoder that is better on training rows\n"
    "alone has learned these by heart. With a model, the layers' attention is replaced by V*,\n"
    "the value that a head looks at most, and V* with what the bottleneck keeps of the\n"
    "residual.\n";

void check_options(const autoencode_options& o, index_t head_dimension) {
  atlas::check_between(o.training.bottleneck, 1, head_dimension, "--bottleneck");
}

json settings_json(const atlas::autoencoder_options& o) {
  return {{"bottleneck", o.bottleneck},
          {"hidden", o.hidden},
          {"training", training_name(o.training)},
          {"learning_rate", o.adam.learning_rate},
          {"held_out", o.held_out}};
}

/// The deepest layer unless told otherwise.
layer_options default_layers(layer_options layers) {
  if (layers.layers.empty() && layers.deepest == 0 && !layers.relative_depth) layers.deepest = 1;
  return layers;
}

std::vector<learned_layer> learn_all(const autoencode_options& o, const measure_source& clouds) {
  for (const source_layer& l : clouds.layers)
    check_options(o, std::visit([](const auto& p) { return p.extent(2); }, l.points));
  std::vector<learned_layer> layers;
  for (const source_layer& l : clouds.layers) layers.push_back(learn(l, o.training));
  add_holm(layers);
  return layers;
}

void report_learned(const autoencode_options& o, const json& description,
                    const std::vector<learned_layer>& layers, bool contexts,
                    const std::vector<rule_outcome>& outcomes) {
  json result = {
      {"source", description}, {"settings", settings_json(o.training)}, {"layers", json::array()}};
  std::string text = heading(description);
  for (const learned_layer& l : layers) {
    result["layers"].push_back(layer_json(l));
    text += layer_table(l, contexts);
  }
  if (!outcomes.empty()) {
    result["interventions"] = outcomes_json(outcomes);
    text += outcomes_table(outcomes);
  }
  report(o.clouds.common, result, text + how_to_read_autoencode);
}

void autoencode_file(const autoencode_options& o) {
  const measure_source clouds = open_source(o.clouds);
  const bool contexts = !clouds.layers.front().context.empty();
  report_learned(o, clouds.description, learn_all(o, clouds), contexts, {});
}

void autoencode_model(const autoencode_options& o) {
  const common_options& common = o.clouds.common;
  check_two_passages("--calibration-blocks", o.calibration_blocks);
  const model_input input = input_of(o.clouds.source);
  measure_options learning = o.clouds;
  learning.source.input = calibration_of(o.calibration, o.clouds.source);
  learning.source.blocks = o.calibration_blocks;
  begin_stage(common, "reading the model and the texts");
  model_source source = open_model_source(learning.source);
  check_options(o, source.lm.model.config().head_dimension);
  const auto blocks = load_blocks(input, o.clouds.source.blocks, o.clouds.source.tokens_per_block,
                                  source.lm.reader);
  const auto layers =
      learn_all(o, measure_model(source.lm.model, source.blocks, source.description, learning));
  const auto outcomes =
      read_all(source, blocks, interventions(layers, o.training.bottleneck), common);
  json description = {{"model", source.description["model"]}};
  description.update(input_json(input, source.lm.reader));
  description.update({{"blocks", o.clouds.source.blocks},
                      {"block_size", o.clouds.source.tokens_per_block},
                      {"calibration", learning.source.input.name()},
                      {"calibration_blocks", o.calibration_blocks},
                      {"min_context", learning.min_context}});
  description["perplexity"] = perplexity_json(outcomes.front().read);
  report_learned(o, description, layers, true, outcomes);
}

void run_autoencode(autoencode_options o) {
  check_cloud_file_options(o.clouds,
                           {"--calibration", "--calibration-tokens", "--calibration-blocks"});
  o.clouds.layers = default_layers(o.clouds.layers);
  o.training.seed = o.clouds.common.seed;
  o.training.threads = o.clouds.common.threads;
  o.training.on_progress = progress_bar(o.clouds.common);
  if (o.clouds.clouds_file.empty())
    autoencode_model(o);
  else
    autoencode_file(o);
}

void add_training_options(CLI::App& app, atlas::autoencoder_options& o) {
  add_whole(app, "--bottleneck", o.bottleneck, {1},
            "k, the numbers that a point is squeezed through");
  add_whole(app, "--hidden", o.hidden, {1, 1 << 20}, "units of the two hidden layers");
  add_training_option(app, o.training);
  add_whole(app, "--epochs", o.epochs, {1}, "at most; 300, or as many as make 30000 steps");
  add_whole(app, "--batch", o.batch, {0}, "rows a step, 64; 0: all of them");
  add_whole(app, "--patience", o.patience, {0},
            "epochs without a better error on a tenth of the training contexts, after which the "
            "best is kept: 20, or as many as make 1000 steps; 0: all epochs, and the last is");
  add_real(app, "--learning-rate", o.adam.learning_rate, positive, "of Adam");
  add_real(app, "--held-out", o.held_out, open_unit,
           "share of the contexts that is not learned on");
}

}  // namespace

void add_autoencode(CLI::App& program) {
  const auto options = std::make_shared<autoencode_options>();
  autoencode_options& o = *options;
  o.clouds.points = 6000;
  CLI::App& app = *program.add_subcommand(
      "autoencode",
      "Whether a curved surface explains attention residuals better than a flat one.");
  add_model_options(app, o.clouds.source);
  add_cloud_file_options(app, o.clouds);
  add_layer_options(app, o.clouds.layers, "the deepest unless told otherwise");
  add_calibration_options(app, o.calibration, o.calibration_blocks, "is learned on");
  add_min_context(app, o.clouds.min_context);
  add_whole(app, "--points", o.clouds.points, {3}, "rows of a cloud, drawn from all positions");
  add_training_options(app, o.training);
  add_common_options(app, o.clouds.common, "atlas autoencode --deepest 2 --bottleneck 4");
  app.callback([options] { run_autoencode(*options); });
}

}  // namespace atlas_program
