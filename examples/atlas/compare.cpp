// SPDX-License-Identifier: MIT
/// \file
/// `atlas compare`: the heads of two checkpoints of one architecture.

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <memory>

#include "atlas/io/files.hpp"
#include "atlas/linalg/assignment.hpp"
#include "atlas/protocols/head_maps.hpp"
#include "atlas/protocols/self_overlap.hpp"
#include "atlas/reference/perplexity.hpp"
#include "atlas/stats/distributions.hpp"
#include "atlas/stats/drawn_null.hpp"
#include "atlas/stats/multiple_testing.hpp"
#include "atlas/stats/summary.hpp"
#include "head_measures.hpp"
#include "model_source.hpp"
#include "options.hpp"

namespace atlas_program {

namespace {

using atlas::index_t;

struct compare_options {
  common_options common;
  std::string a, b, bos = "default", csv_file;
  model_input input;
  index_t blocks = 100, tokens_per_block = 128;
  layer_options layers;
  head_measure_options measures;
  index_t halvings = 10, draws = 48;
};

/// A field of the configuration that two models must have alike.
template <class Value>
void check_alike(const compare_options& o, const char* field, const Value& of_a,
                 const Value& of_b) {
  if (of_a != of_b)
    throw atlas::error(o.b + ": " + field, fmt::format("{}, as {} has it", of_a, o.a),
                       fmt::format("{}", of_b));
}

const char* family_name(atlas::model_family family) {
  switch (family) {
    case atlas::model_family::gpt2:
      return "gpt2";
    case atlas::model_family::llama:
      return "llama";
    case atlas::model_family::gemma:
      return "gemma";
    case atlas::model_family::phi3:
      return "phi3";
    case atlas::model_family::gpt_neox:
      return "gpt_neox";
    case atlas::model_family::atlas:
      return "atlas";
  }
  return "";
}

/// \throws error naming the first field that differs
void check_one_architecture(const compare_options& o, const atlas::transformer_config& a,
                            atlas::transformer_config b) {
  check_alike(o, "family", std::string(family_name(a.family)), std::string(family_name(b.family)));
  check_alike(o, "layers", a.layers, b.layers);
  check_alike(o, "model_dimension", a.model_dimension, b.model_dimension);
  check_alike(o, "heads", a.heads, b.heads);
  check_alike(o, "key_value_heads", a.key_value_heads, b.key_value_heads);
  check_alike(o, "head_dimension", a.head_dimension, b.head_dimension);
  check_alike(o, "mlp_dimension", a.mlp_dimension, b.mlp_dimension);
  check_alike(o, "vocabulary", a.vocabulary, b.vocabulary);
  // GGUF files have it as a float.
  check_alike(o, "norm_epsilon", static_cast<float>(a.norm_epsilon),
              static_cast<float>(b.norm_epsilon));
  b.norm_epsilon = a.norm_epsilon;
  check_alike(o, "rotary theta", a.rotary.theta, b.rotary.theta);
  // Longer blocks change nothing of shorter ones.
  if (a.rotary_share > 0) b.positions = a.positions;
  check_alike(o, "positions", a.positions, b.positions);
  if (!(a == b))
    throw atlas::error(o.b + ": configuration",
                       "that of " + o.a +
                           " in norms, activation, biases, scales and caps of logits, windows, "
                           "rotary positions and tied embeddings",
                       "another");
}

/// A head before and after.
struct compared_head {
  index_t match = 0;             ///< head of B
  double looks = 0, writes = 0;  ///< cosines of its maps with those of its match
  double runner_up = 0;          ///< the largest mean cosine with any other head of B
  bool found = false;            ///< above the runner-up and all matches by chance
  double self = 0, ceiling = 0, floor = 0;
  head_measures before, after;
};

struct compared_layer {
  index_t layer = 0;
  std::vector<compared_head> heads;
  atlas::drawn_null maps;  ///< mean cosine of the matches, beside those in another stream
  atlas::self_overlap_result overlap;
  index_t moved = 0;  ///< heads whose match has another number
  double p_holm = 0;  ///< of the overlap beyond its floor, over layers
};

/// Paired over blocks: the mean change and its standard error.
atlas::sample_summary change_of(const std::vector<double>& before,
                                const std::vector<double>& after) {
  std::vector<double> changes;
  for (std::size_t b = 0; b < before.size(); ++b)
    if (!std::isnan(before[b] + after[b])) changes.push_back(after[b] - before[b]);
  return atlas::summarize(changes);
}

/// Of Student's t over passages; NaN where nothing varies.
double p_of_change(const atlas::sample_summary& change) {
  if (!(change.standard_error > 0)) return NAN;
  return atlas::two_sided_t_p(change.mean / change.standard_error,
                              static_cast<double>(change.count - 1));
}

/// Largest of a row but for one column.
double largest_other(const Eigen::MatrixXd& scores, index_t row, index_t column) {
  double out = NAN;
  for (index_t c = 0; c < scores.cols(); ++c)
    if (c != column && !(scores(row, c) <= out)) out = scores(row, c);
  return out;
}

/// NaN, of heads whose maps are 0, is no likeness.
Eigen::MatrixXd scores_of(const atlas::map_similarity& maps) {
  const Eigen::MatrixXd both = 0.5 * (maps.looks + maps.writes);
  return both.array().isNaN().select(0.0, both);
}

/// Heads of the second model in other streams, matched as the real ones are.
struct chance_matches {
  std::vector<double> means;  ///< of the matches' cosines, of each draw
  double largest = 0;         ///< of any match
};

chance_matches matches_by_chance(const atlas::head_maps& a, const atlas::head_maps& b,
                                 std::uint64_t seed, int threads) {
  constexpr std::uint64_t draws = 20;
  chance_matches out;
  for (std::uint64_t i = 0; i < draws; ++i) {
    atlas::random_stream random(seed, i);
    const Eigen::MatrixXd scores = scores_of(
        atlas::similarity_of_maps(a, atlas::in_other_stream(b, random), {.threads = threads}));
    const auto match = atlas::best_assignment_of_groups(scores, a.heads_per_group);
    out.means.push_back(match.total / static_cast<double>(scores.rows()));
    for (index_t h = 0; h < scores.rows(); ++h)
      out.largest = std::max(out.largest, scores(h, match.column[static_cast<std::size_t>(h)]));
  }
  return out;
}

struct compared_models {
  const compare_options& o;
  const atlas::transformer &a, &b;
  const atlas::owned_tensor<index_t, 2>& blocks;
  pass_meter& passes;
};

compared_layer compare_layer(const compared_models& models, index_t layer) {
  const compare_options& o = models.o;
  const atlas::head_maps of_a = atlas::maps_of_heads(models.a, layer),
                         of_b = atlas::maps_of_heads(models.b, layer);
  const auto maps = atlas::similarity_of_maps(of_a, of_b, {.threads = o.common.threads});
  const Eigen::MatrixXd scores = scores_of(maps);
  const auto assigned = atlas::best_assignment_of_groups(scores, of_a.heads_per_group);
  const std::vector<index_t>& match = assigned.column;
  const chance_matches chance =
      matches_by_chance(of_a, of_b,
                        atlas::seed_of_stream(o.common.seed, (std::uint64_t{1} << 32U) +
                                                                 static_cast<std::uint64_t>(layer)),
                        o.common.threads);
  const auto measure = [&](const atlas::transformer& model, const std::string& name) {
    return with_typed_names(
        {{fmt::format("layer {}", layer), fmt::format("{}: layer {}", name, layer)}}, [&] {
          return measure_heads(model, models.blocks, layer, o.measures, o.common,
                               models.passes.next());
        });
  };
  const layer_measures before = measure(models.a, o.a), after = measure(models.b, o.b);
  compared_layer out;
  out.layer = layer;
  out.maps =
      atlas::compare_with_draws(assigned.total / static_cast<double>(scores.rows()), chance.means);
  out.overlap = atlas::self_overlap(before.sample, after.sample, match,
                                    {.local_dimension = o.measures.local_dimension,
                                     .halvings = o.halvings,
                                     .draws = o.draws,
                                     .seed = o.common.seed,
                                     .stream = static_cast<std::uint64_t>(layer) + 1,
                                     .threads = o.common.threads,
                                     .on_progress = models.passes.next()});
  for (std::size_t h = 0; h < match.size(); ++h) {
    const auto head = static_cast<index_t>(h);
    const index_t m = match[h];
    out.moved += m != head ? 1 : 0;
    const double runner_up = largest_other(scores, head, m);
    const bool found = scores(head, m) > chance.largest && !(scores(head, m) <= runner_up);
    out.heads.push_back({m, maps.looks(head, m), maps.writes(head, m), runner_up, found,
                         out.overlap.self(head), out.overlap.ceiling(head), out.overlap.floor(head),
                         before.heads[h], after.heads[static_cast<std::size_t>(m)]});
  }
  return out;
}

json change_json(const head_measures& before, const head_measures& after, std::size_t i) {
  const auto change = change_of(before.observables[i], after.observables[i]);
  return {{"before", number(before.mean(i))},
          {"after", number(after.mean(i))},
          {"change", number(change.mean)},
          {"standard_error", number(change.standard_error)},
          {"p", number(p_of_change(change))}};
}

json head_dimension_json(const head_measures& h) {
  return {{"value", number(h.dimension)},
          {"standard_error", number(h.dimension_error)},
          {"fault", h.fault.empty() ? json(nullptr) : json(h.fault)}};
}

json compared_head_json(const compared_head& h, std::size_t number_of_head) {
  json out = {
      {"head", number_of_head},
      {"match", h.match},
      {"looks", number(h.looks)},
      {"writes", number(h.writes)},
      {"runner_up", number(h.runner_up)},
      {"found", h.found},
      {"self_overlap", number(h.self)},
      {"ceiling", number(h.ceiling)},
      {"floor", number(h.floor)},
      {"dimension",
       {{"before", head_dimension_json(h.before)}, {"after", head_dimension_json(h.after)}}},
      {"norm", {{"before", number(h.before.norm)}, {"after", number(h.after.norm)}}}};
  for (std::size_t i = 0; i < head_observables.size(); ++i)
    out[head_observables[i].key] = change_json(h.before, h.after, i);
  return out;
}

json compared_layer_json(const compared_layer& l) {
  json heads = json::array();
  for (std::size_t h = 0; h < l.heads.size(); ++h)
    heads.push_back(compared_head_json(l.heads[h], h));
  const atlas::drawn_null& null = l.overlap.null;
  json share = {{"value", number(l.overlap.share)}};
  share.update(bounds(l.overlap.interval));
  return {{"layer", l.layer},
          {"moved", l.moved},
          {"maps",
           {{"mean", number(l.maps.observed)},
            {"null_mean", number(l.maps.mean)},
            {"null_sd", number(l.maps.sd)},
            {"z", number(l.maps.z)},
            {"p", number(l.maps.p)}}},
          {"self_overlap",
           {{"mean", number(null.observed)},
            {"ceiling", number(l.overlap.ceiling_mean)},
            {"floor", number(null.mean)},
            {"floor_sd", number(null.sd)},
            {"other_heads", number(l.overlap.others)},
            {"z", number(null.z)},
            {"p", number(null.p)},
            {"rank_p", number(null.rank_p)},
            {"p_holm", number(l.p_holm)},
            {"share", share}}},
          {"heads", heads}};
}

std::string change_cell(const head_measures& before, const head_measures& after, std::size_t i) {
  const auto change = change_of(before.observables[i], after.observables[i]);
  return fmt::format("{} {:+.3f} ({})", digits(before.mean(i), 3), change.mean,
                     digits(change.standard_error, 3));
}

std::string compared_heads_table(const compared_layer& l) {
  std::vector<std::vector<std::string>> rows = {{"head", "is now", "looks", "writes", "runner-up",
                                                 "self", "ceiling", "floor", "TwoNN (se)", "after",
                                                 "norm", "after"}};
  for (const observable_name& x : head_observables)
    rows[0].push_back(fmt::format("{}, change (se)", x.title));
  for (std::size_t h = 0; h < l.heads.size(); ++h) {
    const compared_head& head = l.heads[h];
    const auto dimension = [](const head_measures& m) {
      return fmt::format("{} ({})", digits(m.dimension, 1), digits(m.dimension_error, 1));
    };
    rows.push_back({std::to_string(h), fmt::format("{}{}", head.match, head.found ? "" : "?"),
                    digits(head.looks, 3), digits(head.writes, 3), digits(head.runner_up, 3),
                    digits(head.self, 3), digits(head.ceiling, 3), digits(head.floor, 3),
                    dimension(head.before), dimension(head.after), digits(head.before.norm, 2),
                    digits(head.after.norm, 2)});
    for (std::size_t i = 0; i < head_observables.size(); ++i)
      rows.back().push_back(change_cell(head.before, head.after, i));
  }
  return fmt::format("Layer {}\n", l.layer) + table_text(rows) + "\n";
}

std::string compared_layers_table(const std::vector<compared_layer>& layers) {
  std::vector<std::vector<std::string>> rows = {
      {"layer", "moved", "found", "maps", "by chance (sd)", "self", "ceiling", "floor (sd)",
       "other heads", "z", "p Holm", "share of the ceiling [95 %]"}};
  for (const compared_layer& l : layers) {
    const atlas::drawn_null& null = l.overlap.null;
    const auto found = std::count_if(l.heads.begin(), l.heads.end(),
                                     [](const compared_head& h) { return h.found; });
    rows.push_back({std::to_string(l.layer), std::to_string(l.moved), std::to_string(found),
                    digits(l.maps.observed, 3),
                    fmt::format("{} ({})", digits(l.maps.mean, 3), digits(l.maps.sd, 3)),
                    digits(null.observed, 3), digits(l.overlap.ceiling_mean, 3),
                    fmt::format("{} ({})", digits(null.mean, 3), digits(null.sd, 3)),
                    digits(l.overlap.others, 3), digits(null.z, 1), p_text(l.p_holm),
                    with_interval(l.overlap.share, l.overlap.interval)});
  }
  return table_text(rows) + "\n";
}

std::string compare_verdict(const compare_options& o, const std::vector<compared_layer>& layers) {
  index_t found = 0, in_other_places = 0, heads = 0;
  std::size_t beyond = 0, same = 0;
  for (const compared_layer& l : layers) {
    for (std::size_t h = 0; h < l.heads.size(); ++h) {
      ++heads;
      found += l.heads[h].found ? 1 : 0;
      in_other_places += l.heads[h].found && l.heads[h].match != static_cast<index_t>(h) ? 1 : 0;
    }
    beyond += l.p_holm <= 0.05 && l.overlap.null.z > 0 ? 1 : 0;
    same += l.overlap.interval.upper >= 1 - 1e-3 ? 1 : 0;
  }
  return fmt::format(
      "Of {} heads of {}, {} are found again in {}, {} of them in another place. Where heads write "
      "is beyond the floor of turned clouds in {} of {} layers (Holm's correction); the interval "
      "of "
      "the share reaches the ceiling in {}.\n",
      heads, o.a, found, o.b, in_other_places, beyond, layers.size(), same);
}

std::string compare_csv(const std::vector<compared_layer>& layers, const common_options& common) {
  std::string out =
      "layer,head,match,found,looks,writes,runner_up,self_overlap,ceiling,floor,dimension_before,"
      "dimension_before_error,dimension_after,dimension_after_error,norm_before,norm_after,";
  for (const observable_name& x : head_observables)
    out += fmt::format("{0}_before,{0}_after,{0}_change_error,", x.key);
  out += std::string(run_columns) + "\n";
  const std::string run = run_fields(common);
  for (const compared_layer& l : layers)
    for (std::size_t h = 0; h < l.heads.size(); ++h) {
      const compared_head& c = l.heads[h];
      out += fmt::format("{},{},{},{}", l.layer, h, c.match, c.found ? 1 : 0);
      const auto add = [&](double x) { out += std::isfinite(x) ? fmt::format(",{}", x) : ","; };
      for (const double x : {c.looks, c.writes, c.runner_up, c.self, c.ceiling, c.floor,
                             c.before.dimension, c.before.dimension_error, c.after.dimension,
                             c.after.dimension_error, c.before.norm, c.after.norm})
        add(x);
      for (std::size_t i = 0; i < head_observables.size(); ++i) {
        add(c.before.mean(i));
        add(c.after.mean(i));
        add(change_of(c.before.observables[i], c.after.observables[i]).standard_error);
      }
      out += "," + run + "\n";
    }
  return out;
}

constexpr const char* how_to_read_compare =
    "\nHow to read this. A head is found again by its weights: looks is the cosine of W_Q^T W_K\n"
    "of the two models, writes that of W_O W_V, which do not depend on a head's own coordinates;\n"
    "runner-up: the largest mean of both with any other head. By chance: heads of the second\n"
    "model in a residual stream that has nothing to do with the first's, matched likewise; a head\n"
    "is found (no question mark) above all of these and the runner-up. Self: overlap of the\n"
    "subspaces that both write to, each from another half of the passages; ceiling: the same of\n"
    "halves of one model; floor: the second model's clouds turned at random. Share: 1 is the same\n"
    "head, 0 one like any of its spectrum; its interval is over heads. Changes are paired over\n"
    "passages.\n";

void check_compare(const compare_options& o, const atlas::transformer_config& config) {
  const bool known = config.family == atlas::model_family::gpt2 ||
                     config.family == atlas::model_family::llama ||
                     config.family == atlas::model_family::atlas;
  if (!known || config.norm_offset != 0 || config.norms != atlas::norm_position::before ||
      config.head_norm != atlas::query_key_norm::none)
    throw atlas::error(
        o.a,
        "a model of GPT-2's or Llama's kind or of the family atlas, without norms of "
        "queries and keys or after attention, which are between the maps that are "
        "compared, and without a norm_offset",
        "another");
  if (o.blocks < 4)
    throw atlas::value_error("--blocks", "at least 4 passages, 2 a half", std::to_string(o.blocks));
  atlas::check_between(o.tokens_per_block, 2, config.positions, "--block-size");
  atlas::check_between(o.measures.min_context, 0, o.tokens_per_block - 1, "--min-context");
  check_points(o.common, o.measures.points, o.blocks, o.tokens_per_block, o.measures.min_context);
  atlas::check_between(o.measures.local_dimension, 1,
                       std::min(config.head_dimension, config.model_dimension), "--local-dim");
}

/// The configuration of fewer positions.
const atlas::transformer_config& shorter_of(const atlas::transformer_config& a,
                                            const atlas::transformer_config& b) {
  return b.positions < a.positions ? b : a;
}

/// Ids of one text must be of the same tokens in both.
void check_same_tokens(const compare_options& o, const model_input& input,
                       const atlas::owned_tensor<index_t, 2>& blocks, index_t rows) {
  token_reader reader(o.b, rows, o.bos);
  const auto of_b = load_blocks(input, o.blocks, o.tokens_per_block, reader);
  if (!std::equal(blocks.begin(), blocks.end(), of_b.begin(), of_b.end()))
    throw atlas::error(o.b + ": tokenizer", "the tokens of " + o.a + " for " + input.name(),
                       "others");
}

void run_compare(const compare_options& o) {
  begin_stage(o.common, "reading the models and the text");
  const atlas::transformer a = load_transformer(o.a), b = load_transformer(o.b);
  check_one_architecture(o, a.config(), b.config());
  check_compare(o, shorter_of(a.config(), b.config()));
  token_reader reader(o.a, a.config().vocabulary, o.bos);
  const model_input input = o.input.empty() ? model_input{"moby-dick", {}} : o.input;
  const auto blocks = load_blocks(input, o.blocks, o.tokens_per_block, reader);
  check_same_tokens(o, input, blocks, b.config().vocabulary);
  json description = {{"a", o.a}, {"b", o.b}};
  description.update(input_json(input, reader));
  description["blocks"] = o.blocks;
  description["block_size"] = o.tokens_per_block;
  const auto layers = chosen_layers(o.layers, a.config().layers);
  const auto read = [&](const atlas::transformer& model) {
    return atlas::perplexity(model, blocks,
                             {.threads = o.common.threads, .on_progress = progress_bar(o.common)});
  };
  const atlas::perplexity_result before = read(a), after = read(b);
  const atlas::uncertain change = atlas::perplexity_change(before, after);
  pass_meter passes(o.common, "layers", 3 * static_cast<index_t>(layers.size()));
  std::vector<compared_layer> found;
  std::vector<double> p;
  for (const index_t layer : layers) {
    found.push_back(compare_layer({o, a, b, blocks, passes}, layer));
    const double of_layer = found.back().overlap.null.p;
    p.push_back(std::isnan(of_layer) ? 1 : of_layer);
  }
  const auto adjusted = atlas::holm_correction(p);
  for (std::size_t l = 0; l < found.size(); ++l)
    found[l].p_holm = std::isnan(found[l].overlap.null.p) ? NAN : adjusted[l];
  json result = {{"source", description},
                 {"perplexity",
                  {{"before", perplexity_json(before)},
                   {"after", perplexity_json(after)},
                   {"change", uncertain_json(change)}}},
                 {"layers", json::array()}};
  std::string table =
      heading(description) + fmt::format("perplexity: {} before, {} after, change {}\n\n",
                                         digits(before.perplexity, 2), digits(after.perplexity, 2),
                                         with_error(change, 1, 2));
  for (const compared_layer& l : found) {
    result["layers"].push_back(compared_layer_json(l));
    table += compared_heads_table(l);
  }
  const std::string verdict = compare_verdict(o, found);
  result["verdict"] = verdict;
  std::vector<output_file> files;
  const std::string csv = compare_csv(found, o.common);
  if (!o.csv_file.empty()) files.push_back({o.csv_file, {}, csv});
  report(o.common, result, table + compared_layers_table(found) + verdict + how_to_read_compare,
         files);
}

}  // namespace

void add_compare(CLI::App& program) {
  const auto options = std::make_shared<compare_options>();
  CLI::App& app = *program.add_subcommand(
      "compare",
      "Two checkpoints of one architecture: which head is which, and what became of it.");
  add_text(app, "A", options->a, "folder, GGUF file, or an embedded model: before")->required();
  add_text(app, "B", options->b, "the same: after")->required();
  auto* text = add_text(app, "--text", options->input.text,
                        "UTF-8 file, or moby-dick (default) or addresses");
  add_text(app, "--tokens", options->input.tokens,
           ".npy file of the ids of tokens, [N], in the place of a text; needs no tokenizer")
      ->excludes(text);
  add_bos_option(app, options->bos);
  add_block_options(app, options->blocks, options->tokens_per_block);
  add_layer_options(app, options->layers, "all unless told otherwise");
  add_min_context(app, options->measures.min_context);
  add_whole(app, "--points", options->measures.points, {8}, "rows of a cloud");
  add_whole(app, "--local-dim", options->measures.local_dimension, {1},
            "k, dimension of the heads' subspaces");
  add_whole(app, "--halvings", options->halvings, {1, 1000}, "of the passages");
  add_whole(app, "--draws", options->draws, {atlas::least_draws, 1 << 20}, "of turned clouds");
  add_text(app, "--csv", options->csv_file, "also write a row a head here");
  add_common_options(app, options->common, "atlas compare before after --deepest 2", {"--csv"});
  app.callback([options] { run_compare(*options); });
}

}  // namespace atlas_program
