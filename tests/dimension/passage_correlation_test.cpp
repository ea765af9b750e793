// SPDX-License-Identifier: MIT
#include "atlas/dimension/passage_correlation.hpp"

#include <Eigen/Core>
#include <cmath>
#include <vector>

#include "../catch.hpp"
#include "../messages.hpp"
#include "atlas/core/random.hpp"

using namespace atlas_test;

namespace {

struct walks {
  Eigen::MatrixXd points;
  std::vector<int> context, position;
  atlas::row_labels labels() const {
    return {atlas::detail::copy_labels(context, "context"),
            atlas::detail::copy_labels(position, "position")};
  }
};

/// Gaussian, autocorrelation `rho^lag` in every coordinate, of variances 1, 4, 9, ...
walks make_walks(int contexts, int rows, double rho, int step) {
  walks out{Eigen::MatrixXd(contexts * rows, 4), {}, {}};
  atlas::random_stream random(5);
  const double kept = std::pow(rho, step);
  for (int c = 0, n = 0; c < contexts; ++c)
    for (int i = 0; i < rows; ++i, ++n) {
      for (int k = 0; k < 4; ++k) {
        const double fresh = (k + 1) * random.normal();
        out.points(n, k) =
            i == 0 ? fresh : kept * out.points(n - 1, k) + std::sqrt(1 - kept * kept) * fresh;
      }
      out.context.push_back(c);
      out.position.push_back(step * i);
    }
  return out;
}

}  // namespace

TEST_CASE("the correlation length is that of the process") {
  for (const double rho : {0.8, 0.9}) {
    const walks x = make_walks(200, 60, rho, 1);
    const auto r = atlas::passage_correlation(x.points, x.labels());
    CHECK(r.contexts == 200);
    CHECK(r.fewest_rows == 60);
    CHECK(r.most_rows == 60);
    CHECK(r.length == Approx(-1 / std::log(rho)).epsilon(0.08));
    for (std::size_t b = 0; b < r.lags.size(); ++b)
      CHECK(r.values[b] == Approx(std::pow(rho, r.lags[b])).margin(0.06));
  }
}

TEST_CASE("rows far apart bound the correlation length, and independent ones have none") {
  const walks sparse = make_walks(300, 12, 0.9, 20);
  const auto r = atlas::passage_correlation(sparse.points, sparse.labels());
  CHECK(r.lags.front() == 20);
  CHECK(r.values.front() == Approx(std::pow(0.9, 20)).margin(0.05));
  CHECK(r.length < 20);
  walks apart = make_walks(300, 1, 0.9, 1);
  const auto none = atlas::passage_correlation(apart.points, apart.labels());
  CHECK(none.lags.empty());
  CHECK(std::isnan(none.length));
}

TEST_CASE("without positions there is one correlation for all pairs of a context") {
  const walks x = make_walks(400, 2, 0.7, 1);
  const auto r = atlas::passage_correlation(
      x.points, {.context = atlas::detail::copy_labels(x.context, "context")});
  REQUIRE(r.values.size() == 1);
  CHECK(r.values[0] == Approx(0.7).margin(0.08));
  CHECK(std::isnan(r.length));
}

TEST_CASE("passages that say nothing of themselves are refused") {
  walks x = make_walks(4, 5, 0.5, 1);
  const Eigen::MatrixXd equal = Eigen::MatrixXd::Ones(20, 3);
  CHECK_REFUSED(atlas::value_error, atlas::passage_correlation(equal, x.labels()), "points",
                "all rows equal");
  x.position[3] = x.position[2];
  CHECK_REFUSED(atlas::value_error, atlas::passage_correlation(x.points, x.labels()),
                "labels.position", "twice");
  x.context.pop_back();
  CHECK_REFUSED(atlas::shape_error, atlas::passage_correlation(x.points, x.labels()),
                "labels.context", "20");
}
