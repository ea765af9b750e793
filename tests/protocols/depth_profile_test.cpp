// SPDX-License-Identifier: MIT
#include "atlas/protocols/depth_profile.hpp"

#include <cmath>
#include <limits>

#include "../catch.hpp"
#include "../messages.hpp"
#include "atlas/core/random.hpp"

using namespace atlas_test;
using atlas::sampled_value;
using atlas::verdict;

namespace {

std::vector<sampled_value> profile(const std::vector<double>& values, double error) {
  std::vector<sampled_value> out;
  for (std::size_t l = 0; l < values.size(); ++l)
    out.push_back({"layer " + std::to_string(l), values[l], error, {}});
  return out;
}

}  // namespace

TEST_CASE("a peak beyond the errors is one, with a plateau beside it") {
  const auto r = atlas::depth_profile(profile({1, 4.9, 5, 4.95, 2, 1}, 0.1));
  CHECK(r.peak == 2);
  CHECK(r.relative_peak == Approx(0.4));
  CHECK(r.peak_excess.verdict == verdict::above);
  CHECK(r.peak_excess.value == Approx(5 - 13.85 / 5));
  CHECK(r.peak_excess.null_sd == Approx(0.1 * std::sqrt(1.2)));
  CHECK(r.plateau_first == 1);
  CHECK(r.plateau_last == 3);
  CHECK(r.plateau_share == Approx(0.5));
}

TEST_CASE("a flat profile has its peak by chance, and is a plateau") {
  int peaks = 0;
  for (std::uint64_t seed = 0; seed < 400; ++seed) {
    atlas::random_stream random(seed);
    std::vector<double> values;
    for (int l = 0; l < 6; ++l) values.push_back(7 + 0.5 * random.normal());
    peaks += atlas::depth_profile(profile(values, 0.5)).peak_excess.verdict == verdict::above;
  }
  CHECK(peaks < 27);  // alpha 0.05 of either side: 10 of 400, and 5 sd
  const auto flat = atlas::depth_profile(profile({2, 2, 2}, 0.1));
  CHECK(flat.peak == 0);
  CHECK(flat.plateau_share == 1);
}

TEST_CASE("what all layers owe to the same contexts cancels") {
  // Contexts move all layers by much and the layers against each other by little.
  std::vector<sampled_value> layers = profile({5, 5.5, 5}, 10);
  const std::vector<double> common = {3, -3, 2, -2}, own = {0.01, 0.01, -0.01, -0.01};
  for (std::size_t l = 0; l < 3; ++l)
    for (std::size_t c = 0; c < 4; ++c)
      layers[l].left_out.push_back(layers[l].value + common[c] + (l == 1 ? own[c] : 0));
  const auto r = atlas::depth_profile(layers);
  CHECK(r.peak_excess.verdict == verdict::above);
  CHECK(r.peak_excess.null_sd == Approx(atlas::detail::jackknife_error(own)));
  CHECK(r.plateau_first == 1);
  CHECK(r.plateau_last == 1);
  for (auto& layer : layers) layer.left_out.clear();
  CHECK(atlas::depth_profile(layers).peak_excess.verdict == verdict::consistent_with_chance);
}

TEST_CASE("of equally long runs the first is the plateau") {
  const auto r = atlas::depth_profile(profile({5, 5, 1, 5.01, 5, 1}, 0.1));
  CHECK(r.peak == 3);
  CHECK(r.plateau_first == 0);
  CHECK(r.plateau_last == 1);
}

TEST_CASE("profiles that are none are refused") {
  CHECK_REFUSED(atlas::shape_error, atlas::depth_profile(profile({1}, 1)), "layers", "1");
  CHECK_REFUSED(atlas::value_error, (atlas::depth_profile(profile({1, 2}, -1))), "layer 0",
                "standard_error");
  CHECK_REFUSED(atlas::value_error,
                (atlas::depth_profile(profile({1, std::numeric_limits<double>::quiet_NaN()}, 1))),
                "layer 1", "NaN");
  CHECK_REFUSED(atlas::value_error,
                (atlas::depth_profile(profile({1, 2}, 1), {.plateau_errors = -1})),
                "plateau_errors", "-1");
  auto ragged = profile({1, 2}, 1);
  ragged[1].left_out = {1, 2};
  CHECK_REFUSED(atlas::shape_error, atlas::depth_profile(ragged), "layer 1", "contexts");
}
