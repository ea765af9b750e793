// SPDX-License-Identifier: MIT
/// \file
/// Kernels of quantization on `[d, d]` float weights; arguments: d, threads. Beside PyTorch:
/// bench/peers/quantize.sh.

#include <benchmark/benchmark.h>

#include <cmath>

#include "atlas/core/random.hpp"
#include "atlas/linalg/eigenbasis.hpp"
#include "atlas/quantize/quantize_matrix.hpp"
#include "atlas/quantize/rotation.hpp"

namespace {

using atlas::index_t;
using atlas::quantization_method;

Eigen::MatrixXf normal(index_t rows, index_t columns, std::uint64_t seed) {
  Eigen::MatrixXf out(rows, columns);
  atlas::random_stream random(seed);
  for (index_t i = 0; i < out.size(); ++i) out.data()[i] = static_cast<float>(random.normal());
  return out;
}

/// Second moments of inputs whose directions fall off.
Eigen::MatrixXd moments(index_t d) {
  Eigen::MatrixXd inputs = normal(2 * d, d, 2).cast<double>();
  for (index_t k = 0; k < d; ++k) inputs.col(k) /= std::sqrt(static_cast<double>(k + 1));
  return inputs.transpose() * inputs / static_cast<double>(2 * d);
}

void rotate(benchmark::State& state, const atlas::orthogonal_basis<float>& basis) {
  const index_t d = state.range(0);
  const atlas::row_matrix<float> w = normal(d, d, 1);
  const int threads = static_cast<int>(state.range(1));
  for (auto _ : state)
    benchmark::DoNotOptimize(basis.restore(basis.rotate(w, {threads}), {threads}).data());
}

void hadamard_rotation(benchmark::State& state) {
  atlas::random_stream random(3);
  rotate(state,
         atlas::orthogonal_basis<float>::hadamard(atlas::random_signs(state.range(0), random)));
}
void dense_rotation(benchmark::State& state) {
  rotate(state, atlas::orthogonal_basis<float>::dense(normal(state.range(0), state.range(0), 4)));
}

void quantize(benchmark::State& state, quantization_method method) {
  const index_t d = state.range(0);
  const Eigen::MatrixXf w = normal(d, d, 1);
  const Eigen::MatrixXd f = moments(d);
  const atlas::eigenbasis basis = atlas::symmetric_eigenbasis(f);
  for (auto _ : state)
    benchmark::DoNotOptimize(atlas::quantize_matrix(w, f,
                                                    {.method = method,
                                                     .bits = 4,
                                                     .threads = static_cast<int>(state.range(1)),
                                                     .known_eigenbasis = basis})
                                 .errors.output);
}
void hadamard(benchmark::State& state) {
  quantize(state, quantization_method::hadamard);
}
void fisher(benchmark::State& state) {
  quantize(state, quantization_method::fisher);
}
void gptq(benchmark::State& state) {
  quantize(state, quantization_method::gptq);
}

void eigenbasis(benchmark::State& state) {
  const Eigen::MatrixXd f = moments(state.range(0));
  for (auto _ : state) benchmark::DoNotOptimize(atlas::symmetric_eigenbasis(f).values.data());
}

void sizes(benchmark::internal::Benchmark* b) {
  b->Args({768, 1})->Args({768, 2})->Unit(benchmark::kMillisecond)->UseRealTime();
}
BENCHMARK(hadamard_rotation)->Apply(sizes)->Args({3072, 2});
BENCHMARK(dense_rotation)->Apply(sizes)->Args({3072, 2});
BENCHMARK(hadamard)->Apply(sizes);
BENCHMARK(fisher)->Apply(sizes);
BENCHMARK(gptq)->Apply(sizes);
BENCHMARK(eigenbasis)->Args({768, 1})->Unit(benchmark::kMillisecond)->UseRealTime();

}  // namespace
