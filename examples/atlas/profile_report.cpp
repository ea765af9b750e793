// SPDX-License-Identifier: MIT
#include "profile_report.hpp"

#include <fmt/format.h>

namespace atlas_program {

namespace {

json step_json(const atlas::profile_step& step) {
  json out = {{"points", step.points},
              {"parts", step.parts},
              {"order", step.order},
              {"distance", number(step.distance)},
              {"dimension", number(step.dimension)}};
  out.update(bounds(step.interval));
  return out;
}

json trend_json(const std::vector<atlas::profile_step>& steps, const atlas::profile_trend& trend) {
  json out = {{"slope", number(trend.slope)},
              {"standard_error", number(trend.standard_error)},
              {"p", number(trend.p)},
              {"steps", json::array()}};
  for (const atlas::profile_step& step : steps) out["steps"].push_back(step_json(step));
  return out;
}

void add_steps(const std::string& name, const std::vector<atlas::profile_step>& steps,
               const atlas::profile_trend& trend, std::vector<std::vector<std::string>>& rows) {
  for (const atlas::profile_step& step : steps)
    rows.push_back({name, std::to_string(step.points), std::to_string(step.order),
                    digits(step.distance, 3), with_interval(step.dimension, step.interval, 2),
                    &step == &steps.back() ? p_text(trend.p) : ""});
}

}  // namespace

json profile_json(const atlas::dimension_profile_result& profile) {
  return {{"moves", profile.moves},
          {"p", number(profile.p)},
          {"sizes", trend_json(profile.sizes, profile.over_sizes)},
          {"orders", trend_json(profile.orders, profile.over_orders)}};
}

std::vector<std::vector<std::string>> profile_rows(const std::string& name,
                                                   const atlas::dimension_profile_result& profile) {
  std::vector<std::vector<std::string>> rows;
  add_steps(name, profile.sizes, profile.over_sizes, rows);
  add_steps(name, profile.orders, profile.over_orders, rows);
  return rows;
}

std::vector<std::string> profile_header(const std::string& first) {
  return {first, "rows", "order", "distance", "dimension [95 %]", "p of no movement"};
}

}  // namespace atlas_program
