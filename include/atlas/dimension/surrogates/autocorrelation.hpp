// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// How strongly rows of one context hang together, by how far apart they are in it.

#include <Eigen/Core>
#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <vector>

#include "atlas/core/lazy.hpp"
#include "atlas/core/vector_of.hpp"
#include "atlas/dimension/surrogates/options.hpp"
#include "atlas/linalg/row_matrix.hpp"

namespace atlas::inline ATLAS_ABI::detail {

/// Autocorrelations of several components at several lags.
struct autocorrelation {
  std::vector<double> lags;  ///< mean distance of the pairs of each bin, ascending
  Eigen::ArrayXXd values;    ///< `[bins, components]`

  /// Linear between bins, 1 at lag 0, and as in the last bin beyond it.
  double at(double lag, index_t component) const {
    if (lag <= 0) return 1;
    const auto next = std::upper_bound(lags.begin(), lags.end(), lag) - lags.begin();
    const auto last = static_cast<std::ptrdiff_t>(lags.size());
    if (next == last) return last == 0 ? 0 : values(last - 1, component);
    const auto above = static_cast<std::size_t>(next);
    const double from = next == 0 ? 0 : lags[above - 1];
    const double below = next == 0 ? 1 : values(next - 1, component);
    return std::lerp(below, values(next, component), (lag - from) / (lags[above] - from));
  }
};

/// Sums over pairs of rows of one context by their lag: one place for each lag up to 32, then 8 for
/// each factor of two.
class lag_sums {
 public:
  explicit lag_sums(index_t components)
      : pairs_(lag_slots, 0.0),
        lags_(lag_slots, 0.0),
        products_(Eigen::ArrayXXd::Zero(components, lag_slots)) {}

  /// \param a, b `[components]`, two rows
  void add(index_t lag, const double* a, const double* b) {
    using simd = vector_of<double>;
    const index_t slot = slot_of(lag), components = products_.rows();
    pairs_[static_cast<std::size_t>(slot)] += 1;
    lags_[static_cast<std::size_t>(slot)] += static_cast<double>(lag);
    double* const sum = products_.data() + slot * components;
    index_t c = 0;
    for (; c + simd::lanes <= components; c += simd::lanes)
      simd::store(sum + c,
                  simd::multiply_add(simd::load(a + c), simd::load(b + c), simd::load(sum + c)));
    for (; c < components; ++c) sum[c] += a[c] * b[c];
  }

  /// Bins that grow with the lag by at least a half, of at least `least_pairs` where there are as
  /// many.
  autocorrelation binned() const {
    autocorrelation out;
    std::vector<Eigen::ArrayXd> values;
    double pairs = 0, lags = 0, first = 0;
    Eigen::ArrayXd products = Eigen::ArrayXd::Zero(products_.rows());
    for (index_t s = 0; s < lag_slots; ++s) {
      const auto at = static_cast<std::size_t>(s);
      if (pairs_[at] == 0) continue;
      const double lag = lags_[at] / pairs_[at];
      if (pairs >= least_pairs && lag >= 1.5 * first) {
        out.lags.push_back(lags / pairs);
        values.emplace_back(products / pairs);
        pairs = lags = 0;
        products.setZero();
      }
      if (pairs == 0) first = lag;
      pairs += pairs_[at];
      lags += lags_[at];
      products += products_.col(s);
    }
    close(pairs, lags, products, values, out.lags);
    out.values.resize(static_cast<index_t>(values.size()), products_.rows());
    for (std::size_t b = 0; b < values.size(); ++b)
      out.values.row(static_cast<index_t>(b)) = values[b].transpose();
    return out;
  }

 private:
  static constexpr double least_pairs = 50;
  static constexpr index_t lag_slots = 32 + 8 * 58;

  static index_t slot_of(index_t lag) {
    if (lag < 32) return lag;
    const int octave = static_cast<int>(std::bit_width(static_cast<std::uint64_t>(lag))) - 1;
    const index_t eighth = (lag >> (octave - 3)) - 8;
    return 32 + 8 * (octave - 5) + eighth;
  }

  /// The last bin; one of few pairs goes with the bin before it.
  static void close(double pairs, double lags, const Eigen::ArrayXd& products,
                    std::vector<Eigen::ArrayXd>& values, std::vector<double>& means) {
    if (pairs == 0) return;
    if (pairs >= least_pairs || values.empty()) {
      means.push_back(lags / pairs);
      values.emplace_back(products / pairs);
    }
  }

  std::vector<double> pairs_, lags_;
  Eigen::ArrayXXd products_;
};

/// Variance of the mean of all rows, in units of one row's, of each component of mean 0 and
/// variance
/// 1. The sample's mean and variance are taken from its rows, so that products of two rows are
/// `(r - v) / (1 - v)` where r is their correlation; rows of different contexts have none. Not
/// known from a single context: 0.
template <class = lazy>
Eigen::ArrayXd variance_of_mean(const row_matrix<double>& z, const context_places& places) {
  Eigen::ArrayXd squares = Eigen::ArrayXd::Zero(z.cols());
  double same = 0;
  for (const auto& rows : places.rows) {
    Eigen::RowVectorXd sum = Eigen::RowVectorXd::Zero(z.cols());
    for (const index_t row : rows) sum += z.row(row);
    squares += sum.transpose().array().square();
    same += static_cast<double>(rows.size()) * static_cast<double>(rows.size());
  }
  if (places.rows.size() < 2) return Eigen::ArrayXd::Zero(z.cols());
  const double pairs = static_cast<double>(z.rows()) * static_cast<double>(z.rows());
  const Eigen::ArrayXd share = squares / pairs;
  return share / (share + (1 - same / pairs));
}

/// Of components of mean 0 and variance 1, `z` `[N, components]`, pooled over contexts, free of
/// what the mean of the rows takes from it. Where positions are unknown there is one value for all
/// lags.
///
/// Contexts of n rows give n (n - 1) / 2 pairs, or those of every s-th row where that is more than
/// a million.
template <class = lazy>
autocorrelation pooled_autocorrelation(const row_matrix<double>& z, const context_places& places) {
  lag_sums sums(z.cols());
  for (std::size_t c = 0; c < places.rows.size(); ++c) {
    const auto &rows = places.rows[c], &positions = places.positions[c];
    const std::size_t n = rows.size(), step = 1 + n * n / 2000000;
    for (std::size_t i = 0; i < n; i += step)
      for (std::size_t j = i + 1; j < n; ++j)
        sums.add(places.ordered ? positions[j] - positions[i] : 1, z.data() + rows[i] * z.cols(),
                 z.data() + rows[j] * z.cols());
  }
  autocorrelation out = sums.binned();
  const Eigen::ArrayXd v = variance_of_mean(z, places);
  for (index_t c = 0; c < z.cols(); ++c) out.values.col(c) = out.values.col(c) * (1 - v(c)) + v(c);
  return out;
}

/// Components whose autocorrelations agree, and what they are in each group.
struct correlation_groups {
  std::vector<std::vector<index_t>> components;
  autocorrelation of_group;  ///< means over the components of each group
};

/// Groups components whose autocorrelations differ by at most `tolerance` at every lag from those
/// of the first of the group; the tolerance grows until there are at most `most` groups.
template <class = lazy>
correlation_groups group_components(const autocorrelation& all, double tolerance = 0.1,
                                    std::size_t most = 16) {
  correlation_groups out;
  for (index_t c = 0; c < all.values.cols(); ++c) {
    const auto same = [&](const std::vector<index_t>& group) {
      return ((all.values.col(group.front()) - all.values.col(c)).abs() <= tolerance).all();
    };
    const auto group = std::find_if(out.components.begin(), out.components.end(), same);
    if (group == out.components.end())
      out.components.push_back({c});
    else
      group->push_back(c);
  }
  if (out.components.size() > most) return group_components(all, 1.5 * tolerance, most);
  out.of_group = {all.lags, Eigen::ArrayXXd::Zero(all.values.rows(),
                                                  static_cast<index_t>(out.components.size()))};
  for (std::size_t g = 0; g < out.components.size(); ++g)
    for (const index_t c : out.components[g])
      out.of_group.values.col(static_cast<index_t>(g)) +=
          all.values.col(c) / static_cast<double>(out.components[g].size());
  return out;
}

}  // namespace atlas::inline ATLAS_ABI::detail
