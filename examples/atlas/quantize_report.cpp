// SPDX-License-Identifier: MIT
#include "quantize_report.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <set>

#include "atlas/stats/summary.hpp"

namespace atlas_program {

namespace {

using atlas::index_t;

double spread(const std::vector<double>& x) {
  return x.size() > 1 ? atlas::summarize(x).sd : std::numeric_limits<double>::quiet_NaN();
}

json matrix_json(const quantize_outcome& o, std::size_t k) {
  const matrix_errors& m = o.matrices[k];
  json out = {{"bits", o.bits},
              {"method", o.method},
              {"weight_error", number(m.errors.weights)},
              {"output_error", number(m.errors.output)}};
  if (!m.draws.empty()) out["output_error_sd"] = number(spread(m.draws));
  const json repairs = repairs_json(m.repairs);
  if (!repairs.empty()) out["repairs"] = repairs;
  return out;
}

/// How a basis compares with random ones.
struct comparison {
  double ratio = 0;               ///< of output errors, geometric mean
  std::size_t lower = 0, of = 0;  ///< matrices
  double perplexity = 0, random = 0, random_sd = 0;
};

comparison compare(const quantize_outcome& basis, const quantize_outcome& random) {
  comparison out;
  for (std::size_t k = 0; k < basis.matrices.size(); ++k) {
    const double a = basis.matrices[k].errors.output, b = random.matrices[k].errors.output;
    if (!(a > 0 && b > 0)) continue;
    out.ratio += std::log(a / b);
    out.lower += a < b ? 1 : 0;
    ++out.of;
  }
  out.ratio = std::exp(out.ratio / static_cast<double>(out.of));
  out.perplexity = basis.read.perplexity;
  out.random = atlas::summarize(random.perplexities).mean;
  out.random_sd = spread(random.perplexities);
  return out;
}

json comparison_json(const comparison& c) {
  return {{"output_error_ratio", number(c.ratio)},
          {"lower_in", c.lower},
          {"matrices", c.of},
          {"perplexity", number(c.perplexity)},
          {"random_perplexity", number(c.random)},
          {"random_perplexity_sd", number(c.random_sd)}};
}

/// Bases that are learned, each with its random counterpart.
constexpr std::pair<const char*, const char*> contests[] = {
    {"fisher", "random"}, {"fisher-allocated", "random-allocated"}, {"fisher-lambda", "random"}};

}  // namespace

bool quantize_report::tried(const std::string& method) const {
  return std::find(methods.begin(), methods.end(), method) != methods.end();
}

const quantize_outcome& quantize_report::outcome(const std::string& method, int b) const {
  return *std::find_if(outcomes.begin(), outcomes.end(), [&](const quantize_outcome& o) {
    return o.method == method && o.bits == b;
  });
}

std::vector<index_t> quantize_report::layers() const {
  std::set<index_t> all;
  for (const linear_map& map : maps) all.insert(map.layer);
  return {all.begin(), all.end()};
}

/// Geometric mean over the layer's matrices.
double quantize_report::layer_error(const quantize_outcome& o, index_t layer,
                                    double atlas::quantization_errors::*which) const {
  double sum = 0;
  index_t count = 0;
  for (std::size_t k = 0; k < maps.size(); ++k)
    if (maps[k].layer == layer) {
      sum += std::log(o.matrices[k].errors.*which);
      ++count;
    }
  return std::exp(sum / static_cast<double>(count));
}

/// Mean over the layer's matrices.
double quantize_report::effective_rank(index_t layer, double atlas::effective_ranks::*which) const {
  double sum = 0;
  index_t count = 0;
  for (std::size_t k = 0; k < maps.size(); ++k)
    if (maps[k].layer == layer) {
      sum += ranks[k].*which;
      ++count;
    }
  return sum / static_cast<double>(count);
}

/// The method of the least output error over some layers.
std::string quantize_report::best(int b, const std::vector<index_t>& in) const {
  std::string name;
  double least = std::numeric_limits<double>::infinity();
  for (const std::string& method : methods) {
    double sum = 0;
    for (const index_t l : in)
      sum += std::log(layer_error(outcome(method, b), l, &atlas::quantization_errors::output));
    if (sum < least) {
      least = sum;
      name = method;
    }
  }
  return name;
}

json quantize_report::perplexity_json() const {
  json out = json::array();
  for (const quantize_outcome& o : outcomes) {
    json one = {
        {"method", o.method},
        {"bits", o.bits},
        {"value", number(atlas::summarize(o.perplexities).mean)},
        {"change",
         {{"value", number(o.change.value)}, {"standard_error", number(o.change.standard_error)}}}};
    if (o.perplexities.size() > 1) one["sd_of_draws"] = number(spread(o.perplexities));
    out.push_back(std::move(one));
  }
  return out;
}

json quantize_report::layers_json() const {
  json out = json::array();
  for (const index_t l : layers()) {
    json matrices = json::array(), winners = json::object();
    for (std::size_t k = 0; k < maps.size(); ++k) {
      if (maps[k].layer != l) continue;
      json results = json::array();
      for (const quantize_outcome& o : outcomes) results.push_back(matrix_json(o, k));
      matrices.push_back({{"name", short_name(maps[k])},
                          {"outputs", maps[k].weights.rows()},
                          {"inputs", maps[k].weights.cols()},
                          {"effective_rank", effective_rank_json(ranks[k])},
                          {"results", results}});
    }
    for (const int b : bits) winners[std::to_string(b)] = best(b, {l});
    out.push_back({{"layer", l}, {"best", winners}, {"matrices", matrices}});
  }
  return out;
}

json quantize_report::verdict_json() const {
  json out = json::array();
  for (const auto& [basis, random] : contests) {
    if (!tried(basis) || !tried(random)) continue;
    for (const int b : bits) {
      json one = {{"basis", basis}, {"against", random}, {"bits", b}};
      one.update(comparison_json(compare(outcome(basis, b), outcome(random, b))));
      out.push_back(std::move(one));
    }
  }
  return out;
}

std::string quantize_report::perplexity_table() const {
  std::vector<std::vector<std::string>> rows = {{"perplexity"}};
  for (const int b : bits) rows[0].push_back(fmt::format("{} bits", b));
  for (const std::string& method : methods) {
    rows.push_back({method});
    for (const int b : bits) {
      const quantize_outcome& o = outcome(method, b);
      const double mean = atlas::summarize(o.perplexities).mean;
      const bool large = mean >= 1e5;
      std::string cell = large ? fmt::format("{:.1e}", mean) : digits(mean, 2);
      const double sd = spread(o.perplexities);
      if (!std::isnan(sd)) cell += large ? fmt::format(" ({:.1e})", sd) : " (" + digits(sd) + ")";
      rows.back().push_back(std::move(cell));
    }
  }
  return table_text(rows) + "In brackets: sd over draws of a random basis.\n\n";
}

std::string quantize_report::errors_table(int b) const {
  std::vector<std::vector<std::string>> rows = {
      {"layer"}, {"rank, second moments"}, {"rank about the mean"}};
  for (const index_t l : layers()) {
    rows[0].push_back(std::to_string(l));
    rows[1].push_back(digits(effective_rank(l, &atlas::effective_ranks::second_moments), 1));
    rows[2].push_back(digits(effective_rank(l, &atlas::effective_ranks::about_mean), 1));
  }
  for (const std::string& method : methods) {
    rows.push_back({method});
    for (const index_t l : layers())
      rows.back().push_back(fmt::format(
          "{:.1e} {:.1e}", layer_error(outcome(method, b), l, &atlas::quantization_errors::weights),
          layer_error(outcome(method, b), l, &atlas::quantization_errors::output)));
  }
  rows.push_back({"best"});
  for (const index_t l : layers()) rows.back().push_back(best(b, {l}));
  return fmt::format("{} bits: weight and output error, geometric means over a layer's matrices\n",
                     b) +
         table_text(rows) + "\n";
}

std::string quantize_report::verdict_text() const {
  std::vector<std::vector<std::string>> rows = {
      {"basis", "against", "bits", "output error ratio", "lower in", "perplexity", "random (sd)"}};
  for (const json& v : verdict_json()) {
    const auto value = [&](const char* key) {
      return v[key].is_null() ? std::nan("") : v[key].get<double>();
    };
    rows.push_back({v["basis"], v["against"], v["bits"].dump(),
                    digits(value("output_error_ratio"), 3),
                    fmt::format("{} of {}", v["lower_in"].dump(), v["matrices"].dump()),
                    digits(value("perplexity"), 2),
                    fmt::format("{} ({})", digits(value("random_perplexity"), 2),
                                digits(value("random_perplexity_sd"), 2))});
  }
  if (rows.size() == 1) return "";
  return "Learned bases against random ones: a ratio below 1 is for the learned basis\n" +
         table_text(rows) + "\n";
}

std::string quantize_report::text() const {
  std::string out = perplexity_table();
  for (const int b : bits) out += errors_table(b);
  out += verdict_text();
  return out +
         "How to read this. Every linear map of the layers is replaced by its rounded one; the "
         "second\n"
         "moments are of the calibration text, the perplexity of the other. Weight error: "
         "|W - W^|^2 over\n"
         "|W|^2; output error: the same weighted by E[a a^T]. Allocated: bits differ between "
         "directions\n"
         "and average to the number given. Rank: participation ratio of the eigenvalues of "
         "E[a a^T], in\n"
         "which a large mean counts as nearly all there is, and about the mean, of the "
         "covariance; means over\n"
         "a layer's matrices. A learned basis is worth its name as far as it beats "
         "random\n"
         "ones by more than their spread.\n";
}

}  // namespace atlas_program
