// SPDX-License-Identifier: MIT
#include "atlas/reference/parameter_count.hpp"

#include <cstdlib>

#include "../catch.hpp"
#include "../messages.hpp"
#include "atlas/reference/random_transformer.hpp"
#include "combinations_for_tests.hpp"
#include "models_for_tests.hpp"

namespace parameter_count_test {

namespace {

using atlas::index_t, atlas::matched_mlp_dimension, atlas::parameter_count;

index_t values_in(const atlas::transformer& model) {
  index_t count = 0;
  model.for_each_parameter(
      [&](const auto&, const auto&, const auto& values) { count += values.size(); });
  return count;
}

TEST_CASE("the number of parameters is that of the values of a model") {
  for (const auto& c : atlas_test::every_combination())
    CHECK(parameter_count(c) == values_in(atlas::random_transformer(c)));
  for (const std::string& name : atlas_test::further_architectures) {
    const atlas::transformer model = atlas_test::micro(name);
    CHECK(parameter_count(model.config()) == values_in(model));
  }
  // GPT-2 small, as its authors' checkpoint has it.
  atlas::transformer_config gpt2;
  gpt2.layers = gpt2.heads = gpt2.key_value_heads = 12;
  gpt2.model_dimension = 768;
  gpt2.head_dimension = 64;
  gpt2.mlp_dimension = 3072;
  gpt2.vocabulary = 50257;
  gpt2.positions = 1024;
  CHECK(parameter_count(gpt2) == 124439808);
}

TEST_CASE("no other MLP brings a model nearer to the parameters of another") {
  const auto all = atlas_test::every_combination();
  constexpr index_t wanted = 5000;
  for (atlas::transformer_config c : all) {
    const auto gap = [&](index_t m) {
      c.mlp_dimension = m;
      return std::abs(parameter_count(c) - wanted);
    };
    const index_t matched = matched_mlp_dimension(c, wanted);
    CHECK(gap(matched) <= gap(matched + 1));
    if (matched > 1) CHECK(gap(matched) < gap(matched - 1));
  }
  const index_t own = parameter_count(all[0]);
  CHECK(matched_mlp_dimension(all[0], own) == all[0].mlp_dimension);
  // Two layers of a plain MLP: a unit has 8 weights in, 8 out and 1 bias in each. Half-way between
  // two the smaller is taken.
  CHECK(matched_mlp_dimension(all[0], own + 17) == all[0].mlp_dimension);
  CHECK(matched_mlp_dimension(all[0], own + 18) == all[0].mlp_dimension + 1);
  CHECK(matched_mlp_dimension(all[0], own - 17) == all[0].mlp_dimension - 1);
}

TEST_CASE("numbers of parameters that cannot be are refused") {
  atlas::transformer_config c = atlas_test::every_combination()[31];
  c.mlp_dimension = 1;
  const index_t least = parameter_count(c);
  CHECK(matched_mlp_dimension(c, least) == 1);
  CHECK_REFUSED(atlas::value_error, matched_mlp_dimension(c, least - 1), "parameters",
                "at least " + std::to_string(least));
  CHECK_REFUSED(atlas::value_error, matched_mlp_dimension(c, index_t{1} << 60), "parameters",
                "2^31");
  CHECK_REFUSED(atlas::value_error, parameter_count({}), "layers", "0");
  // Nothing of these sizes is allocated: 2^62 numbers in a matrix, 2^93 in all layers.
  c.model_dimension = c.mlp_dimension = c.layers = index_t{1} << 31;
  CHECK_REFUSED(atlas::value_error, parameter_count(c), "config", "parameters");
  // 2^62 numbers in each of three matrices of one layer.
  c.layers = 1;
  CHECK_REFUSED(atlas::value_error, parameter_count(c), "config", "parameters");
  c.layers = 3;
  CHECK_REFUSED(atlas::value_error, parameter_count(c), "config", "parameters");
}

}  // namespace

}  // namespace parameter_count_test
