// SPDX-License-Identifier: MIT
#include "readings.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <iterator>
#include <utility>

namespace atlas_program {

namespace {

using atlas::index_t;
using atlas::verdict;

/// Comparisons of a family with one verdict.
struct verdict_share {
  index_t count = 0;
  std::vector<double> values, nulls;
};

verdict_share share_of(const std::vector<atlas::finding>& family, verdict which) {
  verdict_share out;
  for (const atlas::finding& f : family) {
    if (f.verdict != which) continue;
    ++out.count;
    out.values.push_back(f.value);
    out.nulls.push_back(f.null_mean);
  }
  return out;
}

std::string numbers_text(const verdict_share& share, int decimals) {
  return fmt::format("{}, null {}", values_text(share.values, decimals),
                     values_text(share.nulls, decimals));
}

/// "in all 6 layers (0.43 to 0.45, null 0.40)" or "in 2 of 6 layers (...)"
std::string place_text(const verdict_share& share, index_t all, const reading_words& words) {
  const std::string where = share.count < all
                                ? fmt::format("{} of {}", share.count, counted(all, words))
                            : all == 1 ? "the one " + words.unit
                                       : fmt::format("all {}", counted(all, words));
  return fmt::format("in {} ({})", where, numbers_text(share, words.decimals));
}

standing standing_of(const verdict_share& above, const verdict_share& below,
                     const verdict_share& open) {
  if (above.count + below.count > 0) return standing::holds;
  return open.count > 0 ? standing::unknown : standing::chance;
}

bool has_p(const atlas::finding& f) {
  return f.p >= 0 && f.p <= 1 && std::isfinite(f.value) && std::isfinite(f.null_mean);
}

/// As many as tell the numbers of a family apart.
int decimals_of(const std::vector<atlas::finding>& family) {
  double most = 0;
  for (const atlas::finding& f : family)
    if (has_p(f)) most = (std::max)({most, std::abs(f.value), std::abs(f.null_mean)});
  return most >= 10 ? 1 : most >= 1 ? 2 : 3;
}

/// A sentence of comparisons that were judged.
reading sentence_of(const std::vector<atlas::finding>& family, const reading_words& words) {
  const auto all = static_cast<index_t>(family.size());
  const verdict_share above = share_of(family, verdict::above),
                      below = share_of(family, verdict::below),
                      chance = share_of(family, verdict::consistent_with_chance),
                      open = share_of(family, verdict::undecided);
  std::vector<std::string> parts;
  const auto add = [&](const verdict_share& share, const std::string& how) {
    if (share.count > 0) parts.push_back(how + " " + place_text(share, all, words));
  };
  add(above, words.above);
  add(below, words.below);
  add(chance, words.chance);
  add(open, words.open);
  reading out{standing_of(above, below, open),
              fmt::format("{} {}.", words.subject, fmt::join(parts, "; "))};
  if (out.standing == standing::holds && !words.then.empty()) out.text += " " + words.then;
  return out;
}

/// Judges those with a p; the others stay where they are.
void judge_those_with_p(std::vector<atlas::finding>& family) {
  std::vector<atlas::finding> with_p;
  std::copy_if(family.begin(), family.end(), std::back_inserter(with_p), has_p);
  with_p = atlas::judge(std::move(with_p));
  auto next = with_p.begin();
  for (atlas::finding& f : family)
    if (has_p(f)) f = *next++;
}

}  // namespace

atlas::finding compared(double value, double null_mean, double null_sd, double p) {
  atlas::finding f;
  f.value = value;
  f.null_mean = null_mean;
  f.null_sd = null_sd;
  f.p = p;
  return f;
}

std::string values_text(const std::vector<double>& values, int decimals) {
  const auto [low, high] = std::minmax_element(values.begin(), values.end());
  const std::string from = fmt::format("{:.{}f}", *low, decimals),
                    to = fmt::format("{:.{}f}", *high, decimals);
  return from == to ? from : from + " to " + to;
}

std::string counted(index_t count, const reading_words& words) {
  return fmt::format("{} {}", count, count == 1 ? words.unit : words.units);
}

std::vector<reading> read_family(std::vector<atlas::finding> family, const reading_words& words) {
  judge_those_with_p(family);
  return read_judged(std::move(family), words);
}

std::vector<reading> read_judged(std::vector<atlas::finding> judged, const reading_words& words) {
  std::erase_if(judged, [](const atlas::finding& f) { return !has_p(f); });
  if (judged.empty()) return {};
  return {sentence_of(judged, words)};
}

std::vector<reading> read_both(std::vector<atlas::finding> first,
                               std::vector<atlas::finding> second, const reading_words& words) {
  atlas::check_extent(static_cast<index_t>(second.size()), static_cast<index_t>(first.size()),
                      "second", "comparisons");
  judge_those_with_p(first);
  judge_those_with_p(second);
  std::vector<atlas::finding> both;
  for (std::size_t i = 0; i < first.size(); ++i) {
    if (!has_p(first[i]) || !has_p(second[i])) continue;
    both.push_back(first[i]);
    if (first[i].verdict != second[i].verdict) both.back().verdict = verdict::undecided;
  }
  if (both.empty()) return {};
  return {sentence_of(both, words)};
}

reading read_claim(const std::vector<atlas::finding>& family, const claim_words& words) {
  const std::string claim = fmt::format("\u201c{}\u201d:", words.claim);
  const reading_words comparisons{
      claim,        "above its null", "below its null",   "what its null gives",
      "comparison", "comparisons",    decimals_of(family)};
  const auto open =
      static_cast<index_t>(std::count_if(family.begin(), family.end(), std::not_fn(has_p)));
  const auto all = static_cast<index_t>(family.size());
  std::vector<reading> read = read_family(family, comparisons);
  reading out = read.empty() ? reading{standing::unknown, claim} : std::move(read.front());
  if (all == 0) out.text += " nothing to compare.";
  if (open > 0)
    out.text += fmt::format(" {} of {} {} no p.", open, counted(all, comparisons),
                            open == 1 ? "has" : "have");
  out.text += fmt::format(" Measured: {}. Its null: {}.", words.measured, words.null);
  return out;
}

reading count_claims(const std::vector<reading>& claims) {
  const auto with = [&](standing which) {
    return std::count_if(claims.begin(), claims.end(),
                         [&](const reading& r) { return r.standing == which; });
  };
  return {standing::fact,
          fmt::format("Of {} claims {} are beyond their null in some comparison, after Holm's "
                      "correction for all of the claim; {} are what the null gives; {} cannot be "
                      "told.",
                      claims.size(), with(standing::holds), with(standing::chance),
                      with(standing::unknown))};
}

}  // namespace atlas_program
