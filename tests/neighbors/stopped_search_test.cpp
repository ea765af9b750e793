// SPDX-License-Identifier: MIT
#include <Eigen/Dense>
#include <algorithm>
#include <cmath>
#include <memory>
#include <stdexcept>
#include <utility>
#include <vector>

#include "../catch.hpp"
#include "../clouds_for_tests.hpp"
#include "atlas/neighbors/nearest_neighbors.hpp"

using namespace atlas_test;

namespace {

using cloud_view = atlas::tensor_view<const float, 2>;

/// Runs a search that is stopped in its middle, on this thread, and then one that is not.
template <class MakeSearch>
atlas::neighbor_table after_stops(const MakeSearch& make, int threads) {
  const auto run = [&](const atlas::progress_callback& on_progress) {
    return atlas::detail::run_search(*make(), threads, on_progress);
  };
  atlas::index_t steps = 0;
  run([&](const atlas::progress& p) {
    steps = p.total;
    return true;
  });
  REQUIRE(steps > 1);
  CHECK_THROWS_AS(run([&](const atlas::progress& p) { return p.done < steps / 2; }),
                  atlas::cancelled);
  CHECK_THROWS_AS(run([&](const atlas::progress& p) -> bool {
                    if (p.done < steps / 2) return true;
                    throw std::runtime_error("stop");
                  }),
                  std::runtime_error);
  return run({});
}

/// Squared distances to the k nearest rows, in long double.
bool right(const atlas::neighbor_table& table, const Eigen::MatrixXf& x, atlas::index_t k) {
  for (atlas::index_t i = 0; i < x.rows(); i += 41) {
    std::vector<long double> squares;
    for (atlas::index_t j = 0; j < x.rows(); ++j)
      if (j != i)
        squares.push_back(
            (x.row(i).cast<long double>() - x.row(j).cast<long double>()).squaredNorm());
    std::sort(squares.begin(), squares.end());
    for (atlas::index_t n = 0; n < k; ++n) {
      const auto wanted = static_cast<double>(std::sqrt(squares[static_cast<std::size_t>(n)]));
      if (std::abs(table.distances(i, n) - wanted) > 1e-12 * wanted) return false;
    }
  }
  return true;
}

}  // namespace

TEST_CASE("a search that was stopped leaves nothing to the next on its thread") {
  const Eigen::MatrixXf x = swiss_roll(3000).cast<float>();
  const auto held = atlas::as_view<2>(x);
  const cloud_view& points = held;
  const auto centring = atlas::detail::find_centring(points, 1);
  const atlas::index_t k = 4;
  for (const int threads : {1, 3}) {
    INFO(threads << " threads");
    const atlas::neighbor_options options{.k = k, .threads = threads};
    const atlas::neighbor_options blocks{.k = k, .threads = 4};  // one block on one thread
    CHECK(right(after_stops(
                    [&] {
                      return std::make_unique<atlas::detail::block_search<float>>(points, centring,
                                                                                  blocks);
                    },
                    threads),
                x, k));
    CHECK(right(after_stops(
                    [&] {
                      auto axes = atlas::detail::find_leading_axes(
                          atlas::detail::sample_rows(points, centring), points.extent(1));
                      return std::make_unique<atlas::detail::tree_search<float>>(
                          points, centring, options, std::move(axes));
                    },
                    threads),
                x, k));
    using cells = atlas::detail::cell_search<float, atlas::detail::float_shortlist<float>>;
    CHECK(right(
        after_stops([&] { return std::make_unique<cells>(points, centring, options); }, threads), x,
        k));
  }
}

TEST_CASE("rows that are compared one by one tell how far they are and can be stopped") {
  Eigen::MatrixXd x = 0x1p-560 * normal_cloud(60, 3);
  x(0, 0) = 1;
  std::vector<atlas::progress> told;
  const auto plain = atlas::nearest_neighbors(x, {.threads = 1});
  const auto found =
      atlas::nearest_neighbors(x, {.threads = 2, .on_progress = [&](const atlas::progress& p) {
                                     if (p.stage == "close rows") told.push_back(p);
                                     return true;
                                   }});
  REQUIRE(told.size() == 59);
  CHECK(told.back().done == 59);
  CHECK(told.back().total == 59);
  CHECK(std::equal(plain.indices.data(), plain.indices.data() + plain.indices.size(),
                   found.indices.data()));
  CHECK_THROWS_AS(atlas::nearest_neighbors(x, {.on_progress =
                                                   [](const atlas::progress& p) {
                                                     return p.stage != "close rows" || p.done < 5;
                                                   }}),
                  atlas::cancelled);
}
