// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// Two-level factorial designs, full and fractional, and what a fraction cannot tell apart (Box,
/// Hunter and Hunter, Statistics for Experimenters, 2nd edition, chapters 5 and 6; Montgomery,
/// Design and Analysis of Experiments, chapter 8).

#include <algorithm>
#include <bit>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "atlas/core/checks.hpp"
#include "atlas/core/errors.hpp"
#include "atlas/core/tensor_view.hpp"

namespace atlas::inline ATLAS_ABI {

/// Some factors of a design: bit i is factor i. As an effect: their interaction, and for one factor
/// its main effect.
using factor_set = std::uint32_t;

/// Factors that a design can have: a full one of as many has 1024 cells.
inline constexpr index_t most_factors = 10;

/// How many factors are in a set.
[[nodiscard]] inline index_t factors_in(factor_set set) {
  return static_cast<index_t>(std::popcount(set));
}

/// A regular design of two levels a factor. Its basic factors, the first ones, take every
/// combination of levels; each of the others follows the product of some of them.
struct factorial_design {
  index_t factors = 0;
  /// `[cells]` which factors are high in each cell. The first basic factor changes fastest.
  std::vector<factor_set> high;
  /// Products of factors that are the same in all cells ("words"), shortest first: what makes
  /// effects inseparable. Empty for a full design.
  std::vector<factor_set> words;

  [[nodiscard]] index_t cells() const { return static_cast<index_t>(high.size()); }
  [[nodiscard]] bool full() const { return words.empty(); }
  /// Length of the shortest word: at 3 main effects are apart from each other but not from
  /// interactions of two factors, at 4 they are, at 5 those are apart from each other too. 0 for a
  /// full design, which separates everything.
  [[nodiscard]] index_t resolution() const { return full() ? 0 : factors_in(words.front()); }
  /// 1 or -1: the level of a factor in a cell, or the product of several factors' levels.
  [[nodiscard]] int sign(factor_set effect, index_t cell) const {
    const factor_set low = effect & ~high[static_cast<std::size_t>(cell)];
    return factors_in(low) % 2 == 0 ? 1 : -1;
  }
};

namespace detail {

/// Shorter first, then factors that come earlier.
inline bool shorter_word(factor_set a, factor_set b) {
  if (factors_in(a) != factors_in(b)) return factors_in(a) < factors_in(b);
  const factor_set differ = a ^ b;
  return (a & differ & (~differ + 1)) != 0;
}

/// All products of the generators' words, without the empty one.
inline std::vector<factor_set> words_of(const std::vector<factor_set>& independent) {
  std::vector<factor_set> all = {0};
  for (const factor_set word : independent) {
    const std::size_t so_far = all.size();
    for (std::size_t i = 0; i < so_far; ++i) all.push_back(all[i] ^ word);
  }
  all.erase(all.begin());
  std::sort(all.begin(), all.end(), shorter_word);
  return all;
}

/// Number of words of each length, from 1 on.
inline std::vector<index_t> word_lengths(const std::vector<factor_set>& words, index_t factors) {
  std::vector<index_t> count(static_cast<std::size_t>(factors), 0);
  for (const factor_set w : words) ++count[static_cast<std::size_t>(factors_in(w) - 1)];
  return count;
}

/// Words of the generators: each with the factor that it makes.
inline std::vector<factor_set> generator_words(index_t factors,
                                               const std::vector<factor_set>& generators) {
  const index_t basic = factors - static_cast<index_t>(generators.size());
  std::vector<factor_set> words;
  for (std::size_t g = 0; g < generators.size(); ++g)
    words.push_back(generators[g] | (factor_set{1} << (static_cast<std::size_t>(basic) + g)));
  return words;
}

/// "{0, 2}"
inline std::string set_text(factor_set set) {
  std::string text;
  for (index_t i = 0; i < 32; ++i)
    if ((set >> i & 1U) != 0) text += (text.empty() ? "" : ", ") + std::to_string(i);
  return "{" + text + "}";
}

inline void check_factors(index_t factors) {
  check_between(factors, 1, most_factors, "factors");
}

/// Levels of the factors that follow from the basic ones.
inline std::vector<factor_set> cells_of(index_t factors,
                                        const std::vector<factor_set>& generators) {
  const index_t basic = factors - static_cast<index_t>(generators.size());
  std::vector<factor_set> high;
  for (factor_set cell = 0; cell < factor_set{1} << basic; ++cell) {
    factor_set all = cell;
    for (std::size_t g = 0; g < generators.size(); ++g)
      if (factors_in(generators[g] & ~cell) % 2 == 0)
        all |= factor_set{1} << (static_cast<std::size_t>(basic) + g);
    high.push_back(all);
  }
  return high;
}

/// What a design gave, `[blocks][cells]`, of a view `[blocks, cells]`.
inline std::vector<std::vector<double>> blocks_of(const tensor_view<const double, 2>& x) {
  std::vector<std::vector<double>> out;
  for (index_t b = 0; b < x.extent(0); ++b) {
    out.emplace_back();
    for (index_t c = 0; c < x.extent(1); ++c) out.back().push_back(x(b, c));
  }
  return out;
}

/// Calls `see` with every choice of `count` of the candidates, in lexicographic order.
template <class See>
void each_choice(const std::vector<factor_set>& candidates, std::size_t count, See&& see) {
  std::vector<std::size_t> at(count);
  for (std::size_t i = 0; i < count; ++i) at[i] = i;
  std::vector<factor_set> chosen(count);
  for (;;) {
    for (std::size_t i = 0; i < count; ++i) chosen[i] = candidates[at[i]];
    see(std::as_const(chosen));
    std::size_t i = count;
    while (i > 0 && at[i - 1] == candidates.size() - count + i - 1) --i;
    if (i == 0) return;
    ++at[i - 1];
    for (; i < count; ++i) at[i] = at[i - 1] + 1;
  }
}

}  // namespace detail

/// Every combination of levels: 2^factors cells.
/// \throws value_error for less than 1 or more than `most_factors`
[[nodiscard]] inline factorial_design full_factorial(index_t factors) {
  detail::check_factors(factors);
  return {factors, detail::cells_of(factors, {}), {}};
}

/// A fraction in which each of the last factors follows the product of some of the basic ones.
///
/// \param factors    all of them
/// \param generators of the last factors, in their order: sets of the first
///                   `factors - generators.size()`, the basic ones
/// \throws value_error for factors out of range, a generator that is empty or holds a factor that
///         is not basic, or a design in which a factor's main effect is that of another factor or
///         the mean: of resolution below 3
///
/// \code
/// // Five factors in 16 cells: the fifth is high where an even number of the others is low.
/// const auto half = atlas::fractional_factorial(5, {0b1111});  // resolution V
/// \endcode
[[nodiscard]] inline factorial_design fractional_factorial(
    index_t factors, const std::vector<factor_set>& generators) {
  detail::check_factors(factors);
  check_between(static_cast<index_t>(generators.size()), 0, factors - 1, "generators");
  const index_t basic = factors - static_cast<index_t>(generators.size());
  for (const factor_set g : generators)
    if (g == 0 || (g >> basic) != 0)
      throw value_error("generators",
                        "products of some of the first " + std::to_string(basic) + " factors",
                        detail::set_text(g));
  factorial_design out{factors, detail::cells_of(factors, generators),
                       detail::words_of(detail::generator_words(factors, generators))};
  if (!out.full() && out.resolution() < 3)
    throw value_error("generators", "a design that separates main effects (resolution 3 or more)",
                      "one in which " + detail::set_text(out.words.front()) + " are one");
  return out;
}

/// The fraction 2^-halvings of a full design that confounds least: of the longest shortest word,
/// then of the fewest words of that length, and so on ("minimum aberration", Fries and Hunter,
/// Technometrics 22, 601, 1980); of equally good generators the first.
///
/// \param factors  1 to `most_factors`
/// \param halvings 0 for a full design
/// \throws value_error for factors out of range, or more halvings than separate main effects:
///         `factors` may be no more than cells - 1
///
/// Looks at every choice of generators: at most some 65,000.
[[nodiscard]] inline factorial_design factorial_of(index_t factors, index_t halvings) {
  detail::check_factors(factors);
  check_between(halvings, 0, factors - 1, "halvings");
  if (halvings == 0) return full_factorial(factors);
  const index_t basic = factors - halvings;
  std::vector<factor_set> candidates;
  for (factor_set g = 1; g < factor_set{1} << basic; ++g)
    if (factors_in(g) > 1) candidates.push_back(g);
  if (static_cast<index_t>(candidates.size()) < halvings)
    throw value_error(
        "halvings",
        "fewer, so that there are more cells than the " + std::to_string(factors) + " factors",
        std::to_string(halvings) + ", which leaves " + std::to_string(index_t{1} << basic));
  // Long generators first, so that of equally good designs the usual one is found.
  std::stable_sort(candidates.begin(), candidates.end(),
                   [](factor_set a, factor_set b) { return factors_in(a) > factors_in(b); });
  std::vector<factor_set> best;
  std::vector<index_t> least;
  const auto consider = [&](const std::vector<factor_set>& generators) {
    const auto lengths = detail::word_lengths(
        detail::words_of(detail::generator_words(factors, generators)), factors);
    if (!best.empty() && !(lengths < least)) return;
    best = generators;
    least = lengths;
  };
  detail::each_choice(candidates, static_cast<std::size_t>(halvings), consider);
  return fractional_factorial(factors, best);
}

/// Effects that a design cannot tell from one: in every cell they have the same sign, so that what
/// is measured is the sum of all of them.
///
/// \param effect  at least one factor
/// \param largest factors that an alias may have; those of more are left out as unlikely
/// \return shortest first; empty for a full design
/// \throws value_error for an effect that is empty or of factors that the design does not have, or
///         for one that is the same in all cells
[[nodiscard]] inline std::vector<factor_set> aliases_of(const factorial_design& design,
                                                        factor_set effect,
                                                        index_t largest = most_factors) {
  const auto all = static_cast<factor_set>((std::uint64_t{1} << design.factors) - 1);
  if (effect == 0 || (effect & ~all) != 0)
    throw value_error("effect", "some of " + std::to_string(design.factors) + " factors",
                      detail::set_text(effect));
  std::vector<factor_set> out;
  for (const factor_set word : design.words) {
    const factor_set alias = word ^ effect;
    if (alias == 0)
      throw value_error("effect", "one that differs between cells", detail::set_text(effect));
    if (factors_in(alias) <= largest) out.push_back(alias);
  }
  std::sort(out.begin(), out.end(), detail::shorter_word);
  return out;
}

/// The contrast of an effect: mean over the cells where its sign is 1 less that where it is -1.
/// \param values `[cells]`
/// \throws shape_error for another number of values
[[nodiscard]] inline double contrast_of(const factorial_design& design, factor_set effect,
                                        const std::vector<double>& values) {
  check_extent(static_cast<index_t>(values.size()), design.cells(), "values", "one a cell,");
  double high = 0, low = 0;
  for (index_t c = 0; c < design.cells(); ++c)
    (design.sign(effect, c) > 0 ? high : low) += values[static_cast<std::size_t>(c)];
  return (high - low) / (0.5 * static_cast<double>(design.cells()));
}

}  // namespace atlas::inline ATLAS_ABI
