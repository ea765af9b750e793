// SPDX-License-Identifier: MIT
#include "embedded.hpp"

#include "embed.hpp"

#define ATLAS_EMBED_DATA(symbol, file) ATLAS_EMBED(symbol, ATLAS_EXAMPLE_DATA "/" file)

ATLAS_EMBED_DATA(atlas_gpt2_config, "tiny-gpt2/config.json");
ATLAS_EMBED_DATA(atlas_gpt2_tokenizer, "tiny-gpt2/tokenizer.json");
ATLAS_EMBED_DATA(atlas_gpt2_tensors, "tiny-gpt2/model.safetensors");
ATLAS_EMBED_DATA(atlas_llama_config, "tiny-llama/config.json");
ATLAS_EMBED_DATA(atlas_llama_tokenizer, "tiny-llama/tokenizer.json");
ATLAS_EMBED_DATA(atlas_llama_tensors, "tiny-llama/model.safetensors");
ATLAS_EMBED_DATA(atlas_moby_dick, "moby-dick.txt");
ATLAS_EMBED_DATA(atlas_addresses, "addresses.txt");

namespace atlas_program {

namespace {

atlas::io::model_files files(std::string_view config, std::string_view tokenizer,
                             std::string_view tensors) {
  return {config, tokenizer, std::as_bytes(std::span(tensors))};
}

}  // namespace

std::optional<atlas::io::model_files> embedded_model(const std::string& name) {
  if (name == "tiny-gpt2")
    return files(between(atlas_gpt2_config_begin, atlas_gpt2_config_end),
                 between(atlas_gpt2_tokenizer_begin, atlas_gpt2_tokenizer_end),
                 between(atlas_gpt2_tensors_begin, atlas_gpt2_tensors_end));
  if (name == "tiny-llama")
    return files(between(atlas_llama_config_begin, atlas_llama_config_end),
                 between(atlas_llama_tokenizer_begin, atlas_llama_tokenizer_end),
                 between(atlas_llama_tensors_begin, atlas_llama_tensors_end));
  return std::nullopt;
}

std::optional<std::string_view> embedded_text(const std::string& name) {
  if (name == "moby-dick") return between(atlas_moby_dick_begin, atlas_moby_dick_end);
  if (name == "addresses") return between(atlas_addresses_begin, atlas_addresses_end);
  return std::nullopt;
}

}  // namespace atlas_program
