// SPDX-License-Identifier: MIT
/// \file
/// Surrogates: whether clouds that are as the null has them get the z that it says.

#include <fmt/format.h>

#include <map>
#include <mutex>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "atlas/dimension/surrogate.hpp"
#include "atlas/dimension/two_nn.hpp"
#include "atlas/linalg/frame.hpp"
#include "atlas/simulation/clouds.hpp"
#include "atlas/simulation/passages.hpp"
#include "calibrate.hpp"
#include "measure_source.hpp"

namespace atlas_program::calibration {

namespace {

using atlas::index_t;
using atlas::surrogate_kind;
using cloud = atlas::owned_tensor<double, 2>;
using passages = atlas::labelled_cloud<double>;

constexpr index_t surrogate_draws = 20, rank_draws = 39;

/// z and its p; of 39 draws also the p of ranks, which with 20 is never below 0.05.
quantity z_of(std::string name, index_t draws = surrogate_draws, bool warning = false) {
  return {.name = std::move(name),
          .kind = quantity_kind::score,
          .degrees = static_cast<double>(draws - 1),
          .warning = warning};
}

atlas::surrogate_options surrogates_of(surrogate_kind kind, index_t draws,
                                       atlas::random_stream& random) {
  return {.draws = draws, .kind = kind, .seed = random(), .threads = 1};
}

/// Of independent rows, with these kinds of surrogates; z of those that are named as rejecting
/// should be off.
struct judged_kind {
  surrogate_kind kind;
  bool rejects;
};

simulation_case independent_rows(const std::string& data, const std::vector<judged_kind>& kinds,
                                 cloud (*draw)(atlas::random_stream&)) {
  simulation_case c{"surrogates", data, 400, 30};
  for (const judged_kind& k : kinds)
    c.quantities.push_back(
        z_of(fmt::format("{} surrogates", atlas::name_of(k.kind)), surrogate_draws, k.rejects));
  c.simulate = [kinds, draw](atlas::random_stream& random) {
    const cloud x = draw(random);
    const auto r = atlas::two_nn(x, {.threads = 1});
    std::vector<observation> out;
    for (const judged_kind& k : kinds)
      out.push_back(
          score_of(atlas::two_nn_null(x, r, surrogates_of(k.kind, surrogate_draws, random))));
    return out;
  };
  return c;
}

simulation_case ranked_rows() {
  simulation_case c{"surrogates", "400 Gaussian rows, d 6, 39 draws", 400, 20};
  c.quantities = {
      z_of("independent surrogates", rank_draws),
      {.name = "p of ranks", .kind = quantity_kind::probability, .step = 2.0 / (rank_draws + 1)}};
  c.simulate = [](atlas::random_stream& random) -> std::vector<observation> {
    const cloud x = atlas::simulate_gaussian(400, 6, random);
    const auto r = atlas::two_nn(x, {.threads = 1});
    const auto null =
        atlas::two_nn_null(x, r, surrogates_of(surrogate_kind::independent, rank_draws, random));
    return {score_of(null), probability_of(null.rank_p)};
  };
  return c;
}

/// Rows of passages in six dimensions whose covariance is another in every cloud.
passages draw_passages(const atlas::passage_design& design, atlas::passage_structure structure,
                       atlas::random_stream& random) {
  structure.mixing = atlas::normal_matrix(6, 6, random);
  return atlas::simulate_passages(design, 6, structure, random);
}

/// Neighbours in distinct contexts, against surrogates of some kinds.
simulation_case serial_rows(const std::string& data, const atlas::passage_design& design,
                            const atlas::passage_structure& structure,
                            const std::vector<judged_kind>& kinds) {
  simulation_case c{"surrogates", data, 400, 20};
  for (const judged_kind& k : kinds)
    c.quantities.push_back(
        z_of(fmt::format("{} surrogates", atlas::name_of(k.kind)), surrogate_draws, k.rejects));
  c.simulate = [design, structure, kinds](atlas::random_stream& random) {
    const passages x = draw_passages(design, structure, random);
    const auto r =
        atlas::two_nn(x.points, {.exclude = atlas::distinct_contexts(x.context), .threads = 1});
    std::vector<observation> out;
    for (const judged_kind& k : kinds) {
      auto o = surrogates_of(k.kind, surrogate_draws, random);
      o.labels = {x.context, x.position};
      out.push_back(score_of(atlas::two_nn_null(x.points, r, o)));
    }
    return out;
  };
  return c;
}

/// Serial surrogates of the cloud of a real head, as `atlas measure` has it, and the rows of each
/// of its passages.
struct head_draws {
  atlas::row_labels labels;
  std::vector<std::vector<index_t>> passages;
  std::vector<atlas::owned_tensor<float, 2>> draws;
};

constexpr index_t real_head = 1;  // of every layer; the others of these models are like it

head_draws draw_head(const std::string& model, index_t layer) {
  measure_options o;
  o.common.threads = 1;
  o.common.quiet = true;
  o.source.model = model;
  o.source.blocks = 100;
  o.layers.layers = {layer};
  const measure_source source = open_source(o);
  const source_layer& from = source.layers.front();
  head_draws out{{from.context, from.position}, {}, {}};
  std::map<index_t, std::vector<index_t>> rows_of_passage;
  for (index_t i = 0; i < from.context.extent(0); ++i)
    rows_of_passage[from.context[i]].push_back(i);
  for (auto& [label, rows] : rows_of_passage) out.passages.push_back(std::move(rows));
  const auto& points = std::get<atlas::owned_tensor<float, 3>>(from.points);
  const atlas::cloud_surrogates<float> surrogates(points[real_head], surrogate_kind::serial,
                                                  out.labels);
  constexpr std::uint64_t count = 100;
  for (std::uint64_t i = 0; i < count; ++i) out.draws.push_back(surrogates.draw(1, i));
  return out;
}

/// Drawn once for all clouds, by whichever thread is first.
const head_draws& draws_of_head(const std::string& model, index_t layer) {
  static std::mutex mutex;
  static std::map<std::pair<std::string, index_t>, head_draws> drawn;
  const std::lock_guard lock(mutex);
  const std::pair key(model, layer);
  const auto found = drawn.find(key);
  return found != drawn.end() ? found->second
                              : drawn.emplace(key, draw_head(model, layer)).first->second;
}

/// Each passage from a draw of its own, chosen at random: what real heads are, but for structure.
atlas::owned_tensor<float, 2> exchange_passages(const head_draws& head,
                                                atlas::random_stream& random) {
  const index_t columns = head.draws.front().extent(1);
  atlas::owned_tensor<float, 2> out(head.draws.front().extents());
  for (const auto& rows : head.passages) {
    const index_t chosen = random.uniform_index(static_cast<index_t>(head.draws.size()));
    const auto& from = head.draws[static_cast<std::size_t>(chosen)];
    for (const index_t row : rows)
      for (index_t k = 0; k < columns; ++k) out.mutable_view()(row, k) = from(row, k);
  }
  return out;
}

/// In full runs alone: the model's pass takes half a minute of one thread.
simulation_case real_head_rows(const std::string& model, index_t layer) {
  simulation_case c{"surrogates", fmt::format("{}, layer {}, passages exchanged", model, layer),
                    400, 0};
  for (const auto kind : {surrogate_kind::serial, surrogate_kind::passages})
    c.quantities.push_back(z_of(fmt::format("{} surrogates", atlas::name_of(kind))));
  c.simulate = [model, layer](atlas::random_stream& random) {
    const head_draws& head = draws_of_head(model, layer);
    const auto x = exchange_passages(head, random);
    const auto r =
        atlas::two_nn(x, {.exclude = atlas::distinct_contexts(head.labels.context), .threads = 1});
    std::vector<observation> out;
    for (const auto kind : {surrogate_kind::serial, surrogate_kind::passages}) {
      auto o = surrogates_of(kind, surrogate_draws, random);
      o.labels = head.labels;
      out.push_back(score_of(atlas::two_nn_null(x, r, o)));
    }
    return out;
  };
  return c;
}

/// Normal, with unequal variances along random axes.
cloud draw_spectrum(atlas::random_stream& random) {
  return atlas::simulate_spectrum(600, {4, 3, 2, 1, 0.5, 0.25}, random);
}

}  // namespace

std::vector<simulation_case> surrogate_cases() {
  constexpr auto independent = surrogate_kind::independent, serial = surrogate_kind::serial,
                 of_passages = surrogate_kind::passages, marginal = surrogate_kind::marginal;
  const atlas::passage_design few{.passages = 12, .rows = 50}, many{.passages = 100, .rows = 6};
  std::vector<simulation_case> cases = {
      independent_rows("600 Gaussian rows, d 6", {{independent, false}, {marginal, false}},
                       draw_spectrum),
      ranked_rows(),
      independent_rows(
          "cube d 10, N 600", {{independent, true}, {marginal, false}},
          [](atlas::random_stream& random) { return atlas::simulate_cube(600, 10, random); }),
      serial_rows("12 x 50, rho 0.98, as if independent", few, {.correlation = 0.98},
                  {{independent, true}}),
  };
  for (const auto& [design, name] : {std::pair{few, "12 x 50"}, std::pair{many, "100 x 6"}})
    for (const double rho : {0.9, 0.98})
      cases.push_back(serial_rows(fmt::format("{}, rho {}", name, rho), design,
                                  {.correlation = rho}, {{serial, false}, {of_passages, false}}));
  cases.push_back(serial_rows("100 x 6, means of passages differ", many,
                              {.correlation = 0.5, .mean_sd = 1}, {{serial, false}}));
  cases.push_back(serial_rows("100 x 6, covariances of passages differ", many,
                              {.correlation = 0.5, .mean_sd = 1, .scale_sd = 0.5},
                              {{of_passages, false}}));
  cases.push_back(real_head_rows("tiny-gpt2", 3));
  cases.push_back(real_head_rows("tiny-gpt2", 5));
  cases.push_back(real_head_rows("tiny-llama", 5));
  return cases;
}

}  // namespace atlas_program::calibration
