// SPDX-License-Identifier: MIT
/// \file
/// The solver of single symmetric matrices (linalg/tridiagonal.hpp and what uses it) beside Eigen's
/// SelfAdjointEigenSolver, on one thread. Both sides alternate; rows of a Markdown table: medians
/// of seven rounds of processor time in milliseconds, ratio Eigen / atlas with its range.
///
///     g++ -std=c++20 -O3 -DNDEBUG -march=native -Iinclude -isystem /usr/include/eigen3 \
///       bench/peers/eigen.cpp -o eigen && ./eigen

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <ctime>
#include <string>
#include <vector>

#include "atlas/core/random.hpp"
#include "atlas/linalg/frame.hpp"
#include "atlas/linalg/leading_eigenbasis.hpp"
#include "atlas/subspace/principal_frame.hpp"
#include "atlas/subspace/principal_spectra.hpp"

namespace {

using atlas::index_t;

constexpr index_t heads = 144, points = 1200, directions = 7;
constexpr int rounds = 7;

double checksum = 0;  // keeps results alive

/// Milliseconds of processor time a call.
template <class Call>
double time_of(int calls, const Call& call) {
  const std::clock_t start = std::clock();
  for (int i = 0; i < calls; ++i) checksum += call();
  return 1e3 * static_cast<double>(std::clock() - start) / CLOCKS_PER_SEC / calls;
}

template <class Ours, class Eigens>
void compare(const std::string& name, int calls, const Ours& ours, const Eigens& eigens) {
  std::array<double, rounds> mine, theirs, ratios;
  checksum += ours() + eigens();
  for (std::size_t i = 0; i < rounds; ++i) {
    mine[i] = time_of(calls, ours);
    theirs[i] = time_of(calls, eigens);
    ratios[i] = theirs[i] / mine[i];
  }
  std::sort(mine.begin(), mine.end());
  std::sort(theirs.begin(), theirs.end());
  std::sort(ratios.begin(), ratios.end());
  std::printf("| %s | %.3g | %.3g | %.2f (%.2f to %.2f) |\n", name.c_str(), mine[rounds / 2],
              theirs[rounds / 2], ratios[rounds / 2], ratios.front(), ratios.back());
  std::fflush(stdout);
}

/// `leading_eigenbasis` by Eigen alone.
atlas::eigenbasis eigens_basis(const Eigen::MatrixXd& matrix, index_t k) {
  atlas::eigenbasis basis = atlas::symmetric_eigenbasis(matrix);
  basis.vectors = basis.vectors.leftCols(k).eval();
  return basis;
}

double eigens_largest(const Eigen::MatrixXd& matrix) {
  const Eigen::SelfAdjointEigenSolver<Eigen::MatrixXd> solver(matrix, Eigen::EigenvaluesOnly);
  return solver.eigenvalues()(matrix.rows() - 1);
}

/// `[H, N, d]` normal rows, coordinate c of variance 1 / (1 + c).
atlas::owned_tensor<float, 3> clouds(index_t d, atlas::random_stream& random) {
  atlas::owned_tensor<float, 3> out({heads, points, d});
  float* const x = out.mutable_view().data();
  for (index_t i = 0; i < heads * points; ++i)
    for (index_t c = 0; c < d; ++c)
      x[i * d + c] = static_cast<float>(random.normal() / std::sqrt(1.0 + static_cast<double>(c)));
  return out;
}

void compare_clouds(index_t d, atlas::random_stream& random) {
  const atlas::owned_tensor<float, 3> held = clouds(d, random);
  const atlas::tensor_view<const float, 3>& x = held;
  const std::string of = " of 144 clouds of 1,200 x " + std::to_string(d);
  compare(
      "`principal_frame`" + of, 1,
      [&] {
        double sum = 0;
        for (index_t h = 0; h < heads; ++h) sum += atlas::principal_frame(x[h], directions)(0, 0);
        return sum;
      },
      [&] {
        double sum = 0;
        for (index_t h = 0; h < heads; ++h) {
          const Eigen::MatrixXd covariance = atlas::detail::moments(x[h]).covariance;
          sum += atlas::detail::top_frame(eigens_basis(covariance, directions), directions,
                                          "points")(0, 0);
        }
        return sum;
      });
  compare(
      "`principal_spectra`" + of, 1,
      [&] { return atlas::principal_spectra(x, directions, {.threads = 1}).front().frame(0, 0); },
      [&] {
        double sum = 0;
        for (index_t h = 0; h < heads; ++h) {
          const atlas::cloud_moments m = atlas::detail::moments(x[h]);
          const atlas::eigenbasis basis = eigens_basis(m.covariance, directions);
          sum += atlas::detail::top_frame(basis, directions, "points")(0, 0);
          sum +=
              atlas::detail::pca_rank_of_moments<double>(m, basis.values, {}).participation_ratio;
        }
        return sum;
      });
}

void compare_matrices(index_t d, atlas::random_stream& random) {
  const Eigen::MatrixXd x = atlas::normal_matrix(d, 2 * d, random);
  const Eigen::MatrixXd m = x * x.transpose() / static_cast<double>(2 * d);
  const std::string of = ", d " + std::to_string(d);
  const int calls = d <= 128 ? 20 : d <= 256 ? 3 : 1;
  compare(
      "`symmetric_eigenvalues`" + of, calls, [&] { return atlas::symmetric_eigenvalues(m)(0); },
      [&] { return eigens_largest(m); });
  for (const index_t k : {directions, d / 2})
    compare(
        "`leading_eigenbasis`, k " + std::to_string(k) + of, calls,
        [&] { return atlas::leading_eigenbasis(m, k).vectors(0, 0); },
        [&] { return eigens_basis(m, k).vectors(0, 0); });
  compare(
      "`leading_eigenvectors`, k 7" + of, calls,
      [&] { return atlas::detail::leading_eigenvectors(m, directions)(0, 0); },
      [&] { return eigens_basis(m, directions).vectors(0, 0); });
}

}  // namespace

int main() {
  atlas::random_stream random(5);
  for (const index_t d : {64, 128}) compare_clouds(d, random);
  for (const index_t d : {64, 128, 256, 768}) compare_matrices(d, random);
  std::fprintf(stderr, "%g\n", checksum);
}
