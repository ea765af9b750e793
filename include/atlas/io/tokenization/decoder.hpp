// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// From tokens to a text, as the `decoder` of a `tokenizer.json` has it.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "atlas/core/errors.hpp"
#include "atlas/core/lazy.hpp"
#include "atlas/io/json.hpp"
#include "atlas/io/tokenization/match_ranges.hpp"
#include "atlas/io/tokenization/metaspace.hpp"
#include "atlas/io/tokenization/unicode.hpp"
#include "atlas/io/tokenization/utf8.hpp"

namespace atlas::inline ATLAS_ABI::io::detail {

/// The byte that a token such as `<0x0A>` stands for.
inline std::optional<unsigned char> byte_of_token(std::string_view token) {
  if (token.size() != 6 || !token.starts_with("<0x") || token.back() != '>') return std::nullopt;
  const auto digit = [](char c) {
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                  : -1;
  };
  const int high = token[3] == '+' ? 0 : digit(token[3]);  // the package takes a sign
  const int low = digit(token[4]);
  if (high < 0 || low < 0) return std::nullopt;
  return static_cast<unsigned char>(16 * high + low);
}

/// Neighbouring tokens of bytes become the text that they are together; where they are none, each
/// becomes U+FFFD.
inline void decode_byte_tokens(std::vector<std::string>& tokens) {
  std::vector<std::string> out;
  std::string bytes;
  const auto flush = [&] {
    if (bytes.empty()) return;
    if (!first_malformed_utf8(bytes))
      out.push_back(bytes);
    else
      out.insert(out.end(), bytes.size(), "\xEF\xBF\xBD");
    bytes.clear();
  };
  for (std::string& token : tokens) {
    if (const auto byte = byte_of_token(token)) {
      bytes += static_cast<char>(*byte);
    } else {
      flush();
      out.push_back(std::move(token));
    }
  }
  flush();
  tokens = std::move(out);
}

/// The text with spaces for marks; the first token's marks are gone where one was put before it.
inline std::string without_marks(std::string_view token, std::string_view mark, bool drop) {
  std::string out;
  for (std::size_t at = 0; at < token.size();) {
    const bool marked = token.substr(at).starts_with(mark);
    if (!marked) out += token[at];
    if (marked && !drop) out += ' ';
    at += marked ? mark.size() : 1;
  }
  return out;
}

/// A token without so many of a character at its beginning and its end, where it has them.
inline std::string stripped(std::string_view token, std::string_view character, std::size_t start,
                            std::size_t stop) {
  for (; start > 0 && token.starts_with(character); --start) token.remove_prefix(character.size());
  for (; stop > 0 && token.ends_with(character); --stop) token.remove_suffix(character.size());
  return std::string(token);
}

/// The steps of a decoder, each from a list of tokens to another. Immutable: threads may share it.
template <class = lazy>
class decoder {
 public:
  /// A step that is not supported does not stop the reading: using the decoder does.
  /// \param of_bytes what is meant where there is no decoder: ByteLevel, or else tokens with spaces
  ///                 between them
  /// \throws format_error for what is malformed
  static decoder from_json(const nlohmann::json& fields, bool of_bytes, const std::string& file) {
    decoder all;
    all.where_ = file + ": decoder";
    if (fields.is_null()) {
      all.between_ = of_bytes ? "" : " ";
      all.byte_level_ = of_bytes;
      return all;
    }
    all.add(fields, all.where_);
    const auto fused = std::remove(all.names_.begin(), all.names_.end(), "Fuse");
    const auto others = fused - all.names_.begin();
    const bool bytes = std::find(all.names_.begin(), fused, "ByteLevel") != fused;
    all.byte_level_ = bytes && others == 1;
    all.refused_ = all.refused_ || (bytes && !all.byte_level_);
    all.names_.erase(fused, all.names_.end());
    return all;
  }

  /// Whether it is ByteLevel alone: bytes are joined, and are a text only then.
  bool byte_level() const { return byte_level_; }

  /// \throws format_error naming the steps when one is not supported
  void check() const {
    if (!refused_) return;
    std::string found;
    for (const std::string& name : names_) found += (found.empty() ? "" : ", ") + in_quotes(name);
    throw format_error(
        where_, "ByteLevel, or steps of Replace, ByteFallback, Fuse, Strip and Metaspace", found);
  }

  /// The text of tokens as they are written.
  std::string operator()(std::vector<std::string> tokens) const {
    for (const step& s : steps_) s(tokens);
    return joined(tokens, between_);
  }

 private:
  using step = std::function<void(std::vector<std::string>&)>;

  static std::string joined(const std::vector<std::string>& tokens, std::string_view between) {
    std::string out;
    for (std::size_t i = 0; i < tokens.size(); ++i) {
      if (i > 0) out += between;
      out += tokens[i];
    }
    return out;
  }

  void add(const nlohmann::json& fields, const std::string& where) {
    const std::string& type = text_member(fields, "type", where);
    if (type == "Sequence") {
      const nlohmann::json& parts = member(fields, "decoders", where);
      if (!parts.is_array()) throw format_error(where, "an array", parts.type_name());
      for (const auto& part : parts) add(part, where);
      return;
    }
    names_.push_back(type);
    const std::string place = where + ": " + type;
    if (type == "Replace") return add_replace(fields, place);
    if (type == "Strip") return add_strip(fields, place);
    if (type == "Metaspace") return add_metaspace(fields, place);
    if (type == "ByteFallback") return steps_.push_back(decode_byte_tokens);
    if (type == "Fuse") return add_fuse();
    refused_ = refused_ || type != "ByteLevel";
  }

  void add_replace(const nlohmann::json& fields, const std::string& where) {
    const auto change = replacement<>::from_json(fields, where);
    steps_.push_back([change](std::vector<std::string>& tokens) {
      for (std::string& token : tokens) to_utf8(change(to_utf16(token)), token);
    });
  }

  void add_strip(const nlohmann::json& fields, const std::string& where) {
    const std::string character = text_member(fields, "content", where);
    if (!is_one_character(to_utf16(character)))
      throw format_error(where, "content of one character", in_quotes(character));
    const auto count = [&](const char* key) {
      const nlohmann::json& value = member(fields, key, where);
      if (!value.is_number_unsigned())
        throw format_error(where, in_quotes(key) + " to be a whole number", described(value));
      return value.get<std::size_t>();
    };
    const std::size_t start = count("start"), stop = count("stop");
    steps_.push_back([character, start, stop](std::vector<std::string>& tokens) {
      for (std::string& token : tokens) token = stripped(token, character, start, stop);
    });
  }

  void add_metaspace(const nlohmann::json& fields, const std::string& where) {
    const auto spaces = metaspace::from_json(fields, where);
    std::string mark;
    to_utf8(spaces.mark, mark);
    const bool prepended = spaces.prepend != prepend_scheme::never;
    steps_.push_back([mark, prepended](std::vector<std::string>& tokens) {
      for (std::size_t i = 0; i < tokens.size(); ++i)
        tokens[i] = without_marks(tokens[i], mark, prepended && i == 0);
    });
  }

  void add_fuse() {
    steps_.push_back([](std::vector<std::string>& tokens) { tokens = {joined(tokens, "")}; });
  }

  std::string where_, between_;
  std::vector<step> steps_;
  std::vector<std::string> names_;
  bool byte_level_ = false, refused_ = false;
};

}  // namespace atlas::inline ATLAS_ABI::io::detail
