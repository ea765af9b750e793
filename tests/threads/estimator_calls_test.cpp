// SPDX-License-Identifier: MIT
#include <string>

#include "../clouds_for_tests.hpp"
#include "atlas/dimension/corrected_dimension.hpp"
#include "atlas/dimension/dimension_bias.hpp"
#include "atlas/dimension/dimensions_by_scale.hpp"
#include "atlas/dimension/dimensions_null.hpp"
#include "atlas/dimension/estimate_dimensions.hpp"
#include "atlas/dimension/estimate_null.hpp"
#include "atlas/dimension/estimators/hidalgo.hpp"
#include "atlas/dimension/lattice_dimension.hpp"
#include "atlas/neighbors/minimum_spanning_tree.hpp"
#include "atlas/neighbors/neighbors_from_distances.hpp"
#include "calls.hpp"

namespace atlas_test {

namespace {

using of_settings = const call_settings&;

atlas::dimension_options dimension_of(of_settings o) {
  return {.resamples = 6, .threads = o.threads, .on_progress = o.on_progress};
}

std::vector<double> numbers_of(const atlas::dimension_estimate& r) {
  return (numbers() << r.dimension << r.standard_error << r.interval.lower << r.local).all;
}

/// One of them, by its own call.
threaded_call call_of(const Eigen::MatrixXd& x, const atlas::any_estimator& any) {
  return {"dimension/estimate.hpp", "estimate_dimension " + std::string(atlas::name_of(any)), true,
          [=](of_settings o) {
            return std::visit(
                [&](const auto& e) {
                  return numbers_of(atlas::estimate_dimension(x, e, dimension_of(o)));
                },
                any);
          }};
}

std::vector<threaded_call> other_calls(const Eigen::MatrixXd& x) {
  using atlas::estimators::mom;
  const mom e{.k = 10};
  const std::vector<atlas::any_estimator> list = {e, atlas::estimators::two_nn{}};
  return {
      {"dimension/estimate.hpp", "estimate_dimensions", true,
       [=](of_settings o) {
         numbers all;
         for (const auto& r : atlas::estimate_dimensions(x, list, dimension_of(o)))
           all << numbers_of(r);
         return all.all;
       }},
      {"dimension/estimate.hpp", "dimensions by scale", true,
       [=](of_settings o) {
         numbers all;
         for (const auto& scale : atlas::estimate_dimensions_by_scale(x, list, dimension_of(o)))
           for (const auto& r : scale.dimensions) all << r.dimension;
         return all.all;
       }},
      {"dimension/estimate.hpp", "dimensions_null", true,
       [=](of_settings o) {
         const auto observed = atlas::estimate_dimensions(x, list, {.errors = false, .threads = 1});
         numbers all;
         for (const auto& n :
              atlas::estimate_dimensions_null(x, list, observed, dimension_of(o), {.draws = 10}))
           all << n.draws;
         return all.all;
       }},
      {"dimension/estimate.hpp", "dimension_null", true,
       [=](of_settings o) {
         const auto observed = atlas::estimate_dimension(x, e, {.errors = false, .threads = 1});
         return (numbers()
                 << atlas::dimension_null(x, e, observed, dimension_of(o), {.draws = 10}).draws)
             .all;
       }},
      {"dimension/estimate.hpp", "dimension_bias", true,
       [=](of_settings o) {
         numbers all;
         for (const auto& b : atlas::dimension_bias(
                  e, {.rows = 100, .dimension = 3, .draws = 3, .estimate = dimension_of(o)}))
           all << b.mean;
         return all.all;
       }},
      {"dimension/estimate.hpp", "corrected_dimension", true,
       [=](of_settings o) {
         const auto r = atlas::corrected_dimension(x.topRows(100).eval(), e, dimension_of(o),
                                                   {.draws = 2, .half_pairs = 2});
         return (numbers() << r.dimension << r.interval.lower).all;
       }},
      {"dimension/estimate.hpp", "lattice_dimension", true,
       [=](of_settings o) {
         const Eigen::MatrixXd whole = (4 * x).array().round();
         return numbers_of(
             atlas::lattice_dimension(whole, {.outer = 6, .inner = 3}, dimension_of(o)));
       }},
      {"dimension/estimators/hidalgo_options.hpp", "hidalgo", true,
       [=](of_settings o) {
         const auto r = atlas::hidalgo(x, {.chains = 3,
                                           .burn_in = 5,
                                           .sweeps = 10,
                                           .threads = o.threads,
                                           .on_progress = o.on_progress});
         return (numbers() << r.membership << r.worst_r_hat).all;
       }},
      {"dimension/estimators/k_star.hpp", "k_star", false,
       [=](of_settings o) {
         const auto table = atlas::nearest_neighbors(x, {.k = 30, .threads = 1});
         return (numbers() << atlas::k_star(table, 4, {.max_k = 30, .threads = o.threads})).all;
       }},
      {"dimension/estimators/fisher_separability.hpp", "fisher_profile", false,
       [=](of_settings o) {
         return (numbers() << atlas::fisher_profile(x, {}, {.threads = o.threads}).inseparable).all;
       }},
      {"neighbors/minimum_spanning_tree.hpp", "minimum_spanning_tree", true,
       [=](of_settings o) {
         numbers all;
         for (const auto& edge :
              atlas::minimum_spanning_tree(x, {.threads = o.threads, .on_progress = o.on_progress}))
           all << edge.first << edge.second << edge.length;
         return all.all;
       }},
      {"neighbors/neighbors_from_distances.hpp", "neighbors_from_distances", false,
       [=](of_settings o) {
         Eigen::MatrixXd distances(300, 300);
         for (int i = 0; i < 300; ++i)
           for (int j = 0; j < 300; ++j) distances(i, j) = (x.row(i) - x.row(j)).norm();
         const auto t = atlas::neighbors_from_distances(distances, {.k = 3, .threads = o.threads});
         return (numbers() << t.distances << t.indices).all;
       }},
  };
}

}  // namespace

std::vector<threaded_call> estimator_calls() {
  const Eigen::MatrixXd x = normal_cloud(500, 5);
  std::vector<threaded_call> out;
  const Eigen::MatrixXd plane = normal_cloud(500, 2);  // that enough boxes are occupied
  for (const atlas::any_estimator& any : atlas::all_estimators())
    out.push_back(call_of(atlas::name_of(any) == "box_counting" ? plane : x, any));
  for (const threaded_call& call : other_calls(x)) out.push_back(call);
  return out;
}

}  // namespace atlas_test
