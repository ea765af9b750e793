// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// Byte pair encoding: a piece begins as single bytes or characters, and neighbours are merged, the
/// pair that was learned first before all others, until no pair is known.

#include <cstddef>
#include <cstdint>
#include <functional>
#include <queue>
#include <unordered_map>
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

  explicit bpe_word(const merge_table& merges) : merges_(merges) {}

  void push_back(std::uint32_t id) {
    const auto at = static_cast<int>(tokens_.size());
    if (at > 0) tokens_.back().next = at;
    tokens_.push_back({id, at - 1, -1, true});
  }

  /// O(n log n) in the number of symbols.
  void merge_all() {
    for (std::size_t i = 0; i + 1 < tokens_.size(); ++i) propose(static_cast<int>(i));
    while (!proposals_.empty()) {
      const proposal best = proposals_.top();
      proposals_.pop();
      if (still_stands(best)) apply(best);
    }
  }

  template <class Out>
  void append_to(Out& out) const {
    for (const token& t : tokens_)
      if (t.alive) out.push_back(t.id);
  }

 private:
  struct token {
    std::uint32_t id;
    int previous, next;
    bool alive;
  };
  struct proposal {
    std::uint32_t rank, id;
    int at;
    /// Learned first, then leftmost.
    bool operator>(const proposal& other) const {
      return rank != other.rank ? rank > other.rank : at > other.at;
    }
  };

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
    if (!at(p.at).alive || at(p.at).next < 0) return false;
    const merge* m = merge_at(p.at);
    return m && m->id == p.id;
  }
  void apply(const proposal& p) {
    token& left = at(p.at);
    token& right = at(left.next);
    left.id = p.id;
    left.next = right.next;
    right.alive = false;
    if (left.next >= 0) at(left.next).previous = p.at;
    if (left.previous >= 0) propose(left.previous);
    if (left.next >= 0) propose(p.at);
  }

  const merge_table& merges_;
  std::vector<token> tokens_;
  std::priority_queue<proposal, std::vector<proposal>, std::greater<>> proposals_;
};

}  // namespace atlas::inline ATLAS_ABI::io::detail
