// SPDX-License-Identifier: MIT
#include <algorithm>
#include <cstdint>
#include <span>
#include <vector>

#include "../catch.hpp"
#include "../messages.hpp"
#include "atlas/reference/perplexity.hpp"
#include "atlas/reference/training/trainer.hpp"
#include "models_for_tests.hpp"

using namespace atlas_test;

namespace {

template <class Integer>
std::vector<Integer> as_integers(const atlas::owned_tensor<atlas::index_t, 2>& blocks) {
  std::vector<Integer> out;
  for (const atlas::index_t token : blocks) out.push_back(static_cast<Integer>(token));
  return out;
}

template <class Integer>
void check_same_bits(const atlas::transformer& model,
                     const atlas::owned_tensor<atlas::index_t, 2>& blocks) {
  const auto values = as_integers<Integer>(blocks);
  const auto given = atlas::as_view<2>(values, {blocks.extent(0), blocks.extent(1)});
  CHECK(atlas::perplexity(model, given).loss == atlas::perplexity(model, blocks).loss);
  CHECK(atlas::loss_gradients(model, given, {.mean = false}).losses ==
        atlas::loss_gradients(model, blocks, {.mean = false}).losses);
  const atlas::token_batch_options options{
      .blocks = 2, .tokens_per_block = 10, .seed = 3, .step = 4};
  const auto batch = atlas::token_batch(values, options);
  const std::vector<atlas::index_t> plain(blocks.begin(), blocks.end());
  CHECK(std::ranges::equal(batch, atlas::token_batch(plain, options)));
}

/// A message of a call on blocks and on a stream that hold one token that is none.
template <class Integer>
void check_refused(const atlas::transformer& model, Integer wild, const char* got) {
  std::vector<Integer> tokens(40, Integer(1));
  tokens[17] = wild;
  const auto blocks = atlas::as_view<2>(tokens, {2, 20});
  CHECK_REFUSED(atlas::value_error, model.forward(blocks), "blocks: ", got);
  CHECK_REFUSED(atlas::value_error, atlas::perplexity(model, blocks), "blocks: ", got);
  CHECK_REFUSED(atlas::value_error, atlas::loss_gradients(model, blocks), "blocks: ", got);
  CHECK_REFUSED(atlas::value_error, atlas::trainer(model, tokens, {.tokens_per_block = 8}),
                "tokens: ", got);
}

}  // namespace

TEST_CASE("token blocks are of integers of any type, with the same bits") {
  const atlas::transformer model = micro("micro-gpt2");
  const auto blocks = some_blocks(3, 20);
  check_same_bits<int>(model, blocks);
  check_same_bits<std::uint32_t>(model, blocks);
  check_same_bits<std::size_t>(model, blocks);
  check_same_bits<std::int16_t>(model, blocks);
}

TEST_CASE("token blocks are of any container") {
  const atlas::transformer model = micro("micro-gpt2");
  const auto blocks = some_blocks(2, 6);
  const double wanted = atlas::perplexity(model, blocks).loss;
  std::vector<std::vector<int>> nested(2);
  for (atlas::index_t b = 0; b < 2; ++b)
    for (atlas::index_t t = 0; t < 6; ++t)
      nested[static_cast<std::size_t>(b)].push_back(static_cast<int>(blocks(b, t)));
  CHECK(atlas::perplexity(model, nested).loss == wanted);
  const Eigen::MatrixXi by_columns = atlas::as_eigen(blocks).cast<int>();
  CHECK(atlas::perplexity(model, by_columns).loss == wanted);
}

TEST_CASE("tokens that are negative or too large are refused by the argument's name") {
  const atlas::transformer model = micro("micro-gpt2");
  check_refused<int>(model, -1, "-1");
  check_refused<std::int64_t>(model, 1'000'000, "1000000");
  check_refused<std::uint64_t>(model, std::uint64_t{1} << 63, "9223372036854775808");
}
