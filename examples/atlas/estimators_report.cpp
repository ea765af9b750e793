// SPDX-License-Identifier: MIT
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "atlas/stats/summary.hpp"
#include "estimator_names.hpp"
#include "estimators.hpp"

namespace atlas_program {

namespace {

using atlas::index_t;

constexpr atlas::coverage_estimate no_coverage = {NAN, {NAN, NAN}};

bool holds(const atlas::interval& interval, double value) {
  return interval.lower <= value && value <= interval.upper;
}

/// Shares of intervals that hold the dimension and the mean of all estimates.
void add_coverage(const estimator_trial& trial, trial_summary& out) {
  index_t of_dimension = 0, of_mean = 0;
  for (const repeated_estimate& e : trial.repeats) {
    if (!std::isfinite(e.interval.lower) || !std::isfinite(e.interval.upper)) continue;
    ++out.intervals;
    of_dimension += holds(e.interval, static_cast<double>(trial.truth)) ? 1 : 0;
    of_mean += holds(e.interval, out.mean) ? 1 : 0;
  }
  out.of_dimension = out.of_mean = no_coverage;
  if (out.intervals == 0) return;
  out.of_dimension = atlas::coverage(of_dimension, out.intervals);
  out.of_mean = atlas::coverage(of_mean, out.intervals);
}

trial_summary summarize_trial(const estimator_trial& trial) {
  trial_summary out;
  const auto truth = static_cast<double>(trial.truth);
  std::vector<double> found, errors;
  double squares = 0;
  for (const repeated_estimate& e : trial.repeats) {
    if (!std::isfinite(e.dimension)) {
      if (out.why.empty()) out.why = e.remark;
      continue;
    }
    found.push_back(e.dimension);
    squares += std::pow(e.dimension / truth - 1, 2);
    if (std::isfinite(e.standard_error)) errors.push_back(e.standard_error);
  }
  const auto n = static_cast<double>(found.size());
  out.undefined = static_cast<index_t>(trial.repeats.size() - found.size());
  out.mean = found.empty() ? NAN : atlas::summarize(found).mean;
  out.sd = found.size() < 2 ? NAN : atlas::summarize(found).sd;
  out.bias = out.mean / truth - 1;
  out.bias_error = out.sd / truth / std::sqrt(n);
  out.deviation = found.empty() ? NAN : std::sqrt(squares / n);
  out.error = errors.empty() ? NAN : atlas::summarize(errors).mean;
  add_coverage(trial, out);
  return out;
}

}  // namespace

std::vector<trial_summary> summarize_trials(const std::vector<estimator_trial>& trials) {
  std::vector<trial_summary> out;
  for (const estimator_trial& trial : trials) out.push_back(summarize_trial(trial));
  for (std::size_t i = 0; i < trials.size(); ++i) {
    if (std::isnan(out[i].deviation)) continue;
    out[i].rank = 1;
    for (std::size_t j = 0; j < trials.size(); ++j)
      if (trials[j].manifold == trials[i].manifold && out[j].deviation < out[i].deviation)
        ++out[i].rank;
  }
  return out;
}

namespace {

/// One estimator over all manifolds.
struct ranked_estimator {
  std::string text;
  double mean_rank = 0, mean_bias = 0, mean_deviation = 0;  ///< bias without its sign
  index_t manifolds = 0;                                    ///< with an estimate
  index_t undefined = 0;                                    ///< clouds without one, of all
};

std::vector<ranked_estimator> ranking_of(const std::vector<estimator_trial>& trials,
                                         const std::vector<trial_summary>& summaries) {
  std::vector<ranked_estimator> out;
  for (std::size_t i = 0; i < trials.size(); ++i) {
    const std::string text = typed_text(trials[i].estimator);
    auto found =
        std::find_if(out.begin(), out.end(), [&](const auto& r) { return r.text == text; });
    if (found == out.end()) found = out.insert(out.end(), {text});
    found->undefined += summaries[i].undefined;
    if (summaries[i].rank == 0) continue;
    ++found->manifolds;
    found->mean_rank += static_cast<double>(summaries[i].rank);
    found->mean_bias += std::abs(summaries[i].bias);
    found->mean_deviation += summaries[i].deviation;
  }
  for (ranked_estimator& r : out) {
    const double n = r.manifolds > 0 ? static_cast<double>(r.manifolds) : NAN;
    r.mean_rank /= n;
    r.mean_bias /= n;
    r.mean_deviation /= n;
  }
  std::stable_sort(out.begin(), out.end(), [](const auto& a, const auto& b) {
    if (std::isnan(a.mean_rank) || std::isnan(b.mean_rank)) return !std::isnan(a.mean_rank);
    return a.mean_rank < b.mean_rank;
  });
  return out;
}

json share_of(const atlas::coverage_estimate& share) {
  json out = {{"value", number(share.share)}};
  out.update(bounds(share.interval));
  return out;
}

const char* claim_text(const atlas::any_estimator& e) {
  return atlas::claim_of(e) == atlas::interval_claim::dimension ? "dimension" : "own mean";
}

json trial_json(const estimator_trial& t, const trial_summary& s) {
  json out = {{"manifold", t.manifold},
              {"estimator", typed_text(t.estimator)},
              {"name", std::string(atlas::name_of(t.estimator))},
              {"parameters", parameters_json(t.estimator)},
              {"claim", claim_text(t.estimator)},
              {"truth", t.truth},
              {"columns", t.columns},
              {"repeats", t.repeats.size()},
              {"undefined", s.undefined},
              {"why_undefined", s.why.empty() ? json(nullptr) : json(s.why)},
              {"mean", number(s.mean)},
              {"sd", number(s.sd)},
              {"bias", number(s.bias)},
              {"bias_error", number(s.bias_error)},
              {"deviation", number(s.deviation)},
              {"standard_error", number(s.error)},
              {"intervals", s.intervals},
              {"coverage_of_dimension", share_of(s.of_dimension)},
              {"coverage_of_own_mean", share_of(s.of_mean)},
              {"rank", s.rank > 0 ? json(s.rank) : json(nullptr)}};
  if (!std::isnan(t.seconds)) out["seconds"] = number(t.seconds);
  if (!std::isnan(t.mebibytes)) out["mebibytes"] = number(t.mebibytes);
  return out;
}

}  // namespace

json trials_json(const std::vector<estimator_trial>& trials,
                 const std::vector<trial_summary>& summaries) {
  json rows = json::array(), ranking = json::array();
  for (std::size_t i = 0; i < trials.size(); ++i)
    rows.push_back(trial_json(trials[i], summaries[i]));
  for (const ranked_estimator& r : ranking_of(trials, summaries))
    ranking.push_back({{"estimator", r.text},
                       {"mean_rank", number(r.mean_rank)},
                       {"mean_absolute_bias", number(r.mean_bias)},
                       {"mean_deviation", number(r.mean_deviation)},
                       {"manifolds", r.manifolds},
                       {"undefined", r.undefined}});
  return {{"trials", rows}, {"ranking", ranking}};
}

namespace {

std::string percent(double share, int decimals = 0) {
  return std::isnan(share) ? "-" : fmt::format("{:.{}f} %", 100 * share, decimals);
}
std::string signed_percent(double share) {
  return std::isnan(share) ? "-" : fmt::format("{:+.1f} %", 100 * share);
}

/// Coverage of what the interval does not claim is in brackets.
std::string dimension_coverage(const estimator_trial& t, const trial_summary& s) {
  const std::string text = percent(s.of_dimension.share);
  const bool claimed = atlas::claim_of(t.estimator) == atlas::interval_claim::dimension;
  return claimed || text == "-" ? text : "(" + text + ")";
}

std::vector<std::string> trial_cells(const estimator_trial& t, const trial_summary& s, bool costs) {
  std::vector<std::string> cells = {t.manifold,
                                    std::to_string(t.truth),
                                    typed_text(t.estimator),
                                    digits(s.mean),
                                    signed_percent(s.bias),
                                    digits(s.sd),
                                    digits(s.error),
                                    dimension_coverage(t, s),
                                    percent(s.of_mean.share),
                                    s.rank > 0 ? std::to_string(s.rank) : "-",
                                    s.undefined > 0 ? std::to_string(s.undefined) : ""};
  if (costs) {
    cells.push_back(digits(t.seconds, 3));
    cells.push_back(digits(t.mebibytes, 1));
  }
  return cells;
}

/// Why clouds have no estimate.
std::string reasons_text(const std::vector<estimator_trial>& trials,
                         const std::vector<trial_summary>& summaries) {
  std::string out;
  for (std::size_t i = 0; i < trials.size(); ++i)
    if (!summaries[i].why.empty())
      out += fmt::format("{} on {}: {}\n", typed_text(trials[i].estimator), trials[i].manifold,
                         summaries[i].why);
  return out.empty() ? out : "\n" + out;
}

constexpr const char* how_to_read_estimators =
    "How to read this. Clouds of known dimension, drawn anew each time. Bias: mean of the "
    "estimates\n"
    "over the dimension, less 1. sd: of the estimates; error: what the estimator says of it, on\n"
    "average; they should agree. Holds d, holds mean: shares of 95 % intervals with the dimension\n"
    "in them, and with the mean of the estimates; in brackets where an estimator's interval is\n"
    "not one of the dimension. Rank: by the root mean square deviation from the dimension, on\n"
    "that manifold. None: clouds without an estimate.\n";

}  // namespace

std::string trials_text(const std::vector<estimator_trial>& trials,
                        const std::vector<trial_summary>& summaries) {
  const bool costs = std::any_of(trials.begin(), trials.end(),
                                 [](const auto& t) { return !std::isnan(t.seconds); });
  std::vector<std::vector<std::string>> table = {{"manifold", "d", "estimator", "mean", "bias",
                                                  "sd", "error", "holds d", "holds mean", "rank",
                                                  "none"}};
  if (costs) table[0].insert(table[0].end(), {"seconds", "MiB"});
  for (std::size_t i = 0; i < trials.size(); ++i)
    table.push_back(trial_cells(trials[i], summaries[i], costs));
  std::vector<std::vector<std::string>> ranks = {
      {"estimator", "mean rank", "mean |bias|", "mean deviation", "manifolds", "none"}};
  for (const ranked_estimator& r : ranking_of(trials, summaries))
    ranks.push_back({r.text, digits(r.mean_rank, 1), percent(r.mean_bias, 1),
                     percent(r.mean_deviation, 1), std::to_string(r.manifolds),
                     r.undefined > 0 ? std::to_string(r.undefined) : ""});
  return table_text(table) + reasons_text(trials, summaries) + "\n" + table_text(ranks) + "\n" +
         how_to_read_estimators;
}

std::string trials_csv(const std::vector<estimator_trial>& trials,
                       const std::vector<trial_summary>& summaries, const common_options& common) {
  std::string out = fmt::format(
      "manifold,truth,columns,estimator,claim,repeats,undefined,mean,sd,bias,bias_error,deviation,"
      "standard_error,intervals,coverage_of_dimension,coverage_of_own_mean,rank,seconds,mebibytes,"
      "{}\n",
      run_columns);
  const auto cell = [](double x) { return std::isfinite(x) ? fmt::format("{}", x) : ""; };
  const std::string run = run_fields(common);
  for (std::size_t i = 0; i < trials.size(); ++i) {
    const estimator_trial& t = trials[i];
    const trial_summary& s = summaries[i];
    out += fmt::format(
        "{},{},{},{},{},{},{},{},{},{},{},{},{},{},{},{},{},{},{},{}\n", csv_field(t.manifold),
        t.truth, t.columns, csv_field(typed_text(t.estimator)), claim_text(t.estimator),
        t.repeats.size(), s.undefined, cell(s.mean), cell(s.sd), cell(s.bias), cell(s.bias_error),
        cell(s.deviation), cell(s.error), s.intervals, cell(s.of_dimension.share),
        cell(s.of_mean.share), s.rank > 0 ? std::to_string(s.rank) : "", cell(t.seconds),
        cell(t.mebibytes), run);
  }
  return out;
}

}  // namespace atlas_program
