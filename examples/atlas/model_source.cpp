// SPDX-License-Identifier: MIT
#include "model_source.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <numeric>
#include <optional>

#include "atlas/io/files.hpp"
#include "atlas/io/model.hpp"
#include "atlas/io/tokens.hpp"
#include "embedded.hpp"
#include "options.hpp"
#include "plain_text.hpp"

namespace atlas_program {

namespace {

using atlas::index_t;
namespace io = atlas::io;

std::string joined(const std::vector<index_t>& numbers) {
  std::string text;
  for (const index_t n : numbers) text += (text.empty() ? "" : ", ") + std::to_string(n);
  return text;
}

/// The files of an embedded model, unless a folder has its name.
std::optional<io::model_files> embedded_files(const std::string& name) {
  const auto embedded = embedded_model(name);
  return embedded && !std::filesystem::exists(name) ? embedded : std::nullopt;
}

io::tokenizer load_tokenizer(const std::string& name) {
  const auto files = embedded_files(name);
  if (files) return io::tokenizer::from_text(files->tokenizer, name + "/tokenizer.json");
  return io::open_tokenizer(name);
}

}  // namespace

atlas::transformer load_transformer(const std::string& name) {
  const auto files = embedded_files(name);
  return files ? io::transformer_from_memory(*files, name) : io::open_transformer(name);
}

std::string load_text(const std::string& name) {
  const auto embedded = embedded_text(name);
  if (embedded && !std::filesystem::exists(name)) return std::string(*embedded);
  const std::string text = io::read_text(name);
  if (const auto at = io::first_malformed_utf8(text))
    throw atlas::format_error(name, "UTF-8", "a malformed byte at offset " + std::to_string(*at));
  return text;
}

std::vector<index_t> chosen_layers(const layer_options& o, const std::vector<index_t>& all) {
  if (!o.layers.empty()) {
    for (const index_t l : o.layers)
      if (std::find(all.begin(), all.end(), l) == all.end())
        throw atlas::value_error("--layers", "some of " + joined(all), std::to_string(l));
    return o.layers;
  }
  const auto count = static_cast<index_t>(all.size());
  if (o.deepest != 0) {
    atlas::check_between(o.deepest, 1, count, "--deepest");
    return {all.end() - o.deepest, all.end()};
  }
  if (o.relative_depth) {
    const double place = std::round(*o.relative_depth * static_cast<double>(count - 1));
    return {all[static_cast<std::size_t>(place)]};
  }
  return all;
}

std::vector<index_t> chosen_layers(const layer_options& options, index_t count) {
  std::vector<index_t> all(static_cast<std::size_t>(count));
  std::iota(all.begin(), all.end(), index_t{0});
  return chosen_layers(options, all);
}

token_reader::token_reader(std::string model, index_t rows, const std::string& bos)
    : model_(std::move(model)), rows_(rows), by_default_(bos == "default") {
  if (by_default_ || bos == "none") return;
  given_ = std::stoll(bos);
  atlas::check_between(*given_, 0, rows - 1, "--bos");
}

const io::tokenizer& token_reader::tokenizer() {
  if (!tokenizer_) tokenizer_ = load_tokenizer(model_);
  return *tokenizer_;
}

std::optional<index_t> token_reader::first_token(const model_input& input) {
  if (!by_default_ || !input.tokens.empty()) return given_;
  const auto first = embedded_files(model_) ? tokenizer().first_token()
                                            : io::open_first_token(model_, tokenizer());
  if (first && *first >= rows_)
    throw atlas::value_error(model_ + ": the token that a text begins with",
                             "one of the model's, up to " + std::to_string(rows_ - 1),
                             std::to_string(*first));
  return first;
}

std::vector<index_t> token_reader::text_tokens(const std::string& name, index_t most) {
  const std::string text = load_text(name);
  if (text.empty()) throw atlas::value_error(name, "a text", "an empty file");
  try {
    return tokenizer().encode_first(text, most);
  } catch (const atlas::error& e) {
    throw atlas::error(name + ": " + e.what());
  }
}

std::vector<index_t> token_reader::tokens(const model_input& input, index_t most) {
  if (input.tokens.empty()) return text_tokens(input.text, most);
  const auto ids = io::read_tokens(input.tokens, rows_);
  return {ids.data(), ids.data() + ids.size()};
}

atlas::owned_tensor<index_t, 2> load_blocks(const model_input& input, index_t blocks,
                                            index_t tokens_per_block, token_reader& reader,
                                            bool fewer_will_do) {
  const std::optional<index_t> first = reader.first_token(input);
  const index_t own = tokens_per_block - (first ? 1 : 0);
  const std::vector<index_t> tokens = reader.tokens(input, blocks * own);
  const index_t there = std::ssize(tokens) / own;
  // With fewer than two, the error says what is lacking.
  const index_t wanted = fewer_will_do ? std::min(blocks, std::max<index_t>(2, there)) : blocks;
  try {
    return io::token_blocks(tokens, wanted, tokens_per_block, first);
  } catch (const atlas::error& e) {
    throw atlas::error(input.name() + ": " + e.what());
  }
}

model_input input_of(const model_options& options) {
  return options.input.empty() ? model_input{"moby-dick", {}} : options.input;
}

model_input calibration_of(const model_input& typed, const model_options& options) {
  if (!typed.empty()) return typed;
  return {input_of(options).text == "addresses" ? "moby-dick" : "addresses", {}};
}

json input_json(const model_input& input, token_reader& reader) {
  json said = {{input.tokens.empty() ? "text" : "tokens", input.name()}};
  if (const auto first = reader.first_token(input)) said["bos"] = *first;
  return said;
}

model_source open_model_source(const model_options& o) {
  const std::string model = o.model.empty() ? "tiny-gpt2" : o.model;
  atlas::transformer transformer = load_transformer(model);
  token_reader reader(model, transformer.config().vocabulary, o.bos);
  atlas::check_between(o.tokens_per_block, 2, transformer.config().positions, "--block-size");
  const model_input input = input_of(o);
  auto blocks = load_blocks(input, o.blocks, o.tokens_per_block, reader, o.fewer_will_do);
  json description = {{"model", model}};
  description.update(input_json(input, reader));
  description["blocks"] = blocks.extent(0);
  description["block_size"] = o.tokens_per_block;
  return {{std::move(transformer), std::move(reader)}, std::move(blocks), std::move(description)};
}

json perplexity_json(const atlas::perplexity_result& read) {
  return {{"value", number(read.perplexity)}, {"standard_error", number(read.standard_error)}};
}

json uncertain_json(const atlas::uncertain& x) {
  return {{"value", number(x.value)}, {"standard_error", number(x.standard_error)}};
}

std::string with_error(const atlas::uncertain& x, double scale, int decimals) {
  return fmt::format("{} ({})", digits(scale * x.value, decimals),
                     digits(scale * x.standard_error, decimals));
}

std::string heading(const json& description) {
  std::string text;
  for (const auto& [key, value] : description.items())
    if (key != "perplexity")
      text += fmt::format("{}{}: {}", text.empty() ? "" : ", ", key,
                          plain_text(value.is_string() ? value.get<std::string>() : value.dump()));
  text += "\n";
  if (description.contains("perplexity")) {
    const json& p = description["perplexity"];
    text += fmt::format(
        "perplexity: {:.4f} (standard error {:.2f})\n", p["value"].get<double>(),
        p["standard_error"].is_null() ? std::nan("") : p["standard_error"].get<double>());
  }
  return text + "\n";
}

void check_points(const common_options& common, index_t points, index_t blocks,
                  index_t tokens_per_block, index_t min_context) {
  const index_t places = blocks * (tokens_per_block - min_context);
  if (places < 3)
    throw atlas::value_error(
        "--block-size",
        fmt::format("at least 3 positions from {} on in {} blocks", min_context, blocks),
        std::to_string(places));
  if (points > places && was_typed(*common.command, "--points"))
    throw atlas::value_error(
        "--points",
        fmt::format("at most {}, the positions from {} on of {} blocks of {} tokens", places,
                    min_context, blocks, tokens_per_block),
        std::to_string(points));
}

void check_two_passages(const char* option, index_t blocks) {
  if (blocks < 2)
    throw atlas::value_error(option,
                             "at least two passages, so that rows have neighbours in another one",
                             std::to_string(blocks));
}

void add_model_options(CLI::App& app, model_options& o) {
  add_text(app, "--model", o.model,
           "Hugging Face folder, GGUF file, or tiny-gpt2 (default) or tiny-llama");
  auto* text =
      add_text(app, "--text", o.input.text, "UTF-8 file, or moby-dick (default) or addresses");
  add_text(app, "--tokens", o.input.tokens,
           ".npy file of the ids of tokens, [N], in the place of a text; needs no tokenizer")
      ->excludes(text);
  add_bos_option(app, o.bos);
  add_block_options(app, o.blocks, o.tokens_per_block);
}

void add_bos_option(CLI::App& app, std::string& bos) {
  add_checked(app, "--bos", bos, whole_number_or({0}, {"default", "none"}),
              "token that each block begins with, an id or none; default: what the model's own "
              "files put before a text, and nothing before --tokens");
}

void add_block_options(CLI::App& app, index_t& blocks, index_t& tokens_per_block) {
  add_whole(app, "--blocks", blocks, {1, most_blocks}, "blocks of text, each read on its own");
  add_whole(app, "--block-size", tokens_per_block, {2}, "tokens in each");
}

void add_min_context(CLI::App& app, index_t& min_context) {
  add_whole(app, "--min-context", min_context, {0}, "first positions of a block left out");
}

void add_calibration_options(CLI::App& app, model_input& input, index_t& blocks,
                             const std::string& what) {
  auto* text = add_text(
      app, "--calibration", input.text,
      "text that " + what + ", a file, moby-dick or addresses; the embedded one that is not read");
  add_text(app, "--calibration-tokens", input.tokens, "the same as --tokens has it")
      ->excludes(text);
  add_whole(app, "--calibration-blocks", blocks, {1, most_blocks}, "of that text");
}

void add_layer_options(CLI::App& app, layer_options& o, const std::string& otherwise) {
  auto* layers = app.add_option_function<std::vector<std::string>>(
                        "--layers",
                        [&o](const std::vector<std::string>& texts) {
                          o.layers = numbers_of("--layers", texts);
                        },
                        "such as 3,4,5 or 3-5; " + otherwise)
                     ->delimiter(',')
                     ->type_name("INT ...");
  auto* deepest = app.add_option("--deepest", o.deepest, "the last so many layers")
                      ->transform(whole_number({1}))
                      ->excludes(layers);
  app.add_option("--relative-depth", o.relative_depth, "the layer at this depth, from 0 to 1")
      ->transform(real_number({0, 1}))
      ->excludes(layers)
      ->excludes(deepest);
}

}  // namespace atlas_program
