// SPDX-License-Identifier: MIT
// Points in OpenCV's matrices, and in a region of one.
#include <cstdio>
#include <opencv2/core.hpp>

#include "atlas/adapters/opencv.hpp"
#include "atlas/core/random.hpp"
#include "atlas/dimension/two_nn.hpp"

int main() {
  atlas::random_stream random(1);
  cv::Mat points(2000, 6, CV_32F);
  for (int i = 0; i < points.rows; ++i)
    for (int k = 0; k < points.cols; ++k)
      points.at<float>(i, k) = static_cast<float>(random.uniform());

  // A cv::Mat of the same type is not copied; of another it is converted.
  const cv::Mat_<float> all(points);
  const cv::Mat_<float> three = all.colRange(0, 3);
  std::printf("six columns %.2f, the first three %.2f\n", atlas::two_nn(all).dimension,
              atlas::two_nn(three).dimension);
}
