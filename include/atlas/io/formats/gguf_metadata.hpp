// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// Keys of a GGUF file's metadata that have to be there, with errors that name them.

#include <string>
#include <string_view>
#include <type_traits>

#include "atlas/core/errors.hpp"
#include "atlas/core/lazy.hpp"
#include "atlas/io/gguf.hpp"
#include "atlas/io/json.hpp"

namespace atlas::inline ATLAS_ABI::io::detail {

/// The file and the key, for messages.
template <class = lazy>
std::string gguf_place(const gguf& file, std::string_view key) {
  return file.name() + ": " + in_quotes(key);
}

/// A value for a message: its text or number, or what kind it is.
template <class = lazy>
std::string described_value(const gguf_value& value) {
  return value.is_array ? gguf_type_text(value) : described(json_of(value));
}

/// \throws format_error where there is no such key
template <class = lazy>
const gguf_value& need_value(const gguf& file, std::string_view key) {
  const auto found = file.metadata().find(key);
  if (found == file.metadata().end())
    throw format_error(file.name(), "a key " + in_quotes(key), "none");
  return found->second;
}

/// \throws format_error where there is no such key or it is no text
template <class = lazy>
std::string_view need_text(const gguf& file, std::string_view key) {
  const gguf_value& value = need_value(file, key);
  if (const auto text = value.text()) return *text;
  throw format_error(gguf_place(file, key), "STRING", gguf_type_text(value));
}

/// Calls `visit(text)` for each of an array.
///
/// \throws format_error where there is no such key or it is no array of texts
template <class Visit>
void for_each_text(const gguf& file, std::string_view key, Visit&& visit) {
  const gguf_value& value = need_value(file, key);
  if (!value.is_array || value.type != gguf_type::text)
    throw format_error(gguf_place(file, key), "ARRAY of STRING", gguf_type_text(value));
  value.for_each([&]<class Value>(const Value& text) {
    if constexpr (std::is_same_v<Value, std::string_view>) visit(text);
  });
}

}  // namespace atlas::inline ATLAS_ABI::io::detail
