// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// Unicode normal forms, lower case, replacements, prefixes and the byte alphabet, as the
/// `normalizer` of a `tokenizer.json` asks for them.

#include <unicode/unorm2.h>
#include <unicode/uset.h>
#include <unicode/ustring.h>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "atlas/core/errors.hpp"
#include "atlas/core/lazy.hpp"
#include "atlas/io/json.hpp"
#include "atlas/io/tokenization/byte_alphabet.hpp"
#include "atlas/io/tokenization/match_ranges.hpp"
#include "atlas/io/tokenization/unicode.hpp"

namespace atlas::inline ATLAS_ABI::io::detail {

/// A normal form by the tables of Unicode 9.0, those of the Python package: characters that came
/// later neither decompose nor change places. Immutable: copies share it, threads may use it.
template <class = lazy>
class normal_form {
 public:
  /// The instance of a form, as `unorm2_getNFCInstance` gives it.
  using instance = const UNormalizer2* (*)(UErrorCode*);

  explicit normal_form(instance form) {
    UErrorCode status = U_ZERO_ERROR;
    known_.reset(uset_openPattern(u"[:age=9.0:]", -1, &status), uset_close);
    throw_on_failure(status);
    uset_freeze(known_.get());
    rules_.reset(unorm2_openFiltered(form(&status), known_.get(), &status), unorm2_close);
    throw_on_failure(status);
  }

  std::u16string operator()(const std::u16string& text) const {
    UErrorCode status = U_ZERO_ERROR;
    const auto size = static_cast<std::int32_t>(text.size());
    if (unorm2_spanQuickCheckYes(rules_.get(), text.data(), size, &status) == size) return text;
    std::u16string out(text.size() + 16, u'\0');
    for (int attempt = 0; attempt < 2; ++attempt) {
      const auto room = static_cast<std::int32_t>(out.size());
      const auto needed =
          unorm2_normalize(rules_.get(), text.data(), size, out.data(), room, &status);
      out.resize(static_cast<std::size_t>(needed));
      if (status != U_BUFFER_OVERFLOW_ERROR) break;
      status = U_ZERO_ERROR;
    }
    throw_on_failure(status);
    return out;
  }

 private:
  static void throw_on_failure(UErrorCode status) {
    if (U_FAILURE(status)) throw error(std::string("normalization: ") + u_errorName(status));
  }

  std::shared_ptr<USet> known_;  // what the rules refer to
  std::shared_ptr<UNormalizer2> rules_;
};

/// Each character by itself: the final sigma is not told apart.
inline std::u16string lower_case(std::u16string_view text) {
  std::u16string out;
  for (std::size_t i = 0; i < text.size();) {
    const std::size_t length = character_at(text, i) > 0xFFFF ? 2 : 1;
    char16_t changed[8];
    UErrorCode status = U_ZERO_ERROR;
    const std::int32_t size =
        u_strToLower(changed, 8, text.data() + i, static_cast<std::int32_t>(length), "", &status);
    out.append(changed, static_cast<std::size_t>(size));
    i += length;
  }
  return out;
}

/// What is done to a text before it is split. Empty: nothing.
template <class = lazy>
class normalizer {
 public:
  /// \throws format_error naming a kind that is not supported
  static normalizer from_json(const nlohmann::json& fields, const std::string& where) {
    normalizer all;
    if (!fields.is_null()) all.add(fields, where + ": normalizer");
    return all;
  }

  bool empty() const { return steps_.empty(); }

  /// Whether the last step writes the text's bytes in their alphabet.
  bool to_bytes() const { return to_bytes_; }

  /// Whether each character's part of the result depends on that character alone, but for what is
  /// put before the first.
  bool by_character() const { return by_character_; }

  /// Whether what is before a character of ASCII becomes the same whatever comes from there on.
  bool in_parts() const { return in_parts_; }

  /// \throws value_error when the text becomes too long
  std::u16string operator()(std::u16string_view text) const {
    std::u16string current(text);
    for (const step& s : steps_) current = s(current);
    return current;
  }

 private:
  using step = std::function<std::u16string(const std::u16string&)>;

  void add(const nlohmann::json& fields, const std::string& where) {
    const std::string& type = text_member(fields, "type", where);
    if (to_bytes_) throw format_error(where, "ByteLevel as the last step", in_quotes(type));
    if (type == "Sequence") {
      const nlohmann::json& parts = member(fields, "normalizers", where);
      if (!parts.is_array()) throw format_error(where, "an array", parts.type_name());
      for (const auto& part : parts) add(part, where);
      return;
    }
    to_bytes_ = type == "ByteLevel";
    if (to_bytes_) return steps_.push_back(in_byte_alphabet);
    if (type == "Lowercase") return steps_.push_back(lower_case);
    if (type == "Prepend") return add_prefix(to_utf16(text_member(fields, "prepend", where)));
    if (type == "Replace") return add_replacement(fields, where + ": Replace");
    by_character_ = false;
    constexpr struct {
      std::string_view name;
      typename normal_form<>::instance form;
    } known[] = {{"NFC", unorm2_getNFCInstance},
                 {"NFD", unorm2_getNFDInstance},
                 {"NFKC", unorm2_getNFKCInstance},
                 {"NFKD", unorm2_getNFKDInstance}};
    // Characters of ASCII join nothing before them; what takes their place might.
    in_parts_ = in_parts_ && !replaces_;
    for (const auto& row : known)
      if (row.name == type) return steps_.push_back(normal_form<>(row.form));
    throw format_error(where,
                       "NFC, NFD, NFKC, NFKD, Lowercase, Prepend, Replace, ByteLevel or a Sequence",
                       in_quotes(type));
  }

  void add_prefix(std::u16string prefix) {
    steps_.push_back([prefix = std::move(prefix)](const std::u16string& text) {
      if (text.empty()) return text;
      check_normalized_size(prefix.size() + text.size());
      return prefix + text;
    });
  }

  void add_replacement(const nlohmann::json& fields, const std::string& where) {
    const auto change = replacement<>::from_json(fields, where);
    by_character_ = by_character_ && change.by_character();
    in_parts_ = in_parts_ && change.by_character();
    replaces_ = true;
    steps_.push_back([change](const std::u16string& text) { return change(text); });
  }

  std::vector<step> steps_;
  bool to_bytes_ = false, by_character_ = true, in_parts_ = true, replaces_ = false;
};

}  // namespace atlas::inline ATLAS_ABI::io::detail
