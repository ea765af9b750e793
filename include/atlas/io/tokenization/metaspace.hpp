// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// `Metaspace`, SentencePiece's way with spaces: a visible character in their place, and one before
/// the first word.

#include <cstddef>
#include <string>
#include <string_view>

#include "atlas/core/errors.hpp"
#include "atlas/core/lazy.hpp"
#include "atlas/io/json.hpp"
#include "atlas/io/tokenization/unicode.hpp"

namespace atlas::inline ATLAS_ABI::io::detail {

/// Which pieces of a text get the character before them.
enum class prepend_scheme {
  always,  ///< all
  first,   ///< the one with which the text begins
  never    ///< none
};

/// The fields of a `Metaspace`, of a pre-tokenizer or of a decoder.
struct metaspace {
  std::u16string mark;  ///< one character
  prepend_scheme prepend = prepend_scheme::always;
  bool split = true;  ///< whether the text is cut before each mark

  /// \throws format_error naming what is malformed, or contradicts itself
  template <class = lazy>
  static metaspace from_json(const nlohmann::json& fields, const std::string& where) {
    metaspace m{to_utf16(text_member(fields, "replacement", where))};
    if (!is_one_character(m.mark))
      throw format_error(where, "a replacement of one character", described(fields["replacement"]));
    if (fields.contains("prepend_scheme")) m.prepend = scheme_of(fields, where);
    // Older files have this flag instead; beside a scheme it must not contradict it.
    const bool prefix = flag_member(fields, "add_prefix_space", true, where);
    if (!prefix && m.prepend != prepend_scheme::never)
      throw format_error(where, "prepend_scheme \"never\" where add_prefix_space is false",
                         fields.contains("prepend_scheme") ? described(fields["prepend_scheme"])
                                                           : "none, which is \"always\"");
    m.split = flag_member(fields, "split", true, where);
    return m;
  }

  /// The text with the mark for each space.
  std::u16string marked(std::u16string_view text) const {
    std::u16string out;
    out.reserve(text.size() + mark.size());
    for (const char16_t c : text) c == u' ' ? out += mark : out += c;
    return out;
  }

 private:
  template <class = lazy>
  static prepend_scheme scheme_of(const nlohmann::json& fields, const std::string& where) {
    const std::string& name = text_member(fields, "prepend_scheme", where);
    if (name == "always") return prepend_scheme::always;
    if (name == "first") return prepend_scheme::first;
    if (name == "never") return prepend_scheme::never;
    throw format_error(where, "prepend_scheme always, first or never", in_quotes(name));
  }
};

}  // namespace atlas::inline ATLAS_ABI::io::detail
