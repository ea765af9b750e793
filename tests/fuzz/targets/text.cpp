// SPDX-License-Identifier: MIT
#include <algorithm>
#include <cstdlib>
#include <iterator>
#include <string>
#include <vector>

#include "../target.hpp"
#include "atlas/io/tokenizer.hpp"

namespace {

namespace io = atlas::io;

/// A tokenizer of each kind: of bytes and of SentencePiece, with and without a normalizer, patterns
/// and added tokens. Of some, decoding gives every text back.
struct kind {
  io::tokenizer words;
  bool exact;
};

const std::vector<kind>& kinds() {
  static const std::vector<kind> all = [] {
    std::vector<kind> made;
    const std::string folder = ATLAS_TEST_DATA "/tokenizers/";
    for (const char* name : {"gpt2", "llama3"})
      made.push_back({io::tokenizer::open(folder + name + ".json"), true});
    for (const char* name : {"qwen2", "flags", "llama2", "mistral", "gemma", "metaspace"})
      made.push_back({io::tokenizer::open(folder + name + ".json"), false});
    made.push_back({io::tokenizer::open(ATLAS_EXAMPLE_DATA "/tiny-gpt2/tokenizer.json"), true});
    return made;
  }();
  return all;
}

/// The first byte chooses the tokenizer, the others are the text.
const atlas_fuzz::registered text("text", [](atlas_fuzz::bytes input) {
  if (input.empty()) return;
  const auto first = std::to_integer<std::size_t>(input[0]);
  const kind& k = kinds()[first % kinds().size()];
  const std::string_view read = atlas_fuzz::text_of(input.subspan(1));
  const std::vector<atlas::index_t> ids = k.words.encode(read);
  const std::size_t half = ids.size() / 2;
  const auto begin = k.words.encode_first(read, static_cast<atlas::index_t>(half), 8);
  if (!std::equal(begin.begin(), begin.end(), ids.begin(), ids.begin() + std::ssize(begin)) ||
      begin.size() != half)
    std::abort();
  const std::string back = k.words.decode(ids);
  if (k.exact && back != read) std::abort();
});

}  // namespace
