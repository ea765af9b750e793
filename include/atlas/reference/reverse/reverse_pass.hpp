// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// The reverse pass of the reference transformer. Going forward it keeps the residual stream before
/// each half of a layer, attention and MLP; going back it computes what is inside a half again
/// (Chen et al. 2016), so that at no time more than one half is held.

#include <functional>
#include <utility>
#include <vector>

#include "atlas/core/compiled.hpp"
#include "atlas/core/progress.hpp"
#include "atlas/reference/layers/layer_steps.hpp"
#include "atlas/reference/reverse/cross_entropy.hpp"
#include "atlas/reference/reverse/reverse_attention.hpp"
#include "atlas/reference/reverse/reverse_linear.hpp"
#include "atlas/reference/reverse/reverse_mlp.hpp"
#include "atlas/reference/reverse/reverse_norm.hpp"

namespace atlas::inline ATLAS_ABI::detail {

/// Told the inputs `[N, in]` and output gradients `[N, out]` of each linear map of the layers,
/// whose first row is that of block `first`.
template <class Scalar>
using linear_hook =
    std::function<void(index_t first, index_t layer, const linear_places& map,
                       const const_rows<Scalar>& inputs, const const_rows<Scalar>& gradients)>;

/// What gradients are added to, in the order of the parameters.
template <class Scalar>
using gradient_list = std::vector<basic_parameter<Scalar>>;

template <class Scalar>
gradient_list<Scalar> zero_gradients(const model_weights<Scalar>& model) {
  gradient_list<Scalar> zeros;
  for (const basic_parameter<Scalar>& p : model.parameters)
    zeros.push_back({p.name, p.extents,
                     std::vector<Scalar>(static_cast<std::size_t>(element_count(p.extents)))});
  return zeros;
}

template <class Scalar>
class reverse_pass {
 public:
  /// The model, the tokens and the meter must outlive this object.
  ///
  /// \param blocks checked, of 2
  /// positions or more
  ///
  /// \param meter a run is `2 layers` steps of it
  reverse_pass(const model_weights<Scalar>& model, const tensor_view<const index_t, 2>& blocks,
               int threads, linear_hook<Scalar> hook, progress_meter& meter)
      : model_(model), blocks_(blocks), split_{threads}, hook_(std::move(hook)), meter_(meter) {
    rotary_ = rotary_of<Scalar>(model.config, blocks.extent(1));
    rotary_back_ = rotary_.reversed();
    kept_.resize(static_cast<std::size_t>(2 * model.config.layers));
  }

  /// Writes the losses of blocks [first, first + count) and adds the gradients of their sum.
  /// \param gradients null when only the hook is wanted
  void run(index_t first, index_t count, gradient_list<Scalar>* gradients, double* losses);

 private:
  row_matrix<Scalar>& kept(index_t half) { return kept_[static_cast<std::size_t>(half)]; }

  /// Where a parameter's gradient goes; null when nobody wants it.
  Scalar* gradient_of(index_t place) {
    if (!gradients_ || place < 0) return nullptr;
    return (*gradients_)[static_cast<std::size_t>(place)].values.data();
  }
  Eigen::Map<row_matrix<Scalar>> gradient_matrix(index_t place) {
    const std::vector<index_t>& extents =
        model_.parameters[static_cast<std::size_t>(place)].extents;
    return {gradient_of(place), extents[0], extents[1]};
  }

  void forward(index_t count) {
    embed_blocks(model_, blocks_, first_, count, p_.stream);
    for (index_t l = 0; l < model_.config.layers; ++l) {
      kept(2 * l) = p_.stream;
      attend(model_, l, blocks_.extent(1), rotary_, split_, p_,
             [](const auto& in, index_t, index_t, const auto& context) {
               attention_scratch<Scalar> scratch;
               full_attention(in, false, scratch, context);
             });
      kept(2 * l + 1) = p_.stream;
      feed_forward(model_, l, split_, p_);
      meter_.advance();
    }
  }

  /// Losses, and the gradient of the stream after the last layer.
  void reverse_head(double* losses) {
    constexpr index_t chunk = rows_of_logits;
    const index_t n = p_.stream.rows(), t = blocks_.extent(1);
    const auto head = model_.matrix(model_.places.head);
    std::vector<double> row_losses(static_cast<std::size_t>(n));
    normalize(model_, model_.places.final_norm, p_.stream, split_.threads, p_.normed);
    normed_gradient_.resize(n, p_.stream.cols());
    for (index_t r = 0; r < n; r += chunk) {
      const index_t rows = (std::min)(chunk, n - r);
      const auto hidden = p_.normed.middleRows(r, rows);
      logits_.resize(rows, head.rows());
      apply_linear<Scalar>(hidden, head, false, nullptr, product::assign, split_, logits_);
      reverse_losses(blocks_, first_ * t + r, split_.threads, logits_, row_losses.data() + r);
      apply_linear<Scalar>(logits_, head, true, nullptr, product::assign,
                           split_for(rows, split_.threads), normed_gradient_.middleRows(r, rows));
      if (gradients_)
        add_weight_gradient<Scalar>(hidden, logits_, false, split_.threads,
                                    gradient_matrix(model_.places.head));
      meter_.advance();
    }
    for (index_t b = 0; b < n / t; ++b)
      losses[b] = shifted_sum(row_losses.data() + b * t, t, 0, false) / static_cast<double>(t - 1);
    gradient_.setZero(n, p_.stream.cols());
    reverse_normalize(model_.places.final_norm, p_.stream);
  }

  void reverse_feed_forward(index_t layer) {
    const layer_places& places = model_.layer(layer);
    const transformer_config& c = model_.config;
    const row_matrix<Scalar>& x = kept(2 * layer + 1);
    normalize(model_, places.mlp_norm, x, split_.threads, p_.normed);
    apply_side_by_side(p_.normed, model_, places.expand, split_, p_.expanded);
    activated_.resize(x.rows(), c.mlp_dimension);
    reverse_linear(gradient_, model_, places.contract, product::assign, split_, activated_);
    reverse_activation(p_.expanded, activated_, c.mlp_activation, split_.threads);
    hand_on(layer, places.contract, activated_, gradient_);
    reverse_side_by_side(layer, places.expand, p_.expanded);
    reverse_normalize(places.mlp_norm, x);
  }

  void reverse_attend(index_t layer) {
    const layer_places& places = model_.layer(layer);
    const transformer_config& c = model_.config;
    const row_matrix<Scalar>& x = kept(2 * layer);
    normalize(model_, places.attention_norm, x, split_.threads, p_.normed);
    project_heads(model_, layer, p_.normed, blocks_.extent(1), rotary_, split_, p_.heads);
    reverse_linear(gradient_, model_, places.attention_output, product::assign, split_, p_.context);
    reverse_attention(c, layer, blocks_.extent(1), rotary_back_, split_.threads, p_.heads,
                      p_.context);
    hand_on(layer, places.attention_output, p_.context, gradient_);
    reverse_side_by_side(layer, places.projections, p_.heads);
    reverse_normalize(places.attention_norm, x);
  }

  /// Several linear maps of the normed rows, whose output gradients are side by side.
  void reverse_side_by_side(index_t layer, const std::vector<linear_places>& maps,
                            const row_matrix<Scalar>& output_gradients) {
    index_t column = 0;
    for (const linear_places& map : maps) {
      const index_t columns = output_columns(model_, map);
      const auto part = output_gradients.middleCols(column, columns);
      hand_on(layer, map, p_.normed, part);
      reverse_linear(part, model_, map, column == 0 ? product::assign : product::add, split_,
                     normed_gradient_);
      column += columns;
    }
  }

  /// Tells the hook of a linear map, and adds its gradients.
  void hand_on(index_t layer, const linear_places& map, const const_rows<Scalar>& inputs,
               const const_rows<Scalar>& output_gradients) {
    if (hook_) hook_(first_, layer, map, inputs, output_gradients);
    if (!gradients_) return;
    add_weight_gradient<Scalar>(inputs, output_gradients, map.input_major, split_.threads,
                                gradient_matrix(map.weight));
    if (map.bias >= 0)
      add_column_sums<Scalar>(output_gradients, split_.threads, gradient_of(map.bias));
  }

  /// From the gradient of normed rows to that of the stream, which gains it.
  void reverse_normalize(const norm_places& norm, const row_matrix<Scalar>& x) {
    reverse_norm<Scalar>(
        {model_.values(norm.weight), model_.config.family == model_family::gpt2,
         model_.config.norm_epsilon, gradient_of(norm.weight), gradient_of(norm.bias)},
        x, normed_gradient_, split_.threads, gradient_);
  }

  void reverse_embedding() {
    const index_t t = blocks_.extent(1);
    auto tokens = gradient_matrix(model_.places.embedding);
    for (index_t r = 0; r < gradient_.rows(); ++r) {
      tokens.row(blocks_(first_ + r / t, r % t)) += gradient_.row(r);
      if (model_.places.positions >= 0)
        gradient_matrix(model_.places.positions).row(r % t) += gradient_.row(r);
    }
  }

  const model_weights<Scalar>& model_;
  tensor_view<const index_t, 2> blocks_;
  work_split split_;
  linear_hook<Scalar> hook_;
  progress_meter& meter_;
  rotary_table<Scalar> rotary_, rotary_back_;
  gradient_list<Scalar>* gradients_ = nullptr;
  index_t first_ = 0;                     ///< block of the batch
  std::vector<row_matrix<Scalar>> kept_;  ///< streams before attention and MLP of each layer
  pass_buffers<Scalar> p_;
  row_matrix<Scalar> gradient_;         ///< of the stream
  row_matrix<Scalar> normed_gradient_;  ///< of p_.normed
  row_matrix<Scalar> activated_, logits_;
};

template <class Scalar>
void reverse_pass<Scalar>::run(index_t first, index_t count, gradient_list<Scalar>* gradients,
                               double* losses) {
  gradients_ = gradients;
  first_ = first;
  split_ = split_for(count * blocks_.extent(1), split_.threads);
  forward(count);
  reverse_head(losses);
  for (index_t l = model_.config.layers - 1; l >= 0; --l) {
    reverse_feed_forward(l);
    reverse_attend(l);
    meter_.advance();
  }
  if (gradients_) reverse_embedding();
}

}  // namespace atlas::inline ATLAS_ABI::detail

#ifdef ATLAS_COMPILED
namespace atlas::inline ATLAS_ABI::detail {
ATLAS_OF_REFERENCE void reverse_pass<float>::run(index_t, index_t, gradient_list<float>*, double*);
ATLAS_OF_REFERENCE void reverse_pass<double>::run(index_t, index_t, gradient_list<double>*,
                                                  double*);
}  // namespace atlas::inline ATLAS_ABI::detail
#endif
