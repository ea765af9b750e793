// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// Eight numbers at a time: whole vectors of any processor, as Eigen arrays of fixed size.

#include <Eigen/Core>

#include "atlas/core/tensor_view.hpp"

namespace atlas::inline ATLAS_ABI::detail {

inline constexpr index_t lane_count = 8;

template <class Real>
using lanes_of = Eigen::Array<Real, lane_count, 1>;

/// Eight numbers in memory that begin where Eigen aligns, or a multiple of eight numbers after.
inline auto lanes_at(double* x) -> Eigen::Map<lanes_of<double>, Eigen::AlignedMax> {
  return Eigen::Map<lanes_of<double>, Eigen::AlignedMax>(x);
}
inline auto lanes_at(const double* x) -> Eigen::Map<const lanes_of<double>, Eigen::AlignedMax> {
  return Eigen::Map<const lanes_of<double>, Eigen::AlignedMax>(x);
}

inline index_t padded_to_lanes(index_t n) {
  return (n + lane_count - 1) / lane_count * lane_count;
}

}  // namespace atlas::inline ATLAS_ABI::detail
