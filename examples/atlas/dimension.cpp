// SPDX-License-Identifier: MIT
/// \file
/// `atlas dimension`: one cloud by several estimators, and what to make of their differences.

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <memory>

#include "atlas/dimension/chosen_estimator.hpp"
#include "atlas/io/files.hpp"
#include "atlas/neighbors/nearest_neighbors_among.hpp"
#include "dimension_report.hpp"
#include "estimator_names.hpp"
#include "label_options.hpp"
#include "options.hpp"
#include "picked_cloud.hpp"
#include "ranks.hpp"
#include "ring_search.hpp"
#include "stored_type.hpp"
#include "surrogate_names.hpp"

namespace atlas_program {

namespace {

using atlas::index_t;

/// The seconds of each step of a call, by when its progress moves.
class step_clock {
 public:
  explicit step_clock(atlas::progress_callback then) : then_(std::move(then)) {}

  atlas::progress_callback callback() {
    return [this](const atlas::progress& p) {
      while (static_cast<index_t>(seconds_.size()) < p.done) {
        const auto now = std::chrono::steady_clock::now();
        seconds_.push_back(std::chrono::duration<double>(now - last_).count());
        last_ = now;
      }
      return then_(p);
    };
  }
  /// Of step i; 0 where it was not reached.
  double of(std::size_t i) const { return i < seconds_.size() ? seconds_[i] : 0; }

 private:
  atlas::progress_callback then_;
  std::chrono::steady_clock::time_point last_ = std::chrono::steady_clock::now();
  std::vector<double> seconds_;
};

template <class Scalar>
atlas::owned_tensor<Scalar, 2> rows_of(const atlas::owned_tensor<Scalar, 2>& points,
                                       const std::vector<index_t>& rows) {
  atlas::owned_tensor<Scalar, 2> out({static_cast<index_t>(rows.size()), points.extent(1)});
  Scalar* to = out.mutable_view().data();
  for (const index_t row : rows) {
    const Scalar* from = points.data() + row * points.extent(1);
    to = std::copy(from, from + points.extent(1), to);
  }
  return out;
}

struct dimension_command {
  common_options common;
  label_options labels;
  picked_cloud picked;
  std::string file, csv_file, surrogate_kind = "automatic";
  std::vector<std::string> estimators = {"all"};
  std::vector<double> periods;
  double confidence = 0.95;
  index_t surrogates = 0;
  bool by_scale = false, correct_bias = false;

  void run() {
    if (rank() > 0) return serve_searches(common.threads, progress_bar(common));
    check_options();
    check_picked_cloud(*common.command, picked);
    const auto list = estimators_of(estimators);
    begin_stage(common, "reading the cloud");
    const auto use = [&](const auto& points, atlas::stored_precision precision) {
      typed_names names = {{"points", file},
                           {"labels", "--surrogate-kind " + surrogate_kind},
                           {"periods", "--periods"}};
      labels.add_names(names);
      with_typed_names(names, [&] { measure(points, precision, list); });
    };
    if (!picked.is_there()) return with_cloud(file, use);
    const source_layer layer = read_picked_layer(common, picked);
    take_labels(*common.command, layer, labels);
    file = picked.name();
    with_picked_head(layer, picked, use);
  }

 private:
  void check_options() const {
    if (!labels.has_window() && surrogates == 0)
      refuse_typed(*common.command, {"--position"},
                   "without a window, such as --exclude 8, or surrogates");
    if (surrogates == 0)
      refuse_typed(*common.command, {"--surrogate-kind"}, "without --surrogates");
  }

  atlas::dimension_options options(atlas::stored_precision precision, index_t columns) const {
    atlas::dimension_options o;
    o.confidence = confidence;
    o.precision = precision;
    o.exclude = labels.exclusion();
    o.context = labels.context();
    o.periods = periods;
    if (periods.size() == 1)  // the same for all
      o.periods.assign(static_cast<std::size_t>(columns), periods[0]);
    o.seed = common.seed;
    o.threads = common.threads;
    return o;
  }

  template <class Scalar>
  void measure(const atlas::owned_tensor<Scalar, 2>& points, atlas::stored_precision precision,
               const std::vector<atlas::any_estimator>& list) const {
    atlas::dimension_options o = options(precision, points.extent(1));
    step_clock timing(progress_bar(common));
    o.on_progress = timing.callback();
    auto estimates = ranks() == 1
                         ? atlas::estimate_dimensions(points, list, o)
                         : atlas::estimate_dimensions(points, list, o, neighbors_by_ranks<Scalar>);
    end_searches();
    std::vector<dimension_row> rows;
    for (std::size_t e = 0; e < list.size(); ++e)
      rows.push_back({list[e], std::move(estimates[e]), timing.of(e + 1)});
    o.on_progress = progress_bar(common);
    if (correct_bias)
      for (dimension_row& row : rows) add_correction(points, o, row);
    add_nulls(points, o, rows);
    std::vector<atlas::dimensions_at_scale> scales;
    if (by_scale)
      scales = atlas::estimate_dimensions_by_scale(points, list, o, {.seed = common.seed});
    write(points, o, rows, scales);
  }

  /// What cannot be corrected stays as it is.
  template <class Scalar>
  void add_correction(const atlas::owned_tensor<Scalar, 2>& points, atlas::dimension_options o,
                      dimension_row& row) const {
    if (std::isnan(row.estimate.dimension)) return;
    begin_stage(common, "simulating the bias of " + typed_text(row.estimator));
    o.degenerate = atlas::degenerate_policy::report;
    try {
      row.corrected = atlas::corrected_dimension(points, atlas::estimators::chosen{row.estimator},
                                                 o, {.seed = common.seed});
    } catch (const atlas::cancelled&) {
      throw;
    } catch (const atlas::error& e) {
      row.corrected.emplace().remark = e.what();
    }
  }

  template <class Scalar>
  void add_nulls(const atlas::owned_tensor<Scalar, 2>& points, const atlas::dimension_options& o,
                 std::vector<dimension_row>& rows) const {
    if (surrogates == 0) return;
    std::vector<atlas::any_estimator> list;
    std::vector<atlas::dimension_estimate> observed;
    for (const dimension_row& row : rows) {
      list.push_back(row.estimator);
      observed.push_back(row.estimate);
    }
    const auto nulls = atlas::estimate_dimensions_null(points, list, observed, o,
                                                       {.draws = surrogates,
                                                        .kind = surrogate_kinds.at(surrogate_kind),
                                                        .labels = labels.rows(),
                                                        .seed = common.seed,
                                                        .threads = common.threads});
    for (std::size_t e = 0; e < rows.size(); ++e) rows[e].null = nulls[e];
  }

  /// What the rows' nearest neighbours tell: of 2,000 rows spread over the cloud at most.
  template <class Scalar>
  advised_cloud facts(const atlas::owned_tensor<Scalar, 2>& points,
                      const atlas::dimension_options& o) const {
    const auto kept = atlas::distinct_rows(points, o.precision, o.tolerance);
    const auto n = static_cast<index_t>(kept.size());
    advised_cloud cloud;
    cloud.rows = n;
    cloud.merged = points.extent(0) - n;
    cloud.order_matters = labels.exclusion_kind() == "none";
    cloud.looked_at = std::min<index_t>(n, 2000);
    if (n < 4) return cloud;
    const auto distinct = rows_of(points, kept);
    std::vector<index_t> chosen;
    for (index_t i = 0; i < cloud.looked_at; ++i) chosen.push_back(i * n / cloud.looked_at);
    const auto table = atlas::nearest_neighbors_among(
        rows_of(distinct, chosen), distinct,
        {.k = 3, .periods = o.periods, .threads = o.threads, .on_progress = o.on_progress});
    count(table, chosen, n, cloud);
    return cloud;
  }

  /// A row is the nearest to itself, and comes first or among those at distance 0.
  static void count(const atlas::neighbor_table& table, const std::vector<index_t>& chosen,
                    index_t rows, advised_cloud& cloud) {
    index_t adjacent = 0, tied = 0;
    for (index_t i = 0; i < table.indices.extent(0); ++i) {
      const index_t self = chosen[static_cast<std::size_t>(i)];
      const index_t first = table.indices(i, 0) == self ? 1 : 0;
      const index_t nearest = table.indices(i, first);
      adjacent += nearest - self == 1 || self - nearest == 1 ? 1 : 0;
      tied += table.distances(i, 1) == table.distances(i, 2) ? 1 : 0;
    }
    const auto n = static_cast<double>(chosen.size());
    cloud.adjacent = static_cast<double>(adjacent) / n;
    cloud.tied = static_cast<double>(tied) / n;
    cloud.adjacent_by_chance = 2 / static_cast<double>(rows);
  }

  template <class Scalar>
  void write(const atlas::owned_tensor<Scalar, 2>& points, const atlas::dimension_options& o,
             const std::vector<dimension_row>& rows,
             const std::vector<atlas::dimensions_at_scale>& scales) const {
    advised_cloud cloud = facts(points, o);
    for (const dimension_row& row : rows)
      cloud.contexts = std::max(cloud.contexts, row.estimate.contexts);
    cloud.estimates = advised_estimates(rows);
    cloud.scales = advised_scales(rows, scales);
    const std::vector<std::string> advice = advice_of(cloud);
    json result = {{"points", points.extent(0)},
                   {"coordinates", points.extent(1)},
                   {"merged", cloud.merged},
                   {"contexts", cloud.contexts > 0 ? json(cloud.contexts) : json(nullptr)},
                   {"exclude", labels.exclusion_kind()},
                   {"adjacent_neighbors", number(cloud.adjacent)},
                   {"adjacent_by_chance", number(cloud.adjacent_by_chance)},
                   {"tied_neighbors", number(cloud.tied)},
                   {"estimates", json::array()}};
    for (const dimension_row& row : rows) result["estimates"].push_back(estimate_json(row));
    if (by_scale) result["scales"] = scales_json(rows, scales);
    result["advice"] = advice;
    std::vector<output_file> files;
    if (!csv_file.empty()) files.push_back({csv_file, {}, dimensions_csv(rows, common)});
    report(common, result, heading_text(points.extents(), cloud) + text(rows, scales, advice),
           files);
  }

  std::string heading_text(const atlas::shape<2>& extents, const advised_cloud& cloud) const {
    std::string out =
        fmt::format("{}: {} rows of {}, {} merged", file, extents[0], extents[1], cloud.merged);
    if (cloud.contexts > 0) out += fmt::format(", {} contexts, the units", cloud.contexts);
    return out + fmt::format("; neighbours left out: {}\n\n", labels.exclusion_kind());
  }

  std::string text(const std::vector<dimension_row>& rows,
                   const std::vector<atlas::dimensions_at_scale>& scales,
                   const std::vector<std::string>& advice) const {
    std::string out = estimates_text(rows);
    if (by_scale) out += "\n" + scales_text(rows, scales);
    out += "\n";
    for (const std::string& sentence : advice) out += sentence + "\n";
    return out;
  }
};

}  // namespace

void add_dimension(CLI::App& program) {
  const auto command = std::make_shared<dimension_command>();
  CLI::App& app = *program.add_subcommand(
      "dimension", "Intrinsic dimension of a cloud by several estimators, and why they differ.");
  auto* file = add_text(app, "X.npy", command->file, "cloud, [N, d]")->required();
  add_picked_cloud(app, *file, command->picked, true);
  add_estimators_option(app, command->estimators);
  add_label_options(app, command->labels);
  app.add_option("--periods", command->periods,
                 "lengths after which coordinates begin again, one for all or one each; 0: none")
      ->transform(real_number({.low = 0}))
      ->delimiter(',');
  add_real(app, "--confidence", command->confidence, open_unit, "of the intervals");
  app.add_flag("--by-scale", command->by_scale,
               "also of halves of the rows, quarters and so on: larger scales");
  app.add_flag("--correct-bias", command->correct_bias,
               "also the dimension at which simulated clouds of as many rows have such an "
               "estimate; takes a hundred times as long");
  add_surrogate_options(app, command->surrogates, command->surrogate_kind);
  add_text(app, "--csv", command->csv_file, "also write the table here");
  add_common_options(app, command->common,
                     "atlas dimension cloud.npy --estimators two_nn,mle:k=20,mom:k=20 --by-scale",
                     {"--csv"});
  app.callback([command] { command->run(); });
}

}  // namespace atlas_program
