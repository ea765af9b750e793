// SPDX-License-Identifier: MIT
#include "dimension_report.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <utility>

#include "atlas/dimension/looks_like_lattice.hpp"
#include "estimator_names.hpp"
#include "measure_report.hpp"

namespace atlas_program {

namespace {

const char* name_of_source(atlas::error_source from) {
  switch (from) {
    case atlas::error_source::scores:
      return "rows";
    case atlas::error_source::halves:
      return "halves";
    case atlas::error_source::posterior:
      return "posterior";
    case atlas::error_source::none:
      break;
  }
  return "none";
}

const char* name_of_claim(atlas::interval_claim claim) {
  return claim == atlas::interval_claim::dimension ? "dimension" : "own mean";
}

/// Why there is no estimate, or what else has to be known.
std::string why(const atlas::dimension_estimate& e) {
  const bool said =
      e.fault == atlas::cloud_fault::none ||
      (e.fault == atlas::cloud_fault::no_estimate && !e.remark.empty());  // the remark is why
  std::string fault = said ? "" : std::string(atlas::describe(e.fault));
  if (fault.empty() || e.remark.empty()) return fault + e.remark;
  return fault + ". " + e.remark;
}

json text_or_null(const std::string& text) {
  return text.empty() ? json(nullptr) : json(text);
}

json corrected_json(const atlas::corrected_estimate& c) {
  json out = {{"dimension", number(c.dimension)}};
  out.update(bounds(c.interval));
  out["undetermined"] = c.undetermined;
  out["remark"] = text_or_null(c.remark);
  out["references"] = json::array();
  for (const atlas::reference_correction& r : c.references) {
    json one = {{"cloud", std::string(name_of(r.reference))},
                {"possible", r.possible},
                {"dimension", number(r.dimension)}};
    one.update(bounds(r.interval));
    out["references"].push_back(one);
  }
  out["of_halves"] = number(c.trend.half);
  out["falls_with_fewer_rows"] = c.trend.falls;
  return out;
}

/// Infinite ends are beyond what is simulated.
std::string corrected_text(const atlas::corrected_estimate& c) {
  return with_interval(c.dimension, c.interval, 2) + (c.undetermined ? " ?" : "");
}

}  // namespace

json estimate_json(const dimension_row& row) {
  const atlas::dimension_estimate& e = row.estimate;
  json out = {{"name", std::string(atlas::name_of(row.estimator))},
              {"text", typed_text(row.estimator)},
              {"parameters", parameters_json(row.estimator)},
              {"dimension", number(e.dimension)}};
  out.update(bounds(e.interval));
  out.update({{"standard_error", number(e.standard_error)},
              {"error_from", name_of_source(e.error_from)},
              {"claim", name_of_claim(e.claim)},
              {"points_used", e.points_used},
              {"neighbors", e.neighbors},
              {"duplicates", e.duplicates},
              {"isolated", e.isolated},
              {"contexts", e.contexts > 0 ? json(e.contexts) : json(nullptr)},
              {"fault", fault_json(e.fault)},
              {"remark", text_or_null(e.remark)}});
  if (row.corrected) out["corrected"] = corrected_json(*row.corrected);
  if (row.null) out["surrogate"] = surrogate_json(*row.null);
  return out;
}

namespace {

std::string seconds_text(double seconds) {
  return seconds < 0.1 ? fmt::format("{:.0f} ms", 1000 * seconds)
                       : fmt::format("{:.1f} s", seconds);
}

std::vector<std::string> estimate_cells(const dimension_row& row, bool corrected, bool nulls) {
  const atlas::dimension_estimate& e = row.estimate;
  std::vector<std::string> cells = {
      typed_text(row.estimator),   with_interval(e.dimension, e.interval, 2),
      digits(e.standard_error, 3), name_of_source(e.error_from),
      name_of_claim(e.claim),      std::to_string(e.points_used),
      seconds_text(row.seconds)};
  if (corrected) cells.push_back(row.corrected ? corrected_text(*row.corrected) : "-");
  if (!nulls) return cells;
  const bool known = row.null && std::isfinite(row.null->mean);
  cells.push_back(known ? fmt::format("{} ({})", digits(row.null->mean), digits(row.null->sd))
                        : "-");
  cells.push_back(known ? digits(row.null->z, 1) : "-");
  cells.push_back(known ? p_text(row.null->p) : "-");
  return cells;
}

/// What estimators remark: what several say is said once.
class remark_list {
 public:
  void add(const std::string& of, std::string remark) {
    if (remark.ends_with(atlas::lattice_remark)) {
      remark.resize(remark.size() - atlas::lattice_remark.size());
      if (remark.ends_with(' ')) remark.pop_back();
      lattice_ = true;
    }
    if (remark.empty()) return;
    for (auto& [text, names] : remarks_)
      if (text == remark) {
        names += ", " + of;
        return;
      }
    remarks_.emplace_back(remark, of);
  }
  std::string text() const {
    std::string out;
    for (const auto& [text, names] : remarks_) out += names + ": " + text + "\n";
    if (lattice_) out += std::string(atlas::lattice_remark) + "\n";
    return out;
  }

 private:
  std::vector<std::pair<std::string, std::string>> remarks_;
  bool lattice_ = false;  // which all of them say
};

bool any_corrected(const std::vector<dimension_row>& rows) {
  return std::any_of(rows.begin(), rows.end(), [](const auto& r) { return r.corrected; });
}
bool any_null(const std::vector<dimension_row>& rows) {
  return std::any_of(rows.begin(), rows.end(), [](const auto& r) { return r.null; });
}

}  // namespace

std::string estimates_text(const std::vector<dimension_row>& rows) {
  const bool corrected = any_corrected(rows), nulls = any_null(rows);
  std::vector<std::vector<std::string>> table = {
      {"estimator", "dimension [interval]", "error", "from", "interval of", "rows", "time"}};
  if (corrected) table[0].emplace_back("without bias");
  if (nulls) table[0].insert(table[0].end(), {"surrogates (sd)", "z", "p"});
  remark_list remarks;
  for (const dimension_row& row : rows) {
    table.push_back(estimate_cells(row, corrected, nulls));
    remarks.add(typed_text(row.estimator), why(row.estimate));
    if (row.corrected)
      remarks.add(typed_text(row.estimator) + " without bias", row.corrected->remark);
  }
  const std::string said = remarks.text();
  return table_text(table) + (said.empty() ? "" : "\n" + said);
}

namespace {

std::string csv_number(double x) {
  return std::isfinite(x) ? fmt::format("{}", x) : "";
}

}  // namespace

std::string dimensions_csv(const std::vector<dimension_row>& rows, const common_options& common) {
  std::string out = fmt::format(
      "estimator,dimension,lower,upper,standard_error,error_from,claim,points_used,corrected,"
      "surrogate_mean,surrogate_sd,z,p,fault,remark,{}\n",
      run_columns);
  const std::string run = run_fields(common);
  for (const dimension_row& row : rows) {
    const atlas::dimension_estimate& e = row.estimate;
    const bool fault = e.fault != atlas::cloud_fault::none;
    out += fmt::format(
        "{},{},{},{},{},{},{},{},{},{},{},{},{},{},{},{}\n", csv_field(typed_text(row.estimator)),
        csv_number(e.dimension), csv_number(e.interval.lower), csv_number(e.interval.upper),
        csv_number(e.standard_error), name_of_source(e.error_from), name_of_claim(e.claim),
        e.points_used, csv_number(row.corrected ? row.corrected->dimension : NAN),
        csv_number(row.null ? row.null->mean : NAN), csv_number(row.null ? row.null->sd : NAN),
        csv_number(row.null ? row.null->z : NAN), csv_number(row.null ? row.null->p : NAN),
        csv_field(fault ? std::string(atlas::describe(e.fault)) : ""), csv_field(e.remark), run);
  }
  return out;
}

json scales_json(const std::vector<dimension_row>& rows,
                 const std::vector<atlas::dimensions_at_scale>& scales) {
  json out = json::array();
  for (const atlas::dimensions_at_scale& scale : scales) {
    json estimates = json::array();
    for (std::size_t e = 0; e < rows.size(); ++e) {
      const atlas::scaled_dimension& d = scale.dimensions[e];
      json one = {{"text", typed_text(rows[e].estimator)}, {"dimension", number(d.dimension)}};
      one.update(bounds(d.interval));
      one["standard_error"] = number(d.standard_error);
      estimates.push_back(one);
    }
    out.push_back({{"points", scale.points},
                   {"parts", scale.parts},
                   {"distance", number(scale.distance)},
                   {"estimates", estimates}});
  }
  return out;
}

std::string scales_text(const std::vector<dimension_row>& rows,
                        const std::vector<atlas::dimensions_at_scale>& scales) {
  std::vector<std::vector<std::string>> table = {{"rows of a part"}, {"distance to the nearest"}};
  for (const atlas::dimensions_at_scale& scale : scales) {
    table[0].push_back(fmt::format("{} x {}", scale.parts, scale.points));
    table[1].push_back(fmt::format("{:.3g}", scale.distance));
  }
  for (std::size_t e = 0; e < rows.size(); ++e) {
    std::vector<std::string> cells = {typed_text(rows[e].estimator)};
    for (const atlas::dimensions_at_scale& scale : scales) {
      const atlas::scaled_dimension& d = scale.dimensions[e];
      cells.push_back(std::isnan(d.standard_error)
                          ? digits(d.dimension)
                          : fmt::format("{} ({})", digits(d.dimension), digits(d.standard_error)));
    }
    table.push_back(std::move(cells));
  }
  return table_text(table);
}

std::vector<advised_estimate> advised_estimates(const std::vector<dimension_row>& rows) {
  std::vector<advised_estimate> out;
  for (const dimension_row& row : rows) {
    const std::string_view name = atlas::name_of(row.estimator);
    // What rows do not tell is no better than the estimate itself.
    const bool corrected = row.corrected && !row.corrected->undetermined;
    const double value = corrected ? row.corrected->dimension : row.estimate.dimension;
    const double error = corrected
                             ? (row.corrected->interval.upper - row.corrected->interval.lower) / 4
                             : row.estimate.standard_error;
    out.push_back({typed_text(row.estimator), value, error, row.estimate.neighbors,
                   name == "local_pca" || name == "fisher_separability"});
  }
  return out;
}

namespace {

/// Neighbours that are no more than a fifth of the rows, or contexts, of a part at the largest
/// scale.
bool stays_local(const atlas::dimension_estimate& e, const atlas::dimensions_at_scale& largest) {
  atlas::index_t units = largest.points;
  if (e.contexts > 0) units = std::min(units, e.contexts / largest.parts);
  return e.neighbors > 0 && 5 * e.neighbors <= units;
}

bool known_everywhere(std::size_t e, const std::vector<atlas::dimensions_at_scale>& scales) {
  return std::all_of(scales.begin(), scales.end(), [e](const auto& s) {
    return std::isfinite(s.dimensions[e].dimension) &&
           std::isfinite(s.dimensions[e].standard_error);
  });
}

}  // namespace

std::vector<advised_scale> advised_scales(const std::vector<dimension_row>& rows,
                                          const std::vector<atlas::dimensions_at_scale>& scales) {
  if (scales.empty()) return {};
  std::vector<std::size_t> chosen;
  for (std::size_t e = 0; e < rows.size(); ++e)
    if (known_everywhere(e, scales) && stays_local(rows[e].estimate, scales.back()))
      chosen.push_back(e);
  if (chosen.empty()) return {};
  const auto n = static_cast<double>(chosen.size());
  std::vector<advised_scale> out;
  for (const atlas::dimensions_at_scale& scale : scales) {
    double logs = 0, error = 0;  // of one cloud, so that errors do not average out
    for (const std::size_t e : chosen) {
      logs += std::log(scale.dimensions[e].dimension) / n;
      error += scale.dimensions[e].standard_error / scale.dimensions[e].dimension / n;
    }
    out.push_back({std::exp(logs), std::exp(logs) * error});
  }
  return out;
}

}  // namespace atlas_program
