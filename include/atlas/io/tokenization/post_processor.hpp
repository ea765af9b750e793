// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// What the `post_processor` of a `tokenizer.json` puts before a text.

#include <cstdint>
#include <string>
#include <vector>

#include "atlas/core/errors.hpp"
#include "atlas/core/lazy.hpp"
#include "atlas/core/tensor_view.hpp"
#include "atlas/io/json.hpp"

namespace atlas::inline ATLAS_ABI::io::detail {

/// An id of 32 bits from a file.
template <class = lazy>
index_t token_id_of(const nlohmann::json& value, const std::string& where) {
  if (!value.is_number_unsigned() || value.get<std::uint64_t>() > 0xFFFFFFFFU)
    throw format_error(where, "an id of 32 bits", described(value));
  return value.get<index_t>();
}

/// The special tokens of a template that stand before the text.
template <class = lazy>
std::vector<index_t> tokens_of_template(const nlohmann::json& fields, const std::string& where) {
  const nlohmann::json& single = member(fields, "single", where);
  if (!single.is_array()) throw format_error(where + ": single", "an array", single.type_name());
  std::vector<index_t> tokens;
  for (const nlohmann::json& piece : single) {
    if (piece.is_object() && piece.contains("Sequence")) return tokens;
    const std::string place = where + ": single";
    const std::string& name = text_member(member(piece, "SpecialToken", place), "id", place);
    const std::string its = where + ": special_tokens";
    const nlohmann::json& special =
        member(member(fields, "special_tokens", where), name.c_str(), its);
    const nlohmann::json& ids = member(special, "ids", its + ": " + in_quotes(name));
    if (!ids.is_array())
      throw format_error(its + ": " + in_quotes(name), "an array of ids", ids.type_name());
    for (const nlohmann::json& id : ids)
      tokens.push_back(token_id_of(id, its + ": " + in_quotes(name)));
  }
  throw format_error(where + ": single", "a Sequence", "none");
}

/// Ids of the tokens that are put before a text.
/// \throws format_error naming what is malformed or not supported
template <class = lazy>
std::vector<index_t> tokens_before_text(const nlohmann::json& fields, const std::string& where) {
  if (fields.is_null()) return {};
  const std::string& type = text_member(fields, "type", where);
  if (type == "ByteLevel") return {};  // it is about the offsets of tokens
  const std::string place = where + ": " + type;
  if (type == "TemplateProcessing") return tokens_of_template(fields, place);
  if (type == "BertProcessing" || type == "RobertaProcessing") {
    const nlohmann::json& first = member(fields, "cls", place);
    if (!first.is_array() || first.size() != 2)
      throw format_error(place + ": cls", "a token and its id", described(first));
    return {token_id_of(first[1], place + ": cls")};
  }
  if (type != "Sequence")
    throw format_error(where,
                       "TemplateProcessing, BertProcessing, RobertaProcessing, ByteLevel or a "
                       "Sequence",
                       in_quotes(type));
  const nlohmann::json& parts = member(fields, "processors", where);
  if (!parts.is_array()) throw format_error(place, "an array", parts.type_name());
  std::vector<index_t> tokens;
  for (const nlohmann::json& part : parts) {
    const std::vector<index_t> more = tokens_before_text(part, where);
    tokens.insert(tokens.begin(), more.begin(), more.end());
  }
  return tokens;
}

}  // namespace atlas::inline ATLAS_ABI::io::detail
