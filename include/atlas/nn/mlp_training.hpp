// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// Fits a multilayer perceptron to reproduce its input: Adam on the mean squared error, in batches,
/// until it no longer helps.

#include <algorithm>
#include <limits>
#include <numeric>
#include <type_traits>
#include <vector>

#include "atlas/core/compiled.hpp"
#include "atlas/core/progress.hpp"
#include "atlas/nn/adam.hpp"
#include "atlas/nn/mlp_pass.hpp"

namespace atlas::inline ATLAS_ABI::detail {

struct mlp_training_options {
  index_t epochs = 300;
  index_t batch = 0;  ///< rows a step, shuffled every epoch; 0: all of them
  adam_options adam = {};
  index_t patience = 0;  ///< stop after so many epochs without a better validation error; 0: never
};

/// Mean squared errors, over rows and columns.
struct mlp_training_result {
  std::vector<double> losses;             ///< of each epoch, on the rows as they were trained on
  std::vector<double> validation_losses;  ///< after each epoch; empty without validation rows
  index_t best_epoch = 0;                 ///< the one whose parameters were kept, from 1
};

/// Sum of squared errors of each row.
template <class Scalar>
std::vector<double> reconstruction_errors(const basic_mlp<Scalar>& model,
                                          const std::type_identity_t<const_rows<Scalar>>& x) {
  std::vector<double> errors(static_cast<std::size_t>(x.rows()));
  mlp_pass<Scalar> pass(model);
  for (index_t first = 0; first < x.rows(); first += mlp_tile) {
    const auto tile = x.middleRows(first, (std::min)(mlp_tile, x.rows() - first));
    const auto got = pass.forward(tile, 0, model.layers.size());
    for (index_t i = 0; i < tile.rows(); ++i)
      errors[static_cast<std::size_t>(first + i)] =
          static_cast<double>((got.row(i) - tile.row(i)).squaredNorm());
  }
  return errors;
}

template <class Scalar>
double mean_error(const basic_mlp<Scalar>& model, const const_rows<Scalar>& x) {
  const std::vector<double> errors = reconstruction_errors(model, x);
  return std::accumulate(errors.begin(), errors.end(), 0.0) / static_cast<double>(x.size());
}

template <class Scalar>
class mlp_trainer {
 public:
  /// Model, rows and random stream must outlive this object.
  ///
  /// \param x `[N, d]`
  mlp_trainer(basic_mlp<Scalar>& model, const const_rows<Scalar>& x,
              const mlp_training_options& options, random_stream& random)
      : model_(model),
        x_(x),
        options_(options),
        random_(random),
        pass_(model),
        moments_(model.parameters.size()),
        gradient_(model.parameters.size()),
        tile_(mlp_tile, x.cols()) {
    order_.resize(static_cast<std::size_t>(x.rows()));
    std::iota(order_.begin(), order_.end(), index_t{0});
  }

  /// Goes once over the rows.
  ///
  /// \return the mean squared error on the way
  double run_epoch() {
    const index_t n = x_.rows();
    const index_t batch = options_.batch > 0 ? (std::min)(options_.batch, n) : n;
    if (batch < n) order_ = random_permutation(n, random_);
    double sum = 0;
    for (index_t first = 0; first < n; first += batch)
      sum += run_batch(first, (std::min)(batch, n - first));
    return sum / static_cast<double>(x_.size());
  }

 private:
  double run_batch(index_t first, index_t rows) {
    std::fill(gradient_.begin(), gradient_.end(), Scalar(0));
    const auto share = static_cast<Scalar>(1 / static_cast<double>(rows * x_.cols()));
    double sum = 0;
    for (index_t r = 0; r < rows; r += mlp_tile) {
      const index_t count = (std::min)(mlp_tile, rows - r);
      for (index_t i = 0; i < count; ++i)
        tile_.row(i) = x_.row(order_[static_cast<std::size_t>(first + r + i)]);
      const auto tile = tile_.topRows(count);
      sum += pass_.add_gradient(tile, tile, share, gradient_.data());
    }
    adam_step(options_.adam, ++steps_, 0, static_cast<index_t>(gradient_.size()), gradient_.data(),
              model_.parameters.data(), moments_);
    return sum;
  }

  basic_mlp<Scalar>& model_;
  const_rows<Scalar> x_;
  const mlp_training_options& options_;
  random_stream& random_;
  mlp_pass<Scalar> pass_;
  adam_moments<Scalar> moments_;
  aligned_list<Scalar> gradient_;
  row_matrix<Scalar> tile_;
  std::vector<index_t> order_;
  index_t steps_ = 0;
};

/// Remembers the parameters of the lowest validation error.
template <class Scalar>
struct best_parameters {
  double loss = std::numeric_limits<double>::infinity();
  index_t epoch = 0;
  aligned_list<Scalar> parameters;

  void keep_lower(double now, index_t now_epoch, const aligned_list<Scalar>& values) {
    if (!(now < loss)) return;
    loss = now;
    epoch = now_epoch;
    parameters = values;
  }
};

[[noreturn]] inline void refuse_diverging_training(index_t epoch, double loss) {
  throw value_error("learning_rate", "one at which training stays finite",
                    "a loss of " + number_text(loss) + " in epoch " + std::to_string(epoch));
}

/// Trains in place. With validation rows the parameters are at last those of the best epoch.
/// \param validation `[M, d]`, or no rows
template <class Scalar>
mlp_training_result train_to_reproduce(basic_mlp<Scalar>& model,
                                       const std::type_identity_t<const_rows<Scalar>>& x,
                                       const std::type_identity_t<const_rows<Scalar>>& validation,
                                       const mlp_training_options& options, random_stream& random,
                                       progress_meter& meter) {
  mlp_trainer<Scalar> trainer(model, x, options, random);
  best_parameters<Scalar> best;
  mlp_training_result out;
  for (index_t epoch = 1; epoch <= options.epochs; ++epoch) {
    const double loss = trainer.run_epoch();
    if (!std::isfinite(loss)) refuse_diverging_training(epoch, loss);
    out.losses.push_back(loss);
    meter.advance();
    if (validation.rows() == 0) continue;
    out.validation_losses.push_back(mean_error(model, validation));
    best.keep_lower(out.validation_losses.back(), epoch, model.parameters);
    if (options.patience > 0 && epoch - best.epoch >= options.patience) break;
  }
  const auto run = static_cast<index_t>(out.losses.size());
  if (run < options.epochs) meter.advance(options.epochs - run);
  if (best.epoch > 0) model.parameters = best.parameters;
  out.best_epoch = best.epoch > 0 ? best.epoch : run;
  return out;
}

}  // namespace atlas::inline ATLAS_ABI::detail

#ifdef ATLAS_COMPILED
namespace atlas::inline ATLAS_ABI::detail {
ATLAS_OF_NN std::vector<double> reconstruction_errors<float>(const basic_mlp<float>&,
                                                             const const_rows<float>&);
ATLAS_OF_NN mlp_training_result train_to_reproduce<float>(basic_mlp<float>&,
                                                          const const_rows<float>&,
                                                          const const_rows<float>&,
                                                          const mlp_training_options&,
                                                          random_stream&, progress_meter&);
}  // namespace atlas::inline ATLAS_ABI::detail
#endif
