// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// Verdicts: what a measured value says against its null, for a whole family of values at once.

#include <cmath>
#include <limits>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "atlas/core/checks.hpp"
#include "atlas/core/compiled.hpp"
#include "atlas/core/lazy.hpp"
#include "atlas/stats/distributions.hpp"
#include "atlas/stats/multiple_testing.hpp"
#include "atlas/stats/null_score.hpp"

namespace atlas::inline ATLAS_ABI {

enum class verdict {
  consistent_with_chance,  ///< p is above alpha, alone and among its family
  above,                   ///< above the null: p, adjusted for the family, is alpha at most
  below,                   ///< below the null, likewise
  undecided,               ///< p is alpha at most alone but not adjusted, or there is no p
};

struct verdict_options {
  double alpha = 0.05;  ///< of any false above or below in a family
};

/// A value, its null and what comes of the two.
struct finding {
  std::string label;
  double value = 0;
  double null_mean = 0;
  double null_sd = 0;     ///< of the value under the null; NaN where the null is of permutations
  double z = 0;           ///< (value - null_mean) / null_sd; NaN without an sd
  double p = 0;           ///< two-sided; NaN where the null has no spread
  double adjusted_p = 0;  ///< Holm's, of the family that `judge` was given
  atlas::verdict verdict = atlas::verdict::undecided;
};

/// A value and the null that it is to be compared with.
struct measured_value {
  std::string label;
  double value = 0;
  double null_mean = 0;
  double null_sd = 0;
  /// Simulations that null_mean and null_sd are from, at least `least_draws`; 0: both are known.
  index_t null_draws = 0;
  /// Where null_sd is an error that was estimated, of how many degrees of freedom; 0: it is known.
  double degrees = 0;
};

[[nodiscard]] inline std::string_view name_of(verdict v) {
  switch (v) {
    case verdict::above:
      return "above";
    case verdict::below:
      return "below";
    case verdict::consistent_with_chance:
      return "consistent with chance";
    case verdict::undecided:
      break;
  }
  return "undecided";
}

namespace detail {

inline void check_measured(const measured_value& m) {
  if (!std::isfinite(m.value)) throw value_error(m.label, "a finite value", number_text(m.value));
  if (!std::isfinite(m.null_mean))
    throw value_error(m.label, "a finite null_mean", number_text(m.null_mean));
  if (!(m.null_sd >= 0))
    throw value_error(m.label, "a null_sd of 0 or more", number_text(m.null_sd));
  if (m.null_draws != 0) check_draws(m.null_draws, "null_draws");
  if (!(m.degrees >= 0)) throw value_error(m.label, "degrees of 0 or more", number_text(m.degrees));
}

inline verdict verdict_of(const finding& f, double alpha) {
  if (std::isnan(f.p)) return verdict::undecided;
  if (f.p > alpha) return verdict::consistent_with_chance;
  if (f.adjusted_p > alpha) return verdict::undecided;
  return f.value > f.null_mean ? verdict::above : verdict::below;
}

}  // namespace detail

/// z and p of a value, before they are judged. With a null of n simulations the value is compared
/// with one more of them (`score_against_draws`): the sd becomes `sd sqrt(1 + 1/n)` and p is of
/// Student's t with n - 1 degrees of freedom. With an estimated error it is of Student's t with the
/// degrees of freedom of the error; otherwise of the normal distribution.
/// \throws value_error for NaN, a negative sd or fewer than `least_draws` simulations
template <class = lazy>
[[nodiscard]] finding compare_with_null(const measured_value& m) {
  detail::check_measured(m);
  const auto n = static_cast<double>(m.null_draws);
  const double sd = m.null_draws > 0 ? m.null_sd * std::sqrt(1 + 1 / n) : m.null_sd;
  constexpr double none = std::numeric_limits<double>::quiet_NaN();
  finding f{m.label, m.value, m.null_mean, sd, none, none, none, verdict::undecided};
  if (!(sd > 0)) return f;
  const double z = (m.value - m.null_mean) / sd;
  const null_score known{z, m.degrees > 0 ? two_sided_t_p(z, m.degrees) : two_sided_p(z)};
  const null_score score =
      m.null_draws > 0 ? score_against_draws(m.value, m.null_mean, m.null_sd, m.null_draws) : known;
  f.z = score.z;
  f.p = score.p;
  return f;
}

/// The same where permutations gave p.
/// \throws value_error for NaN or a p outside [0, 1]
[[nodiscard]] inline finding compare_with_permutations(std::string label, double value,
                                                       double null_mean, double p) {
  detail::check_measured({label, value, null_mean, 0, 0});
  if (!(p >= 0 && p <= 1)) throw value_error("p", "a number in [0, 1]", detail::number_text(p));
  constexpr double none = std::numeric_limits<double>::quiet_NaN();
  return {std::move(label), value, null_mean, none, none, p, none, verdict::undecided};
}

/// Adjusts the p values of one family by Holm's method and gives every finding its verdict:
/// consistent with chance where p > alpha; above or below where the adjusted p <= alpha; undecided
/// between the two, and where there is no p (such findings do not count for the others).
/// \throws value_error for alpha outside (0, 1)
[[nodiscard]] inline std::vector<finding> judge(std::vector<finding> family,
                                                const verdict_options& options = {}) {
  check_open_unit(options.alpha, "alpha");
  std::vector<double> p;
  for (const finding& f : family)
    if (!std::isnan(f.p)) p.push_back(f.p);
  const std::vector<double> adjusted = p.empty() ? p : holm_correction(p);
  std::size_t next = 0;
  for (finding& f : family) {
    f.adjusted_p = std::isnan(f.p) ? f.p : adjusted[next++];
    f.verdict = detail::verdict_of(f, options.alpha);
  }
  return family;
}

/// `compare_with_null` of each, judged together.
template <class = lazy>
[[nodiscard]] std::vector<finding> judge_values(const std::vector<measured_value>& values,
                                                const verdict_options& options = {}) {
  std::vector<finding> family;
  for (const measured_value& m : values) family.push_back(compare_with_null(m));
  return judge(std::move(family), options);
}

}  // namespace atlas::inline ATLAS_ABI

#ifdef ATLAS_COMPILED
namespace atlas::inline ATLAS_ABI {
ATLAS_OF_PROTOCOLS std::vector<finding> judge_values<void>(const std::vector<measured_value>&,
                                                           const verdict_options&);
}  // namespace atlas::inline ATLAS_ABI
#endif
