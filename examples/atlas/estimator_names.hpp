// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// Estimators of dimension by name, as they are typed and shown: `mle:k=20`.

#include <string>
#include <vector>

#include "atlas/dimension/any_estimator.hpp"
#include "common.hpp"

namespace atlas_program {

/// An estimator of `NAME[:key=value]...`.
/// \throws atlas::error naming the name, the key or the value that is none, with the nearest one
atlas::any_estimator estimator_of(const std::string& text);

/// Of several texts; `all` is each estimator with its defaults.
/// \throws atlas::error as `estimator_of`, and for one estimator twice
std::vector<atlas::any_estimator> estimators_of(const std::vector<std::string>& texts);

/// The shortest text that `estimator_of` makes this estimator from.
std::string typed_text(const atlas::any_estimator& estimator);

/// All parameters: numbers, truth values and names.
json parameters_json(const atlas::any_estimator& estimator);

/// Adds `--estimators`.
void add_estimators_option(CLI::App& app, std::vector<std::string>& texts);

}  // namespace atlas_program
