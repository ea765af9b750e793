// SPDX-License-Identifier: MIT
/// \file
/// Epochs of autoencoders of clouds, 3,200 rows of 64 coordinates to 7 and back; arguments: heads,
/// threads.

#include <benchmark/benchmark.h>

#include "atlas/autoencoder/train_autoencoder.hpp"

namespace {

void train(benchmark::State& state) {
  constexpr atlas::index_t epochs = 20;
  atlas::owned_tensor<float, 3> points({state.range(0), 3200, 64});
  atlas::random_stream random(1);
  for (atlas::index_t i = 0; i < points.size(); ++i)
    points.mutable_view().data()[i] = static_cast<float>(random.normal());
  for (auto _ : state)
    benchmark::DoNotOptimize(
        atlas::train_autoencoders(points, {.training = atlas::autoencoder_training::study,
                                           .epochs = epochs,
                                           .threads = static_cast<int>(state.range(1))}));
  state.counters["epochs_of_a_head"] = benchmark::Counter(
      static_cast<double>(epochs * state.range(0)), benchmark::Counter::kIsIterationInvariantRate);
}

}  // namespace

BENCHMARK(train)->Args({2, 1})->Args({2, 2})->Unit(benchmark::kMillisecond)->UseRealTime();
