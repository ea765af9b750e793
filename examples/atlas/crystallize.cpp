// SPDX-License-Identifier: MIT
#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <limits>
#include <map>
#include <memory>
#include <optional>

#include "atlas/attention/residual_rules.hpp"
#include "atlas/attention/rules.hpp"
#include "atlas/attention/sinks.hpp"
#include "atlas/protocols/collect_clouds.hpp"
#include "atlas/stats/drawn_null.hpp"
#include "model_source.hpp"
#include "options.hpp"

namespace atlas_program {

namespace {

using atlas::index_t;

struct crystallize_options {
  common_options common;
  model_options source;
  layer_options layers;
  std::vector<index_t> top_k = {1, 2}, ranks;
  model_input calibration;
  index_t calibration_blocks = 12, points = 2400, random_draws = 1;
  bool progressive = false;
};

/// One way to replace attention, and what came of it.
struct intervention {
  std::string name;
  std::map<index_t, atlas::context_rule> rules;  ///< by layer
  /// With random directions, a draw each; empty for none.
  std::vector<std::map<index_t, atlas::context_rule>> random;
};

using bases = std::map<index_t, std::vector<atlas::residual_basis>>;  // by layer

/// What low-rank rules need: learned on one text, used on another.
struct calibrated {
  bases principal;
  std::vector<bases> random;  ///< a draw each
};

/// Positions of a block that clouds are not of.
index_t min_context_of(const crystallize_options& o) {
  return std::min<index_t>(16, o.source.tokens_per_block / 2);
}

/// Another for each layer and draw; that of the first draw is the layer's own.
std::uint64_t seed_of_draw(std::uint64_t seed, index_t layer, std::size_t draw) {
  return (seed + static_cast<std::uint64_t>(layer)) ^ (draw * 0x9E3779B97F4A7C15u);
}

calibrated calibrate(const crystallize_options& o, opened_model& lm,
                     const std::vector<index_t>& layers, const model_input& input) {
  const auto blocks =
      load_blocks(input, o.calibration_blocks, o.source.tokens_per_block, lm.reader);
  const atlas::collected_clouds collected =
      atlas::collect_clouds(lm.model, blocks,
                            {.layers = layers,
                             .min_context = min_context_of(o),
                             .points = o.points,
                             .seed = o.common.seed,
                             .threads = o.common.threads,
                             .on_progress = progress_bar(o.common)});
  calibrated out{{}, std::vector<bases>(static_cast<std::size_t>(o.random_draws))};
  for (const atlas::head_clouds& clouds : collected.layers) {
    const index_t l = clouds.layer;
    begin_stage(o.common, fmt::format("principal directions of layer {}", l));
    out.principal[l] = atlas::residual_bases(clouds.points, {.threads = o.common.threads});
    for (std::size_t draw = 0; draw < out.random.size(); ++draw)
      out.random[draw][l] = atlas::random_residual_bases(
          clouds.points,
          {.seed = seed_of_draw(o.common.seed, l, draw), .threads = o.common.threads});
  }
  return out;
}

std::vector<index_t> chosen_ranks(const crystallize_options& o, index_t d) {
  std::vector<index_t> ranks = {0};
  for (const index_t r : o.ranks.empty() ? std::vector<index_t>{1, 2, 4, 8, 16, 32} : o.ranks) {
    if (!o.ranks.empty()) atlas::check_between(r, 1, d, "--ranks");
    if (r <= d) ranks.push_back(r);
  }
  return ranks;
}

/// V* first: the damage that the others are measured by; then what is worth as much without its
/// content.
std::vector<intervention> interventions(const crystallize_options& o, const calibrated& basis,
                                        const std::vector<index_t>& layers, index_t d) {
  std::vector<intervention> out;
  const auto add = [&](const std::string& name, const auto& rule_of, bool random) {
    out.push_back({name, {}, {}});
    if (random) out.back().random.resize(basis.random.size());
    for (const index_t l : layers) {
      out.back().rules[l] = rule_of(basis.principal.at(l));
      for (std::size_t draw = 0; draw < out.back().random.size(); ++draw)
        out.back().random[draw][l] = rule_of(basis.random[draw].at(l));
    }
  };
  const auto top = [](index_t k) { return [k](const auto&) { return atlas::top_k_rule(k); }; };
  const auto always = [](const atlas::context_rule& rule) {
    return [rule](const auto&) { return rule; };
  };
  add("V* (top-1)", top(1), false);
  add("one value for all", always(atlas::constant_rule()), false);
  add("V* of other keys", always(atlas::other_top_rule()), false);
  add("nothing", always(atlas::zero_rule()), false);
  for (const index_t k : o.top_k)
    if (k != 1) add(fmt::format("top-{}", k), top(k), false);
  for (const index_t r : chosen_ranks(o, d))
    add(
        r == 0 ? "V* + mean" : fmt::format("V* + rank {}", r),
        [r](const auto& b) { return atlas::low_rank_rule(b, r); }, r > 0 && r < d);
  return out;
}

/// Shares recovered in random directions.
struct random_outcome {
  atlas::uncertain mean;   ///< over draws; its error is that over blocks
  atlas::drawn_null null;  ///< of the principal directions' share; NaN for fewer than 10 draws
};

struct outcome {
  std::string name;
  atlas::perplexity_result read;
  atlas::uncertain change, recovered;
  std::optional<random_outcome> random;
};

random_outcome outcome_of_draws(double recovered, const std::vector<atlas::uncertain>& draws) {
  constexpr double none = std::numeric_limits<double>::quiet_NaN();
  random_outcome out{{}, {recovered, none, none, none, none, none, {}}};
  const auto n = static_cast<double>(draws.size());
  for (const atlas::uncertain& share : draws) {
    out.mean.value += share.value / n;
    out.mean.standard_error += share.standard_error / n;
    out.null.draws.push_back(share.value);
  }
  if (std::ssize(draws) >= atlas::least_draws)
    out.null = atlas::compare_with_draws(recovered, out.null.draws);
  return out;
}

/// Reads the text under each intervention.
std::vector<outcome> outcomes(const crystallize_options& o, const model_source& source,
                              const atlas::perplexity_result& baseline,
                              const std::vector<intervention>& all, pass_meter& meter) {
  const auto read = [&](const std::map<index_t, atlas::context_rule>& changed) {
    return atlas::perplexity(
        source.lm.model, source.blocks,
        {.rules = changed, .threads = o.common.threads, .on_progress = meter.next()});
  };
  std::vector<outcome> out;
  for (const intervention& i : all) {
    outcome found{i.name, read(i.rules), {}, {}, {}};
    const atlas::perplexity_result& damaged = out.empty() ? found.read : out.front().read;
    found.change = atlas::perplexity_change(baseline, found.read);
    found.recovered = atlas::share_recovered(baseline, damaged, found.read);
    std::vector<atlas::uncertain> draws;
    for (const auto& random : i.random)
      draws.push_back(atlas::share_recovered(baseline, damaged, read(random)));
    if (!draws.empty()) found.random = outcome_of_draws(found.recovered.value, draws);
    out.push_back(std::move(found));
  }
  return out;
}

json outcomes_json(const std::vector<outcome>& all) {
  json out = json::array();
  for (const outcome& o : all) {
    json one = {{"rule", o.name},
                {"perplexity", number(o.read.perplexity)},
                {"change", uncertain_json(o.change)},
                {"recovered", uncertain_json(o.recovered)}};
    if (o.random) {
      json random = uncertain_json(o.random->mean);
      random["draws"] = o.random->null.draws.size();
      random["sd"] = number(o.random->null.sd);
      random["z"] = number(o.random->null.z);
      random["p"] = number(o.random->null.p);
      one["recovered_in_random_directions"] = random;
    }
    out.push_back(std::move(one));
  }
  return out;
}

std::string outcomes_table(const std::vector<outcome>& all) {
  std::vector<std::vector<std::string>> rows = {
      {"rule", "perplexity", "change (se)", "% recovered (se)", "random directions", "z", "p"}};
  for (const outcome& o : all)
    rows.push_back(
        {o.name, digits(o.read.perplexity, 3), with_error(o.change, 1, 3),
         with_error(o.recovered, 100, 1), o.random ? with_error(o.random->mean, 100, 1) : "-",
         o.random ? digits(o.random->null.z, 1) : "-", o.random ? p_text(o.random->null.p) : "-"});
  return table_text(rows) + "\n";
}

std::string layers_text(const std::vector<index_t>& layers) {
  return fmt::format("{} {}", layers.size() == 1 ? "layer" : "layers", fmt::join(layers, ", "));
}

/// The last 3, or all to go through one after the other, unless told otherwise.
std::vector<index_t> replaced_layers(const crystallize_options& o, index_t count) {
  layer_options layers = o.layers;
  if (layers.layers.empty() && layers.deepest == 0 && !layers.relative_depth)
    layers.deepest = o.progressive ? count : std::min<index_t>(3, count);
  return chosen_layers(layers, count);
}

/// The sets of layers to replace: one, or ever more from the end.
std::vector<std::vector<index_t>> layer_sets(const crystallize_options& o,
                                             const std::vector<index_t>& layers) {
  if (!o.progressive) return {layers};
  std::vector<std::vector<index_t>> sets;
  for (auto first = layers.end(); first != layers.begin();)
    sets.emplace_back(--first, layers.end());
  return sets;
}

constexpr const char* how_to_read_crystallize =
    "How to read this. In the layers named, attention is replaced by V*, the value that a head\n"
    "looks at most; by one value for all queries, that of the key that gets most weight (queries\n"
    "before it have V*); by V* of the other keys; by nothing; by the k values of largest weight;\n"
    "or by V* and the residual's first principal directions, learned on the calibration text.\n"
    "Recovered: share of V*'s damage that is not done. V* says something of what a query looks "
    "for\n"
    "only as far as one value for all, and nothing, do more damage than V*. A rank says something\n"
    "only as far as it recovers more than as many random directions (z and p from 10 draws on,\n"
    "--random-draws) and more than the mean residual alone; directions of more variance recover\n"
    "more, so this is no evidence of anything but unequal\n"
    "variances. Standard errors: paired over blocks.\n";

void run_crystallize(const crystallize_options& o) {
  begin_stage(o.common, "reading the model and the text");
  model_source source = open_model_source(o.source);
  const atlas::transformer_config& config = source.lm.model.config();
  const std::vector<index_t> layers = replaced_layers(o, config.layers);
  if (layers.size() == 1) refuse_typed(*o.common.command, {"--progressive"}, "on a single layer");
  chosen_ranks(o, config.head_dimension);  // refuses bad ones before the work
  check_points(o.common, o.points, o.calibration_blocks, o.source.tokens_per_block,
               min_context_of(o));
  const model_input calibration = calibration_of(o.calibration, o.source);
  const calibrated basis = calibrate(o, source.lm, layers, calibration);
  const auto baseline =
      atlas::perplexity(source.lm.model, source.blocks,
                        {.threads = o.common.threads, .on_progress = progress_bar(o.common)});
  json description = source.description;
  description["calibration"] = calibration.name();
  description["calibration_points"] =
      std::min(o.points, o.calibration_blocks * (o.source.tokens_per_block - min_context_of(o)));
  description["perplexity"] = perplexity_json(baseline);
  const auto sets = layer_sets(o, layers);
  index_t passes = 0;
  for (const intervention& i : interventions(o, basis, layers, config.head_dimension))
    passes += 1 + std::ssize(i.random);
  pass_meter meter(o.common, "interventions", passes * static_cast<index_t>(sets.size()));
  json found = json::array();
  std::string table = heading(description);
  for (const auto& set : sets) {
    const auto all =
        outcomes(o, source, baseline, interventions(o, basis, set, config.head_dimension), meter);
    found.push_back({{"layers", set}, {"rules", outcomes_json(all)}});
    table += "Replaced: " + layers_text(set) + "\n" + outcomes_table(all);
  }
  report(o.common, {{"source", description}, {"interventions", found}},
         table + how_to_read_crystallize);
}

}  // namespace

void add_crystallize(CLI::App& program) {
  const auto options = std::make_shared<crystallize_options>();
  CLI::App& app = *program.add_subcommand(
      "crystallize", "What attention carries beyond the value that it looks at most.");
  add_model_options(app, options->source);
  add_layer_options(app, options->layers, "the last 3 unless told otherwise");
  app.add_flag("--progressive", options->progressive,
               "ever more of the layers, from the last one on");
  add_whole(app, "--top-k", options->top_k, {1}, "also attention over so many keys");
  add_whole(app, "--ranks", options->ranks, {1},
            "principal directions of the residual; 1,2,4,8,16,32 up to the head's dimension");
  add_calibration_options(app, options->calibration, options->calibration_blocks,
                          "the directions are learned on");
  add_whole(app, "--points", options->points, {3}, "rows of calibration a head");
  add_whole(app, "--random-draws", options->random_draws, {1, 10000},
            "sets of random directions; from 10 on a null with z and p");
  add_common_options(app, options->common, "atlas crystallize --deepest 2 --ranks 1,4,16");
  app.callback([options] { run_crystallize(*options); });
}

}  // namespace atlas_program
