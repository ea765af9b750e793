// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// The error types of the library. Each message is one line that names the argument, what was
/// expected and what came.

#include <stdexcept>
#include <string>
#include <string_view>

#include "atlas/version.hpp"

namespace atlas::inline ATLAS_ABI {

/// Base of everything that the library throws on purpose.
class error : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;

  /// \param argument what the caller passed, by its name in the documentation (or a file's name)
  /// \param expected what it should have been
  /// \param got      what came instead
  error(std::string_view argument, std::string_view expected, std::string_view got)
      : std::runtime_error(std::string(argument) + ": expected " + std::string(expected) +
                           ", got " + std::string(got)) {}
};

/// Wrong number of dimensions, wrong extents, empty input.
class shape_error : public error {
 public:
  using error::error;
};

/// Right shape, unusable values: NaN, k > d, zero variance, a probability outside [0, 1].
class value_error : public error {
 public:
  using error::error;
};

/// A file that is not what it says it is: truncated, inconsistent, of an unknown kind.
class format_error : public error {
 public:
  using error::error;
};

/// Thrown when a progress callback asks to stop. Nothing has been written or returned.
class cancelled : public error {
 public:
  cancelled() : error("cancelled by the progress callback") {}
};

}  // namespace atlas::inline ATLAS_ABI
