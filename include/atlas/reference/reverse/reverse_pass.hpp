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
#include "atlas/linalg/reshape.hpp"
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
      if (!model_.config.parallel_residual) kept(2 * l + 1) = p_.stream;
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
    reshape(normed_gradient_, n, p_.stream.cols());
    for (index_t r = 0; r < n; r += chunk) {
      const index_t rows = (std::min)(chunk, n - r);
      const auto hidden = p_.normed.middleRows(r, rows);
      reshape(logits_, rows, head.rows());
      apply_linear<Scalar>(hidden, head, false, nullptr, product::assign, split_, logits_);
      reverse_capped_losses(first_ * t + r, row_losses.data() + r);
      apply_linear<Scalar>(logits_, head, true, nullptr, product::assign,
                           split_for(rows, split_.threads), normed_gradient_.middleRows(r, rows));
      if (gradients_)
        add_weight_gradient<Scalar>(hidden, logits_, false, split_.threads,
                                    gradient_matrix(model_.places.head));
      meter_.advance();
    }
    for (index_t b = 0; b < n / t; ++b)
      losses[b] = shifted_sum(row_losses.data() + b * t, t, 0, false) / static_cast<double>(t - 1);
    reshape(gradient_, n, p_.stream.cols());
    gradient_.setZero();
    reverse_normalize(model_.places.final_norm, p_.stream, normed_gradient_, gradient_);
  }

  /// Losses of rows of logits, which become their gradients before the cap.
  void reverse_capped_losses(index_t first_row, double* losses) {
    const double cap = model_.config.output_cap;
    soft_cap_rows(logits_, cap, split_.threads);
    if (cap > 0) {
      reshape(capped_, logits_.rows(), logits_.cols());
      capped_ = logits_;
    }
    reverse_losses(blocks_, first_row, split_.threads, logits_, losses);
    if (cap == 0) return;
    parallel_for(logits_.rows(), split_.threads, [&](index_t r) {
      reverse_soft_cap<Scalar>(capped_.row(r).array(), static_cast<Scalar>(cap),
                               logits_.row(r).array());
    });
  }

  /// \param leaving the gradient of the stream after the layer's MLP
  void reverse_feed_forward(index_t layer, const row_matrix<Scalar>& leaving) {
    const layer_places& places = model_.layer(layer);
    const transformer_config& c = model_.config;
    const row_matrix<Scalar>& x = kept(c.parallel_residual ? 2 * layer : 2 * layer + 1);
    const row_matrix<Scalar>& given =
        entering(model_, places.mlp_norm, x, split_.threads, p_.normed);
    apply_side_by_side(given, model_, places.expand, split_, p_.expanded);
    reshape(activated_, x.rows(), c.mlp_dimension);
    const row_matrix<Scalar>& flow = reverse_norm_after(
        places.contract, places.mlp_post_norm, leaving, [&]() -> const auto& {
          reshape(scratch_, p_.expanded.rows(), p_.expanded.cols());
          scratch_ = p_.expanded;
          activate_rows(scratch_, c.mlp_dimension, c.mlp_activation, split_.threads);
          activated_ = scratch_.leftCols(c.mlp_dimension);
          return activated_;
        });
    reverse_linear(flow, model_, places.contract, product::assign, split_, activated_);
    reverse_activation(p_.expanded, activated_, c.mlp_activation, split_.threads);
    hand_on(layer, places.contract, activated_, flow);
    reverse_side_by_side(layer, places.expand, given, p_.expanded);
    reverse_entering(places.mlp_norm, x);
  }

  /// \param leaving the gradient of the stream after the layer's attention
  void reverse_attend(index_t layer, const row_matrix<Scalar>& leaving) {
    const layer_places& places = model_.layer(layer);
    const transformer_config& c = model_.config;
    const index_t t = blocks_.extent(1);
    const row_matrix<Scalar>& x = kept(2 * layer);
    const row_matrix<Scalar>& given =
        entering(model_, places.attention_norm, x, split_.threads, p_.normed);
    project_heads(model_, layer, given, t, rotary_, split_, p_.heads);
    const row_matrix<Scalar>& flow = reverse_norm_after(
        places.attention_output, places.attention_post_norm, leaving, [&]() -> const auto& {
          run_heads(c, layer, t, split_.threads, p_.heads, p_.context,
                    [](const auto& in, index_t, index_t, const auto& context) {
                      attention_scratch<Scalar> scratch;
                      full_attention(in, false, scratch, context);
                    });
          return p_.context;
        });
    reshape(p_.context, x.rows(), c.heads * c.head_dimension);
    reverse_linear(flow, model_, places.attention_output, product::assign, split_, p_.context);
    reverse_attention(c, layer, t, rotary_back_, split_.threads, p_.heads, p_.context);
    hand_on(layer, places.attention_output, p_.context, flow);
    if (places.query_norm.there()) reverse_head_norms(places, given);
    reverse_side_by_side(layer, places.projections, given, p_.heads);
    reverse_entering(places.attention_norm, x);
  }

  /// From the gradient of the stream to that of the linear map that writes to it: through the norm
  /// between them, where there is one.
  /// \param inputs makes what the map was given
  template <class Inputs>
  const row_matrix<Scalar>& reverse_norm_after(const linear_places& map, const norm_places& norm,
                                               const row_matrix<Scalar>& leaving, Inputs&& inputs) {
    if (!norm.there()) return leaving;
    reshape(p_.branch, leaving.rows(), leaving.cols());
    apply_linear(inputs(), model_, map, product::assign, split_, p_.branch);
    reshape(branch_gradient_, leaving.rows(), leaving.cols());
    branch_gradient_.setZero();
    reverse_normalize(norm, p_.branch, leaving, branch_gradient_);
    return branch_gradient_;
  }

  /// Goes back through the norms of queries and keys, whose inputs are projected again.
  void reverse_head_norms(const layer_places& places, const row_matrix<Scalar>& given) {
    const transformer_config& c = model_.config;
    apply_side_by_side(given, model_, places.projections, split_, scratch_);
    reverse_norm_parts(reverse_of(places.query_norm), scratch_, normed_parts(c, query_columns(c)),
                       split_.threads, p_.heads);
    reverse_norm_parts(reverse_of(places.key_norm), scratch_, normed_parts(c, key_columns(c)),
                       split_.threads, p_.heads);
  }

  /// From the gradient of what attention or MLP were given to that of the stream, which gains it.
  void reverse_entering(const norm_places& norm, const row_matrix<Scalar>& x) {
    if (norm.there())
      reverse_normalize(norm, x, normed_gradient_, gradient_);
    else
      gradient_ += normed_gradient_;
  }

  /// Several linear maps of the same rows, whose output gradients are side by side.
  void reverse_side_by_side(index_t layer, const std::vector<linear_places>& maps,
                            const row_matrix<Scalar>& given,
                            const row_matrix<Scalar>& output_gradients) {
    index_t column = 0;
    for (const linear_places& map : maps) {
      const index_t columns = output_columns(model_, map);
      const auto part = output_gradients.middleCols(column, columns);
      hand_on(layer, map, given, part);
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

  norm_reverse<Scalar> reverse_of(const norm_places& norm) {
    return {model_.values(norm.weight), norm_shape_of(model_.config), gradient_of(norm.weight),
            gradient_of(norm.bias)};
  }

  /// From the gradient of what a norm of x put out to that of x, which gains it.
  void reverse_normalize(const norm_places& norm, const row_matrix<Scalar>& x,
                         const row_matrix<Scalar>& output_gradient,
                         row_matrix<Scalar>& input_gradient) {
    reverse_norm<Scalar>(reverse_of(norm), x, output_gradient, split_.threads, input_gradient);
  }

  void reverse_embedding() {
    const index_t t = blocks_.extent(1);
    auto tokens = gradient_matrix(model_.places.embedding);
    for (index_t r = 0; r < gradient_.rows(); ++r) {
      tokens.row(blocks_(first_ + r / t, r % t)) +=
          static_cast<Scalar>(model_.config.embedding_scale) * gradient_.row(r);
      if (model_.places.positions >= 0)
        gradient_matrix(model_.places.positions).row(r % t) += gradient_.row(r);
    }
  }

  const model_weights<Scalar>& model_;
  tensor_view<const index_t, 2> blocks_;
  work_split split_;
  linear_hook<Scalar> hook_;
  progress_meter& meter_;
  rotary_tables<Scalar> rotary_, rotary_back_;
  gradient_list<Scalar>* gradients_ = nullptr;
  index_t first_ = 0;                     ///< block of the batch
  std::vector<row_matrix<Scalar>> kept_;  ///< streams before attention and MLP of each layer
  pass_buffers<Scalar> p_;
  row_matrix<Scalar> gradient_;         ///< of the stream
  row_matrix<Scalar> normed_gradient_;  ///< of what attention or MLP were given
  row_matrix<Scalar> branch_gradient_;  ///< of p_.branch
  row_matrix<Scalar> leaving_;          ///< that of the stream after the layer, where both need it
  row_matrix<Scalar>
      scratch_;  ///< of one half: activations, or queries, keys, values before their norms
  row_matrix<Scalar> activated_, logits_, capped_;
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
    const bool parallel = model_.config.parallel_residual;
    if (parallel) leaving_ = gradient_;
    reverse_feed_forward(l, gradient_);
    reverse_attend(l, parallel ? leaving_ : gradient_);
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
