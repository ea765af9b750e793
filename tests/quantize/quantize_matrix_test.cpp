// SPDX-License-Identifier: MIT
#include "atlas/quantize/quantize_matrix.hpp"

#include <Eigen/Dense>
#include <limits>
#include <set>
#include <string>

#include "../catch.hpp"
#include "../messages.hpp"
#include "layers_for_tests.hpp"

using namespace atlas_test;
using atlas::quantization_method;
using atlas::quantize_matrix;

TEMPLATE_TEST_CASE("every method keeps the promises of all", "", float, double) {
  const Eigen::Matrix<TestType, -1, -1> w = normal_cloud(48, 72).cast<TestType>();
  const Eigen::MatrixXd f = layer_moments(72);
  std::set<std::string> names;
  for (const auto method : atlas::all_quantization_methods)
    for (const int bits : {2, 4, 8}) {
      CAPTURE(std::string(atlas::name_of(method)), bits);
      names.insert(std::string(atlas::name_of(method)));
      const auto one = quantize_matrix(w, f, {.method = method, .bits = bits, .threads = 1});
      const auto three = quantize_matrix(w, f, {.method = method, .bits = bits, .threads = 3});
      CHECK(one.weights == three.weights);
      CHECK(one.codes == three.codes);
      CHECK(one.errors.weights == three.errors.weights);
      CHECK(one.errors.output == three.errors.output);
      CHECK(atlas::dequantize(one, {.threads = 2}) == one.weights);
      CHECK(one.codes.template cast<int>().cwiseAbs().maxCoeff() <= (1 << (bits - 1)) - 1);
      CHECK(one.errors.output > 0);
      CHECK(one.errors.output < 1);
      CHECK(one.effective_rank.second_moments > 1);
    }
  CHECK(names.size() == atlas::all_quantization_methods.size());
}

TEST_CASE("methods are what they are called") {
  const Eigen::MatrixXd w = normal_cloud(48, 72), f = layer_moments(72);
  using m = quantization_method;
  const auto codes = [&](m method) {
    return quantize_matrix(w, f, {.method = method, .bits = 3, .seed = 4}).codes;
  };
  using atlas::basis_kind;
  const auto in_basis = [&](basis_kind basis, bool lambda = false) {
    return atlas::block_fisher_quantize(
               w, f, {.basis = basis, .grid = {.bits = 3}, .lambda_scales = lambda, .seed = 4})
        .codes;
  };
  CHECK(codes(m::identity) == in_basis(basis_kind::identity));
  CHECK(codes(m::random) == in_basis(basis_kind::random_orthogonal));
  CHECK(codes(m::hadamard) == in_basis(basis_kind::hadamard));
  CHECK(codes(m::fisher) == in_basis(basis_kind::fisher));
  CHECK(codes(m::fisher_lambda) == in_basis(basis_kind::fisher, true));
  const Eigen::MatrixXd diagonal = f.diagonal().transpose();
  CHECK(codes(m::diagonal) == atlas::diagonal_fisher_quantize(w, diagonal, f, {.bits = 3}).codes);
  const atlas::grid_options column{.bits = 3, .granularity = atlas::granularity::column},
      row{.bits = 3, .granularity = atlas::granularity::row};
  CHECK(codes(m::gptq) == atlas::gptq_quantize(w, f, {.grid = column}).codes);
  CHECK(codes(m::gptq_act_order) ==
        atlas::gptq_quantize(w, f, {.grid = column, .act_order = true}).codes);
  CHECK(codes(m::awq) == atlas::awq_quantize(w, f, {.grid = row}).codes);
  CHECK(codes(m::ldlq) == codes(m::gptq));
  CHECK(codes(m::quip) ==
        atlas::ldlq_quantize(
            w, f, {.grid = column, .incoherence = basis_kind::hadamard, .rescale = true, .seed = 4})
            .codes);
}

TEST_CASE("granularity, groups and averages are passed on") {
  const Eigen::MatrixXd w = normal_cloud(48, 72), f = layer_moments(72);
  for (const auto method : atlas::all_quantization_methods) {
    if (method == quantization_method::fisher_lambda || method == quantization_method::diagonal)
      continue;  // their steps are given
    const auto q = quantize_matrix(
        w, f, {.method = method, .granularity = atlas::granularity::group, .inputs_per_scale = 30});
    CHECK(q.grid.scales.rows() == 48);
    CHECK(q.grid.scales.cols() == 3);
  }
  const auto filled = quantize_matrix(w, f, {.average_bits = 3.5});
  CHECK(filled.grid.bits.size() == 72);
  CHECK(filled.errors.output < quantize_matrix(w, f, {.bits = 4}).errors.output);
}

TEST_CASE("bits can be allocated where directions have neither scales nor an order of their own") {
  using m = quantization_method;
  std::set<m> can;
  for (const auto method : atlas::all_quantization_methods)
    if (atlas::can_allocate_bits(method)) can.insert(method);
  CHECK(can == std::set<m>{m::identity, m::random, m::hadamard, m::fisher});
  const Eigen::MatrixXd w = normal_cloud(6, 8), f = layer_moments(8);
  const auto none = static_cast<m>(99);
  CHECK_REFUSED(atlas::value_error, atlas::name_of(none), "method", "99");
  CHECK_REFUSED(atlas::value_error, (quantize_matrix(w, f, {.method = none})), "method", "99");
}

TEST_CASE("every method refuses what it cannot use") {
  const Eigen::MatrixXd w = normal_cloud(6, 8), f = layer_moments(8);
  Eigen::MatrixXd bad = w, spoilt = f;
  bad(3, 2) = std::numeric_limits<double>::quiet_NaN();
  spoilt(1, 1) = std::numeric_limits<double>::quiet_NaN();
  for (const auto method : atlas::all_quantization_methods) {
    CAPTURE(std::string(atlas::name_of(method)));
    for (const int bits : {-1, 0, 1, 9, 40})
      CHECK_REFUSED(atlas::value_error, (quantize_matrix(w, f, {.method = method, .bits = bits})),
                    "bits", "from 2 to 8, got " + std::to_string(bits));
    CHECK_REFUSED(atlas::value_error, (quantize_matrix(bad, f, {.method = method})), "weights",
                  "NaN at [3, 2]");
    CHECK_REFUSED(atlas::value_error, (quantize_matrix(w, spoilt, {.method = method})),
                  "second_moments", "NaN at [1, 1]");
    CHECK_REFUSED(atlas::shape_error, (quantize_matrix(w, layer_moments(6), {.method = method})),
                  "second_moments", "[8, 8], got [6, 6]");
    if (!atlas::can_allocate_bits(method))
      CHECK_REFUSED(atlas::value_error,
                    (quantize_matrix(w, f, {.method = method, .average_bits = 3})), "average_bits",
                    std::string(atlas::name_of(method)));
  }
  CHECK_REFUSED(
      atlas::value_error,
      (quantize_matrix(
          w, f, {.method = quantization_method::diagonal, .kind = atlas::grid_kind::asymmetric})),
      "kind", "symmetric");
}

TEST_CASE("layers of one weight, one row or one column") {
  for (const auto method : atlas::all_quantization_methods)
    for (const auto& [out, in] : {std::pair{1, 1}, {1, 7}, {7, 1}}) {
      CAPTURE(std::string(atlas::name_of(method)), out, in);
      const auto q = quantize_matrix(normal_cloud(out, in), layer_moments(in), {.method = method});
      CHECK(q.weights.allFinite());
      // Steps by lambda clip a column's largest weight to a quarter of it at the most.
      CHECK(q.errors.output <= 0.75 * 0.75);
    }
}
