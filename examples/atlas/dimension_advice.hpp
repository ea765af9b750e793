// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// What to make of estimates of dimension that differ: rules over their numbers.

#include <limits>
#include <string>
#include <vector>

#include "atlas/core/interval.hpp"
#include "atlas/core/tensor_view.hpp"

namespace atlas_program {

/// An estimate as the rules see it.
struct advised_estimate {
  std::string name;
  double dimension = std::numeric_limits<double>::quiet_NaN();
  double standard_error = std::numeric_limits<double>::quiet_NaN();
  atlas::index_t neighbors = 0;  ///< of each row; 0: not by number
  bool linear = false;           ///< counts directions of the whole cloud: PCA, separability
};

/// The mean over estimators at one scale.
struct advised_scale {
  double dimension = 0, standard_error = 0;
};

struct advised_cloud {
  atlas::index_t rows = 0;      ///< distinct ones
  atlas::index_t merged = 0;    ///< left out beside these
  atlas::index_t contexts = 0;  ///< that are the units; 0: rows are
  double tied = 0;              ///< share of rows whose two nearest neighbours are equally far
  double adjacent = 0;  ///< share of rows whose nearest neighbour is the row before or after
  double adjacent_by_chance = 0;  ///< the same of rows in random order
  atlas::index_t looked_at = 0;   ///< rows that these shares are of
  bool order_matters = true;      ///< whether neighbours next to each other were allowed
  std::vector<advised_estimate> estimates = {};
  /// From the smallest scale, that of all rows, to the largest; empty where it was not asked for.
  std::vector<advised_scale> scales = {};
};

/// One sentence or several; the first says whether the estimates agree.
std::vector<std::string> advice_of(const advised_cloud& cloud);

}  // namespace atlas_program
