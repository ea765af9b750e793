// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// A model and the text that it reads: what the subcommands that run one share.

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "atlas/core/tensor_view.hpp"
#include "atlas/io/tokenizer.hpp"
#include "atlas/reference/perplexity_change.hpp"
#include "atlas/reference/transformer.hpp"
#include "common.hpp"

namespace atlas_program {

inline constexpr atlas::index_t most_blocks = atlas::index_t{1} << 30;

struct layer_options {
  std::vector<atlas::index_t> layers;  ///< increasing
  atlas::index_t deepest = 0;
  std::optional<double> relative_depth;
};

/// What a model reads: a text, a file or an embedded one; or a file of tokens in its place.
struct model_input {
  std::string text, tokens;

  bool empty() const { return text.empty() && tokens.empty(); }
  const std::string& name() const { return tokens.empty() ? text : tokens; }
};

struct model_options {
  std::string model;
  model_input input;
  std::string bos = "default";  ///< how each block begins: default, none, or an id
  atlas::index_t blocks = 12, tokens_per_block = 256;
  bool fewer_will_do = false;  ///< where the text has fewer blocks, all that it has
};

/// Reads inputs as a model's tokens. Its tokenizer is read when a text asks for it: files of tokens
/// need none.
class token_reader {
 public:
  /// \param model a folder or an embedded one
  /// \param rows  of its table of tokens
  /// \param bos   what each block begins with, as `--bos` has it
  /// \throws value_error for an id that the model has no row for
  token_reader(std::string model, atlas::index_t rows, const std::string& bos);

  /// All tokens of a file of them, or the first of a text, `most` of them where it has so many.
  /// \throws an error that names the text, the file of tokens or the tokenizer
  std::vector<atlas::index_t> tokens(const model_input& input, atlas::index_t most);
  /// What each block of the input begins with; none: with the input's own first token. Unless an id
  /// is given, texts begin as the model's own files say, and tokens are left as they are.
  /// \throws an error that names the file that does not say it
  std::optional<atlas::index_t> first_token(const model_input& input);

 private:
  const atlas::io::tokenizer& tokenizer();
  std::vector<atlas::index_t> text_tokens(const std::string& name, atlas::index_t most);

  std::string model_;
  atlas::index_t rows_;
  bool by_default_;
  std::optional<atlas::index_t> given_;
  std::optional<atlas::io::tokenizer> tokenizer_;
};

struct opened_model {
  atlas::transformer model;
  token_reader reader;
};

/// A model, the blocks of text that it is to read, and what to say of both in a report.
struct model_source {
  opened_model lm;
  atlas::owned_tensor<atlas::index_t, 2> blocks;
  json description;
};

/// Options that several subcommands have.
void add_bos_option(CLI::App& app, std::string& bos);
void add_model_options(CLI::App& app, model_options& options);
void add_block_options(CLI::App& app, atlas::index_t& blocks, atlas::index_t& tokens_per_block);
void add_min_context(CLI::App& app, atlas::index_t& min_context);
void add_layer_options(CLI::App& app, layer_options& options, const std::string& otherwise);
/// \param what the text is for: "the directions are learned on"
void add_calibration_options(CLI::App& app, model_input& input, atlas::index_t& blocks,
                             const std::string& what);

/// \throws value_error for more points asked for than there are places to draw them from, or fewer
///         than three of these
void check_points(const common_options& common, atlas::index_t points, atlas::index_t blocks,
                  atlas::index_t tokens_per_block, atlas::index_t min_context);
/// \throws value_error naming the option for a single block, in which no neighbour is of another
void check_two_passages(const char* option, atlas::index_t blocks);

/// The layers asked for, of those there are; all unless something else is asked for.
std::vector<atlas::index_t> chosen_layers(const layer_options& options,
                                          const std::vector<atlas::index_t>& all);
/// The same for all layers of a model.
std::vector<atlas::index_t> chosen_layers(const layer_options& options, atlas::index_t count);

/// \throws whatever is wrong with the options, the files or the text
model_source open_model_source(const model_options& options);

/// A text, a file or an embedded one. \throws format_error naming it for a missing file or no UTF-8
std::string load_text(const std::string& name);

/// A model, a folder or an embedded one. \throws whatever is wrong with its files
atlas::transformer load_transformer(const std::string& model);

/// Blocks of an input for a model.
/// \param fewer_will_do where the input has fewer blocks, all that it has, two at least
/// \throws an error that names the text or the file of tokens
atlas::owned_tensor<atlas::index_t, 2> load_blocks(const model_input& input, atlas::index_t blocks,
                                                   atlas::index_t tokens_per_block,
                                                   token_reader& reader,
                                                   bool fewer_will_do = false);

/// What model options name, or the text that stands for nothing.
model_input input_of(const model_options& options);

/// What is typed to calibrate on, or else the embedded text that is not read.
model_input calibration_of(const model_input& typed, const model_options& options);

/// `{"text": ...}`, or `{"tokens": ...}`; and `"bos"` where each block begins with another token
/// than the input's own.
json input_json(const model_input& input, token_reader& reader);

/// `{"value", "standard_error"}`
json perplexity_json(const atlas::perplexity_result& read);

/// `{"value", "standard_error"}`
json uncertain_json(const atlas::uncertain& x);

/// "value (standard error)", both times `scale`
std::string with_error(const atlas::uncertain& x, double scale, int decimals);

/// What was measured, in a line, and the perplexity if it is known.
std::string heading(const json& description);

}  // namespace atlas_program
