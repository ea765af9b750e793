// SPDX-License-Identifier: MIT
/// \file
/// What follows from heads that were left out: rises of the loss, what predicts them, interactions.

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <map>
#include <numeric>

#include "atlas/core/random.hpp"
#include "atlas/stats/bootstrap.hpp"
#include "atlas/stats/multiple_testing.hpp"
#include "atlas/stats/pair_correlation.hpp"
#include "atlas/stats/summary.hpp"
#include "redundancy.hpp"

namespace atlas_program {

namespace {

using atlas::index_t;

/// A number of a head that may predict what it is worth.
struct head_property {
  const char* name;
  std::function<double(const head_measures&)> of;
};

/// Norm first: the others are also judged beside it.
std::vector<head_property> head_properties() {
  const auto observable = [](std::size_t i) {
    return [i](const head_measures& h) { return h.mean(i); };
  };
  return {{"norm", [](const head_measures& h) { return h.norm; }},
          {"overlap_in_head_coordinates", [](const head_measures& h) { return h.own_overlap; }},
          {"overlap_in_stream", [](const head_measures& h) { return h.stream_overlap; }},
          {"dimension", [](const head_measures& h) { return h.dimension; }},
          {"purity", observable(0)},
          {"ratio", observable(1)},
          {"margin", observable(2)},
          {"sink", observable(4)}};
}

std::vector<double> block_rises(const atlas::perplexity_result& baseline,
                                const atlas::perplexity_result& read) {
  std::vector<double> out;
  for (std::size_t b = 0; b < baseline.block_losses.size(); ++b)
    out.push_back(read.block_losses[b] - baseline.block_losses[b]);
  return out;
}

double mean_of_drawn(const std::vector<double>& values, std::span<const index_t> rows) {
  double sum = 0;
  for (const index_t r : rows) sum += values[static_cast<std::size_t>(r)];
  return sum / static_cast<double>(rows.size());
}

loss_rise rise_of_blocks(const std::vector<double>& rises, std::uint64_t seed) {
  const auto found =
      atlas::bootstrap(static_cast<index_t>(rises.size()),
                       [&](std::span<const index_t> rows) { return mean_of_drawn(rises, rows); },
                       {.seed = seed, .threads = 1});
  // Without a BCa interval where all passages agree.
  return {found.estimate, atlas::summarize(rises).standard_error,
          std::isfinite(found.bca.lower) && std::isfinite(found.bca.upper) ? found.bca
                                                                           : found.percentile};
}

/// Heads left out alone, in one way, in the order of the layers.
std::vector<const left_out*> single_heads(const redundancy_text& text, const std::string& way) {
  std::vector<const left_out*> out;
  for (const left_out& l : text.results)
    if (l.way == way && l.heads.size() == 1) out.push_back(&l);
  return out;
}

/// Heads with what they are worth, passage by passage, and some of their properties; those without
/// one of these are left out.
struct heads_within {
  std::vector<std::vector<double>> rises;  ///< `[head][passage]`
  std::vector<std::vector<double>> properties;
  std::vector<index_t> strata;  ///< of each head

  /// Whether two heads can be compared.
  bool comparable() const {
    std::vector<index_t> sorted = strata;
    std::sort(sorted.begin(), sorted.end());
    return std::adjacent_find(sorted.begin(), sorted.end()) != sorted.end();
  }
};

/// Heads that are compared with each other: those of a layer, or of a group in it.
/// \param layer its place among those measured
index_t stratum_of(const redundancy_run& run, index_t layer, index_t head) {
  const auto groups = static_cast<index_t>(run.texts[0].layers[0].size()) / run.heads_per_group;
  return run.heads_per_group == 1 ? layer : layer * groups + head / run.heads_per_group;
}

/// The place of a layer among those measured.
index_t place_of(const redundancy_run& run, index_t layer) {
  return std::find(run.layers.begin(), run.layers.end(), layer) - run.layers.begin();
}

heads_within heads_with(const redundancy_run& run, const redundancy_text& text,
                        const std::string& way, const std::vector<head_property>& properties) {
  heads_within out{{}, std::vector<std::vector<double>>(properties.size()), {}};
  std::map<index_t, std::size_t> place;
  for (std::size_t l = 0; l < run.layers.size(); ++l) place[run.layers[l]] = l;
  for (const left_out* head : single_heads(text, way)) {
    const std::size_t l = place.at(head->layer);
    std::vector<double> rises = block_rises(text.baseline, head->read);
    const head_measures& measures = text.layers[l][static_cast<std::size_t>(head->heads[0])];
    std::vector<double> values;
    for (const head_property& p : properties) values.push_back(p.of(measures));
    values.insert(values.end(), rises.begin(), rises.end());
    if (std::any_of(values.begin(), values.end(), [](double x) { return !std::isfinite(x); }))
      continue;
    out.strata.push_back(stratum_of(run, static_cast<index_t>(l), head->heads[0]));
    out.rises.push_back(std::move(rises));
    for (std::size_t i = 0; i < properties.size(); ++i) out.properties[i].push_back(values[i]);
  }
  return out;
}

Eigen::VectorXd vector_of(const std::vector<double>& x) {
  return Eigen::Map<const Eigen::VectorXd>(x.data(), static_cast<index_t>(x.size()));
}

/// Property, worth over some passages, and the control if there is one.
std::vector<Eigen::VectorXd> samples_of(const heads_within& heads,
                                        std::span<const index_t> passages) {
  Eigen::VectorXd worth(static_cast<index_t>(heads.rises.size()));
  for (index_t h = 0; h < worth.size(); ++h)
    worth(h) = mean_of_drawn(heads.rises[static_cast<std::size_t>(h)], passages);
  std::vector<Eigen::VectorXd> out = {vector_of(heads.properties[0]), std::move(worth)};
  if (heads.properties.size() > 1) out.push_back(vector_of(heads.properties[1]));
  return out;
}

/// Over some passages, within strata.
atlas::stratified_correlation correlate(const heads_within& heads,
                                        std::span<const index_t> passages,
                                        const atlas::stratified_options& options) {
  const std::vector<Eigen::VectorXd> s = samples_of(heads, passages);
  return s.size() > 2 ? atlas::partial_stratified_spearman(s[0], s[1], s[2], heads.strata, options)
                      : atlas::stratified_spearman(s[0], s[1], heads.strata, options);
}

/// Half of the standard deviation between the coefficients of two halves of the passages: the
/// standard error of that of all.
double error_of_halves(const heads_within& heads, std::uint64_t seed) {
  constexpr std::uint64_t halvings = 200;
  const atlas::stratified_options alone{.permutations = 1, .threads = 1};  // no p is looked at
  const auto passages = static_cast<index_t>(heads.rises.front().size());
  double squares = 0, count = 0;
  for (std::uint64_t i = 0; i < halvings; ++i) {
    atlas::random_stream random(seed, i);
    const auto order = atlas::random_permutation(passages, random);
    const std::span<const index_t> all = order;
    const auto half = static_cast<std::size_t>(passages / 2);
    try {
      const double gap = correlate(heads, all.first(half), alone).coefficient -
                         correlate(heads, all.subspan(half, half), alone).coefficient;
      squares += gap * gap;
      ++count;
    } catch (const atlas::value_error&) {
      continue;  // nothing varies in a half
    }
  }
  return count > 0 ? 0.5 * std::sqrt(squares / count) : NAN;
}

prediction predict(const redundancy_run& run, const redundancy_text& text, const std::string& way,
                   const std::vector<head_property>& properties, std::uint64_t stream) {
  const heads_within heads = heads_with(run, text, way, properties);
  prediction out;
  if (!heads.comparable()) {
    out.why = "no two heads that can be compared have a value";
    return out;
  }
  std::vector<index_t> all(text.baseline.block_losses.size());
  std::iota(all.begin(), all.end(), index_t{0});
  const std::uint64_t seed = atlas::seed_of_stream(run.common.seed, stream);
  try {
    out.r =
        correlate(heads, all,
                  {.permutations = run.permutations, .seed = seed, .threads = run.common.threads});
    out.error = error_of_halves(heads, seed);
    out.defined = true;
  } catch (const atlas::value_error& e) {
    out.why = e.expected();
  }
  return out;
}

/// Over all tests that could be made.
void add_holm(std::vector<prediction*> family) {
  std::erase_if(family, [](const prediction* p) { return !p->defined; });
  if (family.empty()) return;
  std::vector<double> p;
  for (const prediction* one : family) p.push_back(one->r.p);
  const auto adjusted = atlas::holm_correction(p);
  for (std::size_t i = 0; i < family.size(); ++i) family[i]->p_holm = adjusted[i];
}

std::vector<prediction_row> find_predictions(const redundancy_run& run) {
  std::vector<prediction_row> rows;
  const auto properties = head_properties();
  std::uint64_t stream = 0;
  for (const std::string& way : run.ways)
    for (std::size_t p = 0; p < properties.size(); ++p) {
      prediction_row row{way, properties[p].name, {}, {}};
      for (std::size_t t = 0; t < 2; ++t) {
        row.plain[t] = predict(run, run.texts[t], way, {properties[p]}, ++stream);
        if (p > 0)
          row.beyond[t] = predict(run, run.texts[t], way, {properties[p], properties[0]}, ++stream);
      }
      rows.push_back(std::move(row));
    }
  for (std::size_t t = 0; t < 2; ++t) {
    std::vector<prediction*> plain, beyond;
    for (prediction_row& row : rows) {
      plain.push_back(&row.plain[t]);
      beyond.push_back(&row.beyond[t]);
    }
    add_holm(plain);
    add_holm(beyond);
  }
  return rows;
}

constexpr atlas::stratified_correlation no_correlation = {NAN, NAN, NAN, NAN, 0, 0};

/// What heads are worth on one text against what they are on the other.
std::vector<atlas::stratified_correlation> compare_texts(const redundancy_run& run) {
  std::vector<atlas::stratified_correlation> out;
  for (const std::string& way : run.ways) {
    std::array<std::vector<double>, 2> worth;
    std::vector<index_t> strata;
    for (std::size_t t = 0; t < 2; ++t)
      for (const left_out* head : single_heads(run.texts[t], way)) {
        worth[t].push_back(atlas::summarize(block_rises(run.texts[t].baseline, head->read)).mean);
        if (t == 0) strata.push_back(stratum_of(run, place_of(run, head->layer), head->heads[0]));
      }
    try {
      out.push_back(atlas::stratified_spearman(worth[0], worth[1], strata,
                                               {.permutations = run.permutations,
                                                .seed = run.common.seed,
                                                .threads = run.common.threads}));
    } catch (const atlas::value_error&) {
      out.push_back(no_correlation);
    }
  }
  return out;
}

std::vector<pair_result> find_pairs(const redundancy_run& run, const redundancy_text& text) {
  std::vector<pair_result> out;
  std::map<std::tuple<index_t, index_t, std::string>, const left_out*> alone;
  std::map<index_t, std::size_t> place;
  for (std::size_t l = 0; l < run.layers.size(); ++l) place[run.layers[l]] = l;
  for (const left_out& l : text.results)
    if (l.heads.size() == 1) alone[{l.layer, l.heads[0], l.way}] = &l;
  for (const left_out& l : text.results) {
    if (l.heads.size() != 2) continue;
    const std::vector<double> joint = block_rises(text.baseline, l.read);
    std::vector<double> interaction = joint;
    for (const index_t h : l.heads) {
      const auto single = block_rises(text.baseline, alone.at({l.layer, h, l.way})->read);
      for (std::size_t b = 0; b < interaction.size(); ++b) interaction[b] -= single[b];
    }
    const auto& heads = text.layers[place.at(l.layer)];
    const head_measures &a = heads[static_cast<std::size_t>(l.heads[0])],
                        &b = heads[static_cast<std::size_t>(l.heads[1])];
    out.push_back({l, rise_of_blocks(joint, run.common.seed),
                   rise_of_blocks(interaction, run.common.seed),
                   a.overlap[static_cast<std::size_t>(l.heads[1])], 0.5 * (a.ceiling + b.ceiling)});
  }
  return out;
}

/// Whether heads that overlap stand in for each other: heads are shuffled, since pairs share them.
atlas::stratified_correlation overlap_of_pairs(const redundancy_run& run, std::size_t t,
                                               const std::string& way,
                                               const std::vector<pair_result>& all) {
  const auto heads = static_cast<index_t>(run.texts[t].layers[0].size());
  const index_t size = run.heads_per_group == 1 ? heads : run.heads_per_group;
  std::vector<Eigen::MatrixXd> overlaps;
  for (const auto& layer : run.texts[t].layers)
    for (index_t first = 0; first < heads; first += size) {
      overlaps.emplace_back(size, size);
      for (index_t h = 0; h < size; ++h)
        for (index_t g = 0; g < size; ++g)
          overlaps.back()(h, g) = layer[static_cast<std::size_t>(first + h)]
                                      .overlap[static_cast<std::size_t>(first + g)];
    }
  std::vector<atlas::stratified_pair> pairs;
  for (const pair_result& p : all) {
    const index_t a = p.what.heads[0], b = p.what.heads[1];
    if (p.what.way != way || a / size != b / size) continue;
    pairs.push_back(
        {stratum_of(run, place_of(run, p.what.layer), a), a % size, b % size, p.interaction.value});
  }
  if (pairs.empty()) return no_correlation;
  try {
    return atlas::pair_correlation(overlaps, pairs,
                                   {.permutations = run.permutations,
                                    .seed = atlas::seed_of_stream(run.common.seed, 2 + t),
                                    .threads = run.common.threads});
  } catch (const atlas::value_error&) {
    return no_correlation;  // a head without a frame, or nothing varies
  }
}

std::string share_text(double share) {
  return std::isnan(share) ? "-" : fmt::format("{:.0f} %", 100 * share);
}

const prediction_row* row_named(const std::vector<prediction_row>& rows, const std::string& way,
                                const char* predictor) {
  for (const prediction_row& row : rows)
    if (row.way == way && row.predictor == predictor) return &row;
  return nullptr;
}

std::string norm_sentence(const redundancy_run& run, const std::vector<prediction_row>& rows) {
  std::vector<std::string> parts;
  bool any = false;
  for (const std::string& way : run.ways) {
    const prediction_row* norm = row_named(rows, way, "norm");
    if (!norm->plain[0].defined) continue;
    any = any || norm->holds(false);
    const double r = norm->plain[0].r.coefficient, other = norm->plain[1].r.coefficient;
    parts.push_back(fmt::format(
        "{} of {} ({} on the held-out text; p {} and {}; shuffled heads {})", share_text(r * r),
        way, share_text(other * other), p_text(norm->plain[0].p_holm),
        p_text(norm->plain[1].p_holm), share_text(norm->plain[0].r.null_square)));
  }
  if (parts.empty()) return "What heads are worth cannot be compared.\n";
  return fmt::format(
      "Head norm alone has in common with the ranks of what heads are worth, {}: {}.{}\n",
      within_text(run), fmt::join(parts, "; "),
      any ? "" : " On both texts this is no more than chance.");
}

std::string geometry_sentence(const redundancy_run& run, const std::vector<prediction_row>& rows) {
  std::vector<std::string> holds;
  std::size_t tests = 0;
  index_t most = 0;
  double bound = NAN;  // of a test that all heads count in
  for (const prediction_row& row : rows) {
    if (row.predictor == "norm" || !row.beyond[0].defined) continue;
    ++tests;
    if (row.beyond[0].r.n > most) {
      most = row.beyond[0].r.n;
      bound = row.beyond[0].r.null_bound;
    }
    if (!row.holds(true)) continue;
    const prediction_row* norm = row_named(rows, row.way, "norm");
    const double of_norm = norm->plain[0].r.coefficient, r = row.beyond[0].r.coefficient;
    holds.push_back(fmt::format("{} ({}: r {:.2f} and {:.2f}, {} of the rank variance more)",
                                row.predictor, row.way, r, row.beyond[1].r.coefficient,
                                share_text((1 - of_norm * of_norm) * r * r)));
  }
  if (tests == 0) return "Whether geometry predicts more than norm cannot be tested here.\n";
  if (!holds.empty())
    return fmt::format("Beyond head norm, this predicts what a head is worth on both texts: {}.\n",
                       fmt::join(holds, "; "));
  std::size_t heads = 0;
  for (const auto& layer : run.texts[0].layers) heads += layer.size();
  return fmt::format(
      "Geometry predicts nothing beyond head norm that holds on both texts (Holm's correction "
      "over {} tests of {} heads in {}; a single test does not see coefficients below "
      "{:.2f}).\n",
      tests, heads,
      run.layers.size() == 1 ? "1 layer" : fmt::format("{} layers", run.layers.size()), bound);
}

/// Holm's, over the ways of each text in which there is a correlation.
std::vector<std::array<double, 2>> adjusted_over_ways(
    const std::vector<std::array<atlas::stratified_correlation, 2>>& found) {
  std::vector<std::array<double, 2>> out(found.size(), {NAN, NAN});
  for (std::size_t t = 0; t < 2; ++t) {
    std::vector<std::size_t> ways;
    std::vector<double> p;
    for (std::size_t w = 0; w < found.size(); ++w)
      if (!std::isnan(found[w][t].p)) {
        ways.push_back(w);
        p.push_back(found[w][t].p);
      }
    if (p.empty()) continue;
    const auto adjusted = atlas::holm_correction(p);
    for (std::size_t i = 0; i < ways.size(); ++i) out[ways[i]][t] = adjusted[i];
  }
  return out;
}

std::string overlap_sentence(const redundancy_run& run, const redundancy_findings& found) {
  std::vector<std::string> parts;
  for (std::size_t w = 0; w < run.ways.size(); ++w) {
    const auto& [here, there] = found.overlap_of_pairs[w];
    if (!std::isnan(here.coefficient))
      parts.push_back(fmt::format("{} {:.2f} (p {}; held out {}, p {})", run.ways[w],
                                  here.coefficient, p_text(found.overlap_p_holm[w][0]),
                                  digits(there.coefficient), p_text(found.overlap_p_holm[w][1])));
  }
  if (parts.empty()) return "";
  return fmt::format(
      "Overlap of two heads in the stream with their interaction, rank correlation over pairs "
      "{}: {}.\n",
      within_text(run), fmt::join(parts, "; "));
}

std::string pairs_sentence(const redundancy_findings& found) {
  if (found.pairs[0].empty()) return "";
  std::size_t above = 0, below = 0, both = 0;
  for (std::size_t i = 0; i < found.pairs[0].size(); ++i) {
    const auto side = [](const loss_rise& x) {
      return x.interval.lower > 0 ? 1 : x.interval.upper < 0 ? -1 : 0;
    };
    const int here = side(found.pairs[0][i].interaction),
              there = side(found.pairs[1][i].interaction);
    above += here > 0 ? 1 : 0;
    below += here < 0 ? 1 : 0;
    both += here != 0 && here == there ? 1 : 0;
  }
  return fmt::format(
      "Pairs: {}. Together they cost more than the sum of the two (each stands in for the other) "
      "in "
      "{}, less in {}; in {} of them likewise on the held-out text. Each interval is of 95 % by "
      "itself: "
      "about {:.0f} would exclude 0 by chance.\n",
      found.pairs[0].size(), above, below, both,
      std::ceil(0.05 * static_cast<double>(found.pairs[0].size())));
}

}  // namespace

std::string within_text(const redundancy_run& run) {
  return run.heads_per_group == 1 ? "within layers" : "within groups that share keys and values";
}

bool prediction_row::holds(bool given_norm) const {
  const auto& of = given_norm ? beyond : plain;
  return of[0].defined && of[1].defined && of[0].p_holm <= 0.05 && of[1].p_holm <= 0.05 &&
         of[0].r.coefficient * of[1].r.coefficient > 0;
}

loss_rise rise_of(const atlas::perplexity_result& baseline, const atlas::perplexity_result& read,
                  std::uint64_t seed) {
  return rise_of_blocks(block_rises(baseline, read), seed);
}

redundancy_findings find_redundancy(const redundancy_run& run) {
  redundancy_findings out{find_predictions(run), compare_texts(run), {}, {}, {}, {}};
  for (std::size_t t = 0; t < 2; ++t) out.pairs[t] = find_pairs(run, run.texts[t]);
  if (!out.pairs[0].empty())
    for (const std::string& way : run.ways)
      out.overlap_of_pairs.push_back({overlap_of_pairs(run, 0, way, out.pairs[0]),
                                      overlap_of_pairs(run, 1, way, out.pairs[1])});
  out.overlap_p_holm = adjusted_over_ways(out.overlap_of_pairs);
  out.verdict = norm_sentence(run, out.predictions) + geometry_sentence(run, out.predictions) +
                pairs_sentence(out);
  if (!out.overlap_of_pairs.empty()) out.verdict += overlap_sentence(run, out);
  return out;
}

}  // namespace atlas_program
