// SPDX-License-Identifier: MIT
#include "../clouds_for_tests.hpp"
#include "atlas/linalg/tiled_product.hpp"
#include "atlas/stats/bootstrap.hpp"
#include "atlas/stats/correlation.hpp"
#include "atlas/stats/factorial_effects.hpp"
#include "atlas/stats/pair_correlation.hpp"
#include "atlas/stats/stratified_correlation.hpp"
#include "atlas/subspace/haar.hpp"
#include "atlas/subspace/head_overlap.hpp"
#include "atlas/subspace/principal_spectra.hpp"
#include "atlas/subspace/residual_stream.hpp"
#include "atlas/subspace/split_half.hpp"
#include "atlas/subspace/turned_null.hpp"
#include "atlas/subspace/written_norms.hpp"
#include "calls.hpp"

namespace atlas_test {

std::vector<threaded_call> subspace_calls() {
  using s = call_settings;
  const std::vector<Eigen::MatrixXd> clouds = [] {
    std::vector<Eigen::MatrixXd> out;
    for (std::uint64_t h = 0; h < 9; ++h) out.push_back(normal_cloud(60, 6, h));
    return out;
  }();
  const Eigen::MatrixXd weights = normal_cloud(54, 10);
  const auto frames = atlas::principal_frames(clouds, 3, {.threads = 1});
  return {
      {"subspace/written_norms.hpp", "written_norms", true,
       [=](const s& o) {
         return atlas::written_norms(clouds, weights,
                                     {.threads = o.threads, .on_progress = o.on_progress});
       }},
      {"stats/stratified_correlation.hpp", "stratified_spearman, partial_stratified_spearman", true,
       [=](const s& o) {
         const atlas::stratified_options options{
             .permutations = 200, .threads = o.threads, .on_progress = o.on_progress};
         std::vector<double> x, y, z;
         std::vector<int> strata;
         for (int i = 0; i < 40; ++i) {
           x.push_back(clouds[0](i, 0));
           y.push_back(clouds[0](i, 1));
           z.push_back(clouds[0](i, 2));
           strata.push_back(i / 10);
         }
         const auto plain = atlas::stratified_spearman(x, y, strata, options);
         const auto partial = atlas::partial_stratified_spearman(x, y, z, strata, options);
         return (numbers() << plain.p << plain.null_bound << partial.p << partial.null_square).all;
       }},
      {"stats/pair_correlation.hpp", "pair_correlation", true,
       [=](const s& o) {
         const Eigen::MatrixXd products = clouds[0].topRows(6) * clouds[0].topRows(6).transpose();
         std::vector<atlas::stratified_pair> pairs;
         for (atlas::index_t i = 0; i < 6; ++i)
           for (atlas::index_t j = 0; j < i; ++j) pairs.push_back({0, i, j, clouds[1](i, j)});
         const auto r = atlas::pair_correlation(
             {0.5 * (products + products.transpose())}, pairs,
             {.permutations = 200, .threads = o.threads, .on_progress = o.on_progress});
         return (numbers() << r.p << r.null_bound).all;
       }},
      {"stats/factorial_effects.hpp", "factorial_effects", true,
       [=](const s& o) {
         const Eigen::MatrixXd values = clouds[1].topLeftCorner(16, 3).transpose();
         numbers out;
         for (const auto& design : {atlas::full_factorial(4), atlas::factorial_of(5, 1)})
           for (const auto& e : atlas::factorial_effects(
                    design, values,
                    {.permutations = 200, .threads = o.threads, .on_progress = o.on_progress}))
             out << e.p << e.interval.lower;
         return out.all;
       }},
      {"subspace/haar.hpp", "haar_overlap", true,
       [](const s& o) {
         const auto n = atlas::haar_overlap(
             20, 4, {.draws = 2000, .threads = o.threads, .on_progress = o.on_progress});
         return (numbers() << n.mean << n.sd << n.standard_error).all;
       }},
      {"subspace/head_overlap.hpp", "head_overlap", true,
       [=](const s& o) {
         const auto r = atlas::head_overlap(
             frames, {.haar_draws = 1000, .threads = o.threads, .on_progress = o.on_progress});
         return (numbers() << r.matrix << r.global.z << r.global.interval.lower).all;
       }},
      {"subspace/haar.hpp", "haar_null_of", true,
       [=](const s& o) {
         const auto first = [](const std::vector<Eigen::MatrixXd>& f) { return f[0](0, 0); };
         return atlas::haar_null_of(
                    frames, first,
                    {.draws = 40, .threads = o.threads, .on_progress = o.on_progress})
             .draws;
       }},
      {"subspace/turned_null.hpp", "turned_null", true,
       [=](const s& o) {
         const atlas::turned_null_options options{
             .draws = 40, .threads = o.threads, .on_progress = o.on_progress};
         const auto r = atlas::turned_null(clouds, weights, 3, options);
         return (numbers() << r.matrix << r.global.draws << r.global.interval.lower).all;
       }},
      {"subspace/turned_null.hpp", "turned_null_of", true,
       [=](const s& o) {
         const auto largest = [](const Eigen::MatrixXd& m) { return m.row(0).tail(8).maxCoeff(); };
         return atlas::turned_null_of(
                    clouds, weights, 3, largest,
                    {.draws = 40, .threads = o.threads, .on_progress = o.on_progress})
             .draws;
       }},
      {"subspace/split_half.hpp", "split_half_overlap", true,
       [=](const s& o) {
         const auto r = atlas::split_half_overlap(
             clouds, std::vector<int>(), 3, {.threads = o.threads, .on_progress = o.on_progress});
         return (numbers() << r.heads << r.mean).all;
       }},
      {"linalg/tiled_product.hpp", "tiled_product", false,
       [](const s& o) {
         const Eigen::MatrixXd tall = normal_cloud(2400, 4);
         const Eigen::MatrixXd flat = normal_cloud(4, 600, 1);
         return (numbers() << atlas::tiled_product(tall, flat, {.threads = o.threads})).all;
       }},
      {"subspace/overlap.hpp", "overlap_matrix", false,
       [=](const s& o) {
         return (numbers() << atlas::overlap_matrix(frames, {.threads = o.threads})).all;
       }},
      {"subspace/principal_frame.hpp", "principal_frames", true,
       [=](const s& o) {
         return (numbers() << atlas::principal_frames(
                     clouds, 3, {.threads = o.threads, .on_progress = o.on_progress}))
             .all;
       }},
      {"subspace/principal_spectra.hpp", "principal_spectra", true,
       [=](const s& o) {
         numbers all;
         for (const auto& p : atlas::principal_spectra(
                  clouds, 3, {.threads = o.threads, .on_progress = o.on_progress}))
           all << p.frame;
         return all.all;
       }},
      {"subspace/residual_stream.hpp", "residual_stream_frames", true,
       [=](const s& o) {
         return (numbers() << atlas::residual_stream_frames(
                     clouds, weights, 3, {.threads = o.threads, .on_progress = o.on_progress}))
             .all;
       }},
      {"subspace/residual_stream.hpp", "residual_stream_frames_of_covariances", true,
       [=](const s& o) {
         std::vector<Eigen::MatrixXd> moments;
         for (const Eigen::MatrixXd& cloud : clouds) moments.push_back(cloud.transpose() * cloud);
         return (numbers() << atlas::residual_stream_frames_of_covariances(
                     moments, weights, 3, {.threads = o.threads, .on_progress = o.on_progress}))
             .all;
       }},
      {"subspace/residual_stream.hpp", "residual_stream_clouds", true,
       [](const s& o) {
         const std::vector<Eigen::MatrixXd> one(2, normal_cloud(600, 40));
         return (numbers() << atlas::residual_stream_clouds(
                     one, normal_cloud(80, 300),
                     {.threads = o.threads, .on_progress = o.on_progress}))
             .all;
       }},
      {"stats/permutation.hpp", "pearson", true,
       [=](const s& o) {
         const Eigen::VectorXd a = clouds[0].col(0), b = clouds[1].col(0), c = clouds[2].col(0);
         const atlas::permutation_options options{
             .permutations = 999, .threads = o.threads, .on_progress = o.on_progress};
         return (numbers() << atlas::pearson(a, b, options).p << atlas::spearman(a, b, options).p
                           << atlas::partial_pearson(a, b, c, options).p
                           << atlas::partial_spearman(a, b, c, options).p)
             .all;
       }},
      {"stats/bootstrap.hpp", "bootstrap_sample", true,
       [=](const s& o) {
         const Eigen::VectorXd a = clouds[0].col(0);
         const auto mean = [](std::span<const double> v) { return atlas::summarize(v).mean; };
         const auto r = atlas::bootstrap_sample(
             a, mean, {.resamples = 500, .threads = o.threads, .on_progress = o.on_progress});
         return (numbers() << r.replicates << r.bca.lower).all;
       }},
  };
}

}  // namespace atlas_test
