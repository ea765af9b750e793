// SPDX-License-Identifier: MIT
#include "atlas/autoencoder/autoencoder_rule.hpp"

#include <vector>

#include "../catch.hpp"
#include "../messages.hpp"
#include "../reference/models_for_tests.hpp"
#include "../tolerances.hpp"
#include "atlas/attention/clouds.hpp"
#include "atlas/attention/rules.hpp"
#include "atlas/autoencoder/train_autoencoder.hpp"
#include "atlas/reference/perplexity_change.hpp"

using namespace atlas_test;

namespace {

/// Two layers that change nothing.
atlas::autoencoder identity_autoencoder(atlas::index_t d) {
  atlas::autoencoder a{atlas::mlp({d, d, d}, {false, false}), 1, Eigen::RowVectorXd::Zero(d), 1};
  for (const atlas::mlp_layer& layer : a.model.layers)
    for (atlas::index_t k = 0; k < d; ++k)
      a.model.parameters[static_cast<std::size_t>(layer.offset + k * (d + 1))] = 1;
  return a;
}

}  // namespace

TEST_CASE("the identity keeps the perplexity, and more of the residual recovers more of it") {
  const auto lm = atlas::io::open_model(model_folder("tiny-llama"));
  const std::string text = atlas::io::read_text(std::string(ATLAS_EXAMPLE_DATA) + "/moby-dick.txt");
  const auto blocks = atlas::io::text_blocks(lm.tokenizer, text, 4, 256);
  const auto& config = lm.model.config();
  atlas::cloud_collector collector({.layers = {4},
                                    .heads = config.heads,
                                    .head_dimension = config.head_dimension,
                                    .blocks = 4,
                                    .tokens_per_block = 256,
                                    .points = 800});
  const auto plain = atlas::perplexity(lm.model, blocks,
                                       {.observed_layers = {4}, .observer = collector.observer()});
  const auto under = [&](atlas::context_rule rule, int threads = 0) {
    return atlas::perplexity(lm.model, blocks, {.rules = {{4, rule}}, .threads = threads});
  };
  const std::vector<atlas::autoencoder> same(static_cast<std::size_t>(config.heads),
                                             identity_autoencoder(config.head_dimension));
  CHECK(under(atlas::autoencoder_rule(same)).perplexity ==
        Approx(plain.perplexity).epsilon(tolerance::same_perplexity));
  const auto clouds = collector.clouds(4);
  std::vector<atlas::autoencoder> models;
  for (const auto& r :
       atlas::train_autoencoders(clouds.points, {.bottleneck = 8,
                                                .training = atlas::autoencoder_training::study,
                                                .epochs = 30,
                                                .batch = 64,
                                                .context = clouds.context}))
    models.push_back(r.model);
  const auto top = under(atlas::top_k_rule(1)), through = under(atlas::autoencoder_rule(models));
  CHECK(through.perplexity > plain.perplexity);
  CHECK(top.perplexity > through.perplexity);
  CHECK(under(atlas::autoencoder_rule(models), 1).block_losses == through.block_losses);
}

TEST_CASE("autoencoders that do not fit the heads are refused") {
  CHECK_REFUSED(atlas::value_error, atlas::autoencoder_rule({}), "models", "none");
  const auto rule = atlas::autoencoder_rule({identity_autoencoder(3)});
  atlas::owned_tensor<float, 2> weights({2, 2}), values({2, 3}), context({2, 3}), wide({2, 4});
  weights.mutable_view()(0, 0) = weights.mutable_view()(1, 1) = 1;
  CHECK_REFUSED(atlas::shape_error,
                (rule({0, 1, 1, 0, {}, weights, values, {}}, context.mutable_view()), 0), "models",
                "2 or more");
  CHECK_REFUSED(atlas::shape_error,
                (rule({0, 0, 0, 0, {}, weights, wide, {}}, wide.mutable_view()), 0), "models",
                "head_dimension 4");
}
