// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// Whether the key of a query's largest logit stays the same when noise is added to the query.

#include <Eigen/Core>
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <numeric>
#include <string>
#include <type_traits>
#include <vector>

#include "atlas/boltzmann/unit_values.hpp"
#include "atlas/core/as_view.hpp"
#include "atlas/core/binary_scale.hpp"
#include "atlas/core/checks.hpp"
#include "atlas/core/compiled.hpp"
#include "atlas/core/parallel.hpp"
#include "atlas/core/progress.hpp"
#include "atlas/core/random.hpp"

namespace atlas::inline ATLAS_ABI {

struct stability_options {
  double noise = 0.05;  ///< sd of the noise, in units of the sd of the queries' coordinates
  index_t draws = 20;   ///< of noise for each query
  bool causal = true;   ///< query t of Q has keys up to t + T - Q; all of them otherwise
  index_t window = 0;   ///< keys that a query has at most, the last ones; 0: no limit
  index_t left_out =
      -1;  ///< a key that the queries after it do not have (all, where not causal); -1: none
  std::uint64_t seed = 0;
  int threads = 0;                     ///< 0: all of the machine
  progress_callback on_progress = {};  ///< may cancel
};

struct stability_result {
  double share = 0;                ///< of all draws of all queries whose argmax stays
  owned_tensor<double, 1> stable;  ///< `[Q]`, of the draws of each query
  double noise_sd = 0;             ///< in the queries' unit
};

namespace detail {

/// Standard deviation of all coordinates about the mean query.
template <class Real = double>
double coordinate_sd(const row_matrix<Real>& x) {
  row_matrix<Real> gaps = x.rowwise() - x.row(0).eval();  // a common offset costs no digits
  gaps.rowwise() -= gaps.colwise().mean().eval();
  return std::sqrt(gaps.squaredNorm() / static_cast<double>(x.size()));
}

/// Queries and keys of one head, `[Q, d]` and `[T, d]`, in double.
template <class Real = double>
class stability_counter {
 public:
  stability_counter(row_matrix<Real> queries, row_matrix<Real> keys,
                    const stability_options& options)
      : queries_(std::move(queries)), keys_(std::move(keys)), options_(options) {
    query_scale_ = scale_to_one(queries_.cwiseAbs().maxCoeff());
    queries_ *= query_scale_;
    keys_ *= scale_to_one(keys_.cwiseAbs().maxCoeff());
    noise_ = options.noise * coordinate_sd(queries_);
    rounding_ = 4 * static_cast<double>(keys_.cols()) * std::numeric_limits<double>::epsilon() *
                keys_.rowwise().norm().maxCoeff();
  }
  double noise_sd() const { return noise_ / query_scale_; }

  /// Shares of stable draws of queries [first, first + rows).
  void count(index_t first, index_t rows, double* stable) const {
    const index_t seen = last_key(first + rows - 1);
    const auto keys = keys_.topRows(seen);
    row_matrix<Real> logits(rows, seen), blurred(rows, queries_.cols());
    logits.noalias() = queries_.middleRows(first, rows) * keys.transpose();
    leave_out(first, logits);
    std::vector<index_t> choice(static_cast<std::size_t>(rows));
    for (index_t r = 0; r < rows; ++r)
      seen_logits(logits, first, r).maxCoeff(&choice[static_cast<std::size_t>(r)]);
    std::vector<index_t> same(static_cast<std::size_t>(rows), 0);
    for (index_t draw = 0; draw < options_.draws; ++draw) {
      blur(first, draw, blurred);
      logits.noalias() = blurred * keys.transpose();
      leave_out(first, logits);
      for (index_t r = 0; r < rows; ++r)
        same[static_cast<std::size_t>(r)] += keeps(
            seen_logits(logits, first, r), choice[static_cast<std::size_t>(r)], blurred.row(r));
    }
    for (index_t r = 0; r < rows; ++r)
      stable[first + r] = static_cast<double>(same[static_cast<std::size_t>(r)]) /
                          static_cast<double>(options_.draws);
  }

 private:
  /// One past the last key of a query.
  index_t last_key(index_t query) const {
    return options_.causal ? query + 1 + keys_.rows() - queries_.rows() : keys_.rows();
  }
  /// Takes the key that is left out from the queries after it.
  void leave_out(index_t first, row_matrix<Real>& logits) const {
    const index_t key = options_.left_out;
    if (key < 0 || key >= logits.cols()) return;
    for (index_t r = 0; r < logits.rows(); ++r)
      if (!options_.causal || last_key(first + r) - 1 > key)
        logits(r, key) = -std::numeric_limits<Real>::infinity();
  }
  /// The logits of a query's keys: causal, and within the window.
  Eigen::Ref<const Eigen::RowVectorX<Real>> seen_logits(const row_matrix<Real>& logits,
                                                        index_t first, index_t r) const {
    const index_t high = last_key(first + r);
    const index_t low = options_.window > 0 ? std::max<index_t>(0, high - options_.window) : 0;
    return logits.row(r).segment(low, high - low);
  }
  /// Whether no key's logit is larger than that of the chosen one by more than rounding.
  template <class Logits, class Query>
  bool keeps(const Logits& logits, index_t choice, const Query& query) const {
    return logits(choice) >= logits.maxCoeff() - rounding_ * query.norm();
  }
  /// A stream for each query, so that the cut into tasks does not matter.
  void blur(index_t first, index_t draw, row_matrix<Real>& out) const {
    std::vector<double> noise(static_cast<std::size_t>(out.cols()));
    for (index_t r = 0; r < out.rows(); ++r) {
      const index_t number = draw * queries_.rows() + first + r;
      random_stream random(options_.seed, static_cast<std::uint64_t>(number));
      random.fill_normal(noise.data(), out.cols());
      for (index_t k = 0; k < out.cols(); ++k)
        out(r, k) = queries_(first + r, k) + noise_ * noise[static_cast<std::size_t>(k)];
    }
  }

  row_matrix<Real> queries_, keys_;
  const stability_options& options_;
  double query_scale_ = 1;  ///< a power of two; logits of scaled rows are in the same order
  double noise_ = 0;        ///< of scaled queries
  double rounding_ = 0;     ///< of a dot product, for a query of norm 1
};

template <class Scalar, class Real = double>
row_matrix<Real> checked_rows(const tensor_view<const Scalar, 2>& x, const std::string& argument) {
  check_not_empty(x, argument);
  check_finite(x, argument);
  row_matrix<Real> out(x.extent(0), x.extent(1));
  for (index_t r = 0; r < out.rows(); ++r)
    for (index_t c = 0; c < out.cols(); ++c) out(r, c) = static_cast<double>(x(r, c));
  return out;
}

inline void check_stability(const stability_options& o) {
  if (!(o.noise >= 0 && std::isfinite(o.noise)))
    throw value_error("noise", "a finite number of 0 or more", number_text(o.noise));
  check_between(o.draws, 1, index_t{1} << 40, "draws");
  check_between(o.window, 0, index_t{1} << 40, "window");
}

template <class Real>
stability_result argmax_stability(row_matrix<Real> queries, row_matrix<Real> keys,
                                  const stability_options& options) {
  check_extent(keys.cols(), queries.cols(), "keys", "as wide as queries,");
  if (options.causal && keys.rows() < queries.rows())
    throw shape_error("keys", "at least as many as queries, " + std::to_string(queries.rows()),
                      std::to_string(keys.rows()));
  check_between(options.left_out, -1, keys.rows() > 1 ? keys.rows() - 1 : -1, "left_out");
  const index_t count = queries.rows();
  constexpr index_t tile = 64;
  stability_result out{0, owned_tensor<double, 1>({count}), 0};
  double* const stable = out.stable.mutable_view().data();
  const stability_counter<Real> counter(std::move(queries), std::move(keys), options);
  progress_meter meter(options.on_progress, "blurred queries", (count + tile - 1) / tile);
  parallel_for((count + tile - 1) / tile, options.threads, [&](index_t t) {
    counter.count(t * tile, (std::min)(tile, count - t * tile), stable);
    meter.advance();
  });
  out.noise_sd = counter.noise_sd();
  out.share = std::accumulate(stable, stable + count, 0.0) / static_cast<double>(count);
  return out;
}

}  // namespace detail

/// Share of queries with noise whose largest logit is that of the same key as without noise. The
/// scale of the logits does not matter, only their order.
///
/// \param queries `[Q, d]` of one head, with positions already in them (rotary)
/// \param keys    `[T, d]`, T >= Q where causal
/// \throws shape_error for empty input, other widths, or fewer keys than causal queries;
///         value_error for NaN or options out of range
///
/// O(draws Q T d) time. The same for every thread count.
template <real_tensor<2> Queries, real_tensor<2> Keys>
[[nodiscard]] stability_result argmax_stability(const Queries& queries, const Keys& keys,
                                                const stability_options& options = {}) {
  const auto q = as_view<2>(queries);
  const auto k = as_view<2>(keys);
  detail::check_stability(options);
  auto query_rows = detail::checked_rows<scalar_of<Queries, 2>>(q, "queries");
  auto key_rows = detail::checked_rows<scalar_of<Keys, 2>>(k, "keys");
  return detail::argmax_stability<double>(std::move(query_rows), std::move(key_rows), options);
}

}  // namespace atlas::inline ATLAS_ABI

#ifdef ATLAS_COMPILED
namespace atlas::inline ATLAS_ABI::detail {
ATLAS_OF_BOLTZMANN row_matrix<double> checked_rows<float, double>(
    const tensor_view<const float, 2>&, const std::string&);
ATLAS_OF_BOLTZMANN row_matrix<double> checked_rows<double, double>(
    const tensor_view<const double, 2>&, const std::string&);
ATLAS_OF_BOLTZMANN stability_result argmax_stability<double>(row_matrix<double>, row_matrix<double>,
                                                             const stability_options&);
}  // namespace atlas::inline ATLAS_ABI::detail
#endif
