// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// Gradients of a model's loss: of every parameter, per block and on the mean, and what linear
/// layers were given and sent back. The base of Fisher quantities and of training.

#include <algorithm>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "atlas/core/checks.hpp"
#include "atlas/core/compiled.hpp"
#include "atlas/core/progress.hpp"
#include "atlas/core/whole_numbers.hpp"
#include "atlas/reference/reverse/reverse_pass.hpp"
#include "atlas/reference/transformer.hpp"

namespace atlas::inline ATLAS_ABI {

/// The loss of one block, nats per predicted token, and its gradient. Valid during the call.
struct sample_gradients {
  index_t block = 0;
  double loss = 0;
  std::span<const parameter> gradients;  ///< named, shaped and ordered as the model's parameters
};
using sample_observer = std::function<void(const sample_gradients&)>;

/// One linear map `y = W a + b` inside a layer on one block: the gradient of the block's loss is
/// `dL/dW = output_gradients^T inputs`, or its transpose where the weight is `[in, out]`. The views
/// live only during the call.
struct linear_capture {
  std::string_view weight;  ///< the name of W
  index_t layer = 0;
  index_t block = 0;
  bool input_major = false;                      ///< W is stored `[in, out]`, not `[out, in]`
  tensor_view<const float, 2> inputs;            ///< a, `[T, in]`
  tensor_view<const float, 2> output_gradients;  ///< dL/dy, `[T, out]`
};
using linear_observer = std::function<void(const linear_capture&)>;

struct gradient_options {
  bool mean = true;  ///< fill gradient_result::gradients
  /// Called for each block, in order, from the calling thread.
  atlas::sample_observer sample_observer = {};
  /// Called from the calling thread for each linear map of each layer, last layer first, and each
  /// block of the batch in order. The output matrix is not among them.
  atlas::linear_observer linear_observer = {};
  int threads = 0;  ///< 0: all of the machine
  /// Two steps a layer and batch of blocks, and one 256 rows of logits.
  progress_callback on_progress = {};
};

struct gradient_result {
  double loss = 0;                   ///< mean over the blocks, nats per predicted token
  std::vector<double> losses;        ///< of each block
  std::vector<parameter> gradients;  ///< of `loss`, as the model's parameters; empty if not asked
};

namespace detail {

/// Hands the rows of each block to the observer.
template <class Real>
linear_hook<Real> hook_of(const model_weights<Real>& model, const linear_observer& observer,
                          index_t tokens_per_block) {
  if (!observer) return {};
  return [&, tokens_per_block](index_t first, index_t layer, const linear_places& map,
                               const const_rows<Real>& inputs,
                               const const_rows<Real>& output_gradients) {
    const std::string& name = model.parameters[static_cast<std::size_t>(map.weight)].name;
    const auto rows_of = [&](const const_rows<Real>& x, index_t block) {
      return tensor_view<const float, 2>(x.data() + block * tokens_per_block * x.outerStride(),
                                         {tokens_per_block, x.cols()}, {x.outerStride(), 1});
    };
    for (index_t b = 0; b < inputs.rows() / tokens_per_block; ++b)
      observer({name, layer, first + b, map.input_major, rows_of(inputs, b),
                rows_of(output_gradients, b)});
  };
}

/// Calls `change(k, values)` for the values of each tensor, in parallel.
template <class Change>
void for_each_gradient(std::vector<parameter>& gradients, int threads, Change&& change) {
  parallel_for(static_cast<index_t>(gradients.size()), threads, [&](index_t i) {
    const auto k = static_cast<std::size_t>(i);
    std::vector<float>& values = gradients[k].values;
    change(k, Eigen::Map<row_array<float>>(values.data(), static_cast<index_t>(values.size())));
  });
}

/// A pass of one block at a time, and the gradients of that block.
template <class Real>
struct sample_worker {
  reverse_pass<Real> pass;
  std::vector<parameter> gradients;
};

/// Blocks to work on at once: one a thread, where that many gradients are no more than 1 GiB and
/// nobody asked to be called from one thread on the way. Otherwise the threads share a block.
template <class Real>
index_t samples_at_once(const model_weights<Real>& model, const gradient_options& o) {
  constexpr index_t most = index_t{1} << 28;
  index_t size = 0;
  for (const parameter& p : model.parameters) size += element_count(p.extents);
  return o.linear_observer ? 1 : std::clamp<index_t>(most / size, 1, thread_count(o.threads));
}

/// Blocks each on its own, their gradients handed out and added to the result's in order.
template <class Real>
void run_samples(std::vector<sample_worker<Real>>& workers, const gradient_options& o,
                 gradient_result& out) {
  const auto count = static_cast<index_t>(out.losses.size());
  const auto wave = static_cast<index_t>(workers.size());
  for (index_t first = 0; first < count; first += wave) {
    const index_t now = (std::min)(wave, count - first);
    parallel_for(now, o.threads, [&](index_t i) {
      sample_worker<Real>& w = workers[static_cast<std::size_t>(i)];
      for_each_gradient(w.gradients, threads_inside(wave, o.threads),
                        [](std::size_t, auto x) { x.setZero(); });
      w.pass.run(first + i, 1, &w.gradients, out.losses.data() + first + i);
    });
    for (index_t i = 0; i < now; ++i) {
      sample_worker<Real>& w = workers[static_cast<std::size_t>(i)];
      o.sample_observer({first + i, out.losses[static_cast<std::size_t>(first + i)], w.gradients});
      if (!o.mean) continue;
      for_each_gradient(out.gradients, o.threads, [&](std::size_t k, auto sum) {
        sum += Eigen::Map<row_array<float>>(w.gradients[k].values.data(), sum.size());
      });
    }
  }
}

template <class Real>
void run_batches(reverse_pass<Real>& pass, index_t batch, gradient_result& out) {
  const auto count = static_cast<index_t>(out.losses.size());
  for (index_t first = 0; first < count; first += batch)
    pass.run(first, (std::min)(batch, count - first),
             out.gradients.empty() ? nullptr : &out.gradients, out.losses.data() + first);
}

template <class Real = float>
gradient_result gradients_of(const transformer& model, const tensor_view<const index_t, 2>& blocks,
                             const gradient_options& options) {
  const model_weights<Real>& weights = model.weights();
  check_blocks(weights.config, blocks);
  const index_t count = blocks.extent(0), t = blocks.extent(1);
  if (t < 2) throw shape_error("blocks", "at least 2 positions", std::to_string(t));
  const index_t batch = options.sample_observer ? 1 : blocks_at_once(t);
  progress_meter meter(
      options.on_progress, "gradients",
      2 * weights.config.layers * ((count + batch - 1) / batch) + logits_steps(count, t, batch));
  const index_t wave =
      options.sample_observer ? (std::min)(count, samples_at_once(weights, options)) : 1;
  reverse_pass<Real> pass(weights, blocks, threads_inside(wave, options.threads),
                          hook_of(weights, options.linear_observer, t), meter);
  gradient_result out;
  out.losses.resize(static_cast<std::size_t>(count));
  if (options.mean) out.gradients = zero_gradients(weights);
  if (options.sample_observer) {
    std::vector<sample_worker<Real>> workers(static_cast<std::size_t>(wave),
                                             {pass, zero_gradients(weights)});
    run_samples(workers, options, out);
  } else {
    run_batches(pass, batch, out);
  }
  const double share = 1 / static_cast<double>(count);
  for_each_gradient(out.gradients, options.threads,
                    [&](std::size_t, auto values) { values *= static_cast<float>(share); });
  out.loss = shifted_sum(out.losses.data(), count, 0, false) * share;
  return out;
}

}  // namespace detail

/// Losses of blocks of token ids, `[B, T]`, whole numbers of any type, each read on its own, and
/// their gradients: in a block the first token is given and T - 1 are predicted, and its loss is
/// the mean over these.
///
/// A reverse pass (Rumelhart et al. 1986) that keeps the residual stream before each half of a
/// layer and computes the rest again: about 3.5 times the work of a forward pass, 2.7 times where
/// only a linear_observer looks. Memory: the gradients asked for, and for a batch of about 4096
/// positions `2 layers + 4` matrices `[batch, model_dimension]`, a few `[batch, mlp_dimension]`,
/// `[256, vocabulary]`, and three `[64, T]` per thread. With a sample_observer a batch is one
/// block, and each thread has all of this where a thread's gradients leave room (1 GiB in all).
/// Results do not depend on the number of threads.
/// \throws shape_error for no blocks, or blocks of one position or more than
///         `config().positions`, value_error for ids out of range, cancelled; what observers throw
template <whole_tensor<2> Blocks>
gradient_result loss_gradients(const transformer& model, const Blocks& blocks,
                               const gradient_options& options = {}) {
  const auto held = detail::view_indices<2>(blocks, "blocks");
  return detail::gradients_of(model, held, options);
}

}  // namespace atlas::inline ATLAS_ABI

#ifdef ATLAS_COMPILED
namespace atlas::inline ATLAS_ABI::detail {
ATLAS_OF_REFERENCE gradient_result gradients_of<float>(const transformer&,
                                                       const tensor_view<const index_t, 2>&,
                                                       const gradient_options&);
}  // namespace atlas::inline ATLAS_ABI::detail
#endif
