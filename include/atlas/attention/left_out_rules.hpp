// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// Context rules that leave heads out: what stands in the place of what a head hands on, so that
/// what it is worth can be measured.

#include <algorithm>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "atlas/attention/capture.hpp"
#include "atlas/core/as_view.hpp"
#include "atlas/core/checks.hpp"
#include "atlas/core/compiled.hpp"
#include "atlas/core/lazy.hpp"
#include "atlas/core/random.hpp"

namespace atlas::inline ATLAS_ABI {

struct context_options {
  std::vector<index_t> layers = {};  ///< to collect
  index_t heads = 0;                 ///< query heads
  index_t head_dimension = 0;
  index_t blocks = 0;            ///< text blocks
  index_t tokens_per_block = 0;  ///< positions per block
};

/// Keeps what the heads of some layers hand on at every place of a text: pass `observer()` to a
/// model. `H B T d_head` floats a layer.
class context_collector {
 public:
  /// \throws value_error for options out of range; shape_error for more than can be counted
  template <class = lazy>
  explicit context_collector(context_options options) : options_(std::move(options)) {
    check_between(options_.heads, 1, index_t{1} << 20, "heads");
    check_between(options_.head_dimension, 1, index_t{1} << 20, "head_dimension");
    check_between(options_.blocks, 1, index_t{1} << 30, "blocks");
    check_between(options_.tokens_per_block, 1, index_t{1} << 30, "tokens_per_block");
    for (const index_t layer : options_.layers)
      layers_.try_emplace(layer,
                          shape<3>{options_.heads, options_.blocks * options_.tokens_per_block,
                                   options_.head_dimension});
  }

  /// Refers to this object, which must outlive it.
  template <class = lazy>
  [[nodiscard]] head_observer observer() & {
    return [this](const head_capture& capture) { collect(capture); };
  }

  /// `[H, B * T, d_head]`, row = block * T + position.
  /// \throws value_error for a layer that was not collected
  [[nodiscard]] const owned_tensor<float, 3>& contexts(index_t layer) const {
    const auto found = layers_.find(layer);
    if (found == layers_.end())
      throw value_error("layer", "one of those collected", std::to_string(layer));
    return found->second;
  }

 private:
  /// Writes to the rows of one block and head only, so captures may come from many threads.
  template <class = lazy>
  void collect(const head_capture& c) {
    const auto found = layers_.find(c.layer);
    if (found == layers_.end()) return;
    check_between(c.head, 0, options_.heads - 1, "capture.head");
    check_between(c.block, 0, options_.blocks - 1, "capture.block");
    check_shape(c.context, {options_.tokens_per_block, options_.head_dimension}, "capture.context");
    const auto into = found->second.mutable_view()[c.head];
    for (index_t t = 0; t < c.context.extent(0); ++t)
      for (index_t k = 0; k < c.context.extent(1); ++k)
        into(c.block * options_.tokens_per_block + t, k) = c.context(t, k);
  }

  context_options options_;
  std::map<index_t, owned_tensor<float, 3>> layers_;
};

/// A rule for some heads of a layer; the others have full attention.
/// \throws value_error for no heads or a negative one
template <class = lazy>
[[nodiscard]] context_rule rule_of_heads(context_rule rule, std::vector<index_t> heads) {
  if (heads.empty()) throw value_error("heads", "at least 1", "none");
  for (const index_t h : heads) check_between(h, 0, index_t{1} << 20, "heads");
  return [rule = std::move(rule), heads = std::move(heads)](const head_capture& head,
                                                            tensor_view<float, 2> context) {
    if (std::find(heads.begin(), heads.end(), head.head) != heads.end()) rule(head, context);
  };
}

namespace detail {

template <class = lazy>
owned_tensor<double, 2> mean_contexts(const tensor_view<const float, 3>& contexts) {
  check_not_empty(contexts, "contexts");
  check_finite(contexts, "contexts");
  const index_t rows = contexts.extent(1);
  owned_tensor<double, 2> out({contexts.extent(0), contexts.extent(2)});
  const auto to = out.mutable_view();
  for (index_t h = 0; h < contexts.extent(0); ++h) {
    for (index_t i = 0; i < rows; ++i)
      for (index_t k = 0; k < contexts.extent(2); ++k)
        to(h, k) += static_cast<double>(contexts(h, i, k));
    for (index_t k = 0; k < contexts.extent(2); ++k) to(h, k) /= static_cast<double>(rows);
  }
  return out;
}

/// \throws shape_error where a head has no row of `per_head` or one of another length
template <class Scalar, std::size_t Rank>
void check_head(const tensor_view<const Scalar, Rank>& per_head, const head_capture& head,
                const tensor_view<float, 2>& context, const char* argument) {
  if (head.head >= per_head.extent(0))
    throw shape_error(argument, "one a head, " + std::to_string(head.head + 1) + " or more",
                      std::to_string(per_head.extent(0)));
  check_extent(per_head.extent(Rank - 1), context.extent(1), argument, "head_dimension");
}

template <class = lazy>
context_rule mean_rule(const tensor_view<const float, 3>& contexts) {
  const auto means = mean_contexts(contexts);
  return [means](const head_capture& head, const tensor_view<float, 2>& context) {
    const tensor_view<const double, 2> view = means;
    check_head(view, head, context, "contexts");
    for (index_t t = 0; t < context.extent(0); ++t)
      for (index_t k = 0; k < context.extent(1); ++k)
        context(t, k) = static_cast<float>(view(head.head, k));
  };
}

template <class = lazy>
context_rule other_passage_rule(const owned_tensor<float, 3>& contexts,
                                std::vector<index_t> passages) {
  check_not_empty(contexts, "contexts");
  if (passages.empty()) throw value_error("passages", "one a block", "none");
  const auto blocks = static_cast<index_t>(passages.size());
  if (contexts.extent(1) % blocks != 0)
    throw shape_error("contexts", "a multiple of " + std::to_string(blocks) + " rows, the passages",
                      std::to_string(contexts.extent(1)));
  for (const index_t p : passages) check_between(p, 0, blocks - 1, "passages");
  return [contexts, passages = std::move(passages)](const head_capture& head,
                                                    const tensor_view<float, 2>& context) {
    const tensor_view<const float, 3> view = contexts;
    check_head(view, head, context, "contexts");
    check_between(head.block, 0, static_cast<index_t>(passages.size()) - 1, "capture.block");
    check_extent(view.extent(1), context.extent(0) * static_cast<index_t>(passages.size()),
                 "contexts", "rows, blocks * tokens_per_block,");
    const index_t first = passages[static_cast<std::size_t>(head.block)] * context.extent(0);
    for (index_t t = 0; t < context.extent(0); ++t)
      for (index_t k = 0; k < context.extent(1); ++k) context(t, k) = view(head.head, first + t, k);
  };
}

}  // namespace detail

/// In the place of what a head hands on its mean over all positions and passages: what it is worth
/// is then what it says of each, not that it says something.
/// \param contexts `[H, N, d_head]`, what heads hand on, as `context_collector` has it
/// \throws shape_error for none; value_error for NaN; the rule throws shape_error for a head that
///         has none
template <real_tensor<3> Contexts>
[[nodiscard]] context_rule mean_rule(const Contexts& contexts) {
  const auto held = as_view<3>(contexts);
  return detail::mean_rule(held);
}

/// Another passage for each of B: a random one-cycle permutation (Sattolo, Inf. Process. Lett. 22,
/// 315, 1986), so that none is its own and each is that of one other.
/// \throws value_error for fewer than 2
[[nodiscard]] inline std::vector<index_t> other_passages(index_t blocks, random_stream& random) {
  check_between(blocks, 2, index_t{1} << 30, "blocks");
  std::vector<index_t> out(static_cast<std::size_t>(blocks));
  for (index_t b = 0; b < blocks; ++b) out[static_cast<std::size_t>(b)] = b;
  for (index_t b = blocks - 1; b > 0; --b)
    std::swap(out[static_cast<std::size_t>(b)],
              out[static_cast<std::size_t>(random.uniform_index(b))]);
  return out;
}

/// In the place of what a head hands on what it hands on at the same position of another passage:
/// of the right distribution, and of nothing that the passage says.
/// \param contexts `[H, B * T, d_head]` of the same text, as `context_collector` has it; they are
///                 held, not copied
/// \param passages `[B]`, another one for each, as `other_passages` draws them
/// \throws shape_error for rows that are no multiple of B; value_error for passages out of range;
///         the rule throws shape_error for other blocks than those collected
[[nodiscard]] inline context_rule other_passage_rule(const owned_tensor<float, 3>& contexts,
                                                     std::vector<index_t> passages) {
  return detail::other_passage_rule(contexts, std::move(passages));
}

}  // namespace atlas::inline ATLAS_ABI

#ifdef ATLAS_COMPILED
namespace atlas::inline ATLAS_ABI {
ATLAS_OF_ATTENTION context_rule rule_of_heads<void>(context_rule, std::vector<index_t>);
namespace detail {
ATLAS_OF_ATTENTION context_rule mean_rule<void>(const tensor_view<const float, 3>&);
ATLAS_OF_ATTENTION context_rule other_passage_rule<void>(const owned_tensor<float, 3>&,
                                                         std::vector<index_t>);
}  // namespace detail
}  // namespace atlas::inline ATLAS_ABI
#endif
