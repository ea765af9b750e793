// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// Tests of error messages.

#include <string>
#include <string_view>

#include "atlas/core/errors.hpp"

namespace atlas_test {

/// The message of the `Error` that `call` throws; another error goes through, none says so.
template <class Error, class Call>
std::string message_of(Call&& call) {
  try {
    call();
  } catch (const Error& e) {
    return e.what();
  }
  return "nothing was thrown";
}

inline bool has(const std::string& text, std::string_view part) {
  return text.find(part) != std::string::npos;
}

inline bool one_line(const std::string& text) {
  return text.find('\n') == std::string::npos;
}

}  // namespace atlas_test

/// `call` throws an `Error` whose message, on one line, has both parts.
#define CHECK_REFUSED(Error, call, part, other)                                       \
  do {                                                                                \
    const std::string message = atlas_test::message_of<Error>([&] { (void)(call); }); \
    INFO(message);                                                                    \
    CHECK(atlas_test::has(message, part));                                            \
    CHECK(atlas_test::has(message, other));                                           \
    CHECK(atlas_test::one_line(message));                                             \
  } while (false)
