// SPDX-License-Identifier: MIT
#include <string>
#include <vector>

#include "../catch.hpp"
#include "../clouds_for_tests.hpp"
#include "../messages.hpp"
#include "atlas/manifold/atlas_test.hpp"
#include "atlas/manifold/chord_test.hpp"
#include "atlas/manifold/connectivity.hpp"
#include "atlas/manifold/homogeneity.hpp"
#include "atlas/manifold/separation.hpp"
#include "atlas/protocols/context_neighbors.hpp"
#include "atlas/protocols/sample_measures.hpp"
#include "atlas/quantize/uncertainty.hpp"
#include "samples_for_tests.hpp"

using namespace atlas_test;

TEST_CASE("a null of fewer than ten draws is refused by everything that has one") {
  const Eigen::MatrixXd x = normal_cloud(30, 3);
  const std::vector<Eigen::MatrixXd> heads = {x, normal_cloud(30, 3, 2)};
  const std::vector<int> halves = [] {
    std::vector<int> out;
    for (int i = 0; i < 30; ++i) out.push_back(i / 15);
    return out;
  }();
  const atlas::surrogate_options nine{.draws = 9};
  const auto refused = [](const char* argument, const auto& call) {
    CHECK_REFUSED(atlas::value_error, call(), argument, "9");
  };
  refused("draws", [&] { return atlas::two_nn_null(x, {}, nine).z; });
  refused("draws", [&] { return atlas::pooled_dimension_null(heads, {}, nine).z; });
  refused("draws", [&] { return atlas::chord_null(x, {}, nine).mean.z; });
  refused("draws", [&] { return atlas::connectivity_null(x, {}, nine).components.z; });
  refused("draws", [&] { return atlas::homogeneity_null(x, {}, nine).mean.z; });
  refused("draws", [&] { return atlas::separation_null(x, halves, {}, nine).z; });
  refused("permutations", [&] { return atlas::separation(x, halves, {.permutations = 9}).z; });
  refused("draws", [&] { return atlas::atlas_test(heads, {.surrogates = 9}).pooled_null.z; });
  refused("draws",
          [&] { return atlas::turned_null(heads, normal_cloud(6, 5), 2, {.draws = 9}).global.z; });
  const auto frames = atlas::principal_frames(heads, 2);
  const auto corner = [](const std::vector<Eigen::MatrixXd>& f) { return f[0](0, 0); };
  refused("draws", [&] { return atlas::haar_null_of(frames, corner, {.draws = 9}).z; });
  refused("draws", [&] {
    const Eigen::MatrixXd f = x.transpose() * x;
    return atlas::fisher_uncertainty(f, f, {.draws = 9}).z;
  });
  const auto sample = planned_sample({.heads = 2, .rows = 40});
  refused("draws", [&] { return atlas::mean_dimension(sample, {.surrogates = 9}).null.z; });
  refused("permutations",
          [&] { return atlas::context_neighbors(sample, {.permutations = 9}).share; });
}
