// SPDX-License-Identifier: MIT
/// \file
/// Seconds that the clouds of many heads take, part by part, and what came out, as JSON. Run by
/// heads.py, beside PyTorch.
/// `peer_heads FILE H N d wall|processor`; the file holds `[H, N, d]` floats. Seconds of the
/// processor are those of all threads together.

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <fstream>
#include <string>
#include <vector>

#include "atlas/core/parallel.hpp"
#include "atlas/core/tensor_view.hpp"
#include "atlas/dimension/pca_rank.hpp"
#include "atlas/dimension/two_nn.hpp"
#include "atlas/subspace/overlap.hpp"
#include "atlas/subspace/principal_frame.hpp"
#include "atlas/subspace/principal_spectra.hpp"

namespace {

using clouds_view = atlas::tensor_view<const float, 3>;

constexpr atlas::index_t local_dimension = 7;

struct measures {
  std::vector<double> dimensions, ranks;
  std::vector<Eigen::MatrixXd> frames;
  Eigen::MatrixXd overlaps;
};

bool of_processor = false;

double now() {
  if (of_processor) return static_cast<double>(std::clock()) / CLOCKS_PER_SEC;
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

template <class Work>
double seconds(Work&& work) {
  const double start = now();
  work();
  return now() - start;
}

/// One round; prints it where asked to.
void round_of(const clouds_view& clouds, bool print) {
  const atlas::index_t heads = clouds.extent(0);
  measures m;
  m.dimensions.resize(static_cast<std::size_t>(heads));
  m.ranks.resize(static_cast<std::size_t>(heads));
  const int inside = atlas::threads_inside(heads, 0);
  const double two_nn = seconds([&] {
    atlas::parallel_for(heads, 0, [&](atlas::index_t h) {
      m.dimensions[static_cast<std::size_t>(h)] =
          atlas::two_nn(clouds[h], {.threads = inside}).dimension;
    });
  });
  const double rank = seconds([&] {
    atlas::parallel_for(heads, 0, [&](atlas::index_t h) {
      m.ranks[static_cast<std::size_t>(h)] = static_cast<double>(atlas::pca_rank(clouds[h]).rank);
    });
  });
  const double frames =
      seconds([&] { m.frames = atlas::principal_frames(clouds, local_dimension); });
  std::vector<atlas::principal_spectrum> spectra;
  const double both = seconds([&] { spectra = atlas::principal_spectra(clouds, local_dimension); });
  const double overlaps = seconds([&] { m.overlaps = atlas::overlap_matrix(m.frames); });
  if (!print) return;
  const auto mean = [&](const std::vector<double>& x) {
    double sum = 0;
    for (const double value : x) sum += value;
    return sum / static_cast<double>(heads);
  };
  const double all = static_cast<double>(heads) * static_cast<double>(heads - 1);
  std::printf(
      "{\"two_nn\": %.6f, \"rank\": %.6f, \"frames\": %.6f, \"rank and frames\": %.6f, "
      "\"overlaps\": %.6f, "
      "\"mean_dimension\": %.8f, \"mean_rank\": %.8f, \"mean_overlap\": %.8f}\n",
      two_nn, rank, frames, both, overlaps, mean(m.dimensions), mean(m.ranks),
      (m.overlaps.sum() - m.overlaps.trace()) / all);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 6) return 2;
  of_processor = std::string(argv[5]) == "processor";
  const atlas::index_t heads = std::atol(argv[2]), n = std::atol(argv[3]), d = std::atol(argv[4]);
  std::vector<float> memory(static_cast<std::size_t>(heads * n * d));
  std::ifstream file(argv[1], std::ios::binary);
  file.read(reinterpret_cast<char*>(memory.data()),
            static_cast<std::streamsize>(memory.size() * sizeof(float)));
  if (!file) return 1;
  const clouds_view clouds(memory.data(), {heads, n, d});
  round_of(clouds, false);  // warms up
  round_of(clouds, true);
}
