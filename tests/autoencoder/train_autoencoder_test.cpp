// SPDX-License-Identifier: MIT
#include "atlas/autoencoder/train_autoencoder.hpp"

#include <limits>
#include <numbers>
#include <set>
#include <vector>

#include "../catch.hpp"
#include "../clouds_for_tests.hpp"
#include "../messages.hpp"
#include "../tolerances.hpp"
#include "atlas/autoencoder/row_split.hpp"

using namespace atlas_test;
using atlas::owned_tensor;
using atlas::tensor_view;

namespace {

/// Four wide directions and four narrow ones.
Eigen::MatrixXd flat_cloud(atlas::index_t n) {
  Eigen::VectorXd spread(8);
  spread << 4, 3, 2, 1, 0.3, 0.3, 0.2, 0.2;
  return normal_cloud(n, 8) * spread.asDiagonal();
}

/// Two heads: a roll and its shadow.
owned_tensor<float, 3> two_clouds(atlas::index_t n) {
  owned_tensor<float, 3> clouds({2, n, 3});
  const auto roll = swiss_roll(n);
  for (atlas::index_t i = 0; i < n; ++i)
    for (atlas::index_t k = 0; k < 3; ++k) {
      clouds.mutable_view()(0, i, k) = static_cast<float>(roll(i, k));
      clouds.mutable_view()(1, i, k) = static_cast<float>(k == 2 ? roll(i, 1) : roll(i, k));
    }
  return clouds;
}

bool same_results(const atlas::autoencoder_result& a, const atlas::autoencoder_result& b) {
  return a.model.model.parameters == b.model.model.parameters && a.losses == b.losses &&
         a.held_out_unexplained == b.held_out_unexplained && a.pca_unexplained == b.pca_unexplained;
}

constexpr auto study = atlas::autoencoder_training::study;

const atlas::autoencoder_options quick = {
    .bottleneck = 2, .training = study, .epochs = 4, .batch = 32};

/// On a curve that winds three times while it goes round once, in 5 dimensions.
Eigen::MatrixXd wound_curve(atlas::index_t n) {
  atlas::random_stream random(5);
  Eigen::MatrixXd cloud(n, 5);
  for (atlas::index_t i = 0; i < n; ++i) {
    const double t = 2 * std::numbers::pi * random.uniform();
    cloud.row(i) << std::cos(t), std::sin(t), 0.8 * std::cos(3 * t), 0.8 * std::sin(3 * t), 0.5 * t;
    for (atlas::index_t k = 0; k < 5; ++k) cloud(i, k) += 0.02 * random.normal();
  }
  return cloud;
}

}  // namespace

TEST_CASE("an autoencoder explains far more of a swiss roll than PCA of its rank") {
  const auto roll = swiss_roll(2000);
  const auto r = atlas::train_autoencoder(
      roll, {.bottleneck = 2, .training = study, .epochs = 60, .batch = 64});
  CHECK(r.pca_unexplained > 0.2);
  CHECK(r.held_out_unexplained < 0.3 * r.pca_unexplained);
  CHECK(r.advantage > 20 * r.advantage_standard_error);
  CHECK(r.advantage == Approx(r.pca_unexplained - r.held_out_unexplained));
  CHECK(r.train_unexplained < r.held_out_unexplained + 3 * r.held_out_standard_error);
  CHECK(r.losses.size() == 60);
  CHECK(r.losses.front() > 10 * r.losses.back());
  CHECK(r.epochs_run == 60);
  CHECK(r.best_epoch == 60);
  CHECK(r.training_rows == 1600);
  CHECK(r.held_out_rows == 400);
  CHECK(r.validation_rows == 0);
  const auto full = atlas::train_autoencoder(roll, {.bottleneck = 2, .training = study});
  CHECK(full.held_out_unexplained < 0.65 * full.pca_unexplained);
}

TEST_CASE("on a Gaussian cloud an autoencoder matches PCA within noise") {
  const auto r = atlas::train_autoencoder(flat_cloud(2000), {.bottleneck = 4,
                                                             .training = study,
                                                             .epochs = 100,
                                                             .batch = 128,
                                                             .adam = {.learning_rate = 3e-3}});
  CHECK(r.pca_unexplained == Approx(0.26 / 30.26).epsilon(0.15));
  CHECK(r.held_out_unexplained < r.pca_unexplained + r.pca_standard_error);
  CHECK(r.held_out_unexplained > r.pca_unexplained - 3 * r.advantage_standard_error);
}

TEST_CASE("the share of PCA is that of eigenvectors, in long hand") {
  const Eigen::MatrixXd cloud = flat_cloud(400).array() + 3;
  const auto split = atlas::split_by_row(400, {.share = 0.2, .seed = 6});
  const auto r =
      atlas::train_autoencoder(cloud, {.bottleneck = 3, .training = study, .epochs = 1, .seed = 6});
  Eigen::MatrixXd training = cloud(split.training, Eigen::all),
                  held = cloud(split.held_out, Eigen::all);
  const Eigen::RowVectorXd mean = training.colwise().mean();
  training.rowwise() -= mean;
  held.rowwise() -= mean;
  const Eigen::MatrixXd u =
      atlas::symmetric_eigenbasis(training.transpose() * training).vectors.leftCols(3);
  const double wanted = (held - held * u * u.transpose()).squaredNorm() / held.squaredNorm();
  CHECK(r.pca_unexplained == Approx(wanted).epsilon(tolerance::float_rounding));
  const auto back = atlas::reconstruct(r.model, cloud(split.held_out, Eigen::all));
  double error = 0;
  for (atlas::index_t i = 0; i < back.extent(0); ++i)
    for (atlas::index_t k = 0; k < 8; ++k)
      error += std::pow(static_cast<double>(back(i, k)) - mean(k) - held(i, k), 2);
  CHECK(r.held_out_unexplained == Approx(error / held.squaredNorm()).epsilon(1e-4));
}

TEST_CASE("standard errors are those of a jackknife between contexts") {
  const Eigen::MatrixXd cloud = flat_cloud(600);
  owned_tensor<atlas::index_t, 1> context({600});
  for (atlas::index_t i = 0; i < 600; ++i) context.mutable_view()[i] = i / 10;
  const auto r = atlas::train_autoencoder(
      cloud,
      {.bottleneck = 4, .training = study, .epochs = 2, .held_out = 0.5, .context = context});
  const auto split = atlas::split_by_context(context, {.share = 0.5, .seed = 0});
  CHECK(static_cast<atlas::index_t>(split.held_out.size()) == r.held_out_rows);
  Eigen::RowVectorXd mean = cloud(split.training, Eigen::all).colwise().mean();
  const auto back = atlas::reconstruct(r.model, cloud);
  std::map<atlas::index_t, std::pair<double, double>> sums;
  double errors = 0, squares = 0;
  for (const auto row : split.held_out) {
    double error = 0;
    for (atlas::index_t k = 0; k < 8; ++k)
      error += std::pow(static_cast<double>(back(row, k)) - cloud(row, k), 2);
    const double square = (cloud.row(row) - mean).squaredNorm();
    sums[context[row]].first += error, sums[context[row]].second += square;
    errors += error, squares += square;
  }
  double spread = 0, level = 0;
  const auto n = static_cast<double>(sums.size());
  for (const auto& [c, s] : sums) level += (errors - s.first) / (squares - s.second) / n;
  for (const auto& [c, s] : sums)
    spread += std::pow((errors - s.first) / (squares - s.second) - level, 2);
  CHECK(sums.size() == 30);
  CHECK(r.held_out_standard_error == Approx(std::sqrt((n - 1) / n * spread)).epsilon(0.1));
}

TEST_CASE("heads are the same for every number of threads, and the first as if alone") {
  const auto clouds = two_clouds(300);
  auto o = quick;
  o.threads = 1;
  const auto one = atlas::train_autoencoders(clouds, o);
  for (const int threads : {2, 3}) {
    o.threads = threads;
    const auto more = atlas::train_autoencoders(clouds, o);
    REQUIRE(more.size() == 2);
    for (std::size_t h = 0; h < 2; ++h) CHECK(same_results(more[h], one[h]));
  }
  CHECK(same_results(atlas::train_autoencoder(clouds[0], quick), one[0]));
  CHECK(one[0].model.model.parameters != one[1].model.model.parameters);
  auto other = quick;
  other.seed = 1;
  CHECK(!same_results(atlas::train_autoencoder(clouds[0], other), one[0]));
}

TEST_CASE("storage order and scalar do not matter, nor does the unit") {
  const Eigen::MatrixXd columns = swiss_roll(200);
  const atlas::row_matrix<double> rows = columns;
  const auto a = atlas::train_autoencoder(columns, quick);
  CHECK(same_results(a, atlas::train_autoencoder(rows, quick)));
  const auto b = atlas::train_autoencoder(Eigen::MatrixXd(columns * 1024), quick);
  CHECK(b.model.model.parameters == a.model.model.parameters);
  CHECK(b.held_out_unexplained == a.held_out_unexplained);
  CHECK(b.model.scale == 1024 * a.model.scale);
  auto raw = quick;
  raw.normalize = false;
  const auto c = atlas::train_autoencoder(columns, raw);
  CHECK(c.model.scale == 1);
  CHECK(c.model.mean == Eigen::RowVector3d::Zero());
  CHECK(c.pca_unexplained == Approx(a.pca_unexplained).epsilon(tolerance::float_rounding));
  CHECK(c.losses.front() == Approx(c.train_unexplained).epsilon(0.5));
}

TEST_CASE("an autoencoder is the same bits at every scale of double") {
  const Eigen::MatrixXd roll = swiss_roll(150);
  const auto plain = atlas::train_autoencoder(roll, quick);
  const auto codes = atlas::encode(plain.model, roll);
  for (const int power : {-1000, -700, -545, 510, 530, 700, 1019}) {
    CAPTURE(power);
    const Eigen::MatrixXd scaled = std::ldexp(1.0, power) * roll;
    const auto r = atlas::train_autoencoder(scaled, quick);
    CHECK(same_results(r, plain));
    CHECK(r.model.scale == std::ldexp(plain.model.scale, power));
    CHECK(atlas::encode(r.model, scaled)(149, 1) == codes(149, 1));
  }
}

TEST_CASE("early stopping keeps the best parameters") {
  const Eigen::MatrixXd few = flat_cloud(100);
  const atlas::autoencoder_options o = {.bottleneck = 4,
                                        .epochs = 3000,
                                        .batch = 10,
                                        .adam = {.learning_rate = 3e-3},
                                        .patience = 10};
  std::vector<atlas::index_t> done;
  auto counted = o;
  counted.on_progress = [&](const atlas::progress& p) {
    done.push_back(p.done);
    return true;
  };
  const auto r = atlas::train_autoencoder(few, counted);
  CHECK(r.epochs_run < 3000);
  CHECK(r.best_epoch == r.epochs_run - 10);
  CHECK(static_cast<atlas::index_t>(r.validation_losses.size()) == r.epochs_run);
  CHECK(std::min_element(r.validation_losses.begin(), r.validation_losses.end()) -
            r.validation_losses.begin() + 1 ==
        r.best_epoch);
  CHECK(done.back() == 3000);
  auto until_best = o;
  until_best.epochs = r.best_epoch;
  CHECK(atlas::train_autoencoder(few, until_best).model.model.parameters ==
        r.model.model.parameters);
}

TEST_CASE("training goes on until it converges, unless it is the study's") {
  const Eigen::MatrixXd curve = wound_curve(200);
  const auto r = atlas::train_autoencoder(curve, {.bottleneck = 1});
  CHECK(r.pca_unexplained > 0.5);
  CHECK(r.held_out_unexplained < 0.03);
  CHECK(r.epochs_run < r.schedule.epochs);
  CHECK(r.best_epoch == r.epochs_run - r.schedule.patience);
  CHECK(r.training_rows == 160);
  CHECK(r.validation_rows == 16);
  const auto original = atlas::train_autoencoder(curve, {.bottleneck = 1, .training = study});
  CHECK(original.held_out_unexplained > 0.15);
  CHECK(original.epochs_run == 300);
  CHECK(original.best_epoch == 300);
  CHECK(original.validation_rows == 0);
  CHECK(original.pca_unexplained == Approx(r.pca_unexplained).epsilon(tolerance::double_rounding));
  CHECK(same_results(original,
                     atlas::train_autoencoder(
                         curve, {.bottleneck = 1, .epochs = 300, .batch = 0, .patience = 0})));
  const auto capped = atlas::train_autoencoder(curve, {.bottleneck = 1, .epochs = 7});
  CHECK(capped.epochs_run == 7);
}

TEST_CASE("the schedule counts steps where there are few rows, and epochs where there are many") {
  const auto few = atlas::schedule_of({}, 144), many = atlas::schedule_of({}, 100000);
  CHECK(few.epochs == 10000);
  CHECK(few.batch == 64);
  CHECK(few.patience == 334);
  CHECK(many.epochs == 300);
  CHECK(many.patience == 20);
  CHECK(atlas::schedule_of({.batch = 0}, 144).patience == 1000);
  const auto original = atlas::schedule_of({.training = study, .epochs = 5}, 144);
  CHECK(original.epochs == 5);
  CHECK(original.batch == 0);
  CHECK(original.patience == 0);
}

TEST_CASE("converged heads are the same for every number of threads") {
  const auto clouds = two_clouds(120);
  const auto one = atlas::train_autoencoders(clouds, {.bottleneck = 2, .epochs = 40, .threads = 1});
  const auto two = atlas::train_autoencoders(clouds, {.bottleneck = 2, .epochs = 40, .threads = 2});
  for (std::size_t h = 0; h < 2; ++h) {
    CHECK(same_results(one[h], two[h]));
    CHECK(one[h].best_epoch == two[h].best_epoch);
  }
}

TEST_CASE("with contexts, validation rows are of contexts of their own") {
  owned_tensor<atlas::index_t, 1> context({90});
  for (atlas::index_t i = 0; i < 90; ++i) context.mutable_view()[i] = i % 9;
  const auto rows = atlas::detail::rows_for(90, {.context = context, .validation = 0.25});
  std::set<atlas::index_t> fitted, others;
  for (std::size_t i = 0; i < rows.split.training.size(); ++i)
    (static_cast<atlas::index_t>(i) < rows.fitted ? fitted : others)
        .insert(context[rows.split.training[i]]);
  others.insert(rows.groups.begin(), rows.groups.end());
  CHECK(fitted.size() == 5);
  CHECK(others.size() == 4);
  for (const auto c : others) CHECK(fitted.count(c) == 0);
  const auto all = atlas::detail::rows_for(90, {.training = study, .context = context});
  CHECK(all.split.held_out == rows.split.held_out);
  CHECK(all.fitted == 70);
}

TEST_CASE("codes decode to the reconstruction") {
  const auto roll = swiss_roll(300);
  const auto r = atlas::train_autoencoder(roll, quick);
  const auto codes = atlas::encode(r.model, roll);
  CHECK(codes.extents() == atlas::shape<2>{300, 2});
  const auto back = atlas::decode(r.model, codes), straight = atlas::reconstruct(r.model, roll);
  for (atlas::index_t i = 0; i < 300; ++i)
    for (atlas::index_t k = 0; k < 3; ++k) CHECK(back(i, k) == straight(i, k));
  CHECK_REFUSED(atlas::shape_error, atlas::encode(r.model, normal_cloud(4, 5)), "points", "5");
  CHECK_REFUSED(atlas::shape_error, atlas::decode(r.model, normal_cloud(4, 3)), "codes", "3");
  Eigen::MatrixXd bad = normal_cloud(4, 3);
  bad(1, 2) = NAN;
  CHECK_REFUSED(atlas::value_error, atlas::reconstruct(r.model, bad), "points", "NaN");
}

TEST_CASE("training can be stopped") {
  const auto clouds = two_clouds(50);
  auto o = quick;
  atlas::index_t calls = 0;
  o.on_progress = [&](const atlas::progress& p) {
    CHECK(p.total == 8);
    return ++calls < 5;
  };
  CHECK_THROWS_AS(atlas::train_autoencoders(clouds, o), atlas::cancelled);
}

TEST_CASE("points and options that cannot be trained on are refused") {
  const Eigen::MatrixXd cloud = normal_cloud(20, 3);
  const auto with = [&](atlas::autoencoder_options o) {
    return atlas::train_autoencoder(cloud, o);
  };
  CHECK_REFUSED(atlas::value_error, with({.bottleneck = 4}), "bottleneck", "from 1 to 3, got 4");
  CHECK_REFUSED(atlas::value_error, with({.bottleneck = 0}), "bottleneck", "got 0");
  CHECK_REFUSED(atlas::value_error, with({.hidden = 0, .bottleneck = 2}), "hidden", "got 0");
  CHECK_REFUSED(atlas::value_error, with({.bottleneck = 2, .epochs = -1}), "epochs", "-1");
  CHECK_REFUSED(atlas::value_error, with({.bottleneck = 2, .batch = -1}), "batch", "-1");
  CHECK_REFUSED(atlas::value_error, with({.bottleneck = 2, .adam = {.learning_rate = -1}}),
                "learning_rate", "-1");
  CHECK_REFUSED(atlas::value_error, with({.bottleneck = 2, .held_out = 1}), "held_out", "got 1");
  CHECK_REFUSED(atlas::value_error, with({.bottleneck = 2, .patience = -1}), "patience", "-1");
  CHECK_REFUSED(atlas::value_error, with({.bottleneck = 2, .patience = 1, .validation = 0}),
                "validation", "got 0");
  CHECK_REFUSED(atlas::value_error, with({.bottleneck = 2, .threads = -1}), "threads", "-1");
  owned_tensor<atlas::index_t, 1> labels({20});
  CHECK_REFUSED(atlas::shape_error, with({.bottleneck = 2, .context = labels}), "context",
                "at least 2 contexts");
  labels.mutable_view()[0] = 1;
  CHECK_REFUSED(atlas::shape_error, with({.bottleneck = 2, .context = labels}),
                "training share of context", "at least 2 contexts");
  CHECK(with({.bottleneck = 2, .training = study, .epochs = 1, .context = labels})
            .held_out_contexts == 1);
  CHECK_REFUSED(atlas::shape_error,
                with({.bottleneck = 2, .context = owned_tensor<atlas::index_t, 1>({19})}),
                "context", "20, got 19");
  CHECK_REFUSED(atlas::shape_error, atlas::train_autoencoder(normal_cloud(1, 3), quick), "points",
                "2 rows");
  CHECK_REFUSED(atlas::shape_error, atlas::train_autoencoder(Eigen::MatrixXd(0, 3), quick),
                "points", "empty");
  CHECK_REFUSED(atlas::value_error,
                atlas::train_autoencoder(Eigen::MatrixXd(Eigen::MatrixXd::Ones(9, 3)), quick),
                "points", "all equal");
  Eigen::MatrixXd bad = cloud;
  bad(3, 1) = std::numeric_limits<double>::quiet_NaN();
  CHECK_REFUSED(atlas::value_error, atlas::train_autoencoder(bad, quick), "points",
                "NaN at [3, 1]");
  CHECK_REFUSED(atlas::value_error, with({.bottleneck = 2, .adam = {.learning_rate = 1e30}}),
                "learning_rate", "finite");
}
