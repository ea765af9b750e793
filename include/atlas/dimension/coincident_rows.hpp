// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// Rows of a cloud that coincide to the precision that they were stored in.

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>
#include <numeric>
#include <string>
#include <vector>

#include "atlas/core/as_view.hpp"
#include "atlas/core/checks.hpp"
#include "atlas/core/compiled.hpp"
#include "atlas/core/disjoint_sets.hpp"
#include "atlas/core/gather_rows.hpp"
#include "atlas/dimension/row_bins.hpp"

namespace atlas::inline ATLAS_ABI {

/// The number format that a cloud went through, whatever holds it now.
enum class stored_precision {
  of_scalar,         ///< that of the points' own scalar
  half,              ///< IEEE binary16: 11 bits
  bfloat16,          ///< 8 bits
  single,            ///< IEEE binary32: 24 bits
  double_precision,  ///< IEEE binary64: 53 bits
};

namespace detail {

/// Distance of 1 to the next number of the format.
template <class Scalar>
double rounding_unit(stored_precision precision) {
  switch (precision) {
    case stored_precision::half:
      return 0x1p-10;
    case stored_precision::bfloat16:
      return 0x1p-7;
    case stored_precision::single:
      return 0x1p-23;
    case stored_precision::double_precision:
      return 0x1p-52;
    case stored_precision::of_scalar:
      break;
  }
  return static_cast<double>(std::numeric_limits<Scalar>::epsilon());
}

inline void check_tolerance(double tolerance) {
  if (!(tolerance >= 0 && std::isfinite(tolerance)))
    throw value_error("tolerance", "0 or more units in the last place", number_text(tolerance));
}

/// Finds the sets of rows that are connected by pairs that agree in every coordinate.
template <class Scalar>
class coincidence_search {
 public:
  coincidence_search(const tensor_view<const Scalar, 2>& points, double unit)
      : points_(points),
        unit_(unit),
        middles_(static_cast<std::size_t>(points.extent(1)), -1.0),
        sets_(points.extent(0)) {}

  /// The first row of each set, ascending.
  std::vector<index_t> first_rows() {
    const index_t n = points_.extent(0);
    if (!join_in_bins()) {
      choose_column();
      if (pairs_ > 4 * n) join_equal_rows();
      join_agreeing_rows();
    }
    const std::vector<index_t> set = sets_.numbered();
    std::vector<bool> met(static_cast<std::size_t>(n));
    std::vector<index_t> rows;
    for (index_t i = 0; i < n; ++i) {
      const auto s = static_cast<std::size_t>(set[static_cast<std::size_t>(i)]);
      if (!met[s]) rows.push_back(i);
      met[s] = true;
    }
    return rows;
  }

 private:
  double at(index_t row, index_t column) const { return static_cast<double>(points_(row, column)); }

  /// Median magnitude of a column: coordinates below it are as uncertain as it is.
  double middle(index_t column) {
    double& known = middles_[static_cast<std::size_t>(column)];
    if (known >= 0) return known;
    std::vector<double> sizes;
    sizes.reserve(static_cast<std::size_t>(points_.extent(0)));
    for (index_t i = 0; i < points_.extent(0); ++i) sizes.push_back(std::abs(at(i, column)));
    const auto half = sizes.begin() + static_cast<std::ptrdiff_t>(sizes.size() / 2);
    std::nth_element(sizes.begin(), half, sizes.end());
    return known = *half;
  }

  bool agree(double a, double b, double middle_size) const {
    const double size = (std::max)({std::abs(a), std::abs(b), middle_size});
    return std::abs(a - b) <= unit_ * size || a == b;
  }

  bool agree(index_t i, index_t j) {
    for (index_t k = 0; k < points_.extent(1); ++k)
      if (!agree(at(i, k), at(j, k), middle(k))) return false;
    return true;
  }

  /// Compares the rows that lie in one bin or in two neighbouring ones of the first column, wide
  /// enough that no others agree in it. In most clouds those are few.
  /// \return false where they are many and nothing was compared
  bool join_in_bins() {
    const index_t n = points_.extent(0);
    std::vector<double> x(static_cast<std::size_t>(n));
    for (index_t i = 0; i < n; ++i) x[static_cast<std::size_t>(i)] = at(i, 0);
    const auto [low, high] = std::minmax_element(x.begin(), x.end());
    const double most = unit_ * (std::max)(std::abs(*low), std::abs(*high));
    const double width = (std::max)((*high - *low) / static_cast<double>(2 * n), 2 * most);
    if (!(width >= (std::numeric_limits<double>::min)() && std::isfinite(width))) return false;
    const row_bins bins(x, *low, width);
    if (bins.pairs() > 4 * static_cast<double>(n)) return false;
    bins.for_each_pair([&](index_t i, index_t j) {
      const double gap = x[static_cast<std::size_t>(i)] - x[static_cast<std::size_t>(j)];
      if (std::abs(gap) <= most && agree(i, j)) sets_.join(i, j);
    });
    return true;
  }

  /// Rows in order of a column, and how many pairs agree in it.
  void sort_by(index_t column, std::vector<index_t>& order, index_t& pairs) {
    const index_t n = points_.extent(0);
    const double size = middle(column);
    std::vector<std::pair<double, index_t>> values;
    values.reserve(static_cast<std::size_t>(n));
    for (index_t i = 0; i < n; ++i) values.emplace_back(at(i, column), i);
    // Which rows are connected does not depend on the order of equal values.
    std::sort(values.begin(), values.end(),
              [](const auto& a, const auto& b) { return a.first < b.first; });
    order.clear();
    for (const auto& [value, row] : values) order.push_back(row);
    pairs = 0;
    index_t end = 0;
    for (index_t i = 0; i < n; ++i) {
      const double value = values[static_cast<std::size_t>(i)].first;
      end = (std::max)(end, i + 1);
      while (end < n && agree(value, values[static_cast<std::size_t>(end)].first, size)) ++end;
      pairs += end - i - 1;
    }
  }

  /// The first column that few pairs agree in, or the best of several.
  void choose_column() {
    const index_t d = points_.extent(1), n = points_.extent(0), tried = (std::min)(d, index_t{8});
    std::vector<index_t> order;
    for (index_t c = 0; c < tried; ++c) {
      index_t pairs = 0;
      sort_by(c * d / tried, order, pairs);
      if (c > 0 && pairs >= pairs_) continue;
      order_.swap(order);
      pairs_ = pairs;
      column_ = c * d / tried;
      if (pairs_ <= n) return;
    }
  }

  std::uint64_t hash_of_row(index_t i) const {
    std::uint64_t hash = 0x9E3779B97F4A7C15U;
    for (index_t k = 0; k < points_.extent(1); ++k) {
      const auto bits = std::bit_cast<std::uint64_t>(at(i, k) + 0.0);  // -0 is 0
      hash = (std::rotl(hash, 23) ^ bits) * 0xD1342543DE82EF95U;
      hash ^= hash >> 29;
    }
    return hash;
  }

  /// Leaves one of each set of equal rows in the order.
  void join_equal_rows() {
    const index_t n = points_.extent(0);
    std::vector<std::pair<std::uint64_t, index_t>> hashes;
    for (index_t i = 0; i < n; ++i) hashes.emplace_back(hash_of_row(i), i);
    std::sort(hashes.begin(), hashes.end());
    std::vector<bool> left_out(static_cast<std::size_t>(n));
    for (std::size_t h = 1; h < hashes.size(); ++h) {
      const index_t i = hashes[h - 1].second, j = hashes[h].second;
      if (hashes[h - 1].first != hashes[h].first || !equal(i, j)) continue;
      sets_.join(i, j);
      left_out[static_cast<std::size_t>(j)] = true;
    }
    std::erase_if(order_, [&](index_t i) { return left_out[static_cast<std::size_t>(i)]; });
  }

  bool equal(index_t i, index_t j) const {
    for (index_t k = 0; k < points_.extent(1); ++k)
      if (!(points_(i, k) == points_(j, k))) return false;
    return true;
  }

  void join_agreeing_rows() {
    const double size = middle(column_);
    for (std::size_t a = 0; a < order_.size(); ++a) {
      const index_t i = order_[a];
      for (std::size_t b = a + 1; b < order_.size(); ++b) {
        const index_t j = order_[b];
        if (!agree(at(i, column_), at(j, column_), size)) break;
        if (!sets_.together(i, j) && agree(i, j)) sets_.join(i, j);
      }
    }
  }

  const tensor_view<const Scalar, 2>& points_;
  double unit_;
  std::vector<double> middles_;
  disjoint_sets sets_;
  std::vector<index_t> order_;
  index_t pairs_ = 0, column_ = 0;
};

/// Of finite points.
template <class Scalar>
std::vector<index_t> distinct_rows(const tensor_view<const Scalar, 2>& points,
                                   stored_precision precision, double tolerance) {
  return coincidence_search<Scalar>(points, tolerance * rounding_unit<Scalar>(precision))
      .first_rows();
}

}  // namespace detail

/// One row of each set of rows that coincide: the first, in ascending order. Rows i and j coincide
/// where in every coordinate they differ by no more than `tolerance` units in the last place of the
/// larger of both magnitudes and the coordinate's median magnitude, or through other rows that
/// coincide with both. So which rows are left does not depend on threads or storage, and their
/// number not on the order of rows.
///
/// \param points    `[N, d]`
/// \param precision that the points were stored in, at any time: of what was rounded to half and is
///                  held in float it is half
/// \param tolerance in units in the last place; 0 for rows that are equal
/// \throws shape_error for no rows; value_error for NaN or a negative tolerance
///
/// O(N (d + log N)) time where some coordinate tells most rows apart, up to O(N^2 d) where rows
/// agree in every one that is tried and are different; O(N) memory.
template <real_tensor<2> Points>
[[nodiscard]] std::vector<index_t> distinct_rows(
    const Points& points, stored_precision precision = stored_precision::of_scalar,
    double tolerance = 2) {
  using scalar = scalar_of<Points, 2>;
  const auto held = as_view<2>(points);
  const tensor_view<const scalar, 2>& view = held;
  check_not_empty(view, "points");
  check_finite(view, "points");
  detail::check_tolerance(tolerance);
  return detail::distinct_rows(view, precision, tolerance);
}

}  // namespace atlas::inline ATLAS_ABI

#ifdef ATLAS_COMPILED
namespace atlas::inline ATLAS_ABI::detail {
ATLAS_OF_DIMENSION std::vector<index_t> distinct_rows<float>(const tensor_view<const float, 2>&,
                                                             stored_precision, double);
ATLAS_OF_DIMENSION std::vector<index_t> distinct_rows<double>(const tensor_view<const double, 2>&,
                                                              stored_precision, double);
}  // namespace atlas::inline ATLAS_ABI::detail
#endif
