// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// The error types of the library. Each message is one line that names the argument, what was
/// expected and what came.

#include <cstddef>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>

#include "atlas/version.hpp"

namespace atlas::inline ATLAS_ABI {

/// Base of everything that the library throws on purpose. Copies share the texts and do not throw.
class error : public std::runtime_error {
 public:
  /// A message without fields.
  explicit error(const std::string& message)
      : std::runtime_error(message), fields_(std::make_shared<const fields>()) {}

  /// \param argument what the caller passed, by its name in the documentation (or a file's name)
  /// \param expected what it should have been
  /// \param got      what came instead
  error(std::string_view argument, std::string_view expected, std::string_view got)
      : std::runtime_error(std::string(argument) + ": expected " + std::string(expected) +
                           ", got " + std::string(got)),
        fields_(std::make_shared<const fields>(
            fields{std::string(argument), std::string(expected), std::string(got)})) {}

  /// What was passed, by its name in the documentation: `k`, `exclude.context`; a file's name,
  /// where need be with the place in it. Empty where `what()` alone is known, as all three.
  [[nodiscard]] const std::string& argument() const noexcept { return fields_->argument; }
  [[nodiscard]] const std::string& expected() const noexcept { return fields_->expected; }
  [[nodiscard]] const std::string& got() const noexcept { return fields_->got; }

 private:
  struct fields {
    std::string argument, expected, got;
  };
  std::shared_ptr<const fields> fields_;
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

  /// The file or folder as it was named: `argument()` up to the first colon with a space behind it.
  [[nodiscard]] std::string path() const { return argument().substr(0, argument().find(": ")); }
  /// The place in it that the error concerns, such as a tensor or a key; empty for all of the file.
  [[nodiscard]] std::string place() const {
    const std::size_t colon = argument().find(": ");
    return colon == std::string::npos ? std::string() : argument().substr(colon + 2);
  }
};

/// Usable input on which an iteration did not come to its end, such as that for eigenvalues.
class convergence_error : public error {
 public:
  using error::error;
};

/// Thrown when a progress callback asks to stop. Nothing has been written or returned.
class cancelled : public error {
 public:
  cancelled() : error("cancelled by the progress callback") {}
};

}  // namespace atlas::inline ATLAS_ABI
