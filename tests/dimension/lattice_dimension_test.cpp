// SPDX-License-Identifier: MIT
#include "atlas/dimension/lattice_dimension.hpp"

#include <cmath>
#include <string>
#include <vector>

#include "../catch.hpp"
#include "../estimators/estimator_checks.hpp"
#include "../estimators/golden.hpp"
#include "atlas/dimension/looks_like_lattice.hpp"

namespace lattice_dimension_tests {
namespace {

using atlas::index_t;
using atlas::lattice_dimension;
using atlas::lattice_scales;
using atlas_test::golden_number;

atlas::owned_tensor<double, 2> uniform_lattice(index_t rows, index_t d, double side,
                                               atlas::random_stream& random) {
  atlas::owned_tensor<double, 2> out({rows, d});
  for (index_t i = 0; i < rows; ++i)
    for (index_t c = 0; c < d; ++c) out.mutable_view()(i, c) = std::floor(side * random.uniform());
  return out;
}

lattice_scales scales_of(const nlohmann::json& parameters) {
  lattice_scales out;
  if (parameters.contains("lk")) {
    out.outer = parameters.at("lk");
    out.inner = parameters.at("ln");
    if (parameters.at("method") == "bayes") out.method = atlas::binomial_method::bayes;
  } else {
    (parameters.at("shell") ? out.shells : out.k) = parameters.at("k");
  }
  return out;
}

/// The peer's optimiser ends at 1e-5, so that its most likely values have five digits at least and
/// most have seven.
TEST_CASE("the dimension of lattices and spins is that of the peer, with a larger error") {
  int compared = 0;
  for (const char* cloud : {"lattice3", "spins12"}) {
    const auto points = atlas_test::golden_cloud(cloud);
    for (const auto& [name, entry] : atlas_test::golden().at("results").at(cloud).items()) {
      if (name.find("I3D.") == std::string::npos || !entry.at("value").is_object() ||
          !entry.at("value").contains("id"))
        continue;
      CAPTURE(cloud, name);
      const auto& parameters = entry.at("params");
      atlas::dimension_options options;
      if (parameters.at("period").is_number()) options.periods = {20, 20, 20};
      const lattice_scales scales = scales_of(parameters);
      const auto r = lattice_dimension(points, scales, options);
      CHECK(r.dimension ==
            Approx(golden_number(entry.at("value").at("id"))).epsilon(atlas_test::same_definition));
      // With radii of the rows' own errors are of halves, which are true and may be smaller.
      if (scales.outer > 0)
        CHECK(r.standard_error > 1.25 * golden_number(entry.at("value").at("err")));
      ++compared;
    }
  }
  CHECK(compared == 22);
}

TEST_CASE("numbers of rows within radii are those of the peer, which counts the row itself") {
  for (const auto& [cloud, name, period] :
       {std::tuple{"lattice3", "dadapy.I3D.counts", 0.0},
        std::tuple{"lattice3", "dadapy.I3D.counts.period20", 20.0},
        std::tuple{"spins12", "dadapy.I3D.counts", 0.0}}) {
    CAPTURE(cloud, name);
    const auto points = atlas_test::golden_cloud(cloud);
    const atlas::tensor_view<const double, 2> view = points;
    const atlas::exclusion none;
    const std::vector<double> lengths(period > 0 ? 3 : 0, period);
    const auto& parameters = atlas_test::golden().at("results").at(cloud).at(name).at("params");
    const auto counts = atlas::detail::count_lattice(
        atlas::detail::lattice_rows<double>{view, lengths, none},
        {.outer = parameters.at("lk"), .inner = parameters.at("ln")}, 1);
    const auto& peer = atlas_test::golden_value(cloud, name);
    for (std::size_t i = 0; i < counts.size(); ++i) {
      CHECK(counts[i].within_outer + 1 == peer.at("k")[i].get<double>());
      CHECK(counts[i].within_inner + 1 == peer.at("n")[i].get<double>());
    }
  }
}

TEST_CASE("radii of a row's own end where all of their rows are known") {
  const std::vector<double> sorted{0, 1, 1, 2, 3, 3, 5};
  const auto of_k = [&](index_t k) { return atlas::detail::counts_of_sorted(sorted, {.k = k}); };
  CHECK(of_k(2).outer == -1);  // no distance between 0 and that of the second neighbour
  CHECK(of_k(5).outer == 2);
  CHECK(of_k(5).within_outer == 4);
  CHECK(of_k(5).inner == 1);
  CHECK(of_k(7).outer == 3);
  CHECK(of_k(7).inner == 2);  // 1.5 to the even one
  CHECK(of_k(8).outer == -1);
  const auto shell = atlas::detail::counts_of_sorted(sorted, {.shells = 4});
  CHECK(shell.outer == 5);
  CHECK(shell.inner == 2);
  CHECK(shell.within_inner == 4);
  CHECK(atlas::detail::counts_of_sorted(sorted, {.shells = 5}).outer == -1);
}

TEST_CASE("lattices of any scalar give the same, by any number of threads") {
  atlas::random_stream random(1, 1);
  const auto points = uniform_lattice(200, 3, 12, random);
  atlas::owned_tensor<float, 2> single(points.extents());
  std::vector<std::vector<int>> whole(200, std::vector<int>(3));
  for (index_t i = 0; i < 200; ++i)
    for (index_t c = 0; c < 3; ++c) {
      single.mutable_view()(i, c) = static_cast<float>(points(i, c));
      whole[static_cast<std::size_t>(i)][static_cast<std::size_t>(c)] =
          static_cast<int>(points(i, c));
    }
  for (const lattice_scales s : {lattice_scales{.outer = 6, .inner = 3}, lattice_scales{.k = 20},
                                 lattice_scales{.shells = 4}}) {
    const auto one = lattice_dimension(points, s, {.threads = 1});
    const auto three = lattice_dimension(points, s, {.threads = 3});
    CHECK(one.dimension == three.dimension);
    CHECK(one.standard_error == three.standard_error);
    CHECK(lattice_dimension(single, s).dimension == one.dimension);
    CHECK(lattice_dimension(whole, s).dimension == one.dimension);
  }
}

TEST_CASE("lattices: wrong arguments and clouds are named") {
  atlas::random_stream random(1, 2);
  auto points = uniform_lattice(100, 3, 12, random);
  const auto refused = [&](const lattice_scales& s, const char* argument,
                           const atlas::dimension_options& options = {}) {
    CHECK_THROWS_WITH(lattice_dimension(points, s, options), Catch::Matchers::Contains(argument));
  };
  refused({}, "scales");
  refused({.outer = 4, .inner = 2, .k = 3}, "scales");
  refused({.outer = 4, .inner = 4}, "inner");
  refused({.outer = -4}, "outer");
  refused({.k = 1}, "k:");
  refused({.inner = 2, .k = 9}, "inner");
  refused({.k = 9, .ratio = 1}, "ratio");
  refused({.k = 9, .method = atlas::binomial_method::bayes}, "method");
  refused({.outer = 4, .inner = 2}, "periods", {.periods = {12.5, 12, 12}});
  refused({.outer = 4, .inner = 2}, "points", {.periods = {6, 12, 12}});
  refused({.outer = 1000, .inner = 900}, "points");  // all rows are inner ones
  const auto far = lattice_dimension(points, {.outer = 1000, .inner = 900},
                                     {.degenerate = atlas::degenerate_policy::report});
  CHECK(std::isnan(far.dimension));
  CHECK(far.fault == atlas::cloud_fault::too_few_ratios);
  points.mutable_view()(7, 1) = 2.5;
  refused({.outer = 4, .inner = 2}, "2.5 at [7, 1]");
}

TEST_CASE("equal rows count, and are counted") {
  const auto spins = atlas_test::golden_cloud("spins12");
  const auto r = lattice_dimension(spins, {.outer = 4, .inner = 2});
  CHECK(r.duplicates == 118);
  CHECK(r.points_used == 300);
  CHECK_THROWS_WITH(lattice_dimension(spins, {.outer = 4, .inner = 2},
                                      {.duplicates = atlas::duplicate_policy::error}),
                    Catch::Matchers::Contains("duplicates"));
}

TEST_CASE("in a periodic lattice intervals cover the dimension") {
  const auto make = [](atlas::random_stream& random) {
    return uniform_lattice(300, 3, 16, random);
  };
  const auto covered = [&](const lattice_scales& s, index_t clouds) {
    return atlas_test::coverage_of(
        {.clouds = clouds, .value = 3}, make, [&](const auto& points, std::uint64_t) {
          return lattice_dimension(points, s, {.periods = {16, 16, 16}, .threads = 1});
        });
  };
  const auto fixed = covered({.outer = 6, .inner = 3}, 200);
  CHECK(fixed.of_value >= 0.9);
  CHECK(fixed.of_value <= 0.99);
  CHECK(covered({.outer = 6, .inner = 3, .method = atlas::binomial_method::bayes}, 100).of_value >=
        0.9);
  CHECK(covered({.k = 20}, 20).of_mean >= 0.85);
}

TEST_CASE("texts are the units of lattices, too") {
  constexpr index_t contexts = 60;
  std::vector<index_t> labels;
  for (index_t i = 0; i < 4 * contexts; ++i) labels.push_back(i / 4);
  const auto make = [&](atlas::random_stream& random) {
    const auto centres = uniform_lattice(contexts, 3, 16, random);
    atlas::owned_tensor<double, 2> out({4 * contexts, 3});
    for (index_t i = 0; i < 4 * contexts; ++i)
      for (index_t c = 0; c < 3; ++c)
        out.mutable_view()(i, c) =
            std::fmod(centres(i / 4, c) + std::floor(2 * random.uniform()), 16);
    return out;
  };
  const auto counted =
      atlas_test::coverage_of({.clouds = 120}, make, [&](const auto& points, std::uint64_t) {
        return lattice_dimension(
            points, {.outer = 6, .inner = 3},
            {.exclude = atlas::same_context(labels), .periods = {16, 16, 16}, .threads = 1});
      });
  CHECK(counted.of_mean >= 0.9);
}

TEST_CASE("estimators for continuous clouds say of lattices that they are") {
  atlas::random_stream random(1, 4);
  const auto lattice = atlas_test::golden_cloud("lattice3");
  CHECK(atlas::looks_like_lattice(lattice));
  CHECK(atlas::looks_like_lattice(atlas_test::golden_cloud("spins12")));
  CHECK_FALSE(atlas::looks_like_lattice(atlas::simulate_cube(300, 3, random)));
  CHECK_FALSE(atlas::looks_like_lattice(uniform_lattice(300, 3, 1e6, random)));
  CHECK_THAT(atlas::estimate_dimension(lattice, atlas::estimators::binomial{}).remark,
             Catch::Matchers::Contains("lattice_dimension"));
  CHECK(
      atlas::estimate_dimension(atlas::simulate_cube(300, 3, random), atlas::estimators::binomial{})
          .remark.empty());
}

}  // namespace
}  // namespace lattice_dimension_tests
