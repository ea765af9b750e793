// SPDX-License-Identifier: MIT
#include "readings.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

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
  std::erase_if(family, [](const atlas::finding& f) {
    return !(f.p >= 0 && f.p <= 1) || !std::isfinite(f.value) || !std::isfinite(f.null_mean);
  });
  if (family.empty()) return {};
  family = atlas::judge(std::move(family));
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
  add(open, "undecided, with p of 0.05 or less but not after Holm's correction,");
  reading out{standing_of(above, below, open),
              fmt::format("{} {}.", words.subject, fmt::join(parts, "; "))};
  if (out.standing == standing::holds && !words.then.empty()) out.text += " " + words.then;
  return {out};
}

}  // namespace atlas_program
