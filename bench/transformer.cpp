// SPDX-License-Identifier: MIT
/// \file
/// Forward passes of a model of the shape of SmolLM-135M with fewer layers; arguments: blocks,
/// positions, threads.

#include <benchmark/benchmark.h>

#include "atlas/core/vector_of.hpp"
#include "atlas/reference/random_transformer.hpp"

namespace {

constexpr atlas::index_t layers = 4;

const atlas::transformer& model() {
  static const atlas::transformer instance = [] {
    atlas::transformer_config c = atlas::llama_config();
    c.layers = layers;
    c.model_dimension = 576;
    c.heads = 9;
    c.key_value_heads = 3;
    c.head_dimension = 64;
    c.mlp_dimension = 1536;
    c.vocabulary = 4096;
    c.positions = 2048;
    return atlas::random_transformer(c, {.seed = 1});
  }();
  return instance;
}

/// Every head of every layer is handed out; flops are those of the linear maps.
void forward_with_capture(benchmark::State& state) {
  atlas::owned_tensor<atlas::index_t, 2> blocks({state.range(0), state.range(1)});
  atlas::random_stream random(2);
  for (atlas::index_t i = 0; i < blocks.size(); ++i)
    blocks.mutable_view().data()[i] = random.uniform_index(model().config().vocabulary);
  for (auto _ : state)
    model().forward(blocks, {.observer = [](const atlas::head_capture&) {},
                             .threads = static_cast<int>(state.range(2))});
  const double weights = layers * (576.0 * (2 * 576 + 2 * 192) + 3 * 576.0 * 1536);
  state.counters["flops"] = benchmark::Counter(2 * weights * static_cast<double>(blocks.size()),
                                               benchmark::Counter::kIsIterationInvariantRate);
}

/// What the processor could do at most: multiply-adds in registers, enough of them at a time that
/// none waits for another.
void multiply_adds(benchmark::State& state) {
  using simd = atlas::detail::vector_of<float>;
  constexpr int chains = 16, steps = 1000;
  simd::type sums[chains];
  for (int c = 0; c < chains; ++c) sums[c] = simd::all(static_cast<float>(c));
  const simd::type factor = simd::all(0.999F), rest = simd::all(1e-6F);
  for (auto _ : state) {
    for (int s = 0; s < steps; ++s)
#pragma GCC unroll 16
      for (int c = 0; c < chains; ++c) sums[c] = sums[c] * factor + rest;
    for (simd::type& sum : sums) benchmark::DoNotOptimize(sum);
  }
  state.counters["flops"] = benchmark::Counter(2.0 * chains * steps * simd::lanes,
                                               benchmark::Counter::kIsIterationInvariantRate);
}

}  // namespace

BENCHMARK(multiply_adds);
BENCHMARK(forward_with_capture)
    ->Args({1, 512, 1})
    ->Args({1, 512, 2})
    ->Args({4, 256, 2})
    ->Unit(benchmark::kMillisecond)
    ->UseRealTime();
