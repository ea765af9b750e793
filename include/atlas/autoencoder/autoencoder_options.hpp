// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// How autoencoders of clouds are trained.

#include <algorithm>
#include <cstdint>
#include <optional>

#include "atlas/core/as_view.hpp"
#include "atlas/core/progress.hpp"
#include "atlas/core/whole_numbers.hpp"
#include "atlas/nn/adam.hpp"

namespace atlas::inline ATLAS_ABI {

/// When a step is made and when training ends.
enum class autoencoder_training {
  /// In batches, until the error on a share of the training rows no longer falls; the parameters
  /// are those of the lowest. Unless told otherwise: batches of 64; an end after 20 epochs, or as
  /// many as make 1000 steps, without a better error; 300 epochs, or as many as make 30000 steps,
  /// at most.
  converged,
  /// As the original study trains: all rows in every step, 300 epochs, and the last parameters.
  /// 300 steps of Adam are too few to converge: a curve in 5 dimensions still leaves a fifth of its
  /// variance, where `converged` leaves a hundredth (tests/autoencoder).
  study,
};

struct autoencoder_options {
  index_t hidden = 64;
  index_t bottleneck = 7;  ///< k, at most d
  autoencoder_training training = autoencoder_training::converged;
  std::optional<index_t> epochs = {};  ///< at most; not given: as `training` has it
  std::optional<index_t> batch = {};   ///< rows a step, shuffled every epoch; 0: all of them
  adam_options adam = {};
  double held_out = 0.2;  ///< share of the rows, or of the contexts, that is not trained on
  /// `[N]`, a label of the text that each row comes from: whole contexts are held out, and
  /// validate. Empty: random rows do.
  row_numbers context = {};
  /// Stop after so many epochs in which the error on the validation share did not fall, and keep
  /// the parameters of the best; 0: run all epochs and keep the last.
  std::optional<index_t> patience = {};
  double validation = 0.1;  ///< with patience: share of the training rows, or contexts
  bool normalize = true;    ///< centre, and divide by one number, so that the unit does not matter
  std::uint64_t seed = 0;
  int threads = 0;                     ///< one a head; 0: all of the machine
  progress_callback on_progress = {};  ///< a step an epoch and head
};

namespace detail {

/// Whether a share of the training rows is kept to validate on.
inline bool validates(const autoencoder_options& o) {
  if (o.patience) return *o.patience > 0;
  return o.training == autoencoder_training::converged;
}

/// Epochs that make so many steps, but at least `least` of them.
inline index_t epochs_of(index_t steps, index_t least, index_t rows, index_t batch) {
  const index_t per_epoch = batch > 0 ? (rows + batch - 1) / batch : 1;
  return (std::max)(least, (steps + per_epoch - 1) / per_epoch);
}

}  // namespace detail

/// What options come to.
struct training_schedule {
  index_t epochs = 0;  ///< at most
  index_t batch = 0;   ///< 0: all rows
  index_t patience = 0;
};

/// \param rows that are fitted on, validation rows left out
[[nodiscard]] inline training_schedule schedule_of(const autoencoder_options& o, index_t rows) {
  if (o.training == autoencoder_training::study)
    return {o.epochs.value_or(300), o.batch.value_or(0), o.patience.value_or(0)};
  const index_t batch = o.batch.value_or(64);
  return {o.epochs.value_or(detail::epochs_of(30000, 300, rows, batch)), batch,
          o.patience.value_or(detail::epochs_of(1000, 20, rows, batch))};
}

}  // namespace atlas::inline ATLAS_ABI
