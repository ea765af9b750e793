// SPDX-License-Identifier: MIT
/// \file
/// Seconds that training autoencoders of clouds takes, as JSON. Run by autoencoder.py, beside
/// PyTorch.
/// `peer_autoencoder FILE heads rows d epochs threads`, FILE float32: points `[heads, rows, d]`

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <fstream>

#include "atlas/autoencoder/train_autoencoder.hpp"

int main(int argc, char** argv) {
  if (argc != 7) return 1;
  const atlas::index_t heads = std::atol(argv[2]), rows = std::atol(argv[3]),
                       d = std::atol(argv[4]);
  atlas::owned_tensor<float, 3> points({heads, rows, d});
  std::ifstream file(argv[1], std::ios::binary);
  file.read(reinterpret_cast<char*>(points.mutable_view().data()),
            static_cast<std::streamsize>(sizeof(float)) * points.size());
  if (!file) return 1;
  const auto start = std::chrono::steady_clock::now();
  const auto trained =
      atlas::train_autoencoders(points, {.training = atlas::autoencoder_training::study,
                                         .epochs = std::atol(argv[5]),
                                         .seed = 1,
                                         .threads = std::atoi(argv[6])});
  const std::chrono::duration<double> taken = std::chrono::steady_clock::now() - start;
  double unexplained = 0;
  for (const auto& head : trained) unexplained += head.held_out_unexplained;
  std::printf("{\"seconds\": %.6f, \"unexplained\": %.6f}\n", taken.count(),
              unexplained / static_cast<double>(heads));
}
