// SPDX-License-Identifier: MIT
/// \file
/// `atlas estimators`: estimators of dimension against manifolds whose dimension is known.

#include "estimators.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <memory>
#include <optional>
#include <utility>

#include "atlas/dimension/estimate_dimensions.hpp"
#include "atlas/dimension/manifolds/draw_manifold.hpp"
#include "atlas/io/files.hpp"
#include "atlas/neighbors/exclusion.hpp"
#include "estimator_names.hpp"
#include "interrupts.hpp"
#include "options.hpp"
#include "peak_memory.hpp"
#include "ranks.hpp"
#include "study_store.hpp"
#include "typing_errors.hpp"

namespace atlas_program {

namespace {

using atlas::index_t;

/// Names to suggest one of.
std::vector<std::string> manifold_names() {
  std::vector<std::string> names;
  for (const atlas::manifold& m : atlas::benchmark_manifolds()) names.push_back(m.name);
  for (const atlas::manifold& m : atlas::further_manifolds()) names.push_back(m.name);
  return names;
}

/// \throws atlas::error for a name of none, with the nearest
std::vector<atlas::manifold> manifolds_of(const std::vector<std::string>& typed) {
  std::vector<atlas::manifold> out;
  for (const std::string& name : typed) {
    try {
      atlas::manifold found = atlas::manifold_named(name);
      for (const atlas::manifold& m : out)  // cube_3 and cube_03 are one
        if (m.name == found.name)
          throw atlas::error("--manifolds", "different ones", found.name + " twice");
      out.push_back(std::move(found));
    } catch (const atlas::value_error& e) {
      const std::string near = nearest_name(name, manifold_names());
      throw atlas::error("--manifolds", e.expected(),
                         name + (near.empty() ? "" : "; did you mean " + near + "?"));
    }
  }
  return out;
}

/// One cloud by all estimators, as a part of the folder keeps it: `[[dimension, error, lower,
/// upper, remark], ...]`.
json estimates_to_json(const std::vector<atlas::dimension_estimate>& estimates) {
  json out = json::array();
  for (const atlas::dimension_estimate& e : estimates) {
    const bool fault = e.remark.empty() && e.fault != atlas::cloud_fault::none;
    out.push_back({number(e.dimension), number(e.standard_error), number(e.interval.lower),
                   number(e.interval.upper),
                   fault ? std::string(atlas::describe(e.fault)) : e.remark});
  }
  return out;
}

repeated_estimate estimate_from_json(const json& kept) {
  const auto real = [&](std::size_t i) {
    return kept.at(i).is_number() ? kept.at(i).get<double>() : NAN;
  };
  return {real(0), real(1), {real(2), real(3)}, kept.at(4).get<std::string>()};
}

struct estimators_command {
  common_options common;
  std::vector<std::string> manifolds = {"torus_2",    "sphere_5",     "cube_10",  "gaussian_5",
                                        "swiss_roll", "M4_Nonlinear", "M12_Norm", "serial_3"};
  std::vector<std::string> estimators = {"all"};
  std::string folder, csv_file;
  index_t points = 500, repeats = 20, ambient = 0;
  double noise = 0;
  bool costs = false;

  void run() const {
    const auto of = manifolds_of(manifolds);
    const auto list = estimators_of(estimators);
    check_ambient(of);
    std::optional<study_store> store;
    if (!folder.empty()) {
      store.emplace(folder, description());
      set_interrupt_message("interrupted; run it again to go on from the clouds that are there");
    }
    const std::vector<json> clouds = measure_clouds(of, list, store);
    if (rank() > 0) return;
    std::vector<estimator_trial> trials;
    for (std::size_t m = 0; m < of.size(); ++m) {
      const auto first = clouds.begin() + static_cast<std::ptrdiff_t>(m) * repeats;
      for (estimator_trial& t : trials_on(of[m], list, {first, first + repeats}))
        trials.push_back(std::move(t));
    }
    write(trials, store);
  }

 private:
  /// What clouds that were kept are of: not how many of them there are to be.
  json description() const {
    return {{"command", "estimators"},  {"manifolds", manifolds},
            {"estimators", estimators}, {"points", points},
            {"noise", noise},           {"ambient", ambient},
            {"seed", common.seed},      {"version", run_json(common)["version"]}};
  }

  void check_ambient(const std::vector<atlas::manifold>& of) const {
    for (const atlas::manifold& m : of)
      if (ambient != 0 && ambient < m.ambient)
        throw atlas::value_error(
            "--ambient",
            fmt::format("0, or the {} columns that {} needs, or more", m.ambient, m.name),
            std::to_string(ambient));
  }

  /// A cloud has the same numbers whichever others are drawn beside it.
  atlas::manifold_draw<double> cloud(const atlas::manifold& m, index_t repeat) const {
    atlas::random_stream random(common.seed,
                                content_hash(m.name) + static_cast<std::uint64_t>(repeat));
    return atlas::draw_manifold(m, points, {.ambient = ambient, .noise = noise, .seed = random()});
  }

  static atlas::dimension_options options_of(const atlas::manifold_draw<double>& drawn,
                                             std::uint64_t seed) {
    atlas::dimension_options o;
    if (!drawn.context.empty()) {
      o.exclude = atlas::same_context(drawn.context);  // leaves enough for any k
      o.context = drawn.context;
    }
    o.degenerate = atlas::degenerate_policy::report;
    o.seed = seed;
    o.threads = 1;
    return o;
  }

  json measure_repeat(const atlas::manifold& m, const std::vector<atlas::any_estimator>& list,
                      index_t repeat, const atlas::progress_callback& on_progress) const {
    const auto drawn = cloud(m, repeat);
    atlas::dimension_options o =
        options_of(drawn, common.seed + static_cast<std::uint64_t>(repeat));
    o.on_progress = on_progress;
    return estimates_to_json(atlas::estimate_dimensions(drawn.points, list, o));
  }

  /// All clouds, side by side, each on one thread, those of a manifold after each other; those of
  /// the folder are read.
  std::vector<json> measure_clouds(const std::vector<atlas::manifold>& of,
                                   const std::vector<atlas::any_estimator>& list,
                                   const std::optional<study_store>& store) const {
    parts_to_do work;
    for (const atlas::manifold& m : of)
      for (index_t i = 0; i < repeats; ++i) work.names.push_back(fmt::format("{}-{}", m.name, i));
    const auto clouds = static_cast<index_t>(work.names.size());
    atlas::progress_meter meter(progress_bar(common), "clouds", (clouds + ranks() - 1) / ranks());
    work.threads = common.threads;
    work.measure = [&](index_t i) {
      json found = measure_repeat(of[static_cast<std::size_t>(i / repeats)], list, i % repeats,
                                  meter.within_a_step());
      meter.advance();
      return found;
    };
    return all_parts(work, store ? &*store : nullptr);
  }

  std::vector<estimator_trial> trials_on(const atlas::manifold& m,
                                         const std::vector<atlas::any_estimator>& list,
                                         const std::vector<json>& found) const {
    std::vector<estimator_trial> trials;
    for (std::size_t e = 0; e < list.size(); ++e) {
      trials.push_back({m.name, m.about, m.dimension, ambient > 0 ? ambient : m.ambient, list[e]});
      for (const json& repeat : found)
        trials.back().repeats.push_back(estimate_from_json(repeat.at(e)));
      if (costs) add_costs(m, trials.back());
    }
    return trials;
  }

  /// Of the first cloud, by this estimator alone, its search for neighbours included.
  void add_costs(const atlas::manifold& m, estimator_trial& trial) const {
    begin_stage(common,
                fmt::format("{}: time and memory of {}", m.name, typed_text(trial.estimator)));
    const auto drawn = cloud(m, 0);
    atlas::dimension_options o = options_of(drawn, common.seed);
    o.on_progress = progress_bar(common);
    const peak_memory memory;
    const auto began = std::chrono::steady_clock::now();
    const auto ignored = atlas::estimate_dimensions(drawn.points, {trial.estimator}, o);
    trial.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count();
    trial.mebibytes = memory.mebibytes();
  }

  void write(const std::vector<estimator_trial>& trials,
             const std::optional<study_store>& store) const {
    const auto summaries = summarize_trials(trials);
    json result = {{"points", points}, {"repeats", repeats}, {"noise", noise}};
    result.update(trials_json(trials, summaries));
    const std::string csv = trials_csv(trials, summaries, common);
    if (store) {
      store->write_file("result.json", with_run(common, result).dump(2) + "\n");
      store->write_file("result.csv", csv);
    }
    std::vector<output_file> files;
    if (!csv_file.empty()) files.push_back({csv_file, {}, csv});
    report(common, result, trials_text(trials, summaries), files);
  }
};

}  // namespace

void add_estimators(CLI::App& program) {
  const auto command = std::make_shared<estimators_command>();
  CLI::App& app = *program.add_subcommand(
      "estimators",
      "Estimators of dimension on manifolds of known dimension: bias, spread, coverage and ranks.");
  app.add_option("--manifolds", command->manifolds,
                 fmt::format("{}, or cube_D, ball_D, sphere_D, torus_D, gaussian_D, lattice_D, "
                             "serial_D",
                             fmt::join(manifold_names(), ", ")))
      ->check(not_empty())
      ->delimiter(',')
      ->capture_default_str();
  add_estimators_option(app, command->estimators);
  add_whole(app, "--points", command->points, {10, 1 << 24}, "rows of a cloud");
  add_whole(app, "--repeats", command->repeats, {2, 1 << 20}, "clouds of each manifold");
  add_real(app, "--noise", command->noise, {.low = 0},
           "standard deviation of normal noise in every column");
  add_whole(app, "--ambient", command->ambient, {1, 1 << 20, true},
            "columns that clouds are turned into; 0: what each manifold needs");
  app.add_flag("--costs", command->costs,
               "also seconds and memory of each estimator alone, which no two runs have alike");
  add_text(app, "--out", command->folder,
           "folder for every cloud's estimates and the result; a run that was killed goes on from "
           "there. Nothing is kept otherwise");
  add_text(app, "--csv", command->csv_file, "also write the table here");
  add_common_options(
      app, command->common,
      "atlas estimators --manifolds torus_2,cube_10 --estimators two_nn,mom:k=20 --repeats 50",
      {"--out", "--csv"});
  app.callback([command] { command->run(); });
}

}  // namespace atlas_program
