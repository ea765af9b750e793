// SPDX-License-Identifier: MIT
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

inline constexpr atlas::index_t most_blocks = atlas::index_t{1} << 30;

struct layer_options {
  std::vector<atlas::index_t> layers;  ///< increasing
  atlas::index_t deepest = 0;
  std::optional<double> relative_depth;
};

struct model_options {
  std::string model, text;
  atlas::index_t blocks = 12, tokens_per_block = 256;
  bool fewer_will_do = false;  ///< where the text has fewer blocks, all that it has
};

/// A model, the blocks of text that it is to read, and what to say of both in a report.
struct model_source {
  atlas::io::language_model lm;
  atlas::owned_tensor<atlas::index_t, 2> blocks;
  json description;
};

/// Options that several subcommands have.
void add_model_options(CLI::App& app, model_options& options);
void add_block_options(CLI::App& app, atlas::index_t& blocks, atlas::index_t& tokens_per_block);
void add_min_context(CLI::App& app, atlas::index_t& min_context);
void add_layer_options(CLI::App& app, layer_options& options, const std::string& otherwise);
/// \param what the text is for: "the directions are learned on"
void add_calibration_options(CLI::App& app, std::string& text, atlas::index_t& blocks,
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

/// Blocks of a text for a model; the text is a file or an embedded one.
/// \param name          of the text
/// \param fewer_will_do where the text has fewer blocks, all that it has, two at least
/// \throws an error that names the text
atlas::owned_tensor<atlas::index_t, 2> load_blocks(const std::string& name, atlas::index_t blocks,
                                                   atlas::index_t tokens_per_block,
                                                   const atlas::io::tokenizer& words,
                                                   bool fewer_will_do = false);

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
