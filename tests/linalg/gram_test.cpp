// SPDX-License-Identifier: MIT
#include "atlas/linalg/gram.hpp"

#include <Eigen/Dense>

#include "../catch.hpp"
#include "../clouds_for_tests.hpp"
#include "../tolerances.hpp"
#include "atlas/linalg/row_matrix.hpp"

using namespace atlas_test;
using atlas::index_t;

TEST_CASE("the product of a tall matrix with itself is added to the lower triangle") {
  for (const index_t columns : {8, 16, 24, 40, 72})
    for (const index_t rows : {1, 7, 100}) {
      CAPTURE(columns, rows);
      const atlas::row_matrix<double> x = normal_cloud(rows, columns);
      const Eigen::MatrixXd before = normal_cloud(columns, columns, 2);
      Eigen::MatrixXd out = before;
      atlas::detail::add_gram(x.data(), rows, columns, out.data());
      for (index_t c = 0; c < columns; ++c)
        for (index_t r = c; r < columns; ++r) {
          long double sum = before(r, c);
          for (index_t i = 0; i < rows; ++i) sum += static_cast<long double>(x(i, r)) * x(i, c);
          CHECK(out(r, c) == Approx(static_cast<double>(sum)).margin(tolerance::double_rounding));
        }
    }
}
