// SPDX-License-Identifier: MIT
#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <memory>
#include <utility>

#include "calibrate_report.hpp"
#include "options.hpp"
#include "ranks.hpp"
#include "share_work.hpp"

namespace atlas_program {

namespace calibration {

namespace {

using atlas::index_t;

struct calibrate_command {
  common_options common;
  bool quick = false;
  std::vector<std::string> what;
  index_t clouds = 0;

  void run() const;

 private:
  index_t clouds_of(const simulation_case& c) const {
    return clouds > 0 ? clouds : quick ? c.quick_clouds : c.clouds;
  }
  bool chosen(const std::string& item) const {
    return what.empty() || std::find(what.begin(), what.end(), item) != what.end();
  }
  std::vector<calibration_row> rows_of(const simulation_case& c) const;
};

std::vector<simulation_case> all_cases() {
  std::vector<simulation_case> all;
  for (auto* const make : {interval_cases, context_cases, profile_cases, surrogate_cases,
                           manifold_cases, head_cases, statistics_cases})
    for (simulation_case& c : make()) all.push_back(std::move(c));
  return all;
}

/// In the order of the cases, each once.
std::vector<std::string> item_names() {
  std::vector<std::string> names;
  for (const simulation_case& c : all_cases())
    if (std::find(names.begin(), names.end(), c.item) == names.end()) names.push_back(c.item);
  return names;
}

/// FNV-1a of what is simulated: a case has the same clouds whichever others run beside it.
std::uint64_t stream_of(const simulation_case& c) {
  std::uint64_t hash = 0xCBF29CE484222325U;
  for (const char letter : c.item + "/" + c.data) {
    hash ^= static_cast<unsigned char>(letter);
    hash *= 0x100000001B3U;
  }
  return hash;
}

json observations_json(const std::vector<observation>& all) {
  json out = json::array();
  for (const observation& o : all)
    out.push_back({o.value, o.p, o.interval.lower, o.interval.upper});
  return out;
}

std::vector<observation> observations_of(const json& all) {
  std::vector<observation> out;
  for (const json& o : all) out.push_back({o.at(0), o.at(1), {o.at(2), o.at(3)}});
  return out;
}

/// Clouds are simulated side by side, each on one thread and from a stream of its own.
/// \return at rank 0; elsewhere nothing
std::vector<calibration_row> calibrate_command::rows_of(const simulation_case& c) const {
  const index_t count = clouds_of(c);
  const std::string stage = c.item + ": " + c.data;
  const std::uint64_t stream = stream_of(c);
  const auto random_of = [&](index_t i) {
    return atlas::random_stream(common.seed, stream + static_cast<std::uint64_t>(i));
  };
  begin_stage(common, stage);
  atlas::progress_meter meter(progress_bar(common), stage, (count + ranks() - 1) / ranks());
  const auto bytes =
      share_work({.shards = count,
                  .name = [&](index_t i) { return fmt::format("{}, cloud {}", stage, i); },
                  .work =
                      [&](index_t i) {
                        atlas::random_stream random = random_of(i);
                        random.uniform();  // the jitter
                        const json found = observations_json(c.simulate(random));
                        meter.advance();
                        return packed(found);
                      },
                  .threads = common.threads});
  if (rank() > 0) return {};
  std::vector<std::vector<observation>> found;
  std::vector<double> jitter;
  for (index_t i = 0; i < count; ++i) {
    found.push_back(observations_of(unpacked(bytes[static_cast<std::size_t>(i)])));
    jitter.push_back(random_of(i).uniform());
  }
  std::vector<calibration_row> rows;
  for (std::size_t q = 0; q < c.quantities.size(); ++q) {
    rows.push_back({c.item, c.data, c.quantities[q], {}, jitter});
    for (const auto& of_cloud : found) rows.back().observations.push_back(of_cloud.at(q));
  }
  return rows;
}

constexpr const char* how_to_read_calibration =
    "How to read this. Every row is simulated: data whose answer is known, as many clouds as it\n"
    "says. Of an interval, the share of clouds whose interval holds the truth, which is known or\n"
    "else the mean of the estimates themselves (an interval promises nothing about bias), in\n"
    "brackets the 95 % interval of that share; sd is of the estimates, error their mean standard\n"
    "error as the intervals have it. Of a z, its mean, its sd and the share of clouds beyond the\n"
    "5 % point, with the p of Kolmogorov and Smirnov against the distribution that the z claims,\n"
    "and of its p against a uniform one. What is off beyond doubt (with 99 % intervals outside\n"
    "what is wanted, or a p of Kolmogorov and Smirnov below 0.001) is marked; rows that show a\n"
    "mistake, or what a null is meant to reject, should be.\n";

void calibrate_command::run() const {
  std::vector<calibration_row> rows;
  for (const simulation_case& c : all_cases()) {
    if (!chosen(c.item) || clouds_of(c) == 0) continue;
    for (calibration_row& row : rows_of(c)) rows.push_back(std::move(row));
  }
  if (rank() > 0) return;
  const calibration_report found = report_of(rows);
  report(common, found.result, found.table + "\n" + how_to_read_calibration);
}

}  // namespace

}  // namespace calibration

void add_calibrate(CLI::App& program) {
  const auto command = std::make_shared<calibration::calibrate_command>();
  CLI::App& app = *program.add_subcommand(
      "calibrate", "Whether intervals cover and nulls are null: on simulated data.");
  app.add_flag("--quick", command->quick, "fewer clouds, in less than a minute");
  const auto names = calibration::item_names();
  app.add_option("--what", command->what, "some of these; all unless told otherwise")
      ->transform(one_of(names))
      ->delimiter(',');
  add_whole(app, "--clouds", command->clouds, {.low = 20, .high = 1 << 24, .or_zero = true},
            "of each case; 0: each its own number");
  add_common_options(app, command->common, "atlas calibrate --quick --what two-nn,contexts");
  app.callback([command] {
    if (command->clouds > 0) refuse_typed(*command->common.command, {"--quick"}, "with --clouds");
    command->run();
  });
}

}  // namespace atlas_program
