// SPDX-License-Identifier: MIT
#include "atlas/attention/thermodynamics.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "../catch.hpp"
#include "../messages.hpp"
#include "../reference/models_for_tests.hpp"
#include "../tolerances.hpp"
#include "atlas/boltzmann/softmax.hpp"

using namespace atlas_test;
using atlas::owned_tensor;

TEST_CASE("what is collected is what the functions give on each head and block") {
  const auto model = atlas::io::open_transformer(model_folder("micro-mistral"));
  const auto blocks = some_blocks(3, 40);
  const auto collect = [&](int threads) {
    atlas::thermodynamics_collector collector(
        {.layers = {1}, .heads = 4, .blocks = 3, .tokens_per_block = 40, .noise = 0.5});
    model.forward(blocks,
                  {.observed_layers = {1}, .observer = collector.observer(), .threads = threads});
    return collector.layer(1);
  };
  const auto all = collect(1), again = collect(2);
  int wrong = 0, unstable = 0;
  model.forward(blocks, {.observed_layers = {1},
                         .observer =
                             [&](const atlas::head_capture& c) {
                               const auto density = atlas::density_matrix(c.weights, c.values);
                               for (atlas::index_t t = 0; t < 40; ++t) {
                                 const auto o = atlas::boltzmann_observables<1>(c.logits[t]);
                                 wrong += all.entropy(c.head, c.block, t) != o.entropy;
                                 wrong += all.heat_capacity(c.head, c.block, t) != o.heat_capacity;
                                 wrong += all.purity(c.head, c.block, t) != density.purity[t];
                                 const auto r = atlas::concentration<1>(c.logits[t]);
                                 wrong += all.ratio(c.head, c.block, t) != r.ratio;
                                 unstable += all.stable(c.head, c.block, t) < 1;
                                 // The query and keys that are handed out give the logits.
                                 double dot = 0;
                                 for (atlas::index_t k = 0; k < c.keys.extent(1); ++k)
                                   dot += static_cast<double>(c.queries(t, k) * c.keys(t, k));
                                 dot /= std::sqrt(static_cast<double>(c.keys.extent(1)));
                                 wrong += std::abs(dot - static_cast<double>(c.logits(t, t))) >
                                          tolerance::float_rounding * (1 + std::abs(dot));
                               }
                             },
                         .threads = 1});
  CHECK(wrong == 0);
  CHECK(unstable > 0);
  CHECK(all.undefined_rows == 0);
  for (atlas::index_t i = 0; i < all.entropy.size(); ++i) {
    CHECK(all.stable.data()[i] == again.stable.data()[i]);
    CHECK(all.null_ratio.data()[i] == again.null_ratio.data()[i]);
    CHECK(all.von_neumann_entropy.data()[i] == again.von_neumann_entropy.data()[i]);
  }
  CHECK(all.null_entropy(0, 0, 0) == 0);  // one key
}

TEST_CASE("random logits have the observables of their null") {
  // A head whose logits are independent normals: the null of its rows is drawn from the same.
  const atlas::index_t t = 256;
  owned_tensor<float, 2> logits({t, t}), values({t, 4}), keys({t, 4});
  atlas::random_stream random(3);
  for (atlas::index_t q = 0; q < t; ++q)
    for (atlas::index_t k = 0; k < t; ++k)
      logits.mutable_view()(q, k) = k <= q ? static_cast<float>(1.5 * random.normal())
                                           : -std::numeric_limits<float>::infinity();
  for (atlas::index_t i = 0; i < 4 * t; ++i) {
    values.mutable_view().data()[i] = static_cast<float>(random.normal());
    keys.mutable_view().data()[i] = static_cast<float>(random.normal());
  }
  atlas::thermodynamics_collector collector(
      {.layers = {0}, .heads = 1, .blocks = 1, .tokens_per_block = t});
  const auto weights = atlas::softmax<2>(logits);
  atlas::head_capture capture{0, 0, 0, 0, logits, weights, values, values};
  capture.queries = keys;
  capture.keys = keys;
  collector.observer()(capture);
  const auto got = collector.layer(0);
  const auto mean = [](const owned_tensor<double, 3>& x) {
    return atlas::mean_over_blocks(x[0], 16).mean;
  };
  CHECK(mean(got.entropy) == Approx(mean(got.null_entropy)).epsilon(0.02));
  CHECK(mean(got.ratio) == Approx(mean(got.null_ratio)).epsilon(0.08));
}

TEST_CASE("means over blocks leave out early positions and NaN") {
  owned_tensor<double, 2> x({2, 4});
  const double nan = std::nan("");
  const double rows[] = {9, 1, 2, 3, 9, nan, 5, 7};
  std::copy_n(rows, 8, x.mutable_view().data());
  const auto m = atlas::mean_over_blocks(x, 1);
  CHECK(m.mean == 4);
  CHECK(m.standard_error == Approx(2));  // block means 2 and 6
  CHECK_REFUSED(atlas::value_error, atlas::mean_over_blocks(x, 4), "min_context", "4");
}

TEST_CASE("options and captures that do not fit are refused") {
  const auto make = [](atlas::thermodynamics_options o) {
    return atlas::thermodynamics_collector(std::move(o)), 0;
  };
  CHECK_REFUSED(atlas::value_error, make({.heads = 0, .blocks = 1, .tokens_per_block = 1}), "heads",
                "0");
  CHECK_REFUSED(atlas::value_error,
                make({.heads = 1, .blocks = 1, .tokens_per_block = 1, .draws = 0}), "draws", "0");
  const atlas::thermodynamics_collector none({.heads = 1, .blocks = 1, .tokens_per_block = 1});
  CHECK_REFUSED(atlas::value_error, none.layer(2), "layer", "2");
}
