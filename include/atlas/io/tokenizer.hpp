// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// Text to token ids and back, from a Hugging Face `tokenizer.json`.

#include <algorithm>
#include <cstddef>
#include <filesystem>
#include <limits>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "atlas/core/errors.hpp"
#include "atlas/core/lazy.hpp"
#include "atlas/core/tensor_view.hpp"
#include "atlas/core/whole_numbers.hpp"
#include "atlas/io/files.hpp"
#include "atlas/io/json.hpp"
#include "atlas/io/tokenization/added_tokens.hpp"
#include "atlas/io/tokenization/bpe.hpp"
#include "atlas/io/tokenization/byte_alphabet.hpp"
#include "atlas/io/tokenization/decoder.hpp"
#include "atlas/io/tokenization/match_ranges.hpp"
#include "atlas/io/tokenization/normalizer.hpp"
#include "atlas/io/tokenization/post_processor.hpp"
#include "atlas/io/tokenization/pre_tokenizer.hpp"
#include "atlas/io/tokenization/seen_words.hpp"
#include "atlas/io/tokenization/unicode.hpp"
#include "atlas/io/tokenization/utf8.hpp"

namespace atlas::inline ATLAS_ABI::io {

/// A BPE tokenizer, byte-level (GPT-2, Qwen2, Llama 3 and their kin) or SentencePiece's as it is
/// converted (Llama 2, Mistral, TinyLlama, Gemma and theirs). Gives the ids of the Python package
/// `tokenizers` with `add_special_tokens=False`: the post-processor, which would add a token for
/// the beginning, is not applied, nor are truncation and padding. The package has tables of Unicode
/// of its own: ids of a text with characters that are newer than the ICU at hand
/// (`unicode_version`) may differ from the package's, all others agree. Immutable, and so safe to
/// use from several threads at once.
/// \code
/// const auto tokens = atlas::io::tokenizer::open("tokenizer.json");
/// const std::vector<atlas::index_t> ids = tokens.encode("Call me Ishmael.");
/// \endcode
class tokenizer {
 public:
  /// \throws format_error naming the file and what is malformed or not supported
  template <class = lazy>
  [[nodiscard]] static tokenizer open(const std::filesystem::path& file) {
    return from_text(read_text(file), file.string());
  }

  /// \param name stands for the file's name in errors
  template <class = lazy>
  [[nodiscard]] static tokenizer from_text(std::string_view json, std::string name) {
    const detail::kept_json<> fields(parse_json(json, name));
    return from_json(fields.value, std::move(name));
  }

  /// The same of JSON that is read already.
  template <class = lazy>
  [[nodiscard]] static tokenizer from_json(const nlohmann::json& fields, std::string name) {
    if (!fields.is_object()) throw format_error(name, "an object", fields.type_name());
    detail::bpe<>::check_type(member_or_null(fields, "model"), name);
    return tokenizer(fields, std::move(name));
  }

  /// The ids of a text. An empty text has none.
  /// \throws value_error naming the offset of the first malformed byte of UTF-8
  template <class = lazy>
  [[nodiscard]] std::vector<index_t> encode(std::string_view utf8) const {
    check_utf8(utf8);
    return encode_part(utf8, false, (std::numeric_limits<std::size_t>::max)());
  }

  /// The first `most` ids of `encode(utf8)`; all of them where it has fewer. Tokenizes a beginning
  /// of the text that is enlarged until it has so many that nothing after it could change, and so
  /// takes time and memory by `most` and not by the text's length, but for the look at its bytes.
  /// (Where a normalizer replaces more than single characters, which may look ahead without an end,
  /// all of the text is normalized.)
  ///
  /// \param at_first bytes of the first beginning that is tried; results do not depend on it
  /// \throws value_error for a negative `most`, and for malformed UTF-8, wherever it is, naming the
  ///         offset of its first byte
  template <class = lazy>
  [[nodiscard]] std::vector<index_t> encode_first(std::string_view utf8, index_t most,
                                                  std::size_t at_first = std::size_t{1}
                                                                         << 16) const {
    if (most < 0) throw value_error("most", "a number of tokens", std::to_string(most));
    check_utf8(utf8);
    const auto wanted = static_cast<std::size_t>(most);
    for (std::size_t size = (std::max)(at_first, std::size_t{1});
         normalizer_.in_parts() && size < utf8.size() / 2; size *= 4)
      try {
        auto ids = encode_part(whole_characters(utf8, size), true, wanted);
        if (ids.size() == wanted) return ids;
      } catch (const error&) {
        break;  // patterns may take fewer steps of a shorter text: the whole one decides
      }
    return encode_part(utf8, false, wanted);
  }

  /// The text of ids, that of `decode(ids, skip_special_tokens=False)`. What is not UTF-8 (ids that
  /// begin or end inside a character) becomes U+FFFD. Added tokens
  /// appear as the package (0.23) has them, normalized where they are marked so; with ByteLevel, as
  /// they are written. A byte-level file that has no decoder is decoded as one with ByteLevel.
  /// \throws value_error naming an id that there is not; format_error when the file's decoder has
  /// other steps than ByteLevel alone, or Replace, ByteFallback, Fuse, Strip and Metaspace
  ///
  /// \param ids `[N]`, whole numbers of any type
  template <whole_tensor<1> Ids = std::span<const index_t>>
  [[nodiscard]] std::string decode(const Ids& ids) const {
    decoder_.check_supported();
    const auto held = atlas::detail::view_indices<1>(ids, "ids");
    std::vector<std::string> tokens;
    std::string bytes;
    for (index_t i = 0; i < held.extent(0); ++i) {
      const index_t id = held[i];
      const auto found = texts_.find(id);
      if (found == texts_.end())
        throw value_error("ids", "tokens of the vocabulary", "the id " + std::to_string(id));
      if (decoder_.byte_level())
        bytes += found->second;
      else
        tokens.push_back(found->second);
    }
    return decoder_.byte_level() ? replace_malformed_utf8(bytes) : decoder_(std::move(tokens));
  }

  /// The token that the file's post-processor puts before a text (`encode` does not); none where it
  /// puts none.
  /// \throws format_error naming a post-processor that is malformed, is not supported, or puts
  ///         several tokens there or one that there is not
  template <class = lazy>
  [[nodiscard]] std::optional<index_t> first_token() const {
    const auto tokens = detail::tokens_before_text(post_processor_.value, post_processor_place_);
    if (tokens.empty()) return std::nullopt;
    if (tokens.size() > 1)
      throw format_error(post_processor_place_, "one token before a text",
                         std::to_string(tokens.size()));
    if (!texts_.contains(tokens.front()))
      throw format_error(post_processor_place_, "a token of the vocabulary before a text",
                         "the id " + std::to_string(tokens.front()));
    return tokens.front();
  }

  /// The id of a token as the file writes it; none where it is not in the vocabulary.
  template <class = lazy>
  [[nodiscard]] std::optional<index_t> id_of(std::string_view token) const {
    const std::string name(token);
    if (const auto found = added_.find(name); found != added_.end()) return found->second;
    const auto found = model_.vocabulary().find(name);
    if (found == model_.vocabulary().end()) return std::nullopt;
    return index_t{found->second};
  }

  /// The number of different tokens, with the added ones. Models often have more rows.
  [[nodiscard]] index_t vocabulary_size() const { return static_cast<index_t>(texts_.size()); }

 private:
  static void check_utf8(std::string_view utf8) {
    if (const auto at = first_malformed_utf8(utf8))
      throw value_error("text", "UTF-8", "a malformed byte at offset " + std::to_string(*at));
  }

  /// A beginning of at most so many bytes, and not of half a character.
  ///
  /// \param size less than the text's
  static std::string_view whole_characters(std::string_view utf8, std::size_t size) {
    while (size > 0 && (static_cast<unsigned char>(utf8[size]) & 0xC0) == 0x80) --size;
    return utf8.substr(0, size);
  }

  /// At most so many ids of a text.
  ///
  /// \param unfinished it is the beginning of another, of which no id is wanted that the rest could
  ///                   change
  template <class = lazy>
  std::vector<index_t> encode_part(std::string_view utf8, bool unfinished, std::size_t most) const {
    if (utf8.size() > detail::longest_text)
      throw value_error("text", "at most " + std::to_string(detail::longest_text) + " bytes",
                        std::to_string(utf8.size()));
    if (most == 0) return {};
    encoder<> run{*this, most, pre_tokenizer_, {}, {}, {}};
    const std::u16string text = detail::to_utf16(utf8);
    raw_tokens_.split(
        text, unfinished,
        [&](std::u16string_view piece, bool goes_on) {
          return run.normalized(piece, piece.data() == text.data(), goes_on);
        },
        [&](index_t id) { return run.add(id); });
    if (run.ids.size() > most) run.ids.resize(most);
    return std::move(run.ids);
  }

  /// The state of one call of `encode`: searches, and the words that were seen already. Whatever a
  /// text is given to says whether more is wanted. Of a piece that goes on beyond what is known of
  /// it, nothing is encoded that its rest could change.
  template <class = lazy>
  struct encoder {
    const tokenizer& rules;
    std::size_t most;
    detail::pre_tokenizer<> pieces;
    detail::seen_words<> seen;
    std::string word_text;
    std::vector<index_t> ids;

    /// \param first whether the piece begins with the text's first character
    bool normalized(std::u16string_view text, bool first, bool goes_on) {
      if (goes_on && !rules.normalizer_.by_character()) text = before_last_ascii(text);
      if (text.empty()) return false;
      std::size_t head = first ? (detail::character_at(text, 0) > 0xFFFF ? 2 : 1) : 0;
      if (rules.normalizer_.empty()) return tokens(text, head, goes_on);
      const std::u16string changed = rules.normalizer_(text);
      if (pieces.knows_first()) head = rules.normalizer_(text.substr(0, head)).size();
      return tokens(changed, head, goes_on);
    }
    bool tokens(std::u16string_view text, std::size_t head, bool goes_on) {
      return rules.normalized_tokens_.split(
          text, goes_on,
          [&](std::u16string_view piece, bool unfinished) {
            const auto before = static_cast<std::size_t>(piece.data() - text.data());
            const std::size_t left = head - (std::min)(head, before);
            return pieces.split(
                piece, (std::min)(left, piece.size()), unfinished,
                [&](std::u16string_view word, bool open) { return append(word, open); });
          },
          [&](index_t id) { return add(id); });
    }
    bool append(std::u16string_view word, bool goes_on) {
      if (rules.normalizer_.to_bytes() && !pieces.to_bytes())
        detail::bytes_of_text(word, word_text);
      else
        detail::to_utf8(word, word_text);
      rules.model_.encode(word_text, goes_on, seen, most, ids);
      return ids.size() < most && !goes_on;
    }
    bool add(index_t id) {
      ids.push_back(id);
      return ids.size() < most;
    }

    static std::u16string_view before_last_ascii(std::u16string_view text) {
      std::size_t size = text.size();
      while (size > 0 && text[size - 1] >= 0x80) --size;
      return text.substr(0, size > 0 ? size - 1 : 0);
    }
  };

  template <class = lazy>
  tokenizer(const nlohmann::json& fields, std::string name)
      : normalizer_(detail::normalizer<>::from_json(member_or_null(fields, "normalizer"), name)),
        pre_tokenizer_(detail::pre_tokenizer<>::from_json(member_or_null(fields, "pre_tokenizer"),
                                                          normalizer_.to_bytes(), name)),
        model_(detail::bpe<>::from_json(detail::member(fields, "model", name), of_bytes(), name)),
        decoder_(detail::decoder<>::from_json(member_or_null(fields, "decoder"), of_bytes(), name)),
        post_processor_(member_or_null(fields, "post_processor")),
        post_processor_place_(name + ": post_processor") {
    if (pre_tokenizer_.knows_first() && !normalizer_.by_character())
      throw format_error(name + ": pre_tokenizer",
                         "prepend_scheme always or never after a normalizer that joins characters",
                         "\"first\"");
    for (const auto& [token, id] : model_.vocabulary()) {
      auto bytes = decoder_.byte_level() ? detail::bytes_of_token(token) : std::nullopt;
      texts_.emplace(index_t{id}, bytes ? std::move(*bytes) : token);
    }
    next_added_ = static_cast<index_t>(texts_.size());
    const nlohmann::json& added = member_or_null(fields, "added_tokens");
    if (!added.is_array() && !added.is_null())
      throw format_error(name + ": added_tokens", "an array", added.type_name());
    for (const auto& token : added) add_token(token, name + ": added_tokens");
  }

  template <class = lazy>
  static const nlohmann::json& member_or_null(const nlohmann::json& fields, const char* key) {
    static const nlohmann::json null;
    const auto found = fields.find(key);
    return found == fields.end() ? null : *found;
  }

  /// Whether tokens stand for bytes, in their alphabet.
  bool of_bytes() const { return pre_tokenizer_.to_bytes() || normalizer_.to_bytes(); }

  template <class = lazy>
  void add_token(const nlohmann::json& fields, const std::string& where) {
    const std::string& content = detail::text_member(fields, "content", where);
    const std::string place = where + " " + in_quotes(content);
    const nlohmann::json& id = detail::member(fields, "id", place);
    if (content.empty()) throw format_error(place, "some content", "none");
    if (added_.contains(content)) throw format_error(place, "each token once", "it twice");
    // The package goes by the vocabulary and then counts on; what the file says must agree.
    const auto known = model_.vocabulary().find(content);
    const bool fresh = known == model_.vocabulary().end();
    const index_t expected = fresh ? next_added_ : index_t{known->second};
    if (id != expected) {
      for (const auto& [other, taken] : added_)
        if (id == taken)
          throw format_error(place, "an id of its own", "that of " + in_quotes(other));
      throw format_error(place, "the id " + std::to_string(expected), detail::described(id));
    }
    if (fresh) ++next_added_;
    added_.emplace(content, expected);
    const auto flag = [&](const char* key) {
      return detail::flag_member(fields, key, false, place);
    };
    detail::added_token token{detail::to_utf16(content), expected, flag("single_word"),
                              flag("lstrip"), flag("rstrip")};
    const bool normalized = flag("normalized");
    if (normalized) token.content = normalizer_(token.content);
    if (token.content.empty())
      throw format_error(place, "content that the normalizer leaves", "nothing after it");
    std::string written = content;
    if (!decoder_.byte_level()) detail::to_utf8(token.content, written);
    if (!texts_.insert_or_assign(expected, std::move(written)).second && fresh)
      throw format_error(place, "an id of its own", detail::described(id));
    (normalized ? normalized_tokens_ : raw_tokens_).add(std::move(token));
  }

  detail::normalizer<> normalizer_;
  detail::pre_tokenizer<> pre_tokenizer_;
  detail::bpe<> model_;
  detail::decoder<> decoder_;
  detail::kept_json<> post_processor_;  // read when it is asked for
  std::string post_processor_place_;
  detail::added_token_set<> raw_tokens_;         // found in the text as it comes
  detail::added_token_set<> normalized_tokens_;  // found after normalization
  std::unordered_map<index_t, std::string> texts_;
  std::map<std::string, index_t> added_;
  index_t next_added_ = 0;
};

}  // namespace atlas::inline ATLAS_ABI::io
