// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// How much of a factor's effect on an outcome goes with its effect on a third quantity, in a
/// two-level design that was run in blocks.

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include "atlas/core/as_view.hpp"
#include "atlas/core/checks.hpp"
#include "atlas/core/compiled.hpp"
#include "atlas/core/interval.hpp"
#include "atlas/core/lazy.hpp"
#include "atlas/core/random.hpp"
#include "atlas/core/tensor_arguments.hpp"
#include "atlas/stats/distributions.hpp"
#include "atlas/stats/factorial_design.hpp"
#include "atlas/stats/summary.hpp"

namespace atlas::inline ATLAS_ABI {

struct mediation_options {
  double confidence = 0.95;  ///< of the intervals
  index_t draws = 10000;     ///< of the product's distribution
  std::uint64_t seed = 0;
};

/// One factor's effect on an outcome, divided.
struct mediated_effect {
  index_t factor = 0;
  double total = 0;          ///< effect on the outcome, high less low
  double on_mediator = 0;    ///< effect on the mediator ("a")
  double indirect = 0;       ///< a b
  atlas::interval interval;  ///< of the indirect effect
  double direct = 0;         ///< total less indirect
};

struct mediation_result {
  /// Slope of the outcome on the mediator ("b"), in what blocks and main effects leave of both.
  double slope = 0;
  double slope_error = 0;
  atlas::interval slope_interval;  ///< Student's t
  index_t degrees = 0;             ///< of freedom, of the slope
  std::vector<mediated_effect> factors;
};

namespace detail {

/// Contrasts of a factor, one a block.
inline std::vector<double> contrasts_of_blocks(const factorial_design& design, index_t factor,
                                               const std::vector<std::vector<double>>& blocks) {
  std::vector<double> out;
  for (const auto& values : blocks)
    out.push_back(contrast_of(design, factor_set{1} << factor, values));
  return out;
}

/// What the blocks' means and the main effects leave.
template <class = lazy>
std::vector<double> left_of_effects(const factorial_design& design,
                                    const std::vector<std::vector<double>>& blocks) {
  std::vector<double> effects;
  for (index_t f = 0; f < design.factors; ++f)
    effects.push_back(summarize(contrasts_of_blocks(design, f, blocks)).mean);
  std::vector<double> out;
  for (const auto& values : blocks) {
    const double mean = summarize(values).mean;
    for (index_t c = 0; c < design.cells(); ++c) {
      double left = values[static_cast<std::size_t>(c)] - mean;
      for (index_t f = 0; f < design.factors; ++f)
        left -= 0.5 * effects[static_cast<std::size_t>(f)] * design.sign(factor_set{1} << f, c);
      out.push_back(left);
    }
  }
  return out;
}

inline double largest_size(const std::vector<std::vector<double>>& blocks) {
  double largest = 0;
  for (const auto& values : blocks) {
    const double mean = summarize(values).mean;
    for (const double x : values) largest = (std::max)(largest, std::abs(x - mean));
  }
  return largest;
}

inline void check_mediation(const factorial_design& design,
                            const tensor_view<const double, 2>& mediator,
                            const tensor_view<const double, 2>& outcome,
                            const mediation_options& o) {
  if (mediator.extent(0) < 2)
    throw shape_error("mediator", "at least 2 blocks", std::to_string(mediator.extent(0)));
  check_extent(mediator.extent(1), design.cells(), "mediator", "one column a cell,");
  check_shape(outcome, mediator.extents(), "outcome");
  check_finite(mediator, "mediator");
  check_finite(outcome, "outcome");
  check_open_unit(o.confidence, "confidence");
  check_between(o.draws, 100, index_t{1} << 32, "draws");
}

/// Adds the slope, its error and its interval.
template <class = lazy>
void add_slope(const factorial_design& design, const std::vector<std::vector<double>>& mediator,
               const std::vector<std::vector<double>>& outcome, const mediation_options& o,
               mediation_result& out) {
  const std::vector<double> m = left_of_effects(design, mediator);
  const std::vector<double> y = left_of_effects(design, outcome);
  out.degrees = static_cast<index_t>(mediator.size()) * (design.cells() - 1) - design.factors - 1;
  if (out.degrees < 1)
    throw shape_error("mediator", "more cells and blocks than blocks, factors and the slope take",
                      std::to_string(mediator.size()) + " blocks of " +
                          std::to_string(design.cells()) + " cells for " +
                          std::to_string(design.factors) + " factors");
  double mm = 0, my = 0, rest = 0;
  for (std::size_t i = 0; i < m.size(); ++i) {
    mm += m[i] * m[i];
    my += m[i] * y[i];
  }
  const double size = largest_size(mediator);
  if (!(std::sqrt(mm) > 1e-10 * size * std::sqrt(static_cast<double>(m.size()))))
    throw value_error("mediator", "one that blocks and factors do not determine",
                      "one that they do");
  out.slope = my / mm;
  for (std::size_t i = 0; i < m.size(); ++i)
    rest += (y[i] - out.slope * m[i]) * (y[i] - out.slope * m[i]);
  out.slope_error = std::sqrt(rest / (static_cast<double>(out.degrees) * mm));
  const double half =
      two_sided_t_quantile(o.confidence, static_cast<double>(out.degrees)) * out.slope_error;
  out.slope_interval = {out.slope - half, out.slope + half};
}

/// Student's t.
inline double student_draw(random_stream& random, index_t degrees) {
  const double normal = random.normal();
  return normal * std::sqrt(static_cast<double>(degrees)) / random.chi(degrees);
}

/// Quantiles of the product of two estimates, each spread as Student's t of its own degrees.
template <class = lazy>
interval product_interval(const sample_summary& a, const mediation_result& b, index_t factor,
                          const mediation_options& o) {
  random_stream random(o.seed, static_cast<std::uint64_t>(factor));
  std::vector<double> products;
  for (index_t i = 0; i < o.draws; ++i) {
    const double of_a = a.mean + a.standard_error * student_draw(random, a.count - 1);
    const double of_b = b.slope + b.slope_error * student_draw(random, b.degrees);
    products.push_back(of_a * of_b);
  }
  return percentile_interval(std::move(products), o.confidence);
}

template <class = lazy>
mediation_result mediation(const factorial_design& design,
                           const tensor_view<const double, 2>& mediator,
                           const tensor_view<const double, 2>& outcome,
                           const mediation_options& o) {
  check_mediation(design, mediator, outcome, o);
  const auto m = blocks_of(mediator), y = blocks_of(outcome);
  mediation_result out;
  add_slope(design, m, y, o, out);
  for (index_t f = 0; f < design.factors; ++f) {
    const sample_summary a = summarize(contrasts_of_blocks(design, f, m));
    mediated_effect e;
    e.factor = f;
    e.total = summarize(contrasts_of_blocks(design, f, y)).mean;
    e.on_mediator = a.mean;
    e.indirect = a.mean * out.slope;
    e.interval = product_interval(a, out, f, o);
    e.direct = e.total - e.indirect;
    out.factors.push_back(e);
  }
  return out;
}

}  // namespace detail

/// Product of coefficients (Baron and Kenny, J. Pers. Soc. Psychol. 51, 1173, 1986): a factor
/// changes the mediator by a; a unit of the mediator goes with b of the outcome where blocks and
/// factors are the same; a b of the factor's effect is called indirect, the rest direct, and the
/// two add up to the total.
///
/// The interval is of the product's distribution (Monte Carlo: MacKinnon, Lockwood and Williams,
/// Multivariate Behav. Res. 39, 99, 2004): a of Student's t over the blocks' contrasts, b of that
/// of the regression, drawn independently.
///
/// Exploratory: a is the effect of what was set, b is a correlation. What moves mediator and
/// outcome together without being set, and an outcome that acts on the mediator, look like
/// mediation. In a fraction a is confounded as the factor's main effect is.
///
/// \param mediator,outcome `[blocks, cells]`, cells in the design's order; finite, 2 blocks or more
/// \throws shape_error for fewer blocks, other shapes, or too few cells for a slope beside blocks
///         and factors; value_error for NaN, options out of range, or a mediator that blocks and
///         factors determine
///
/// O(blocks cells factors + factors draws) time.
template <number_tensor<2> Mediator, number_tensor<2> Outcome>
[[nodiscard]] mediation_result mediation(const factorial_design& design, const Mediator& mediator,
                                         const Outcome& outcome,
                                         const mediation_options& options = {}) {
  const auto m = copy_as<double>(as_view<2>(mediator)), y = copy_as<double>(as_view<2>(outcome));
  return detail::mediation(design, m, y, options);
}

}  // namespace atlas::inline ATLAS_ABI

#ifdef ATLAS_COMPILED
namespace atlas::inline ATLAS_ABI::detail {
ATLAS_OF_STATS mediation_result mediation<void>(const factorial_design&,
                                                const tensor_view<const double, 2>&,
                                                const tensor_view<const double, 2>&,
                                                const mediation_options&);
}  // namespace atlas::inline ATLAS_ABI::detail
#endif
