// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// Rotary positions (Su et al. 2021) in the convention of Hugging Face checkpoints: of the d
/// coordinates that turn, the first of each head, i turns with i + d/2.

#include <cmath>
#include <numbers>
#include <vector>

#include "atlas/core/lazy.hpp"
#include "atlas/reference/config.hpp"
#include "atlas/reference/layers/matrix.hpp"

namespace atlas::inline ATLAS_ABI::detail {

/// The llama3 rescaling of one frequency (Llama 3.1 model card): divided by `factor` where less
/// than `low_frequency_factor` turns fit into the original context, kept where more than
/// `high_frequency_factor` do.
inline double llama3_frequency(double frequency, const rotary_options& o) {
  const double turns = o.original_positions * frequency / (2 * std::numbers::pi);
  if (turns < o.low_frequency_factor) return frequency / o.factor;
  if (turns > o.high_frequency_factor) return frequency;
  const double keep =
      (turns - o.low_frequency_factor) / (o.high_frequency_factor - o.low_frequency_factor);
  return (1 - keep) * frequency / o.factor + keep * frequency;
}

/// Angle per position of each of the d/2 planes.
template <class = lazy>
std::vector<double> rotary_frequencies(index_t d, const rotary_options& o) {
  std::vector<double> frequencies;
  for (index_t i = 0; i < d / 2; ++i) {
    double f = std::pow(o.theta, -2.0 * static_cast<double>(i) / static_cast<double>(d));
    if (o.kind == rotary_options::rescaling::linear) f /= o.factor;
    if (o.kind == rotary_options::rescaling::llama3) f = llama3_frequency(f, o);
    if (!o.divisors.empty()) f /= static_cast<double>(o.divisors[static_cast<std::size_t>(i)]);
    frequencies.push_back(f);
  }
  return frequencies;
}

/// Cosines and sines, `[positions, d/2]` each.
template <class Scalar>
struct rotary_table {
  row_matrix<Scalar> cosine, sine;

  rotary_table() = default;
  rotary_table(index_t positions, index_t d, const rotary_options& options)
      : cosine(positions, d / 2), sine(positions, d / 2) {
    const std::vector<double> frequencies = rotary_frequencies(d, options);
    for (index_t t = 0; t < positions; ++t)
      for (index_t i = 0; i < d / 2; ++i) {
        const double angle = static_cast<double>(t) * frequencies[static_cast<std::size_t>(i)];
        cosine(t, i) = static_cast<Scalar>(std::cos(angle));
        sine(t, i) = static_cast<Scalar>(std::sin(angle));
      }
  }

  /// Turns back: the transpose of every rotation.
  rotary_table reversed() const {
    rotary_table back = *this;
    back.sine = -sine;
    return back;
  }
};

/// The rotations of a model's layers.
template <class Scalar>
struct rotary_tables {
  rotary_table<Scalar> every;     ///< of layers that the other is not of; empty for no rotation
  rotary_table<Scalar> windowed;  ///< of layers with a window, where these turn otherwise

  const rotary_table<Scalar>& of(const transformer_config& c, index_t layer) const {
    return c.window_rotary && c.window(layer) > 0 ? windowed : every;
  }
  rotary_tables reversed() const { return {every.reversed(), windowed.reversed()}; }
};

/// Turns groups of columns that begin at `columns` in each row in place; row r is position r % T.
template <class Scalar>
void rotate_rows(row_matrix<Scalar>& x, const std::vector<index_t>& columns,
                 index_t tokens_per_block, const rotary_table<Scalar>& table, int threads) {
  const index_t half = table.cosine.cols();
  for_row_tiles(x.rows(), threads, [&](index_t first, index_t rows) {
    for (index_t r = first; r < first + rows; ++r) {
      const auto cosine = table.cosine.row(r % tokens_per_block).array();
      const auto sine = table.sine.row(r % tokens_per_block).array();
      for (const index_t column : columns) {
        auto a = x.row(r).segment(column, half).array();
        auto b = x.row(r).segment(column + half, half).array();
        const row_array<Scalar> rotated = a * cosine - b * sine;
        b = b * cosine + a * sine;
        a = rotated;
      }
    }
  });
}

}  // namespace atlas::inline ATLAS_ABI::detail
