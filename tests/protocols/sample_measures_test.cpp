// SPDX-License-Identifier: MIT
#include "atlas/protocols/sample_measures.hpp"

#include <cmath>
#include <limits>

#include "../catch.hpp"
#include "../messages.hpp"
#include "../tolerances.hpp"
#include "atlas/protocols/context_neighbors.hpp"
#include "samples_for_tests.hpp"

using namespace atlas_test;
using atlas::overlap_space;
using atlas::verdict;

TEST_CASE("the measures of a sample are the library's") {
  const auto sample = planned_sample({.heads = 4, .model = 40});
  const auto o = quick_protocol();
  const auto overlap = atlas::sample_overlap(sample, overlap_space::head_coordinates, o);
  const auto frames = atlas::principal_frames(sample.points, 4);
  CHECK(overlap.global.mean == atlas::head_overlap(frames).global.mean);
  CHECK(atlas::mean_overlap(sample, overlap_space::head_coordinates, o) == overlap.global.mean);
  CHECK(atlas::sample_overlap(sample, overlap_space::residual_stream, o).ambient_dimension == 40);
  const auto dimension = atlas::mean_dimension(sample, o);
  double sum = 0;
  for (atlas::index_t h = 0; h < 4; ++h)
    sum += atlas::two_nn(sample.points[h], {.exclude = atlas::distinct_contexts(sample.context)})
               .dimension;
  CHECK(dimension.mean == Approx(sum / 4).epsilon(tolerance::double_rounding));
  CHECK(dimension.null.draws.size() == 10);
  REQUIRE(dimension.head_nulls.size() == 4);
  for (std::size_t i = 0; i < 10; ++i) {
    double of_draw = 0;
    for (const auto& null : dimension.head_nulls) of_draw += null.draws[i];
    CHECK(of_draw / 4 == Approx(dimension.null.draws[i]).epsilon(tolerance::double_rounding));
  }
  for (std::size_t h = 0; h < 4; ++h) {
    const atlas::surrogate_null& null = dimension.head_nulls[h];
    const double distance = dimension.heads[h].dimension - atlas::summarize(null.draws).mean;
    CHECK(null.z ==
          Approx(distance / (null.sd * std::sqrt(1.1))).epsilon(tolerance::double_rounding));
  }
  CHECK(atlas::mean_dimension_value(sample, o) == dimension.mean);
}

TEST_CASE("Gaussian heads have the dimension of their surrogates, swiss rolls less") {
  const auto o = quick_protocol();
  const auto flat = atlas::mean_dimension(planned_sample({.heads = 4}), o);
  CHECK(std::abs(flat.null.z) < 4);
  // Of C contexts one in C - 1 is lost to the second neighbour, which reads as low a dimension.
  auto curved = planned_sample({.heads = 2, .rows = 400, .d = 3, .signal = 2, .contexts = 100});
  for (atlas::index_t h = 0; h < 2; ++h) {
    const Eigen::MatrixXd roll = swiss_roll(400, static_cast<std::uint64_t>(h) + 1);
    for (atlas::index_t n = 0; n < 400; ++n)
      for (atlas::index_t k = 0; k < 3; ++k)
        curved.points.mutable_view()(h, n, k) = static_cast<float>(roll(n, k));
  }
  const auto rolls = atlas::mean_dimension(curved, o);
  CHECK(rolls.mean == Approx(2).margin(0.3));  // 4 standard errors of 720 ratios
  CHECK(atlas::judge({atlas::dimension_finding("rolls", rolls)})[0].verdict == verdict::below);
}

TEST_CASE("the jackknife over contexts counts rows of one context as one") {
  // Every context has a mean of its own and nothing else: the error is that of ten numbers.
  auto sample = planned_sample({.heads = 1, .rows = 200, .d = 1, .signal = 1});
  atlas::random_stream random(4);
  std::vector<double> means;
  for (int c = 0; c < 10; ++c) means.push_back(random.normal());
  for (atlas::index_t n = 0; n < 200; ++n)
    sample.points.mutable_view()(0, n, 0) =
        static_cast<float>(means[static_cast<std::size_t>(sample.context[n])]);
  const auto mean = [](const atlas::head_sample& s) {
    double sum = 0;
    for (atlas::index_t n = 0; n < s.points.extent(1); ++n)
      sum += static_cast<double>(s.points(0, n, 0));
    return sum / static_cast<double>(s.points.extent(1));
  };
  const auto r = atlas::over_contexts(sample, mean);
  const auto s = atlas::summarize(means);
  CHECK(r.value == Approx(s.mean).epsilon(tolerance::float_rounding));
  CHECK(r.standard_error == Approx(s.standard_error).epsilon(tolerance::float_rounding));
  CHECK(r.left_out.size() == 10);
}

TEST_CASE("samples of collected clouds keep their layer and share their memory") {
  const auto sample = planned_sample({.heads = 2, .rows = 20, .model = 5});
  const atlas::head_clouds clouds{7, sample.points, sample.context, sample.context, 0};
  const auto made = atlas::sample_of("seven", clouds, sample.output_projection, 2);
  CHECK(made.layer == 7);
  CHECK(made.heads_per_group == 2);
  CHECK(made.points.data() == sample.points.data());
  CHECK(made.output_projection.extents() == sample.output_projection.extents());
  const auto half = atlas::subsample(made, 10, {.seed = 1});
  CHECK(half.points.extents() == atlas::shape<3>{2, 10, 24});
  CHECK(half.context.extent(0) == 10);
}

TEST_CASE("neighbours of one context are as many as chance says, or more where contexts differ") {
  auto sample = planned_sample({.heads = 3, .rows = 200});
  const auto chance = atlas::context_neighbors(sample);
  CHECK(chance.chance == Approx(19.0 / 199));
  CHECK(chance.null.mean == Approx(chance.chance).margin(0.003));
  CHECK(std::abs(chance.null.z) < 4);
  for (atlas::index_t n = 0; n < 200; ++n)
    for (atlas::index_t h = 0; h < 3; ++h)
      sample.points.mutable_view()(h, n, sample.context[n]) += 10;
  const auto apart = atlas::context_neighbors(sample, {.threads = 1});
  CHECK(apart.share > 0.95);
  CHECK(apart.null.z > 10);
  CHECK(apart.heads.size() == 3);
  sample.context = atlas::owned_tensor<atlas::index_t, 1>({200});
  CHECK_REFUSED(atlas::shape_error, atlas::context_neighbors(sample), "context", "got 1");
  sample.context = {};
  CHECK_REFUSED(atlas::shape_error, atlas::context_neighbors(sample), "context", "empty");
}

TEST_CASE("samples that cannot be measured are refused") {
  auto sample = planned_sample({.heads = 4, .rows = 40});
  const auto o = quick_protocol();
  CHECK_REFUSED(atlas::value_error,
                atlas::sample_overlap(sample, overlap_space::residual_stream, o),
                "output_projection", "none");
  CHECK_REFUSED(atlas::value_error, atlas::sample_turned_null(sample, o), "output_projection",
                "none");
  CHECK_REFUSED(atlas::value_error, atlas::subsample(sample, 41, {.seed = 1}), "rows", "41");
  const auto size = [](const atlas::head_sample& s) {
    return static_cast<double>(s.points.extent(1));
  };
  const auto unbounded = [](const atlas::head_sample& s) {
    return s.points.extent(1) < 40 ? std::numeric_limits<double>::infinity() : 1.0;
  };
  CHECK_REFUSED(atlas::value_error, atlas::over_contexts(sample, unbounded), "finite quantity",
                "without every context");
  auto one = sample;
  one.context = atlas::owned_tensor<atlas::index_t, 1>({40});
  CHECK_REFUSED(atlas::shape_error, atlas::over_contexts(one, size), "context", "1");
  one.context = {};
  CHECK_REFUSED(atlas::shape_error, atlas::over_contexts(one, size), "context", "empty");
  one = sample;
  one.context = atlas::owned_tensor<atlas::index_t, 1>({39});
  CHECK_REFUSED(atlas::shape_error, atlas::mean_dimension(one, o), "context", "39");
  one = sample;
  one.heads_per_group = 3;
  CHECK_REFUSED(atlas::shape_error, atlas::mean_dimension(one, o), "heads_per_group", "3");
  sample.points.mutable_view()(1, 2, 3) = std::numeric_limits<float>::quiet_NaN();
  CHECK_REFUSED(atlas::value_error, atlas::mean_dimension(sample, o), "points", "NaN");
}

TEST_CASE("samples in double are measured as those in float are") {
  const auto narrow = planned_sample({.heads = 4, .rows = 120, .d = 8, .model = 20});
  atlas::basic_head_sample<double> wide;
  wide.label = narrow.label;
  wide.points =
      atlas::copy_as<double>(static_cast<const atlas::tensor_view<const float, 3>&>(narrow.points));
  wide.context = narrow.context;
  wide.output_projection = atlas::copy_as<double>(
      static_cast<const atlas::tensor_view<const float, 2>&>(narrow.output_projection));
  const auto o = quick_protocol();
  const auto near_each_other = [](double a, double b) {
    CHECK(a == Approx(b).epsilon(tolerance::float_rounding));
  };
  near_each_other(atlas::mean_dimension(wide, o).mean, atlas::mean_dimension(narrow, o).mean);
  for (const auto space : {overlap_space::head_coordinates, overlap_space::residual_stream})
    near_each_other(atlas::sample_overlap(wide, space, o).global.mean,
                    atlas::sample_overlap(narrow, space, o).global.mean);
  near_each_other(atlas::sample_turned_null(wide, o).global.mean,
                  atlas::sample_turned_null(narrow, o).global.mean);
  near_each_other(atlas::context_neighbors(wide).share, atlas::context_neighbors(narrow).share);
  const auto overlap = [&](const auto& sample) {
    return atlas::mean_overlap(sample, overlap_space::head_coordinates, o);
  };
  near_each_other(atlas::over_contexts(wide, overlap).standard_error,
                  atlas::over_contexts(narrow, overlap).standard_error);
  CHECK(atlas::subsample(wide, 20).points(1, 19, 2) ==
        static_cast<double>(atlas::subsample(narrow, 20).points(1, 19, 2)));
}
