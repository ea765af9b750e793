// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// Byte pair encoding: a piece begins as single bytes or characters, and neighbours are merged, the
/// pair that was learned first before all others, until no pair is known.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <queue>
#include <unordered_map>
#include <utility>
#include <vector>

#include "atlas/core/lazy.hpp"
#include "atlas/version.hpp"

namespace atlas::inline ATLAS_ABI::io::detail {

/// A piece while it is merged: a doubly linked list of tokens in one array.
template <class = lazy>
class bpe_word {
 public:
  struct merge {
    std::uint32_t rank, id;
  };
  /// Keyed by the left token in the upper half and the right one in the lower.
  using merge_table = std::unordered_map<std::uint64_t, merge>;

  static std::uint64_t key(std::uint32_t left, std::uint32_t right) {
    return std::uint64_t{left} << 32 | right;
  }

  /// \param most how many symbols it may have
  bpe_word(const merge_table& merges, std::size_t most) : merges_(merges) { tokens_.reserve(most); }

  void push_back(std::uint32_t id) {
    const auto at = static_cast<int>(tokens_.size());
    if (at > 0) tokens_.back().next = at;
    tokens_.push_back({id, at - 1, -1});
  }

  /// O(n log n) in the number of symbols.
  void merge_all() {
    std::vector<proposal> first;
    for (std::size_t i = 0; i + 1 < tokens_.size(); ++i)
      if (const merge* m = merge_at(static_cast<int>(i)))
        first.push_back({m->rank, m->id, static_cast<int>(i)});
    proposals_ = queue(std::greater<>(), std::move(first));
    while (!proposals_.empty()) {
      const proposal best = proposals_.top();
      proposals_.pop();
      if (still_stands(best)) apply(best);
    }
  }

  template <class Out>
  void append_to(Out& out) const {
    const auto alive = [](const token& t) { return t.previous != merged_away; };
    const auto more = std::count_if(tokens_.begin(), tokens_.end(), alive);
    const std::size_t size = out.size() + static_cast<std::size_t>(more);
    if (size > out.capacity()) out.reserve((std::max)(size, out.capacity() + out.capacity() / 2));
    for (const token& t : tokens_)
      if (alive(t)) out.push_back(t.id);
  }

 private:
  /// In the place of the token before one that is a part of another now.
  static constexpr int merged_away = -2;
  struct token {
    std::uint32_t id;
    int previous, next;
  };
  struct proposal {
    std::uint32_t rank, id;
    int at;
    /// Learned first, then leftmost.
    bool operator>(const proposal& other) const {
      return rank != other.rank ? rank > other.rank : at > other.at;
    }
  };

  using queue = std::priority_queue<proposal, std::vector<proposal>, std::greater<>>;

  token& at(int i) { return tokens_[static_cast<std::size_t>(i)]; }

  const merge* merge_at(int i) {
    const auto found = merges_.find(key(at(i).id, at(at(i).next).id));
    return found == merges_.end() ? nullptr : &found->second;
  }
  void propose(int i) {
    if (const merge* m = merge_at(i)) proposals_.push({m->rank, m->id, i});
  }
  /// A pair that changed in the meantime counts if it makes the same token.
  bool still_stands(const proposal& p) {
    if (at(p.at).previous == merged_away || at(p.at).next < 0) return false;
    const merge* m = merge_at(p.at);
    return m && m->id == p.id;
  }
  void apply(const proposal& p) {
    token& left = at(p.at);
    token& right = at(left.next);
    left.id = p.id;
    left.next = right.next;
    right.previous = merged_away;
    if (left.next >= 0) at(left.next).previous = p.at;
    if (left.previous >= 0) propose(left.previous);
    if (left.next >= 0) propose(p.at);
  }

  const merge_table& merges_;
  std::vector<token> tokens_;
  queue proposals_;
};

}  // namespace atlas::inline ATLAS_ABI::io::detail
