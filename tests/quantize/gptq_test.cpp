// SPDX-License-Identifier: MIT
#include "atlas/quantize/gptq.hpp"

#include <Eigen/Dense>
#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "../catch.hpp"
#include "../messages.hpp"
#include "../tolerances.hpp"
#include "atlas/quantize/block_fisher.hpp"
#include "layers_for_tests.hpp"

using namespace atlas_test;
using atlas::gptq_quantize;
using atlas::granularity;
using atlas::grid_kind;

namespace {

using long_matrix = Eigen::Matrix<long double, Eigen::Dynamic, Eigen::Dynamic>;

atlas::quantization<double> nearest(const Eigen::MatrixXd& w, const Eigen::MatrixXd& f,
                                    const atlas::grid_options& grid) {
  return atlas::block_fisher_quantize(w, f, {.basis = atlas::basis_kind::identity, .grid = grid});
}

/// Optimal brain quantization in a given order, as the textbook has it: the inverse of the Hessian
/// of what is left is updated by elimination, one weight at a time. Long double throughout.
Eigen::MatrixXi textbook_codes(const Eigen::MatrixXd& weights, const Eigen::MatrixXd& moments,
                               double damping, const std::vector<Eigen::Index>& order,
                               const atlas::quantization_grid<double>& grid) {
  const Eigen::Index d = weights.cols();
  long_matrix h = moments.cast<long double>();
  h.diagonal().array() += damping * moments.diagonal().mean();
  const long_matrix inverse = h.fullPivLu().inverse();
  Eigen::MatrixXi codes(weights.rows(), d);
  for (Eigen::Index r = 0; r < weights.rows(); ++r) {
    long_matrix left = inverse;
    Eigen::Matrix<long double, Eigen::Dynamic, 1> w =
        weights.row(r).transpose().cast<long double>();
    for (const Eigen::Index c : order) {
      const auto cell = atlas::detail::cell_of(grid, r, c);
      codes(r, c) = cell.code(static_cast<double>(w(c)));
      const long double error =
          w(c) - static_cast<long double>(cell.value(static_cast<std::int8_t>(codes(r, c))));
      w -= error / left(c, c) * left.col(c);
      left -= (left.col(c) * left.row(c) / left(c, c)).eval();
    }
  }
  return codes;
}

std::vector<Eigen::Index> in_order(Eigen::Index d) {
  std::vector<Eigen::Index> order(static_cast<std::size_t>(d));
  std::iota(order.begin(), order.end(), 0);
  return order;
}

}  // namespace

TEST_CASE("GPTQ gives the codes of the textbook recursion, whatever its blocks") {
  const Eigen::MatrixXd w = normal_cloud(9, 40), f = layer_moments(40);
  for (const auto shared : {granularity::row, granularity::tensor, granularity::column})
    for (const auto kind : {grid_kind::symmetric, grid_kind::asymmetric})
      for (const bool act_order : {false, true}) {
        auto order = in_order(40);
        if (act_order)
          std::sort(order.begin(), order.end(), [&](auto a, auto b) { return f(a, a) > f(b, b); });
        for (const atlas::index_t block : {1, 7, 16, 128}) {
          const auto q = gptq_quantize(w, f,
                                       {.grid = {.bits = 3, .kind = kind, .granularity = shared},
                                        .act_order = act_order,
                                        .columns_per_block = block});
          CHECK(q.codes.cast<int>() == textbook_codes(w, f, q.repairs.damping, order, q.grid));
        }
      }
}

TEST_CASE("with inputs that are uncorrelated GPTQ is round to nearest") {
  const Eigen::MatrixXd w = normal_cloud(9, 40);
  const Eigen::MatrixXd f = normal_cloud(40, 1).cwiseAbs2().asDiagonal();
  for (const bool act_order : {false, true})
    CHECK(gptq_quantize(w, f, {.act_order = act_order}).codes ==
          nearest(w, f, {.granularity = granularity::row}).codes);
}

TEST_CASE("GPTQ lies between round to nearest and the best of all roundings") {
  const Eigen::MatrixXd w = normal_cloud(20, 5), f = layer_moments(5);
  const auto q = gptq_quantize(w, f, {.grid = {.bits = 2, .granularity = granularity::row}});
  double best = 0;
  for (int r = 0; r < 20; ++r) {
    double least = std::numeric_limits<double>::infinity();
    for (int code = 0; code < 243; ++code) {
      Eigen::RowVectorXd e = w.row(r);
      for (int c = 0, rest = code; c < 5; ++c, rest /= 3)
        e(c) -= (rest % 3 - 1) * q.grid.scales(r, 0);
      least = std::min(least, weighted_norm(e, f));
    }
    best += least;
  }
  best /= weighted_norm(w, f);
  const double plain = nearest(w, f, {.bits = 2, .granularity = granularity::row}).errors.output;
  CHECK(q.errors.output >= best * (1 - 1e-12));
  CHECK(q.errors.output < plain);
}

TEST_CASE("the output error of GPTQ is below that of round to nearest at 2 to 4 bits") {
  for (const auto& [out, in] : {std::pair{64, 192}, {200, 96}, {96, 200}})
    for (int bits = 2; bits <= 4; ++bits)
      for (const auto shared :
           {granularity::tensor, granularity::column, granularity::row, granularity::group}) {
        CAPTURE(out, in, bits, static_cast<int>(shared));
        const Eigen::MatrixXd w = normal_cloud(out, in), f = layer_moments(in);
        const atlas::grid_options grid{.bits = bits, .granularity = shared, .inputs_per_scale = 32};
        const double plain = nearest(w, f, grid).errors.output;
        CHECK(gptq_quantize(w, f, {.grid = grid}).errors.output <= plain);
        CHECK(gptq_quantize(w, f, {.grid = grid, .act_order = true}).errors.output <= plain);
      }
}

TEMPLATE_TEST_CASE("results do not depend on threads, blocks or storage, and dequantize exactly",
                   "", float, double) {
  const Eigen::Matrix<TestType, -1, -1> w = normal_cloud(150, 70).cast<TestType>();
  const Eigen::MatrixXd f = layer_moments(70);
  for (const auto shared : {granularity::row, granularity::group})
    for (const bool act_order : {false, true}) {
      const atlas::grid_options grid{.bits = 3, .granularity = shared, .inputs_per_scale = 20};
      const auto one = gptq_quantize(w, f, {.grid = grid, .act_order = act_order, .threads = 1});
      const auto three = gptq_quantize(w, f, {.grid = grid, .act_order = act_order, .threads = 3});
      CHECK(one.codes == three.codes);
      CHECK(one.weights == three.weights);
      CHECK(one.errors.output == three.errors.output);
      CHECK(atlas::dequantize(three, {.threads = 1}) == three.weights);
      const atlas::row_matrix<TestType> rows = w;
      CHECK(gptq_quantize(rows, f, {.grid = grid, .act_order = act_order}).codes == one.codes);
    }
}

TEST_CASE("scales of groups are fitted to the weights as they are when the group is reached") {
  // With groups as long as a block, the second group sees exactly what the first passed on.
  const Eigen::MatrixXd w = normal_cloud(6, 16), f = layer_moments(16);
  const atlas::grid_options grid{
      .bits = 3, .granularity = granularity::group, .inputs_per_scale = 8};
  const auto q = gptq_quantize(w, f, {.grid = grid});
  Eigen::MatrixXd h = f;
  h.diagonal().array() += 0.01 * f.diagonal().mean();
  // The optimum of the last eight given the first: w_2 - e_1 H_12 ... in closed form.
  const Eigen::MatrixXd error = w.leftCols(8) - q.weights.leftCols(8);
  const Eigen::MatrixXd moved =
      w.rightCols(8) + error * h.topRightCorner(8, 8) * h.bottomRightCorner(8, 8).inverse();
  for (int r = 0; r < 6; ++r)
    CHECK(q.grid.scales(r, 1) == Approx(moved.row(r).cwiseAbs().maxCoeff() / 3));
  for (const atlas::index_t block : {1, 5, 8, 100})
    CHECK(gptq_quantize(w, f, {.grid = grid, .columns_per_block = block}).codes == q.codes);
}

TEST_CASE("singular and indefinite second moments are damped, and it is said") {
  const Eigen::MatrixXd w = normal_cloud(12, 30);
  const Eigen::MatrixXd inputs = layer_inputs(10, 30);  // rank 10 of 30
  const Eigen::MatrixXd singular = inputs.transpose() * inputs / 10;
  const auto usual = gptq_quantize(w, singular);
  CHECK(usual.repairs.damping == 0.01);
  CHECK(usual.repairs.damping_attempts == 1);
  const auto none = gptq_quantize(w, singular, {.damping = 0});
  CHECK(none.repairs.damping > 0);
  CHECK(none.repairs.damping_attempts > 1);
  CHECK(none.weights.allFinite());
  CHECK(gptq_quantize(w, layer_moments(30), {.damping = 0}).repairs.damping == 0);
  // Inputs in other units are not singular.
  const Eigen::VectorXd units =
      Eigen::VectorXd::LinSpaced(30, -9, 9).unaryExpr([](double x) { return std::pow(10, x); });
  const Eigen::MatrixXd scaled = units.asDiagonal() * layer_moments(30) * units.asDiagonal();
  CHECK(gptq_quantize(w, scaled, {.damping = 0}).repairs.damping == 0);

  const Eigen::MatrixXd turn = rotation(30);
  Eigen::VectorXd values = Eigen::VectorXd::LinSpaced(30, -0.5, 3);
  const Eigen::MatrixXd indefinite = turn * values.asDiagonal() * turn.transpose();
  const auto q = gptq_quantize(w, indefinite);
  CHECK(q.repairs.damping * indefinite.diagonal().mean() > 0.5);
  CHECK(q.repairs.damping_attempts > 1);
  CHECK(q.weights.allFinite());
}

TEST_CASE("inputs that are always zero are rounded to nearest and change nothing else") {
  const Eigen::MatrixXd w = normal_cloud(12, 30);
  Eigen::MatrixXd f = layer_moments(30);
  f.row(7).setZero();
  f.col(7).setZero();
  for (const bool act_order : {false, true}) {
    const auto q =
        gptq_quantize(w, f, {.grid = {.granularity = granularity::tensor}, .act_order = act_order});
    CHECK(q.repairs.dead_columns == 1);
    CHECK(q.codes.col(7) == nearest(w, f, {.granularity = granularity::tensor}).codes.col(7));
  }
}

TEST_CASE("zero columns of the weights stay on the grid") {
  Eigen::MatrixXd w = normal_cloud(12, 30);
  w.col(3).setZero();
  w.row(5).setZero();
  const auto q = gptq_quantize(w, layer_moments(30), {.grid = {.bits = 2}});
  CHECK(q.weights.allFinite());
  CHECK(q.weights.col(3).isZero(0));  // its grid, per column, has a single point
}

TEST_CASE("what GPTQ cannot use is refused") {
  Eigen::MatrixXd w = normal_cloud(3, 4);
  const Eigen::MatrixXd f = layer_moments(4);
  CHECK_REFUSED(atlas::value_error, (gptq_quantize(w, f, {.grid = {.bits = 1}})), "bits", "1");
  CHECK_REFUSED(atlas::value_error, (gptq_quantize(w, f, {.damping = -1})), "damping", "-1");
  CHECK_REFUSED(atlas::value_error, (gptq_quantize(w, f, {.damping = NAN})), "damping", "NaN");
  CHECK_REFUSED(atlas::value_error, (gptq_quantize(w, f, {.columns_per_block = 0})),
                "columns_per_block", "0");
  CHECK_REFUSED(atlas::shape_error, gptq_quantize(w, layer_moments(3)), "second_moments",
                "[4, 4], got [3, 3]");
  CHECK_REFUSED(atlas::value_error, gptq_quantize(w, (-f).eval()), "second_moments",
                "positive trace");
  w(0, 0) = std::numeric_limits<double>::quiet_NaN();
  CHECK_REFUSED(atlas::value_error, gptq_quantize(w, f), "weights", "NaN at [0, 0]");
}
