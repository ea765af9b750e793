// SPDX-License-Identifier: MIT
#include <algorithm>
#include <atomic>
#include <limits>
#include <map>
#include <string>
#include <vector>

#include "../catch.hpp"
#include "../messages.hpp"
#include "../tolerances.hpp"
#include "atlas/attention/residual_rules.hpp"
#include "atlas/attention/rules.hpp"
#include "atlas/attention/sinks.hpp"
#include "atlas/reference/perplexity_change.hpp"
#include "atlas/reference/repeated_perplexity.hpp"
#include "models_for_tests.hpp"

using namespace atlas_test;
using atlas::owned_tensor;
using atlas::tensor_view;

namespace {

/// A head with weights of its own on six keys, and the context that full attention gives.
struct small_head {
  owned_tensor<float, 2> weights{{4, 6}}, values{{6, 3}}, context{{4, 3}};

  small_head() {
    atlas::random_stream random(3);
    for (atlas::index_t i = 0; i < 18; ++i)
      values.mutable_view().data()[i] = static_cast<float>(random.normal());
    for (atlas::index_t t = 0; t < 4; ++t) {
      double sum = 0;
      for (atlas::index_t i = 0; i < 6; ++i) {
        const double w = i > t + 2 ? 0 : random.exponential();
        weights.mutable_view()(t, i) = static_cast<float>(w);
        sum += w;
      }
      for (atlas::index_t i = 0; i < 6; ++i)
        weights.mutable_view()(t, i) /= static_cast<float>(sum);
    }
    atlas::full_rule()(capture(), context.mutable_view());
  }
  atlas::head_capture capture(atlas::index_t head = 0) const {
    return {0, head, head, 0, {}, weights, values, {}};
  }
  atlas::index_t argmax(atlas::index_t t) const {
    atlas::index_t best = 0;
    for (atlas::index_t i = 1; i < 6; ++i)
      if (weights(t, i) > weights(t, best)) best = i;
    return best;
  }
  /// The context under a rule.
  owned_tensor<float, 2> under(const atlas::context_rule& rule) const {
    auto out = atlas::copy_as<float>(static_cast<const tensor_view<const float, 2>&>(context));
    rule(capture(), out.mutable_view());
    return out;
  }
};

atlas::residual_basis basis_of(const Eigen::MatrixXf& vectors, const Eigen::RowVectorXf& mean) {
  return {mean, vectors};
}

double gap(const tensor_view<const float, 2>& a, const tensor_view<const float, 2>& b) {
  return relative_error<2>(a, b);
}

owned_tensor<atlas::index_t, 2> opening_blocks(const atlas::io::language_model& lm,
                                               atlas::index_t count) {
  const std::string text = atlas::io::read_text(std::string(ATLAS_EXAMPLE_DATA) + "/moby-dick.txt");
  return atlas::io::text_blocks(lm.tokenizer, text, count, 256);
}

}  // namespace

TEST_CASE("a residual rule is V* and what the map makes of the rest") {
  const small_head head;
  const auto top = head.under(atlas::residual_rule([](const auto&, const auto& residuals) {
    for (atlas::index_t t = 0; t < residuals.extent(0); ++t)
      for (atlas::index_t k = 0; k < residuals.extent(1); ++k) residuals(t, k) = 0;
  }));
  CHECK(gap(top, head.under(atlas::top_k_rule(1))) < tolerance::float_rounding);
  for (atlas::index_t t = 0; t < 4; ++t)
    for (atlas::index_t k = 0; k < 3; ++k) CHECK(top(t, k) == head.values(head.argmax(t), k));
  const auto same = head.under(atlas::residual_rule([](const auto&, const auto&) {}));
  CHECK(gap(same, head.context) < tolerance::float_rounding);
  const auto half = head.under(atlas::residual_rule([](const auto&, const auto& residuals) {
    for (atlas::index_t t = 0; t < residuals.extent(0); ++t)
      for (atlas::index_t k = 0; k < residuals.extent(1); ++k) residuals(t, k) *= 0.5F;
  }));
  for (atlas::index_t t = 0; t < 4; ++t)
    CHECK(half(t, 1) == Approx(0.5F * (top(t, 1) + head.context(t, 1))).epsilon(1e-5));
}

TEST_CASE("a low rank keeps the first directions about the mean") {
  const small_head head;
  const Eigen::RowVectorXf mean = Eigen::RowVectorXf::LinSpaced(3, 0.5F, -0.25F);
  Eigen::Matrix3f turn;
  turn << 0.6F, 0, 0.8F, 0, 1, 0, -0.8F, 0, 0.6F;
  const auto basis = basis_of(turn, mean);
  const auto full = head.under(atlas::low_rank_rule({basis}, 3));
  CHECK(gap(full, head.context) < tolerance::float_rounding);
  const auto none = head.under(atlas::low_rank_rule({basis}, 0));
  const auto one = head.under(atlas::low_rank_rule({basis}, 1));
  for (atlas::index_t t = 0; t < 4; ++t) {
    const auto star = head.argmax(t);
    double along = 0;  // in long hand: u (u . (Attn - V* - m))
    for (atlas::index_t k = 0; k < 3; ++k)
      along += static_cast<double>(turn(k, 0)) *
               static_cast<double>(head.context(t, k) - head.values(star, k) - mean(k));
    for (atlas::index_t k = 0; k < 3; ++k) {
      const auto bare = static_cast<double>(head.values(star, k) + mean(k));
      CHECK(static_cast<double>(none(t, k)) == Approx(bare).margin(1e-6));
      CHECK(static_cast<double>(one(t, k)) ==
            Approx(bare + along * static_cast<double>(turn(k, 0))).margin(1e-6));
    }
  }
}

TEST_CASE("bases are the principal directions, random ones are not but are orthonormal") {
  owned_tensor<float, 3> points({2, 500, 4});
  atlas::random_stream random(8);
  for (atlas::index_t h = 0; h < 2; ++h)
    for (atlas::index_t i = 0; i < 500; ++i)
      for (atlas::index_t k = 0; k < 4; ++k)
        points.mutable_view()(h, i, k) =
            static_cast<float>(3.0 + random.normal() * (k == h ? 5.0 : 0.5));
  const auto principal = atlas::residual_bases(points);
  const auto chance = atlas::random_residual_bases(points, {.seed = 1});
  for (atlas::index_t h = 0; h < 2; ++h) {
    const auto& p = principal[static_cast<std::size_t>(h)];
    CHECK(std::abs(p.vectors(h, 0)) > 0.99F);
    CHECK(p.mean(2) == Approx(3).margin(0.7));
    const auto& c = chance[static_cast<std::size_t>(h)];
    CHECK((c.vectors.transpose() * c.vectors - Eigen::Matrix4f::Identity()).norm() < 1e-5F);
    CHECK(c.mean == p.mean);
  }
  CHECK(chance[0].vectors != chance[1].vectors);
}

TEST_CASE("rules that keep everything keep the perplexity; a better basis recovers more") {
  const auto lm = atlas::io::open_model(model_folder("tiny-llama"));
  const auto blocks = opening_blocks(lm, 3);
  const auto& config = lm.model.config();
  atlas::cloud_collector collector({.layers = {4},
                                    .heads = config.heads,
                                    .head_dimension = config.head_dimension,
                                    .blocks = 3,
                                    .tokens_per_block = 256,
                                    .points = 600});
  const auto plain = atlas::perplexity(lm.model, blocks,
                                       {.observed_layers = {4}, .observer = collector.observer()});
  const auto clouds = collector.clouds(4);
  const auto principal = atlas::residual_bases(clouds.points);
  const auto under = [&](atlas::context_rule rule, int threads = 0) {
    return atlas::perplexity(lm.model, blocks, {.rules = {{4, rule}}, .threads = threads});
  };
  for (const auto& rule :
       {atlas::full_rule(), atlas::top_k_rule(256), atlas::low_rank_rule(principal, 32)})
    CHECK(under(rule).perplexity == Approx(plain.perplexity).epsilon(tolerance::same_perplexity));
  const auto top = under(atlas::top_k_rule(1)), low = under(atlas::low_rank_rule(principal, 8));
  const auto chance = under(atlas::low_rank_rule(atlas::random_residual_bases(clouds.points), 8));
  CHECK(top.perplexity > low.perplexity);
  const auto share = atlas::share_recovered(plain, top, low);
  CHECK(share.value > atlas::share_recovered(plain, top, chance).value + share.standard_error);
  CHECK(under(atlas::low_rank_rule(principal, 8), 1).block_losses == low.block_losses);
}

TEST_CASE("a pass from hidden states is the rest of the pass that they are from, to the bit") {
  for (const std::string name : {"tiny-gpt2", "tiny-llama"}) {
    CAPTURE(name);
    const auto lm = atlas::io::open_model(model_folder(name));
    const auto blocks = opening_blocks(lm, 18);  // two batches
    const atlas::index_t rows = blocks.size(), width = lm.model.config().model_dimension;
    owned_tensor<float, 2> middle({rows, width}), end({rows, width});
    const auto keep = [](owned_tensor<float, 2>& into, atlas::index_t first,
                         const tensor_view<const float, 2>& seen) {
      for (atlas::index_t r = 0; r < seen.extent(0); ++r)
        std::copy_n(seen[r].data(), seen.extent(1), into.mutable_view()[first + r].data());
    };
    const auto whole = atlas::perplexity(
        lm.model, blocks, {.hidden_observer = [&](auto depth, auto first, const auto& seen) {
          if (depth == 4) keep(middle, first, seen);
        }});
    std::vector<atlas::index_t> depths;
    std::atomic<int> layers_seen = 0;
    const auto rest = atlas::perplexity(
        lm.model, blocks,
        {.observer = [&](const auto& c) { layers_seen += c.layer >= 4 ? 1 : 1000000; },
         .hidden_observer =
             [&](auto depth, auto first, const auto& seen) {
               if (first == 0) depths.push_back(depth);
               if (depth == 4) keep(end, first, seen);
             },
         .start = atlas::forward_start{4, middle}});
    CHECK(rest.block_losses == whole.block_losses);
    CHECK(depths == std::vector<atlas::index_t>{4, 5, 6});
    CHECK(layers_seen == 2 * 18 * lm.model.config().heads);
    CHECK(gap(end, middle) == 0);
    // Transposed storage, and a start that no layer needs.
    owned_tensor<float, 2> turned({width, rows});
    for (atlas::index_t r = 0; r < rows; ++r)
      for (atlas::index_t k = 0; k < width; ++k) turned.mutable_view()(k, r) = middle(r, k);
    const atlas::forward_start strided{
        4, tensor_view<const float, 2>(turned.data(), {rows, width}, {1, rows})};
    CHECK(atlas::perplexity(lm.model, blocks, {.start = strided}).block_losses ==
          whole.block_losses);
    lm.model.forward(blocks, {.start = strided});
    const atlas::forward_start last{5, middle};
    CHECK_REFUSED(atlas::value_error,
                  lm.model.forward(blocks, {.observed_layers = {4}, .start = last}),
                  "observed_layers", "4");
    CHECK_REFUSED(atlas::value_error,
                  lm.model.forward(blocks, {.rules = {{0, atlas::full_rule()}}, .start = last}),
                  "rules", "0");
    CHECK_REFUSED(atlas::value_error,
                  lm.model.forward(blocks, {.start = atlas::forward_start{6, middle}}),
                  "start.layer", "6");
    CHECK_REFUSED(atlas::shape_error, lm.model.forward(opening_blocks(lm, 2), {.start = last}),
                  "start.rows", "512");
  }
}

TEST_CASE("a text that is read again is read from the first layer that changes") {
  atlas::io::language_model lm = atlas::io::open_model(model_folder("tiny-llama"));
  const auto blocks = opening_blocks(lm, 2);
  const atlas::repeated_perplexity kept(lm.model, blocks, {.first_changed = 4}),
      whole(lm.model, blocks, {.first_changed = 4, .most_bytes = 1000}),
      from_the_first(lm.model, blocks, {});
  CHECK(kept.keeps_hidden_states());
  CHECK(!whole.keeps_hidden_states());
  CHECK(!from_the_first.keeps_hidden_states());
  const auto change = [&](const std::string& layer) {
    lm.model.for_each_parameter([&](const std::string& name, const auto&, const auto& values) {
      if (name.find(layer) != std::string::npos)
        for (float& x : values) x *= 0.9F;
    });
  };
  change("layers.4.");
  const auto now = atlas::perplexity(lm.model, blocks);
  CHECK(now.block_losses != kept.baseline().block_losses);
  for (const auto* text : {&kept, &whole, &from_the_first}) {
    CHECK(text->baseline().block_losses == kept.baseline().block_losses);
    CHECK(text->again().block_losses == now.block_losses);
    const std::map<atlas::index_t, atlas::context_rule> rules = {{5, atlas::zero_rule()}};
    CHECK(text->again({.rules = rules}).block_losses ==
          atlas::perplexity(lm.model, blocks, {.rules = rules}).block_losses);
  }
  for (const auto* text : {&kept, &whole})
    CHECK_REFUSED(atlas::value_error, text->again({.rules = {{3, atlas::zero_rule()}}}), "rules",
                  "3");
  // Before the first that was to change: what is kept does not know.
  change("layers.0.");
  CHECK(kept.again().block_losses == now.block_losses);
  CHECK(whole.again().block_losses != now.block_losses);
  const auto made = [&](const atlas::repeated_perplexity_options& o) {
    return atlas::repeated_perplexity(lm.model, blocks, o);
  };
  CHECK_REFUSED(atlas::value_error, made({.first_changed = 6}), "first_changed", "6");
  CHECK_REFUSED(atlas::value_error, made({.most_bytes = -1}), "most_bytes", "-1");
}

TEST_CASE("changes of perplexity have the standard error of paired blocks") {
  atlas::perplexity_result base, damaged, changed;
  const auto of = [](const std::vector<double>& losses) {
    atlas::perplexity_result r;
    r.block_losses = losses;
    for (const double l : losses) r.loss += l / static_cast<double>(losses.size());
    r.perplexity = std::exp(r.loss);
    return r;
  };
  const std::vector<double> losses = {3.0, 3.4, 2.8, 3.1};
  base = of(losses);
  damaged = of({3.5, 3.9, 3.3, 3.6});
  changed = of({3.1, 3.6, 2.8, 3.3});
  const auto change = atlas::perplexity_change(base, changed);
  CHECK(change.value == Approx(std::exp(3.2) - std::exp(3.075)));
  // Jackknife, of which the delta method is the first order.
  const auto without = [&](const atlas::perplexity_result& r, std::size_t out) {
    std::vector<double> kept = r.block_losses;
    kept.erase(kept.begin() + static_cast<std::ptrdiff_t>(out));
    return of(kept);
  };
  double mean = 0, square = 0, mean_share = 0, square_share = 0;
  for (std::size_t b = 0; b < 4; ++b) {
    const auto p = without(base, b), d = without(damaged, b), c = without(changed, b);
    const double x = c.perplexity - p.perplexity;
    const double s = 1 - x / (d.perplexity - p.perplexity);
    mean += x / 4, square += x * x / 4, mean_share += s / 4, square_share += s * s / 4;
  }
  CHECK(change.standard_error == Approx(std::sqrt(3 * (square - mean * mean))).epsilon(0.1));
  const auto share = atlas::share_recovered(base, damaged, changed);
  CHECK(share.value ==
        Approx(1 - (std::exp(3.2) - std::exp(3.075)) / (std::exp(3.575) - std::exp(3.075))));
  CHECK(share.standard_error ==
        Approx(std::sqrt(3 * (square_share - mean_share * mean_share))).epsilon(0.1));
  CHECK(std::isnan(atlas::share_recovered(base, base, changed).value));
  CHECK(atlas::share_recovered(base, damaged, damaged).value == 0);
  CHECK_REFUSED(atlas::shape_error, atlas::perplexity_change(base, of({1.0})), "blocks",
                "1 against 4");
}

TEST_CASE("ranks and bases that do not fit are refused") {
  const small_head head;
  const auto basis = basis_of(Eigen::Matrix3f::Identity(), Eigen::RowVector3f::Zero());
  CHECK_REFUSED(atlas::value_error, atlas::low_rank_rule({basis}, 4), "rank", "4");
  CHECK_REFUSED(atlas::value_error, atlas::low_rank_rule({basis}, -1), "rank", "-1");
  CHECK_REFUSED(atlas::value_error, atlas::low_rank_rule({}, 1), "bases", "none");
  auto context = owned_tensor<float, 2>({4, 3});
  CHECK_REFUSED(atlas::shape_error,
                (atlas::low_rank_rule({basis}, 1)(head.capture(1), context.mutable_view()), 0),
                "bases", "2 or more");
  const auto small = basis_of(Eigen::Matrix2f::Identity(), Eigen::RowVector2f::Zero());
  CHECK_REFUSED(atlas::shape_error,
                (atlas::low_rank_rule({small}, 1)(head.capture(), context.mutable_view()), 0),
                "bases", "head_dimension 3");
  CHECK_REFUSED(atlas::shape_error, atlas::residual_bases(owned_tensor<float, 3>({1, 1, 2})),
                "points", "2 rows");
  owned_tensor<float, 3> bad({1, 3, 2});
  bad.mutable_view()(0, 1, 1) = std::numeric_limits<float>::quiet_NaN();
  CHECK_REFUSED(atlas::value_error, atlas::residual_bases(bad), "points", "NaN");
}
