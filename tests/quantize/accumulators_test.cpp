// SPDX-License-Identifier: MIT
#include <Eigen/Dense>
#include <cmath>
#include <limits>
#include <thread>
#include <vector>

#include "../catch.hpp"
#include "../messages.hpp"
#include "../tolerances.hpp"
#include "atlas/quantize/diagonal_fisher_accumulator.hpp"
#include "atlas/quantize/second_moment_accumulator.hpp"
#include "atlas/quantize/weight_fisher_accumulator.hpp"
#include "layers_for_tests.hpp"

using namespace atlas_test;
using atlas::diagonal_fisher_accumulator;
using atlas::second_moment_accumulator;
using atlas::weight_fisher_accumulator;

namespace {

second_moment_accumulator accumulated(const Eigen::MatrixXd& rows, Eigen::Index batch,
                                      int threads = 0) {
  second_moment_accumulator sums(rows.cols());
  for (Eigen::Index i = 0; i < rows.rows(); i += batch)
    sums.add(rows.middleRows(i, std::min(batch, rows.rows() - i)), {.threads = threads});
  return sums;
}

/// Gradients of n samples, `[out, in]` each.
std::vector<Eigen::MatrixXd> gradients(int n, int out, int in) {
  std::vector<Eigen::MatrixXd> all;
  for (int i = 0; i < n; ++i)
    all.push_back(normal_cloud(out, in, 40 + static_cast<std::uint64_t>(i)) * (1 + i % 3));
  return all;
}

}  // namespace

TEST_CASE("second moments are those of long double sums") {
  const Eigen::MatrixXd rows = layer_inputs(700, 13);
  const Eigen::MatrixXd m = accumulated(rows, 64).matrix();
  for (int a = 0; a < 13; ++a)
    for (int b = 0; b < 13; ++b) {
      long double sum = 0;
      for (int i = 0; i < 700; ++i)
        sum += static_cast<long double>(rows(i, a)) * static_cast<long double>(rows(i, b));
      CHECK(m(a, b) == Approx(static_cast<double>(sum / 700)).margin(1e-12 * m.norm()));
    }
  CHECK(m == m.transpose());
}

TEST_CASE("batches and threads do not change a bit") {
  const Eigen::MatrixXd rows = layer_inputs(1000, 300);
  const Eigen::MatrixXd whole = accumulated(rows, 1000, 1).matrix();
  for (const Eigen::Index batch : {1, 37, 256, 512})
    for (const int threads : {1, 3}) {
      const auto sums = accumulated(rows, batch, threads);
      CHECK(sums.matrix({threads}) == whole);
      CHECK(sums.count() == 1000);
    }
  const atlas::row_matrix<double> other = rows;
  second_moment_accumulator sums(300);
  sums.add(other);
  CHECK(sums.matrix() == whole);
}

TEST_CASE("looking at the moments does not disturb them") {
  const Eigen::MatrixXd rows = layer_inputs(500, 9);
  second_moment_accumulator sums(9);
  sums.add(rows.topRows(100));
  (void)sums.matrix();
  sums.add(rows.bottomRows(400));
  CHECK(sums.matrix() == accumulated(rows, 500).matrix());
}

TEST_CASE("accumulators of threads merge in a fixed order to the same bits") {
  const Eigen::MatrixXd rows = layer_inputs(900, 40);
  const auto merged = [&] {
    std::vector<second_moment_accumulator> parts(3, second_moment_accumulator(40));
    std::vector<std::thread> threads;
    for (int t = 0; t < 3; ++t)
      threads.emplace_back([&, t] {
        parts[static_cast<std::size_t>(t)].add(rows.middleRows(300 * t, 300), {.threads = 1});
      });
    for (auto& thread : threads) thread.join();
    for (std::size_t t = 1; t < 3; ++t) parts[0].merge(parts[t]);
    return parts[0];
  };
  const auto first = merged();
  CHECK(first.count() == 900);
  CHECK(first.matrix() == merged().matrix());
  const Eigen::MatrixXd whole = accumulated(rows, 900).matrix();
  CHECK((first.matrix() - whole).norm() < tolerance::double_rounding * whole.norm());
  auto twice = first;
  twice.merge(twice);
  CHECK(twice.count() == 1800);
  CHECK((twice.matrix() - whole).norm() < tolerance::double_rounding * whole.norm());
}

TEST_CASE("weighted rows count their weights, float rows are widened") {
  const Eigen::MatrixXd rows = layer_inputs(50, 6);
  const Eigen::VectorXd weights = normal_cloud(50, 1).cwiseAbs();
  second_moment_accumulator sums(6);
  sums.add_weighted(rows, weights);
  const Eigen::MatrixXd wanted = rows.transpose() * weights.asDiagonal() * rows / 50;
  CHECK((sums.matrix() - wanted).norm() < tolerance::double_rounding * wanted.norm());
  second_moment_accumulator narrow(6), wide(6);
  const Eigen::MatrixXf single = rows.cast<float>();
  narrow.add(single);
  wide.add(single.cast<double>().eval());
  CHECK(narrow.matrix() == wide.matrix());
}

TEST_CASE("F_W is the mean of G^T G over samples, in batches or one by one") {
  const auto all = gradients(20, 7, 5);
  weight_fisher_accumulator whole(5), parts(5), other(5);
  whole.add(all);
  Eigen::MatrixXd wanted = Eigen::MatrixXd::Zero(5, 5);
  for (int i = 0; i < 20; ++i) {
    const auto& g = all[static_cast<std::size_t>(i)];
    wanted += g.transpose() * g / 20;
    (i < 11 ? parts : other).add(std::vector{g});
  }
  CHECK((whole.matrix() - wanted).norm() < tolerance::double_rounding * wanted.norm());
  CHECK(whole.count() == 20);
  parts.merge(other);
  CHECK(parts.count() == 20);
  CHECK(parts.matrix() == whole.matrix());
}

TEST_CASE("gradients of rank one need not be written out") {
  const Eigen::MatrixXd outputs = normal_cloud(30, 7, 1), inputs = layer_inputs(30, 5);
  std::vector<Eigen::MatrixXd> all;
  for (int i = 0; i < 30; ++i) all.push_back(outputs.row(i).transpose() * inputs.row(i));
  weight_fisher_accumulator short_way(5), long_way(5);
  short_way.add_rank_one(outputs, inputs);
  long_way.add(all);
  CHECK(short_way.count() == 30);
  CHECK((short_way.matrix() - long_way.matrix()).norm() <
        tolerance::double_rounding * long_way.matrix().norm());
  diagonal_fisher_accumulator quick(7, 5), slow(7, 5);
  quick.add_rank_one(outputs, inputs);
  slow.add(all);
  CHECK(quick.count() == 30);
  CHECK((quick.matrix() - slow.matrix()).norm() <
        tolerance::double_rounding * slow.matrix().norm());
}

TEST_CASE("the diagonal Fisher information is the mean square of each gradient") {
  const auto all = gradients(20, 7, 5);
  diagonal_fisher_accumulator whole(7, 5), parts(7, 5), other(7, 5);
  whole.add(all, {.threads = 1});
  Eigen::MatrixXd wanted = Eigen::MatrixXd::Zero(7, 5);
  for (int i = 0; i < 20; ++i) {
    const auto& g = all[static_cast<std::size_t>(i)];
    wanted += g.cwiseAbs2() / 20;
    (i < 12 ? parts : other).add(std::vector{g}, {.threads = 3});
  }
  CHECK((whole.matrix() - wanted).norm() < tolerance::double_rounding * wanted.norm());
  parts.merge(other);
  CHECK((parts.matrix() - wanted).norm() < tolerance::double_rounding * wanted.norm());
  // F_W sums the diagonal over outputs.
  weight_fisher_accumulator fisher(5);
  fisher.add(all);
  CHECK((fisher.matrix().diagonal().transpose() - whole.matrix().colwise().sum()).norm() <
        tolerance::double_rounding * fisher.matrix().norm());
}

TEST_CASE("batches that do not fit are refused and add nothing") {
  second_moment_accumulator sums(4);
  CHECK_REFUSED(atlas::value_error, sums.matrix(), "accumulator", "none");
  CHECK_REFUSED(atlas::shape_error, sums.add(normal_cloud(3, 5)), "rows", "4, got 5");
  Eigen::MatrixXd bad = normal_cloud(3, 4);
  bad(2, 1) = std::numeric_limits<double>::quiet_NaN();
  CHECK_REFUSED(atlas::value_error, sums.add(bad), "rows", "NaN at [2, 1]");
  CHECK_REFUSED(atlas::value_error,
                sums.add_weighted(normal_cloud(2, 4), std::vector<double>{1, -1}), "weights", "-1");
  CHECK_REFUSED(atlas::shape_error, sums.add_weighted(normal_cloud(2, 4), std::vector<double>{1}),
                "weights", "2, got 1");
  CHECK_REFUSED(atlas::shape_error, sums.merge(second_moment_accumulator(5)), "other", "4, got 5");
  CHECK(sums.count() == 0);
  CHECK_REFUSED(atlas::value_error, second_moment_accumulator(0), "d", "0");
  sums.add(Eigen::MatrixXd(0, 4));
  CHECK(sums.count() == 0);

  weight_fisher_accumulator fisher(4);
  CHECK_REFUSED(atlas::shape_error, fisher.add(gradients(2, 3, 5)), "gradients", "4, got 5");
  CHECK_REFUSED(atlas::value_error, fisher.matrix(), "accumulator", "none");
  CHECK_REFUSED(atlas::shape_error, fisher.add_rank_one(normal_cloud(3, 2), normal_cloud(2, 4)),
                "inputs", "3, got 2");
  diagonal_fisher_accumulator diagonal(3, 4);
  CHECK_REFUSED(atlas::shape_error, diagonal.add(gradients(2, 2, 4)), "gradients", "3, got 2");
  CHECK_REFUSED(atlas::shape_error, diagonal.add_rank_one(normal_cloud(2, 2), normal_cloud(2, 4)),
                "output_gradients", "3, got 2");
  CHECK_REFUSED(atlas::shape_error, diagonal.merge(diagonal_fisher_accumulator(3, 5)), "other",
                "4, got 5");
  CHECK_REFUSED(atlas::value_error, diagonal.matrix(), "accumulator", "none");
}
