// SPDX-License-Identifier: MIT
#include "dimension.hpp"

#include "atlas/dimension/cloud_fault.hpp"
#include "atlas/dimension/pca_rank.hpp"
#include "atlas/dimension/two_nn.hpp"
#include "module.hpp"

namespace atlas_python {

template <>
inline constexpr const char* python_name<atlas::pca_rank_result> = "PcaRank";

template <class Visit>
void visit_options(Visit& visit, atlas::pca_rank_options& o) {
  visit("variance", o.variance, "share of the variance to hold, in (0, 1]");
}

namespace {

void add_two_nn_record(nb::module_& m) {
  using r = atlas::two_nn_result;
  record<atlas::goodness_of_fit>(m, "Of ratios of distances to those of one dimension.")
      .field("statistic", &atlas::goodness_of_fit::statistic, "near 2 where the fit is good")
      .field("p", &atlas::goodness_of_fit::p, "of one as large");
  record<r>(m, "What `two_nn` returns.")
      .field("dimension", &r::dimension, "the intrinsic dimension")
      .field("interval", &r::interval, "of the estimator's own mean")
      .field("standard_error", &r::standard_error, "of the dimension")
      .field("points_used", &r::points_used, "rows that gave a ratio, the censored ones included")
      .field("points_kept", &r::points_kept, "ratios observed")
      .field("duplicates", &r::duplicates, "rows whose nearest neighbour is at distance 0")
      .field("merged", &r::merged, "rows left out because they coincide with one that is not")
      .field("isolated", &r::isolated, "rows with fewer than two neighbours left")
      .field("contexts", &r::contexts, "that are the units; 0: rows are")
      .field("few_contexts", &r::few_contexts, "fewer than 6: too few to know the error by")
      .field("fit", &r::fit, "of the ratios to those of any one dimension")
      .field("estimator", &r::estimator, "of the exponent")
      .field("fault", &r::fault, "why the dimension is no estimate, if it is none");
}

}  // namespace

void add_dimension(nb::module_& m) {
  add_two_nn_record(m);
  define(m, "two_nn", {"points: atlas.types.Array"}, "TwoNN",
         "Intrinsic dimension from the distances to the two nearest neighbours (Facco and others "
         "2017).\n\npoints: [N, d], N >= 3. `two_nn_null` says what a Gaussian cloud of the same "
         "covariance gives. O(N^2 d) time at most, O(N) memory.",
         atlas::two_nn_options{},
         [](const watched_call& call, const nb::object& points, const atlas::two_nn_options& o) {
           auto out = compute<2>(call, {points, "points"},
                                 [&](const auto& x) { return atlas::two_nn(x, o); });
           out.options.on_progress = {};
           return out;
         });
  using rank = atlas::pca_rank_result;
  record<rank>(m, "What `pca_rank` returns.")
      .field("rank", &rank::rank, "smallest number of components that hold the share")
      .field("participation_ratio", &rank::participation_ratio, "(sum l)^2 / sum l^2, 1 to d")
      .field("eigenvalues", &rank::eigenvalues,
             "[d], of the centred covariance, descending, in squares of the points' unit");
  define(m, "pca_rank", {"points: atlas.types.Array"}, "PcaRank",
         "Smallest number of principal components whose variance reaches a share.\n\n"
         "points: [N, d], N >= 2. O(N d^2 + d^3) time.",
         atlas::pca_rank_options{},
         [](const watched_call& call, const nb::object& points, const atlas::pca_rank_options& o) {
           return compute<2>(call, {points, "points"},
                             [&](const auto& x) { return atlas::pca_rank(x, o); });
         });
  define(m, "fault_of_cloud", {"points: atlas.types.Array"}, literal_of(atlas::cloud_fault::none),
         "Why a cloud cannot carry an estimate of its dimension, or 'none'.\n\npoints: [N, d].",
         no_options{}, [](const watched_call& call, const nb::object& points, const no_options&) {
           return std::string(name_of_value(compute<2>(
               call, {points, "points"}, [](const auto& x) { return atlas::fault_of_cloud(x); })));
         });
}

}  // namespace atlas_python
