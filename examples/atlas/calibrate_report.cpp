// SPDX-License-Identifier: MIT
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "atlas/stats/distributions.hpp"
#include "atlas/stats/summary.hpp"
#include "atlas/stats/uniformity.hpp"
#include "calibrate_report.hpp"

namespace atlas_program::calibration {

namespace {

using atlas::index_t;

/// Bounds of what is taken as right.
constexpr atlas::interval wanted_mean = {-0.15, 0.15};
constexpr atlas::interval wanted_sd = {0.9, 1.15};
constexpr atlas::interval wanted_beyond = {0.03, 0.07};
constexpr double least_ks_p = 1e-3;
/// Of the intervals that decide whether something is off.
constexpr double certainty = 0.99;
constexpr double none = std::numeric_limits<double>::quiet_NaN();

/// Whether all of the interval lies outside of what is wanted.
bool outside(const atlas::interval& of, const atlas::interval& wanted) {
  return of.lower > wanted.upper || of.upper < wanted.lower;
}

atlas::interval around(double value, double error) {
  const double half = atlas::normal_quantile(0.5 + 0.5 * certainty) * error;
  return {value - half, value + half};
}

struct interval_summary {
  atlas::sample_summary estimates;
  double error = 0;  ///< mean half width over the normal quantile
  atlas::coverage_estimate coverage;
  double truth = 0;
  index_t undefined = 0;
  bool off = false;
};

interval_summary summarize_intervals(const calibration_row& row) {
  interval_summary out;
  std::vector<double> estimates;
  double width = 0;
  std::vector<observation> defined;
  for (const observation& o : row.observations)
    if (std::isfinite(o.value) && std::isfinite(o.interval.lower) &&
        std::isfinite(o.interval.upper)) {
      defined.push_back(o);
      estimates.push_back(o.value);
      width += o.interval.upper - o.interval.lower;
    }
  out.undefined = static_cast<index_t>(row.observations.size() - defined.size());
  out.estimates = atlas::summarize(estimates);
  out.truth = std::isnan(row.of.truth) ? out.estimates.mean : row.of.truth;
  out.off = out.undefined > 0;
  if (defined.empty()) return out;
  const auto n = static_cast<index_t>(defined.size());
  out.error = width / static_cast<double>(n) / (2 * atlas::normal_quantile(0.975));
  index_t hits = 0;
  for (const observation& o : defined)
    hits += o.interval.lower <= out.truth && out.truth <= o.interval.upper ? 1 : 0;
  out.coverage = atlas::coverage(hits, n);
  if (outside(atlas::coverage(hits, n, certainty).interval, row.of.wanted_coverage)) out.off = true;
  return out;
}

struct score_summary {
  atlas::sample_summary z;  ///< NaN for p alone
  double wanted_sd = 0;
  atlas::coverage_estimate beyond;  ///< share of p up to 0.05
  double ks_z = none, ks_p = none;
  index_t undefined = 0;
  bool off = false;
};

/// Of the sd of numbers from Student's t, which has longer tails than the normal; symmetric in the
/// logarithm, as the sd of few numbers nearly is.
atlas::interval interval_of_sd(const atlas::sample_summary& s, double degrees) {
  const double excess = degrees > 8 && std::isfinite(degrees) ? 6 / (degrees - 4) : 0;
  const double error = std::sqrt((2 + excess) / (4 * static_cast<double>(s.count - 1)));
  const atlas::interval logs = around(0, error);
  return {s.sd * std::exp(logs.lower), s.sd * std::exp(logs.upper)};
}

void judge_scores(const std::vector<double>& z, const quantity& of, score_summary& out) {
  out.z = atlas::summarize(z);
  out.wanted_sd = std::isinf(of.degrees) ? 1 : std::sqrt(of.degrees / (of.degrees - 2));
  out.ks_z = atlas::uniformity_of_t(z, of.degrees).p;
  out.off = out.off || outside(around(out.z.mean, out.z.standard_error), wanted_mean) ||
            outside(interval_of_sd(out.z, of.degrees), wanted_sd) || out.ks_z < least_ks_p;
}

score_summary summarize_scores(const calibration_row& row) {
  score_summary out;
  std::vector<double> z, p;
  index_t hits = 0;
  for (std::size_t i = 0; i < row.observations.size(); ++i) {
    const observation& o = row.observations[i];
    if (!std::isfinite(o.p) || !std::isfinite(o.value)) continue;
    z.push_back(o.value);
    p.push_back(std::clamp(o.p - row.jitter[i] * row.of.step, 0.0, 1.0));
    hits += p.back() <= 0.05 ? 1 : 0;
  }
  out.undefined = static_cast<index_t>(row.observations.size() - p.size());
  out.z = {none, none, none, static_cast<index_t>(p.size())};
  out.off = out.undefined > 0;
  if (p.empty()) return out;
  const auto n = static_cast<index_t>(p.size());
  out.beyond = atlas::coverage(hits, n);
  if (row.of.kind != quantity_kind::verdict) out.ks_p = atlas::uniformity(p).p;
  out.off = out.off || outside(atlas::coverage(hits, n, certainty).interval, wanted_beyond) ||
            out.ks_p < least_ks_p;
  if (row.of.kind == quantity_kind::score) judge_scores(z, row.of, out);
  return out;
}

/// "", or what a row that is off is marked with.
std::string mark(bool off, const quantity& of) {
  if (of.warning) return off ? "off, as it should be" : "not off, and should be";
  return off ? "OFF" : "";
}

json row_json(const calibration_row& row, index_t undefined, bool off) {
  return {{"item", row.item},
          {"data", row.data},
          {"quantity", row.of.name},
          {"clouds", row.observations.size()},
          {"undefined", undefined},
          {"off", off},
          {"should_be_off", row.of.warning}};
}

json share_json(const atlas::coverage_estimate& share) {
  return {{"value", number(share.n > 0 ? share.share : none)},
          {"lower", number(share.interval.lower)},
          {"upper", number(share.interval.upper)}};
}

json interval_json(const calibration_row& row, const interval_summary& s) {
  json out = row_json(row, s.undefined, s.off);
  out.update({{"mean", number(s.estimates.mean)},
              {"sd", number(s.estimates.sd)},
              {"error", number(s.error)},
              {"truth", number(s.truth)},
              {"truth_is_known", !std::isnan(row.of.truth)},
              {"coverage", share_json(s.coverage)},
              {"wanted", bounds(row.of.wanted_coverage)}});
  return out;
}

json score_json(const calibration_row& row, const score_summary& s) {
  json out = row_json(row, s.undefined, s.off);
  out.update({{"mean", number(s.z.mean)},
              {"mean_error", number(s.z.standard_error)},
              {"sd", number(s.z.sd)},
              {"wanted_sd", row.of.kind == quantity_kind::score ? number(s.wanted_sd) : nullptr},
              {"degrees", number(row.of.kind == quantity_kind::score ? row.of.degrees : none)},
              {"beyond", share_json(s.beyond)},
              {"ks_z", number(s.ks_z)},
              {"ks_p", number(s.ks_p)}});
  return out;
}

std::string percent(const atlas::coverage_estimate& share) {
  if (share.n == 0) return "-";
  return fmt::format("{:.1f} [{:.1f}, {:.1f}]", 100 * share.share, 100 * share.interval.lower,
                     100 * share.interval.upper);
}

std::string ks_text(double p) {
  return std::isnan(p) ? "-" : fmt::format("{:.2g}", p);
}

std::vector<std::string> interval_row(const calibration_row& row, const interval_summary& s) {
  return {row.item,
          row.data,
          row.of.name,
          std::to_string(row.observations.size()),
          digits(s.estimates.mean, 3),
          digits(s.estimates.sd, 3),
          digits(s.error, 3),
          std::isnan(row.of.truth) ? "own mean" : digits(row.of.truth, 2),
          percent(s.coverage),
          fmt::format("{:.0f} to {:.0f}", 100 * row.of.wanted_coverage.lower,
                      100 * row.of.wanted_coverage.upper),
          mark(s.off, row.of)};
}

std::vector<std::string> score_row(const calibration_row& row, const score_summary& s) {
  const bool score = row.of.kind == quantity_kind::score;
  return {row.item,
          row.data,
          row.of.name,
          std::to_string(row.observations.size()),
          score ? digits(s.z.mean, 2) : "-",
          score ? digits(s.z.sd, 2) : "-",
          score ? digits(s.wanted_sd, 2) : "-",
          percent(s.beyond),
          ks_text(s.ks_z),
          ks_text(s.ks_p),
          mark(s.off, row.of)};
}

/// Of words to the left, in whose columns the first ones are.
std::string left_table(std::vector<std::vector<std::string>> rows, std::size_t words) {
  for (std::size_t c = 0; c < words; ++c) {
    std::size_t width = 0;
    for (const auto& row : rows) width = std::max(width, row[c].size());
    for (auto& row : rows) row[c].resize(width, ' ');
  }
  std::string text = table_text(rows), trimmed;
  for (std::size_t from = 0; from < text.size();) {
    const std::size_t end = text.find('\n', from);
    const std::string line = text.substr(from, end - from);
    trimmed += line.substr(0, line.find_last_not_of(' ') + 1) + "\n";
    from = end + 1;
  }
  return trimmed;
}

std::string summary_line(index_t rows, index_t off, index_t warnings, index_t silent) {
  std::string text = fmt::format("{} of {} rows are off.", off, rows);
  if (warnings > 0)
    text += fmt::format(" {} more should be, as examples; of them {} {} not.", warnings, silent,
                        silent == 1 ? "is" : "are");
  return text + "\n";
}

}  // namespace

calibration_report report_of(const std::vector<calibration_row>& rows) {
  json intervals = json::array(), scores = json::array();
  std::vector<std::vector<std::string>> interval_table = {{"item", "data", "interval of", "clouds",
                                                           "mean", "sd", "error", "truth",
                                                           "coverage, % [95 %]", "wanted", ""}};
  std::vector<std::vector<std::string>> score_table = {
      {"item", "data", "z or p of", "clouds", "mean z", "sd", "wanted", "beyond 5 %, % [95 %]",
       "KS of z", "KS of p", ""}};
  index_t off = 0, warnings = 0, silent = 0;
  const auto count = [&](const calibration_row& row, bool is_off) {
    warnings += row.of.warning ? 1 : 0;
    silent += row.of.warning && !is_off ? 1 : 0;
    off += !row.of.warning && is_off ? 1 : 0;
  };
  for (const calibration_row& row : rows) {
    if (row.of.kind == quantity_kind::interval) {
      const interval_summary s = summarize_intervals(row);
      intervals.push_back(interval_json(row, s));
      interval_table.push_back(interval_row(row, s));
      count(row, s.off);
    } else {
      const score_summary s = summarize_scores(row);
      scores.push_back(score_json(row, s));
      score_table.push_back(score_row(row, s));
      count(row, s.off);
    }
  }
  const auto all = static_cast<index_t>(rows.size()) - warnings;
  std::string table;
  if (interval_table.size() > 1) table += left_table(interval_table, 3) + "\n";
  if (score_table.size() > 1) table += left_table(score_table, 3) + "\n";
  return {{{"rows", all + warnings},
           {"off", off},
           {"should_be_off", warnings},
           {"should_be_off_and_are_not", silent},
           {"intervals", intervals},
           {"scores", scores}},
          table + summary_line(all, off, warnings, silent)};
}

}  // namespace atlas_program::calibration
