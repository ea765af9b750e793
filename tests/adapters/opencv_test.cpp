// SPDX-License-Identifier: MIT
#include "atlas/adapters/opencv.hpp"

#include "../catch.hpp"
#include "../messages.hpp"

using atlas::as_view;

namespace {

/// Element (i, k) is 10 i + k.
cv::Mat_<float> ten_columns(int rows) {
  cv::Mat_<float> m(rows, 10);
  for (int i = 0; i < rows; ++i)
    for (int k = 0; k < 10; ++k) m(i, k) = static_cast<float>(10 * i + k);
  return m;
}

}  // namespace

TEST_CASE("OpenCV matrices and regions of them are borrowed") {
  const auto m = ten_columns(4);
  CHECK(as_view<2>(m).data() == m[0]);
  CHECK(as_view<2>(m)(3, 7) == 37);
  const cv::Mat_<float> region = m(cv::Rect(1, 2, 5, 2));
  CHECK(as_view<2>(region).data() == m[2] + 1);
  CHECK(as_view<2>(region)(1, 4) == 35);
  const cv::Mat untyped = m;
  CHECK(as_view<2>(cv::Mat_<float>(untyped))(3, 7) == 37);
}

TEST_CASE("an OpenCV array of three dimensions is refused, an empty one is empty") {
  const int sizes[] = {2, 3, 4};
  const cv::Mat_<float> cube(3, sizes);
  CHECK_REFUSED(atlas::shape_error, as_view<2>(cube), "2 dimensions", "3");
  CHECK(as_view<2>(cv::Mat_<float>()).empty());
}
