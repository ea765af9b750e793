// SPDX-License-Identifier: MIT
#include "atlas/dimension/estimators/ess.hpp"

#include "estimator_checks.hpp"
#include "golden.hpp"

namespace ess_test {
namespace {

using atlas::simplex_measure;
using atlas::estimators::ess;
using atlas_test::golden_number;
using atlas_test::golden_value;

constexpr std::pair<const char*, simplex_measure> versions[] = {{"a", simplex_measure::sine},
                                                                {"b", simplex_measure::cosine}};

TEST_CASE("simplex skewness is that of the peer, rows, mean and median") {
  for (const char* cloud : atlas_test::continuous_clouds)
    for (const auto& [letter, version] : versions) {
      CAPTURE(cloud, letter);
      const auto points = atlas_test::golden_cloud(cloud);
      const auto& peer = golden_value(cloud, std::string("skdim.ESS.") + letter + ".k30");
      for (const auto& [key, combine] : {std::pair{"mean", atlas::local_mean::arithmetic},
                                         std::pair{"median", atlas::local_mean::median}}) {
        const ess e{.k = 30, .version = version, .combine = combine};
        const auto r = atlas::estimate_dimension(points, e);
        const auto& rows = peer.at("pointwise");
        for (std::size_t i = 0; i < rows.size(); ++i)
          CHECK(r.local[i] == Approx(golden_number(rows[i])).epsilon(1e-11));
        CHECK(r.dimension == Approx(golden_number(peer.at(key))).epsilon(1e-11));
      }
    }
}

atlas::row_matrix<double> first_rows(const atlas::owned_tensor<double, 2>& points,
                                     atlas::index_t count) {
  atlas::row_matrix<double> out(count, points.extent(1));
  for (atlas::index_t i = 0; i < count; ++i)
    for (atlas::index_t c = 0; c < points.extent(1); ++c) out(i, c) = points(i, c);
  return out;
}

TEST_CASE("skewness of one set of points is that of the peer") {
  for (const char* cloud : atlas_test::continuous_clouds)
    for (const auto& [letter, version] : versions) {
      CAPTURE(cloud, letter);
      const auto& peer = golden_value(cloud, std::string("skdim.ESS.") + letter + ".once_first40");
      atlas::row_matrix<double> points = first_rows(atlas_test::golden_cloud(cloud), 40), room;
      const double skewness = atlas::detail::simplex_skewness(version, points, room);
      CHECK(skewness == Approx(golden_number(peer.at("essval"))).epsilon(1e-11));
      CHECK(atlas::detail::dimension_of_skewness(version, skewness) ==
            Approx(golden_number(peer.at("dimension"))).epsilon(1e-11));
    }
}

TEST_CASE("references are means over directions") {
  using atlas::detail::simplex_reference;
  CHECK(simplex_reference(simplex_measure::sine, 1) == 0);
  CHECK(simplex_reference(simplex_measure::cosine, 1) == Approx(1).epsilon(1e-14));
  CHECK(simplex_reference(simplex_measure::sine, 2) == Approx(2 / std::numbers::pi));
  CHECK(simplex_reference(simplex_measure::cosine, 2) == Approx(2 / std::numbers::pi));
  CHECK(simplex_reference(simplex_measure::sine, 3) == Approx(std::numbers::pi / 4));
  CHECK(simplex_reference(simplex_measure::cosine, 3) == Approx(0.5));
  for (const auto& [letter, version] : versions)
    for (const atlas::index_t n : {1, 2, 7, 31, 64, 1000, 99999}) {
      CAPTURE(letter, n);
      CHECK(atlas::detail::dimension_of_skewness(version, simplex_reference(version, n)) ==
            Approx(static_cast<double>(n)).epsilon(n < 100 ? 1e-10 : 1e-4));
    }
  CHECK(std::isnan(atlas::detail::dimension_of_skewness(simplex_measure::sine, 1)));
}

TEST_CASE("what lies on a straight line has skewness 1 to rounding, in any direction") {
  atlas::owned_tensor<double, 2> line({80, 3});
  atlas::random_stream random(2);
  for (atlas::index_t i = 0; i < 80; ++i) {
    const double t = random.normal();
    line.mutable_view()(i, 0) = t;
    line.mutable_view()(i, 1) = -3 * t;
    line.mutable_view()(i, 2) = 0.125 * t;
  }
  for (const auto& [letter, version] : versions) {
    CAPTURE(letter);
    const auto r = atlas::estimate_dimension(line, ess{.k = 20, .version = version},
                                             {.degenerate = atlas::degenerate_policy::report});
    CHECK(r.dimension == Approx(1).epsilon(1e-14));
  }
  const auto flat = atlas_test::changed_cloud<double>(line, 1, atlas_test::same_order(line));
  CHECK(atlas::estimate_dimension(flat, ess{.k = 20}).dimension - 1 < 1e-14);
}

TEST_CASE("simplex skewness of flat space is its dimension") {
  atlas::random_stream random(4);
  for (const atlas::index_t d : {2, 5, 12}) {
    const auto points = atlas::simulate_gaussian(3000, d, random);
    const auto r = atlas::estimate_dimension(points, ess{.k = 40}, {.errors = false});
    CAPTURE(d, r.dimension);
    CHECK(r.dimension > 0.9 * static_cast<double>(d));
    CHECK(r.dimension < 1.05 * static_cast<double>(d));
  }
}

TEST_CASE("simplex skewness: threads, scale, order, float, bad input, lattices") {
  const auto cloud = atlas_test::golden_cloud("sphere5_in8");
  for (const auto& [letter, version] : versions) {
    CAPTURE(letter);
    const ess e{.k = 20, .version = version};
    atlas_test::check_threads(e, cloud, {.resamples = 4});
    for (const double factor : {0x1p-40, 0x1p600})
      atlas_test::check_scale(e, cloud, factor, {.errors = false});
    atlas_test::check_order(e, cloud, {.errors = false}, 1e-12);
    atlas_test::check_float(e, cloud, 1e-5);
    atlas_test::check_refusals(e);
    const auto lattice = atlas::estimate_dimension(atlas_test::golden_cloud("lattice3"), e);
    CHECK(lattice.dimension == Approx(2.9).margin(0.4));
    CHECK(atlas::estimate_dimension(atlas_test::golden_cloud("duplicates3"), e).merged == 20);
  }
  CHECK_THROWS_AS(ess{.k = 2}.check_parameters(), atlas::value_error);
  CHECK_THROWS_AS(atlas::estimate_dimension(cloud, ess{.k = 500}), atlas::value_error);
}

TEST_CASE("intervals of simplex skewness hold the mean estimate") {
  for (const auto& [letter, version] : versions) {
    const double held =
        atlas_test::coverage_on_tori(ess{.k = 10, .version = version}, 400, 2, {.clouds = 200})
            .of_mean;
    CAPTURE(letter, held);
    CHECK(held >= 0.90);
    CHECK(held <= 0.99);
  }
}

}  // namespace
}  // namespace ess_test
