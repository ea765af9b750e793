// SPDX-License-Identifier: MIT
#include "atlas/protocols/robustness.hpp"

#include <cmath>

#include "../catch.hpp"
#include "../messages.hpp"
#include "samples_for_tests.hpp"

using namespace atlas_test;
using atlas::verdict;

namespace {

bool all_are(const std::vector<atlas::finding>& findings, verdict wanted) {
  for (const auto& f : findings)
    if (f.verdict != wanted) return false;
  return !findings.empty();
}

}  // namespace

TEST_CASE("random heads overlap as by chance for every k, shared subspaces above it") {
  const auto o = quick_protocol();
  const auto random = atlas::overlap_over_ranks(planned_sample({.signal = 8}), {}, o);
  CHECK(random.k == std::vector<atlas::index_t>{4, 5, 6, 7, 8, 9, 10});
  CHECK(all_are(random.head_findings, verdict::consistent_with_chance));
  CHECK(random.residual_stream.empty());
  const auto shared =
      atlas::overlap_over_ranks(planned_sample({.signal = 8, .shared = true}), {}, o);
  CHECK(all_are(shared.head_findings, verdict::above));
}

TEST_CASE("a shared subspace in head coordinates is gone where random weights write it") {
  const auto sample = planned_sample({.heads = 6, .shared = true, .model = 60});
  const auto r = atlas::overlap_over_ranks(sample, {4, 5}, quick_protocol());
  CHECK(all_are(r.head_findings, verdict::above));
  CHECK(all_are(r.residual_findings, verdict::consistent_with_chance));
  CHECK(all_are(r.turned_findings, verdict::consistent_with_chance));
}

TEST_CASE("the dimension of Gaussian heads is that of their surrogates for every N") {
  const auto r =
      atlas::dimension_over_sizes(planned_sample({.rows = 400}), {0.25, 0.5, 1}, quick_protocol());
  CHECK(r.points == std::vector<atlas::index_t>{100, 200, 400});
  CHECK(all_are(r.findings, verdict::consistent_with_chance));
  CHECK(r.findings[2].label == "N 400");
  CHECK(std::abs(r.slope) < 0.4);
}

TEST_CASE("spread between layers is told from spread between choices of points") {
  std::vector<atlas::head_sample> samples;
  for (const atlas::index_t layer : {3, 4, 5})
    for (const atlas::index_t choice : {0, 1}) {
      auto s = planned_sample({.shared = layer == 5, .seed = static_cast<std::uint64_t>(layer)});
      samples.push_back(atlas::subsample(s, 150, {.seed = static_cast<std::uint64_t>(choice)}));
      samples.back().layer = layer;
      samples.back().choice = choice;
    }
  const auto r = atlas::over_layers_and_choices(samples, quick_protocol());
  CHECK(r.head_findings.size() == 6);
  CHECK(r.dimension_findings.size() == 6);
  CHECK(r.residual_findings.empty());
  CHECK(r.head_findings[5].verdict == verdict::above);
  CHECK(r.overlap_sd_of_layers > 10 * r.overlap_sd_of_choices);
  CHECK(r.dimension_sd_of_choices > 0);
  CHECK(std::isnan(
      atlas::over_layers_and_choices({samples[0]}, quick_protocol()).overlap_sd_of_layers));
}

TEST_CASE("robustness does not depend on threads") {
  auto o = quick_protocol();
  const auto sample = planned_sample({.heads = 4, .rows = 100, .model = 30});
  o.threads = 1;
  const auto one = atlas::overlap_over_ranks(sample, {4, 5}, o);
  const auto small = atlas::dimension_over_sizes(sample, {0.5, 1}, o);
  o.threads = 2;
  const auto two = atlas::overlap_over_ranks(sample, {4, 5}, o);
  const auto again = atlas::dimension_over_sizes(sample, {0.5, 1}, o);
  for (std::size_t i = 0; i < 2; ++i) {
    CHECK(one.head_findings[i].p == two.head_findings[i].p);
    CHECK(one.turned_findings[i].p == two.turned_findings[i].p);
    CHECK(small.findings[i].p == again.findings[i].p);
  }
}

TEST_CASE("ranges that a sample does not have are refused") {
  const auto sample = planned_sample({.heads = 4, .rows = 40});
  const auto o = quick_protocol();
  CHECK_REFUSED(atlas::value_error, (atlas::overlap_over_ranks(sample, {0, 4}, o)), "smallest",
                "0");
  CHECK_REFUSED(atlas::value_error, (atlas::overlap_over_ranks(sample, {4, 25}, o)), "largest",
                "25");
  CHECK_REFUSED(atlas::value_error, (atlas::dimension_over_sizes(sample, {1.5}, o)), "fractions",
                "1.5");
  CHECK_REFUSED(atlas::value_error, (atlas::dimension_over_sizes(sample, {0.01}, o)), "rows", "0");
  CHECK_REFUSED(atlas::shape_error, atlas::over_layers_and_choices({}, o), "samples", "none");
  CHECK_REFUSED(atlas::shape_error,
                (atlas::over_layers_and_choices(
                    {sample, planned_sample({.heads = 4, .rows = 40, .model = 30})}, o)),
                "samples", "some");
}
