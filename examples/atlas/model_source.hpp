#pragma once
/// \file
/// A model and the text that it reads: what the subcommands that run one share.

#include <optional>
#include <string>
#include <vector>

#include "atlas/core/tensor_view.hpp"
#include "atlas/io/model.hpp"
#include "atlas/reference/perplexity_change.hpp"
#include "common.hpp"

namespace atlas_program {

struct layer_options {
  std::vector<atlas::index_t> layers;
  atlas::index_t deepest = 0;
  std::optional<double> relative_depth;
};

struct model_options {
  std::string model, text;
  atlas::index_t blocks = 12, block_size = 256;
};

/// A model, the blocks of text that it is to read, and what to say of both in a report.
struct model_source {
  atlas::io::language_model lm;
  atlas::owned_tensor<atlas::index_t, 2> blocks;
  json description;
};

/// What the options add to a subcommand, for further conditions on them.
struct model_flags {
  CLI::Option *model, *text;
};
model_flags add_model_options(CLI::App& app, model_options& options);
void add_layer_options(CLI::App& app, layer_options& options, const std::string& otherwise);

/// The layers asked for, of those there are; all unless something else is asked for.
std::vector<atlas::index_t> chosen_layers(const layer_options& options,
                                          const std::vector<atlas::index_t>& all);
/// The same for all layers of a model.
std::vector<atlas::index_t> chosen_layers(const layer_options& options, atlas::index_t count);

/// \throws whatever is wrong with the options, the files or the text
model_source open_model_source(const model_options& options);

/// A text, a file or an embedded one. \throws format_error naming it for a missing file or no UTF-8
std::string load_text(const std::string& name);

/// Blocks of a text for a model; the text is a file or an embedded one.
/// \param name of the text
/// \throws an error that names the text
atlas::owned_tensor<atlas::index_t, 2> load_blocks(const std::string& name, atlas::index_t blocks,
                                                   atlas::index_t block_size,
                                                   const atlas::io::tokenizer& words);

/// The text that model options name.
std::string text_name(const model_options& options);

/// The embedded text that is not this one, to calibrate on.
std::string other_text(const std::string& text);

/// `{"value", "standard_error"}`
json perplexity_json(const atlas::perplexity_result& read);

/// `{"value", "standard_error"}`
json uncertain_json(const atlas::uncertain& x);

/// "value (standard error)", both times `scale`
std::string with_error(const atlas::uncertain& x, double scale, int decimals);

/// What was measured, in a line, and the perplexity if it is known.
std::string heading(const json& description);

}  // namespace atlas_program
