// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// Clouds that are hard to compute with: few rows, ties, rows that nearly coincide, lines, constant
/// columns, heavy tails, offsets, columns of different sizes, and every scale that a double has.

#include <Eigen/Dense>
#include <algorithm>
#include <cmath>
#include <limits>

#include "atlas/core/random.hpp"
#include "atlas/core/tensor_view.hpp"

namespace atlas_test {

struct hard_cloud {
  Eigen::MatrixXd x;
  bool smooth = true;  ///< no ties and no rows that nearly coincide, at scales of 1
};

inline bool chance(atlas::random_stream& random, double p) {
  return random.uniform() < p;
}

/// A whole number from `low` to `high`.
inline atlas::index_t whole(atlas::random_stream& random, atlas::index_t low, atlas::index_t high) {
  return low + random.uniform_index(high - low + 1);
}

inline Eigen::MatrixXd normal_numbers(atlas::random_stream& random, atlas::index_t n,
                                      atlas::index_t d) {
  Eigen::MatrixXd out(n, d);
  for (double* x = out.data(); x != out.data() + out.size(); ++x) *x = random.normal();
  return out;
}

/// `x` times 2^e; nothing where that is no number.
inline bool scaled_by_power(const Eigen::MatrixXd& x, int e, Eigen::MatrixXd& out) {
  out = x.unaryExpr([e](double v) { return std::ldexp(v, e); });
  return out.allFinite();
}

/// Whether `x` times 2^e has all digits of x.
inline bool exact_power(const Eigen::MatrixXd& x, int e, Eigen::MatrixXd& out) {
  return scaled_by_power(x, e, out) &&
         out.unaryExpr([e](double v) { return std::ldexp(v, -e); }) == x;
}

namespace detail {

inline Eigen::MatrixXd base_cloud(atlas::random_stream& random, atlas::index_t n, atlas::index_t d,
                                  hard_cloud& out) {
  Eigen::MatrixXd x = normal_numbers(random, n, d);
  switch (whole(random, 0, 5)) {
    case 0:  // heavy tails
      for (double* v = x.data(); v != x.data() + x.size(); ++v)
        *v = *v / std::max(1e-6, std::abs(random.normal()));
      break;
    case 1:  // a lattice: ties everywhere
      x = (2 * x).array().round();
      out.smooth = false;
      break;
    case 2: {  // a line, and what rounding leaves beside it
      const Eigen::MatrixXd along = normal_numbers(random, n, 1), direction = x.topRows(1);
      x = along * direction + (chance(random, 0.5) ? 1e-9 : 0.0) * x;
      out.smooth = false;
      break;
    }
    case 3:  // clusters
      for (atlas::index_t i = 0; i < n; ++i)
        x.row(i) = 1e-3 * x.row(i) + Eigen::RowVectorXd::Constant(d, static_cast<double>(i % 3));
      break;
    default:
      break;
  }
  return x;
}

inline void make_rows_coincide(atlas::random_stream& random, hard_cloud& out) {
  const atlas::index_t n = out.x.rows();
  const bool nearly = chance(random, 0.5);
  for (atlas::index_t i = 0; i < n; ++i) {
    if (!chance(random, 0.3)) continue;
    out.x.row(i) = out.x.row(random.uniform_index(n));
    double& v = out.x(i, random.uniform_index(out.x.cols()));
    if (nearly) v = std::nextafter(v, std::numeric_limits<double>::infinity());
  }
  out.smooth = false;
}

inline void scale_columns(atlas::random_stream& random, hard_cloud& out) {
  for (atlas::index_t c = 0; c < out.x.cols(); ++c)
    out.x.col(c) *= std::ldexp(1.0, static_cast<int>(whole(random, -30, 30)));
  out.smooth = false;
}

}  // namespace detail

/// \param power whether it may have any scale that a double has
inline hard_cloud draw_cloud(atlas::random_stream& random, atlas::index_t least,
                             atlas::index_t most, bool power = true) {
  const atlas::index_t n = chance(random, 0.3) ? whole(random, least, std::min(most, least + 3))
                                               : whole(random, least, most);
  const atlas::index_t d = chance(random, 0.15) ? whole(random, 13, 70) : whole(random, 1, 12);
  hard_cloud out;
  out.x = detail::base_cloud(random, n, d, out);
  if (chance(random, 0.25)) detail::make_rows_coincide(random, out);
  if (chance(random, 0.15)) out.x.col(random.uniform_index(d)).setConstant(random.normal());
  if (chance(random, 0.15)) detail::scale_columns(random, out);
  if (chance(random, 0.2)) {
    out.x.array() += std::ldexp(1.0, static_cast<int>(whole(random, 3, 30)));
    out.smooth = false;
  }
  if (power && chance(random, 0.5)) {
    const auto e =
        static_cast<int>(chance(random, 0.5) ? whole(random, -60, 60) : whole(random, -1070, 1020));
    Eigen::MatrixXd other;
    if (scaled_by_power(out.x, e, other)) out.x = other;
    out.smooth = out.smooth && std::abs(e) < 400;
  }
  return out;
}

}  // namespace atlas_test
