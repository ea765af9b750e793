// SPDX-License-Identifier: MIT
#include "ablation_effects.hpp"

#include <fmt/format.h>

#include <cmath>
#include <limits>
#include <string_view>

#include "atlas/stats/multiple_testing.hpp"
#include "atlas/stats/summary.hpp"

namespace atlas_program {

namespace {

using atlas::index_t;

/// `[seeds, cells]` of one outcome.
atlas::owned_tensor<double, 2> values_of(const ablation_plan& plan, const std::vector<json>& runs,
                                         const char* outcome) {
  const auto cells = static_cast<index_t>(plan.cells.size());
  atlas::owned_tensor<double, 2> out({static_cast<index_t>(plan.seeds.size()), cells});
  for (std::size_t r = 0; r < runs.size(); ++r) {
    const auto at = static_cast<index_t>(r);
    out.mutable_view()(at / cells, at % cells) = runs[r].at("outcomes").at(outcome).get<double>();
  }
  return out;
}

void add_holm(std::vector<ablation_effect>& effects) {
  std::vector<double> p;
  for (const ablation_effect& e : effects)
    if (e.outcome.tested) p.push_back(e.effect.p);
  const std::vector<double> adjusted = atlas::holm_correction(p);
  std::size_t at = 0;
  for (ablation_effect& e : effects)
    e.p_holm = e.outcome.tested ? adjusted[at++] : std::numeric_limits<double>::quiet_NaN();
}

constexpr const char* mediator = "plateau_dimension";

bool is_mediated(const ablation_outcome& outcome) {
  const std::string_view key = outcome.key;
  return key == "overlap_excess" || key == "stream_excess" || key == "loss";
}

void add_mediation(const ablation_options& o, const ablation_plan& plan,
                   const std::vector<json>& runs, ablation_findings& found) {
  const auto of_mediator = values_of(plan, runs, mediator);
  try {
    for (const ablation_outcome& outcome : ablation_outcomes)
      if (is_mediated(outcome))
        found.mediation.push_back(
            {outcome, atlas::mediation(plan.design, of_mediator, values_of(plan, runs, outcome.key),
                                       {.seed = o.common.seed})});
  } catch (const atlas::error& e) {
    found.mediation.clear();
    found.no_mediation = in_typed_names(e.what(), {{"mediator", "dimension of plateau"}});
  }
}

const ablation_factor& factor_of(const ablation_plan& plan, index_t factor) {
  return plan.factors[static_cast<std::size_t>(factor)];
}

const char* null_name(atlas::effect_null null) {
  return null == atlas::effect_null::pairs ? "pairs" : "cells";
}

std::string change_text(const ablation_factor& f) {
  return fmt::format("{}: {} to {}", f.name, f.low, f.high);
}

/// Without a sign where no decimal is left.
double rounded_zero(double x, int decimals) {
  return std::abs(x) < 0.5 * std::pow(10, -decimals) ? 0 : x;
}

std::string plain_digits(double x, int decimals) {
  return digits(rounded_zero(x, decimals), decimals);
}

std::string plain_interval(double x, const atlas::interval& i, int decimals) {
  return with_interval(rounded_zero(x, decimals),
                       {rounded_zero(i.lower, decimals), rounded_zero(i.upper, decimals)},
                       decimals);
}

json effect_json(const ablation_plan& plan, const ablation_effect& e) {
  json out = {{"outcome", e.outcome.key},
              {"factor", factor_of(plan, e.effect.factor).name},
              {"effect", number(e.effect.effect)},
              {"interval", bounds(e.effect.interval)},
              {"standard_error", number(e.effect.standard_error)},
              {"degrees", e.effect.by_block.size() - 1},
              {"by_seed", e.effect.by_block}};
  if (!e.outcome.tested) return out;
  out["p_t"] = number(e.effect.p_t);
  out["p"] = number(e.effect.p);
  out["p_holm"] = number(e.p_holm);
  out["smallest_p"] = number(e.effect.smallest_p);
  out["null"] = null_name(e.effect.null);
  return out;
}

json mediation_json(const ablation_plan& plan, const ablation_mediation& m) {
  json factors = json::array();
  for (const atlas::mediated_effect& e : m.result.factors)
    factors.push_back({{"factor", factor_of(plan, e.factor).name},
                       {"total", number(e.total)},
                       {"on_mediator", number(e.on_mediator)},
                       {"indirect", number(e.indirect)},
                       {"interval", bounds(e.interval)},
                       {"direct", number(e.direct)}});
  return {{"outcome", m.outcome.key},
          {"mediator", mediator},
          {"slope", number(m.result.slope)},
          {"slope_error", number(m.result.slope_error)},
          {"slope_interval", bounds(m.result.slope_interval)},
          {"degrees", m.result.degrees},
          {"factors", factors}};
}

/// Mean over seeds of an outcome in a cell, with the spread between seeds.
std::string cell_text(const ablation_plan& plan, const std::vector<json>& runs, std::size_t cell,
                      const ablation_outcome& outcome) {
  std::vector<double> values;
  for (std::size_t s = 0; s < plan.seeds.size(); ++s)
    values.push_back(runs[s * plan.cells.size() + cell]["outcomes"][outcome.key].get<double>());
  const atlas::sample_summary of = atlas::summarize(values);
  return fmt::format("{} ({})", digits(of.mean, outcome.decimals), digits(of.sd, outcome.decimals));
}

std::string cells_text(const ablation_plan& plan, const std::vector<json>& runs) {
  std::vector<std::vector<std::string>> table = {{"cell"}};
  for (const ablation_factor& f : plan.factors) table[0].push_back(f.name);
  for (const char* name : {"heads", "of", "groups", "mlp", "parameters"})
    table[0].emplace_back(name);
  for (const ablation_outcome& o : ablation_outcomes)
    if (o.tested) table[0].push_back(std::string(o.title) + " (sd)");
  for (std::size_t c = 0; c < plan.cells.size(); ++c) {
    const ablation_cell& cell = plan.cells[c];
    std::vector<std::string> row = {std::to_string(c)};
    for (std::size_t f = 0; f < plan.factors.size(); ++f) row.push_back(level_text(plan, f, cell));
    for (const index_t x :
         {cell.config.heads, cell.config.head_dimension, cell.config.key_value_heads,
          cell.config.mlp_dimension, cell.parameters})
      row.push_back(std::to_string(x));
    for (const ablation_outcome& o : ablation_outcomes)
      if (o.tested) row.push_back(cell_text(plan, runs, c, o));
    table.push_back(std::move(row));
  }
  return table_text(table);
}

std::string effects_text(const ablation_plan& plan, const ablation_findings& found, bool tested) {
  std::vector<std::vector<std::string>> table = {{"outcome", "factor", "effect [95 %]"}};
  if (tested)
    for (const char* name : {"p of t", "p", "p (Holm)"}) table[0].emplace_back(name);
  for (const ablation_effect& e : found.effects) {
    if (e.outcome.tested != tested) continue;
    table.push_back({e.outcome.title, change_text(factor_of(plan, e.effect.factor)),
                     plain_interval(e.effect.effect, e.effect.interval, e.outcome.decimals)});
    if (!tested) continue;
    const std::string holm = p_text(e.p_holm);
    table.back().push_back(p_text(e.effect.p_t));
    table.back().push_back(p_text(e.effect.p));
    table.back().push_back(e.p_holm < 0.05 ? beyond_cell(holm) : holm);
  }
  return table_text(table);
}

/// What so few seeds and cells can show at all.
std::string smallest_text(const ablation_plan& plan, const ablation_findings& found) {
  index_t tests = 0;
  double smallest = 0;
  for (const ablation_effect& e : found.effects) {
    if (!e.outcome.tested) continue;
    ++tests;
    smallest = std::max(smallest, e.effect.smallest_p);
  }
  std::string text = fmt::format(
      "{} seeds: intervals of t have {} degree{} of freedom. The smallest p that there "
      "can be is {}, and {} after Holm's correction of {} tests\n",
      plan.seeds.size(), plan.seeds.size() - 1, plan.seeds.size() == 2 ? "" : "s", p_text(smallest),
      p_text(std::min(1.0, smallest * static_cast<double>(tests))), tests);
  if (smallest * static_cast<double>(tests) > 0.05)
    text +=
        "Too few seeds or cells: no effect can be beyond chance after the correction, however "
        "large\n";
  return text;
}

std::string mediation_text(const ablation_plan& plan, const ablation_findings& found) {
  if (!found.no_mediation.empty()) return fmt::format("No mediation: {}\n", found.no_mediation);
  std::vector<std::vector<std::string>> table = {{"outcome", "factor", "total", "on plateau (a)",
                                                  "slope (b) [95 %]", "indirect (a b) [95 %]",
                                                  "direct"}};
  for (const ablation_mediation& m : found.mediation)
    for (const atlas::mediated_effect& e : m.result.factors) {
      const int decimals = m.outcome.decimals;
      table.push_back({m.outcome.title, factor_of(plan, e.factor).name,
                       plain_digits(e.total, decimals), plain_digits(e.on_mediator, 2),
                       plain_interval(m.result.slope, m.result.slope_interval, decimals),
                       plain_interval(e.indirect, e.interval, decimals),
                       plain_digits(e.direct, decimals)});
    }
  return "Mediation by the dimension of the plateau (exploratory)\n" + table_text(table);
}

constexpr const char* about_pairs =
    "p: swaps of the two models of a seed that differ in this factor alone, exact where this "
    "factor has no effect,\nwhatever the others have.";
constexpr const char* about_cells =
    "p: shuffles of the models of a seed over cells, exact where no factor has an effect, and too "
    "large for a factor\nbeside others that have one.";

std::string how_to_read(const ablation_plan& plan) {
  return fmt::format(
      "How to read this. Each cell is a model, trained once a seed from numbers of its own; "
      "models of one seed see the same batches. O_h: mean\noverlap of heads of different key/value "
      "groups in their own "
      "coordinates, k = {} in every cell, less that of\nrandom subspaces (Haar). In stream: where "
      "they write, less that of their clouds turned at random. Dimension:\nTwoNN, mean over heads, "
      "neighbours of distinct passages, less that of surrogates that hang together as the rows\n"
      "do. Plateau: the longest run of layers not below the highest, and its mean dimension. Means "
      "over layers; sd\nbetween seeds. Effect: mean of the cells with the second level less that "
      "of those with the first, within each\nseed; its interval is Student's t over seeds. Holm's "
      "correction is over all factors and outcomes of that table.\n{}\nWhat excesses are of is not "
      "tested: a factor that moves O_h and its null alike changes nothing but the "
      "null.\nMediation: "
      "a is the factor's effect on the plateau, b what a unit of it goes with within seeds beside "
      "all\nfactors. b is a correlation: whatever else moves both looks the same.\n",
      plan.local_dimension, plan.design.full() ? about_pairs : about_cells);
}

/// An empty field for what is not known.
std::string effect_field(double x) {
  return std::isfinite(x) ? fmt::format("{}", x) : "";
}

}  // namespace

ablation_findings ablation_findings_of(const ablation_options& o, const ablation_plan& plan,
                                       const std::vector<json>& runs) {
  ablation_findings found;
  for (const ablation_outcome& outcome : ablation_outcomes)
    for (atlas::factor_effect& e :
         atlas::factorial_effects(plan.design, values_of(plan, runs, outcome.key),
                                  {.permutations = outcome.tested ? o.permutations : 1,
                                  .seed = o.common.seed,
                                  .threads = o.common.threads,
                                  .on_progress = progress_bar(o.common)}))
      found.effects.push_back({outcome, std::move(e), 0});
  add_holm(found.effects);
  add_mediation(o, plan, runs, found);
  return found;
}

json findings_json(const ablation_plan& plan, const ablation_findings& found) {
  json effects = json::array(), parts = json::array(), mediations = json::array();
  for (const ablation_effect& e : found.effects)
    (e.outcome.tested ? effects : parts).push_back(effect_json(plan, e));
  for (const ablation_mediation& m : found.mediation) mediations.push_back(mediation_json(plan, m));
  json mediation = {{"exploratory", true}, {"outcomes", mediations}};
  if (!found.no_mediation.empty()) mediation["none_because"] = found.no_mediation;
  return {{"effects", effects}, {"effects_on_parts", parts}, {"mediation", mediation}};
}

std::string findings_text(const ablation_plan& plan, const std::vector<json>& runs,
                          const ablation_findings& found) {
  return design_text(plan) + "\n" + cells_text(plan, runs) + "\n" +
         effects_text(plan, found, true) + smallest_text(plan, found) +
         "\nWhat the excesses are of\n" + effects_text(plan, found, false) + "\n" +
         mediation_text(plan, found) + "\n" + how_to_read(plan);
}

std::string runs_csv(const ablation_plan& plan, const std::vector<json>& runs,
                     const common_options& common) {
  std::string text = "cell,run_seed";
  for (const ablation_factor& f : plan.factors) text += "," + csv_field(f.name);
  text += ",heads,key_value_heads,head_dimension,mlp_dimension,parameters,perplexity";
  for (const ablation_outcome& o : ablation_outcomes) text += std::string(",") + o.key;
  text += std::string(",").append(run_columns).append("\n");
  for (const json& run : runs) {
    const auto c = run.at("cell").get<std::size_t>();
    const ablation_cell& cell = plan.cells.at(c);
    text += fmt::format("{},{}", c, run.at("seed").get<std::uint64_t>());
    for (std::size_t f = 0; f < plan.factors.size(); ++f)
      text += "," + csv_field(level_text(plan, f, cell));
    text += fmt::format(",{},{},{},{},{},{}", cell.config.heads, cell.config.key_value_heads,
                        cell.config.head_dimension, cell.config.mlp_dimension, cell.parameters,
                        effect_field(run.at("perplexity").at("value").get<double>()));
    for (const ablation_outcome& o : ablation_outcomes)
      text += "," + effect_field(run.at("outcomes").at(o.key).get<double>());
    text += "," + run_fields(common) + "\n";
  }
  return text;
}

std::string effects_csv(const ablation_plan& plan, const ablation_findings& found,
                        const common_options& common) {
  std::string text =
      "outcome,factor,low,high,effect,lower,upper,standard_error,seeds,p_t,p,p_holm,";
  text.append(run_columns).append("\n");
  for (const ablation_effect& e : found.effects) {
    const ablation_factor& f = factor_of(plan, e.effect.factor);
    text += fmt::format("{},{},{},{}", e.outcome.key, f.name, csv_field(f.low), csv_field(f.high));
    const double none = std::numeric_limits<double>::quiet_NaN();
    for (const double x : {e.effect.effect, e.effect.interval.lower, e.effect.interval.upper,
                           e.effect.standard_error})
      text += "," + effect_field(x);
    text += fmt::format(",{}", e.effect.by_block.size());
    for (const double x :
         {e.outcome.tested ? e.effect.p_t : none, e.outcome.tested ? e.effect.p : none, e.p_holm})
      text += "," + effect_field(x);
    text += "," + run_fields(common) + "\n";
  }
  return text;
}

}  // namespace atlas_program
