// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// What scikit-dimension 0.5.0 and DADApy 0.3.4 compute on small clouds, to 13 digits.

#include <cmath>
#include <filesystem>
#include <fstream>
#include <limits>
#include <nlohmann/json.hpp>
#include <string>

#include "../catch.hpp"
#include "atlas/core/tensor_view.hpp"
#include "atlas/io/npy.hpp"

namespace atlas_test {

/// Relative to the peer's value, where both compute the same definition: golden values have 13
/// digits, and some of the peers' are of an optimiser that ends at 1e-8.
inline constexpr double same_definition = 1e-6;

inline std::filesystem::path peers_folder() {
  return std::filesystem::path(ATLAS_TEST_DATA) / "peers";
}

inline atlas::owned_tensor<double, 2> golden_cloud(const std::string& name) {
  return atlas::io::read_npy<double, 2>(peers_folder() / (name + ".npy"));
}

inline const nlohmann::json& golden() {
  static const nlohmann::json all = [] {
    std::ifstream file(peers_folder() / "golden.json");
    return nlohmann::json::parse(file);
  }();
  return all;
}

/// What the estimator of that name gave: a number, or an object or a list of them.
inline const nlohmann::json& golden_value(const std::string& cloud, const std::string& estimator) {
  return golden().at("results").at(cloud).at(estimator).at("value");
}

/// NaN and infinities are strings there.
inline double golden_number(const nlohmann::json& value) {
  if (value.is_number()) return value.get<double>();
  if (value == "inf") return std::numeric_limits<double>::infinity();
  return std::nan("");
}

/// Clouds without coincident rows that continuous estimators are meant for.
inline const char* const continuous_clouds[] = {"sphere2", "sphere5_in8", "swiss_roll", "cube4",
                                                "helix"};

}  // namespace atlas_test
