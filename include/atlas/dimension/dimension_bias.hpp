// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// How far an estimator is off on clouds of known dimension of so many rows. Neighbours of N rows
/// in d dimensions are far apart when d is large, in proportion to N^(-1/d) of the cloud's own
/// size, so that edges, curvature and density enter each neighbourhood: the mean of an estimate is
/// then not the dimension, and its interval, which is of that mean, does not say so.

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "atlas/core/checks.hpp"
#include "atlas/core/parallel.hpp"
#include "atlas/core/progress.hpp"
#include "atlas/core/random.hpp"
#include "atlas/dimension/estimate.hpp"
#include "atlas/dimension/estimate_dimension.hpp"
#include "atlas/dimension/reference_clouds.hpp"

namespace atlas::inline ATLAS_ABI {

/// Clouds that the bias of an estimator is simulated on.
struct dimension_bias_options {
  index_t rows = 1000;     ///< of each cloud
  index_t dimension = 10;  ///< of each cloud
  index_t draws = 8;       ///< clouds of each kind
  std::vector<reference_cloud> references = reference_clouds();
  std::uint64_t seed = 0;
  /// Of the estimator. Labels to exclude by are those of `rows` rows; periods must be empty.
  dimension_options estimate = {};
};

/// What an estimator gives on clouds of one kind.
struct reference_bias {
  reference_cloud reference = reference_cloud::cube;
  index_t dimension = 0;                                        ///< of these clouds
  index_t draws = 0;                                            ///< clouds
  double mean = std::numeric_limits<double>::quiet_NaN();       ///< estimate
  double deviation = std::numeric_limits<double>::quiet_NaN();  ///< of one estimate, standard
  double error = std::numeric_limits<double>::quiet_NaN();      ///< of the mean, standard
};

namespace detail {

/// What is simulated, and not yet.
using reference_place = std::pair<reference_cloud, index_t>;

inline reference_bias bias_of_draws(const reference_place& place,
                                    const std::vector<double>& estimates) {
  reference_bias out{place.first, place.second, static_cast<index_t>(estimates.size())};
  const auto n = static_cast<double>(estimates.size());
  double mean = 0, square = 0;
  for (const double x : estimates) mean += x / n;
  for (const double x : estimates) square += (x - mean) * (x - mean);
  out.mean = mean;
  if (estimates.size() < 2) return out;
  out.deviation = std::sqrt(square / (n - 1));
  out.error = out.deviation / std::sqrt(n);
  return out;
}

inline void check_bias_draws(index_t draws, const std::vector<reference_cloud>& references) {
  check_between(draws, 2, index_t{1} << 30, "draws");
  if (references.empty()) throw shape_error("references", "at least one kind of cloud", "none");
}

}  // namespace detail

/// An estimator's means on reference clouds of one number of rows, each simulated when it is first
/// asked for and then kept: for many clouds of the same size and labels. A cloud is a function of
/// the seed, its kind, its dimension and its number alone, so that the order of questions does not
/// matter. Not for several threads at once.
template <dimension_estimator_type Estimator>
class bias_curves {
 public:
  /// \param options of the estimator; of periods none may be given, since the clouds have none
  /// \param draws clouds of a kind and dimension, at least 2
  /// \throws value_error for parameters or options out of range; shape_error for fewer than 3 rows
  bias_curves(Estimator estimator, index_t rows, dimension_options options, index_t draws,
              std::uint64_t seed)
      : estimator_(std::move(estimator)),
        rows_(rows),
        options_(std::move(options)),
        draws_(draws),
        seed_(seed) {
    estimator_.check_parameters();
    detail::check_dimension_options(options_);
    check_between(draws, 2, index_t{1} << 30, "draws");
    if (rows < 3) throw shape_error("rows", "at least 3", std::to_string(rows));
    if (!options_.periods.empty())
      throw value_error("options.periods", "none: reference clouds have no periods",
                        std::to_string(options_.periods.size()));
    options_.errors = false;
    options_.degenerate = degenerate_policy::error;
  }

  [[nodiscard]] index_t rows() const { return rows_; }
  [[nodiscard]] index_t draws() const { return draws_; }
  [[nodiscard]] const Estimator& estimator() const { return estimator_; }
  /// Clouds that were simulated.
  [[nodiscard]] index_t simulated() const { return draws_ * static_cast<index_t>(known_.size()); }

  /// Simulates what is not known of these, all of it at once.
  /// \throws what the estimator does on such a cloud; cancelled
  void simulate(const std::vector<detail::reference_place>& places) {
    std::vector<detail::reference_place> wanted;
    for (const auto& place : places)
      if (!known_.contains(place) && std::find(wanted.begin(), wanted.end(), place) == wanted.end())
        wanted.push_back(place);
    const index_t tasks = draws_ * static_cast<index_t>(wanted.size());
    std::vector<double> estimates(static_cast<std::size_t>(tasks));
    progress_meter meter(options_.on_progress, "reference clouds", tasks);
    dimension_options of_draw = options_;
    of_draw.threads = threads_inside(tasks, options_.threads);
    of_draw.on_progress = meter.within_a_step();
    parallel_for(tasks, options_.threads, [&](index_t task) {
      estimates[static_cast<std::size_t>(task)] =
          estimate_draw(wanted[static_cast<std::size_t>(task / draws_)], task % draws_, of_draw);
      meter.advance();
    });
    for (std::size_t w = 0; w < wanted.size(); ++w) {
      const auto first = estimates.begin() + static_cast<std::ptrdiff_t>(w) * draws_;
      known_.emplace(wanted[w], detail::bias_of_draws(wanted[w], {first, first + draws_}));
    }
  }

  /// \throws as `simulate`
  [[nodiscard]] const reference_bias& at(reference_cloud reference, index_t dimension) {
    simulate({{reference, dimension}});
    return known_.at({reference, dimension});
  }

 private:
  double estimate_draw(const detail::reference_place& place, index_t draw,
                       const dimension_options& options) const {
    const auto kind = static_cast<std::uint64_t>(place.first);
    const std::uint64_t seed =
        seed_of_stream(seed_, 1 + 4 * static_cast<std::uint64_t>(place.second) + kind);
    random_stream random(seed, static_cast<std::uint64_t>(draw));
    return estimate_dimension(detail::simulate_reference(place.first, rows_, place.second, random),
                              estimator_, options)
        .dimension;
  }

  Estimator estimator_;
  index_t rows_;
  dimension_options options_;
  index_t draws_;
  std::uint64_t seed_;
  std::map<detail::reference_place, reference_bias> known_;
};

/// The mean estimate on clouds of a known dimension, for each kind of cloud.
///
/// \return one for each of `options.references`, in their order
/// \throws value_error for options or parameters out of range, periods, or clouds of which the
///         estimator has no estimate; shape_error for no references or fewer than 3 rows; cancelled
///
/// `references * draws` estimates of `[rows, 2 dimension]` at most, in parallel; the same bits for
/// every thread count.
/// \code
/// for (const auto& b : atlas::dimension_bias(atlas::estimators::mom{.k = 20},
///                                            {.rows = 1000, .dimension = 40}))
///   std::cout << atlas::name_of(b.reference) << ": " << b.mean << " for 40\n";
/// \endcode
template <dimension_estimator_type Estimator>
[[nodiscard]] std::vector<reference_bias> dimension_bias(
    const Estimator& estimator, const dimension_bias_options& options = {}) {
  detail::check_bias_draws(options.draws, options.references);
  check_between(options.dimension, 1, index_t{1} << 20, "dimension");
  bias_curves<Estimator> curves(estimator, options.rows, options.estimate, options.draws,
                                options.seed);
  std::vector<detail::reference_place> places;
  for (const reference_cloud r : options.references) places.emplace_back(r, options.dimension);
  curves.simulate(places);
  std::vector<reference_bias> out;
  for (const auto& [reference, d] : places) out.push_back(curves.at(reference, d));
  return out;
}

}  // namespace atlas::inline ATLAS_ABI
