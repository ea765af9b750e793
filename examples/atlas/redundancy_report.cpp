// SPDX-License-Identifier: MIT
#include <fmt/format.h>

#include <cmath>
#include <map>

#include "model_source.hpp"
#include "redundancy.hpp"

namespace atlas_program {

namespace {

using atlas::index_t;

json rise_json(const loss_rise& rise) {
  json out = {{"value", number(rise.value)}, {"standard_error", number(rise.standard_error)}};
  out.update(bounds(rise.interval));
  return out;
}

json left_out_json(const redundancy_text& text, const left_out& what, std::uint64_t seed) {
  return {{"layer", what.layer},
          {"heads", what.heads},
          {"way", what.way},
          {"rise", rise_json(rise_of(text.baseline, what.read, seed))},
          {"perplexity", number(what.read.perplexity)},
          {"change", uncertain_json(atlas::perplexity_change(text.baseline, what.read))}};
}

json pair_json(const pair_result& pair) {
  return {{"layer", pair.what.layer},
          {"heads", pair.what.heads},
          {"way", pair.what.way},
          {"joint", rise_json(pair.joint)},
          {"interaction", rise_json(pair.interaction)},
          {"overlap_in_stream", number(pair.overlap)},
          {"ceiling", number(pair.ceiling)}};
}

json text_json(const redundancy_run& run, std::size_t t, const redundancy_findings& found) {
  const redundancy_text& text = run.texts[t];
  json layers = json::array(), results = json::array(), pairs = json::array();
  for (std::size_t l = 0; l < run.layers.size(); ++l)
    layers.push_back({{"layer", run.layers[l]}, {"heads", measures_to_json(text.layers[l])}});
  for (const left_out& what : text.results)
    if (what.heads.size() == 1) results.push_back(left_out_json(text, what, run.common.seed));
  for (const pair_result& pair : found.pairs[t]) pairs.push_back(pair_json(pair));
  return {{"perplexity", perplexity_json(text.baseline)},
          {"loss", number(text.baseline.loss)},
          {"layers", layers},
          {"left_out", results},
          {"pairs", pairs}};
}

json correlation_json(const atlas::stratified_correlation& r) {
  return {{"coefficient", number(r.coefficient)},
          {"p", number(r.p)},
          {"null_square", number(r.null_square)},
          {"null_bound", number(r.null_bound)},
          {"heads", r.n},
          {"strata", r.strata}};
}

json pair_correlation_json(const atlas::stratified_correlation& r, double p_holm) {
  json out = correlation_json(r);
  out["p_holm"] = number(p_holm);
  return out;
}

json prediction_json(const prediction& p) {
  if (!p.defined) return {{"undefined", p.why}};
  json out = correlation_json(p.r);
  out["standard_error"] = number(p.error);
  out["p_holm"] = number(p.p_holm);
  return out;
}

json prediction_row_json(const redundancy_run& run, const prediction_row& row) {
  json out = {{"way", row.way}, {"predictor", row.predictor}};
  for (std::size_t t = 0; t < 2; ++t) {
    out[run.texts[t].name] = prediction_json(row.plain[t]);
    if (row.predictor != "norm")
      out[run.texts[t].name]["beyond_norm"] = prediction_json(row.beyond[t]);
  }
  out["holds"] = row.holds(false);
  if (row.predictor != "norm") out["holds_beyond_norm"] = row.holds(true);
  return out;
}

/// "12.3 [8.0, 16.1]", in thousandths of a nat.
std::string rise_cell(const loss_rise& rise) {
  return with_interval(1000 * rise.value, {1000 * rise.interval.lower, 1000 * rise.interval.upper},
                       1);
}

std::string heads_table(const redundancy_run& run) {
  std::vector<std::vector<std::string>> rows = {{"layer", "head"}};
  for (const std::string& way : run.ways) {
    rows[0].push_back(way + " [95 %]");
    rows[0].push_back("held out");
  }
  for (const char* title :
       {"norm", "own overlap", "in stream", "TwoNN (se)", "purity", "R", "margin", "sink"})
    rows[0].push_back(title);
  std::map<std::tuple<index_t, index_t, std::string, std::size_t>, const left_out*> of;
  for (std::size_t t = 0; t < 2; ++t)
    for (const left_out& what : run.texts[t].results)
      if (what.heads.size() == 1) of[{what.layer, what.heads[0], what.way, t}] = &what;
  for (std::size_t l = 0; l < run.layers.size(); ++l)
    for (std::size_t h = 0; h < run.texts[0].layers[l].size(); ++h) {
      const head_measures& m = run.texts[0].layers[l][h];
      std::vector<std::string> row = {std::to_string(run.layers[l]), std::to_string(h)};
      for (const std::string& way : run.ways)
        for (std::size_t t = 0; t < 2; ++t) {
          const redundancy_text& text = run.texts[t];
          const loss_rise rise =
              rise_of(text.baseline, of.at({run.layers[l], static_cast<index_t>(h), way, t})->read,
                      run.common.seed);
          row.push_back(t == 0 ? rise_cell(rise) : digits(1000 * rise.value, 1));
        }
      row.insert(
          row.end(),
          {digits(m.norm, 2), digits(m.own_overlap, 3), digits(m.stream_overlap, 3),
           fmt::format("{} ({})", digits(m.dimension, 1), digits(m.dimension_error, 1)),
           digits(m.mean(0), 3), digits(m.mean(1), 2), digits(m.mean(2), 2), digits(m.mean(4), 2)});
      rows.push_back(std::move(row));
    }
  return "Rise of the mean loss without a head, thousandths of a nat a token\n" + table_text(rows) +
         "\n";
}

std::string pairs_table(const redundancy_findings& found) {
  if (found.pairs[0].empty()) return "";
  std::vector<std::vector<std::string>> rows = {{"layer", "heads", "way", "both [95 %]",
                                                 "interaction [95 %]", "held out",
                                                 "overlap in stream", "ceiling"}};
  for (std::size_t i = 0; i < found.pairs[0].size(); ++i) {
    const pair_result &here = found.pairs[0][i], &there = found.pairs[1][i];
    rows.push_back({std::to_string(here.what.layer),
                    fmt::format("{}, {}", here.what.heads[0], here.what.heads[1]), here.what.way,
                    rise_cell(here.joint), rise_cell(here.interaction),
                    digits(1000 * there.interaction.value, 1), digits(here.overlap, 3),
                    digits(here.ceiling, 3)});
  }
  return "Two heads left out together; interaction: both less the sum of the two\n" +
         table_text(rows) + "\n";
}

std::vector<std::string> prediction_cells(const std::array<prediction, 2>& both) {
  std::vector<std::string> out;
  for (const prediction& p : both) {
    if (!p.defined) {
      out.insert(out.end(), {"-", "-"});
      continue;
    }
    const std::string text = fmt::format("{:.2f} ({})", p.r.coefficient, digits(p.error, 2));
    out.push_back(p.p_holm <= 0.05 ? beyond_cell(text) : null_cell(text));
    out.push_back(p_text(p.p_holm));
  }
  return out;
}

std::string predictions_table(const redundancy_run& run, const redundancy_findings& found) {
  std::vector<std::vector<std::string>> rows = {{"way", "predictor", "heads", "r (se)", "p Holm",
                                                 "held out", "p Holm", "beyond norm", "p Holm",
                                                 "held out", "p Holm"}};
  for (const prediction_row& row : found.predictions) {
    rows.push_back(
        {row.way, row.predictor, row.plain[0].defined ? std::to_string(row.plain[0].r.n) : "-"});
    for (const auto& cells : {prediction_cells(row.plain), prediction_cells(row.beyond)})
      rows.back().insert(rows.back().end(), cells.begin(), cells.end());
  }
  return fmt::format("Rank correlations with what heads are worth, over heads {}\n",
                     within_text(run)) +
         table_text(rows) + "\n";
}

std::string agreement_text(const redundancy_run& run, const redundancy_findings& found) {
  std::vector<std::string> parts;
  for (std::size_t w = 0; w < run.ways.size(); ++w)
    parts.push_back(fmt::format("{} {}", run.ways[w], digits(found.texts_agree[w].coefficient, 2)));
  return fmt::format("What heads are worth on one text, with what they are on the other: {}\n\n",
                     fmt::join(parts, ", "));
}

constexpr const char* how_to_read_redundancy =
    "\nHow to read this. What a head hands on is replaced by zeros; by its mean over the text; or "
    "by\n"
    "what it hands on at the same positions of another passage (resample). Intervals are of\n"
    "passages. Correlations compare heads of one layer, or of those that share keys and values,\n"
    "with each other alone, and p shuffles them there (Holm's correction over all predictors and\n"
    "ways of a text); the standard error is that of the choice of passages. Beyond norm: partial,\n"
    "given the length of what a head writes. A predictor counts where it holds on both texts.\n";

}  // namespace

json redundancy_json(const redundancy_run& run, const redundancy_findings& found) {
  json predictions = json::array(), agree = json::object();
  for (const prediction_row& row : found.predictions)
    predictions.push_back(prediction_row_json(run, row));
  for (std::size_t w = 0; w < run.ways.size(); ++w)
    agree[run.ways[w]] = correlation_json(found.texts_agree[w]);
  json out = json::object();
  for (std::size_t t = 0; t < 2; ++t) out[run.texts[t].name] = text_json(run, t, found);
  out["predictions"] = predictions;
  out["texts_agree"] = agree;
  if (!found.overlap_of_pairs.empty()) {
    json of_pairs = json::object();
    for (std::size_t w = 0; w < run.ways.size(); ++w)
      for (std::size_t t = 0; t < 2; ++t)
        of_pairs[run.ways[w]][run.texts[t].name] =
            pair_correlation_json(found.overlap_of_pairs[w][t], found.overlap_p_holm[w][t]);
    out["overlap_with_interaction"] = of_pairs;
  }
  out["verdict"] = found.verdict;
  return out;
}

std::string redundancy_csv(const redundancy_run& run) {
  std::string out =
      "text,layer,heads,way,rise,standard_error,lower,upper,perplexity,change,change_error,";
  out += std::string(run_columns) + "\n";
  const std::string run_text = run_fields(run.common);
  for (const redundancy_text& text : run.texts)
    for (const left_out& what : text.results) {
      const loss_rise rise = rise_of(text.baseline, what.read, run.common.seed);
      const atlas::uncertain change = atlas::perplexity_change(text.baseline, what.read);
      out += fmt::format("{},{},{},{},{},{},{},{},{},{},{},{}\n", text.name, what.layer,
                         fmt::join(what.heads, " "), what.way, rise.value, rise.standard_error,
                         rise.interval.lower, rise.interval.upper, what.read.perplexity,
                         change.value, change.standard_error, run_text);
    }
  return out;
}

std::string redundancy_tables(const redundancy_run& run, const redundancy_findings& found) {
  return heads_table(run) + pairs_table(found) + predictions_table(run, found) +
         agreement_text(run, found) + found.verdict + how_to_read_redundancy;
}

}  // namespace atlas_program
