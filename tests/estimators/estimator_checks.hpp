// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// What every estimator of dimension has to fulfil, on clouds of known dimension.

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>
#include <numeric>
#include <vector>

#include "../catch.hpp"
#include "atlas/core/parallel.hpp"
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

/// A cloud with each number converted, multiplied and its row moved to another place.
template <class To>
atlas::owned_tensor<To, 2> changed_cloud(const atlas::owned_tensor<double, 2>& cloud, double factor,
                                         const std::vector<atlas::index_t>& order) {
  atlas::owned_tensor<To, 2> out(cloud.extents());
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

inline bool same_bits(double a, double b) {
  return std::memcmp(&a, &b, sizeof a) == 0;
}

inline void check_same_bits(const atlas::dimension_estimate& a,
                            const atlas::dimension_estimate& b) {
  CHECK(same_bits(a.dimension, b.dimension));
  CHECK(same_bits(a.standard_error, b.standard_error));
  CHECK(std::equal(a.local.begin(), a.local.end(), b.local.begin(), b.local.end(), same_bits));
}

template <class Estimator>
void check_threads(const Estimator& e, const atlas::owned_tensor<double, 2>& cloud,
                   atlas::dimension_options options) {
  options.threads = 1;
  const auto one = atlas::estimate_dimension(cloud, e, options);
  options.threads = 3;
  check_same_bits(one, atlas::estimate_dimension(cloud, e, options));
}

/// \param factor    a power of two
/// \param tolerance 0: the same bits
template <class Estimator>
void check_scale(const Estimator& e, const atlas::owned_tensor<double, 2>& cloud, double factor,
                 const atlas::dimension_options& options, double tolerance = 0) {
  const auto wanted = atlas::estimate_dimension(cloud, e, options);
  const auto other = changed_cloud<double>(cloud, factor, same_order(cloud));
  const auto found = atlas::estimate_dimension(other, e, options);
  if (tolerance == 0)
    check_same_bits(wanted, found);
  else
    CHECK(found.dimension == Approx(wanted.dimension).epsilon(tolerance));
}

/// Rows in another order; errors of halves are of other halves then.
template <class Estimator>
void check_order(const Estimator& e, const atlas::owned_tensor<double, 2>& cloud,
                 const atlas::dimension_options& options, double tolerance) {
  atlas::random_stream random(5);
  const auto order = atlas::random_permutation(cloud.extent(0), random);
  const auto wanted = atlas::estimate_dimension(cloud, e, options);
  const auto moved = changed_cloud<double>(cloud, 1, order);
  const auto found = atlas::estimate_dimension(moved, e, options);
  CHECK(found.dimension == Approx(wanted.dimension).epsilon(tolerance));
  if (wanted.error_from == atlas::error_source::scores)
    CHECK(found.standard_error == Approx(wanted.standard_error).epsilon(1e3 * tolerance));
  REQUIRE(found.local.size() == wanted.local.size());
  std::size_t differ = 0;
  for (std::size_t i = 0; i < found.local.size(); ++i) {
    const double before = wanted.local[static_cast<std::size_t>(order[i])];
    if (!(found.local[i] == Approx(before).epsilon(tolerance)) &&
        !(std::isnan(found.local[i]) && std::isnan(before)))
      ++differ;
  }
  CHECK(differ == 0);
}

/// \param tolerance how near estimates of the same numbers as float are
template <class Estimator>
void check_float(const Estimator& e, const atlas::owned_tensor<double, 2>& cloud,
                 double tolerance) {
  const auto narrow = changed_cloud<float>(cloud, 1, same_order(cloud));
  CHECK(
      atlas::estimate_dimension(narrow, e, {.errors = false}).dimension ==
      Approx(atlas::estimate_dimension(cloud, e, {.errors = false}).dimension).epsilon(tolerance));
}

struct invariance_settings {
  atlas::index_t rows = 300;
  double scale = 0;      ///< tolerance; 0: the same bits
  double order = 1e-12;  ///< tolerance, as a share
  double narrow = 1e-3;  ///< tolerance of float
};

/// On flat tori: the same bits for one thread and three and for points a power of two as large;
/// nearly the same for rows in another order and points in float.
template <class Estimator>
void check_invariances(const Estimator& e, const invariance_settings& s = {}) {
  atlas::random_stream random(5);
  check_threads(e, atlas::simulate_torus(5000, 2, random), {.errors = false});
  const auto cloud = atlas::simulate_torus(s.rows, 2, random);
  const auto wanted = atlas::estimate_dimension(cloud, e);
  CHECK(wanted.interval.lower < wanted.dimension);
  CHECK(wanted.interval.upper > wanted.dimension);
  check_threads(e, cloud, {});
  check_scale(e, cloud, 0x1p10, {}, s.scale);
  if (s.scale == 0) check_scale(e, cloud, 0x1p-30, {});
  check_order(e, cloud, {}, s.order);
  check_float(e, cloud, s.narrow);
}

/// NaN, too few rows and clouds of one place are refused; degenerate ones are reported where asked.
template <class Estimator>
void check_refusals(const Estimator& e) {
  std::vector<std::vector<double>> rows(400, std::vector<double>{1, 2});
  CHECK_THROWS_AS(atlas::estimate_dimension(rows, e), atlas::value_error);
  atlas::dimension_options dropped{.duplicates = atlas::duplicate_policy::drop};
  CHECK_THROWS_AS(atlas::estimate_dimension(rows, e, dropped), atlas::value_error);
  dropped.degenerate = atlas::degenerate_policy::report;
  const auto reported = atlas::estimate_dimension(rows, e, dropped);
  CHECK(std::isnan(reported.dimension));
  CHECK(reported.fault != atlas::cloud_fault::none);
  for (const double wrong : {std::nan(""), std::numeric_limits<double>::infinity()}) {
    rows[7][1] = wrong;
    CHECK_THROWS_AS(atlas::estimate_dimension(rows, e), atlas::value_error);
  }
  CHECK_THROWS_AS(atlas::estimate_dimension(std::vector<std::vector<double>>(2, {1, 2}), e),
                  atlas::shape_error);
  CHECK_THROWS_AS(atlas::estimate_dimension(atlas::owned_tensor<double, 2>({0, 3}), e),
                  atlas::shape_error);
}

/// How many of the 95 % intervals of clouds hold the mean of the estimates, and a value, as shares.
struct coverage_counts {
  double of_mean = 0, of_value = 0;
  double mean = 0;
  double spread = 0;  ///< standard deviation of the estimates, as a share of their mean
  double error = 0;   ///< root of the mean square of their standard errors, as shares of them
};

inline coverage_counts count_coverage(const std::vector<atlas::dimension_estimate>& all,
                                      double value) {
  coverage_counts out;
  const auto n = static_cast<double>(all.size());
  for (const auto& r : all) out.mean += r.dimension / n;
  const auto holds = [](const atlas::dimension_estimate& r, double x) {
    return r.interval.lower <= x && x <= r.interval.upper ? 1.0 : 0.0;
  };
  for (const auto& r : all) {
    out.of_mean += holds(r, out.mean) / n;
    out.of_value += holds(r, value) / n;
    out.spread += std::pow(r.dimension / out.mean - 1, 2) / (n - 1);
    out.error += std::pow(r.standard_error / r.dimension, 2) / n;
  }
  out.spread = std::sqrt(out.spread);
  out.error = std::sqrt(out.error);
  return out;
}

struct coverage_settings {
  atlas::index_t clouds = 200;
  std::uint64_t seed = 20;  ///< clouds are of streams of this seed
  double value = 0;         ///< beside the mean
};

/// \param make     makes a cloud of a stream of its own
/// \param estimate `(cloud, number)`; estimators that draw take the number as their seed
template <class Make, class Estimate>
coverage_counts coverage_of(const coverage_settings& s, Make&& make, Estimate&& estimate) {
  std::vector<atlas::dimension_estimate> all(static_cast<std::size_t>(s.clouds));
  atlas::parallel_for(s.clouds, 0, [&](atlas::index_t c) {
    atlas::random_stream random(s.seed, static_cast<std::uint64_t>(c));
    all[static_cast<std::size_t>(c)] = estimate(make(random), static_cast<std::uint64_t>(c));
  });
  return count_coverage(all, s.value);
}

template <class Estimator, class Make>
coverage_counts coverage(const Estimator& e, const coverage_settings& s, Make&& make,
                         const atlas::dimension_options& options = {}) {
  return coverage_of(s, make, [&](const auto& points, std::uint64_t c) {
    atlas::dimension_options own = options;
    own.threads = 1;
    own.seed = c;
    return atlas::estimate_dimension(points, e, own);
  });
}

/// On flat tori, of whose dimension the value is.
template <class Estimator>
coverage_counts coverage_on_tori(const Estimator& e, atlas::index_t rows, atlas::index_t dimension,
                                 coverage_settings s = {}) {
  s.value = static_cast<double>(dimension);
  return coverage(e, s, [&](atlas::random_stream& random) {
    return atlas::simulate_torus(rows, dimension, random);
  });
}

/// 95 % intervals, of 100 or more clouds.
#define ATLAS_CHECK_COVERS(...)                              \
  do {                                                       \
    const atlas_test::coverage_counts counted = __VA_ARGS__; \
    CAPTURE(counted.of_mean, counted.spread, counted.error); \
    CHECK(counted.of_mean >= 0.9);                           \
    CHECK(counted.error <= 1.6 * counted.spread);            \
  } while (false)

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
  ATLAS_CHECK_COVERS(coverage(e, {.clouds = 100}, make, options));
}

}  // namespace atlas_test
