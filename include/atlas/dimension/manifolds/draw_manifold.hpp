// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// Rows of a manifold, in any number of columns and with noise.

#include <Eigen/Core>
#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <span>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include "atlas/core/checks.hpp"
#include "atlas/core/errors.hpp"
#include "atlas/core/lazy.hpp"
#include "atlas/core/random.hpp"
#include "atlas/dimension/manifolds/benchmark.hpp"
#include "atlas/dimension/manifolds/families.hpp"
#include "atlas/dimension/manifolds/manifold.hpp"
#include "atlas/linalg/frame.hpp"

namespace atlas::inline ATLAS_ABI {

namespace detail {

using manifold_family = manifold (*)(index_t dimension);

/// Of names that end in a dimension: `cube_20`.
template <class = lazy>
const std::array<std::pair<std::string_view, manifold_family>, 7>& manifold_families() {
  static const std::array<std::pair<std::string_view, manifold_family>, 7> all = {
      {{"cube", cube_manifold},
       {"ball", ball_manifold},
       {"sphere", sphere_manifold},
       {"torus", torus_manifold},
       {"gaussian", gaussian_manifold},
       {"lattice", [](index_t d) { return lattice_manifold(d); }},
       {"serial", [](index_t d) { return serial_manifold(d); }}}};
  return all;
}

/// The number after the last `_`, or 0.
inline index_t number_at_end(std::string_view name) {
  const std::size_t bar = name.rfind('_');
  if (bar == std::string_view::npos) return 0;
  index_t number = 0;
  const char* const end = name.data() + name.size();
  const auto read = std::from_chars(name.data() + bar + 1, end, number);
  return read.ec == std::errc() && read.ptr == end ? number : 0;
}

template <class = lazy>
std::string known_manifolds() {
  std::string out = "one of ";
  for (const manifold_chart& chart : benchmark_charts) out += std::string(chart.name) + ", ";
  for (const manifold& m : further_manifolds()) out += m.name + ", ";
  for (const auto& [family, make] : manifold_families())
    out += std::string(family) + "_<dimension>, ";
  return out.substr(0, out.size() - 2);
}

/// Rows as they are, or turned into more columns.
class row_embedding {
 public:
  template <class = lazy>
  row_embedding(index_t own, index_t columns, random_stream random)
      : own_(own), in_(own), turned_(columns) {
    if (columns > own) frame_ = random_frame(columns, own, random);
  }
  void apply(const double* row, std::span<double> out) {
    if (frame_.size() == 0) {
      std::copy_n(row, out.size(), out.begin());
      return;
    }
    std::copy_n(row, own_, in_.data());
    turned_.noalias() = frame_ * in_;
    std::copy_n(turned_.data(), out.size(), out.begin());
  }

 private:
  index_t own_;
  Eigen::MatrixXd frame_;
  Eigen::VectorXd in_, turned_;
};

inline void check_manifold_options(const manifold& m, index_t rows,
                                   const manifold_options& options) {
  check_between(rows, 1, most_simulated, "rows");
  if (options.ambient != 0)
    check_between(options.ambient, m.ambient, index_t{1} << 24, "options.ambient");
  if (!(options.noise >= 0 && std::isfinite(options.noise)))
    throw value_error("options.noise", "a number of 0 or more", number_text(options.noise));
}

}  // namespace detail

/// The manifold of that name: of `benchmark_manifolds()` or `further_manifolds()`, or of a family,
/// `cube_20`, and so on for ball, sphere, torus, gaussian, lattice and serial.
/// \throws value_error for another name, with all there are
template <class = lazy>
[[nodiscard]] manifold manifold_named(std::string_view name) {
  for (const detail::manifold_chart& chart : detail::benchmark_charts)
    if (chart.name == name) return detail::manifold_of_chart(chart);
  for (const manifold& m : further_manifolds())
    if (m.name == name) return m;
  if (const index_t d = detail::number_at_end(name); d > 0)
    for (const auto& [family, make] : detail::manifold_families())
      if (name.substr(0, name.rfind('_')) == family) return make(d);
  throw value_error("name", detail::known_manifolds(), "\"" + std::string(name) + "\"");
}

/// Rows of a manifold. Rows, turn and noise are of three streams of the seed: the same rows with
/// and without noise, whose difference is the noise.
///
/// \return `[rows, options.ambient or the manifold's own]`, with contexts and positions for serial
///         ones, and each row's dimension where parts differ
/// \throws value_error for rows below 1, fewer columns than the manifold needs, or noise that is
///         negative or not finite
///
/// The same bits for the same seed; for the benchmark manifolds in their own columns, with or
/// without noise, on every platform. A turn into more columns is of Eigen's arithmetic, in which
/// compilers differ in the last places. O(rows ambient own) time, and as much memory as the rows
/// take twice.
/// \code
/// const auto roll = atlas::draw_manifold("M7_Roll", 2000, {.ambient = 50, .noise = 0.01});
/// const auto r = atlas::estimate_dimension(roll.points, atlas::estimators::mom{.k = 20});
/// \endcode
template <class Scalar = double>
[[nodiscard]] manifold_draw<Scalar> draw_manifold(const manifold& m, index_t rows,
                                                  const manifold_options& options = {}) {
  detail::check_manifold_options(m, rows, options);
  random_stream random(options.seed, 0), noise(options.seed, 2);
  manifold_draw<double> own = m.draw(rows, random);
  check_shape(own.points, {rows, m.ambient}, "m.draw");
  const index_t columns = options.ambient == 0 ? m.ambient : options.ambient;
  detail::row_embedding embedding(m.ambient, columns, random_stream(options.seed, 1));
  manifold_draw<Scalar> out;
  const double* at = own.points.data();
  out.points = detail::simulate_rows<Scalar>(rows, columns, [&](std::span<double> row) {
    embedding.apply(at, row);
    at += m.ambient;
    if (options.noise > 0)
      for (double& x : row) x = std::fma(options.noise, noise.normal(), x);
  });
  out.context = std::move(own.context);
  out.position = std::move(own.position);
  out.dimensions = std::move(own.dimensions);
  return out;
}

/// \throws value_error also for a name that is none
template <class Scalar = double>
[[nodiscard]] manifold_draw<Scalar> draw_manifold(std::string_view name, index_t rows,
                                                  const manifold_options& options = {}) {
  return draw_manifold<Scalar>(manifold_named(name), rows, options);
}

}  // namespace atlas::inline ATLAS_ABI
