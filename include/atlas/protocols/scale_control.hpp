// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// The scale control: one quantity, one d_head, models of several sizes.

#include <algorithm>
#include <cmath>
#include <string>
#include <utility>
#include <vector>

#include "atlas/core/compiled.hpp"
#include "atlas/core/lazy.hpp"
#include "atlas/protocols/verdict.hpp"

namespace atlas::inline ATLAS_ABI {

/// A quantity of one model.
struct scaled_value {
  std::string label;
  double size = 0;  ///< number of parameters, or any measure of the model's size, above 0
  index_t head_dimension = 0;
  double value = 0;
  double standard_error = 0;  ///< above 0
};

struct scale_result {
  finding trend;         ///< change of the quantity for each factor e of size; null 0
  double intercept = 0;  ///< of the fit `value = intercept + slope ln(size)`
  /// Factor on the errors by which the values scatter around the fit more than their errors say
  /// (Birge), at least 1; 1 for two models, which have no scatter.
  double scatter = 1;
};

namespace detail {

inline void check_scaled(const std::vector<scaled_value>& models) {
  if (models.size() < 2) throw shape_error("models", "at least 2", std::to_string(models.size()));
  bool differ = false;
  for (const scaled_value& m : models) {
    if (!(m.size > 0 && std::isfinite(m.size)))
      throw value_error(m.label, "a size above 0", number_text(m.size));
    if (m.head_dimension != models.front().head_dimension)
      throw value_error(m.label,
                        "a head_dimension of " + std::to_string(models.front().head_dimension) +
                            " as the first model",
                        std::to_string(m.head_dimension));
    if (!std::isfinite(m.value)) throw value_error(m.label, "a finite value", number_text(m.value));
    if (!(m.standard_error > 0 && std::isfinite(m.standard_error)))
      throw value_error(m.label, "a standard_error above 0", number_text(m.standard_error));
    differ = differ || m.size != models.front().size;
  }
  if (!differ) throw value_error("models", "different sizes", "one size");
}

inline double least_error(const std::vector<scaled_value>& models) {
  double least = models.front().standard_error;
  for (const scaled_value& m : models) least = (std::min)(least, m.standard_error);
  return least;
}

}  // namespace detail

/// Weighted least squares of a quantity on the logarithm of size.
///
/// Weights are those of the standard errors. With three models and more, scatter beyond these
/// errors widens the error of the slope; it then judges by Student's t with as many degrees of
/// freedom as the scatter has. Two models have the given errors alone.
///
/// \param models at least 2, all of one head_dimension: the null of an overlap depends on it
/// \throws shape_error for fewer than 2 models; value_error for another head_dimension, one size
///         for all, errors that are not above 0, NaN
template <class = lazy>
[[nodiscard]] scale_result scale_control(const std::vector<scaled_value>& models,
                                         const verdict_options& options = {}) {
  detail::check_scaled(models);
  const double least = detail::least_error(models);
  const auto weight_of = [&](const scaled_value& m) {  // 1 for the smallest error
    const double share = least / m.standard_error;
    return share * share;
  };
  double w = 0, mx = 0, my = 0, xx = 0, xy = 0, chi = 0;
  for (const scaled_value& m : models) {
    const double weight = weight_of(m);
    w += weight;
    mx += weight * std::log(m.size);
    my += weight * m.value;
  }
  mx /= w;
  my /= w;
  for (const scaled_value& m : models) {
    const double weight = weight_of(m), x = std::log(m.size) - mx;
    xx += weight * x * x;
    xy += weight * x * (m.value - my);
  }
  scale_result out;
  const double slope = xy / xx;
  out.intercept = my - slope * mx;
  for (const scaled_value& m : models)
    chi += std::pow((m.value - out.intercept - slope * std::log(m.size)) / m.standard_error, 2);
  const auto degrees = static_cast<double>(models.size() - 2);
  out.scatter = degrees > 0 ? (std::max)(1.0, std::sqrt(chi / degrees)) : 1;
  finding f = compare_with_null({"slope", slope, 0, out.scatter * (least / std::sqrt(xx)), 0});
  if (out.scatter > 1) f.p = two_sided_t_p(f.z, degrees);
  out.trend = judge({std::move(f)}, options).front();
  return out;
}

}  // namespace atlas::inline ATLAS_ABI

#ifdef ATLAS_COMPILED
namespace atlas::inline ATLAS_ABI {
ATLAS_OF_PROTOCOLS scale_result scale_control<void>(const std::vector<scaled_value>&,
                                                    const verdict_options&);
}  // namespace atlas::inline ATLAS_ABI
#endif
