// SPDX-License-Identifier: MIT
/// \file
/// Kernels that are written with vectors (core/vector_of.hpp) on one thread: medians of seven
/// rounds of processor time in milliseconds with their range, and a hash of all bits of the
/// results, which tells whether two builds give the same.
///
///     g++ -std=c++20 -O3 -DNDEBUG -march=native -Iinclude -isystem /usr/include/eigen3 \
///       bench/vectors.cpp -o vectors && ./vectors

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <ctime>
#include <string>
#include <vector>

#include "atlas/boltzmann/density_matrix.hpp"
#include "atlas/core/random.hpp"
#include "atlas/linalg/batched/eigenvalues.hpp"
#include "atlas/linalg/batched/packed_triangles.hpp"
#include "atlas/linalg/batched/tridiagonalization.hpp"
#include "atlas/linalg/frame.hpp"
#include "atlas/linalg/gram.hpp"
#include "atlas/linalg/leading_eigenbasis.hpp"
#include "atlas/linalg/random_rotation.hpp"
#include "atlas/subspace/haar.hpp"

namespace {

using atlas::index_t;

std::uint64_t hash_of(const double* x, index_t count) {
  std::uint64_t hash = 1469598103934665603U;
  for (index_t i = 0; i < count; ++i) {
    hash = (hash ^ std::bit_cast<std::uint64_t>(x[i])) * 1099511628211U;
    hash ^= hash >> 29;
  }
  return hash;
}

/// \param run returns a hash of its result
template <class Run>
void measure(const std::string& name, int calls, const Run& run) {
  std::array<double, 7> times;
  std::uint64_t hash = run();
  for (double& time : times) {
    const std::clock_t start = std::clock();
    for (int i = 0; i < calls; ++i) hash = run();
    time = 1e3 * static_cast<double>(std::clock() - start) / CLOCKS_PER_SEC / calls;
  }
  std::sort(times.begin(), times.end());
  std::printf("| %s | %.4g (%.4g to %.4g) | %016llx |\n", name.c_str(), times[3], times.front(),
              times.back(), static_cast<unsigned long long>(hash));
  std::fflush(stdout);
}

/// Twelve heads of 256 causal rows, values of 64 coordinates.
void density_matrices(atlas::random_stream& random) {
  constexpr index_t heads = 12, keys = 256, d = 64;
  atlas::owned_tensor<float, 3> weights({heads, keys, keys}), values({heads, keys, d});
  float* row = weights.mutable_view().data();
  for (index_t q = 0; q < heads * keys; ++q, row += keys) {
    std::array<double, keys> w = {};
    double sum = 0;
    for (index_t k = 0; k <= q % keys; ++k)
      sum += w[static_cast<std::size_t>(k)] = std::exp(random.normal());
    for (index_t k = 0; k < keys; ++k)
      row[k] = static_cast<float>(w[static_cast<std::size_t>(k)] / sum);
  }
  for (index_t i = 0; i < values.size(); ++i)
    values.mutable_view().data()[i] = static_cast<float>(random.normal());
  measure("density matrices of 12 x 256 x 64, entropies", 1, [&] {
    const auto o = atlas::density_matrices(weights, values, {.threads = 1});
    return hash_of(o.von_neumann_entropy.data(), heads * keys) ^
           hash_of(o.purity.data(), heads * keys);
  });
}

void gram(index_t rows, index_t d, int calls, atlas::random_stream& random) {
  atlas::row_matrix<double> x(rows, d);
  random.fill_normal(x.data(), x.size());
  measure("gram of " + std::to_string(rows) + " x " + std::to_string(d), calls, [&] {
    Eigen::MatrixXd sum = Eigen::MatrixXd::Zero(d, d);
    for (index_t i = 0; i < rows; i += 64)
      atlas::detail::add_gram(x.data() + i * d, std::min<index_t>(64, rows - i), d, sum.data());
    sum.triangularView<Eigen::StrictlyUpper>().setZero();
    return hash_of(sum.data(), sum.size());
  });
}

void batched_eigenvalues(index_t d, int calls, atlas::random_stream& random) {
  using solver = atlas::detail::batched_eigenvalues<double>;
  constexpr index_t lanes = atlas::detail::vector_of<double>::lanes, matrices = 64;
  Eigen::ArrayXXd triangles(atlas::detail::packed_place(d, 0) * lanes, matrices / lanes);
  for (index_t m = 0; m < matrices; ++m) {
    const Eigen::MatrixXd x = atlas::normal_matrix(d, 2 * d, random), product = x * x.transpose();
    for (index_t i = 0; i < d; ++i)
      for (index_t j = 0; j <= i; ++j)
        triangles(atlas::detail::packed_place(i, j) * lanes + m % lanes, m / lanes) =
            product(i, j) / product.trace();
  }
  measure("batched eigenvalues of 64 matrices, d " + std::to_string(d), calls, [&] {
    std::uint64_t hash = 0;
    atlas::detail::batched_tridiagonalization<double> reduction;
    for (index_t from = 0; from < matrices; from += solver::lanes) {
      Eigen::ArrayXd diagonal = Eigen::ArrayXd::Zero(d * solver::lanes), squares = diagonal;
      for (index_t first = 0; first < solver::lanes; first += lanes) {
        Eigen::ArrayXd work = triangles.col((from + first) / lanes);
        reduction.reduce(work.data(), d, diagonal.data() + first, squares.data() + first,
                         solver::lanes);
      }
      solver::solve(diagonal.data(), squares.data(), d);
      hash ^= hash_of(diagonal.data(), diagonal.size());
    }
    return hash;
  });
}

void eight_columns(index_t d, atlas::random_stream& random) {
  const std::string of = ", d " + std::to_string(d);
  const Eigen::MatrixXd x = atlas::normal_matrix(d, 2 * d, random);
  const Eigen::MatrixXd m = x * x.transpose() / static_cast<double>(2 * d);
  measure("a random rotation of 64 columns" + of, 20, [&] {
    atlas::random_stream draws(3);
    const atlas::detail::random_rotation<double> rotation(d, draws);
    Eigen::MatrixXd columns = Eigen::MatrixXd::Ones(8, d);
    for (int i = 0; i < 8; ++i) rotation.turn(columns.data());
    return hash_of(columns.data(), columns.size());
  });
  measure("leading eigenvectors, k 7" + of, 20, [&] {
    const Eigen::MatrixXd v = atlas::detail::leading_eigenvectors(m, 7);
    return hash_of(v.data(), v.size());
  });
}

}  // namespace

int main() {
  atlas::random_stream random(7);
  density_matrices(random);
  gram(1200, 64, 50, random);
  gram(14400, 128, 1, random);
  for (const index_t d : {16, 64}) batched_eigenvalues(d, d == 16 ? 100 : 4, random);
  measure("Haar null, d 64, k 7, 2,000 draws", 1, [] {
    const auto null = atlas::detail::simulate_cosines<double>(64, 7, {.draws = 2000, .threads = 1});
    return hash_of(null.means.data(), 2000);
  });
  for (const index_t d : {64, 128}) eight_columns(d, random);
}
