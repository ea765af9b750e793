// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// OpenCV's matrices of a static type at the narrow waist, with whatever step from row to row:
/// `cv::Mat_<float>(mat)` makes one of a `cv::Mat` and copies nothing where the type is the same.

#include <cstddef>
#include <opencv2/core.hpp>
#include <string>

#include "atlas/core/as_view.hpp"

namespace atlas::inline ATLAS_ABI {

/// Rows and columns of a matrix, or of a region of one: borrowed. One channel; points of several
/// channels are `mat.reshape(1)`.
template <detail::number Scalar>
struct tensor_traits<cv::Mat_<Scalar>> {
  static constexpr bool borrowed = false;

  template <std::size_t Rank>
  requires(Rank == 2) static auto view(const cv::Mat_<Scalar>& x) {
    if (x.dims > 2) throw shape_error("cv::Mat_", "2 dimensions", std::to_string(x.dims));
    if (x.empty()) return tensor_view<const Scalar, 2>(nullptr, {x.rows, x.cols});
    return tensor_view<const Scalar, 2>(x[0], {x.rows, x.cols},
                                        {static_cast<index_t>(x.step1()), 1});
  }
};

}  // namespace atlas::inline ATLAS_ABI
