// SPDX-License-Identifier: MIT
#include "atlas/io/gguf.hpp"

#include "../target.hpp"
#include "atlas/io/configuration/gguf_config.hpp"
#include "atlas/io/first_token.hpp"
#include "atlas/io/folders/gguf_weights.hpp"
#include "atlas/io/tokenization/gguf_tokenizer.hpp"

namespace {

namespace io = atlas::io;

const atlas_fuzz::registered gguf("gguf", [](atlas_fuzz::bytes input) {
  const auto file = io::gguf::from_memory(input, "fuzzed");
  for (const std::string& name : file.names()) {
    atlas_fuzz::tried([&] { (void)file.read<1>(name); });
    atlas_fuzz::tried([&] { (void)file.read<2>(name); });
    atlas_fuzz::tried([&] { (void)file.read_rows(name, 0, 1); });
  }
  atlas_fuzz::tried([&] { (void)io::read_gguf_config(file); });
  atlas_fuzz::tried([&] {
    const io::tokenizer words = io::read_gguf_tokenizer(file);
    (void)words.decode(words.encode("It is 1851, n'est-ce pas?\n"));
  });
  (void)io::read_gguf_transformer(file);
});

}  // namespace
