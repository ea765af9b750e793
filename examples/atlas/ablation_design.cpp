// SPDX-License-Identifier: MIT
#include "ablation_design.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "atlas/reference/parameter_count.hpp"

namespace atlas_program {

namespace {

using atlas::factor_set, atlas::index_t, atlas::transformer_config, atlas::value_error;

struct named_factor {
  const char* name;
  ablation_setting setting;
  const char* low;
  const char* high;
};

/// Levels of numbers are typed.
constexpr named_factor known_factors[] = {
    {"d_head", ablation_setting::head_dimension, "", ""},
    {"kv_heads", ablation_setting::key_value_heads, "", ""},
    {"grouped", ablation_setting::grouped, "1 query a key", "2 queries a key"},
    {"rotary", ablation_setting::rotary, "learned", "rotary"},
    {"rms", ablation_setting::rms, "LayerNorm", "RMSNorm"},
    {"gated", ablation_setting::gated, "plain", "gated"}};

bool has_factor(const ablation_options& o, const char* name) {
  return std::find(o.factors.begin(), o.factors.end(), name) != o.factors.end();
}

void check_factors(const ablation_options& o) {
  for (std::size_t i = 0; i < o.factors.size(); ++i)
    for (std::size_t j = 0; j < i; ++j)
      if (o.factors[i] == o.factors[j])
        throw value_error("--factors", "different ones", o.factors[i] + " twice");
  if (has_factor(o, "kv_heads") && has_factor(o, "grouped"))
    throw value_error("--factors",
                      "kv_heads or grouped, each of which sets the number of key/value heads",
                      "both");
}

/// Two levels of a factor, or the one number of what is none.
std::vector<index_t> levels_of(const char* option, std::vector<index_t> typed, const char* factor,
                               bool is_factor) {
  std::sort(typed.begin(), typed.end());
  const std::string got = fmt::format("{}", fmt::join(typed, ","));
  if (is_factor && (typed.size() != 2 || typed[0] == typed[1]))
    throw value_error(option, fmt::format("two different levels of {}", factor), got);
  if (!is_factor && typed.size() > 1)
    throw value_error(option, fmt::format("one number without {} among --factors", factor), got);
  return typed;
}

/// All levels, lower first; key/value heads may have none.
struct number_levels {
  std::vector<index_t> head_dimensions, key_value_heads;
};

number_levels number_levels_of(const ablation_options& o) {
  const bool of_heads = has_factor(o, "d_head"), of_groups = has_factor(o, "kv_heads");
  number_levels out;
  out.head_dimensions = o.head_dimensions;
  if (!was_typed(*o.common.command, "--head-dims"))
    out.head_dimensions = of_heads ? std::vector<index_t>{16, 32} : std::vector<index_t>{16};
  out.head_dimensions = levels_of("--head-dims", out.head_dimensions, "d_head", of_heads);
  out.key_value_heads = o.key_value_heads;
  if (out.key_value_heads.empty() && of_groups) out.key_value_heads = {2, 4};
  if (!out.key_value_heads.empty() && has_factor(o, "grouped"))
    throw value_error("--kv-heads", "nothing with grouped among --factors, which sets it",
                      fmt::format("{}", fmt::join(out.key_value_heads, ",")));
  out.key_value_heads = levels_of("--kv-heads", out.key_value_heads, "kv_heads", of_groups);
  return out;
}

std::vector<ablation_factor> factors_of(const ablation_options& o, const number_levels& levels) {
  std::vector<ablation_factor> out;
  for (const std::string& name : o.factors)
    for (const named_factor& known : known_factors) {
      if (name != known.name) continue;
      ablation_factor factor{name, known.low, known.high, known.setting};
      const auto set = [&](const std::vector<index_t>& of) {
        factor.low = std::to_string(of[0]);
        factor.high = std::to_string(of[1]);
      };
      if (known.setting == ablation_setting::head_dimension) set(levels.head_dimensions);
      if (known.setting == ablation_setting::key_value_heads) set(levels.key_value_heads);
      out.push_back(std::move(factor));
    }
  return out;
}

atlas::factorial_design design_of(const ablation_options& o) {
  const auto& names = ablation_design_names();
  const index_t halvings = std::find(names.begin(), names.end(), o.design) - names.begin();
  const auto factors = static_cast<index_t>(o.factors.size());
  const index_t cells = halvings < factors ? index_t{1} << (factors - halvings) : 1;
  if (halvings > 0 && cells <= factors)
    throw value_error("--design",
                      fmt::format("a share that leaves more cells than the {} factors", factors),
                      fmt::format("{}, which leaves {}", o.design, cells));
  return atlas::factorial_of(factors, halvings);
}

/// Key/value heads of a model, which divide its heads and are two or more.
index_t key_value_heads_of(const transformer_config& c, const number_levels& levels, bool high,
                           bool grouped) {
  if (grouped) {
    if (c.heads % 2 != 0 || c.heads < 4)
      throw value_error("--factors grouped", "an even number of heads, 4 or more, in every cell",
                        fmt::format("{} of dimension {}", c.heads, c.head_dimension));
    return c.heads / 2;
  }
  if (levels.key_value_heads.empty()) return c.heads;
  const index_t wanted = levels.key_value_heads[high ? 1 : 0];
  if (wanted < 2 || wanted > c.heads || c.heads % wanted != 0)
    throw value_error("--kv-heads",
                      fmt::format("divisors of the {} heads of dimension {}, 2 or more", c.heads,
                                  c.head_dimension),
                      std::to_string(wanted));
  return wanted;
}

transformer_config config_of(const ablation_options& o, const ablation_plan& plan,
                             const number_levels& levels, index_t vocabulary, factor_set high) {
  const auto is_high = [&](ablation_setting setting) {
    for (std::size_t f = 0; f < plan.factors.size(); ++f)
      if (plan.factors[f].setting == setting) return (high >> f & 1U) != 0;
    return false;
  };
  transformer_config c;
  c.family = atlas::model_family::atlas;
  c.layers = o.layers;
  c.model_dimension = o.model_dimension;
  c.head_dimension = levels.head_dimensions[is_high(ablation_setting::head_dimension) ? 1 : 0];
  c.heads = c.model_dimension / c.head_dimension;
  c.key_value_heads = key_value_heads_of(c, levels, is_high(ablation_setting::key_value_heads),
                                         is_high(ablation_setting::grouped));
  c.rotary_share = is_high(ablation_setting::rotary) ? 1 : 0;
  c.norm = is_high(ablation_setting::rms) ? atlas::norm_kind::rms : atlas::norm_kind::layer;
  c.gated_mlp = is_high(ablation_setting::gated);
  c.mlp_dimension = 4 * o.model_dimension;
  c.vocabulary = vocabulary;
  c.positions = o.tokens_per_block;
  return c;
}

/// Adds the cells, of as many parameters each if asked for.
void add_cells(const ablation_options& o, const number_levels& levels, index_t vocabulary,
               ablation_plan& plan) {
  plan.parameters = atlas::parameter_count(config_of(o, plan, levels, vocabulary, 0));
  for (const factor_set high : plan.design.high) {
    ablation_cell cell{high, config_of(o, plan, levels, vocabulary, high), 0};
    with_typed_names(
        {{"head_dimension", "--head-dims"}, {"parameters", "--match parameters"}}, [&] {
          if (o.match == "parameters")
            cell.config.mlp_dimension = atlas::matched_mlp_dimension(cell.config, plan.parameters);
          cell.parameters = atlas::parameter_count(cell.config);
        });
    plan.cells.push_back(std::move(cell));
  }
}

/// A sentence for a factor that cannot be told from interactions of two others; or nothing.
std::string not_separable(const ablation_plan& plan, std::size_t factor) {
  std::vector<std::string> with;
  for (const factor_set alias : atlas::aliases_of(plan.design, factor_set{1} << factor, 2))
    with.push_back(effect_text(plan, alias));
  if (with.empty()) return "";
  return fmt::format("{} is not separable from {}\n", plan.factors[factor].name,
                     fmt::join(with, ", "));
}

}  // namespace

const std::vector<std::string>& ablation_factor_names() {
  static const std::vector<std::string> names = [] {
    std::vector<std::string> out;
    for (const named_factor& f : known_factors) out.emplace_back(f.name);
    return out;
  }();
  return names;
}

const std::vector<std::string>& ablation_design_names() {
  static const std::vector<std::string> names = {"full", "half", "quarter", "eighth"};
  return names;
}

const std::vector<std::string>& ablation_match_names() {
  static const std::vector<std::string> names = {"parameters", "width"};
  return names;
}

ablation_plan ablation_plan_of(const ablation_options& options, index_t vocabulary) {
  check_factors(options);
  const number_levels levels = number_levels_of(options);
  ablation_options o = options;
  o.head_dimensions = levels.head_dimensions;
  check_ablation(o);
  ablation_plan plan;
  plan.factors = factors_of(o, levels);
  plan.design = design_of(o);
  add_cells(o, levels, vocabulary, plan);
  plan.local_dimension = local_dimension(o, levels.head_dimensions.front());
  for (index_t s = 0; s < o.seeds; ++s)
    plan.seeds.push_back(o.common.seed + static_cast<std::uint64_t>(s));
  return plan;
}

std::string effect_text(const ablation_plan& plan, factor_set effect) {
  std::vector<std::string> names;
  for (std::size_t f = 0; f < plan.factors.size(); ++f)
    if ((effect >> f & 1U) != 0) names.push_back(plan.factors[f].name);
  return fmt::format("{}", fmt::join(names, " x "));
}

const std::string& level_text(const ablation_plan& plan, std::size_t factor,
                              const ablation_cell& cell) {
  const ablation_factor& f = plan.factors[factor];
  return (cell.high >> factor & 1U) != 0 ? f.high : f.low;
}

json design_json(const ablation_plan& plan) {
  json factors = json::array(), words = json::array(), cells = json::array();
  for (std::size_t f = 0; f < plan.factors.size(); ++f) {
    json aliases = json::array();
    for (const factor_set alias : atlas::aliases_of(plan.design, factor_set{1} << f))
      aliases.push_back(effect_text(plan, alias));
    factors.push_back({{"name", plan.factors[f].name},
                       {"low", plan.factors[f].low},
                       {"high", plan.factors[f].high},
                       {"not_separable_from", aliases}});
  }
  for (const factor_set word : plan.design.words) words.push_back(effect_text(plan, word));
  for (std::size_t c = 0; c < plan.cells.size(); ++c) {
    const ablation_cell& cell = plan.cells[c];
    json levels = json::object();
    for (std::size_t f = 0; f < plan.factors.size(); ++f)
      levels[plan.factors[f].name] = level_text(plan, f, cell);
    cells.push_back({{"cell", c},
                     {"levels", levels},
                     {"heads", cell.config.heads},
                     {"key_value_heads", cell.config.key_value_heads},
                     {"head_dimension", cell.config.head_dimension},
                     {"mlp_dimension", cell.config.mlp_dimension},
                     {"parameters", cell.parameters}});
  }
  return {{"resolution", plan.design.full() ? json("full") : json(plan.design.resolution())},
          {"words", words},
          {"factors", factors},
          {"cells", cells}};
}

std::string design_text(const ablation_plan& plan) {
  const atlas::factorial_design& d = plan.design;
  std::string text = fmt::format("{} factors in {} cells, {} seeds each: ", d.factors, d.cells(),
                                 plan.seeds.size());
  if (d.full()) return text + "every combination, so that nothing is confounded\n";
  std::vector<std::string> words;
  for (const factor_set word : d.words) words.push_back(effect_text(plan, word));
  text += fmt::format("a fraction of resolution {} ({} the same in all cells)\n", d.resolution(),
                      fmt::join(words, ", "));
  std::string confounded;
  for (std::size_t f = 0; f < plan.factors.size(); ++f) confounded += not_separable(plan, f);
  if (!confounded.empty()) return text + confounded;
  return text +
         "Main effects are separable from each other and from interactions of two factors, not "
         "from those of more\n";
}

}  // namespace atlas_program
