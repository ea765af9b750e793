// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// Principal components that are more than noise, of the whole cloud or of each neighbourhood:
/// Fukunaga, Olsen, "An algorithm for finding intrinsic dimensionality of data", IEEE Trans.
/// Comput. C-20, 176 (1971), and the rules of `pca_rules.hpp`.

#include <Eigen/Core>
#include <cmath>
#include <cstdint>
#include <limits>
#include <string>
#include <string_view>

#include "atlas/core/checks.hpp"
#include "atlas/core/compiled.hpp"
#include "atlas/core/lazy.hpp"
#include "atlas/core/parallel.hpp"
#include "atlas/core/random.hpp"
#include "atlas/dimension/estimator_input.hpp"
#include "atlas/dimension/estimators/pca_drawn_rules.hpp"
#include "atlas/dimension/estimators/pca_noise_rules.hpp"
#include "atlas/dimension/estimators/pca_rules.hpp"
#include "atlas/dimension/estimators/pca_spectra.hpp"
#include "atlas/dimension/local_values.hpp"
#include "atlas/dimension/neighbor_offsets.hpp"
#include "atlas/linalg/eigenbasis.hpp"

namespace atlas::inline ATLAS_ABI {

namespace estimators {

/// How many principal components count by a rule (`pca_rule`): of the whole cloud, or of the k
/// neighbours of each row (without the row, about their own mean), whose numbers make one as
/// `combine` says.
///
/// A number of components is the dimension of a cloud only where it is flat: of a curved one it is
/// that of the space that the cloud bends through, and the larger the neighbourhood is against the
/// curvature the more so. Rules that look for a signal in noise (MP, GD, KN, Minka, denoised,
/// parallel, scRMT) find no direction at all in a cloud that varies alike in all of them: that is
/// an error, or of a neighbourhood no value, never a dimension of 0.
///
/// Where a widely used implementation answers otherwise it is one of these: its default of
/// `ratio` holds 5 % of the variance, so that the answer is 1; its broken stick gives 0 where all
/// eigenvalues are above; its largest gap, and its tests, may lie among eigenvalues that are
/// rounding, so that the answer depends on the library that computed them.
///
/// The error of the whole cloud's number is that of halves: it is too wide for the participation
/// ratio of a cloud that varies alike in all directions, where it is near its largest value and
/// varies with 1/N instead of its root.
///
/// Time of the whole cloud: O(N d^2 + d^3), or O(N^2 d) for N < d; `draws` times more for
/// `parallel`. Of neighbourhoods: N times that of k rows. Memory of the squares of the smaller of
/// rows and columns, and for `parallel` and `scRMT` one copy of the cloud a thread.
struct local_pca {
  pca_rule rule = pca_rule::fukunaga_olsen;
  index_t k = 0;  ///< neighbours, at least 3; 0: the whole cloud
  local_mean combine = local_mean::arithmetic;
  double alpha = 0.05;       ///< FO: share of the largest eigenvalue, in (0, 1)
  double ratio = 0.95;       ///< ratio: share of the variance to hold, in (0, 1]
  double fan_gap = 10;       ///< Fan: a ratio of eigenvalues that ends what counts, above 1
  double fan_share = 0.8;    ///< Fan: share of what is above the noise, in (0, 1)
  double fan_signal = 0.95;  ///< Fan: share of the variance beyond which all is noise, in (0, 1)
  double level = 0.05;       ///< KN: of each test, in (0, 1)
  double quantile = 0.95;    ///< parallel: of the draws, in (0, 1)
  index_t draws = 100;       ///< parallel: of shuffled columns, by `options.seed`

  static constexpr std::string_view name = "local_pca";
  static constexpr bool needs_points = true;

  [[nodiscard]] index_t neighbors() const { return k; }
  /// Of the number that the rule finds, which is the dimension of flat clouds alone.
  [[nodiscard]] interval_claim claim() const { return interval_claim::own_mean; }
  void check_parameters() const {
    if (k != 0) check_between(k, 3, index_t{1} << 30, "k (0: the whole cloud)");
    check_open_unit(alpha, "alpha");
    if (ratio != 1) check_open_unit(ratio, "ratio");
    if (!(fan_gap > 1 && std::isfinite(fan_gap)))
      throw value_error("fan_gap", "a ratio above 1", detail::number_text(fan_gap));
    check_open_unit(fan_share, "fan_share");
    check_open_unit(fan_signal, "fan_signal");
    check_open_unit(level, "level");
    check_open_unit(quantile, "quantile");
    check_between(draws, 1, index_t{1} << 30, "draws");
  }

  template <class Self, class Visit>
  static void visit_parameters(Self& self, Visit&& visit) {
    visit("rule", self.rule);
    visit("k", self.k);
    visit("combine", self.combine);
    visit("alpha", self.alpha);
    visit("ratio", self.ratio);
    visit("fan_gap", self.fan_gap);
    visit("fan_share", self.fan_share);
    visit("fan_signal", self.fan_signal);
    visit("level", self.level);
    visit("quantile", self.quantile);
    visit("draws", self.draws);
  }
};

}  // namespace estimators

namespace detail {

/// Rules that draw: streams of `seed` from `stream` on. It is another seed than that of halves.
struct rule_draws {
  std::uint64_t seed = 0, stream = 0;
};

template <class Spectra>
double rank_by_parallel(const estimators::local_pca& e, const Spectra& spectra,
                        const pca_spectrum& own, const rule_draws& draws) {
  const index_t m = own.values.size();
  Eigen::ArrayXXd drawn(e.draws, m);
  parallel_for(e.draws, spectra.threads(), [&](index_t b) {
    const random_stream random(draws.seed, draws.stream + static_cast<std::uint64_t>(b));
    drawn.row(b) = spectra.shuffled(random, false).head(m).transpose();
  });
  return rank_above_draws(own.values, drawn, e.quantile);
}

template <class Spectra>
double rank_by_bulk(const Spectra& spectra, const rule_draws& draws) {
  const Eigen::ArrayXd own = spectra.values(true);
  const auto varying = static_cast<index_t>(std::llround(own.sum()));  // correlations have 1 each
  return rank_above_bulk(own, spectra.shuffled(random_stream(draws.seed, draws.stream), true),
                         spectra.rows(), varying);
}

/// Rules that know eigenvalues alone.
template <class = lazy>
double rank_of_values(const estimators::local_pca& e, const pca_spectrum& s, const noise_law& law) {
  const Eigen::ArrayXd& values = s.values;
  switch (e.rule) {
    case pca_rule::fan:
      return rank_of_fan(values, e.fan_gap, e.fan_share, e.fan_signal);
    case pca_rule::largest_gap:
      return rank_of_gap(values);
    case pca_rule::participation_ratio:
      return values.sum() * values.sum() / values.square().sum();
    case pca_rule::variance_ratio:
      return rank_of_share(values, e.ratio);
    case pca_rule::kaiser:
      return static_cast<double>((values > values.mean()).count());
    case pca_rule::broken_stick:
      return rank_of_stick(values);
    case pca_rule::marchenko_pastur:
      return rank_of_edge(s, law);
    case pca_rule::gavish_donoho:
      return rank_of_denoising(s, law);
    case pca_rule::kritchman_nadler:
      return rank_of_tests(s, law);
    case pca_rule::minka:
      return rank_of_evidence(s);
    case pca_rule::denoised:
      return rank_of_rest(s, law);
    default:
      return static_cast<double>((values > e.alpha * values[0]).count());
  }
}

/// The rule's number, which may be 0; NaN where nothing varies.
template <class Spectra>
double rank_by_rule(const estimators::local_pca& e, const Spectra& spectra, const noise_law& law,
                    const rule_draws& draws) {
  const pca_spectrum own = make_spectrum(spectra.values(false), spectra.rows(), spectra.columns());
  if (own.values.size() == 0 || !(own.values[0] > 0))
    return std::numeric_limits<double>::quiet_NaN();
  if (e.rule == pca_rule::parallel) return rank_by_parallel(e, spectra, own, draws);
  if (e.rule == pca_rule::random_matrix) return rank_by_bulk(spectra, draws);
  return rank_of_values(e, own, law);
}

inline std::string text_of(pca_rule rule) {
  for (const auto& [text, value] : names_of(rule))
    if (value == rule) return std::string(text);
  return {};
}

template <class Scalar>
void pca_of_cloud(const estimators::local_pca& e, const estimator_cloud<Scalar>& cloud,
                  const noise_law& law, raw_estimate& out) {
  if (!box_lengths(cloud.options.periods, cloud.points.extent(1)).empty())
    throw value_error("periods",
                      "none: components of a whole cloud are straight lines (k > 0 asks "
                      "for those of neighbourhoods)",
                      "a period");
  const spectra_of_cloud<Scalar> spectra(cloud.points, cloud.options.threads);
  out.dimension = rank_by_rule(e, spectra, law, {seed_of_stream(cloud.options.seed, 1), 0});
  for (index_t i = 0; i < cloud.rows(); ++i) out.rows.push_back(i);
  if (e.rule != pca_rule::participation_ratio)
    out.remark = "A number of components is whole: an error of 0 says that all halves have it.";
  if (cloud.options.exclude.active())
    out.remark += (out.remark.empty() ? "" : " ") +
                  std::string("The exclusion has no part in it: a whole cloud has no neighbours.");
}

template <class Scalar>
void pca_of_neighborhoods(const estimators::local_pca& e, const estimator_cloud<Scalar>& cloud,
                          const noise_law& law, raw_estimate& out) {
  fill_local(
      cloud, e.k,
      [&](const neighbor_offsets& around) {
        const auto row = static_cast<std::uint64_t>(around.row);
        const double rank = rank_by_rule(e, spectra_of_offsets(around.offsets), law,
                                         {seed_of_stream(cloud.options.seed, 1), row << 32});
        return rank > 0 ? rank : std::numeric_limits<double>::quiet_NaN();
      },
      out);
  combine_local(e.combine, out);
  // The median of whole numbers has no density.
  if (e.combine == local_mean::median && e.rule != pca_rule::participation_ratio)
    out.scores.resize(0);
  const index_t none =
      cloud.rows() - static_cast<index_t>(out.rows.size()) - out.duplicates - out.isolated;
  if (none > 0)
    out.remark = "In " + std::to_string(none) + " neighbourhoods the rule " + text_of(e.rule) +
                 " finds no direction that is more than noise; they are left out.";
}

template <class Scalar>
raw_estimate raw_dimension(const estimators::local_pca& e, const estimator_cloud<Scalar>& cloud) {
  raw_estimate out;
  const noise_law law = noise_of(e.k > 0 ? e.k : cloud.rows(), cloud.points.extent(1), e.level);
  if (e.k > 0)
    pca_of_neighborhoods(e, cloud, law, out);
  else
    pca_of_cloud(e, cloud, law, out);
  if (!(out.dimension > 0)) {
    out.dimension = std::numeric_limits<double>::quiet_NaN();
    out.why = "By the rule " + text_of(e.rule) + " no direction varies more than noise.";
    if (cloud.options.degenerate == degenerate_policy::error)
      throw value_error(
          "points", "a direction in which more than noise varies by the rule " + text_of(e.rule),
          "none in " + std::to_string(cloud.rows()) + " rows");
  }
  return out;
}

}  // namespace detail

}  // namespace atlas::inline ATLAS_ABI

#ifdef ATLAS_COMPILED
namespace atlas::inline ATLAS_ABI::detail {
ATLAS_OF_ESTIMATORS raw_estimate raw_dimension<float>(const estimators::local_pca&,
                                                      const estimator_cloud<float>&);
ATLAS_OF_ESTIMATORS raw_estimate raw_dimension<double>(const estimators::local_pca&,
                                                       const estimator_cloud<double>&);
}  // namespace atlas::inline ATLAS_ABI::detail
#endif
