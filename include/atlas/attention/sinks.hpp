// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// Attention sinks: keys that a head's queries look at whatever they ask, and what a head is
/// without them.

#include <Eigen/Core>
#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "atlas/attention/capture.hpp"
#include "atlas/core/checks.hpp"
#include "atlas/core/compiled.hpp"
#include "atlas/core/lazy.hpp"

namespace atlas::inline ATLAS_ABI {

/// When the key that gets most weight is a sink.
struct sink_options {
  /// Mean weight from which on it is one. 0.3 is that of Gu et al., "When attention sink emerges in
  /// language models" (ICLR 2025); of T keys that are looked at alike the first gets about
  /// `ln(T) / T`.
  double weight = 0.3;
  /// Length of its value, in units of the median over the block's values, up to which it is one: a
  /// key that hands on as much as others is looked at for what it says.
  double value_norm = 0.5;
};

/// The key of a block that gets most weight of the queries after it.
struct attention_sink {
  index_t key = 0;        ///< its position in the block
  double weight = 0;      ///< mean over the queries after it that see it; NaN of none
  double top = 0;         ///< share of these that look at no key more
  double value_norm = 0;  ///< length of its value over the median length of the block's values
  bool found = false;     ///< whether it is a sink, by `sink_options`
};

namespace detail {

inline void check_sink_options(const sink_options& options) {
  check_open_unit(options.weight, "sink weight");
  check_positive(options.value_norm, "sink value_norm");
}

/// Whether a query sees a key: masked logits are -inf.
inline bool sees(const head_capture& head, index_t query, index_t key) {
  return std::isfinite(head.logits(query, key));
}

/// The mean weight of each key over the queries after it that see it; NaN of none.
template <class = lazy>
Eigen::ArrayXd mean_weights(const head_capture& head) {
  const index_t keys = head.weights.extent(1);
  Eigen::ArrayXd sums = Eigen::ArrayXd::Zero(keys), queries = Eigen::ArrayXd::Zero(keys);
  for (index_t t = 0; t < head.weights.extent(0); ++t)
    for (index_t j = 0; j < (std::min)(t, keys); ++j) {
      if (!sees(head, t, j)) continue;
      sums[j] += static_cast<double>(head.weights(t, j));
      queries[j] += 1;
    }
  return sums / queries;
}

/// The share of the queries after a key that see it and look at no key more.
template <class = lazy>
double share_of_top(const head_capture& head, index_t key) {
  double most = 0, queries = 0;
  for (index_t t = key + 1; t < head.weights.extent(0); ++t) {
    if (!sees(head, t, key)) continue;
    float largest = 0;
    for (index_t j = 0; j < head.weights.extent(1); ++j)
      largest = (std::max)(largest, head.weights(t, j));
    most += head.weights(t, key) == largest ? 1 : 0;
    queries += 1;
  }
  return most / queries;
}

/// Of a value over the median of all, 1 where all are 0.
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

/// The key of the first half of a block that gets most weight, on the mean over the queries after
/// it that see it; in that half each key has as many of them as the block has positions in the
/// other. What it does makes it a sink, not its place: most are the first key, but a head may
/// have another, or none.
///
/// \param head captured by a model; its weights and logits are `[T, T]`
/// \throws value_error for options out of range, shape_error for no keys
///
/// O(T^2 + T d) time.
template <class = lazy>
[[nodiscard]] attention_sink find_sink(const head_capture& head, const sink_options& options = {}) {
  detail::check_sink_options(options);
  check_not_empty(head.weights, "head.weights");
  const Eigen::ArrayXd weights = detail::mean_weights(head);
  attention_sink out;
  for (index_t key = 1; 2 * key < weights.size(); ++key)
    if (weights[key] > weights[out.key]) out.key = key;
  out.weight = weights[out.key];
  out.top = detail::share_of_top(head, out.key);
  out.value_norm = detail::relative_value_norm(head, out.key);
  out.found = out.weight >= options.weight && out.value_norm <= options.value_norm;
  return out;
}

/// A head without one of its keys, for the queries after it: weights of the others, scaled to sum
/// to
/// 1. What a head looks at when it looks for something.
class head_without_key {
 public:
  /// \param key of the block
  /// \throws value_error for a key that there is not
  template <class = lazy>
  head_without_key(const head_capture& head, index_t key);

  /// Refers to this object and to what the head refers to.
  [[nodiscard]] head_capture capture() const& {
    head_capture out = head_;
    out.logits = logits_;
    out.weights = weights_;
    return out;
  }

 private:
  head_capture head_;
  owned_tensor<float, 2> logits_, weights_;
};

template <class>
head_without_key::head_without_key(const head_capture& head, index_t key) : head_(head) {
  check_between(key, 0, head.weights.extent(1) - 1, "key");
  logits_ = copy_as<float>(head.logits);
  weights_ = copy_as<float>(head.weights);
  const auto logits = logits_.mutable_view();
  const auto weights = weights_.mutable_view();
  for (index_t t = key + 1; t < head.weights.extent(0); ++t) {
    logits(t, key) = -std::numeric_limits<float>::infinity();
    weights(t, key) = 0;
    // Not 1 less the sink's weight, which has no digits left where that is near 1.
    double largest = -std::numeric_limits<double>::infinity(), total = 0;
    for (index_t j = 0; j < logits.extent(1); ++j)
      largest = (std::max)(largest, static_cast<double>(logits(t, j)));
    for (index_t j = 0; j < logits.extent(1); ++j)
      total += std::exp(static_cast<double>(logits(t, j)) - largest);
    for (index_t j = 0; j < logits.extent(1); ++j)
      weights(t, j) =
          static_cast<float>(std::exp(static_cast<double>(logits(t, j)) - largest) / total);
  }
}

namespace detail {

inline void copy_value(const head_capture& head, index_t key, index_t query,
                       const tensor_view<float, 2>& context) {
  for (index_t k = 0; k < context.extent(1); ++k) context(query, k) = head.values(key, k);
}

}  // namespace detail

/// The same value for every query, that of the key that gets most weight (`find_sink`, be it a sink
/// or not): no content at all. What V* keeps beyond it is content.
template <class = lazy>
[[nodiscard]] context_rule constant_rule() {
  return [](const head_capture& head, tensor_view<float, 2> context) {
    const index_t key = find_sink(head).key;
    for (index_t t = 0; t < context.extent(0); ++t) detail::copy_value(head, key, t, context);
  };
}

/// V* without the key that gets most weight (`find_sink`, be it a sink or not): of the other keys
/// the value that the query looks at most. A query that sees no other key has that one's.
template <class = lazy>
[[nodiscard]] context_rule other_top_rule() {
  return [](const head_capture& head, tensor_view<float, 2> context) {
    const index_t left_out = find_sink(head).key;
    for (index_t t = 0; t < context.extent(0); ++t) {
      index_t best = left_out;
      for (index_t j = 0; j < head.weights.extent(1); ++j)
        if (j != left_out && detail::sees(head, t, j) &&
            (best == left_out || head.weights(t, j) > head.weights(t, best)))
          best = j;
      detail::copy_value(head, best, t, context);
    }
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
