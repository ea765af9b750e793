// SPDX-License-Identifier: MIT
/// \file
/// Factorial designs against the published tables, effects against published examples and all
/// orders written out, intervals and p in simulations, and what mediation finds where there is
/// none.

#include <Eigen/LU>
#include <Eigen/QR>
#include <algorithm>
#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "../catch.hpp"
#include "../messages.hpp"
#include "../sanitized.hpp"
#include "atlas/core/random.hpp"
#include "atlas/stats/factorial_design.hpp"
#include "atlas/stats/factorial_effects.hpp"
#include "atlas/stats/mediation.hpp"
#include "atlas/stats/uniformity.hpp"

namespace factorial_test {

namespace {

using atlas::factor_set, atlas::factorial_design, atlas::index_t;
using numbers = std::vector<double>;

/// Words of length 3, 4, ...
std::vector<index_t> lengths_of(const factorial_design& design) {
  std::vector<index_t> count(static_cast<std::size_t>(design.factors) - 2, 0);
  for (const factor_set word : design.words)
    ++count.at(static_cast<std::size_t>(atlas::factors_in(word)) - 3);
  return count;
}

/// The effect that letters spell: "AC".
factor_set spelled(const std::string& letters) {
  factor_set out = 0;
  for (const char c : letters) out |= factor_set{1} << (c - 'A');
  return out;
}

std::vector<factor_set> spelled(const std::vector<std::string>& words) {
  std::vector<factor_set> out;
  for (const std::string& word : words) out.push_back(spelled(word));
  return out;
}

TEST_CASE("fractions are those of the tables: resolution and lengths of words") {
  struct published {
    index_t factors, halvings, resolution;
    std::vector<index_t> lengths;
  };
  // Fries and Hunter 1980, table 2, and Box, Hunter and Hunter 2005, table 6.22.
  const std::vector<published> table = {{3, 1, 3, {1}},
                                        {4, 1, 4, {0, 1}},
                                        {5, 1, 5, {0, 0, 1}},
                                        {5, 2, 3, {2, 1, 0}},
                                        {6, 1, 6, {0, 0, 0, 1}},
                                        {6, 2, 4, {0, 3, 0, 0}},
                                        {6, 3, 3, {4, 3, 0, 0}},
                                        {7, 1, 7, {0, 0, 0, 0, 1}},
                                        {7, 2, 4, {0, 1, 2, 0, 0}},
                                        {7, 3, 4, {0, 7, 0, 0, 0}},
                                        {7, 4, 3, {7, 7, 0, 0, 1}},
                                        {8, 2, 5, {0, 0, 2, 1, 0, 0}},
                                        {8, 3, 4, {0, 3, 4, 0, 0, 0}},
                                        {8, 4, 4, {0, 14, 0, 0, 0, 1}}};
  for (const published& p : table) {
    CAPTURE(p.factors, p.halvings);
    const factorial_design design = atlas::factorial_of(p.factors, p.halvings);
    CHECK(design.cells() == index_t{1} << (p.factors - p.halvings));
    CHECK(design.resolution() == p.resolution);
    CHECK(lengths_of(design) == p.lengths);
  }
  CHECK(atlas::factorial_of(5, 1).words == std::vector{spelled("ABCDE")});
  const factorial_design full = atlas::full_factorial(3);
  CHECK(full.full());
  CHECK(full.resolution() == 0);
  CHECK(full.high == std::vector<factor_set>{0, 1, 2, 3, 4, 5, 6, 7});
  CHECK(atlas::factorial_of(3, 0).high == full.high);
  CHECK(atlas::full_factorial(1).cells() == 2);
}

TEST_CASE("aliases are those of the textbook, and what is in no alias is orthogonal") {
  // Montgomery, table 8.8: 2^(6-2) with E = ABC and F = BCD.
  const factorial_design design = atlas::fractional_factorial(6, {spelled("ABC"), spelled("BCD")});
  CHECK(design.words == spelled(std::vector<std::string>{"ABCE", "ADEF", "BCDF"}));
  CHECK(atlas::aliases_of(design, spelled("A"), 3) ==
        spelled(std::vector<std::string>{"BCE", "DEF"}));
  CHECK(atlas::aliases_of(design, spelled("AB"), 2) == spelled(std::vector<std::string>{"CE"}));
  CHECK(atlas::aliases_of(design, spelled("AE"), 2) ==
        spelled(std::vector<std::string>{"BC", "DF"}));
  CHECK(atlas::aliases_of(design, spelled("ABD"), 3) ==
        spelled(std::vector<std::string>{"ACF", "BEF", "CDE"}));
  for (const auto& [factors, halvings] :
       std::vector<std::pair<index_t, index_t>>{{4, 0}, {5, 1}, {5, 2}, {6, 3}, {7, 4}}) {
    const factorial_design d = atlas::factorial_of(factors, halvings);
    const auto all = factor_set{1} << factors;
    for (factor_set a = 1; a < all; ++a) {
      if (std::find(d.words.begin(), d.words.end(), a) != d.words.end()) continue;
      const auto aliases = atlas::aliases_of(d, a);
      for (factor_set b = 1; b < all; ++b) {
        index_t product = 0;
        for (index_t c = 0; c < d.cells(); ++c) product += d.sign(a, c) * d.sign(b, c);
        const bool alias = std::find(aliases.begin(), aliases.end(), b) != aliases.end();
        if (product != (a == b || alias ? d.cells() : 0)) FAIL(a << " and " << b);
      }
    }
  }
}

TEST_CASE("designs that do not separate main effects are refused, as are others that are none") {
  CHECK_REFUSED(atlas::value_error, atlas::fractional_factorial(3, {1}), "generators",
                "one in which {0, 2} are one");
  CHECK_REFUSED(atlas::value_error, atlas::fractional_factorial(5, {spelled("AB"), spelled("AB")}),
                "resolution 3", "{3, 4} are one");
  CHECK_REFUSED(atlas::value_error, atlas::fractional_factorial(4, {0}), "generators", "{}");
  CHECK_REFUSED(atlas::value_error, atlas::fractional_factorial(4, {spelled("AD")}), "first 3",
                "{0, 3}");
  CHECK_REFUSED(atlas::value_error, atlas::factorial_of(4, 2), "halvings", "which leaves 4");
  CHECK_REFUSED(atlas::value_error, atlas::factorial_of(8, 5), "halvings", "which leaves 8");
  CHECK_REFUSED(atlas::value_error, atlas::factorial_of(2, 1), "halvings", "which leaves 2");
  CHECK_REFUSED(atlas::value_error, atlas::factorial_of(3, 3), "halvings", "3");
  CHECK_REFUSED(atlas::value_error, atlas::full_factorial(0), "factors", "0");
  CHECK_REFUSED(atlas::value_error, atlas::full_factorial(11), "factors", "1 to 10");
  const factorial_design half = atlas::factorial_of(5, 1);
  CHECK_REFUSED(atlas::value_error, atlas::aliases_of(half, 0), "effect", "{}");
  CHECK_REFUSED(atlas::value_error, atlas::aliases_of(half, 32), "effect", "{5}");
  CHECK_REFUSED(atlas::value_error, atlas::aliases_of(half, 31), "differs between cells",
                "{0, 1, 2, 3, 4}");
  CHECK_REFUSED(atlas::shape_error, atlas::contrast_of(half, 1, numbers(8)), "values", "16");
}

/// `[blocks, cells]`
Eigen::MatrixXd matrix_of(const std::vector<numbers>& blocks) {
  Eigen::MatrixXd out(static_cast<index_t>(blocks.size()),
                      static_cast<index_t>(blocks.front().size()));
  for (index_t b = 0; b < out.rows(); ++b)
    for (index_t c = 0; c < out.cols(); ++c)
      out(b, c) = blocks[static_cast<std::size_t>(b)][static_cast<std::size_t>(c)];
  return out;
}

TEST_CASE("effects are those of Montgomery's filtration rates, whole and halved") {
  // Examples 6.2 and 8.1.
  const numbers rates = {45, 71, 48, 65, 68, 60, 80, 65, 43, 100, 45, 104, 75, 86, 70, 96};
  const factorial_design full = atlas::full_factorial(4);
  const auto whole = atlas::factorial_effects(full, matrix_of({rates}));
  const numbers published = {21.625, 3.125, 9.875, 14.625};
  for (std::size_t f = 0; f < 4; ++f) {
    CHECK(whole[f].effect == Approx(published[f]).epsilon(1e-14));
    CHECK(std::isnan(whole[f].interval.lower));
    CHECK(std::isnan(whole[f].p_t));
  }
  CHECK(atlas::contrast_of(full, spelled("AC"), rates) == Approx(-18.125).epsilon(1e-14));
  const factorial_design half = atlas::fractional_factorial(4, {spelled("ABC")});
  numbers of_half;
  for (const factor_set high : half.high) of_half.push_back(rates[high]);
  CHECK(of_half == numbers{45, 100, 45, 65, 75, 60, 80, 96});
  const auto halved = atlas::factorial_effects(half, matrix_of({of_half}));
  const numbers published_half = {19, 1.5, 14, 16.5};
  for (std::size_t f = 0; f < 4; ++f)
    CHECK(halved[f].effect == Approx(published_half[f]).epsilon(1e-14));
  CHECK(atlas::contrast_of(half, spelled("AC"), of_half) == Approx(-18.5).epsilon(1e-14));
}

TEST_CASE("intervals are Student's t over blocks, and p counts all orders") {
  const std::vector<numbers> blocks = {{1, 4, 2, 7}, {3, 5, 1, 6}};
  const factorial_design full = atlas::full_factorial(2);
  const auto by_pairs = atlas::factorial_effects(full, matrix_of(blocks));
  // Contrasts of A are 4 and 3.5: mean 3.75, error 0.25, t of one degree 12.706.
  CHECK(by_pairs[0].by_block == numbers{4, 3.5});
  CHECK(by_pairs[0].effect == 3.75);
  CHECK(by_pairs[0].interval.lower == Approx(3.75 - 0.25 * 12.706204736432095).epsilon(1e-9));
  CHECK(by_pairs[0].interval.upper == Approx(3.75 + 0.25 * 12.706204736432095).epsilon(1e-9));
  CHECK(by_pairs[0].p_t == Approx(2 / M_PI * std::atan(0.25 / 3.75)).epsilon(1e-12));
  CHECK(by_pairs[0].null == atlas::effect_null::pairs);
  // Differences 3, 5, 2, 5 of one sign: two of 16 are as extreme.
  CHECK(by_pairs[0].p == 2.0 / 16);
  CHECK(by_pairs[0].smallest_p == 2.0 / 16);
  // B: 1, 3, -2, 1, all signs written out.
  double hits = 0;
  for (int signs = 0; signs < 16; ++signs) {
    double sum = 0;
    for (int i = 0; i < 4; ++i)
      sum += numbers{1, 3, -2, 1}[static_cast<std::size_t>(i)] * ((signs >> i & 1) != 0 ? 1 : -1);
    hits += std::abs(sum) >= 3 ? 1 : 0;
  }
  CHECK(by_pairs[1].p == hits / 16);
  // A fraction shuffles cells: three factors in four, and two blocks have 24^2 orders.
  const factorial_design half = atlas::factorial_of(3, 1);
  const auto by_cells = atlas::factorial_effects(half, matrix_of(blocks));
  for (index_t f = 0; f < 3; ++f) {
    numbers a = blocks[0];
    double as_extreme = 0, total = 0;
    const auto bar = std::abs(by_cells[static_cast<std::size_t>(f)].effect) - 1e-12;
    std::sort(a.begin(), a.end());
    do {
      numbers b = blocks[1];
      std::sort(b.begin(), b.end());
      do {
        const double mean = 0.5 * (atlas::contrast_of(half, factor_set{1} << f, a) +
                                   atlas::contrast_of(half, factor_set{1} << f, b));
        as_extreme += std::abs(mean) >= bar ? 1 : 0;
        ++total;
      } while (std::next_permutation(b.begin(), b.end()));
    } while (std::next_permutation(a.begin(), a.end()));
    CHECK(total == 576);
    CHECK(by_cells[static_cast<std::size_t>(f)].p == Approx(as_extreme / total).epsilon(1e-12));
    CHECK(by_cells[static_cast<std::size_t>(f)].null == atlas::effect_null::cells);
    CHECK(by_cells[static_cast<std::size_t>(f)].smallest_p == Approx(2.0 / 36));
  }
  // Random orders come close, the same for every number of threads.
  const auto drawn = [&](const factorial_design& design, int threads) {
    return atlas::factorial_effects(design, matrix_of(blocks),
                                    {.permutations = 15, .seed = 3, .threads = threads});
  };
  const auto many = atlas::factorial_effects(half, matrix_of(blocks), {.permutations = 35});
  CHECK(many[0].smallest_p == 1.0 / 36);
  CHECK(many[0].p == Approx(by_cells[0].p).margin(0.25));
  for (const factorial_design& design : {full, half})
    for (std::size_t f = 0; f < 2; ++f) CHECK(drawn(design, 1)[f].p == drawn(design, 3)[f].p);
}

TEST_CASE("an outcome that never differs has no effect and no p of t") {
  const auto same =
      atlas::factorial_effects(atlas::factorial_of(3, 1), matrix_of({{2, 2, 2, 2}, {3, 3, 3, 3}}));
  CHECK(same[1].effect == 0);
  CHECK(same[1].p == 1);
  CHECK(std::isnan(same[1].p_t));
}

/// Blocks of their own level, spreads that differ eightfold between cells if asked for, and tails
/// of Student's t of 3 degrees if asked for.
struct nuisance {
  index_t blocks = 3;
  bool unequal = false, heavy = false;
  double second = 0;  ///< effect of the second factor
  double shared = 0;  ///< of a block's high cells of the first factor, in one with all of them
};

Eigen::MatrixXd nothing_planted(const factorial_design& design, const nuisance& n,
                                atlas::random_stream& random) {
  Eigen::MatrixXd out(n.blocks, design.cells());
  for (index_t b = 0; b < n.blocks; ++b) {
    const double level = 5 * random.normal();
    const double of_high = n.shared == 0 ? 0 : n.shared * random.normal();
    for (index_t c = 0; c < design.cells(); ++c) {
      double x = random.normal();
      if (n.heavy) x *= std::sqrt(3.0) / random.chi(3);
      if (n.unequal && design.sign(2, c) > 0) x *= 8;
      out(b, c) = level + x + 0.5 * n.second * design.sign(2, c);
      if (design.sign(1, c) > 0) out(b, c) += of_high;
    }
  }
  return out;
}

struct simulated_effects {
  numbers p;  ///< of the first factor
  double covered = 0, small = 0;
};

simulated_effects simulate(const factorial_design& design, const nuisance& n, int samples) {
  simulated_effects out;
  for (int i = 0; i < samples; ++i) {
    atlas::random_stream random(29, static_cast<std::uint64_t>(i));
    const auto e = atlas::factorial_effects(
        design, nothing_planted(design, n, random),
        {.permutations = 499, .seed = static_cast<std::uint64_t>(i), .threads = 1})[0];
    out.p.push_back(e.p);
    out.covered += e.interval.lower <= 0 && e.interval.upper >= 0 ? 1.0 / samples : 0;
    out.small += e.p <= 0.05 ? 1.0 / samples : 0;
  }
  return out;
}

TEST_CASE("where nothing is planted p is uniform and intervals hold 0, few seeds or many") {
  const factorial_design full = atlas::full_factorial(3), fraction = atlas::factorial_of(5, 2);
  // Coverage and uniformity are of the release build: other numbers of blocks run the same code.
  for (index_t blocks = 2; blocks <= (atlas_test::sanitized ? 2 : 5); ++blocks) {
    CAPTURE(blocks);
    const auto by_cells = simulate(fraction, {.blocks = blocks}, 400);
    CHECK(atlas::uniformity(by_cells.p).p > 0.01);
    CHECK(by_cells.covered == Approx(0.95).margin(0.03));
    // Full designs do not mind spreads that differ between the levels of another factor.
    const auto by_pairs = simulate(full, {.blocks = blocks, .unequal = true}, 400);
    CHECK(atlas::uniformity(by_pairs.p).p > 0.01);
    CHECK(by_pairs.covered == Approx(0.95).margin(0.03));
    // Shuffles of cells mind little, since each contrast has half of all spreads on either side.
    const auto unequal = simulate(fraction, {.blocks = blocks, .unequal = true}, 400);
    CHECK(unequal.small < 0.08);
    CHECK(unequal.covered == Approx(0.95).margin(0.03));
    // Heavy tails make intervals wider than need be, and leave p as it is.
    for (const factorial_design& design : {full, fraction}) {
      const auto heavy = simulate(design, {.blocks = blocks, .heavy = true}, 400);
      CHECK(atlas::uniformity(heavy.p).p > 0.01);
      CHECK(heavy.covered > 0.93);
    }
  }
}

TEST_CASE("what cells of one level share in a block is in the interval and not in p") {
  const auto shared = simulate(atlas::full_factorial(3), {.blocks = 3, .shared = 1}, 400);
  CHECK(shared.covered == Approx(0.95).margin(0.03));
  CHECK(shared.small > 0.1);
}

TEST_CASE(
    "another factor's effect leaves p of pairs uniform and makes that of cells conservative") {
  const nuisance other{.blocks = 3, .second = 6};
  const auto pairs = simulate(atlas::full_factorial(3), other, 400);
  CHECK(atlas::uniformity(pairs.p).p > 0.01);
  const auto cells = simulate(atlas::factorial_of(5, 2), other, 400);
  CHECK(cells.small < 0.01);
  CHECK(cells.covered == Approx(0.95).margin(0.03));  // the interval does not mind
}

TEST_CASE(
    "p is uniform over 200 shuffles of labels of one outcome, and small where one is planted") {
  const factorial_design design = atlas::factorial_of(5, 1);
  atlas::random_stream random(31, 0);
  const Eigen::MatrixXd outcome = nothing_planted(design, {.blocks = 3, .heavy = true}, random);
  numbers p;
  for (std::uint64_t s = 0; s < 200; ++s) {
    atlas::random_stream shuffles(37, s);
    Eigen::MatrixXd shuffled = outcome;
    for (index_t b = 0; b < 3; ++b) {
      const auto order = atlas::random_permutation(design.cells(), shuffles);
      for (index_t c = 0; c < design.cells(); ++c)
        shuffled(b, c) = outcome(b, order[static_cast<std::size_t>(c)]);
    }
    p.push_back(atlas::factorial_effects(design, shuffled, {.permutations = 999, .seed = s})[0].p);
  }
  CHECK(atlas::uniformity(p).p > 0.01);
  Eigen::MatrixXd planted = nothing_planted(design, {.blocks = 3}, random);
  for (index_t b = 0; b < 3; ++b)
    for (index_t c = 0; c < design.cells(); ++c) planted(b, c) += design.sign(1, c);
  const auto effects = atlas::factorial_effects(design, planted);
  CHECK(effects[0].p < 0.001);
  CHECK(effects[0].effect == Approx(2).margin(0.8));
  for (std::size_t f = 1; f < 5; ++f) CHECK(effects[f].p > 0.001);
}

TEST_CASE("what has no effects is refused by name") {
  const factorial_design design = atlas::full_factorial(2);
  Eigen::MatrixXd values = Eigen::MatrixXd::Ones(2, 4);
  CHECK_REFUSED(atlas::shape_error, atlas::factorial_effects(design, Eigen::MatrixXd(2, 3)),
                "values", "4");
  CHECK_REFUSED(atlas::shape_error, atlas::factorial_effects(design, Eigen::MatrixXd(0, 4)),
                "values", "at least 1 block");
  CHECK_REFUSED(atlas::value_error, atlas::factorial_effects(design, values, {.permutations = 0}),
                "permutations", "0");
  CHECK_REFUSED(atlas::value_error, atlas::factorial_effects(design, values, {.confidence = 1}),
                "confidence", "1");
  values(1, 2) = std::numeric_limits<double>::quiet_NaN();
  CHECK_REFUSED(atlas::value_error, atlas::factorial_effects(design, values), "values", "[1, 2]");
  CHECK_REFUSED(atlas::value_error, atlas::mediation(design, values, values), "mediator", "[1, 2]");
  values(1, 2) = 0;
  CHECK_REFUSED(atlas::shape_error, atlas::mediation(design, values.topRows(1), values.topRows(1)),
                "mediator", "at least 2 blocks");
  CHECK_REFUSED(atlas::shape_error, atlas::mediation(design, values, values.topRows(1)), "outcome",
                "[2, 4]");
  CHECK_REFUSED(atlas::value_error, atlas::mediation(design, values, values, {.draws = 99}),
                "draws", "99");
  CHECK_REFUSED(atlas::value_error, atlas::mediation(design, Eigen::MatrixXd::Ones(2, 4), values),
                "mediator", "do not determine");
  CHECK_REFUSED(atlas::shape_error,
                atlas::mediation(atlas::full_factorial(1), Eigen::MatrixXd::Random(2, 2),
                                 Eigen::MatrixXd::Random(2, 2)),
                "mediator", "2 blocks of 2 cells for 1 factors");
}

TEST_CASE("mediation is the regression on blocks, factors and mediator") {
  const factorial_design design = atlas::factorial_of(3, 1);
  atlas::random_stream random(41, 0);
  const Eigen::MatrixXd m = nothing_planted(design, {.blocks = 3}, random),
                        y = nothing_planted(design, {.blocks = 3}, random) + 2 * m;
  const auto found = atlas::mediation(design, m, y);
  // The same by least squares: three blocks, three factors, the mediator.
  Eigen::MatrixXd x = Eigen::MatrixXd::Zero(12, 7);
  Eigen::VectorXd of_y(12);
  for (index_t b = 0; b < 3; ++b)
    for (index_t c = 0; c < 4; ++c) {
      const index_t row = 4 * b + c;
      x(row, b) = 1;
      for (index_t f = 0; f < 3; ++f) x(row, 3 + f) = 0.5 * design.sign(factor_set{1} << f, c);
      x(row, 6) = m(b, c);
      of_y(row) = y(b, c);
    }
  const Eigen::VectorXd beta = x.colPivHouseholderQr().solve(of_y);
  const double rest = (of_y - x * beta).squaredNorm() / (12 - 7);
  CHECK(found.degrees == 5);
  CHECK(found.slope == Approx(beta(6)).epsilon(1e-10));
  CHECK(found.slope_error ==
        Approx(std::sqrt(rest * (x.transpose() * x).inverse()(6, 6))).epsilon(1e-10));
  for (index_t f = 0; f < 3; ++f) {
    const auto& e = found.factors[static_cast<std::size_t>(f)];
    CHECK(e.direct == Approx(beta(3 + f)).epsilon(1e-10));
    CHECK(e.total == Approx(e.direct + e.indirect).epsilon(1e-12));
    CHECK(e.interval.lower < e.indirect);
    CHECK(e.interval.upper > e.indirect);
  }
}

/// Share of samples in which the first factor's indirect effect has an interval that holds 0.
double holds_zero(double on_mediator, double slope, double direct) {
  const factorial_design design = atlas::factorial_of(5, 2);
  double holds = 0;
  constexpr int samples = 400;
  for (int i = 0; i < samples; ++i) {
    atlas::random_stream random(43, static_cast<std::uint64_t>(i));
    Eigen::MatrixXd m = nothing_planted(design, {.blocks = 3}, random),
                    y = nothing_planted(design, {.blocks = 3}, random);
    for (index_t b = 0; b < 3; ++b)
      for (index_t c = 0; c < design.cells(); ++c) {
        m(b, c) += 0.5 * on_mediator * design.sign(1, c);
        y(b, c) += slope * m(b, c) + 0.5 * direct * design.sign(1, c);
      }
    const auto e = atlas::mediation(design, m, y, {.draws = 1000}).factors[0];
    holds += e.interval.lower <= 0 && e.interval.upper >= 0 ? 1.0 / samples : 0;
  }
  return holds;
}

TEST_CASE("where nothing is mediated the interval holds 0, and where something is it does not") {
  CHECK(holds_zero(0, 0, 0) > 0.97);
  CHECK(holds_zero(0, 2, 3) > 0.92);   // the mediator matters, the factor does not move it
  CHECK(holds_zero(20, 0, 3) > 0.92);  // the factor moves what does not matter
  CHECK(holds_zero(20, 2, 0) < 0.05);
}

}  // namespace

}  // namespace factorial_test
