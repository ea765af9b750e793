// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// The report as one HTML file, with nothing that is loaded from elsewhere.

#include <string>
#include <string_view>
#include <vector>

#include "figure.hpp"
#include "results.hpp"

namespace atlas_program {

/// What a report is.
struct report_content {
  std::string title;
  std::vector<figure> figures;
  report_results results;
};

/// The readings that stand first: of each figure its first, five at most.
std::vector<reading> first_readings(const std::vector<figure>& figures);

/// Whatever is in names and texts is shown as text.
std::string page_html(const report_content& report);

/// A word of a command line as a POSIX shell takes it: in quotes where it has to be.
std::string shell_word(const std::string& text);

/// A figure's table (RFC 4180), and its specification with the table and the colours of paper in
/// it, which any program that reads Vega draws.
std::string csv_of(const number_table& numbers);
json whole_spec(const figure& figure);

/// Files that `page_html` is made of: `page.mustache`, `page.css`, `page.js`, `themes.json`, and
/// `vega.js`, which is empty where the program was built without Vega.
std::string_view page_file(std::string_view name);

}  // namespace atlas_program
