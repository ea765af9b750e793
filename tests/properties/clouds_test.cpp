// SPDX-License-Identifier: MIT
#include <Eigen/Dense>
#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "../catch.hpp"
#include "../tolerances.hpp"
#include "atlas/dimension/estimate_dimensions.hpp"
#include "atlas/dimension/pca_rank.hpp"
#include "atlas/linalg/frame.hpp"
#include "atlas/neighbors/nearest_neighbors.hpp"
#include "atlas/neighbors/neighbor_counts.hpp"
#include "atlas/neighbors/neighbors_within.hpp"
#include "hard_clouds.hpp"
#include "random_cases.hpp"

namespace clouds_properties_test {

using namespace atlas_test;
using atlas::index_t;
using row_major = Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

constexpr double largest = std::numeric_limits<double>::max();
constexpr double smallest = std::numeric_limits<double>::denorm_min();

bool same_bits(double a, double b) {
  return std::memcmp(&a, &b, sizeof a) == 0 || (std::isnan(a) && std::isnan(b));
}

/// Distances of the definition from one row to the others, sorted.
std::vector<std::pair<long double, index_t>> defined_distances(const Eigen::MatrixXd& x,
                                                               index_t row) {
  std::vector<std::pair<long double, index_t>> out;
  for (index_t j = 0; j < x.rows(); ++j) {
    if (j == row) continue;
    long double sum = 0;
    for (index_t c = 0; c < x.cols(); ++c) {
      const long double gap = static_cast<long double>(x(row, c)) - x(j, c);
      sum += gap * gap;
    }
    out.emplace_back(std::sqrt(sum), j);
  }
  std::sort(out.begin(), out.end());
  return out;
}

/// The largest distance within a cloud, beyond which a double has no number.
long double width_of(const Eigen::MatrixXd& x) {
  long double most = 0;
  for (index_t i = 0; i < x.rows(); ++i)
    most = std::max(most, defined_distances(x, i).back().first);
  return most;
}

/// A cloud whose distances a double holds.
Eigen::MatrixXd draw_held_cloud(atlas::random_stream& random, index_t least, index_t most) {
  Eigen::MatrixXd x = draw_cloud(random, least, most).x;
  if (width_of(x) > static_cast<long double>(largest) / 2) x *= 0x1p-600;
  return x;
}

bool equal_tables(const atlas::neighbor_table& a, const atlas::neighbor_table& b) {
  const auto n = a.indices.size();
  return n == b.indices.size() &&
         std::equal(a.indices.data(), a.indices.data() + n, b.indices.data()) &&
         std::equal(a.distances.data(), a.distances.data() + n, b.distances.data(), same_bits);
}

/// Rows in another order: row i of it is row `order[i]` of x.
Eigen::MatrixXd reordered(const Eigen::MatrixXd& x, const std::vector<index_t>& order) {
  Eigen::MatrixXd out(x.rows(), x.cols());
  for (index_t i = 0; i < x.rows(); ++i) out.row(i) = x.row(order[static_cast<std::size_t>(i)]);
  return out;
}

TEST_CASE("neighbours of hard clouds are those of the definition, or refused by name") {
  for_each_case("nearest_neighbors: the definition", 1, [](atlas::random_stream& random) {
    const Eigen::MatrixXd x = draw_cloud(random, 3, 40).x;
    const index_t k = whole(random, 1, x.rows() - 1);
    const long double width = width_of(x);
    if (width > static_cast<long double>(largest) * (1 + 1e-12L)) {
      // The k-th distances alone are asked for; where all are, one of them is beyond.
      if (k == x.rows() - 1)
        REQUIRE_THROWS_AS(atlas::nearest_neighbors(x, {.k = k, .threads = 1}), atlas::value_error);
      return;
    }
    const auto found = atlas::nearest_neighbors(x, {.k = k, .threads = 1});
    for (index_t i = 0; i < x.rows(); ++i) {
      const auto all = defined_distances(x, i);
      for (index_t j = 0; j < k; ++j) {
        const auto at = static_cast<std::size_t>(j);
        const long double wanted = all[at].first;
        CAPTURE(i, j, found.distances(i, j), static_cast<double>(wanted));
        REQUIRE(std::abs(found.distances(i, j) - wanted) <=
                tolerance::double_rounding * wanted + smallest);
        REQUIRE((found.distances(i, j) == 0) == (wanted == 0));
        // Subnormal distances that differ by less than their last digit are equal.
        const auto apart = [](long double less, long double more) {
          return more > less * (1 + 1e-9L) + 2 * static_cast<long double>(smallest);
        };
        const bool alone = (at == 0 || apart(all[at - 1].first, wanted)) &&
                           (at + 1 == all.size() || apart(wanted, all[at + 1].first));
        if (alone) REQUIRE(found.indices(i, j) == all[at].second);
      }
    }
  });
}

TEST_CASE("neighbours do not depend on threads, storage, container or the order of rows") {
  for_each_case("nearest_neighbors: storage, threads, order", 2, [](atlas::random_stream& random) {
    const Eigen::MatrixXd x = draw_held_cloud(random, 3, 120);
    const index_t n = x.rows(), k = whole(random, 1, std::min<index_t>(6, n - 1));
    const auto wanted = atlas::nearest_neighbors(x, {.k = k, .threads = 1});
    for (const int threads : {2, 3})
      REQUIRE(equal_tables(wanted, atlas::nearest_neighbors(x, {.k = k, .threads = threads})));
    const row_major rows = x;
    REQUIRE(equal_tables(wanted, atlas::nearest_neighbors(rows, {.k = k})));
    Eigen::MatrixXd apart = Eigen::MatrixXd::Constant(2 * n, x.cols() + 1, 7);
    for (index_t i = 0; i < n; ++i) apart.block(2 * i, 1, 1, x.cols()) = x.row(i);
    const atlas::tensor_view<const double, 2> strided(apart.data() + 2 * n, {n, x.cols()},
                                                      {2, 2 * n});
    REQUIRE(equal_tables(wanted, atlas::nearest_neighbors(strided, {.k = k})));
    std::vector<std::vector<double>> nested;
    for (index_t i = 0; i < n; ++i) nested.emplace_back(rows.row(i).begin(), rows.row(i).end());
    REQUIRE(equal_tables(wanted, atlas::nearest_neighbors(nested, {.k = k})));
    const auto order = atlas::random_permutation(n, random);
    const auto moved = atlas::nearest_neighbors(reordered(x, order), {.k = k});
    for (index_t i = 0; i < n; ++i)
      for (index_t j = 0; j < k; ++j)
        REQUIRE(same_bits(moved.distances(i, j),
                          wanted.distances(order[static_cast<std::size_t>(i)], j)));
  });
}

TEST_CASE("neighbours scale with powers of two and do not move with exact offsets") {
  for_each_case("nearest_neighbors: powers of two", 1, [](atlas::random_stream& random) {
    const Eigen::MatrixXd x = draw_held_cloud(random, 3, 60);
    const auto e = static_cast<int>(whole(random, -2000, 2000));
    Eigen::MatrixXd y;
    if (!exact_power(x, e, y) || width_of(y) > static_cast<long double>(largest) / 2) return;
    const index_t k = whole(random, 1, x.rows() - 1);
    const auto a = atlas::nearest_neighbors(x, {.k = k}), b = atlas::nearest_neighbors(y, {.k = k});
    for (index_t i = 0; i < x.rows(); ++i)
      for (index_t j = 0; j < k; ++j) {
        CAPTURE(i, j, e, a.distances(i, j), b.distances(i, j));
        // Distances below the normal numbers have fewer digits.
        const double to = std::ldexp(a.distances(i, j), e),
                     back = std::ldexp(b.distances(i, j), -e);
        const bool exact = same_bits(to, b.distances(i, j)) || same_bits(back, a.distances(i, j));
        REQUIRE(exact);
        if (a.distances(i, j) >= 0x1p-1000 && b.distances(i, j) >= 0x1p-1000)
          REQUIRE(a.indices(i, j) == b.indices(i, j));
      }
  });
  for_each_case("nearest_neighbors: exact offsets", 1, [](atlas::random_stream& random) {
    const index_t n = whole(random, 3, 60), d = whole(random, 1, 20);
    const Eigen::MatrixXd x = (100 * normal_numbers(random, n, d)).array().round();
    Eigen::RowVectorXd offset(d);
    for (index_t c = 0; c < d; ++c)
      offset[c] = std::ldexp(static_cast<double>(whole(random, -7, 7)), 40);
    const Eigen::MatrixXd moved = x.rowwise() + offset;
    const index_t k = whole(random, 1, n - 1);
    REQUIRE(equal_tables(atlas::nearest_neighbors(x, {.k = k}),
                         atlas::nearest_neighbors(moved, {.k = k})));
  });
}

TEST_CASE("distances of turned clouds differ by rounding of their coordinates") {
  for_each_case("nearest_neighbors: rotation", 2, [](atlas::random_stream& random) {
    const Eigen::MatrixXd x = draw_cloud(random, 3, 60, false).x;
    const index_t k = x.rows() - 1, d = x.cols();
    const Eigen::MatrixXd turned = x * atlas::random_frame(d, d, random);
    const auto a = atlas::nearest_neighbors(x, {.k = k}),
               b = atlas::nearest_neighbors(turned, {.k = k});
    const double rounding = 16 * static_cast<double>(d) * std::numeric_limits<double>::epsilon() *
                            x.rowwise().norm().maxCoeff();
    for (index_t i = 0; i < x.rows(); ++i)
      for (index_t j = 0; j < k; ++j)
        REQUIRE(std::abs(a.distances(i, j) - b.distances(i, j)) <= rounding);
  });
}

TEST_CASE("rows within a radius are those of the table up to it, the radius itself too") {
  for_each_case(
      "neighbors_within, neighbor_counts: the table", 2, [](atlas::random_stream& random) {
        const Eigen::MatrixXd x = draw_held_cloud(random, 3, 60);
        const index_t n = x.rows();
        const auto table = atlas::nearest_neighbors(x, {.k = n - 1});
        std::vector<double> radii;
        for (int r = 0; r < 3; ++r)
          radii.push_back(table.distances(random.uniform_index(n), random.uniform_index(n - 1)));
        radii.push_back(random.uniform() * radii[0]);
        std::sort(radii.begin(), radii.end());
        radii.erase(std::unique(radii.begin(), radii.end()), radii.end());
        const auto counts = atlas::neighbor_counts(x, radii);
        for (std::size_t r = 0; r < radii.size(); ++r) {
          const auto within = atlas::neighbors_within(x, radii[r], {.threads = 2});
          for (index_t i = 0; i < n; ++i) {
            index_t wanted = 0;
            while (wanted < n - 1 && table.distances(i, wanted) <= radii[r]) ++wanted;
            CAPTURE(i, radii[r]);
            REQUIRE(counts(static_cast<index_t>(r), i) == wanted);
            REQUIRE(within.count(i) == wanted);
            for (index_t j = 0; j < wanted; ++j) {
              REQUIRE(within.indices[within.offsets[i] + j] == table.indices(i, j));
              REQUIRE(same_bits(within.distances[within.offsets[i] + j], table.distances(i, j)));
            }
            if (r > 0)
              REQUIRE(counts(static_cast<index_t>(r), i) >= counts(static_cast<index_t>(r) - 1, i));
          }
        }
      });
}

/// All estimators, with few neighbours, so that few rows carry an estimate.
std::vector<atlas::any_estimator> estimators_of(index_t k) {
  auto list = atlas::all_estimators();
  for (auto& e : list)
    atlas::visit_parameters(e, [&](std::string_view key, auto& parameter) {
      if constexpr (std::is_same_v<std::decay_t<decltype(parameter)>, index_t>) {
        if (key == "k" && parameter > k) parameter = k;
        if (key == "max_k" || key == "k2") parameter = k + 2;
        if (key == "k1") parameter = k - 1;
        if (key == "calibration_rows") parameter = 60;
        if (key == "draws" && parameter > 4) parameter = 4;
      }
    });
  return list;
}

void check_same_estimates(const std::vector<atlas::dimension_estimate>& a,
                          const std::vector<atlas::dimension_estimate>& b,
                          const std::vector<atlas::any_estimator>& list) {
  for (std::size_t e = 0; e < list.size(); ++e) {
    CAPTURE(atlas::name_of(list[e]), a[e].dimension, b[e].dimension, a[e].remark, b[e].remark);
    REQUIRE(same_bits(a[e].dimension, b[e].dimension));
    REQUIRE(a[e].remark == b[e].remark);
    REQUIRE(a[e].fault == b[e].fault);
  }
}

TEST_CASE("estimates of dimension do not depend on threads, storage or powers of two") {
  for_each_case(
      "18 estimators: threads, storage, powers of two, bounds", 20,
      [](atlas::random_stream& random) {
        const Eigen::MatrixXd x = draw_held_cloud(random, 8, 70);
        const auto list = estimators_of(whole(random, 5, 7));
        const atlas::dimension_options one{.errors = false, .threads = 1},
            two{.errors = false, .threads = 2};
        const auto wanted = atlas::estimate_dimensions(x, list, one);
        check_same_estimates(wanted, atlas::estimate_dimensions(x, list, two), list);
        const row_major rows = x;
        check_same_estimates(wanted, atlas::estimate_dimensions(rows, list, one), list);
        for (const auto& e : wanted) {
          REQUIRE(!std::isinf(e.dimension));
          REQUIRE(!(e.dimension < 0));
          // What is no estimate says why.
          if (std::isnan(e.dimension))
            REQUIRE((!e.remark.empty() || e.fault != atlas::cloud_fault::none));
        }
        const auto power = static_cast<int>(whole(random, -900, 900));
        Eigen::MatrixXd y;
        if (!exact_power(x, power, y) || width_of(y) > static_cast<long double>(largest) / 2)
          return;
        // Subnormal distances have fewer digits than those of the cloud had.
        if (y.cwiseAbs().maxCoeff() < 0x1p-900 || x.cwiseAbs().maxCoeff() < 0x1p-900) return;
        const auto scaled = atlas::estimate_dimensions(y, list, one);
        for (std::size_t e = 0; e < list.size(); ++e) {
          CAPTURE(atlas::name_of(list[e]), power, wanted[e].remark, scaled[e].remark);
          REQUIRE(same_bits(wanted[e].dimension, scaled[e].dimension));
        }
      });
}

TEST_CASE("estimates of smooth clouds are the same for rows in another order and turned clouds") {
  for_each_case("18 estimators: order of rows, rotation", 40, [](atlas::random_stream& random) {
    const hard_cloud cloud = draw_cloud(random, 30, 70, false);
    if (!cloud.smooth) return;
    const Eigen::MatrixXd& x = cloud.x;
    const auto list = estimators_of(6);
    const atlas::dimension_options options{.errors = false};
    const auto wanted = atlas::estimate_dimensions(x, list, options);
    const auto moved = atlas::estimate_dimensions(
        reordered(x, atlas::random_permutation(x.rows(), random)), list, options);
    const Eigen::MatrixXd turned = x * atlas::random_frame(x.cols(), x.cols(), random);
    const auto rotated = atlas::estimate_dimensions(turned, list, options);
    for (std::size_t e = 0; e < list.size(); ++e) {
      const auto name = atlas::name_of(list[e]);
      // These draw rows by number, or lay boxes along the axes.
      const bool draws = name == "spanning_tree" || name == "danco" || name == "knn_graph";
      CAPTURE(name, wanted[e].remark);
      if (!draws) {
        REQUIRE(std::isnan(wanted[e].dimension) == std::isnan(moved[e].dimension));
        if (!std::isnan(wanted[e].dimension))
          REQUIRE(moved[e].dimension == Approx(wanted[e].dimension).epsilon(1e-9));
      }
      if (name == "box_counting" || std::isnan(wanted[e].dimension)) continue;
      REQUIRE(rotated[e].dimension == Approx(wanted[e].dimension).epsilon(1e-6));
    }
  });
}

TEST_CASE("ranks and spectra keep their bounds, and follow turns, offsets and scales") {
  for_each_case(
      "pca_rank: bounds, trace, rotation, powers of two", 2, [](atlas::random_stream& random) {
        const Eigen::MatrixXd x = draw_cloud(random, 3, 60).x;
        const double share = random.uniform();
        atlas::pca_rank_result r;
        try {
          r = atlas::pca_rank(x, {.variance = share});
        } catch (const atlas::value_error&) {
          for (index_t i = 1; i < x.rows(); ++i)
            REQUIRE(x.row(i) == x.row(0));  // no variance at all
          return;
        }
        const index_t d = x.cols();
        REQUIRE(r.rank >= 1);
        REQUIRE(r.rank <= std::min(d, x.rows()));
        REQUIRE(r.participation_ratio >= 1 - 1e-12);
        REQUIRE(r.participation_ratio <= static_cast<double>(std::min(d, x.rows())) * (1 + 1e-12));
        REQUIRE(r.rank <= atlas::pca_rank(x, {.variance = share + 0.5 * (1 - share)}).rank);
        const int e = -std::ilogb(std::max(x.cwiseAbs().maxCoeff(), smallest));
        Eigen::MatrixXd y;
        if (!exact_power(x, e, y)) return;
        const auto s = atlas::pca_rank(y, {.variance = share});
        const double scale = s.eigenvalues[0];
        REQUIRE(s.participation_ratio == Approx(r.participation_ratio).epsilon(1e-12));
        double trace = 0;
        for (index_t c = 0; c < d; ++c) {
          // About the first row, so that an offset costs no digits.
          long double mean = 0, sum = 0;
          const auto gap = [&](index_t i) { return static_cast<long double>(y(i, c)) - y(0, c); };
          for (index_t i = 0; i < x.rows(); ++i) mean += gap(i);
          mean /= static_cast<long double>(x.rows());
          for (index_t i = 0; i < x.rows(); ++i) sum += (gap(i) - mean) * (gap(i) - mean);
          trace += static_cast<double>(sum / static_cast<long double>(x.rows() - 1));
        }
        REQUIRE(s.eigenvalues.sum() == Approx(trace).epsilon(1e-9));
        for (index_t c = 1; c < d; ++c) REQUIRE(s.eigenvalues[c] <= s.eigenvalues[c - 1]);
        const Eigen::MatrixXd turned = y * atlas::random_frame(d, d, random);
        const auto t = atlas::pca_rank(turned, {.variance = share});
        // Rounding of the turned coordinates, seen in deviations from the mean.
        const double rounding = 64 * static_cast<double>(d) *
                                std::numeric_limits<double>::epsilon() *
                                (scale + std::sqrt(scale) * y.rowwise().norm().maxCoeff());
        for (index_t c = 0; c < d; ++c)
          REQUIRE(std::abs(t.eigenvalues[c] - s.eigenvalues[c]) <= rounding);
      });
}

}  // namespace clouds_properties_test
