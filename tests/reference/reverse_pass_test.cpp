// SPDX-License-Identifier: MIT
/// \file
/// The reverse pass in double against central differences of its own forward pass.

#include "atlas/reference/reverse/reverse_pass.hpp"

#include <cmath>
#include <string>
#include <vector>

#include "../catch.hpp"
#include "../sanitized.hpp"
#include "atlas/core/random.hpp"
#include "combinations_for_tests.hpp"

using atlas::owned_tensor;
using atlas::detail::gradient_list;
using atlas::detail::model_weights;

namespace {

/// Relative, in the norm: a step of 1e-5 leaves some 1e-10 of the third derivative, and as much of
/// rounding.
constexpr double central_difference = 1e-6;
constexpr double step = 1e-5;

/// A small model of random weights, large enough that nothing in it is nearly linear.
model_weights<double> random_model(const atlas::transformer_config& c) {
  atlas::random_stream random(3);
  return {c, [&](const std::string& name, const std::vector<atlas::index_t>& extents) {
            const double level = extents.size() == 1 && name.ends_with(".weight") ? 1 : 0;
            atlas::index_t n = 1;
            for (const atlas::index_t e : extents) n *= e;
            std::vector<float> values(static_cast<std::size_t>(n));
            for (float& v : values) v = static_cast<float>(level + random.uniform() - 0.5);
            return values;
          }};
}

owned_tensor<atlas::index_t, 2> some_blocks(const atlas::transformer_config& c,
                                            atlas::index_t count, atlas::index_t size) {
  owned_tensor<atlas::index_t, 2> blocks({count, size});
  atlas::random_stream random(4);
  for (atlas::index_t b = 0; b < count; ++b)
    for (atlas::index_t t = 0; t < size; ++t)
      blocks.mutable_view()(b, t) = random.uniform_index(c.vocabulary);
  return blocks;
}

/// The sum of the losses of all blocks, and their gradients where asked.
double loss_of(const model_weights<double>& model, const owned_tensor<atlas::index_t, 2>& blocks,
               gradient_list<double>* gradients = nullptr) {
  atlas::progress_meter meter({}, "", 0);
  std::vector<double> losses(static_cast<std::size_t>(blocks.extent(0)));
  atlas::detail::reverse_pass<double> pass(model, blocks, 1, {}, meter);
  pass.run(0, blocks.extent(0), gradients, losses.data());
  double sum = 0;
  for (const double loss : losses) sum += loss;
  return sum;
}

/// The slope of the loss along a change of one parameter tensor.
double slope_along(model_weights<double>& model, const owned_tensor<atlas::index_t, 2>& blocks,
                   std::size_t place, const std::vector<double>& direction) {
  std::vector<double>& values = model.parameters[place].values;
  const std::vector<double> at = values;
  const auto moved = [&](double by) {
    for (std::size_t k = 0; k < values.size(); ++k) values[k] = at[k] + by * direction[k];
    return loss_of(model, blocks);
  };
  const double slope = (moved(step) - moved(-step)) / (2 * step);
  values = at;
  return slope;
}

/// Every derivative of a tensor by itself; the relative error in the norm.
double error_of_all(model_weights<double>& model, const owned_tensor<atlas::index_t, 2>& blocks,
                    std::size_t place, const std::vector<double>& gradient) {
  double difference = 0, norm = 0;
  for (std::size_t k = 0; k < gradient.size(); ++k) {
    std::vector<double> one(gradient.size());
    one[k] = 1;
    const double slope = slope_along(model, blocks, place, one);
    difference += (slope - gradient[k]) * (slope - gradient[k]);
    norm += slope * slope;
  }
  return std::sqrt(difference / norm);
}

/// Along the gradient and a random direction: the error relative to the gradient's norm.
double error_along(model_weights<double>& model, const owned_tensor<atlas::index_t, 2>& blocks,
                   std::size_t place, const std::vector<double>& gradient) {
  double norm = 0, expected = 0;
  for (const double g : gradient) norm += g * g;
  norm = std::sqrt(norm);
  atlas::random_stream random(place);
  std::vector<double> direction(gradient.size());
  for (std::size_t k = 0; k < gradient.size(); ++k) {
    direction[k] = gradient[k] / norm + 0.1 * (random.uniform() - 0.5);
    expected += direction[k] * gradient[k];
  }
  return std::abs(slope_along(model, blocks, place, direction) - expected) / norm;
}

atlas::transformer_config small_gpt2() {
  atlas::transformer_config c;
  c.layers = 1;
  c.model_dimension = 8;
  c.heads = c.key_value_heads = 2;
  c.head_dimension = 4;
  c.mlp_dimension = 12;
  c.vocabulary = 11;
  c.positions = 160;
  return c;
}

atlas::transformer_config small_llama() {
  const atlas::transformer_config sizes = small_gpt2();
  atlas::transformer_config c = atlas::llama_config();
  c.layers = sizes.layers;
  c.model_dimension = sizes.model_dimension;
  c.mlp_dimension = sizes.mlp_dimension;
  c.vocabulary = sizes.vocabulary;
  c.positions = sizes.positions;
  c.heads = 4;
  c.key_value_heads = 2;
  c.head_dimension = 6;
  return c;
}

/// What is beyond these two: in turn what Qwen3, Gemma 2, Gemma 3, Phi-3, GPT-NeoX (twice), OLMo-2
/// have, and what none of them does.
std::vector<atlas::transformer_config> further_variants() {
  using atlas::activation, atlas::norm_position, atlas::query_key_norm;
  std::vector<atlas::transformer_config> all(8, small_llama());
  all[0].head_norm = query_key_norm::heads;
  for (const std::size_t gemma : {1U, 2U}) {
    all[gemma].layers = 2;
    all[gemma].family = atlas::model_family::gemma;
    all[gemma].norms = norm_position::both;
    all[gemma].norm_offset = 1;
    all[gemma].embedding_scale = 1.7;
    all[gemma].query_scalar = 3;
    all[gemma].mlp_activation = activation::gelu_tanh;
    all[gemma].windows = {3, 0};
    all[gemma].output_cap = 2;
  }
  all[1].logit_cap = 0.7;
  all[2].head_norm = query_key_norm::heads;
  all[2].window_rotary = {.theta = 20};
  all[2].rotary = {.kind = atlas::rotary_options::rescaling::linear, .factor = 4};
  all[3].family = atlas::model_family::phi3;
  all[3].rotary_share = 0.7;
  for (const std::size_t neox : {4U, 5U}) {
    all[neox] = small_gpt2();
    all[neox].layers = 2;
    all[neox].head_dimension = 6;
    all[neox].family = atlas::model_family::gpt_neox;
    all[neox].rotary_share = neox == 4 ? 0.5 : 1;
    all[neox].parallel_residual = neox == 4;
    all[neox].tied = false;
    all[neox].mlp_activation = activation::gelu;
  }
  all[4].rotary_share = 0.67;
  all[5].query_key_value_bias = all[5].output_bias = false;
  all[6].family = all[7].family = atlas::model_family::gemma;
  all[6].norms = norm_position::after;
  all[6].head_norm = query_key_norm::projections;
  all[7].norm = atlas::norm_kind::layer;
  all[7].norms = norm_position::both;
  all[7].head_norm = query_key_norm::heads;
  all[7].parallel_residual = true;
  all[7].gated_mlp = false;
  all[7].logit_cap = 1.1;
  all[7].norm_offset = -0.2;
  return all;
}

/// A configuration of each family for everything that a layer may have.
std::vector<atlas::transformer_config> variants() {
  std::vector<atlas::transformer_config> all(4, small_gpt2());
  all[1].mlp_activation = atlas::activation::gelu;
  all[1].tied = false;
  all[1].windows = {4};
  all[2].mlp_activation = atlas::activation::relu;
  all[2].scale_logits = false;
  all[3].layers = 2;
  all[3].scale_by_layer = true;
  all[3].windows = {3, 0};
  all.resize(8, small_llama());
  all[5].tied = false;
  all[5].windows = {3};
  all[5].query_key_value_bias = all[5].output_bias = all[5].mlp_bias = true;
  all[6].key_value_heads = 1;
  all[6].mlp_activation = atlas::activation::gelu;
  all[6].rotary = {
      .kind = atlas::rotary_options::rescaling::llama3, .factor = 8, .original_positions = 16};
  all[7].key_value_heads = 4;
  all[7].mlp_activation = atlas::activation::gelu_tanh;
  all[7].rotary = {.kind = atlas::rotary_options::rescaling::linear, .factor = 3};
  const auto further = further_variants();
  all.insert(all.end(), further.begin(), further.end());
  return all;
}

/// All gradients of two blocks of so many tokens, by one of the errors above.
template <class Error>
void check_gradients(const atlas::transformer_config& c, atlas::index_t tokens, Error&& error) {
  auto model = random_model(c);
  const auto blocks = some_blocks(c, 2, tokens);
  auto gradients = atlas::detail::zero_gradients(model);
  loss_of(model, blocks, &gradients);
  for (std::size_t p = 0; p < gradients.size(); ++p) {
    CAPTURE(gradients[p].name);
    // Without rotary positions it adds the same to all logits of a query, which changes nothing.
    if (c.rotary_share == 0 && gradients[p].name.ends_with("attention.key.bias"))
      for (const double g : gradients[p].values) CHECK(std::abs(g) < 1e-12);
    else
      CHECK(error(model, blocks, p, gradients[p].values) < central_difference);
  }
}

}  // namespace

TEST_CASE("every derivative is a central difference") {
  int variant = 0;
  for (const atlas::transformer_config& c : variants()) {
    CAPTURE(variant++);
    // One by one in the release build: a direction at once runs the same code.
    check_gradients(c, 9, atlas_test::sanitized ? error_along : error_of_all);
  }
}

TEST_CASE("every combination of architectures has the slopes of central differences") {
  int variant = 0;
  for (const atlas::transformer_config& c : atlas_test::every_combination()) {
    CAPTURE(variant++);
    check_gradients(c, 9, error_along);
  }
}

TEST_CASE("blocks of several tiles of queries have the slopes of central differences") {
  int variant = 0;
  for (atlas::transformer_config c : variants()) {
    CAPTURE(variant++);
    if (!c.windows.empty()) c.windows[0] = 70;
    check_gradients(c, 150, error_along);
  }
}

TEST_CASE("gradients are added to what is there") {
  const auto c = small_llama();
  const auto model = random_model(c);
  const auto blocks = some_blocks(c, 1, 5);
  auto once = atlas::detail::zero_gradients(model);
  loss_of(model, blocks, &once);
  auto twice = once;
  loss_of(model, blocks, &twice);
  for (std::size_t p = 0; p < once.size(); ++p)
    for (std::size_t k = 0; k < once[p].values.size(); ++k)
      CHECK(twice[p].values[k] == Approx(2 * once[p].values[k]).margin(1e-15));
}
