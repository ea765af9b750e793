// SPDX-License-Identifier: MIT
#include "atlas/io/tokenizer.hpp"

#include "../target.hpp"

namespace {

namespace io = atlas::io;

const atlas_fuzz::registered tokenizer("tokenizer", [](atlas_fuzz::bytes input) {
  const auto words = io::tokenizer::from_text(atlas_fuzz::text_of(input), "fuzzed");
  atlas_fuzz::tried([&] { (void)words.first_token(); });
  const auto ids = words.encode("It's  1851,\n\tn'est-ce pas? \xC3\xA9\xF0\x9F\x90\x8B<s>");
  (void)words.decode(ids);
});

}  // namespace
