// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// Training of the reference transformer: AdamW on batches of a token stream.

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <span>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "atlas/core/compiled.hpp"
#include "atlas/core/lazy.hpp"
#include "atlas/core/progress.hpp"
#include "atlas/core/whole_numbers.hpp"
#include "atlas/nn/adam.hpp"
#include "atlas/nn/cosine_schedule.hpp"
#include "atlas/reference/gradients.hpp"
#include "atlas/reference/training/token_batch.hpp"

namespace atlas::inline ATLAS_ABI {

struct trainer_options {
  index_t batch = 16;  ///< blocks a step
  index_t tokens_per_block =
      0;  ///< tokens of each, all but the first predicted; 0: the model's positions
  cosine_schedule schedule = {};
  double beta1 = 0.9;
  double beta2 = 0.95;
  double epsilon = 1e-8;
  double weight_decay = 0.1;  ///< decoupled; of linear maps only: neither norms, biases nor
                              ///< embeddings, also not one that is the output matrix too
  double largest_norm = 1;    ///< of all gradients together; longer ones are shortened. 0: no limit
  std::uint64_t seed = 0;     ///< of the batches
  int threads = 0;            ///< 0: all of the machine
};

/// What one step did.
struct training_step {
  index_t step = 0;          ///< its number, from 1
  double loss = 0;           ///< nats per predicted token, on its batch before the step
  double gradient_norm = 0;  ///< before it was limited
  double learning_rate = 0;
};

/// All that changes in training. Lists are in the order of the model's parameters.
struct training_state {
  index_t step = 0;  ///< steps done
  std::vector<parameter> parameters;
  std::vector<adam_moments<float>> moments;
};

namespace detail {

/// The norm of all tensors together; in double, in their order.
template <class = lazy>
double global_norm(const std::vector<parameter>& tensors, int threads) {
  std::vector<double> squares(tensors.size());
  parallel_for(static_cast<index_t>(tensors.size()), threads, [&](index_t i) {
    const std::vector<float>& values = tensors[static_cast<std::size_t>(i)].values;
    squares[static_cast<std::size_t>(i)] =
        shifted_sum(values.data(), static_cast<index_t>(values.size()), 0, true);
  });
  double sum = 0;
  for (const double square : squares) sum += square;
  return std::sqrt(sum);
}

/// Whether weight decay is for each parameter: matrices that are no embeddings.
template <class = lazy>
std::vector<bool> decaying(const model_weights<float>& model) {
  std::vector<bool> decays;
  for (const parameter& p : model.parameters) decays.push_back(p.extents.size() == 2);
  for (const index_t place : {model.places.embedding, model.places.positions})
    if (place >= 0) decays[static_cast<std::size_t>(place)] = false;
  return decays;
}

}  // namespace detail

/// Trains a transformer, step by step. Step t is a function of the state after step t - 1, of the
/// tokens and the options, whatever the number of threads: a run that goes on from a state is the
/// run that was not interrupted, to the bit.
/// \code
/// atlas::trainer training(atlas::random_transformer(config, {.seed = 1}), tokens);
/// const auto steps = atlas::train(training, training.options().schedule.steps);
/// \endcode
/// A template, so that it costs only those who train; use it as `trainer`.
template <class = lazy>
class basic_trainer {
 public:
  /// \param tokens `[N]`, whole numbers in the model's vocabulary; copied
  /// \throws value_error for options or tokens out of range, shape_error for fewer tokens than a
  ///         block, or blocks of less than 2 or more than the model's positions
  template <whole_tensor<1> Tokens>
  basic_trainer(transformer model, const Tokens& tokens, trainer_options options = {})
      : model_(std::move(model)), options_(std::move(options)) {
    tokens_ = detail::copy_indices<1>(tokens, "tokens");
    check_input();
    model_.for_each_parameter([&](const auto&, const auto&, std::span<float> values) {
      moments_.emplace_back(values.size());
    });
  }

  /// One step.
  ///
  /// \throws value_error where the loss or its gradient is not finite; nothing has
  /// changed then
  training_step step();

  [[nodiscard]] index_t steps_done() const { return steps_; }
  [[nodiscard]] const transformer& model() const { return model_; }
  [[nodiscard]] const trainer_options& options() const { return options_; }
  /// `[N]`
  [[nodiscard]] const tensor_view<const index_t, 1>& tokens() const { return tokens_; }
  [[nodiscard]] const std::vector<adam_moments<float>>& moments() const { return moments_; }

  /// A copy of what there is to go on from.
  [[nodiscard]] training_state state() const {
    return {steps_, model_.weights().parameters, moments_};
  }

  /// Goes on from a state of a trainer like this one.
  /// \throws shape_error or value_error, with nothing changed, where it does not fit the model or
  ///         is not finite
  void restore(training_state state);

 private:
  void check_input();

  token_batch_options batch_options(index_t step) const {
    return {.blocks = options_.batch,
            .tokens_per_block = options_.tokens_per_block,
            .seed = options_.seed,
            .step = step};
  }

  adam_options adam_for(double rate, bool decays) const {
    return {.learning_rate = rate,
            .beta1 = options_.beta1,
            .beta2 = options_.beta2,
            .epsilon = options_.epsilon,
            .weight_decay = decays ? options_.weight_decay : 0};
  }

  void update(std::vector<parameter>& gradients, const training_step& now);

  void check_state(const training_state& state) const;

  transformer model_;
  trainer_options options_;
  owned_tensor<index_t, 1> tokens_;
  std::vector<adam_moments<float>> moments_;
  index_t steps_ = 0;
};

template <class Unused>
training_step basic_trainer<Unused>::step() {
  training_step done{steps_ + 1, 0, 0, learning_rate_at(options_.schedule, steps_ + 1)};
  const auto blocks = token_batch(tokens_, batch_options(steps_));
  gradient_result g = loss_gradients(model_, blocks, {.threads = options_.threads});
  done.loss = g.loss;
  done.gradient_norm = detail::global_norm(g.gradients, options_.threads);
  if (!std::isfinite(done.loss) || !std::isfinite(done.gradient_norm))
    throw value_error("schedule.peak", "a learning rate at which training stays finite",
                      "a loss of " + detail::number_text(done.loss) + " and a gradient of " +
                          detail::number_text(done.gradient_norm) + " in step " +
                          std::to_string(done.step));
  update(g.gradients, done);
  ++steps_;
  return done;
}

template <class Unused>
void basic_trainer<Unused>::restore(training_state state) {
  check_state(state);
  std::size_t place = 0;
  model_.for_each_parameter([&](const auto&, const auto&, std::span<float> values) {
    const std::vector<float>& from = state.parameters[place++].values;
    std::copy(from.begin(), from.end(), values.begin());
  });
  moments_ = std::move(state.moments);
  steps_ = state.step;
}

template <class Unused>
void basic_trainer<Unused>::check_input() {
  const transformer_config& c = model_.config();
  check_schedule(options_.schedule);
  detail::check_adam(adam_for(options_.schedule.peak, true));
  if (!(options_.largest_norm >= 0))
    throw value_error("largest_norm", "0 or more", detail::number_text(options_.largest_norm));
  (void)thread_count(options_.threads);
  if (options_.tokens_per_block == 0) options_.tokens_per_block = c.positions;
  check_between(options_.tokens_per_block, 2, c.positions, "tokens_per_block");
  (void)token_batch(tokens_, batch_options(0));
  for (index_t i = 0; i < tokens_.extent(0); ++i)
    check_between(tokens_[i], 0, c.vocabulary - 1, "tokens");
}

template <class Unused>
void basic_trainer<Unused>::update(std::vector<parameter>& gradients, const training_step& now) {
  const bool shorten = options_.largest_norm > 0 && now.gradient_norm > options_.largest_norm;
  const double factor = shorten ? options_.largest_norm / now.gradient_norm : 1;
  const std::vector<bool> decays = detail::decaying(model_.weights());
  std::vector<float*> values;
  model_.for_each_parameter(
      [&](const auto&, const auto&, std::span<float> v) { values.push_back(v.data()); });
  parallel_for(static_cast<index_t>(gradients.size()), options_.threads, [&](index_t i) {
    const auto k = static_cast<std::size_t>(i);
    std::vector<float>& g = gradients[k].values;
    for (float& x : g) x *= static_cast<float>(factor);
    detail::adam_step(adam_for(now.learning_rate, decays[k]), now.step, 0,
                      static_cast<index_t>(g.size()), g.data(), values[k], moments_[k]);
  });
}

template <class Unused>
void basic_trainer<Unused>::check_state(const training_state& state) const {
  const std::vector<parameter>& wanted = model_.weights().parameters;
  check_between(state.step, 0, index_t{1} << 60, "step");
  check_extent(static_cast<index_t>(state.parameters.size()), static_cast<index_t>(wanted.size()),
               "parameters", "tensors");
  check_extent(static_cast<index_t>(state.moments.size()), static_cast<index_t>(wanted.size()),
               "moments", "tensors");
  for (std::size_t k = 0; k < wanted.size(); ++k) {
    const parameter& p = state.parameters[k];
    if (p.name != wanted[k].name || p.extents != wanted[k].extents)
      throw shape_error(
          "parameters",
          wanted[k].name + " " + shape_text(wanted[k].extents.data(), wanted[k].extents.size()),
          p.name + " " + shape_text(p.extents.data(), p.extents.size()));
    for (const auto* values : {&p.values, &state.moments[k].first, &state.moments[k].second}) {
      const tensor_view<const float, 1> view(values->data(),
                                             {static_cast<index_t>(values->size())});
      check_extent(view.extent(0), static_cast<index_t>(wanted[k].values.size()), p.name, "size");
      check_finite(view, p.name);
    }
  }
}

using trainer = basic_trainer<>;

struct train_options {
  progress_callback on_progress = {};  ///< a step each; may cancel, after a whole step
};

/// Steps up to number `until`, and what they did. Progress is a step each.
/// \throws as trainer::step; cancelled, with the trainer where it was stopped: after a whole step
template <class = lazy>
std::vector<training_step> train(trainer& training, index_t until,
                                 const train_options& options = {}) {
  std::vector<training_step> steps;
  progress_meter meter(options.on_progress, "training",
                       std::max<index_t>(0, until - training.steps_done()));
  while (training.steps_done() < until) {
    steps.push_back(training.step());
    meter.advance();
  }
  return steps;
}

}  // namespace atlas::inline ATLAS_ABI

#ifdef ATLAS_COMPILED
namespace atlas::inline ATLAS_ABI {
ATLAS_OF_REFERENCE training_step basic_trainer<void>::step();
ATLAS_OF_REFERENCE void basic_trainer<void>::restore(training_state);
ATLAS_OF_REFERENCE void basic_trainer<void>::check_input();
ATLAS_OF_REFERENCE std::vector<training_step> train<void>(trainer&, index_t, const train_options&);
}  // namespace atlas::inline ATLAS_ABI
#endif
