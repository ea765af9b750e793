// SPDX-License-Identifier: MIT
#include "../target.hpp"
#include "report/figures.hpp"
#include "report/page.hpp"
#include "report/results.hpp"

namespace {

using namespace atlas_program;

/// A result that `atlas report --from` draws: page, tables and specifications.
const atlas_fuzz::registered result("result", [](atlas_fuzz::bytes input) {
  report_content report;
  add_results(atlas_fuzz::file_of(input, "fuzzed.json"), report.results);
  report.title = "fuzzed";
  report.figures = all_figures(report.results);
  (void)page_html(report);
  for (const figure& f : report.figures) {
    (void)csv_of(f.numbers);
    (void)whole_spec(f).dump(1);
  }
});

}  // namespace
