// SPDX-License-Identifier: MIT
#include "atlas/dimension/coincident_rows.hpp"

#include <Eigen/Dense>
#include <algorithm>
#include <cmath>
#include <numeric>
#include <vector>

#include "../catch.hpp"
#include "../clouds_for_tests.hpp"
#include "../messages.hpp"
#include "atlas/dimension/two_nn.hpp"

using namespace atlas_test;
using atlas::distinct_rows;
using atlas::index_t;
using atlas::stored_precision;

namespace {

/// By all pairs, in long double, and repeated passes over them.
std::vector<index_t> first_of_connected(const Eigen::MatrixXd& x, long double unit) {
  const index_t n = x.rows();
  std::vector<long double> middle;
  for (index_t k = 0; k < x.cols(); ++k) {
    std::vector<double> sizes;
    for (index_t i = 0; i < n; ++i) sizes.push_back(std::abs(x(i, k)));
    std::sort(sizes.begin(), sizes.end());
    middle.push_back(sizes[static_cast<std::size_t>(n / 2)]);
  }
  const auto agree = [&](index_t i, index_t j) {
    for (index_t k = 0; k < x.cols(); ++k) {
      const long double a = x(i, k), b = x(j, k);
      const long double size =
          std::max({std::abs(a), std::abs(b), middle[static_cast<std::size_t>(k)]});
      if (std::abs(a - b) > unit * size) return false;
    }
    return true;
  };
  std::vector<index_t> first(static_cast<std::size_t>(n));
  std::iota(first.begin(), first.end(), index_t{0});
  for (bool changed = true; changed;) {
    changed = false;
    for (index_t i = 0; i < n; ++i)
      for (index_t j = 0; j < n; ++j) {
        const auto a = static_cast<std::size_t>(i), b = static_cast<std::size_t>(j);
        if (first[b] >= first[a] || !agree(i, j)) continue;
        first[a] = first[b];
        changed = true;
      }
  }
  std::vector<index_t> rows;
  for (index_t i = 0; i < n; ++i)
    if (first[static_cast<std::size_t>(i)] == i) rows.push_back(i);
  return rows;
}

/// A flat torus of d dimensions with `copies` of its rows after it.
Eigen::MatrixXd torus_with_copies(index_t n, index_t d, index_t copies, std::uint64_t seed = 3) {
  atlas::random_stream random(seed);
  Eigen::MatrixXd x(n + copies, 2 * d);
  for (index_t i = 0; i < n; ++i)
    for (index_t k = 0; k < d; ++k) {
      const double t = 2 * std::numbers::pi * random.uniform();
      x(i, 2 * k) = std::cos(t);
      x(i, 2 * k + 1) = std::sin(t);
    }
  for (index_t i = 0; i < copies; ++i) x.row(n + i) = x.row(random.uniform_index(n));
  return x;
}

}  // namespace

TEST_CASE("rows that coincide are those of a search over all pairs") {
  atlas::random_stream random(4);
  for (const double step : {1e-3, 3e-3, 1e-2, 0.3}) {
    // Few places, each in clumps of small steps or hardly in clumps, and offsets that differ
    // between columns.
    Eigen::MatrixXd x(240, 3);
    for (index_t i = 0; i < x.rows(); ++i)
      for (index_t k = 0; k < 3; ++k)
        x(i, k) = static_cast<double>(k) * 5 - 5 + static_cast<double>(random.uniform_index(3)) +
                  step * random.normal();
    x.row(17) = x.row(200);
    CAPTURE(step);
    for (const double tolerance : {0.0, 1.0, 2.0, 8.0}) {
      CAPTURE(tolerance);
      const auto wanted = first_of_connected(x, static_cast<long double>(tolerance) * 0x1p-10L);
      const auto got = distinct_rows(x, stored_precision::half, tolerance);
      CHECK(got == wanted);
      CHECK(got.size() < 240);
      const Eigen::MatrixXd turned = x.colwise().reverse();
      CHECK(distinct_rows(turned, stored_precision::half, tolerance).size() == wanted.size());
      const Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor> rows = x;
      CHECK(distinct_rows(rows, stored_precision::half, tolerance) == got);
    }
  }
}

TEST_CASE("many rows at one place, equal or nearly, are one") {
  Eigen::MatrixXf x = normal_cloud(3000, 8).cast<float>();
  x.topRows(2000).rowwise() = x.row(5).eval();
  CHECK(distinct_rows(x).size() == 1001);
  atlas::random_stream random(2);
  for (index_t i = 0; i < 2000; ++i)
    for (index_t k = 0; k < 8; ++k)
      if (random.uniform() < 0.3) x(i, k) = std::nextafter(x(i, k), 9.0F);
  CHECK(distinct_rows(x).size() == 1001);
  CHECK(distinct_rows(x, stored_precision::of_scalar, 0).size() > 1100);
  x.setZero();
  x.row(3).setConstant(-0.0F);
  CHECK(distinct_rows(x) == std::vector<index_t>{0});
}

TEST_CASE("duplicates and near-duplicates are merged to the clean dimension") {
  for (const index_t d : {2, 10}) {
    const double clean = atlas::two_nn(torus_with_copies(1000, d, 0)).dimension;
    for (const index_t copies : {50, 200, 500}) {
      CAPTURE(d, copies);
      const Eigen::MatrixXd x = torus_with_copies(1000, d, copies);
      const auto merged = atlas::two_nn(x);
      CHECK(merged.dimension == Approx(clean).epsilon(1e-9));
      CHECK(merged.merged == copies);
      CHECK(merged.fault == atlas::cloud_fault::none);
      CHECK(merged.fit.p > 1e-6);
      const auto dropped = atlas::two_nn(x, {.duplicates = atlas::duplicate_policy::drop});
      CHECK(dropped.dimension > clean * 1.03);
      if (copies >= 200) CHECK(dropped.fit.p < 1e-6);
    }
  }
  const Eigen::MatrixXf whole = torus_with_copies(1000, 8, 100).cast<float>();
  const double clean = atlas::two_nn(whole.topRows(1000).eval()).dimension;
  for (const index_t copies : {10, 50, 100}) {
    CAPTURE(copies);
    Eigen::MatrixXf x = whole.topRows(1000 + copies);
    atlas::random_stream random(9);
    for (index_t i = 1000; i < x.rows(); ++i) {
      float& moved = x(i, random.uniform_index(16));
      moved = std::nextafter(moved, 2.0F);
    }
    const auto r = atlas::two_nn(x);
    CHECK(r.dimension == Approx(clean).epsilon(0.001));
    CHECK(r.merged == copies);
  }
}

TEST_CASE("what was stored in half is merged by its precision, whatever holds it") {
  Eigen::MatrixXf x = torus_with_copies(1000, 8, 100).cast<float>();
  const double clean = atlas::two_nn(x.topRows(1000).eval()).dimension;
  atlas::random_stream random(9);
  for (index_t i = 1000; i < x.rows(); ++i)
    for (index_t k = 0; k < 16; ++k)
      x(i, k) *= 1 + 0.0003F * static_cast<float>(random.uniform_index(3) - 1);
  for (float& value : x.reshaped()) value = std::round(value * 2048) / 2048;
  const auto known = atlas::two_nn(x, {.precision = stored_precision::half});
  CHECK(known.merged == 100);
  CHECK(known.dimension == Approx(clean).epsilon(0.02));
  const auto unknown = atlas::two_nn(x);
  CHECK(unknown.merged < 50);
  CHECK(unknown.dimension < 0.8 * clean);
  CHECK(unknown.fit.p < 1e-6);
}

TEST_CASE("merged rows keep the labels of the first") {
  Eigen::MatrixXd x = torus_with_copies(300, 2, 0);
  std::vector<int> context;
  for (int i = 0; i < 300; ++i) context.push_back(i / 10);
  x.row(299) = x.row(0);
  const auto merged = atlas::two_nn(x, {.exclude = atlas::same_context(context)});
  context.pop_back();
  const auto clean =
      atlas::two_nn(x.topRows(299).eval(), {.exclude = atlas::same_context(context)});
  CHECK(merged.dimension == clean.dimension);
  CHECK(merged.interval.lower == clean.interval.lower);
  CHECK(merged.merged == 1);
  CHECK(merged.contexts == 30);
  CHECK(merged.options.exclude.context.extent(0) == 300);
}

TEST_CASE("rows coincide within the rounding of each stored format") {
  // Beside 1, numbers of 8, 11, 24 and 53 bits are 2^-7, 2^-10, 2^-23 and 2^-52 apart.
  const auto distinct = [](stored_precision precision, double gap) {
    const Eigen::MatrixXd x{{1.0, 1.0}, {1.0 + gap, 1.0}, {3.0, 5.0}};
    return distinct_rows(x, precision, 1).size();
  };
  using enum stored_precision;
  for (const auto& [precision, unit] :
       {std::pair{bfloat16, 0x1p-7}, std::pair{half, 0x1p-10}, std::pair{single, 0x1p-23},
        std::pair{double_precision, 0x1p-52}}) {
    CAPTURE(unit);
    CHECK(distinct(precision, unit) == 2);
    CHECK(distinct(precision, 64 * unit) == 3);
  }
}

TEST_CASE("coincidence in no or broken rows is refused") {
  const Eigen::MatrixXd x = normal_cloud(20, 2);
  CHECK_REFUSED(atlas::value_error, distinct_rows(x, stored_precision::single, -1), "tolerance",
                "-1");
  CHECK_REFUSED(atlas::value_error, (atlas::two_nn(x, {.tolerance = -1})), "tolerance", "-1");
  Eigen::MatrixXd broken = x;
  broken(3, 1) = std::nan("");
  CHECK_REFUSED(atlas::value_error, distinct_rows(broken), "NaN", "[3, 1]");
}
