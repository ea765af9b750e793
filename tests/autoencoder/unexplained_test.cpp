// SPDX-License-Identifier: MIT
#include "atlas/autoencoder/unexplained.hpp"

#include <Eigen/SVD>
#include <cmath>

#include "../catch.hpp"
#include "../clouds_for_tests.hpp"
#include "../messages.hpp"
#include "../tolerances.hpp"
#include "atlas/autoencoder/train_autoencoder.hpp"

using namespace atlas_test;
using atlas::index_t;

TEST_CASE("what a reconstruction leaves is a ratio of sums of squares") {
  const Eigen::MatrixXd x = normal_cloud(60, 5, 1), y = x + 0.3 * normal_cloud(60, 5, 2);
  const auto r = atlas::unexplained(x, y);
  const Eigen::RowVectorXd mean = x.colwise().mean();
  const double below = (x.rowwise() - mean).squaredNorm();
  CHECK(r.value == Approx((x - y).squaredNorm() / below).epsilon(tolerance::double_rounding));
  CHECK(r.deviations.size() == 60);
  CHECK(atlas::unexplained(x, x).value == 0);
  CHECK(atlas::unexplained(x, x, {.center = Eigen::VectorXd::Zero(5)}).value == 0);
  const auto about_zero = atlas::unexplained(x, y, {.center = Eigen::VectorXd::Zero(5)});
  CHECK(about_zero.value ==
        Approx((x - y).squaredNorm() / x.squaredNorm()).epsilon(tolerance::double_rounding));
}

TEST_CASE("its standard error between contexts is that of the linearised ratio") {
  const Eigen::MatrixXd x = normal_cloud(40, 3, 3), y = x + 0.5 * normal_cloud(40, 3, 4);
  atlas::owned_tensor<index_t, 1> context({40});
  for (index_t i = 0; i < 40; ++i) context.mutable_view()[i] = 7 - i / 5;
  const auto r = atlas::unexplained(x, y, {.context = context});
  const Eigen::RowVectorXd mean = x.colwise().mean();
  const double below = (x.rowwise() - mean).squaredNorm();
  double square = 0;
  for (index_t c = 0; c < 8; ++c) {
    const auto rows = Eigen::seqN(5 * c, 5);
    const Eigen::MatrixXd of_x = x(rows, Eigen::all), of_y = y(rows, Eigen::all);
    const double moved =
        ((of_x - of_y).squaredNorm() - r.value * (of_x.rowwise() - mean).squaredNorm()) / below;
    square += moved * moved;
    CHECK(r.deviations[static_cast<std::size_t>(7 - c)] == Approx(moved).margin(1e-12));
  }
  CHECK(r.standard_error == Approx(std::sqrt(8.0 / 7 * square)).epsilon(1e-10));
}

TEMPLATE_TEST_CASE("PCA leaves the singular values beyond its rank", "", float, double) {
  const Eigen::MatrixX<TestType> x =
      (normal_cloud(80, 6, 5) * Eigen::VectorXd::LinSpaced(6, 3, 0.5).asDiagonal())
          .cast<TestType>();
  const Eigen::MatrixXd wide = x.template cast<double>();
  const Eigen::MatrixXd centred = wide.rowwise() - wide.colwise().mean();
  const Eigen::VectorXd squares =
      Eigen::JacobiSVD<Eigen::MatrixXd>(centred).singularValues().cwiseAbs2();
  for (const index_t rank : {0, 2, 5, 6}) {
    const double wanted = squares.tail(6 - rank).sum() / squares.sum();
    CHECK(atlas::pca_unexplained(x, x, rank).value == Approx(wanted).margin(1e-6));
  }
  const Eigen::MatrixX<TestType> none(0, 6), narrow = x.leftCols(5);
  CHECK_REFUSED(atlas::shape_error, atlas::pca_unexplained(none, x, 2), "training", "empty");
  CHECK_REFUSED(atlas::shape_error, atlas::pca_unexplained(x, narrow, 2), "points", "6");
  CHECK_REFUSED(atlas::value_error, atlas::pca_unexplained(x, x, 7), "rank", "7");
  CHECK_REFUSED(atlas::value_error,
                (atlas::pca_unexplained(x, x, 2, {.center = Eigen::VectorXd::Zero(6)})), "center",
                "none");
  const Eigen::MatrixX<TestType> equal = Eigen::MatrixX<TestType>::Ones(9, 6);
  CHECK_REFUSED(atlas::value_error, atlas::unexplained(equal, equal), "points",
                "differ from the centre");
  CHECK_REFUSED(atlas::shape_error, atlas::unexplained(x, narrow), "reconstructed", "5");
}

TEST_CASE("the split of an autoencoder is what its report says, and PCA on it is its PCA") {
  const Eigen::MatrixXd x = normal_cloud(90, 4, 6);
  atlas::owned_tensor<index_t, 1> context({90});
  for (index_t i = 0; i < 90; ++i) context.mutable_view()[i] = i / 9;
  const atlas::autoencoder_options options{
      .hidden = 4, .bottleneck = 2, .epochs = 2, .context = context, .seed = 11};
  const auto split = atlas::autoencoder_split(90, options);
  const auto r = atlas::train_autoencoder(x, options);
  CHECK(static_cast<index_t>(split.held_out.size()) == r.held_out_rows);
  CHECK(static_cast<index_t>(split.training.size()) == r.training_rows);
  for (const index_t row : split.held_out)
    for (const index_t other : split.training) CHECK(context[row] != context[other]);
  const Eigen::MatrixXd training = x(split.training, Eigen::all),
                        held_out = x(split.held_out, Eigen::all);
  atlas::owned_tensor<index_t, 1> labels({r.held_out_rows});
  for (index_t i = 0; i < r.held_out_rows; ++i)
    labels.mutable_view()[i] = context[split.held_out[static_cast<std::size_t>(i)]];
  const auto pca = atlas::pca_unexplained(training, held_out, 2, {.context = labels});
  // The autoencoder's rows are normalized in float.
  CHECK(pca.value == Approx(r.pca_unexplained).epsilon(1e-4));
  CHECK(pca.standard_error == Approx(r.pca_standard_error).epsilon(1e-3));
  CHECK(pca.deviations.size() == static_cast<std::size_t>(r.held_out_contexts));
}
