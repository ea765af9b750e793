// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// What every estimator of dimension has to fulfil, on clouds of known dimension.

#include <cmath>
#include <cstdint>
#include <cstring>
#include <vector>

#include "../catch.hpp"
#include "atlas/core/random.hpp"
#include "atlas/dimension/estimate_dimension.hpp"
#include "atlas/simulation/clouds.hpp"

namespace atlas_test {

/// Whole numbers from 0 to `side - 1` in three dimensions.
inline atlas::owned_tensor<double, 2> whole_lattice(atlas::index_t side) {
  atlas::owned_tensor<double, 2> out({side * side * side, 3});
  const auto to = out.mutable_view();
  for (atlas::index_t i = 0; i < out.extent(0); ++i) {
    to(i, 0) = static_cast<double>(i % side);
    to(i, 1) = static_cast<double>(i / side % side);
    to(i, 2) = static_cast<double>(i / side / side);
  }
  return out;
}

/// Every number times a power of two, or the rows in another order.
inline atlas::owned_tensor<double, 2> scaled(const atlas::owned_tensor<double, 2>& points,
                                             double factor) {
  atlas::owned_tensor<double, 2> out(points.extents());
  for (atlas::index_t i = 0; i < points.extent(0); ++i)
    for (atlas::index_t c = 0; c < points.extent(1); ++c)
      out.mutable_view()(i, c) = factor * points(i, c);
  return out;
}
inline atlas::owned_tensor<double, 2> reordered(const atlas::owned_tensor<double, 2>& points,
                                                const std::vector<atlas::index_t>& order) {
  atlas::owned_tensor<double, 2> out(points.extents());
  for (atlas::index_t i = 0; i < points.extent(0); ++i)
    for (atlas::index_t c = 0; c < points.extent(1); ++c)
      out.mutable_view()(i, c) = points(order[static_cast<std::size_t>(i)], c);
  return out;
}

inline bool same_bits(double a, double b) {
  return std::memcmp(&a, &b, sizeof a) == 0;
}

inline void check_same_bits(const atlas::dimension_estimate& a,
                            const atlas::dimension_estimate& b) {
  CHECK(same_bits(a.dimension, b.dimension));
  CHECK(same_bits(a.standard_error, b.standard_error));
  REQUIRE(a.local.size() == b.local.size());
  std::size_t differ = 0;
  for (std::size_t i = 0; i < a.local.size(); ++i)
    if (!same_bits(a.local[i], b.local[i])) ++differ;
  CHECK(differ == 0);
}

/// The same bits for one thread and three and for points a power of two as large; nearly the same
/// for rows in another order and points in float. NaN and too few rows are refused.
/// \param scale_tolerance 0: the same bits
template <class Estimator>
void check_invariances(const Estimator& e, double scale_tolerance = 0) {
  atlas::random_stream random(5);
  const auto points = atlas::simulate_torus(5000, 2, random);
  atlas::dimension_options quick{.errors = false, .threads = 1};
  const auto one = atlas::estimate_dimension(points, e, quick);
  quick.threads = 3;
  check_same_bits(one, atlas::estimate_dimension(points, e, quick));
  const auto small = atlas::simulate_torus(300, 2, random);
  const auto wanted = atlas::estimate_dimension(small, e);
  CHECK(std::isfinite(wanted.standard_error));
  const auto large = atlas::estimate_dimension(scaled(small, 1024), e);
  if (scale_tolerance == 0)
    check_same_bits(wanted, large);
  else
    CHECK(large.dimension == Approx(wanted.dimension).epsilon(scale_tolerance));
  const auto order = atlas::random_permutation(300, random);
  const auto other = atlas::estimate_dimension(reordered(small, order), e);
  CHECK(other.dimension == Approx(wanted.dimension).epsilon(1e-12));
  CHECK(other.standard_error == Approx(wanted.standard_error).epsilon(1e-9));
  for (std::size_t i = 0; i < other.local.size(); ++i)
    CHECK(other.local[i] ==
          Approx(wanted.local[static_cast<std::size_t>(order[i])]).epsilon(1e-12));
  const auto in_float = atlas::copy_as<float>(small);
  CHECK(atlas::estimate_dimension(in_float, e).dimension == Approx(wanted.dimension).epsilon(1e-3));
  auto broken = scaled(small, 1);
  broken.mutable_view()(7, 1) = std::nan("");
  CHECK_THROWS_AS(atlas::estimate_dimension(broken, e), atlas::value_error);
  CHECK_THROWS_AS(atlas::estimate_dimension(atlas::owned_tensor<double, 2>({0, 3}), e),
                  atlas::shape_error);
}

struct coverage_settings {
  atlas::index_t rows = 400, dimension = 2;
  int clouds = 200;
};

/// Of flat tori, in how many the interval of 95 % holds the mean of the estimates of all, and the
/// dimension.
struct coverage_result {
  double of_own_mean = 0, of_dimension = 0, mean = 0;
};

template <class Estimator>
coverage_result coverage(const Estimator& e, const coverage_settings& s) {
  std::vector<atlas::dimension_estimate> all;
  coverage_result out;
  for (int c = 0; c < s.clouds; ++c) {
    atlas::random_stream random(11, static_cast<std::uint64_t>(c));
    all.push_back(atlas::estimate_dimension(atlas::simulate_torus(s.rows, s.dimension, random), e));
    out.mean += all.back().dimension / s.clouds;
  }
  for (const auto& r : all) {
    const auto holds = [&](double d) { return r.interval.lower <= d && d <= r.interval.upper; };
    out.of_own_mean += (holds(out.mean) ? 1.0 : 0.0) / s.clouds;
    out.of_dimension += (holds(static_cast<double>(s.dimension)) ? 1.0 : 0.0) / s.clouds;
  }
  INFO("mean " << out.mean << ", holds it " << out.of_own_mean << ", the dimension "
               << out.of_dimension);
  CHECK(out.of_own_mean > 0);
  return out;
}

}  // namespace atlas_test
