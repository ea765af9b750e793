// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// Sliding windows in a `config.json`.

#include <algorithm>
#include <string>
#include <vector>

#include "atlas/io/configuration/architectures.hpp"
#include "atlas/io/configuration/config_fields.hpp"

namespace atlas::inline ATLAS_ABI::io::detail {

/// Whether each layer slides, as `layer_types` says; empty for a file without.
template <class Json>
std::vector<bool> read_layer_types(const config_fields<Json>& f, index_t layers) {
  const Json* types = f.find("layer_types");
  if (!types) return {};
  if (!types->is_array() || types->size() != static_cast<std::size_t>(layers))
    f.refuse("layer_types", "a list with one entry per layer", *types);
  std::vector<bool> slides;
  for (const Json& type : *types) {
    if (type != "full_attention" && type != "sliding_attention")
      f.refuse("layer_types", "a list of full_attention and sliding_attention", type);
    slides.push_back(type == "sliding_attention");
  }
  return slides;
}

/// The window of a model in which layers slide, 0 where none may: null says so, and a file without
/// the field means the architecture's default.
template <class Json>
index_t read_sliding_window(const config_fields<Json>& f, const llama_kind& kind) {
  const bool never = kind.slides == sliding::never, always = kind.slides == sliding::always;
  if (kind.slides == sliding::on_flag ? !f.flag_or("use_sliding_window", false)
                                      : never && !f.flag_or("use_sliding_window", true)) {
    f.find("sliding_window");
    return 0;
  }
  const index_t window = f.count_or("sliding_window", f.has("sliding_window") ? 0 : kind.window);
  if (f.find("sliding_window") && (window == 0 || never))
    f.refuse("sliding_window",
             never ? "absent, as this architecture (" + std::string(kind.type) + ") has none"
                   : "1 or more, or null",
             window);
  // transformers slides a Mistral whatever this key says; without a window both values ask for
  // nothing.
  if (always && !f.flag_or("use_sliding_window", true) && window > 0)
    f.refuse("use_sliding_window", "true or absent beside a sliding_window", false);
  // Some files of Gemma 2 say it twice.
  if (kind.slides == sliding::pattern) f.only("sliding_window_size", window);
  return window;
}

/// Of how many layers one has no window, in a model that slides in a pattern.
template <class Json>
index_t read_window_pattern(const config_fields<Json>& f, const llama_kind& kind) {
  const bool listed = f.find("layer_types") != nullptr;
  const index_t pattern = f.count_or("sliding_window_pattern", kind.window_pattern);
  if (pattern == 0) f.refuse("sliding_window_pattern", "1 or more", pattern);
  // Of Gemma 2 transformers does not look at it.
  if (kind.type == "gemma2") f.only("sliding_window_pattern", kind.window_pattern);
  // What transformers writes beside `layer_types`, and does not read.
  if (listed)
    f.find("_sliding_window_pattern");
  else
    f.only("_sliding_window_pattern", pattern);
  return pattern;
}

/// Whether layer l slides in a model without `layer_types`.
template <class Json>
std::vector<bool> default_layer_types(const config_fields<Json>& f, const llama_kind& kind,
                                      index_t layers) {
  const index_t first = kind.slides == sliding::on_flag ? f.count_or("max_window_layers", 28) : 0;
  const index_t pattern =
      kind.slides == sliding::pattern ? read_window_pattern(f, kind) : layers + 1;
  std::vector<bool> slides;
  for (index_t l = 0; l < layers; ++l) slides.push_back(l >= first && (l + 1) % pattern != 0);
  return slides;
}

/// Window of each layer; empty for none at all. Layers slide where `layer_types` says so, or else
/// as the architecture does.
template <class Json>
std::vector<index_t> read_windows(const config_fields<Json>& f, const llama_kind& kind,
                                  index_t layers) {
  const index_t window = read_sliding_window(f, kind);
  std::vector<bool> slides = read_layer_types(f, layers);
  // Beyond that the configuration is refused as a whole.
  const index_t count = (std::min)(layers, index_t{1} << 20);
  const std::vector<bool> otherwise = default_layer_types(f, kind, count);
  if (slides.empty() && (window > 0 || kind.slides == sliding::pattern)) slides = otherwise;
  const bool some = std::find(slides.begin(), slides.end(), true) != slides.end();
  if (!kind.by_layer && !slides.empty() && slides != std::vector<bool>(slides.size(), window > 0))
    f.refuse("layer_types", "the same for all layers, with a window where there is one",
             *f.find("layer_types"));
  if (window == 0) {
    f.find("max_window_layers");  // counts layers of which none slides
    if (some)
      f.refuse(kind.slides == sliding::pattern ? "sliding_window" : "layer_types",
               kind.slides == sliding::pattern
                   ? "1 or more in a model whose layers slide"
                   : "full_attention in a model without a sliding window",
               kind.slides == sliding::pattern ? Json() : Json("sliding_attention"));
    return {};
  }
  if (!some) return {};
  std::vector<index_t> windows(static_cast<std::size_t>(count), 0);
  for (std::size_t l = 0; l < windows.size(); ++l)
    if (slides[l]) windows[l] = window;
  return windows;
}

}  // namespace atlas::inline ATLAS_ABI::io::detail
