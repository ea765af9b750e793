// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// Options and results of `corrected_dimension`.

#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include "atlas/core/interval.hpp"
#include "atlas/core/whole_numbers.hpp"
#include "atlas/dimension/estimate.hpp"
#include "atlas/dimension/reference_clouds.hpp"

namespace atlas::inline ATLAS_ABI {

/// How `corrected_dimension` simulates, and what it calls undetermined.
struct correction_options {
  std::vector<reference_cloud> references = reference_clouds();
  index_t draws = 4;       ///< clouds of each kind and dimension, at least 2
  index_t greatest = 512;  ///< dimension that is simulated
  /// Straight columns that the rows lie in, and so the most dimensions that they can have. 0: how
  /// many principal axes they have, but for those of less than a millionth of the widest's spread.
  index_t columns = 0;
  /// By what share the estimate may be above the greatest mean of a kind of cloud that still fits
  /// into the columns: it then says that greatest dimension. Above that the kind is left out.
  double slack = 0.05;
  double widest = 1.5;     ///< upper end over lower of an interval that still tells the dimension
  index_t half_pairs = 4;  ///< splits in two halves that the trend is of; 0: no trend
  std::uint64_t seed = 0;  ///< of clouds and splits
};

/// What one kind of cloud says.
struct reference_correction {
  reference_cloud reference = reference_cloud::cube;
  /// Whether such a cloud in as many columns can have the estimate at all; the rest is NaN if not.
  bool possible = false;
  double dimension = std::numeric_limits<double>::quiet_NaN();
  atlas::interval interval = {std::numeric_limits<double>::quiet_NaN(),
                              std::numeric_limits<double>::quiet_NaN()};
};

/// What fewer rows do to the estimate. One that falls with them is one that has not converged.
struct scale_trend {
  double half = std::numeric_limits<double>::quiet_NaN();  ///< mean estimate of halves of the rows
  double change = std::numeric_limits<double>::quiet_NaN();  ///< ln(estimate of all / half)
  double error = std::numeric_limits<double>::quiet_NaN();   ///< of the change, over the splits
  bool falls = false;                                        ///< the change is above three errors
};

/// An estimate, and the dimension that clouds with such an estimate have.
struct corrected_estimate {
  dimension_estimate raw;
  /// The middle of what the references say: infinite where that is beyond what is simulated, NaN
  /// where no reference has such an estimate.
  double dimension = std::numeric_limits<double>::quiet_NaN();
  /// From the least to the greatest that any reference says.
  atlas::interval interval = {std::numeric_limits<double>::quiet_NaN(),
                              std::numeric_limits<double>::quiet_NaN()};
  std::vector<reference_correction> references;  ///< in the order of the options
  bool undetermined = true;                      ///< these rows do not tell the dimension
  std::string remark;                            ///< why not, as a sentence; or empty
  scale_trend trend;
  index_t columns = 0;    ///< that dimension and references had to fit into
  index_t simulated = 0;  ///< clouds, by now
};

}  // namespace atlas::inline ATLAS_ABI
