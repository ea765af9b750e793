// SPDX-License-Identifier: MIT
/// \file
/// Seconds that quantizing a layer of `[d, d]` weights takes, part by part, as JSON. Run by
/// quantize.py, beside PyTorch.
/// `peer_quantize d`

#include <Eigen/Core>
#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <string>

#include "atlas/core/random.hpp"
#include "atlas/linalg/eigenbasis.hpp"
#include "atlas/quantize/quantize_matrix.hpp"
#include "atlas/quantize/rotation.hpp"
#include "atlas/quantize/second_moment_accumulator.hpp"

// OpenBLAS runs one product of several threads at a time: eigenbases are for its threads, the many
// products of a quantizer for those of atlas.
extern "C" void openblas_set_num_threads(int count) __attribute__((weak));

namespace {

using atlas::quantization_method;

Eigen::MatrixXf normal(atlas::index_t rows, atlas::index_t columns, std::uint64_t seed) {
  Eigen::MatrixXf out(rows, columns);
  atlas::random_stream random(seed);
  for (atlas::index_t i = 0; i < out.size(); ++i)
    out.data()[i] = static_cast<float>(random.normal());
  return out;
}

template <class Work>
double seconds(Work&& work) {
  const auto start = std::chrono::steady_clock::now();
  work();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

/// Into a basis and back, the shortest of five.
double rotation(const atlas::row_matrix<float>& w, const atlas::orthogonal_basis<float>& basis) {
  double best = 1e9, sum = 0;
  for (int i = 0; i < 5; ++i)
    best = std::min(best, seconds([&] { sum += basis.restore(basis.rotate(w))(0, 0); }));
  return std::isfinite(sum) ? best : -1;
}

}  // namespace

int main(int argc, char** argv) {
  const atlas::index_t d = argc > 1 ? std::atol(argv[1]) : 768;
  const Eigen::MatrixXf weights = normal(d, d, 1);
  // Inputs whose directions fall off as 1 / sqrt(number).
  Eigen::MatrixXf inputs = normal(2 * d, d, 2);
  for (atlas::index_t k = 0; k < d; ++k) inputs.col(k) /= std::sqrt(static_cast<float>(k + 1));
  atlas::second_moment_accumulator sums(d);
  sums.add(inputs);
  const Eigen::MatrixXd moments = sums.matrix();

  // The shortest of five runs, as on the other side: the first meet new memory and idle threads.
  const int runs = d <= 1024 ? 5 : 1;
  const auto shortest = [&](auto&& work) {
    double best = 1e9;
    for (int i = 0; i < runs; ++i) best = std::min(best, seconds(work));
    return best;
  };

  atlas::eigenbasis basis;
  const double eigen = shortest([&] { basis = atlas::symmetric_eigenbasis(moments); });
  atlas::basic_eigenbasis<float> rough;
  const double eigen_float =
      shortest([&] { rough = atlas::symmetric_eigenbasis<float>(moments.cast<float>()); });
  if (openblas_set_num_threads) openblas_set_num_threads(1);
  double error = 0;
  const auto run = [&](quantization_method method) {
    return shortest([&] {
      error += atlas::quantize_matrix(weights, moments,
                                      {.method = method, .bits = 4, .known_eigenbasis = basis})
                   .errors.output;
    });
  };
  const double fisher = run(quantization_method::fisher);
  const double hadamard = run(quantization_method::hadamard);
  const double gptq = run(quantization_method::gptq);
  const double dense_rotation =
      rotation(weights, atlas::orthogonal_basis<float>::dense(basis.vectors));
  atlas::random_stream random(3);
  const double hadamard_rotation =
      rotation(weights, atlas::orthogonal_basis<float>::hadamard(atlas::random_signs(d, random)));
  std::printf(
      "{\"eigenbasis\": %.6f, \"eigenbasis, float32\": %.6f, \"fisher\": %.6f, \"hadamard\": %.6f, "
      "\"gptq\": %.6f, "
      "\"rotation\": %.6f, \"hadamard rotation\": %.6f, \"error\": %.6g}\n",
      eigen, eigen_float, fisher, hadamard, gptq, dense_rotation, hadamard_rotation, error);
}
