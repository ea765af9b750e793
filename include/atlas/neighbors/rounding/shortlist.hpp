// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// How rows are rounded for the shortlist, and proven bounds of distances from rounded rows: a pair
/// within the limit of one of its rows is never ruled out.

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <type_traits>
#include <vector>

#include "atlas/core/vector_functions.hpp"
#include "atlas/neighbors/rounding/byte_tile.hpp"
#include "atlas/neighbors/rounding/register_tile.hpp"
#include "atlas/neighbors/rounding/row_distances.hpp"
#include "atlas/neighbors/search_costs.hpp"

namespace atlas::inline ATLAS_ABI::detail {

/// A row as a tile reads it, beside its coordinates: halves of bounds of its squared norm. With
/// `low` of both rows a sum is minus half of a lower bound of the squared distance, with `high` of
/// an upper one, both times a factor that is the shortlist's `stretch`.
template <class Sum>
struct rounded_row {
  Sum low, high;
  float unit = 0;           // of rows rounded to bytes: what 1 stands for
  std::int32_t offset = 0;  // of bytes on the left: what takes back the 128 added on the right
};

/// Floors and lengths that follow from exact distances, for both shortlists.
template <class Scalar, class Sum>
class shortlist_bounds {
 public:
  using sum = Sum;
  /// Half of the squared norm in places that hold no row: all pairs of it are far apart.
  static constexpr sum absent = (std::numeric_limits<sum>::max)() / 4;
  static constexpr sum no_floor = -std::numeric_limits<sum>::infinity();  // rules out no pair
  static constexpr sum all_floor = std::numeric_limits<sum>::infinity();  // rules out all

  /// A bound below the sum of every pair whose computed squared distance is at most `square`.
  sum floor(double square) const { return below(largest_square(square, d_) * half_squared_scale_); }

  /// An upper bound of a distance whose computed square is `square`, in the units of sums: centred
  /// and scaled, divided by sqrt(2), with the shortlist's errors. Such lengths add: if the distance
  /// of a pair is at most a + b, its sum is above -(length(a^2) + length(b^2))^2 - slack().
  double length(double square) const {
    return std::sqrt(largest_square(square, d_) * half_squared_scale_ * stretch_ * upwards);
  }
  double slack() const { return slack_; }

  /// `length` of the distance of a pair whose sum of upper bounds (`high`) is `known`.
  double length_of_sum(sum known) const {
    const double half = (std::max)(-static_cast<double>(known), 0.0) * stretch_ * margin_;
    return std::sqrt(half * stretch_ * upwards + slack_);
  }

  /// `floor` for the squared distance of a pair whose sum of upper bounds (`high`) is `known`.
  sum floor_of_sum(sum known) const {
    return below(-static_cast<double>(known) * stretch_ * margin_);
  }

 protected:
  /// \param stretch bound of the factor between squared distances of rounded rows and true ones
  shortlist_bounds(const centring& c, index_t d, double stretch)
      : d_(d),
        stretch_(stretch),
        half_squared_scale_(0.5 * c.squared_scale),
        margin_(1 + 8 * static_cast<double>(std::numeric_limits<sum>::epsilon()) +
                3 * (largest_square(1, d) - 1)),
        slack_(static_cast<double>(4 * d + 8) *
               static_cast<double>((std::numeric_limits<sum>::min)())) {}

  index_t d_;
  double stretch_;

 private:
  sum below(double half_square) const {
    const double limit = half_square * stretch_ * upwards + slack_;
    return limit < static_cast<double>(absent) / 4 ? -static_cast<sum>(limit) : no_floor;
  }

  static constexpr double upwards =
      1 + 2 * static_cast<double>(std::numeric_limits<sum>::epsilon());
  double half_squared_scale_;
  double margin_;  // exact distances, too, are rounded: within it their order decides
  double slack_;   // covers underflow of squares that are tiny against the cloud
};

/// Rows that are centred, scaled and rounded to their own type. The error of a squared distance is
/// at most `shortlist_error` times the sum of both squared norms (row_distances.hpp).
template <class Scalar>
class float_shortlist : public shortlist_bounds<Scalar, Scalar> {
 public:
  using tile = float_tile<Scalar>;
  static constexpr index_t sampled_rows = 96;  // for the first limits of a block
  static constexpr index_t most_rows = 1248;   // of a block: 64 floats each in half of 1 MiB
  static constexpr bool may_be_loose = false;

  static bool fits(const centring& c, index_t) { return c.reach <= 1; }
  /// Cycles of a pair in large tiles.
  static double pair_cycles(index_t d) { return costs::float_pair<Scalar>(d); }

  float_shortlist(const centring& c, index_t d)
      : shortlist_bounds<Scalar, Scalar>(c, d, 1),
        centring_(c),
        error_(shortlist_error<Scalar>(d)) {}

  index_t steps() const { return this->d_; }

  /// An item of a left group in the form that a right group has, and the other way round.
  static Scalar for_other_side(Scalar item) { return item; }

  /// Rounds a row and writes its coordinates, each `group` places after the one before.
  template <bool Left>
  rounded_row<Scalar> pack(const Scalar* row, Scalar* to, index_t group) const {
    constexpr index_t lanes = 8;
    double squares[lanes] = {};
    for (index_t k = 0; k < this->d_; ++k) {
      const double x = (static_cast<double>(row[k]) - centring_.mean[static_cast<std::size_t>(k)]) *
                       centring_.scale;
      squares[k % lanes] += x * x;
      to[k * group] = static_cast<Scalar>(x);
    }
    double square = 0;
    for (const double s : squares) square += s;
    return {static_cast<Scalar>(0.5 * (1 - error_) * square),
            static_cast<Scalar>(0.5 * (1 + error_) * square)};
  }

 private:
  const centring& centring_;
  double error_;
};

/// Rows that are centred and rounded to whole multiples, from -127 to 127, of a unit that each row
/// has for itself. Where rounding x makes an error of length e_x, the distance D of two rows and
/// that of the rounded rows, R, differ by e_x + e_y at most. So for every c > 0, since
/// (a + b)^2 <= (1 + c) a^2 + (1 + 1/c) b^2,
///
///   R^2 <= (1 + c) D^2 + 2 (1 + 1/c) (e_x^2 + e_y^2),
/// and the same with D and R exchanged. The terms of either row are added to its squared norm.
template <class Scalar>
class byte_shortlist : public shortlist_bounds<Scalar, float> {
 public:
  using tile = byte_tile<>;
  static constexpr index_t sampled_rows = 256;
  static constexpr index_t most_rows = 2496;
  static constexpr bool may_be_loose = true;

  /// Whether sums of products stay below 2^31, and the scale and differences of rows within the
  /// range of the scalar.
  static bool fits(const centring& c, index_t d) {
    constexpr auto most = static_cast<double>((std::numeric_limits<Scalar>::max)());
    return d <= 32768 && c.reach > 0 && c.reach <= 1 && c.scale < most && c.scale * most >= 4;
  }

  /// Cycles of a pair in large tiles.
  static double pair_cycles(index_t d) { return costs::byte_pair(d); }

  byte_shortlist(const centring& c, index_t d)
      : shortlist_bounds<Scalar, float>(c, d, 1 + loosening), scale_(static_cast<Scalar>(c.scale)) {
    for (const double m : c.mean) centre_.push_back(static_cast<Scalar>(m));
  }

  index_t steps() const { return (d() + tile::coordinates - 1) / tile::coordinates; }

  /// An item of a left group in the form that a right group has, and the other way round.
  static std::int32_t for_other_side(std::int32_t item) { return item ^ plus_128; }

  /// Rounds a row and writes its items, each `group` places after the one before.
  template <bool Left>
  rounded_row<float> pack(const Scalar* row, std::int32_t* to, index_t group) const {
    const float most = reach(row);
    const bool zero = most < least_reach;
    const float unit = zero ? 0 : most / 127, per_unit = zero ? 0 : 127 / most;
    vector squares{};
    integers norm{}, total{};
    for (index_t k = 0; k < d(); k += lanes) {
      const vector x = scaled(row, k);
      const integers q = integer_simd::converted(x * per_unit + 128.5F) - 128;
      const vector off = x - simd::converted(q) * unit;
      squares += off * off;
      norm += q * q;
      total += q;
      write<Left>(q, k, to + k / tile::coordinates * group, group);
    }
    const double error = std::sqrt(static_cast<double>(add_lanes<float>(squares)));
    return bounds(unit, static_cast<double>(add_lanes<std::int32_t>(norm)), error,
                  -128 * add_lanes<std::int32_t>(total));
  }

 private:
  using simd = vector_of<float>;
  using vector = simd::type;
  using integer_simd = vector_of<std::int32_t>;
  using integers = integer_simd::type;
  static constexpr int lanes = simd::lanes;
  static constexpr auto plus_128 = static_cast<std::int32_t>(0x80808080U);
  /// The c above. Errors are about 0.6% of a row's length, distances of neighbours half of it or
  /// more.
  static constexpr double loosening = 1.0 / 40;
  static constexpr float least_reach = 1e-15F;  // rows of smaller coordinates are rounded to zero

  index_t d() const { return this->d_; }

  rounded_row<float> bounds(float unit, double norm, double error, std::int32_t offset) const {
    // Coordinates are rounded to float, and so are their errors, the sum of the squares of those,
    // and the sums of the tile.
    constexpr double rounding = 0x1p-24;
    const double half = 0.5 * norm * static_cast<double>(unit) * static_cast<double>(unit);
    const auto n = static_cast<double>(d());
    const double off = error * (1 + (n + 16) * rounding) +
                       8 * rounding * (std::sqrt(2 * half) + error) + 1e-18 * std::sqrt(n);
    const double square = off * off;
    constexpr double c = loosening;
    return {static_cast<float>(half * (1 - 16 * rounding) - (1 + 1 / c) * square),
            static_cast<float>(half * (1 + 16 * rounding) + square / c * (1 + rounding)), unit,
            offset};
  }

  /// The largest magnitude of its coordinates.
  float reach(const Scalar* row) const {
    vector most{};
    for (index_t k = 0; k < d(); k += lanes) {
      const vector x = scaled(row, k);
      most = simd::larger(most, simd::larger(x, -x));
    }
    float parts[lanes];
    simd::store(parts, most);
    return *std::max_element(parts, parts + lanes);
  }

  /// Coordinates from k on, zeros beyond the last.
  vector scaled(const Scalar* row, index_t k) const {
    const Scalar* const centre = centre_.data() + k;
    if constexpr (std::is_same_v<Scalar, float>)
      if (k + lanes <= d()) return (simd::load(row + k) - simd::load(centre)) * scale_;
    float x[lanes] = {};
    const auto convert = [&](index_t count) {
      for (index_t l = 0; l < count; ++l)
        x[l] = static_cast<float>((row[k + l] - centre[l]) * scale_);
    };
    if (k + lanes <= d())
      convert(lanes);
    else
      convert(d() - k);
    return simd::load(x);
  }

  template <bool Left>
  void write(const integers& q, index_t k, std::int32_t* to, index_t group) const {
    std::int32_t items[lanes / tile::coordinates];
    store_bytes(items, q);
    for (index_t i = 0; i < lanes / tile::coordinates && k + i * tile::coordinates < d(); ++i)
      to[i * group] = Left ? items[i] : for_other_side(items[i]);
  }

  /// In halves: sums of few steps.
  template <class Number>
  static Number add_lanes(const typename vector_of<Number>::type& x) {
    Number parts[lanes];
    vector_of<Number>::store(parts, x);
#pragma GCC unroll 4
    for (int half = lanes / 2; half > 0; half /= 2)
#pragma GCC unroll 8
      for (int l = 0; l < half; ++l) parts[l] += parts[l + half];
    return parts[0];
  }

  Scalar scale_;
  std::vector<Scalar> centre_;
};

}  // namespace atlas::inline ATLAS_ABI::detail
