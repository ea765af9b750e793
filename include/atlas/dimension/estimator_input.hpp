// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// What an estimator of dimension is given and what it gives back, before its error is known.
///
/// An estimator is a struct of its parameters in `atlas::estimators`, with
/// - `name`, and `visit_parameters(self, visit)`, which calls `visit(key, parameter)` for each;
/// - `check_parameters()`, which throws value_error for parameters out of range;
/// - `neighbors()`, how many neighbours of each row it asks for; 0: it looks for them itself;
/// - `needs_points`, whether distances to neighbours are not enough;
/// - `claim()`, what its interval is one of;
/// and a function `raw_dimension(estimator, neighbor_rows)` or, where it needs points,
/// `raw_dimension(estimator, estimator_cloud<Scalar>)` in `atlas::detail`.

#include <Eigen/Core>
#include <algorithm>
#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "atlas/core/lazy.hpp"
#include "atlas/core/tensor_view.hpp"
#include "atlas/dimension/estimate.hpp"
#include "atlas/neighbors/neighbor_table.hpp"

namespace atlas::inline ATLAS_ABI::detail {

/// Neighbours of distinct rows. The table may have more than an estimator asks for.
struct neighbor_rows {
  const neighbor_table& table;
  const dimension_options& options;  ///< exclude and context are those of these rows

  index_t rows() const { return table.distances.extent(0); }
};

/// Distinct rows with their neighbours.
template <class Scalar>
struct estimator_cloud {
  const tensor_view<const Scalar, 2>& points;
  const neighbor_table& table;       ///< empty where the estimator asks for none
  const dimension_options& options;  ///< exclude and context are those of these rows

  index_t rows() const { return points.extent(0); }
};

/// An estimate, and what each row adds to it.
struct raw_estimate {
  double dimension = std::numeric_limits<double>::quiet_NaN();
  std::vector<double> local;    ///< `[N]`, or empty
  std::vector<index_t> rows;    ///< that entered, ascending
  Eigen::VectorXd scores = {};  ///< `[rows.size()]`, what each adds to the logarithm of the
                                ///< dimension, up to a constant; empty where it is not known
  index_t linked = 0;           ///< nearest neighbours that a row's score is made of
  index_t duplicates = 0, isolated = 0;
  std::string remark = {};
  /// Why there is no dimension, as a sentence, where it is not that no distances differ; or empty.
  std::string why = {};
};

/// Whether row i has k neighbours, none at distance 0; counts it where it has not.
inline bool has_neighbors(const neighbor_table& table, index_t i, index_t k, raw_estimate& out) {
  if (table.indices(i, k - 1) < 0) {
    ++out.isolated;
    return false;
  }
  if (table.distances(i, 0) > 0) return true;
  ++out.duplicates;
  return false;
}

/// The exponent of the first distance above 0, by which all are divided, so that a cloud that is
/// larger by a power of two has the same bits, and powers of distances can be held.
template <class = lazy>
int exponent_of_distances(const neighbor_table& table) {
  for (index_t i = 0; i < table.distances.extent(0); ++i) {
    const double distance = table.distances(i, 0);
    if (distance > 0 && std::isfinite(distance)) return std::ilogb(distance);
  }
  return 0;
}

/// Rows with k neighbours, none at distance 0; the others are counted.
template <class = lazy>
std::vector<index_t> rows_with_neighbors(const neighbor_table& table, index_t k,
                                         raw_estimate& out) {
  std::vector<index_t> rows;
  for (index_t i = 0; i < table.distances.extent(0); ++i)
    if (has_neighbors(table, i, k, out)) rows.push_back(i);
  return rows;
}

}  // namespace atlas::inline ATLAS_ABI::detail
