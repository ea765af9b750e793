#pragma once
/// \file
/// Unicode normal forms and lower case, as the `normalizer` of a `tokenizer.json` asks for them.

#include <unicode/unorm2.h>
#include <unicode/ustring.h>

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "atlas/core/errors.hpp"
#include "atlas/io/json.hpp"
#include "atlas/io/unicode.hpp"

namespace atlas::io::detail {

/// What is done to a text before it is split. Empty: nothing.
template <class = void>
class normalizer {
 public:
  /// \throws format_error naming a kind that is not supported
  static normalizer from_json(const nlohmann::json& fields, const std::string& where) {
    normalizer all;
    if (!fields.is_null()) all.add(fields, where + ": normalizer");
    return all;
  }

  bool empty() const { return steps_.empty(); }

  std::u16string operator()(std::u16string_view text) const {
    std::u16string current(text);
    for (const step s : steps_)
      current = s == step::lowercase ? lower(current) : normal_form(s, current);
    return current;
  }

 private:
  enum class step { nfc, nfd, nfkc, nfkd, lowercase };

  void add(const nlohmann::json& fields, const std::string& where) {
    const std::string& type = text_member(fields, "type", where);
    if (type == "Sequence") {
      const nlohmann::json& parts = member(fields, "normalizers", where);
      if (!parts.is_array()) throw format_error(where, "an array", parts.type_name());
      for (const auto& part : parts) add(part, where);
      return;
    }
    constexpr struct {
      std::string_view name;
      step kind;
    } known[] = {{"NFC", step::nfc},
                 {"NFD", step::nfd},
                 {"NFKC", step::nfkc},
                 {"NFKD", step::nfkd},
                 {"Lowercase", step::lowercase}};
    for (const auto& row : known)
      if (row.name == type) return steps_.push_back(row.kind);
    throw format_error(where, "NFC, NFD, NFKC, NFKD, Lowercase or a Sequence", in_quotes(type));
  }

  static const UNormalizer2* instance(step form, UErrorCode& status) {
    if (form == step::nfc) return unorm2_getNFCInstance(&status);
    if (form == step::nfd) return unorm2_getNFDInstance(&status);
    if (form == step::nfkc) return unorm2_getNFKCInstance(&status);
    return unorm2_getNFKDInstance(&status);
  }

  static std::u16string normal_form(step form, const std::u16string& text) {
    UErrorCode status = U_ZERO_ERROR;
    const UNormalizer2* const rules = instance(form, status);
    const auto size = static_cast<std::int32_t>(text.size());
    if (U_SUCCESS(status) && unorm2_spanQuickCheckYes(rules, text.data(), size, &status) == size)
      return text;
    std::u16string out(text.size() + 16, u'\0');
    for (int attempt = 0; attempt < 2; ++attempt) {
      const auto room = static_cast<std::int32_t>(out.size());
      const auto needed = unorm2_normalize(rules, text.data(), size, out.data(), room, &status);
      out.resize(static_cast<std::size_t>(needed));
      if (status != U_BUFFER_OVERFLOW_ERROR) break;
      status = U_ZERO_ERROR;
    }
    if (U_FAILURE(status)) throw error(std::string("normalization: ") + u_errorName(status));
    return out;
  }

  /// Each character by itself: the final sigma is not told apart.
  static std::u16string lower(std::u16string_view text) {
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

  std::vector<step> steps_;
};

}  // namespace atlas::io::detail
