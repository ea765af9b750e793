// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// Words whose tokens are known already.

#include <cstddef>
#include <string>
#include <unordered_map>
#include <vector>

#include "atlas/core/lazy.hpp"
#include "atlas/core/tensor_view.hpp"

namespace atlas::inline ATLAS_ABI::io::detail {

/// Tokens of words that came before, so that they are not merged again. Keeps short words alone,
/// and so many of them at most: its memory does not grow with the text.
template <class = lazy>
class seen_words {
 public:
  /// Appends the tokens of a word, from `encode(word, out)` unless they are known.
  template <class Encode>
  void append(const std::string& word, std::vector<index_t>& out, Encode&& encode) {
    if (word.size() > longest) return encode(word, out);
    const auto found = words_.find(word);
    if (found != words_.end()) {
      out.insert(out.end(), found->second.begin(), found->second.end());
      return;
    }
    const std::size_t before = out.size();
    encode(word, out);
    if (words_.size() < most)
      words_.emplace(
          word, std::vector<index_t>(out.begin() + static_cast<std::ptrdiff_t>(before), out.end()));
  }

 private:
  static constexpr std::size_t longest = 256;  // bytes
  static constexpr std::size_t most = std::size_t{1} << 16;

  std::unordered_map<std::string, std::vector<index_t>> words_;
};

}  // namespace atlas::inline ATLAS_ABI::io::detail
