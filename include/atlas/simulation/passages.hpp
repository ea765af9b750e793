// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// Rows of passages without any structure beyond what rows of one text have in common: a Gaussian
/// process along each passage, and passages of their own means and covariances.

#include <Eigen/Core>
#include <cmath>
#include <utility>
#include <vector>

#include "atlas/core/checks.hpp"
#include "atlas/core/compiled.hpp"
#include "atlas/core/lazy.hpp"
#include "atlas/core/random.hpp"
#include "atlas/core/tensor_view.hpp"
#include "atlas/linalg/frame.hpp"
#include "atlas/simulation/clouds.hpp"

namespace atlas::inline ATLAS_ABI {

/// Which rows of which passages are seen.
struct passage_design {
  index_t passages = 100;
  index_t rows = 12;     ///< of each, at different positions that are drawn at random
  index_t length = 256;  ///< positions of a passage, 0 .. length - 1
};

struct passage_structure {
  /// rho, in [0, 1): correlation of rows one position apart; rho^g of rows g apart.
  double correlation = 0;
  double mean_sd = 0;  ///< of the passages' own means, in each coordinate
  /// Of the logarithms of a passage's own principal scales, whose axes are a Haar-random basis: 0
  /// for one covariance of all passages.
  double scale_sd = 0;
  /// `[dimension, m]`: rows are multiplied by it at the end; empty: they are not.
  Eigen::MatrixXd mixing = {};
};

template <class Scalar>
struct labelled_cloud {
  owned_tensor<Scalar, 2> points;     ///< `[N, m]`, N = passages * rows, one passage after another
  owned_tensor<index_t, 1> context;   ///< `[N]`, number of the passage
  owned_tensor<index_t, 1> position;  ///< `[N]`, place within it, increasing
};

namespace detail {

inline void check_passages(const passage_design& design, index_t dimension,
                           const passage_structure& structure) {
  check_between(design.passages, 1, most_simulated, "design.passages");
  check_between(design.rows, 1, most_simulated / design.passages, "design.rows");
  check_between(design.length, design.rows, most_simulated, "design.length");
  check_simulated(1, dimension);
  check_half_open(structure.correlation, 0, 1, "structure.correlation");
  for (const auto& [value, argument] : {std::pair{structure.mean_sd, "structure.mean_sd"},
                                        std::pair{structure.scale_sd, "structure.scale_sd"}})
    if (!(value >= 0 && std::isfinite(value)))
      throw value_error(argument, "a number of 0 or more", number_text(value));
  if (structure.mixing.size() > 0)
    check_extent(structure.mixing.rows(), dimension, "structure.mixing",
                 "as many rows as there are dimensions,");
}

/// AR(1) of unit variance at increasing positions, `[rows, dimension]`: exact, whatever the gaps.
template <class = lazy>
Eigen::MatrixXd autoregressive_rows(const std::vector<index_t>& positions, index_t dimension,
                                    double rho, random_stream& random) {
  const auto rows = static_cast<index_t>(positions.size());
  Eigen::MatrixXd out = normal_matrix(dimension, rows, random);  // a column a row, as it is drawn
  for (index_t i = 1; i < rows; ++i) {
    const auto row = static_cast<std::size_t>(i);
    const double kept = std::pow(rho, static_cast<double>(positions[row] - positions[row - 1]));
    out.col(i) = kept * out.col(i - 1) + std::sqrt(1 - kept * kept) * out.col(i);
  }
  return out.transpose();
}

/// Q diag(exp(s g)) Q^T, Q Haar and g normal.
template <class = lazy>
Eigen::MatrixXd random_scales(index_t dimension, double sd, random_stream& random) {
  const Eigen::MatrixXd axes = random_frame(dimension, dimension, random);
  Eigen::VectorXd scales(dimension);
  for (index_t c = 0; c < dimension; ++c) scales(c) = std::exp(sd * random.normal());
  return axes * scales.asDiagonal() * axes.transpose();
}

}  // namespace detail

/// Passages of a Gaussian process: of each `rows` positions out of `length`, and there
/// `m + A x_t`, x an AR(1) process of unit variance in every coordinate, m and A the passage's own
/// mean and scales (0 and the identity unless asked for). Passages are independent of each other.
/// \throws value_error for a design or structure out of range; shape_error for a mixing of another
///         number of rows than `dimension`
///
/// O(N d (d + m)) time, O(N m) memory.
template <class Scalar = double>
[[nodiscard]] labelled_cloud<Scalar> simulate_passages(const passage_design& design,
                                                       index_t dimension,
                                                       const passage_structure& structure,
                                                       random_stream& random) {
  detail::check_passages(design, dimension, structure);
  const bool mixed = structure.mixing.size() > 0;
  const index_t n = design.passages * design.rows;
  const index_t columns = mixed ? structure.mixing.cols() : dimension;
  labelled_cloud<Scalar> out{owned_tensor<Scalar, 2>({n, columns}), owned_tensor<index_t, 1>({n}),
                             owned_tensor<index_t, 1>({n})};
  auto points = out.points.mutable_view();
  auto context = out.context.mutable_view(), position = out.position.mutable_view();
  for (index_t c = 0, row = 0; c < design.passages; ++c) {
    const std::vector<index_t> places = sample_rows(design.length, design.rows, random);
    Eigen::MatrixXd x =
        detail::autoregressive_rows(places, dimension, structure.correlation, random);
    if (structure.scale_sd > 0)
      x = (x * detail::random_scales(dimension, structure.scale_sd, random)).eval();
    if (structure.mean_sd > 0)
      x.rowwise() += structure.mean_sd * normal_matrix(1, dimension, random).row(0);
    if (mixed) x = (x * structure.mixing).eval();
    for (index_t i = 0; i < design.rows; ++i, ++row) {
      for (index_t k = 0; k < columns; ++k) points(row, k) = static_cast<Scalar>(x(i, k));
      context[row] = c;
      position[row] = places[static_cast<std::size_t>(i)];
    }
  }
  return out;
}

}  // namespace atlas::inline ATLAS_ABI

#ifdef ATLAS_COMPILED
namespace atlas::inline ATLAS_ABI {
ATLAS_OF_SIMULATION labelled_cloud<float> simulate_passages<float>(const passage_design&, index_t,
                                                                   const passage_structure&,
                                                                   random_stream&);
ATLAS_OF_SIMULATION labelled_cloud<double> simulate_passages<double>(const passage_design&, index_t,
                                                                     const passage_structure&,
                                                                     random_stream&);
}  // namespace atlas::inline ATLAS_ABI
#endif
