// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// JSON from files that are not to be trusted: strict, and with errors that name the file.

#include <cstddef>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <unordered_set>
#include <utility>
#include <vector>

#include "atlas/core/errors.hpp"
#include "atlas/core/lazy.hpp"
#include "atlas/io/tokenization/utf8.hpp"

namespace atlas::inline ATLAS_ABI::io {

/// A name from a file, quoted for a message: on one line, shortened when it is very long.
template <class = lazy>
[[nodiscard]] std::string in_quotes(std::string_view name) {
  constexpr std::size_t longest = 160;
  std::string shown = replace_malformed_utf8(name.substr(0, longest));
  if (name.size() > longest) shown += "...";
  return nlohmann::json(shown).dump();
}

namespace detail {

/// A value from a file for a message: numbers and texts as they are, the rest by its kind.
template <class = lazy>
std::string described(const nlohmann::json& value) {
  if (value.is_structured()) return std::string("an ") + value.type_name();
  return in_quotes(value.is_string() ? value.get_ref<const std::string&>() : value.dump());
}

/// Goes over a text before it is read and refuses, beside mistakes, what the JSON library would let
/// pass: keys that an object has twice, and nesting so deep that whoever walks through it
/// recursively runs out of stack. (Its parser callback would be quadratic in nested objects.)
template <class = lazy>
class json_check : public nlohmann::json::json_sax_t {
 public:
  explicit json_check(const std::string& where) : where_(where) {}

  bool null() override { return true; }
  bool boolean(bool) override { return true; }
  bool number_integer(number_integer_t) override { return true; }
  bool number_unsigned(number_unsigned_t) override { return true; }
  bool number_float(number_float_t, const string_t&) override { return true; }
  bool string(string_t&) override { return true; }
  bool binary(binary_t&) override { return true; }

  bool start_object(std::size_t) override { return enter(); }
  bool end_object() override { return leave(); }
  bool start_array(std::size_t) override { return enter(); }
  bool end_array() override { return leave(); }
  bool key(string_t& key) override {
    if (!keys_.back().insert(key).second)
      throw format_error(where_, "each key once", "a second " + in_quotes(key));
    return true;
  }
  bool parse_error(std::size_t byte, const std::string&,
                   const nlohmann::json::exception& mistake) override {
    constexpr int out_of_range = 4;  // the hundreds of its numbers; its type would need RTTI
    if (mistake.id / 100 == out_of_range)
      throw format_error(where_, "JSON", "a number that is out of range");
    throw format_error(where_, "JSON", "a mistake at byte " + std::to_string(byte));
  }

 private:
  static constexpr std::size_t deepest = 64;

  bool enter() {
    if (keys_.size() == deepest)
      throw format_error(where_, "at most " + std::to_string(deepest) + " levels", "more");
    keys_.emplace_back();
    return true;
  }
  bool leave() {
    keys_.pop_back();
    return true;
  }

  const std::string& where_;
  std::vector<std::unordered_set<std::string>> keys_;
};

/// Takes everything from arrays and objects, from within, without asking for memory.
template <class Json>
void empty_json(Json& value) {
  if (!value.is_structured()) return;
  for (Json& inner : value) empty_json(inner);
  value.clear();
}

/// A value that is destroyed without asking for memory. The JSON library's own destructor makes a
/// list of what is in an array or an object, and ends the process where there is no memory for
/// that. Of what `parse_json` reads, which is not deep.
template <class Json = nlohmann::json>
struct kept_json {
  Json value;

  explicit kept_json(Json kept) : value(std::move(kept)) {}
  kept_json(const kept_json&) = default;
  kept_json(kept_json&&) noexcept = default;
  kept_json& operator=(const kept_json& other) {
    if (this != &other) *this = kept_json(other);
    return *this;
  }
  kept_json& operator=(kept_json&& other) noexcept {
    value.swap(other.value);  // what this had goes with the other
    return *this;
  }
  ~kept_json() { empty_json(value); }
};

}  // namespace detail

/// A value from a text that is not to be trusted. O(length of the text).
/// \param where what the text is, for messages
/// \throws format_error for malformed UTF-8, malformed JSON, duplicate keys, and anything but
///         blanks after the value. (A NUL would end the text for the JSON library, whatever follows
///         it.)
template <class Json = nlohmann::json>
[[nodiscard]] Json parse_json(std::string_view text, const std::string& where) {
  if (const auto at = first_malformed_utf8(text))
    throw format_error(where, "UTF-8", "a malformed byte at offset " + std::to_string(*at));
  if (const auto at = text.find('\0'); at != std::string_view::npos)
    throw format_error(where, "JSON", "a NUL at byte " + std::to_string(at + 1));
  detail::json_check<Json> checked(where);
  Json::sax_parse(text.begin(), text.end(), &checked);
  return Json::parse(text.begin(), text.end());
}

namespace detail {

/// The member of an object.
///
/// \throws format_error when it is not there.
template <class = lazy>
const nlohmann::json& member(const nlohmann::json& object, const char* key,
                             const std::string& where) {
  if (!object.is_object()) throw format_error(where, "an object", object.type_name());
  const auto found = object.find(key);
  if (found == object.end()) throw format_error(where, "a member " + in_quotes(key), "none");
  return *found;
}

/// The text of a member.
///
/// \throws format_error when it is missing or not a string.
template <class = lazy>
const std::string& text_member(const nlohmann::json& object, const char* key,
                               const std::string& where) {
  const nlohmann::json& value = member(object, key, where);
  if (!value.is_string())
    throw format_error(where, in_quotes(key) + " to be a string", value.type_name());
  return value.get_ref<const std::string&>();
}

/// The truth of a member; missing or null: `otherwise`.
template <class = lazy>
bool flag_member(const nlohmann::json& object, const char* key, bool otherwise,
                 const std::string& where) {
  const auto found = object.find(key);
  if (found == object.end() || found->is_null()) return otherwise;
  if (!found->is_boolean())
    throw format_error(where, in_quotes(key) + " to be true or false", found->type_name());
  return found->get<bool>();
}

}  // namespace detail
}  // namespace atlas::inline ATLAS_ABI::io
