// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// Bits for each of n independent components at a fixed average: reverse water-filling (Cover and
/// Thomas, Elements of Information Theory, 2006, theorem 10.3.3) in whole bits.

#include <Eigen/Core>
#include <algorithm>
#include <cmath>
#include <queue>
#include <string>
#include <utility>
#include <vector>

#include "atlas/core/checks.hpp"
#include "atlas/core/compiled.hpp"
#include "atlas/core/lazy.hpp"
#include "atlas/quantize/magnitude.hpp"

namespace atlas::inline ATLAS_ABI {

struct bit_allocation_options {
  double average_bits = 4;  ///< over the components, from min_bits to max_bits
  int min_bits = 2;         ///< 0 lets components drown: they are dropped. 1 is refused, and never
                            ///< given: a symmetric grid of 1 bit has no level but 0
  int max_bits = 8;
};

struct bit_allocation_result {
  std::vector<int> bits;   ///< of each component: 0 or 2 to 8
  double average = 0;      ///< achieved: the one asked for, to a whole number of bits in all
  double water_level = 0;  ///< distortion D of the real-valued solution, in which a component of
                           ///< variance v has `log2(v / D) / 2` bits, within the limits
};

namespace detail {

/// What the next step up of a component gains for each bit that it costs, where b bits leave a
/// distortion of `v 4^-b`.
struct bit_step {
  double gain = 0;
  index_t component = 0;
  int to = 0;

  /// Ties: the lowest component first, so that the allocation is unique.
  bool operator<(const bit_step& o) const {
    return gain != o.gain ? gain < o.gain : component > o.component;
  }
};

inline bit_step next_step(double variance, index_t component, int from) {
  const int to = from == 0 ? 2 : from + 1;
  const double gain = variance * (std::ldexp(1.0, -2 * from) - std::ldexp(1.0, -2 * to));
  return {gain / (to - from), component, to};
}

/// Gives out `budget` bits, best step first; a step that costs more than what is left is passed.
/// \return what is left: 1 at most where the components can take it all
template <class = lazy>
index_t hand_out_bits(const Eigen::VectorXd& variances, index_t budget, int max_bits,
                      std::vector<int>& bits) {
  std::priority_queue<bit_step> steps;
  for (index_t i = 0; i < variances.size(); ++i)
    if (bits[static_cast<std::size_t>(i)] < max_bits)
      steps.push(next_step(variances(i), i, bits[static_cast<std::size_t>(i)]));
  while (budget > 0 && !steps.empty()) {
    const bit_step step = steps.top();
    steps.pop();
    int& b = bits[static_cast<std::size_t>(step.component)];
    if (step.to - b > budget) continue;
    budget -= step.to - b;
    b = step.to;
    if (b < max_bits) steps.push(next_step(variances(step.component), step.component, b));
  }
  return budget;
}

/// Where one bit is left and all components are full or at 0: raises the best of the latter to 2
/// bits and takes the second of them from where it is missed least.
template <class = lazy>
void spend_last_bit(const Eigen::VectorXd& variances, std::vector<int>& bits) {
  index_t to = -1, from = -1;
  double least = 0;
  for (index_t i = 0; i < variances.size(); ++i) {
    const int b = bits[static_cast<std::size_t>(i)];
    const double loss = variances(i) * std::ldexp(1.0, -2 * b);
    if (b == 0 && (to < 0 || variances(i) > variances(to))) to = i;
    if (b < 3 || (from >= 0 && loss >= least)) continue;
    from = i;
    least = loss;
  }
  if (to < 0 || from < 0) return;
  bits[static_cast<std::size_t>(to)] = 2;
  --bits[static_cast<std::size_t>(from)];
}

/// Mean number of bits at a water level.
template <class = lazy>
double mean_rate(const Eigen::VectorXd& variances, double log_level,
                 const bit_allocation_options& options) {
  double sum = 0;
  for (index_t i = 0; i < variances.size(); ++i) {
    const double rate = variances(i) > 0 ? 0.5 * (std::log2(variances(i)) - log_level) : 0;
    sum += std::clamp<double>(rate, options.min_bits, options.max_bits);
  }
  return sum / static_cast<double>(variances.size());
}

/// By bisection of its logarithm.
template <class Real>
double water_level(const Eigen::VectorX<Real>& variances, const bit_allocation_options& options) {
  if (!(variances.maxCoeff() > 0)) return 0;
  double high = std::log2(variances.maxCoeff());
  double low = high;
  for (index_t i = 0; i < variances.size(); ++i)
    if (variances(i) > 0) low = (std::min)(low, std::log2(variances(i)));
  low -= 2 * options.max_bits;
  for (int i = 0; i < 100; ++i) {
    const double middle = 0.5 * (low + high);
    (mean_rate(variances, middle, options) > options.average_bits ? low : high) = middle;
  }
  return std::exp2(0.5 * (low + high));
}

template <class Real>
void check_bit_allocation(const Eigen::VectorX<Real>& variances,
                          const bit_allocation_options& options) {
  if (variances.size() == 0) throw shape_error("variances", "at least one", "none");
  if (!variances.allFinite() || variances.minCoeff() < 0)
    throw value_error("variances", "finite numbers of 0 or more", "others");
  if (options.min_bits != 0) check_between(options.min_bits, 2, 8, "min_bits");
  check_between(options.max_bits, (std::max)(2, options.min_bits), 8, "max_bits");
  if (!(options.average_bits >= options.min_bits && options.average_bits <= options.max_bits))
    throw value_error("average_bits",
                      "a number from " + std::to_string(options.min_bits) + " to " +
                          std::to_string(options.max_bits),
                      number_text(options.average_bits));
}

}  // namespace detail

/// The whole numbers of bits that leave the smallest total distortion, where b bits leave
/// `variance 4^-b` of a component. Exactly the smallest for min_bits of 2 or more, since each bit
/// gains less than the one before it; with 0 up to the last bit.
///
/// \param variances of the components, weighted as their distortions count
/// \throws shape_error if empty; value_error for NaN, negative variances, bits outside 0, 2-8, an
///         average outside the limits
///
/// O(n bits log n) time.
template <class = lazy>
[[nodiscard]] bit_allocation_result allocate_bits(Eigen::VectorXd variances,
                                                  const bit_allocation_options& options = {}) {
  detail::check_bit_allocation(variances, options);
  const int exponent = detail::extreme_exponent(variances.maxCoeff());
  variances = detail::times_power(std::move(variances), -exponent);
  const auto n = static_cast<double>(variances.size());
  bit_allocation_result out;
  out.bits.assign(static_cast<std::size_t>(variances.size()), options.min_bits);
  const auto budget = static_cast<index_t>(std::nearbyint(n * options.average_bits));
  const index_t left = detail::hand_out_bits(
      variances, budget - variances.size() * options.min_bits, options.max_bits, out.bits);
  if (left == 1) detail::spend_last_bit(variances, out.bits);
  double sum = 0;
  for (const int b : out.bits) sum += b;
  out.average = sum / n;
  out.water_level = std::ldexp(detail::water_level(variances, options), exponent);
  return out;
}

}  // namespace atlas::inline ATLAS_ABI

#ifdef ATLAS_COMPILED
namespace atlas::inline ATLAS_ABI {
ATLAS_OF_QUANTIZE bit_allocation_result allocate_bits<void>(Eigen::VectorXd,
                                                            const bit_allocation_options&);
}  // namespace atlas::inline ATLAS_ABI
#endif
