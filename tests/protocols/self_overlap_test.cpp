// SPDX-License-Identifier: MIT
/// \file
/// Heads with themselves in another model: turned in their own coordinates they are at the ceiling,
/// others are at the floor.

#include "atlas/protocols/self_overlap.hpp"

#include <Eigen/Core>
#include <cmath>
#include <string>
#include <vector>

#include "../catch.hpp"
#include "../messages.hpp"

namespace self_overlap_test {

namespace {

using atlas::head_sample, atlas::index_t;

constexpr index_t heads = 4, rows = 120, d = 8, wide = 24;

/// Gaussian clouds of unequal variances, 20 passages of 6 rows, and random weights.
head_sample random_sample(std::uint64_t seed, const std::string& label = "a") {
  head_sample s;
  s.label = label;
  s.points = atlas::owned_tensor<float, 3>({heads, rows, d});
  s.context = atlas::owned_tensor<index_t, 1>({rows});
  s.output_projection = atlas::owned_tensor<float, 2>({heads * d, wide});
  atlas::random_stream random(seed);
  for (index_t h = 0; h < heads; ++h)
    for (index_t i = 0; i < rows; ++i)
      for (index_t k = 0; k < d; ++k)
        s.points.mutable_view()(h, i, k) =
            static_cast<float>(random.normal() / (1.0 + static_cast<double>(k)));
  for (index_t i = 0; i < rows; ++i) s.context.mutable_view()[i] = i / 6;
  for (index_t i = 0; i < heads * d; ++i)
    for (index_t m = 0; m < wide; ++m)
      s.output_projection.mutable_view()(i, m) = static_cast<float>(random.normal());
  return s;
}

/// The same heads in another order, each turned in its own coordinates: `cloud R` and `R^T W`.
/// \param from of each new head the old one
head_sample moved(const head_sample& s, const std::vector<index_t>& from) {
  head_sample out = random_sample(1, "b");
  atlas::random_stream random(7);
  for (index_t h = 0; h < heads; ++h) {
    const index_t old = from[static_cast<std::size_t>(h)];
    const Eigen::MatrixXd turn = atlas::random_frame(d, d, random);
    for (index_t k = 0; k < d; ++k) {
      for (index_t i = 0; i < rows; ++i) {
        double sum = 0;
        for (index_t j = 0; j < d; ++j)
          sum += static_cast<double>(s.points(old, i, j)) * turn(j, k);
        out.points.mutable_view()(h, i, k) = static_cast<float>(sum);
      }
      for (index_t m = 0; m < wide; ++m) {
        double sum = 0;
        for (index_t j = 0; j < d; ++j)
          sum += turn(j, k) * static_cast<double>(s.output_projection(old * d + j, m));
        out.output_projection.mutable_view()(h * d + k, m) = static_cast<float>(sum);
      }
    }
  }
  return out;
}

TEST_CASE("heads that were moved and turned in their own coordinates are at the ceiling") {
  const head_sample a = random_sample(3);
  const std::vector<index_t> from = {2, 0, 3, 1};
  const head_sample b = moved(a, from);
  std::vector<index_t> match(heads);
  for (index_t h = 0; h < heads; ++h)
    match[static_cast<std::size_t>(from[static_cast<std::size_t>(h)])] = h;
  const auto r = atlas::self_overlap(a, b, match, {.local_dimension = 3, .threads = 1});
  // The halves are other ones of A and B, so that the two are equal up to the rounding of floats.
  for (index_t h = 0; h < heads; ++h) CHECK(r.self(h) == Approx(r.ceiling(h)).margin(1e-5));
  CHECK(r.share == Approx(1).margin(1e-4));
  CHECK(r.interval.lower == Approx(1).margin(1e-3));
  CHECK(r.null.z > 3);
  CHECK(r.others < r.null.observed - 0.2);
  const auto again = atlas::self_overlap(a, b, match, {.local_dimension = 3, .threads = 3});
  CHECK(again.overlaps == r.overlaps);
  CHECK(again.null.draws == r.null.draws);
  CHECK(again.interval.lower == r.interval.lower);
}

TEST_CASE("heads that have nothing to do with each other are at the floor") {
  double beyond = 0;
  for (std::uint64_t seed = 0; seed < 12; ++seed) {
    const auto r = atlas::self_overlap(random_sample(2 * seed), random_sample(2 * seed + 1, "b"),
                                       {0, 1, 2, 3}, {.local_dimension = 3, .seed = seed});
    CHECK(std::abs(r.share) < 0.5);
    CHECK(r.ceiling_mean > 0.9);
    beyond += r.null.p < 0.05 ? 1 : 0;
  }
  CHECK(beyond <= 4);  // 0.6 are expected
}

TEST_CASE("samples that cannot be compared are refused by name") {
  const head_sample a = random_sample(3);
  head_sample b = random_sample(4, "b");
  const std::vector<index_t> match = {0, 1, 2, 3};
  CHECK_REFUSED(atlas::shape_error, atlas::self_overlap(a, b, {0, 1, 2}), "match", "4");
  CHECK_REFUSED(atlas::value_error, atlas::self_overlap(a, b, {0, 1, 2, 4}), "match", "4");
  CHECK_REFUSED(atlas::value_error, atlas::self_overlap(a, b, match, {.local_dimension = 9}),
                "local_dimension", "9");
  CHECK_REFUSED(atlas::value_error, atlas::self_overlap(a, b, match, {.draws = 9}), "draws", "9");
  CHECK_REFUSED(atlas::value_error, atlas::self_overlap(a, b, match, {.halvings = 0}), "halvings",
                "0");
  head_sample other = b;
  other.context = atlas::owned_tensor<index_t, 1>({rows});
  CHECK_REFUSED(atlas::value_error, atlas::self_overlap(a, other, match), "b: context", "passages");
  head_sample one = a;
  one.context = other.context;
  CHECK_REFUSED(atlas::shape_error, atlas::self_overlap(one, other, match, {.local_dimension = 3}),
                "a: context", "at least 4 different ones");
  other = b;
  other.output_projection = {};
  CHECK_REFUSED(atlas::shape_error, atlas::self_overlap(a, other, match), "b: output_projection",
                "empty");
  other = b;
  other.heads_per_group = 2;
  CHECK_REFUSED(atlas::shape_error, atlas::self_overlap(a, other, match), "b: heads_per_group",
                "1");
}

}  // namespace

}  // namespace self_overlap_test
