// SPDX-License-Identifier: MIT
/// \file
/// Forward passes of a model of 135 M parameters (the shape of SmolLM-135M, random weights), as
/// JSON, and how fast this machine multiplies matrices: with OpenBLAS, where it is linked, and with
/// Eigen. Run by transformer.py.
/// `peer_transformer blocks tokens_per_block threads layers`

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <vector>

#include "atlas/reference/random_transformer.hpp"

#ifdef ATLAS_PEER_OPENBLAS
extern "C" void cblas_sgemm(int order, int transa, int transb, int m, int n, int k, float alpha,
                            const float* a, int lda, const float* b, int ldb, float beta, float* c,
                            int ldc);
extern "C" void openblas_set_num_threads(int count);
#endif

namespace {

template <class Work>
double seconds(int repeats, Work&& work) {
  double best = 1e9;
  for (int i = 0; i < repeats; ++i) {
    const auto start = std::chrono::steady_clock::now();
    work();
    const auto end = std::chrono::steady_clock::now();
    best = std::min(best, std::chrono::duration<double>(end - start).count());
  }
  return best;
}

atlas::transformer_config smol(atlas::index_t layers) {
  atlas::transformer_config c = atlas::llama_config();
  c.layers = layers;
  c.model_dimension = 576;
  c.heads = 9;
  c.key_value_heads = 3;
  c.head_dimension = 64;
  c.mlp_dimension = 1536;
  c.vocabulary = 49152;
  c.positions = 2048;
  return c;
}

/// Additions and multiplications: of the linear maps, of attention as if every key were seen, and
/// of attention as it is, causal.
struct flops {
  double linear, attention, causal, vocabulary;
};
flops flops_of(const atlas::transformer_config& c, double blocks, double t) {
  const double d = double(c.model_dimension), q = double(c.heads * c.head_dimension);
  const double kv = double(c.key_value_heads * c.head_dimension), n = blocks * t;
  const double weights = d * (2 * q + 2 * kv) + 3 * d * double(c.mlp_dimension);
  const double pairs = blocks * t * (t + 1) / 2, layers = double(c.layers);
  return {2 * n * weights * layers, 4 * blocks * t * t * q * layers, 4 * pairs * q * layers,
          2 * n * d * double(c.vocabulary)};
}

#ifdef ATLAS_PEER_OPENBLAS
double peak(int threads) {
  constexpr int n = 2048;
  openblas_set_num_threads(threads);
  const std::vector<float> a(n * n, 0.5F), b(n * n, 0.25F);
  std::vector<float> c(n * n);
  return 2.0 * n * n * n / seconds(5, [&] {
           cblas_sgemm(101, 111, 111, n, n, n, 1, a.data(), n, b.data(), n, 0, c.data(), n);
         });
}
#else
double peak(int) {
  return 0;
}
#endif

}  // namespace

int main(int argc, char** argv) {
  if (argc != 5) return 1;
  const atlas::index_t count = std::atol(argv[1]), size = std::atol(argv[2]);
  const int threads = std::atoi(argv[3]);
  const double sgemm = peak(threads);
#ifdef ATLAS_PEER_OPENBLAS
  openblas_set_num_threads(1);
#endif
  const atlas::transformer model = atlas::random_transformer(smol(std::atol(argv[4])), {.seed = 1});
  atlas::owned_tensor<atlas::index_t, 2> blocks({count, size});
  atlas::random_stream random(2);
  for (atlas::index_t i = 0; i < blocks.size(); ++i)
    blocks.mutable_view().data()[i] = random.uniform_index(49152);
  std::atomic<int> captures = 0;
  const atlas::head_observer capture = [&](const atlas::head_capture&) { ++captures; };
  const double captured =
      seconds(2, [&] { model.forward(blocks, {.observer = capture, .threads = threads}); });
  const double hidden = seconds(1, [&] {
    model.forward(blocks, {.hidden_observer = [](auto, auto, const auto&) {}, .threads = threads});
  });
  const double logits = seconds(1, [&] {
    model.forward(blocks, {.logits_observer = [](auto, const auto&) {}, .threads = threads});
  });
  const flops f = flops_of(model.config(), double(count), double(size));
  std::printf(
      "{\"capture\": %.6f, \"hidden\": %.6f, \"logits\": %.6f, \"linear\": %.6g, \"attention\": "
      "%.6g, \"causal\": %.6g, \"vocabulary\": %.6g, \"peak\": %.6g}\n",
      captured, hidden, logits, f.linear, f.attention, f.causal, f.vocabulary, sgemm);
}
