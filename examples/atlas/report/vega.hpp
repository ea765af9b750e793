// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// Vega specifications of the three kinds of figures that a report has: curves beside their nulls,
/// maps of layers and heads, and matrices of pairs of heads. Each draws the columns of a table.

#include <cstddef>
#include <string>
#include <vector>

#include "figure.hpp"

namespace atlas_program {

/// Columns of a table that curves are drawn from; empty: none. A panel of its own for each value of
/// `panel`, a colour for each of `series`.
struct curve_columns {
  std::string panel, series;
  std::string x, y;
  std::string lower = {}, upper = {};                            ///< the interval of y
  std::string null_mean = {}, null_lower = {}, null_upper = {};  ///< the null, drawn as a band
  std::string reference = {};                                    ///< a second null, dotted
  std::vector<std::string> said = {};                            ///< what else one reads at a point
};

struct curve_options {
  std::string x_title, y_title;
  std::string x_scale = "linear";  ///< "linear", "log" or "point", for names
  bool whole_x = false;            ///< ticks stand at whole numbers
  bool from_zero = false;          ///< the vertical axis begins at 0
  bool logarithmic = false;        ///< the vertical axis
  bool lines = true;               ///< points are joined
  bool common_axes = true;         ///< of all panels
  bool own_nulls = false;          ///< each series has a null of its own, in its colour
  /// Series are numbers, more than there are colours: one colour that goes on with them.
  bool many_series = false;
};

/// More series than these have no colours that are told apart.
inline constexpr std::size_t most_colours = 8;

json curve_spec(const curve_columns& columns, const curve_options& options);

/// Columns of a map: a cell for each row of the table.
struct map_columns {
  std::string panel;  ///< empty: a single map
  std::string x, y, value;
};

struct map_options {
  std::string x_title, y_title, value_title;
  bool diverging = false;    ///< colours are centred on the middle of low and high
  double low = 0, high = 1;  ///< values that the colours end at
  bool own_scales = false;   ///< each panel has colours from its smallest value to its largest
};

json map_spec(const map_columns& columns, const map_options& options);

/// The matrix of one layer is a small square: below its diagonal one space, above the other, each
/// cell by how far it is from the mean of its null.
struct matrix_columns {
  std::string panel, row, column, value;
};

struct matrix_options {
  std::string value_title;
  double most = 1;  ///< the difference that the colours end at
  atlas::index_t heads = 0, heads_per_group = 1;
};

json matrix_spec(const matrix_columns& columns, const matrix_options& options);

}  // namespace atlas_program
