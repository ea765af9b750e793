#pragma once
/// \file
/// Purity and von Neumann entropy of a few rows of one head.

#include <Eigen/Core>
#include <algorithm>
#include <cmath>
#include <limits>

#include "atlas/boltzmann/unit_values.hpp"
#include "atlas/linalg/eigenbasis.hpp"

namespace atlas::detail {

/// Rows of weights in double on the keys that any of them uses, on directed values, summing to 1.
template <class Real = double>
struct density_tile {
  index first_key = 0;
  row_matrix<Real> weights;  ///< `[rows, keys]`
  Eigen::ArrayX<Real> mass;  ///< `[rows]`, of the given weights on directed values; 0: undefined

  template <class Scalar>
  void load(const tensor_view<const Scalar, 2>& from, const unit_values<Real>& values, index row,
            index rows) {
    const index keys = from.extent(1);
    index low = keys, high = 0;
    weights.resize(rows, keys);
    for (index r = 0; r < rows; ++r)
      for (index i = 0; i < keys; ++i) {
        const double w = static_cast<double>(from(row + r, i)) * values.directed(i);
        weights(r, i) = w;
        if (w != 0) low = std::min(low, i), high = std::max(high, i + 1);
      }
    first_key = std::min(low, high);
    weights = weights.middleCols(first_key, high - first_key).eval();
    mass = weights.rowwise().sum().array();
    for (index r = 0; r < rows; ++r)
      if (mass(r) > 0) weights.row(r) /= mass(r);
  }
};

/// `tr rho^2 = a^T (G o G) a`, G the Gram matrix of the unit values: one product for all rows of
/// the tile, of as many keys at a time as stay in cache.
template <class Real = double>
Eigen::ArrayX<Real> purities(const density_tile<Real>& tile, const unit_values<Real>& values) {
  constexpr index block = 256;
  const index keys = tile.weights.cols();
  Eigen::ArrayX<Real> out = Eigen::ArrayX<Real>::Zero(tile.weights.rows());
  row_matrix<Real> squares, product;
  const auto directions = values.rows.middleRows(tile.first_key, keys);
  for (index from = 0; from < keys; from += block) {
    const index count = std::min(block, keys - from);
    squares.noalias() = directions * directions.middleRows(from, count).transpose();
    squares = squares.array().square().matrix();
    product.noalias() = tile.weights * squares;
    out += (product.array() * tile.weights.middleCols(from, count).array()).rowwise().sum();
  }
  return out;
}

/// `-sum l ln l` of the eigenvalues of a density matrix, whose rounding below 0 or next to it
/// counts as 0.
template <class Real = double>
double spectral_entropy(const Eigen::VectorX<Real>& eigenvalues) {
  constexpr double noise = 4 * std::numeric_limits<double>::epsilon();
  double total = 0, sum = 0;
  for (const double l : eigenvalues)
    if (l > noise) total += l;
  for (const double l : eigenvalues)
    if (l > noise) sum -= l / total * std::log(l / total);
  return std::max(0.0, sum);
}

/// Which of two matrices with the same non-zero spectrum is made.
enum class density_side { smaller, keys, coordinates };

/// Entropy of single rows.
template <class Real = double>
class entropy_solver {
 public:
  /// \param negligible total weight that may be dropped
  double entropy(const Eigen::Ref<const Eigen::RowVectorX<Real>>& weights,
                 const Eigen::Ref<const row_matrix<Real>>& directions, double negligible,
                 density_side side = density_side::smaller) {
    keep(weights, directions, negligible / static_cast<double>(weights.size()));
    const index n = kept_.rows(), d = kept_.cols();
    if (n <= 1) return 0;
    if (side == density_side::keys || (side == density_side::smaller && n <= d)) {
      matrix_.setZero(n, n);
      matrix_.template selfadjointView<Eigen::Lower>().rankUpdate(kept_);
    } else {
      matrix_.setZero(d, d);
      matrix_.template selfadjointView<Eigen::Lower>().rankUpdate(kept_.transpose());
    }
    return spectral_entropy(symmetric_eigenvalues(matrix_));
  }

 private:
  /// Rows `sqrt(a_i) v_i` of the keys with more weight than that.
  void keep(const Eigen::Ref<const Eigen::RowVectorX<Real>>& weights,
            const Eigen::Ref<const row_matrix<Real>>& directions, double least) {
    const index n = (weights.array() > least).count();
    kept_.resize(n, directions.cols());
    index at = 0;
    for (index i = 0; i < weights.size(); ++i)
      if (weights(i) > least) kept_.row(at++) = std::sqrt(weights(i)) * directions.row(i);
  }

  row_matrix<Real> kept_;
  Eigen::MatrixX<Real> matrix_;
};

/// Total weight whose loss no result of this scalar can show: dropping t from rho and scaling what
/// is left moves the entropy by no more than `t ln d + h(t) <= t (ln d + 1 - ln t)` (Fannes 1973,
/// Audenaert 2007), here less than `eps` for any d that fits into memory.
template <class Scalar>
constexpr double negligible_weight() {
  return static_cast<double>(std::numeric_limits<Scalar>::epsilon()) / 96;
}

}  // namespace atlas::detail
