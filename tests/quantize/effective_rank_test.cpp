// SPDX-License-Identifier: MIT
#include "atlas/quantize/effective_rank.hpp"

#include <Eigen/Dense>
#include <cmath>
#include <vector>

#include "../catch.hpp"
#include "../messages.hpp"
#include "../tolerances.hpp"
#include "atlas/dimension/pca_rank.hpp"
#include "atlas/quantize/diagonal_fisher_accumulator.hpp"
#include "atlas/quantize/kronecker.hpp"
#include "atlas/quantize/quantize_matrix.hpp"
#include "atlas/quantize/uncertainty.hpp"
#include "atlas/quantize/weight_fisher_accumulator.hpp"
#include "layers_for_tests.hpp"

using namespace atlas_test;

namespace {

/// Rows whose mean is far larger than their spread, as those of a residual stream are.
Eigen::MatrixXd offset_rows(int n, int d) {
  Eigen::MatrixXd rows = normal_cloud(n, d, 3);
  rows.rowwise() += 20 * normal_cloud(1, d, 4).row(0);
  return rows;
}

atlas::second_moment_accumulator sums_of(const Eigen::MatrixXd& rows) {
  atlas::second_moment_accumulator sums(rows.cols());
  sums.add(rows);
  return sums;
}

/// Of eigenvalues in long double.
double participation(const Eigen::MatrixXd& m) {
  const Eigen::SelfAdjointEigenSolver<Eigen::Matrix<long double, -1, -1>> solver(
      m.cast<long double>());
  const auto l = solver.eigenvalues();
  return static_cast<double>(l.sum() * l.sum() / l.squaredNorm());
}

}  // namespace

TEST_CASE("a large mean is one direction of the second moments and none about the mean") {
  const Eigen::MatrixXd rows = offset_rows(400, 30);
  const auto sums = sums_of(rows);
  const auto ranks = atlas::second_moment_ranks(sums.matrix(), sums.mean().transpose());
  CHECK(ranks.second_moments == Approx(participation(rows.transpose() * rows)).epsilon(1e-9));
  CHECK(ranks.second_moments < 1.1);
  CHECK(ranks.about_mean == Approx(atlas::pca_rank(rows).participation_ratio).epsilon(1e-9));
  CHECK(ranks.about_mean > 20);
  CHECK(std::isnan(atlas::second_moment_ranks(sums.matrix()).about_mean));
}

TEST_CASE("float moments whose mean hides the spread have no rank about it") {
  Eigen::MatrixXd rows = normal_cloud(400, 20, 3);
  const double wanted = atlas::pca_rank(rows).participation_ratio;
  const Eigen::MatrixXd w = normal_cloud(4, 20);
  for (const double offset : {10.0, 3000.0}) {
    const auto sums = sums_of(rows.array() + offset);
    const Eigen::MatrixXd f = sums.matrix();
    const Eigen::MatrixXf rounded = f.cast<float>();
    const Eigen::RowVectorXd mean = sums.mean().transpose();
    CAPTURE(offset);
    CHECK(atlas::second_moment_ranks(f, mean).about_mean == Approx(wanted).epsilon(1e-5));
    const double got = atlas::second_moment_ranks(rounded, mean).about_mean;
    const double of_quantizer = atlas::gptq_quantize(w, rounded, {.input_mean = mean.transpose()})
                                    .effective_rank.about_mean;
    if (offset < 100) {
      CHECK(got == Approx(wanted).epsilon(1e-3));
      CHECK(of_quantizer == got);
    } else {
      CHECK(std::isnan(got));
      CHECK(std::isnan(of_quantizer));
    }
  }
}

TEST_CASE("both ranks come with every quantizer that is told the mean") {
  const Eigen::MatrixXd rows = offset_rows(400, 30), w = normal_cloud(12, 30);
  const auto sums = sums_of(rows);
  const Eigen::MatrixXd f = sums.matrix();
  const Eigen::VectorXd mean = sums.mean();
  const double wanted = atlas::pca_rank(rows).participation_ratio;
  const auto check = [&](const atlas::effective_ranks& r) {
    CHECK(r.second_moments < 1.1);
    CHECK(r.about_mean == Approx(wanted).epsilon(1e-9));
  };
  for (const auto method : atlas::all_quantization_methods)
    check(atlas::quantize_matrix(w, f, {.method = method, .input_mean = mean}).effective_rank);
  check(atlas::block_fisher_quantize(w, f, {.input_mean = mean}).effective_rank);
  check(atlas::gptq_quantize(w, f, {.input_mean = mean}).effective_rank);
  check(atlas::ldlq_quantize(w, f, {.input_mean = mean}).effective_rank);
  check(atlas::awq_quantize(w, f, {.input_mean = mean}).effective_rank);
  const Eigen::MatrixXd diagonal = f.diagonal().transpose();
  check(atlas::diagonal_fisher_quantize(w, diagonal, f, {.input_mean = mean}).effective_rank);
  const Eigen::MatrixXd outputs = offset_rows(300, 12);
  const auto of_outputs = sums_of(outputs);
  const auto k = atlas::kronecker_quantize(w, f, of_outputs.matrix(),
                                           {.input_mean = mean, .output_mean = of_outputs.mean()});
  check(k.quantization.effective_rank);
  CHECK(k.output_effective_rank.about_mean ==
        Approx(atlas::pca_rank(outputs).participation_ratio).epsilon(1e-9));
  CHECK(k.output_effective_rank.second_moments < 1.1);
}

TEST_CASE("ranks of gradients about their mean are those of their deviations") {
  std::vector<Eigen::MatrixXd> gradients;
  const Eigen::MatrixXd common = 10 * normal_cloud(5, 8, 50);
  for (int i = 0; i < 40; ++i)
    gradients.push_back(common + normal_cloud(5, 8, 60 + static_cast<std::uint64_t>(i)));
  Eigen::MatrixXd mean = Eigen::MatrixXd::Zero(5, 8), about = Eigen::MatrixXd::Zero(8, 8);
  for (const auto& g : gradients) mean += g / 40;
  for (const auto& g : gradients) about += (g - mean).transpose() * (g - mean) / 40;
  atlas::weight_fisher_accumulator sums(8, 5);
  sums.add(gradients);
  CHECK((sums.mean() - mean).norm() < tolerance::double_rounding * mean.norm());
  const Eigen::MatrixXd rows = offset_rows(300, 8);
  const auto inputs = sums_of(rows);
  const auto r = atlas::fisher_uncertainty(
      sums.matrix(), inputs.matrix(),
      {.draws = 10, .gradient_mean = sums.mean(), .activation_mean = inputs.mean()});
  CHECK(r.effective_rank_weights.second_moments ==
        Approx(participation(sums.matrix())).epsilon(1e-9));
  CHECK(r.effective_rank_weights.about_mean == Approx(participation(about)).epsilon(1e-6));
  CHECK(r.effective_rank_activations.about_mean ==
        Approx(atlas::pca_rank(rows).participation_ratio).epsilon(1e-9));
  CHECK(std::isnan(atlas::fisher_uncertainty(sums.matrix(), inputs.matrix(), {.draws = 10})
                       .effective_rank_weights.about_mean));
}

TEST_CASE("means are the same bits however rows are cut and however many threads work") {
  const Eigen::MatrixXd rows = offset_rows(700, 9);
  const Eigen::VectorXd whole = sums_of(rows).mean();
  for (int k = 0; k < 9; ++k) {
    long double sum = 0;
    for (int i = 0; i < 700; ++i) sum += static_cast<long double>(rows(i, k));
    CHECK(whole(k) == Approx(static_cast<double>(sum / 700)).epsilon(1e-13));
  }
  for (const int batch : {1, 37, 256}) {
    atlas::second_moment_accumulator sums(9);
    for (int i = 0; i < 700; i += batch)
      sums.add(rows.middleRows(i, std::min(batch, 700 - i)), {.threads = 3});
    CHECK(sums.mean() == whole);
  }
  atlas::second_moment_accumulator first(9), second(9);
  first.add(rows.topRows(300));
  second.add(rows.bottomRows(400));
  first.merge(second);
  CHECK((first.mean() - whole).norm() < tolerance::double_rounding * whole.norm());

  const Eigen::MatrixXd outputs = normal_cloud(700, 4);
  atlas::weight_fisher_accumulator one(9, 4), parts(9, 4), rest(9, 4);
  one.add_rank_one(outputs, rows, {.threads = 1});
  parts.add_rank_one(outputs.topRows(123), rows.topRows(123), {.threads = 3});
  parts.add_rank_one(outputs.bottomRows(577), rows.bottomRows(577), {.threads = 3});
  CHECK(one.mean() == parts.mean());
  const Eigen::MatrixXd wanted = outputs.transpose() * rows / 700;
  CHECK((one.mean() - wanted).norm() < tolerance::double_rounding * wanted.norm());
  rest.merge(parts);
  CHECK(rest.mean() == parts.mean());
}

TEST_CASE("means that cannot be are refused, and so are those that are not kept") {
  const Eigen::MatrixXd f = layer_moments(6), w = normal_cloud(3, 6);
  const Eigen::VectorXd large = 2 * f.diagonal().cwiseSqrt();
  CHECK_REFUSED(atlas::value_error, (atlas::block_fisher_quantize(w, f, {.input_mean = large})),
                "input_mean", "larger");
  CHECK_REFUSED(atlas::shape_error,
                (atlas::gptq_quantize(w, f, {.input_mean = Eigen::VectorXd::Zero(5)})),
                "input_mean", "6, got 5");
  CHECK_REFUSED(
      atlas::value_error,
      (atlas::fisher_uncertainty(f, f, {.activation_mean = Eigen::VectorXd::Constant(6, NAN)})),
      "activation_mean", "NaN");
  atlas::second_moment_accumulator sums(2);
  CHECK_REFUSED(atlas::value_error, sums.mean(), "accumulator", "none");
  sums.add_weighted(normal_cloud(3, 2), std::vector<double>(3, 1.0));
  CHECK_REFUSED(atlas::value_error, sums.mean(), "accumulator", "with weights");
  CHECK_REFUSED(atlas::value_error, atlas::weight_fisher_accumulator(4).mean(), "accumulator",
                "out");
  atlas::weight_fisher_accumulator kept(4, 3);
  CHECK_REFUSED(atlas::value_error, kept.mean(), "accumulator", "none");
  CHECK_REFUSED(atlas::shape_error, kept.add(std::vector{normal_cloud(2, 4)}), "gradients",
                "3, got 2");
  CHECK_REFUSED(atlas::shape_error, kept.merge(atlas::weight_fisher_accumulator(4)), "other",
                "outputs 3, got 0");
}
