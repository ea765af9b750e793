// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// The members of one JSON object of a configuration, and which of them nobody asked for.

#include <cstdint>
#include <functional>
#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <utility>

#include "atlas/core/tensor_view.hpp"
#include "atlas/io/json.hpp"

namespace atlas::inline ATLAS_ABI::io::detail {

/// Typed members of one object; errors name the file and the key. Null counts as missing. Keeps
/// account of the keys that were asked for, so that the rest can be refused.
template <class Json = nlohmann::json>
class config_fields {
 public:
  config_fields(const Json& object, std::string where)
      : object_(object), where_(std::move(where)) {}

  /// What the object is, for messages.
  const std::string& where() const { return where_; }
  /// True for null, too.
  bool has(const char* key) const { return object_.contains(key); }
  const Json* find(const char* key) const {
    asked_.insert(key);
    const auto found = object_.find(key);
    return found == object_.end() || found->is_null() ? nullptr : &*found;
  }
  index_t count(const char* key) const { return whole(key, need(key, "a whole number")); }
  index_t count_or(const char* key, index_t otherwise) const {
    const Json* value = find(key);
    return value ? whole(key, *value) : otherwise;
  }
  double number(const char* key) const { return real(key, need(key, "a number")); }
  double number_or(const char* key, double otherwise) const {
    const Json* value = find(key);
    return value ? real(key, *value) : otherwise;
  }
  bool flag_or(const char* key, bool otherwise) const {
    asked_.insert(key);
    return flag_member(object_, key, otherwise, where_);
  }
  std::string text_or(const char* key, const std::string& otherwise) const {
    return find(key) ? text_member(object_, key, where_) : otherwise;
  }

  bool flag(const char* key) const {
    const Json& value = need(key, "true or false");
    if (!value.is_boolean()) refuse(key, "true or false", value);
    return value.template get<bool>();
  }
  std::string text(const char* key) const {
    const Json& value = need(key, "a string");
    if (!value.is_string()) refuse(key, "a string", value);
    return value.template get<std::string>();
  }
  /// A member that must be there, and not null.
  const Json& need(const char* key, const char* wanted) const {
    if (!has(key)) throw format_error(where_, "a member " + in_quotes(key), "none");
    const Json* value = find(key);
    if (!value) refuse(key, wanted, Json());
    return *value;
  }

  /// For what this library does not compute: the one value that asks for nothing.
  void only(const char* key, const Json& neutral) const {
    const Json* value = find(key);
    if (value && *value != neutral)
      refuse(key, neutral.dump() + " or absent (nothing else is supported)", *value);
  }
  [[noreturn]] void refuse(const char* key, const std::string& wanted, const Json& got) const {
    throw format_error(where_, in_quotes(key) + " to be " + wanted, described(got));
  }
  /// \param harmless tells of a key that nobody asked for whether it may be passed over
  /// \throws format_error naming the first key that may not
  template <class Harmless>
  void refuse_the_rest(Harmless&& harmless) const {
    for (const auto& [key, value] : object_.items())
      if (!value.is_null() && !asked_.contains(key) && !harmless(key))
        throw format_error(where_,
                           "keys that are understood (remove one that the model's results do not "
                           "depend on)",
                           in_quotes(key));
  }

 private:
  double real(const char* key, const Json& value) const {
    if (!value.is_number()) refuse(key, "a number", value);
    return value.template get<double>();
  }
  index_t whole(const char* key, const Json& value) const {
    if (!value.is_number_integer() || value < 0 || value > (std::int64_t{1} << 31))
      refuse(key, "a whole number from 0 to 2^31", value);
    return value.template get<index_t>();
  }

  const Json& object_;
  std::string where_;
  mutable std::set<std::string, std::less<>> asked_;
};

}  // namespace atlas::inline ATLAS_ABI::io::detail
