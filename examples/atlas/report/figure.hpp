// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// What a report is made of: tables of numbers, and figures that draw one each.

#include <cstddef>
#include <string>
#include <vector>

#include "../common.hpp"

namespace atlas_program {

/// Columns of names and rows of values; null where a value is not known.
struct number_table {
  std::vector<std::string> columns;
  std::vector<std::vector<json>> rows;
};

/// The column where its values differ; otherwise none, so that nothing is coloured by it.
std::string if_several(const std::string& column, const number_table& numbers);

/// How many different values the column has.
std::size_t different_values(const std::string& column, const number_table& numbers);

/// A number and the ends of its 95 % interval, by the normal distribution, as three more cells.
void add_band(double mean, double sd, std::vector<json>& row);

/// How a sentence about a result stands to its null.
enum class standing {
  holds,    ///< beyond the null
  chance,   ///< what the null gives
  unknown,  ///< not to be told from these data
  fact,     ///< measured, and compared with nothing
};

/// A sentence that the numbers carry.
struct reading {
  atlas_program::standing standing = standing::unknown;
  std::string text;
};

/// A figure, its null in it, and what it says.
struct figure {
  std::string id;       ///< of letters, digits and hyphens: names its files
  std::string section;  ///< figures of one section stand together
  std::string title;
  std::string caption;      ///< what is drawn, with its unit and its null
  std::string description;  ///< what one sees, for those who do not see it
  /// A Vega specification whose first data set, `numbers`, is the table. It may use the signals
  /// that `page.js` defines: `space`, the width there is, and colours by the theme.
  json spec;
  number_table numbers;
  std::vector<reading> readings = {};
  std::size_t first = 2;  ///< so many of them may stand on the first screen
};

/// What the table is called within a specification.
inline constexpr const char* numbers_name = "numbers";

}  // namespace atlas_program
