// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// Von Neumann entropies of a few rows of one head.

#include <Eigen/Core>
#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "atlas/boltzmann/batched_densities.hpp"
#include "atlas/boltzmann/density_rows.hpp"
#include "atlas/core/compiled.hpp"
#include "atlas/core/vector_of.hpp"
#include "atlas/linalg/batched/eigenvalues.hpp"
#include "atlas/linalg/batched/tridiagonalization.hpp"
#include "atlas/linalg/reshape.hpp"

namespace atlas::inline ATLAS_ABI::detail {

/// `-sum l ln l` in nats of the eigenvalues of a density matrix, divided by their sum. Those below
/// 9e-16, which may be rounding, count as 0.
template <class Real = double>
double spectral_entropy(const Eigen::ArrayX<Real>& eigenvalues) {
  constexpr double noise = 4 * std::numeric_limits<double>::epsilon();
  const Eigen::ArrayX<Real> kept = (eigenvalues > noise).select(eigenvalues, Real(0));
  const Eigen::ArrayX<Real> shares = kept / kept.sum();
  return (std::max)(0.0, -(shares > 0).select(shares * shares.log(), Real(0)).sum());
}

/// Which of two matrices with the same non-zero spectrum is made of a row: that of its n keys with
/// weight, `[n, n]`, that of the d coordinates, `[d, d]`, or the smaller one.
enum class density_side { smaller, keys, coordinates };

/// Entropies, in nats, of the rows of a tile. Rows whose matrices are about as large share the
/// lanes of a vector.
template <class Real = double>
class entropy_solver {
 public:
  /// \param negligible share of a row's weight that may be left out in all
  entropy_solver(const density_tile<Real>& tile, const unit_values<Real>& values, Real negligible,
                 density_side side = density_side::smaller)
      : weights_(tile.weights),
        directions_(values.rows.middleRows(tile.first_key, tile.weights.cols())),
        least_(negligible / static_cast<Real>(tile.weights.cols())),
        side_(side) {}

  /// Entropies of the rows whose mass is above 0, each at its row's place in `out`.
  void run(const Eigen::ArrayX<Real>& mass, double* out);

 private:
  static constexpr index_t lanes = vector_of<Real>::lanes;
  static constexpr index_t all_lanes = batched_eigenvalues<Real>::lanes;

  using strided = Eigen::Map<const Eigen::ArrayX<Real>, 0, Eigen::InnerStride<>>;

  struct sized_row {
    index_t row, keys;
  };

  bool by_keys(index_t n) const {
    return side_ == density_side::keys ||
           (side_ == density_side::smaller && n <= directions_.cols());
  }

  /// `form(rows, count, size, out)` makes the matrices of one vector, of the size that `size_of`
  /// asks for the last of a batch of rows.
  template <class SizeOf, class Form>
  void run_batches(const std::vector<sized_row>& rows, SizeOf&& size_of, Form&& form, double* out) {
    std::vector<index_t> row_numbers;
    for (const sized_row& r : rows) row_numbers.push_back(r.row);
    const auto total = static_cast<index_t>(rows.size());
    for (index_t from = 0; from < total; from += all_lanes) {
      const index_t count = (std::min)(all_lanes, total - from);
      const index_t size = size_of(rows[static_cast<std::size_t>(from + count - 1)]);
      reshape(diagonals_, size * all_lanes);
      reshape(squares_, size * all_lanes);
      reshape(triangles_, packed_place(size, 0) * lanes);
      diagonals_.setZero();
      squares_.setZero();
      for (index_t first = 0; first < count; first += lanes) {
        form(row_numbers.data() + from + first, (std::min)(lanes, count - first), size,
             triangles_.data());
        reduction_.reduce(triangles_.data(), size, diagonals_.data() + first,
                          squares_.data() + first, all_lanes);
      }
      batched_eigenvalues<Real>::solve(diagonals_.data(), squares_.data(), size);
      for (index_t l = 0; l < count; ++l)
        out[row_numbers[static_cast<std::size_t>(from + l)]] = spectral_entropy<Real>(
            strided(diagonals_.data() + l, size, Eigen::InnerStride<>(all_lanes)));
    }
  }

  /// Rows of few keys, the fewest first.
  void run_by_keys(const std::vector<sized_row>& rows, double* out) {
    key_grams<Real> grams(weights_, directions_, least_);
    run_batches(
        rows, [](const sized_row& last) { return last.keys; },
        [&](const index_t* row_numbers, index_t count, index_t size, Real* to) {
          grams.form(row_numbers, count, size, to);
        },
        out);
  }

  void run_by_coordinates(const std::vector<sized_row>& rows, double* out) {
    if (rows.empty()) return;
    const column_panels<Real> panels(directions_);
    batched_densities<Real> densities(panels, directions_.cols());
    run_batches(
        rows, [&](const sized_row&) { return directions_.cols(); },
        [&](const index_t* row_numbers, index_t count, index_t, Real* to) {
          densities.form(weights_, row_numbers, count, to);
        },
        out);
  }

  const row_matrix<Real>& weights_;
  Eigen::Ref<const row_matrix<Real>> directions_;
  Real least_;
  density_side side_;
  batched_tridiagonalization<Real> reduction_;
  Eigen::ArrayX<Real> triangles_;            ///< packed, of one vector
  Eigen::ArrayX<Real> diagonals_, squares_;  ///< `[size, all_lanes]`
};

template <class Real>
void entropy_solver<Real>::run(const Eigen::ArrayX<Real>& mass, double* out) {
  std::vector<sized_row> few, many;
  for (index_t r = 0; r < weights_.rows(); ++r) {
    if (!(mass(r) > 0)) continue;
    const index_t n = (weights_.row(r).array() > least_).count();
    if (n <= 1) {
      out[r] = 0;
    } else {
      (by_keys(n) ? few : many).push_back({r, n});
    }
  }
  std::stable_sort(few.begin(), few.end(),
                   [](const sized_row& a, const sized_row& b) { return a.keys < b.keys; });
  run_by_keys(few, out);
  run_by_coordinates(many, out);
}

}  // namespace atlas::inline ATLAS_ABI::detail

#ifdef ATLAS_COMPILED
namespace atlas::inline ATLAS_ABI::detail {
ATLAS_OF_BOLTZMANN void entropy_solver<double>::run(const Eigen::ArrayXd&, double*);
}  // namespace atlas::inline ATLAS_ABI::detail
#endif
