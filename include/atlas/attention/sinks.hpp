// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// Attention sinks: keys that a head's queries look at whatever they ask, and what a head is
/// without them.

#include <Eigen/Core>
#include <algorithm>
#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "atlas/attention/capture.hpp"
#include "atlas/boltzmann/softmax.hpp"
#include "atlas/core/checks.hpp"
#include "atlas/core/compiled.hpp"
#include "atlas/core/lazy.hpp"

namespace atlas::inline ATLAS_ABI {

/// When the key that gets most weight is a sink.
struct sink_options {
  /// The mean weight beyond that of attention without preference, as a share of what is beyond it,
  /// from which on it is one. 0.3 is the threshold that Gu et al., "When attention sink emerges in
  /// language models" (ICLR 2025), put on the weight itself.
  double weight = 0.3;
  /// Length of its value, in units of the median over the block's values, up to which it is one: a
  /// key that hands on as much as others is looked at for what it says.
  double value_norm = 0.5;
  index_t queries = 16;  ///< after it that see it: a mean over fewer is no evidence
};

/// The key of a block that gets most weight of the queries after it.
struct attention_sink {
  index_t key = -1;       ///< its position in the block; -1 where no key is seen by enough queries
  double weight = 0;      ///< mean over the queries after it that see it
  double chance = 0;      ///< the same if each looked at all keys that it sees alike
  double top = 0;         ///< share of these queries that look at no key more
  double value_norm = 0;  ///< length of its value over the median length of the block's values
  bool found = false;     ///< whether it is a sink, by `sink_options`
};

namespace detail {

inline void check_sink_options(const sink_options& options) {
  check_open_unit(options.weight, "sink weight");
  check_positive(options.value_norm, "sink value_norm");
  check_between(options.queries, 1, index_t{1} << 40, "sink queries");
}

/// \throws shape_error or value_error naming what does not fit together or is not finite
template <class = lazy>
void check_sink_capture(const head_capture& head) {
  check_not_empty(head.weights, "head.weights");
  check_finite(head.weights, "head.weights");
  if (!head.logits.empty()) check_shape(head.logits, head.weights.extents(), "head.logits");
  check_extent(head.values.extent(0), head.weights.extent(1), "head.values", "one row a key,");
  check_finite(head.values, "head.values");
}

/// Whether a query sees a key: masked logits are -inf. Without logits, whether it has any weight.
inline bool sees(const head_capture& head, index_t query, index_t key) {
  return head.logits.empty() ? head.weights(query, key) > 0
                             : std::isfinite(head.logits(query, key));
}

/// What a query looks by; logits tell weights apart that are 0 in float.
inline double attention_order(const head_capture& head, index_t query, index_t key) {
  return static_cast<double>(head.logits.empty() ? head.weights(query, key)
                                                 : head.logits(query, key));
}

/// Of each key, over the queries after it that see it: their number, sums of their weights on it
/// and of the weights that they would have on it if they looked at all keys alike.
struct key_sums {
  Eigen::ArrayXd queries, weight, alike;
};

template <class = lazy>
key_sums sum_over_later_queries(const head_capture& head) {
  const index_t keys = head.weights.extent(1);
  key_sums out{Eigen::ArrayXd::Zero(keys), Eigen::ArrayXd::Zero(keys), Eigen::ArrayXd::Zero(keys)};
  for (index_t t = 0; t < head.weights.extent(0); ++t) {
    double seen = 0;
    for (index_t j = 0; j < keys; ++j) seen += sees(head, t, j) ? 1 : 0;
    for (index_t j = 0; j < (std::min)(t, keys); ++j) {
      if (!sees(head, t, j)) continue;
      out.queries[j] += 1;
      out.weight[j] += static_cast<double>(head.weights(t, j));
      out.alike[j] += 1 / seen;
    }
  }
  return out;
}

/// The key of the largest mean weight among those that at least so many queries see; -1 for none.
template <class = lazy>
index_t most_looked_at(const key_sums& sums, index_t queries) {
  index_t best = -1;
  for (index_t j = 0; j < sums.queries.size(); ++j) {
    if (sums.queries[j] < static_cast<double>(queries)) continue;
    if (best < 0 || sums.weight[j] / sums.queries[j] > sums.weight[best] / sums.queries[best])
      best = j;
  }
  return best;
}

/// The share of the queries after a key that see it and look at no key more.
template <class = lazy>
double share_of_top(const head_capture& head, index_t key) {
  double most = 0, queries = 0;
  for (index_t t = key + 1; t < head.weights.extent(0); ++t) {
    if (!sees(head, t, key)) continue;
    bool top = true;
    for (index_t j = 0; j < head.weights.extent(1) && top; ++j)
      top = head.weights(t, j) <= head.weights(t, key);
    most += top ? 1 : 0;
    queries += 1;
  }
  return most / queries;
}

/// Of a value over the (upper) median of all; 1 where both are 0.
template <class = lazy>
double relative_value_norm(const head_capture& head, index_t key) {
  std::vector<double> norms;
  for (index_t j = 0; j < head.values.extent(0); ++j) {
    double square = 0;
    for (index_t k = 0; k < head.values.extent(1); ++k)
      square += static_cast<double>(head.values(j, k)) * static_cast<double>(head.values(j, k));
    norms.push_back(std::sqrt(square));
  }
  const double own = norms[static_cast<std::size_t>(key)];
  const auto middle = norms.begin() + static_cast<std::ptrdiff_t>(norms.size() / 2);
  std::nth_element(norms.begin(), middle, norms.end());
  return own == *middle ? 1 : own / *middle;
}

}  // namespace detail

/// The key of a block that gets most weight, on the mean over the queries after it that see it.
/// What it does makes it a sink, not its place: most are the first key, but a head may have
/// another, or none.
///
/// \param head captured by a model; weights `[T, T]`, values `[T, d]`; without logits the keys of
///             weight 0 are taken as masked
/// \throws value_error for options out of range or NaN, shape_error for parts that do not fit
///
/// O(T^2 + T d) time.
template <class = lazy>
[[nodiscard]] attention_sink find_sink(const head_capture& head, const sink_options& options = {}) {
  detail::check_sink_options(options);
  detail::check_sink_capture(head);
  const detail::key_sums sums = detail::sum_over_later_queries(head);
  attention_sink out;
  out.key = detail::most_looked_at(sums, options.queries);
  if (out.key < 0) {
    out.weight = out.chance = out.top = out.value_norm = std::numeric_limits<double>::quiet_NaN();
    return out;
  }
  out.weight = sums.weight[out.key] / sums.queries[out.key];
  out.chance = sums.alike[out.key] / sums.queries[out.key];
  out.top = detail::share_of_top(head, out.key);
  out.value_norm = detail::relative_value_norm(head, out.key);
  out.found = out.weight - out.chance >= options.weight * (1 - out.chance) &&
              out.value_norm <= options.value_norm;
  return out;
}

/// A head without one of its keys, for the queries after it: weights of the others, scaled to sum
/// to
/// 1. What a head looks at when it looks for something.
class head_without_key {
 public:
  /// \param head with logits
  /// \param key  of the block
  /// \throws value_error for a key that there is not, or that is all that a query after it sees;
  ///         shape_error for parts that do not fit
  template <class = lazy>
  head_without_key(const head_capture& head, index_t key);

  /// Refers to this object and to what the head refers to; its context is empty.
  [[nodiscard]] head_capture capture() const& {
    head_capture out = head_;
    out.logits = logits_;
    out.weights = weights_;
    out.context = {};
    return out;
  }
  head_capture capture() const&& = delete;

 private:
  head_capture head_;
  owned_tensor<float, 2> logits_, weights_;
};

namespace detail {

/// Whether a query sees a key beside this one.
inline bool sees_another(const head_capture& head, index_t query, index_t key) {
  for (index_t j = 0; j < head.weights.extent(1); ++j)
    if (j != key && sees(head, query, j)) return true;
  return false;
}

}  // namespace detail

template <class>
head_without_key::head_without_key(const head_capture& head, index_t key) : head_(head) {
  detail::check_sink_capture(head);
  check_not_empty(head.logits, "head.logits");
  check_between(key, 0, head.weights.extent(1) - 1, "key");
  logits_ = copy_as<float>(head.logits);
  weights_ = copy_as<float>(head.weights);
  const auto logits = logits_.mutable_view();
  for (index_t t = key + 1; t < head.weights.extent(0); ++t) {
    if (!detail::sees(head, t, key)) continue;
    if (!detail::sees_another(head, t, key))
      throw value_error(
          "key", "one beside which each query after it sees another",
          std::to_string(key) + ", which is all that query " + std::to_string(t) + " sees");
    logits(t, key) = -std::numeric_limits<float>::infinity();
    // Anew, not divided by 1 less the key's weight, which has no digits left where that is near 1.
    const auto weights = softmax<1>(logits_[t], {.threads = 1});
    std::copy_n(weights.data(), weights.size(), weights_.mutable_view()[t].data());
  }
}

namespace detail {

inline void copy_value(const head_capture& head, index_t key, index_t query,
                       const tensor_view<float, 2>& context) {
  for (index_t k = 0; k < context.extent(1); ++k) context(query, k) = head.values(key, k);
}

/// The key that a query looks at most (of equal ones the first) beside one, or that one where it
/// sees no other.
/// \param left_out -1: none
inline index_t other_top(const head_capture& head, index_t query, index_t left_out) {
  index_t best = -1;
  for (index_t j = 0; j < head.weights.extent(1); ++j)
    if (j != left_out && sees(head, query, j) &&
        (best < 0 || attention_order(head, query, j) > attention_order(head, query, best)))
      best = j;
  return best < 0 ? (std::max)(left_out, index_t{0}) : best;
}

}  // namespace detail

/// One value for all queries that see the key that gets most weight (`find_sink`, be it a sink or
/// not, seen by however few): what V* is where it says nothing of the query. The queries that do
/// not see it have their V*.
template <class = lazy>
[[nodiscard]] context_rule constant_rule() {
  return [](const head_capture& head, tensor_view<float, 2> context) {
    const index_t key = find_sink(head, {.queries = 1}).key;
    for (index_t t = 0; t < context.extent(0); ++t)
      detail::copy_value(head,
                         key >= 0 && (t == key || detail::sees(head, t, key))
                             ? key
                             : detail::other_top(head, t, -1),
                         t, context);
  };
}

/// V* without the key that gets most weight (`find_sink`, be it a sink or not): of the other keys
/// the value that the query looks at most. A query that sees no other key has that one's.
template <class = lazy>
[[nodiscard]] context_rule other_top_rule() {
  return [](const head_capture& head, tensor_view<float, 2> context) {
    const index_t left_out = find_sink(head, {.queries = 1}).key;
    for (index_t t = 0; t < context.extent(0); ++t)
      detail::copy_value(head, detail::other_top(head, t, left_out), t, context);
  };
}

/// Nothing at all: zeros.
template <class = lazy>
[[nodiscard]] context_rule zero_rule() {
  return [](const head_capture&, tensor_view<float, 2> context) {
    for (index_t t = 0; t < context.extent(0); ++t)
      for (index_t k = 0; k < context.extent(1); ++k) context(t, k) = 0;
  };
}

}  // namespace atlas::inline ATLAS_ABI

#ifdef ATLAS_COMPILED
namespace atlas::inline ATLAS_ABI {
ATLAS_OF_ATTENTION attention_sink find_sink<void>(const head_capture&, const sink_options&);
ATLAS_OF_ATTENTION context_rule constant_rule<void>();
ATLAS_OF_ATTENTION context_rule other_top_rule<void>();
ATLAS_OF_ATTENTION context_rule zero_rule<void>();
}  // namespace atlas::inline ATLAS_ABI
#endif
