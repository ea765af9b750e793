// SPDX-License-Identifier: MIT
#include "atlas/subspace/written_norms.hpp"

#include <cmath>
#include <vector>

#include "../catch.hpp"
#include "../messages.hpp"
#include "atlas/core/random.hpp"

namespace written_norms_test {

TEST_CASE("the length of what heads write is that of their rows sent through the projection") {
  atlas::owned_tensor<float, 3> rows({2, 9, 3});
  atlas::owned_tensor<float, 2> weights({6, 5});
  atlas::random_stream random(4);
  for (float& x : std::span(rows.mutable_view().data(), 54))
    x = static_cast<float>(3 + random.normal());
  for (float& x : std::span(weights.mutable_view().data(), 30))
    x = static_cast<float>(random.normal());
  const std::vector<double> norms = atlas::written_norms(rows, weights, {.threads = 2});
  REQUIRE(norms.size() == 2);
  for (atlas::index_t h = 0; h < 2; ++h) {
    long double square = 0;
    for (atlas::index_t i = 0; i < 9; ++i)
      for (atlas::index_t m = 0; m < 5; ++m) {
        long double written = 0;
        for (atlas::index_t k = 0; k < 3; ++k)
          written += static_cast<long double>(rows(h, i, k)) *
                     static_cast<long double>(weights(h * 3 + k, m));
        square += written * written / 9;
      }
    CHECK(norms[static_cast<std::size_t>(h)] ==
          Approx(static_cast<double>(std::sqrt(square))).epsilon(1e-12));
  }
  CHECK(atlas::written_norms(atlas::owned_tensor<float, 3>({2, 4, 3}), weights)[1] == 0);
  CHECK_REFUSED(atlas::shape_error,
                atlas::written_norms(rows, atlas::owned_tensor<float, 2>({5, 5})),
                "output_projection", "heads * d_head rows, 6");
  rows.mutable_view()(1, 2, 0) = INFINITY;
  CHECK_REFUSED(atlas::value_error, atlas::written_norms(rows, weights), "rows", "[1, 2, 0]");
}

}  // namespace written_norms_test
