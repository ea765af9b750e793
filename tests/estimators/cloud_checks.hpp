// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// What every estimator that looks at points has to hold, whichever it is.

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <numeric>
#include <vector>

#include "../catch.hpp"
#include "atlas/core/parallel.hpp"
#include "atlas/core/random.hpp"
#include "atlas/dimension/estimate_dimension.hpp"
#include "atlas/simulation/clouds.hpp"

namespace atlas_test {

/// A cloud with each number converted, multiplied and its row moved to another place.
template <class To>
atlas::owned_tensor<To, 2> changed_cloud(const atlas::owned_tensor<double, 2>& cloud, double factor,
                                         const std::vector<atlas::index_t>& order) {
  atlas::owned_tensor<To, 2> out({cloud.extent(0), cloud.extent(1)});
  const auto target = out.mutable_view();
  for (atlas::index_t i = 0; i < cloud.extent(0); ++i)
    for (atlas::index_t c = 0; c < cloud.extent(1); ++c)
      target(i, c) = static_cast<To>(factor * cloud(order[static_cast<std::size_t>(i)], c));
  return out;
}

inline std::vector<atlas::index_t> same_order(const atlas::owned_tensor<double, 2>& cloud) {
  std::vector<atlas::index_t> order(static_cast<std::size_t>(cloud.extent(0)));
  std::iota(order.begin(), order.end(), atlas::index_t{0});
  return order;
}

/// Bits for bits, NaN being itself.
inline bool same_numbers(const std::vector<double>& a, const std::vector<double>& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](double x, double y) { return x == y || (std::isnan(x) && std::isnan(y)); });
}

template <class Estimator>
void check_threads_and_scale(const Estimator& e, const atlas::owned_tensor<double, 2>& cloud) {
  const auto one = atlas::estimate_dimension(cloud, e, {.resamples = 4, .threads = 1});
  const auto three = atlas::estimate_dimension(cloud, e, {.resamples = 4, .threads = 3});
  CHECK(one.dimension == three.dimension);
  CHECK(one.standard_error == three.standard_error);
  CHECK(same_numbers(one.local, three.local));
  for (const double factor : {0x1p-40, 0x1p600}) {
    const auto other = changed_cloud<double>(cloud, factor, same_order(cloud));
    const auto r = atlas::estimate_dimension(other, e, {.errors = false});
    CHECK(r.dimension == one.dimension);
    CHECK(same_numbers(r.local, one.local));
  }
}

/// \param close     how near estimates of the same numbers as float are
/// \param reordered and of the same rows in another order
template <class Estimator>
void check_order_and_float(const Estimator& e, const atlas::owned_tensor<double, 2>& cloud,
                           double close, double reordered = 1e-12) {
  const auto whole = atlas::estimate_dimension(cloud, e, {.errors = false});
  atlas::random_stream random(5);
  const auto moved =
      changed_cloud<double>(cloud, 1, atlas::random_permutation(cloud.extent(0), random));
  CHECK(atlas::estimate_dimension(moved, e, {.errors = false}).dimension ==
        Approx(whole.dimension).epsilon(reordered));
  const auto narrow = changed_cloud<float>(cloud, 1, same_order(cloud));
  CHECK(atlas::estimate_dimension(narrow, e, {.errors = false}).dimension ==
        Approx(whole.dimension).epsilon(close));
}

template <class Estimator>
void check_bad_clouds(const Estimator& e) {
  atlas::random_stream random(3);
  auto cloud = atlas::simulate_torus(60, 1, random);
  CHECK_THROWS_AS(atlas::estimate_dimension(atlas::owned_tensor<double, 2>({0, 3}), e),
                  atlas::shape_error);
  CHECK_THROWS_AS(atlas::estimate_dimension(atlas::owned_tensor<double, 2>({40, 3}), e),
                  atlas::value_error);  // all rows are one
  for (const double wrong : {std::nan(""), std::numeric_limits<double>::infinity()}) {
    cloud.mutable_view()(7, 1) = wrong;
    CHECK_THROWS_AS(atlas::estimate_dimension(cloud, e), atlas::value_error);
  }
}

/// How many of the 95 % intervals of that many clouds hold the mean of the estimates, as a share.
/// \param make makes a cloud of a stream of its own; estimators that draw have seeds of their own
template <class Estimator, class Make>
double coverage_of_clouds(const Estimator& e, atlas::index_t clouds, Make&& make,
                          atlas::dimension_options options = {}) {
  std::vector<atlas::dimension_estimate> all(static_cast<std::size_t>(clouds));
  options.threads = 1;
  atlas::parallel_for(clouds, 0, [&](atlas::index_t c) {
    atlas::random_stream random(77, static_cast<std::uint64_t>(c));
    atlas::dimension_options drawn = options;
    drawn.seed = static_cast<std::uint64_t>(c);
    all[static_cast<std::size_t>(c)] = atlas::estimate_dimension(make(random), e, drawn);
  });
  double mean = 0, held = 0;
  for (const auto& r : all) mean += r.dimension / static_cast<double>(clouds);
  for (const auto& r : all) held += r.interval.lower <= mean && mean <= r.interval.upper ? 1 : 0;
  return held / static_cast<double>(clouds);
}

/// The same of clouds on a flat torus.
template <class Estimator>
double coverage_of_mean(const Estimator& e, atlas::index_t rows, atlas::index_t dimension,
                        atlas::index_t clouds, const atlas::dimension_options& options = {}) {
  return coverage_of_clouds(
      e, clouds,
      [&](atlas::random_stream& random) { return atlas::simulate_torus(rows, dimension, random); },
      options);
}

}  // namespace atlas_test
