// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// An estimator that is chosen while the program runs, where a function takes one of any type.

#include <string_view>
#include <variant>

#include "atlas/dimension/any_estimator.hpp"
#include "atlas/dimension/estimate_dimension.hpp"

namespace atlas::inline ATLAS_ABI {

namespace estimators {

/// Whichever estimator `of` is, with the same numbers as that estimator itself: for
/// `estimate_dimension`, `corrected_dimension` and the like, which are then compiled once.
struct chosen {
  any_estimator of = {};

  static constexpr std::string_view name = "chosen";
  static constexpr bool needs_points = true;  ///< some of them do

  [[nodiscard]] index_t neighbors() const { return neighbors_of(of); }
  [[nodiscard]] interval_claim claim() const { return claim_of(of); }
  void check_parameters() const { check_estimator(of); }

  template <class Self, class Visit>
  static void visit_parameters(Self& self, Visit&& visit) {
    atlas::visit_parameters(self.of, visit);
  }
};

}  // namespace estimators

namespace detail {

template <class Scalar>
raw_estimate raw_dimension(const estimators::chosen& e, const estimator_cloud<Scalar>& cloud) {
  return std::visit([&](const auto& one) { return raw_of_cloud(one, cloud); }, e.of);
}

}  // namespace detail

}  // namespace atlas::inline ATLAS_ABI
