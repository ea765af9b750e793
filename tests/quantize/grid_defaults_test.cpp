// SPDX-License-Identifier: MIT
/// Naming one field of nested options leaves the defaults of the others.
#include <Eigen/Dense>

#include "../catch.hpp"
#include "atlas/quantize/kronecker.hpp"
#include "atlas/quantize/pareto.hpp"
#include "atlas/quantize/quantize_matrix.hpp"
#include "atlas/quantize/uncertainty.hpp"
#include "layers_for_tests.hpp"

using namespace atlas_test;
using atlas::granularity;

namespace {

constexpr atlas::grid_options by_row{.bits = 3, .granularity = granularity::row};
constexpr atlas::grid_options by_column{.bits = 3, .granularity = granularity::column};

}  // namespace

TEST_CASE("naming the bits leaves a scale per row to AWQ, GPTQ and LDLQ") {
  const Eigen::MatrixXd w = normal_cloud(24, 36), f = layer_moments(36);
  const auto awq = atlas::awq_quantize(w, f, {.grid = {.bits = 3}});
  CHECK(awq.codes == atlas::awq_quantize(w, f, {.grid = by_row}).codes);
  CHECK(awq.awq_exponent > 0);
  CHECK(awq.errors.output < atlas::block_fisher_quantize(
                                w, f, {.basis = atlas::basis_kind::identity, .grid = by_column})
                                .errors.output);
  const auto gptq = atlas::gptq_quantize(w, f, {.grid = {.bits = 3}});
  CHECK(gptq.grid.scales.rows() == 24);
  CHECK(gptq.codes == atlas::gptq_quantize(w, f, {.grid = by_row}).codes);
  const auto ldlq = atlas::ldlq_quantize(w, f, {.grid = {.bits = 3}});
  CHECK(ldlq.grid.scales.rows() == 24);
  CHECK(ldlq.codes == atlas::ldlq_quantize(w, f, {.grid = by_row}).codes);
}

TEST_CASE("naming the bits leaves a scale per column to the others") {
  const Eigen::MatrixXd w = normal_cloud(24, 36), f = layer_moments(36), g = layer_moments(24, 21);
  CHECK(atlas::block_fisher_quantize(w, f, {.grid = {.bits = 3}}).codes ==
        atlas::block_fisher_quantize(w, f, {.grid = by_column}).codes);
  CHECK(atlas::kronecker_quantize(w, f, g, {.grid = {.bits = 3}}).quantization.codes ==
        atlas::kronecker_quantize(w, f, g, {.grid = by_column}).quantization.codes);
  const Eigen::MatrixXd x = layer_inputs(50, 36);
  const auto named = atlas::fisher_pareto(
      w, x, layer_moments(36, 5), f,
      {.steps = 2, .weight_grid = {.bits = 3}, .activation_grid = {.bits = 3}});
  const auto whole =
      atlas::fisher_pareto(w, x, layer_moments(36, 5), f,
                           {.steps = 2, .weight_grid = by_column, .activation_grid = by_column});
  for (std::size_t i = 0; i < 2; ++i) CHECK(named.points[i].product == whole.points[i].product);
}

TEST_CASE("naming the seed leaves the draws of the uncertainty's references") {
  const Eigen::MatrixXd f = layer_moments(10), g = layer_moments(10, 5);
  const auto r = atlas::fisher_uncertainty(f, g, {.k = 3, .seed = 8, .threads = 1});
  const auto wanted = atlas::haar_overlap(10, 3, {.draws = 2000, .seed = 8});
  CHECK(r.random.mean == wanted.mean);
  CHECK(r.random.standard_error == wanted.standard_error);
  const auto more = atlas::fisher_uncertainty(f, g, {.k = 3, .haar_draws = 300, .seed = 8});
  CHECK(more.commutator.random_mean == r.commutator.random_mean);
  CHECK(more.random.mean == atlas::haar_overlap(10, 3, {.draws = 300, .seed = 8}).mean);
}
