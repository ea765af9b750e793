// SPDX-License-Identifier: MIT
#include "atlas/quantize/grid.hpp"

#include <Eigen/Dense>
#include <cmath>
#include <limits>

#include "../catch.hpp"
#include "../messages.hpp"
#include "layers_for_tests.hpp"

using namespace atlas_test;
using atlas::granularity;
using atlas::grid_kind;
using atlas::grid_options;
using atlas::row_matrix;

namespace {

row_matrix<double> rounded(const row_matrix<double>& w, const grid_options& options) {
  const auto grid = atlas::detail::fitted_grid(w, options);
  return atlas::detail::code_values(atlas::detail::nearest_codes(w, grid, 1), grid, 1);
}

}  // namespace

TEST_CASE("a symmetric grid has its levels, rounds half to even and clamps") {
  // 3 bits: levels -3 .. 3 and, with a maximum of 3, a step of 1.
  const row_matrix<double> w =
      (row_matrix<double>(1, 8) << 3, 0.5, 1.5, 2.5, -0.5, -1.5, 0.49, -3).finished();
  const auto grid = atlas::detail::fitted_grid(w, {.bits = 3, .granularity = granularity::tensor});
  CHECK(grid.scales(0, 0) == 1);
  const auto codes = atlas::detail::nearest_codes(w, grid, 1);
  const int wanted[] = {3, 0, 2, 2, 0, -2, 0, -3};
  for (int i = 0; i < 8; ++i) CHECK(codes(0, i) == wanted[i]);
  const auto cell = atlas::detail::cell_of(grid, 0, 0);
  CHECK(cell.code(1e300) == 3);
  CHECK(cell.code(-1e300) == -3);
}

TEST_CASE("an asymmetric grid reaches both extremes and keeps 0 exact") {
  for (int bits = 2; bits <= 8; ++bits) {
    const row_matrix<double> w = normal_cloud(7, 40, 3).array() + 1.5;
    for (const auto shared : {granularity::tensor, granularity::row, granularity::column}) {
      const grid_options options{
          .bits = bits, .kind = grid_kind::asymmetric, .granularity = shared};
      const auto grid = atlas::detail::fitted_grid(w, options);
      for (int r = 0; r < 7; ++r)
        for (int c = 0; c < 40; ++c) {
          const auto cell = atlas::detail::cell_of(grid, r, c);
          CHECK(cell.value(cell.code(0.0)) == 0);
          CHECK(std::abs(cell.value(cell.code(w(r, c))) - w(r, c)) <= cell.scale * 1.0000001);
        }
    }
  }
}

TEST_CASE("nothing on a grid is nearer than what was chosen") {
  const row_matrix<double> w = normal_cloud(5, 37);
  for (const auto kind : {grid_kind::symmetric, grid_kind::asymmetric})
    for (const auto shared :
         {granularity::tensor, granularity::column, granularity::row, granularity::group}) {
      const auto grid = atlas::detail::fitted_grid(
          w, {.bits = 3, .kind = kind, .granularity = shared, .inputs_per_scale = 10});
      for (int r = 0; r < 5; ++r)
        for (int c = 0; c < 37; ++c) {
          const auto cell = atlas::detail::cell_of(grid, r, c);
          double least = std::numeric_limits<double>::infinity();
          for (int code = static_cast<int>(cell.low); code <= static_cast<int>(cell.high); ++code)
            least = std::min(least, std::abs(cell.value(static_cast<std::int8_t>(code)) - w(r, c)));
          CHECK(std::abs(cell.value(cell.code(w(r, c))) - w(r, c)) <= least * (1 + 1e-12));
        }
    }
}

TEST_CASE("scales have the shape of what shares them") {
  const row_matrix<double> w = normal_cloud(6, 25);
  const auto shape = [&](granularity shared) {
    const auto grid =
        atlas::detail::fitted_grid(w, {.granularity = shared, .inputs_per_scale = 10});
    return std::pair(grid.scales.rows(), grid.scales.cols());
  };
  CHECK(shape(granularity::tensor) == std::pair<atlas::index_t, atlas::index_t>(1, 1));
  CHECK(shape(granularity::column) == std::pair<atlas::index_t, atlas::index_t>(1, 25));
  CHECK(shape(granularity::row) == std::pair<atlas::index_t, atlas::index_t>(6, 1));
  CHECK(shape(granularity::group) == std::pair<atlas::index_t, atlas::index_t>(6, 3));
  const auto grid =
      atlas::detail::fitted_grid(w, {.granularity = granularity::group, .inputs_per_scale = 10});
  CHECK(grid.scales(2, 2) == Approx(w.row(2).tail(5).cwiseAbs().maxCoeff() / 7));
}

TEST_CASE("groups as long as a row are rows, and of one weight exact") {
  const row_matrix<double> w = normal_cloud(6, 25);
  CHECK(rounded(w, {.granularity = granularity::group, .inputs_per_scale = 25}) ==
        rounded(w, {.granularity = granularity::row}));
  CHECK(rounded(w, {.granularity = granularity::group, .inputs_per_scale = 1000}) ==
        rounded(w, {.granularity = granularity::row}));
  const row_matrix<double> exact =
      rounded(w, {.granularity = granularity::group, .inputs_per_scale = 1});
  CHECK(relative_norm(exact - w, w) < 1e-15);
}

TEST_CASE("round to nearest does not mind the order of rows and columns") {
  const row_matrix<double> w = normal_cloud(9, 12);
  Eigen::PermutationMatrix<Eigen::Dynamic> rows(9), columns(12);
  rows.setIdentity();
  columns.setIdentity();
  for (int i = 0; i < 4; ++i) rows.applyTranspositionOnTheLeft(i, 8 - i);
  for (int i = 0; i < 9; ++i) columns.applyTranspositionOnTheLeft(i, (5 * i + 3) % 12);
  for (const auto shared : {granularity::tensor, granularity::column, granularity::row}) {
    const row_matrix<double> moved = rows * w * columns;
    const row_matrix<double> wanted = rows * rounded(w, {.granularity = shared}) * columns;
    CHECK(rounded(moved, {.granularity = shared}) == wanted);
  }
}

TEST_CASE("columns of zeros stay zero, and tiny weights do not make NaN") {
  row_matrix<float> w = normal_cloud(4, 6).cast<float>();
  w.col(2).setZero();
  w.col(3).setConstant(std::numeric_limits<float>::denorm_min());
  for (const auto kind : {grid_kind::symmetric, grid_kind::asymmetric}) {
    const auto grid = atlas::detail::fitted_grid(w, {.kind = kind});
    const auto values =
        atlas::detail::code_values(atlas::detail::nearest_codes(w, grid, 1), grid, 1);
    CHECK(values.col(2).isZero(0));
    CHECK(values.allFinite());
  }
}

TEST_CASE("grids that are none are refused") {
  const row_matrix<double> w = normal_cloud(2, 3);
  CHECK_REFUSED(atlas::value_error, (atlas::detail::fitted_grid(w, {.bits = 1})), "bits",
                "from 2 to 8, got 1");
  CHECK_REFUSED(atlas::value_error, (atlas::detail::fitted_grid(w, {.bits = 9})), "bits", "9");
  CHECK_REFUSED(
      atlas::value_error,
      (atlas::detail::fitted_grid(w, {.granularity = granularity::group, .inputs_per_scale = 0})),
      "inputs_per_scale", "0");
}
