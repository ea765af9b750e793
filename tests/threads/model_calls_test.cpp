// SPDX-License-Identifier: MIT
#include <cmath>

#include "../clouds_for_tests.hpp"
#include "atlas/autoencoder/train_autoencoder.hpp"
#include "atlas/protocols/collect_clouds.hpp"
#include "atlas/reference/gradients.hpp"
#include "atlas/reference/perplexity.hpp"
#include "atlas/reference/random_transformer.hpp"
#include "atlas/reference/repeated_perplexity.hpp"
#include "atlas/reference/training/trainer.hpp"
#include "calls.hpp"

namespace atlas_test {

std::vector<threaded_call> model_calls() {
  using s = call_settings;
  atlas::transformer_config c;
  c.layers = 2;
  c.model_dimension = 32;
  c.heads = c.key_value_heads = 4;
  c.head_dimension = 8;
  c.mlp_dimension = 64;
  c.vocabulary = 50;
  c.positions = 32;
  const auto model = atlas::random_transformer(c, {.seed = 1});
  atlas::owned_tensor<atlas::index_t, 2> blocks({6, 32});
  atlas::owned_tensor<atlas::index_t, 1> tokens({600});
  atlas::random_stream random(3);
  for (atlas::index_t i = 0; i < blocks.size(); ++i)
    blocks.mutable_view().data()[i] = random.uniform_index(50);
  for (atlas::index_t i = 0; i < 600; ++i) tokens.mutable_view()[i] = random.uniform_index(50);
  return {
      {"protocols/collect_clouds.hpp", "collect_clouds", true,
       [=](const s& o) {
         return (numbers() << atlas::collect_clouds(model, blocks,
                                                    {.min_context = 4,
                                                     .points = 40,
                                                     .threads = o.threads,
                                                     .on_progress = o.on_progress})
                                  .layers.back()
                                  .points)
             .all;
       }},
      {"reference/forward_options.hpp", "perplexity", true,
       [=](const s& o) {
         return (numbers() << atlas::perplexity(
                                  model, blocks,
                                  {.threads = o.threads, .on_progress = o.on_progress})
                                  .block_losses)
             .all;
       }},
      {"reference/repeated_perplexity.hpp", "repeated_perplexity", true,
       [=](const s& o) {
         const atlas::repeated_perplexity text(
             model, blocks,
             {.first_changed = 1, .threads = o.threads, .on_progress = o.on_progress});
         return (numbers() << text.baseline().block_losses
                           << text.again({.threads = o.threads}).block_losses)
             .all;
       }},
      {"reference/gradients.hpp", "loss_gradients", true,
       [=](const s& o) {
         numbers all;
         atlas::gradient_options options{.threads = o.threads, .on_progress = o.on_progress};
         for (const auto& p : atlas::loss_gradients(model, blocks, options).gradients)
           all << p.values;
         return all.all;
       }},
      {"reference/gradients.hpp", "loss_gradients of each block", true,
       [=](const s& o) {
         numbers all;
         atlas::gradient_options options{.threads = o.threads, .on_progress = o.on_progress};
         options.sample_observer = [&](const atlas::sample_gradients& g) { all << g.loss; };
         for (const auto& p : atlas::loss_gradients(model, blocks, options).gradients)
           all << p.values;
         return all.all;
       }},
      {"reference/training/trainer.hpp", "train", true,
       [=](const s& o) {
         atlas::trainer_options options;
         options.threads = o.threads;
         atlas::trainer t(model, tokens, options);
         numbers all;
         for (const auto& step : atlas::train(t, 3, {.on_progress = o.on_progress}))
           all << step.loss;
         return all.all;
       }},
      {"autoencoder/autoencoder_options.hpp", "train_autoencoders", true,
       [](const s& o) {
         const std::vector<Eigen::MatrixXd> clouds = {normal_cloud(60, 5, 1),
                                                      normal_cloud(60, 5, 2)};
         numbers all;
         for (const auto& r : atlas::train_autoencoders(clouds, {.hidden = 8,
                                                                .bottleneck = 2,
                                                                .epochs = 5,
                                                                .threads = o.threads,
                                                                .on_progress = o.on_progress}))
           all << r.losses << r.advantage;
         return all.all;
       }},
  };
}

}  // namespace atlas_test
