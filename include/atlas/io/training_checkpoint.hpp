// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// Checkpoints of training: one safetensors file with the weights, Adam's moments and the number of
/// steps, from which a run goes on as if it had not been interrupted.

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "atlas/io/model.hpp"
#include "atlas/io/save_model.hpp"
#include "atlas/reference/training/trainer.hpp"

namespace atlas::inline ATLAS_ABI::io {

/// 64 bits of FNV-1a over the tokens: whether a stream is the one that a run began with.
[[nodiscard]] inline std::uint64_t hash_of_tokens(const tensor_view<const index_t, 1>& tokens) {
  std::uint64_t hash = 14695981039346656037U;
  for (index_t i = 0; i < tokens.extent(0); ++i)
    for (int byte = 0; byte < 8; ++byte) {
      hash ^= (static_cast<std::uint64_t>(tokens[i]) >> (8 * byte)) & 255U;
      hash *= 1099511628211U;
    }
  return hash;
}

namespace detail {

/// All that a run depends on beside its state.
inline std::map<std::string, std::string> description_of(const trainer& training) {
  const trainer_options& o = training.options();
  const auto number = [](double x) { return nlohmann::json(x).dump(); };
  return {{"format", "atlas training 1"},
          {"config", transformer_config_text(training.model().config())},
          {"batch", std::to_string(o.batch)},
          {"block_size", std::to_string(o.tokens_per_block)},
          {"schedule.peak", number(o.schedule.peak)},
          {"schedule.warmup", std::to_string(o.schedule.warmup)},
          {"schedule.steps", std::to_string(o.schedule.steps)},
          {"schedule.floor", number(o.schedule.floor)},
          {"beta1", number(o.beta1)},
          {"beta2", number(o.beta2)},
          {"epsilon", number(o.epsilon)},
          {"weight_decay", number(o.weight_decay)},
          {"largest_norm", number(o.largest_norm)},
          {"seed", std::to_string(o.seed)},
          {"tokens", std::to_string(training.tokens().extent(0))},
          {"tokens.hash", std::to_string(hash_of_tokens(training.tokens()))}};
}

/// \throws format_error naming the first entry that is missing or says something else
inline void check_description(const std::map<std::string, std::string>& got,
                              const std::map<std::string, std::string>& wanted,
                              const std::string& file) {
  for (const auto& [key, value] : wanted) {
    const auto found = got.find(key);
    if (found == got.end()) throw format_error(file + ": " + key, in_quotes(value), "none");
    if (found->second != value)
      throw format_error(file + ": " + key, in_quotes(value), in_quotes(found->second));
  }
}

inline index_t step_from(const std::map<std::string, std::string>& metadata,
                         const std::string& file) {
  const auto found = metadata.find("step");
  const std::string text = found == metadata.end() ? "" : found->second;
  index_t step = -1;
  const auto end = text.data() + text.size();
  const auto [last, failure] = std::from_chars(text.data(), end, step);
  if (failure != std::errc() || last != end || step < 0)
    throw format_error(file + ": step", "a whole number from 0", in_quotes(text));
  return step;
}

inline constexpr const char* first_moment = "adam.first.";
inline constexpr const char* second_moment = "adam.second.";

}  // namespace detail

/// Writes all that a run needs to go on, all or nothing: a file that was there stays until the new
/// one is whole.
/// \throws value_error for a configuration that config.json cannot say, error naming the file
inline void save_training(const std::filesystem::path& file, const trainer& training) {
  auto metadata = detail::description_of(training);
  metadata["step"] = std::to_string(training.steps_done());
  std::vector<tensor_entry> entries = detail::entries_of(training.model()).entries;
  const std::size_t count = entries.size();
  for (std::size_t k = 0; k < count; ++k) {
    const adam_moments<float>& m = training.moments()[k];
    const tensor_entry weight = entries[k];
    entries.push_back(
        detail::float_entry(detail::first_moment + weight.name, weight.extents, m.first));
    entries.push_back(
        detail::float_entry(detail::second_moment + weight.name, weight.extents, m.second));
  }
  write_safetensors(file, entries, metadata);
}

/// Goes on from a checkpoint of a trainer with the same configuration, options (but for threads)
/// and tokens.
///
/// \throws format_error or shape_error naming the file and what is missing, damaged or
///         different; value_error for weights that are not finite. The trainer is as it was then.
inline void load_training(const std::filesystem::path& file, trainer& training) {
  const checkpoint tensors = checkpoint::open(file);
  const auto metadata = safetensors::open(file).metadata();
  const std::string name = file.string();
  detail::check_description(metadata, detail::description_of(training), name);
  training_state state{detail::step_from(metadata, name), {}, {}};
  const auto source = [&](const std::string& tensor, const std::vector<index_t>& extents) {
    return detail::read_values(tensors, detail::stored_name(tensors, tensor), extents);
  };
  training.model().for_each_parameter([&](const auto& parameter, const auto& extents, auto) {
    state.parameters.push_back({parameter, extents, source(parameter, extents)});
    adam_moments<float>& m = state.moments.emplace_back();
    m.first = source(detail::first_moment + parameter, extents);
    m.second = source(detail::second_moment + parameter, extents);
  });
  const std::size_t wanted = 3 * state.parameters.size();
  if (tensors.names().size() != wanted)
    throw format_error(name, std::to_string(wanted) + " tensors",
                       std::to_string(tensors.names().size()));
  try {
    training.restore(std::move(state));
  } catch (const value_error& reason) {
    throw value_error(name + ": " + reason.what());
  }
}

}  // namespace atlas::inline ATLAS_ABI::io
