// SPDX-License-Identifier: MIT
#include "atlas/neighbors/neighbors_from_distances.hpp"

#include <cmath>
#include <limits>
#include <vector>

#include "../catch.hpp"
#include "../messages.hpp"
#include "atlas/core/random.hpp"
#include "atlas/neighbors/nearest_neighbors.hpp"

namespace neighbors_from_distances_tests {
namespace {

using atlas::index_t;
using atlas::neighbors_from_distances;

template <class Scalar = double>
atlas::owned_tensor<Scalar, 2> cloud(index_t rows, index_t columns) {
  atlas::random_stream random(3);
  atlas::owned_tensor<Scalar, 2> out({rows, columns});
  for (index_t i = 0; i < rows; ++i)
    for (index_t c = 0; c < columns; ++c)
      out.mutable_view()(i, c) = static_cast<Scalar>(random.normal());
  return out;
}

template <class Scalar>
atlas::owned_tensor<Scalar, 2> distances_of(const atlas::owned_tensor<Scalar, 2>& points) {
  const index_t n = points.extent(0);
  atlas::owned_tensor<Scalar, 2> out({n, n});
  for (index_t i = 0; i < n; ++i)
    for (index_t j = 0; j < n; ++j) {
      double square = 0;
      for (index_t c = 0; c < points.extent(1); ++c)
        square +=
            std::pow(static_cast<double>(points(i, c)) - static_cast<double>(points(j, c)), 2);
      out.mutable_view()(i, j) = static_cast<Scalar>(std::sqrt(square));
    }
  return out;
}

void check_same(const atlas::neighbor_table& got, const atlas::neighbor_table& wanted) {
  REQUIRE(got.indices.extents() == wanted.indices.extents());
  for (index_t i = 0; i < got.indices.extent(0); ++i)
    for (index_t m = 0; m < got.indices.extent(1); ++m) {
      CHECK(got.indices(i, m) == wanted.indices(i, m));
      if (wanted.indices(i, m) >= 0)
        CHECK(got.distances(i, m) == Approx(wanted.distances(i, m)).epsilon(1e-6));
      else
        CHECK(got.distances(i, m) == std::numeric_limits<double>::infinity());
    }
}

TEST_CASE("neighbours of a matrix of distances are those of its rows") {
  const auto points = cloud(60, 4);
  check_same(neighbors_from_distances(distances_of(points), {.k = 7}),
             atlas::nearest_neighbors(points, {.k = 7}));
  const auto small = cloud<float>(40, 4);
  check_same(neighbors_from_distances(distances_of(small), {.k = 39}),
             atlas::nearest_neighbors(small, {.k = 39}));
}

TEST_CASE("neighbours of a matrix of distances heed every exclusion") {
  const auto points = cloud(60, 4);
  const auto distances = distances_of(points);
  std::vector<index_t> context(60), position(60);
  for (std::size_t i = 0; i < 60; ++i) {
    context[i] = static_cast<index_t>(i / 10);
    position[i] = static_cast<index_t>(i % 10);
  }
  for (const auto& exclude : {atlas::same_context(context), atlas::distinct_contexts(context),
                              atlas::same_context_within(context, position, 2)})
    for (const index_t k : {3, 55})
      check_same(neighbors_from_distances(distances, {.k = k, .exclude = exclude}),
                 atlas::nearest_neighbors(points, {.k = k, .exclude = exclude}));
}

TEST_CASE("equal distances come by row number, the same for every thread count") {
  atlas::owned_tensor<double, 2> equal({30, 30});
  for (index_t i = 0; i < 30; ++i)
    for (index_t j = 0; j < 30; ++j) equal.mutable_view()(i, j) = i == j ? 0 : 1;
  const auto one = neighbors_from_distances(equal, {.k = 3, .threads = 1});
  const auto three = neighbors_from_distances(equal, {.k = 3, .threads = 3});
  for (index_t m = 0; m < 3; ++m) {
    CHECK(one.indices(0, m) == m + 1);
    CHECK(one.indices(9, m) == m);
  }
  for (index_t i = 0; i < 30; ++i)
    for (index_t m = 0; m < 3; ++m) {
      CHECK(one.indices(i, m) == three.indices(i, m));
      CHECK(one.distances(i, m) == three.distances(i, m));
    }
}

TEST_CASE("what is no matrix of distances is refused") {
  const auto good = distances_of(cloud(10, 3));
  const auto with = [&](index_t i, index_t j, double value) {
    atlas::owned_tensor<double, 2> out = atlas::copy_as<double>(good);
    out.mutable_view()(i, j) = value;
    return out;
  };
  const auto refused = [](const auto& distances, const char* expected, const char* got) {
    CHECK_REFUSED(atlas::value_error, neighbors_from_distances(distances), expected, got);
  };
  refused(with(2, 3, -1), "0 or more", "-1 at [2, 3]");
  refused(with(4, 4, 0.5), "to itself", "0.5 at [4, 4]");
  refused(with(5, 2, 99), "back", "99 at [5, 2]");
  refused(with(5, 2, std::nan("")), "finite", "NaN at [5, 2]");
  refused(with(5, 2, std::numeric_limits<double>::infinity()), "finite", "+inf");
  (void)neighbors_from_distances(with(4, 4, 1e-9));  // rounding
  CHECK_REFUSED(atlas::shape_error,
                neighbors_from_distances(atlas::owned_tensor<double, 2>({3, 4})), "distances",
                "[N, N]");
  CHECK_REFUSED(atlas::shape_error,
                neighbors_from_distances(atlas::owned_tensor<double, 2>({1, 1})), "distances",
                "2 rows");
  CHECK_REFUSED(atlas::shape_error,
                neighbors_from_distances(atlas::owned_tensor<double, 2>({0, 0})), "distances",
                "at least one");
  CHECK_REFUSED(atlas::value_error, neighbors_from_distances(good, {.k = 10}), "k", "10");
  CHECK_REFUSED(atlas::value_error, neighbors_from_distances(good, {.k = 0}), "k", "0");
}

}  // namespace
}  // namespace neighbors_from_distances_tests
