// SPDX-License-Identifier: MIT
#include "atlas/protocols/within_model.hpp"

#include <cmath>

#include "../catch.hpp"
#include "../messages.hpp"
#include "samples_for_tests.hpp"

using namespace atlas_test;
using atlas::verdict;

namespace {

/// Heads whose noise outside one shared subspace grows from head to head, and with it their
/// dimension, while their overlap falls.
atlas::head_sample graded_sample(std::uint64_t seed) {
  auto out = planned_sample({.heads = 7, .rows = 600, .shared = true, .noise = 1, .seed = seed});
  for (atlas::index_t h = 0; h < 7; ++h) {
    const auto head = planned_sample({.heads = 7,
                                      .rows = 600,
                                      .shared = true,
                                      .noise = 0.1 + 0.12 * static_cast<double>(h),
                                      .seed = seed});
    for (atlas::index_t n = 0; n < 600; ++n)
      for (atlas::index_t k = 0; k < 24; ++k)
        out.points.mutable_view()(h, n, k) = head.points(h, n, k);
  }
  return out;
}

}  // namespace

TEST_CASE("a planted correlation of dimension and overlap is found, none is not") {
  atlas::within_model_options o{.measures = quick_protocol()};
  const auto r = atlas::within_model_control(
      {graded_sample(1), planned_sample({.heads = 7, .seed = 5}), graded_sample(2)}, o);
  CHECK(r.findings[0].verdict == verdict::below);
  CHECK(r.findings[0].value < -0.9);
  CHECK(r.findings[1].verdict == verdict::consistent_with_chance);
  CHECK(r.findings[2].verdict == verdict::below);
  CHECK(r.findings[0].adjusted_p > r.findings[0].p);
  CHECK(r.layers[0].dimensions.size() == 7);
}

TEST_CASE("overlaps of a head are with the heads of other groups alone") {
  const auto sample = planned_sample({.heads = 4, .heads_per_group = 2});
  const auto r = atlas::within_model_control({sample}, {.measures = quick_protocol()});
  const Eigen::MatrixXd m = atlas::overlap_matrix(atlas::principal_frames(sample.points, 4));
  CHECK(m(0, 1) > 0.9);
  CHECK(r.layers[0].overlaps[0] == Approx(0.5 * (m(0, 2) + m(0, 3))));
  CHECK(r.layers[0].overlaps[3] == Approx(0.5 * (m(3, 0) + m(3, 1))));
}

TEST_CASE("too few heads for a correlation are refused") {
  CHECK_REFUSED(atlas::shape_error, atlas::within_model_control({}), "layers", "none");
  CHECK_REFUSED(atlas::shape_error, atlas::within_model_control({planned_sample({.heads = 2})}),
                "3 heads", "2 in 2");
  CHECK_REFUSED(atlas::shape_error,
                (atlas::within_model_control({planned_sample({.heads = 4, .heads_per_group = 4})})),
                "2 groups", "4 in 1");
}

TEST_CASE("heads that carry no estimate are in no correlation") {
  const atlas::within_model_options o{.permutations = 99, .measures = quick_protocol()};
  auto sample = planned_sample({.heads = 6});
  const auto plain = atlas::within_model_control({planned_sample({.heads = 6})}, o).layers[0];
  for (atlas::index_t n = 0; n < 200; ++n)
    for (atlas::index_t k = 0; k < 24; ++k) {
      sample.points.mutable_view()(2, n, k) = 0;
      if (n == 5) sample.points.mutable_view()(4, n, k) *= 3000.0F;
    }
  const auto r = atlas::within_model_control({sample}, o).layers[0];
  for (const std::size_t h : {2u, 4u}) {
    CHECK(std::isnan(r.dimensions[h]));
    CHECK(std::isnan(r.overlaps[h]));
  }
  const Eigen::MatrixXd m =
      atlas::overlap_matrix(atlas::principal_frames(planned_sample({.heads = 6}).points, 4));
  CHECK(r.overlaps[0] == Approx((m(0, 1) + m(0, 3) + m(0, 5)) / 3));
  CHECK(r.dimensions[5] == plain.dimensions[5]);
  CHECK(std::isfinite(r.spearman.coefficient));
  for (atlas::index_t n = 0; n < 200; ++n)
    for (atlas::index_t k = 0; k < 24; ++k)
      sample.points.mutable_view()(0, n, k) = sample.points.mutable_view()(1, n, k) = 1;
  CHECK_REFUSED(atlas::value_error, atlas::within_model_control({sample}, o), "3 heads", "2");
}
