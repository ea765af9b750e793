// SPDX-License-Identifier: MIT
#include "atlas/reference/gradients.hpp"

#include <algorithm>
#include <map>
#include <string>
#include <vector>

#include "../catch.hpp"
#include "../messages.hpp"
#include "../tolerances.hpp"
#include "atlas/core/random.hpp"
#include "atlas/reference/perplexity.hpp"
#include "models_for_tests.hpp"

using namespace atlas_test;
using atlas::owned_tensor;
using atlas::tensor_view;

namespace {

/// Two float32 programs, and a gradient is some ten times as ill-conditioned as what it is of.
constexpr double gradient_golden = 1e-4;

tensor_view<const float, 1> flat(const std::vector<float>& values) {
  return {values.data(), {static_cast<atlas::index_t>(values.size())}};
}

/// The largest relative error in the norm of a tensor.
double worst_error(const std::vector<atlas::parameter>& got,
                   const std::vector<atlas::parameter>& wanted) {
  double worst = got.size() == wanted.size() ? 0 : INFINITY;
  for (std::size_t i = 0; i < got.size() && i < wanted.size(); ++i)
    worst = std::max(worst, relative_error<1>(flat(got[i].values), flat(wanted[i].values)));
  return worst;
}

bool same_bits(const std::vector<atlas::parameter>& a, const std::vector<atlas::parameter>& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](const auto& x, const auto& y) { return x.values == y.values; });
}

std::vector<float> golden_gradient(const atlas::io::checkpoint& golden, const atlas::parameter& p) {
  const std::string name = "grad." + p.name;
  const auto copy = [](const auto& x) { return std::vector<float>(x.data(), x.data() + x.size()); };
  return p.extents.size() == 1 ? copy(golden.read<float, 1>(name, {p.extents[0]}))
                               : copy(golden.read<float, 2>(name, {p.extents[0], p.extents[1]}));
}

/// `output_gradients^T inputs` of one capture, laid out as the weight is, added to `sum`.
void add_product(const atlas::linear_capture& c, std::vector<float>& sum) {
  const auto& left = c.input_major ? c.inputs : c.output_gradients;
  const auto& right = c.input_major ? c.output_gradients : c.inputs;
  const atlas::index_t rows = left.extent(1), columns = right.extent(1);
  sum.resize(static_cast<std::size_t>(rows * columns));
  for (atlas::index_t i = 0; i < rows; ++i)
    for (atlas::index_t j = 0; j < columns; ++j) {
      double product = 0;
      for (atlas::index_t t = 0; t < left.extent(0); ++t)
        product += static_cast<double>(left(t, i)) * static_cast<double>(right(t, j));
      sum[static_cast<std::size_t>(i * columns + j)] += static_cast<float>(product);
    }
}

}  // namespace

TEST_CASE("the micro models give the golden gradients") {
  for (const std::string name : {"micro-gpt2", "micro-llama", "micro-llama-headdim",
                                 "micro-llama3-rope", "micro-mistral", "micro-qwen2"}) {
    CAPTURE(name);
    const auto model = micro(name);
    const auto golden = golden_of(name);
    const auto got = atlas::loss_gradients(model, golden_block(golden));
    CHECK(got.loss == Approx(golden.read<float, 1>("loss")[0]).epsilon(tolerance::micro_golden));
    std::size_t place = 0;
    model.for_each_parameter([&](const std::string& parameter, const auto& extents, auto values) {
      CAPTURE(parameter);
      const atlas::parameter& gradient = got.gradients.at(place++);
      CHECK(gradient.name == parameter);
      CHECK(gradient.extents == extents);
      CHECK(gradient.values.size() == values.size());
      CHECK(relative_error<1>(flat(gradient.values), flat(golden_gradient(golden, gradient))) <
            gradient_golden);
    });
    CHECK(place == got.gradients.size());
  }
}

TEST_CASE("the loss of gradients is that of perplexity") {
  const auto model = micro("micro-mistral");
  const auto blocks = some_blocks(6, 40);
  const auto got = atlas::loss_gradients(model, blocks);
  const auto wanted = atlas::perplexity(model, blocks);
  CHECK(got.loss == Approx(wanted.loss).epsilon(tolerance::float_rounding));
  CHECK(got.losses.size() == 6);
}

TEST_CASE("gradients of samples come in order and average to those of the mean") {
  for (const std::string name : {"micro-gpt2", "micro-qwen2"}) {
    const auto model = micro(name);
    const auto blocks = some_blocks(150, 60);  // 9000 positions: more than one batch
    const auto mean = atlas::loss_gradients(model, blocks);
    atlas::index_t next = 0;
    std::vector<double> losses;
    const auto samples = atlas::loss_gradients(
        model, blocks, {.sample_observer = [&](const atlas::sample_gradients& s) {
          CHECK(s.block == next++);
          losses.push_back(s.loss);
          CHECK(s.gradients.size() == mean.gradients.size());
        }});
    CHECK(next == 150);
    CHECK(losses == samples.losses);
    CHECK(worst_error(samples.gradients, mean.gradients) < tolerance::float_rounding);
    CHECK(samples.loss == Approx(mean.loss).epsilon(tolerance::float_rounding));
  }
}

TEST_CASE("a sample's gradient is that of its block alone") {
  const auto model = micro("micro-llama");
  const auto blocks = some_blocks(3, 30);
  owned_tensor<atlas::index_t, 2> second({1, 30});
  std::copy_n(&blocks(1, 0), 30, second.mutable_view().data());
  const auto alone = atlas::loss_gradients(model, second);
  const auto all = atlas::loss_gradients(
      model, blocks, {.mean = false, .sample_observer = [&](const atlas::sample_gradients& s) {
                        if (s.block != 1) return;
                        CHECK(same_bits({s.gradients.begin(), s.gradients.end()}, alone.gradients));
                        CHECK(s.loss == alone.loss);
                      }});
  CHECK(all.gradients.empty());
  CHECK(all.losses[1] == alone.loss);
}

TEST_CASE("gradients are the same bits for every number of threads") {
  for (const std::string name : {"micro-gpt2", "micro-mistral", "architectures/gemma2",
                                 "architectures/gpt_neox", "architectures/olmo2"}) {
    const auto model = micro(name);
    const auto blocks = some_blocks(7, 50, model.config().vocabulary);
    for (const bool samples : {false, true}) {
      const auto run = [&](int threads) {
        atlas::gradient_options o{.threads = threads};
        if (samples) o.sample_observer = [](const auto&) {};
        return atlas::loss_gradients(model, blocks, o);
      };
      const auto one = run(1);
      for (const int threads : {2, 3}) {
        const auto more = run(threads);
        CHECK(more.losses == one.losses);
        CHECK(same_bits(more.gradients, one.gradients));
      }
    }
  }
}

TEST_CASE("inputs and output gradients of linear maps give the gradients of the weights") {
  struct mapped {
    std::string name;
    atlas::index_t maps;  ///< of a layer
  };
  for (const auto& [name, maps] :
       {mapped{"micro-gpt2", 4}, mapped{"micro-llama-headdim", 7},
        mapped{"architectures/gemma3", 7}, mapped{"architectures/phi3", 4},
        mapped{"architectures/gpt_neox", 4}, mapped{"architectures/olmo2", 7}}) {
    CAPTURE(name);
    const auto model = micro(name);
    const auto blocks = some_blocks(3, 25, model.config().vocabulary);
    const atlas::index_t all = maps * model.config().layers;
    for (const bool samples : {false, true}) {
      std::map<std::string, std::vector<float>> sums;
      std::vector<atlas::index_t> captures(3);
      atlas::gradient_options o;
      o.linear_observer = [&](const atlas::linear_capture& c) {
        const std::string weight(c.weight);
        CHECK(has(weight, "." + std::to_string(c.layer) + "."));
        CHECK(c.inputs.extent(0) == 25);
        CHECK(c.output_gradients.extent(0) == 25);
        ++captures.at(static_cast<std::size_t>(c.block));
        add_product(c, sums[weight]);
      };
      if (samples) o.sample_observer = [](const auto&) {};
      const auto got = atlas::loss_gradients(model, blocks, o);
      CHECK(captures == std::vector<atlas::index_t>(3, all));
      CHECK(static_cast<atlas::index_t>(sums.size()) == all);
      for (const atlas::parameter& p : got.gradients) {
        if (!sums.count(p.name)) continue;
        std::vector<float> mean = sums.at(p.name);
        for (float& x : mean) x /= 3;
        CHECK(relative_error<1>(flat(mean), flat(p.values)) < tolerance::float_rounding);
      }
      sums.clear();
      o.mean = false;
      CHECK(atlas::loss_gradients(model, blocks, o).losses == got.losses);
      CHECK(static_cast<atlas::index_t>(sums.size()) == all);
    }
  }
}

TEST_CASE("a step against the gradient lowers the loss by what it says") {
  auto model = micro("micro-llama3-rope");
  const auto blocks = some_blocks(4, 40);
  const auto before = atlas::loss_gradients(model, blocks);
  double square = 0;
  std::size_t place = 0;
  constexpr float step = 1e-3f;
  model.for_each_parameter([&](const auto&, const auto&, std::span<float> values) {
    const std::vector<float>& gradient = before.gradients.at(place++).values;
    for (std::size_t k = 0; k < values.size(); ++k) {
      values[k] -= step * gradient[k];
      square += static_cast<double>(gradient[k]) * static_cast<double>(gradient[k]);
    }
  });
  const double drop = before.loss - atlas::loss_gradients(model, blocks, {.mean = false}).loss;
  CHECK(drop == Approx(static_cast<double>(step) * square).epsilon(0.02));  // to first order
}

TEST_CASE("gradients count their steps and can be stopped") {
  const auto model = micro("micro-gpt2");
  std::vector<atlas::index_t> totals;
  const auto count = [&](const atlas::progress& p) {
    totals.push_back(p.total);
    CHECK(p.done == static_cast<atlas::index_t>(totals.size()));
    return true;
  };
  atlas::loss_gradients(model, some_blocks(2, 10), {.on_progress = count});
  CHECK(totals == std::vector<atlas::index_t>(5, 5));
  totals.clear();
  atlas::loss_gradients(model, some_blocks(2, 10),
                        {.sample_observer = [](const auto&) {}, .on_progress = count});
  CHECK(totals == std::vector<atlas::index_t>(10, 10));
  const auto stop = [](const atlas::progress&) { return false; };
  CHECK_THROWS_AS(atlas::loss_gradients(model, some_blocks(2, 10), {.on_progress = stop}),
                  atlas::cancelled);
  CHECK_THROWS_AS(atlas::loss_gradients(
                      model, some_blocks(2, 10),
                      {.sample_observer = [](const auto&) {}, .threads = 2, .on_progress = stop}),
                  atlas::cancelled);
}

TEST_CASE("blocks that have no gradient are refused") {
  const auto model = micro("micro-gpt2");
  CHECK_REFUSED(atlas::shape_error, atlas::loss_gradients(model, some_blocks(2, 1)),
                "at least 2 positions", "got 1");
  CHECK_REFUSED(atlas::shape_error, atlas::loss_gradients(model, some_blocks(1, 65)),
                "64 positions", "65");
  CHECK_REFUSED(atlas::shape_error,
                atlas::loss_gradients(model, owned_tensor<atlas::index_t, 2>({0, 4})), "blocks",
                "0");
  auto wild = some_blocks(1, 4);
  wild.mutable_view()(0, 3) = 96;
  CHECK_REFUSED(atlas::value_error, atlas::loss_gradients(model, wild), "from 0 to 95", "96");
  CHECK_REFUSED(atlas::value_error,
                (atlas::loss_gradients(model, some_blocks(1, 4), {.threads = -1})), "threads",
                "-1");
}
