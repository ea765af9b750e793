// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// Autoencoders of clouds, `d -> hidden -> k -> hidden -> d`, against PCA of rank k: how much of
/// what a curved surface could explain a flat one does not.

#include <Eigen/Core>
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "atlas/autoencoder/autoencoder.hpp"
#include "atlas/autoencoder/autoencoder_options.hpp"
#include "atlas/autoencoder/row_split.hpp"
#include "atlas/autoencoder/unexplained.hpp"
#include "atlas/core/binary_scale.hpp"
#include "atlas/core/compiled.hpp"
#include "atlas/core/lazy.hpp"
#include "atlas/core/parallel.hpp"
#include "atlas/nn/mlp_training.hpp"

namespace atlas::inline ATLAS_ABI {

/// Shares of variance are sums of squared errors over sums of squared distances from the mean of
/// the training rows (validation rows are among these). Standard errors are between held-out
/// contexts, or rows without contexts, and of this one model: not over seeds.
struct autoencoder_result {
  double held_out_unexplained = 0;
  double held_out_standard_error = 0;
  double pca_unexplained = 0;  ///< PCA of rank k of the training rows, on the held-out rows
  double pca_standard_error = 0;
  double advantage = 0;                 ///< pca_unexplained - held_out_unexplained
  double advantage_standard_error = 0;  ///< paired
  /// By how much each held-out context moves the advantage, in the order of their labels.
  std::vector<double> advantage_deviations;
  double train_unexplained = 0;
  double pca_train_unexplained = 0;
  std::vector<double> losses;             ///< unexplained share of each epoch on its way
  std::vector<double> validation_losses;  ///< after each epoch; empty without patience
  index_t epochs_run = 0;
  index_t best_epoch = 0;  ///< whose parameters the model has, from 1; 0: untrained
  index_t training_rows = 0;
  index_t validation_rows = 0;  ///< of the training rows, which no step was made on
  index_t held_out_rows = 0;
  index_t held_out_contexts = 0;  ///< rows, without contexts
  training_schedule schedule;     ///< as it came out
  autoencoder model;
};

namespace detail {

/// The rows of all heads: fitted on are the first `fitted` of the training rows, the others
/// validate.
struct autoencoder_rows {
  row_split split;
  index_t fitted = 0;
  std::vector<index_t> groups;  ///< of the held-out rows
};

inline const char* name_of_rows(const autoencoder_options& o) {
  return o.context.empty() ? "points" : "context";
}

template <class = lazy>
row_split outer_split(index_t n, const autoencoder_options& o, random_stream& random) {
  return split_rows(all_rows(n), o.context, o.held_out, name_of_rows(o), random);
}

template <class = lazy>
autoencoder_rows rows_for(index_t n, const autoencoder_options& o) {
  random_stream random(o.seed);
  const char* name = name_of_rows(o);
  autoencoder_rows out{outer_split(n, o, random), 0, {}};
  out.fitted = static_cast<index_t>(out.split.training.size());
  for (const index_t row : out.split.held_out)
    out.groups.push_back(o.context.empty() ? row : o.context[row]);
  if (!validates(o)) return out;
  const row_split inner = split_rows(out.split.training, o.context, o.validation,
                                     "training share of " + std::string(name), random);
  out.split.training = inner.training;
  out.fitted = static_cast<index_t>(inner.training.size());
  out.split.training.insert(out.split.training.end(), inner.held_out.begin(), inner.held_out.end());
  return out;
}

/// Mean of rows, and the root mean square of what they are without it, over all coordinates. Summed
/// and squared is what a power of two has brought to about 1: the same bits at every scale.
template <class Scalar>
void set_normalization(const tensor_view<const Scalar, 2>& points, const std::vector<index_t>& rows,
                       autoencoder& a) {
  const index_t d = points.extent(1);
  const double n = static_cast<double>(rows.size());
  double largest = 0;
  for (const index_t r : rows) largest = (std::max)(largest, largest_magnitude(points[r]));
  const double to_one = scale_to_one(largest);
  Eigen::RowVectorXd mean = Eigen::RowVectorXd::Zero(d);
  double square = 0;
  for (const index_t r : rows)
    for (index_t k = 0; k < d; ++k) mean(k) += to_one * static_cast<double>(points(r, k));
  mean /= n;
  for (const index_t r : rows)
    for (index_t k = 0; k < d; ++k)
      square += std::pow(to_one * static_cast<double>(points(r, k)) - mean(k), 2);
  const double scale = std::sqrt(square / (n * static_cast<double>(d)));
  a.mean = mean / to_one;
  a.scale = scale / to_one;
  // Equal rows differ from their mean by its rounding alone.
  if (!(scale > 1e-12 * mean.cwiseAbs().maxCoeff() && a.scale > 0))
    throw value_error("points", "some variance in the training rows", "rows that are all equal");
}

template <class Scalar>
row_matrix<float> normalized_rows(const tensor_view<const Scalar, 2>& points,
                                  const std::vector<index_t>& rows, const autoencoder& a) {
  row_matrix<float> x(static_cast<index_t>(rows.size()), points.extent(1));
  for (index_t i = 0; i < x.rows(); ++i)
    for (index_t k = 0; k < x.cols(); ++k)
      x(i, k) = normalized(a, static_cast<double>(points(rows[static_cast<std::size_t>(i)], k)), k);
  return x;
}

/// Untrained, with the activations of `autoencoder_options`.
inline mlp autoencoder_layers(index_t d, const autoencoder_options& o) {
  return mlp({d, o.hidden, o.bottleneck, o.hidden, d}, {true, false, true, false});
}

/// Fills the shares of variance of both models on the training and the held-out rows.
template <class = lazy>
void judge(const row_matrix<float>& training, const row_matrix<float>& held_out,
           const std::vector<index_t>& groups, index_t rank, autoencoder_result& out) {
  const principal_span span = principal_span_of(training, rank);
  const auto share = [&](const row_matrix<float>& x, const std::vector<double>& errors,
                         const std::vector<index_t>& labels) {
    return ratio_of_sums(errors, squared_distances(x, span.mean), labels);
  };
  const std::vector<index_t> one(static_cast<std::size_t>(training.rows()));
  const std::vector<double> learned = reconstruction_errors(out.model.model, held_out),
                            linear = distances_from(span, held_out);
  std::vector<double> difference = linear;
  for (std::size_t i = 0; i < learned.size(); ++i) difference[i] -= learned[i];
  const ratio_estimate a = share(held_out, learned, groups), p = share(held_out, linear, groups),
                       gain = share(held_out, difference, groups);
  out.held_out_unexplained = a.value;
  out.held_out_standard_error = a.standard_error;
  out.pca_unexplained = p.value;
  out.pca_standard_error = p.standard_error;
  out.advantage = gain.value;
  out.advantage_standard_error = gain.standard_error;
  out.advantage_deviations = gain.deviations;
  out.held_out_contexts = static_cast<index_t>(gain.deviations.size());
  out.train_unexplained =
      share(training, reconstruction_errors(out.model.model, training), one).value;
  out.pca_train_unexplained = share(training, distances_from(span, training), one).value;
  if (!std::isfinite(a.value))
    throw value_error("points",
                      "held-out rows that differ from the training mean, and training "
                      "that stays finite",
                      number_text(a.value));
}

/// Mean squared errors as shares of the variance of the training rows.
inline void scale_losses(std::vector<double>& losses, double variance) {
  for (double& loss : losses) loss /= variance;
}

template <class = lazy>
autoencoder_result train_on(autoencoder untrained, const row_matrix<float>& training,
                            const row_matrix<float>& held_out, const autoencoder_rows& rows,
                            index_t head, const autoencoder_options& o, progress_meter& meter) {
  autoencoder_result out;
  out.model = std::move(untrained);
  const auto stream = static_cast<std::uint64_t>(head);
  random_stream start(o.seed, 2 * stream + 1), order(o.seed, 2 * stream + 2);
  initialize(out.model.model, start);
  out.schedule = schedule_of(o, rows.fitted);
  mlp_training_result r = train_to_reproduce(out.model.model, training.topRows(rows.fitted),
                                             training.bottomRows(training.rows() - rows.fitted),
                                             {.epochs = out.schedule.epochs,
                                              .batch = out.schedule.batch,
                                              .adam = o.adam,
                                              .patience = out.schedule.patience},
                                             order, meter);
  const cloud_moments m =
      moments(tensor_view<const float, 2>(training.data(), {training.rows(), training.cols()}));
  const double n = static_cast<double>(training.rows());
  const double variance = m.covariance.trace() * (n - 1) / n / static_cast<double>(training.cols());
  out.losses = std::move(r.losses);
  out.validation_losses = std::move(r.validation_losses);
  scale_losses(out.losses, variance);
  scale_losses(out.validation_losses, variance);
  out.epochs_run = static_cast<index_t>(out.losses.size());
  out.best_epoch = r.best_epoch;
  out.training_rows = training.rows();
  out.validation_rows = training.rows() - rows.fitted;
  out.held_out_rows = held_out.rows();
  judge(training, held_out, rows.groups, o.bottleneck, out);
  return out;
}

template <class Scalar>
void check_autoencoder(const tensor_view<const Scalar, 3>& points, const autoencoder_options& o) {
  check_not_empty(points, "points");
  if (points.extent(1) < 2) throw shape_error("points", "at least 2 rows", "1 row");
  check_between(o.hidden, 1, index_t{1} << 20, "hidden");
  check_between(o.bottleneck, 1, points.extent(2), "bottleneck");
  check_open_unit(o.held_out, "held_out");
  check_between(o.epochs.value_or(0), 0, index_t{1} << 40, "epochs");
  check_between(o.batch.value_or(0), 0, index_t{1} << 40, "batch");
  check_between(o.patience.value_or(0), 0, index_t{1} << 40, "patience");
  if (validates(o)) check_open_unit(o.validation, "validation");
  check_adam(o.adam);
  if (!o.context.empty())
    check_extent(o.context.extent(0), points.extent(1), "context", "one label per row,");
  check_finite(points, "points");
}

template <class Scalar>
std::vector<autoencoder_result> train_autoencoders(const tensor_view<const Scalar, 3>& points,
                                                   const autoencoder_options& o) {
  check_autoencoder(points, o);
  const autoencoder_rows rows = rows_for(points.extent(1), o);
  progress_meter meter(o.on_progress, "autoencoders",
                       points.extent(0) * schedule_of(o, rows.fitted).epochs);
  std::vector<autoencoder_result> out(static_cast<std::size_t>(points.extent(0)));
  parallel_for(points.extent(0), o.threads, [&](index_t h) {
    autoencoder a{autoencoder_layers(points.extent(2), o), 2,
                  Eigen::RowVectorXd::Zero(points.extent(2)), 1};
    autoencoder fitted = a;
    set_normalization(points[h], rows.split.training, fitted);
    if (o.normalize) a = std::move(fitted);
    out[static_cast<std::size_t>(h)] =
        train_on(a, normalized_rows(points[h], rows.split.training, a),
                 normalized_rows(points[h], rows.split.held_out, a), rows, h, o, meter);
  });
  return out;
}

}  // namespace detail

/// The rows that `train_autoencoder` and `train_autoencoders` train on, those that validate among
/// them, and those that they hold out: the same for all heads. For whoever measures something else
/// on the held-out rows.
///
/// \param rows N
/// \throws shape_error for fewer than 2 rows or contexts, or labels that are not one a row;
///         value_error for a held_out outside (0, 1)
template <class = lazy>
[[nodiscard]] row_split autoencoder_split(index_t rows, const autoencoder_options& options = {}) {
  check_open_unit(options.held_out, "held_out");
  if (!options.context.empty())
    check_extent(options.context.extent(0), rows, "context", "one label per row,");
  random_stream random(options.seed);
  return detail::outer_split(std::max<index_t>(0, rows), options, random);
}

/// Trains an autoencoder `d -> hidden -> k -> hidden -> d` to reproduce points, with GELUs (exact,
/// not the tanh form) after the hidden layers and none at the code, and judges it on rows that it
/// did not see, beside PCA of rank k of the same training rows.
///
/// PyTorch's defaults: parameters uniform on `+-1 / sqrt(in)`, mean squared error, Adam. The
/// arithmetic is float, sums of errors are double.
///
/// Both models are given the same training rows. PCA uses all of them; so does the autoencoder
/// where it does not validate. Where it does (`converged`), steps are made on the others alone:
/// what is left to chance favours PCA.
///
/// \param points `[N, d]`; rows of one text resemble each other, so give `context`
/// \throws shape_error for fewer than 2 rows or contexts (3 where some validate), or labels that
///         are not one a row; value_error for NaN, a bottleneck outside [1, d], options out of
///         range, training rows that are all equal, or training that diverges; cancelled
///
/// O(epochs N parameters) time on one thread, O(N d) memory. The same bits for every number of
/// threads.
template <real_tensor<2> Points>
[[nodiscard]] autoencoder_result train_autoencoder(const Points& points,
                                                   const autoencoder_options& options = {}) {
  using scalar = scalar_of<Points, 2>;
  const auto held = as_view<2>(points);
  const tensor_view<const scalar, 2>& x = held;
  check_finite(x, "points");
  const tensor_view<const scalar, 3> one(x.data(), {1, x.extent(0), x.extent(1)},
                                         {0, x.stride(0), x.stride(1)});
  return std::move(detail::train_autoencoders(one, options).front());
}

/// One autoencoder a head. All heads hold out the same rows; each starts from parameters of its
/// own, the first from those of `train_autoencoder`. Heads are shared out over the threads.
///
/// \param clouds `[H, N, d]`
/// \throws as `train_autoencoder`
template <real_tensor<3> Clouds>
[[nodiscard]] std::vector<autoencoder_result> train_autoencoders(
    const Clouds& clouds, const autoencoder_options& options = {}) {
  const auto held = as_view<3>(clouds);
  const tensor_view<const scalar_of<Clouds, 3>, 3>& view = held;
  return detail::train_autoencoders(view, options);
}

}  // namespace atlas::inline ATLAS_ABI

#ifdef ATLAS_COMPILED
namespace atlas::inline ATLAS_ABI::detail {
ATLAS_OF_AUTOENCODER autoencoder_rows rows_for<void>(index_t, const autoencoder_options&);
ATLAS_OF_AUTOENCODER std::vector<autoencoder_result> train_autoencoders<float>(
    const tensor_view<const float, 3>&, const autoencoder_options&);
ATLAS_OF_AUTOENCODER std::vector<autoencoder_result> train_autoencoders<double>(
    const tensor_view<const double, 3>&, const autoencoder_options&);
}  // namespace atlas::inline ATLAS_ABI::detail
#endif
