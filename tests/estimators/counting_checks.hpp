// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// What estimators that count pairs, rows or boxes have to do, checked on small simulated clouds.

#include <cmath>
#include <limits>
#include <vector>

#include "../catch.hpp"
#include "atlas/dimension/estimate_dimension.hpp"
#include "atlas/simulation/clouds.hpp"

namespace atlas_test::counting {

/// How often intervals hold the mean of the estimates (geometric), and a value.
struct coverage_counts {
  double of_mean = 0, of_value = 0;
  double spread = 0;  ///< standard deviation of the logarithm of the estimates
  double error = 0;   ///< root of the mean square of their standard errors, as shares of them
};

template <class Make, class Estimate>
coverage_counts coverage_of(int repeats, double value, Make&& make, Estimate&& estimate) {
  std::vector<atlas::dimension_estimate> all;
  double mean = 0;
  for (int s = 0; s < repeats; ++s) {
    atlas::random_stream random(20, static_cast<std::uint64_t>(s));
    all.push_back(estimate(make(random)));
    mean += std::log(all.back().dimension) / repeats;
  }
  coverage_counts out;
  const auto holds = [](const atlas::dimension_estimate& r, double x) {
    return r.interval.lower <= x && x <= r.interval.upper ? 1.0 : 0.0;
  };
  for (const auto& r : all) {
    out.of_mean += holds(r, std::exp(mean)) / repeats;
    out.of_value += holds(r, value) / repeats;
    out.spread += std::pow(std::log(r.dimension) - mean, 2) / (repeats - 1);
    out.error += std::pow(r.standard_error / r.dimension, 2) / repeats;
  }
  out.spread = std::sqrt(out.spread);
  out.error = std::sqrt(out.error);
  return out;
}

/// Of the estimator's own mean.
template <class Estimator, class Make>
coverage_counts coverage(const Estimator& e, int repeats, Make&& make,
                         atlas::dimension_options options = {}) {
  options.threads = 1;
  return coverage_of(repeats, 0, make, [&](const auto& points) {
    return atlas::estimate_dimension(points, e, options);
  });
}

/// 95 % intervals, of 100 or more repeats.
#define ATLAS_CHECK_COVERS(...)                                        \
  do {                                                                 \
    const atlas_test::counting::coverage_counts counted = __VA_ARGS__; \
    CAPTURE(counted.of_mean, counted.spread, counted.error);           \
    CHECK(counted.of_mean >= 0.9);                                     \
    CHECK(counted.error <= 1.6 * counted.spread);                      \
  } while (false)

inline atlas::owned_tensor<double, 2> changed_cloud(const atlas::owned_tensor<double, 2>& points,
                                                    double factor, bool reversed) {
  atlas::owned_tensor<double, 2> out(points.extents());
  for (atlas::index_t i = 0; i < points.extent(0); ++i)
    for (atlas::index_t c = 0; c < points.extent(1); ++c)
      out.mutable_view()(i, c) = factor * points(reversed ? points.extent(0) - 1 - i : i, c);
  return out;
}

/// Same bits for 1 and 3 threads and for a scale of 2^-30; to rounding for reversed rows; single
/// precision is read.
template <class Estimator>
void check_invariances(const Estimator& e, atlas::index_t rows = 300) {
  atlas::random_stream random(3, 1), again(3, 1);
  const auto points = atlas::simulate_torus(rows, 2, random);
  const auto single = atlas::simulate_torus<float>(rows, 2, again);
  const auto one = atlas::estimate_dimension(points, e, {.threads = 1});
  const auto three = atlas::estimate_dimension(points, e, {.threads = 3});
  CHECK(one.dimension == three.dimension);
  CHECK(one.standard_error == three.standard_error);
  CHECK(one.interval.lower < one.dimension);
  CHECK(one.interval.upper > one.dimension);
  const auto small = atlas::estimate_dimension(changed_cloud(points, 0x1p-30, false), e);
  CHECK(small.dimension == one.dimension);
  CHECK(small.standard_error == one.standard_error);
  const auto reversed = atlas::estimate_dimension(changed_cloud(points, 1, true), e);
  CHECK(reversed.dimension == Approx(one.dimension).epsilon(1e-10));
  CHECK(atlas::estimate_dimension(single, e).dimension == Approx(one.dimension).epsilon(1e-2));
}

/// NaN, too few rows and clouds of one place are refused; degenerate ones are reported where asked.
template <class Estimator>
void check_refusals(const Estimator& e) {
  std::vector<std::vector<double>> rows(400, std::vector<double>{1, 2});
  CHECK_THROWS_AS(atlas::estimate_dimension(rows, e), atlas::value_error);
  CHECK_THROWS_AS(atlas::estimate_dimension(rows, e, {.duplicates = atlas::duplicate_policy::drop}),
                  atlas::value_error);
  const auto reported = atlas::estimate_dimension(rows, e,
                                                  {.duplicates = atlas::duplicate_policy::drop,
                                                   .degenerate = atlas::degenerate_policy::report});
  CHECK(std::isnan(reported.dimension));
  CHECK(reported.fault != atlas::cloud_fault::none);
  rows[7][1] = std::numeric_limits<double>::quiet_NaN();
  CHECK_THROWS_AS(atlas::estimate_dimension(rows, e), atlas::value_error);
  rows[7][1] = std::numeric_limits<double>::infinity();
  CHECK_THROWS_AS(atlas::estimate_dimension(rows, e), atlas::value_error);
  CHECK_THROWS_AS(atlas::estimate_dimension(std::vector<std::vector<double>>(2, {1, 2}), e),
                  atlas::shape_error);
}

/// Rows that come in fours, near each other: errors are of the contexts and cover.
template <class Estimator>
void check_contexts(const Estimator& e, bool exclude = true) {
  constexpr atlas::index_t contexts = 80, of_each = 4;
  std::vector<atlas::index_t> labels;
  for (atlas::index_t i = 0; i < contexts * of_each; ++i) labels.push_back(i / of_each);
  atlas::dimension_options options;
  if (exclude)
    options.exclude = atlas::same_context(labels);
  else
    options.context = labels;
  const auto make = [&](atlas::random_stream& random) {
    const auto centres = atlas::simulate_gaussian(contexts, 2, random);
    atlas::owned_tensor<double, 2> out({contexts * of_each, 2});
    for (atlas::index_t i = 0; i < out.extent(0); ++i)
      for (atlas::index_t c = 0; c < 2; ++c)
        out.mutable_view()(i, c) = centres(i / of_each, c) + 0.2 * random.normal();
    return out;
  };
  atlas::random_stream random(1, 1);
  CHECK(atlas::estimate_dimension(make(random), e, options).contexts == contexts);
  ATLAS_CHECK_COVERS(coverage(e, 100, make, options));
}

}  // namespace atlas_test::counting
