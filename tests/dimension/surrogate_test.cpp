// SPDX-License-Identifier: MIT
#include "atlas/dimension/surrogate.hpp"

#include <Eigen/Dense>
#include <algorithm>
#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "../catch.hpp"
#include "../clouds_for_tests.hpp"
#include "../messages.hpp"
#include "../tolerances.hpp"
#include "atlas/linalg/covariance.hpp"
#include "atlas/stats/summary.hpp"
#include "two_nn_for_tests.hpp"

namespace {

using atlas::index_t;
using atlas::surrogate_kind;
using atlas::surrogate_null_of;
using atlas_test::normal_cloud;
namespace tolerance = atlas_test::tolerance;

/// Rows of passages, with a distance of `gap` positions.
struct passages_cloud {
  Eigen::MatrixXd points;
  atlas::row_labels labels;
};

/// A Gaussian process without structure: component c is AR(1) with coefficient `rho[c]` from
/// position to position; every passage has its own scale `exp(scale_sd normal)`.
passages_cloud serial_cloud(index_t passages, index_t rows, const std::vector<double>& rho,
                            std::uint64_t seed, index_t gap = 1, double scale_sd = 0) {
  atlas::random_stream random(seed, 17);
  const auto d = static_cast<index_t>(rho.size());
  passages_cloud out{Eigen::MatrixXd(passages * rows, d), {}};
  out.labels.context = atlas::owned_tensor<index_t, 1>({passages * rows});
  out.labels.position = atlas::owned_tensor<index_t, 1>({passages * rows});
  for (index_t p = 0; p < passages; ++p) {
    const double scale = std::exp(scale_sd * random.normal());
    for (index_t i = 0; i < rows; ++i) {
      const index_t row = p * rows + i;
      out.labels.context.mutable_view()[row] = p;
      out.labels.position.mutable_view()[row] = 5 + gap * i;
      for (index_t c = 0; c < d; ++c) {
        const double r = std::pow(rho[static_cast<std::size_t>(c)], static_cast<double>(gap));
        const double fresh = scale * random.normal();
        out.points(row, c) =
            i == 0 ? fresh : r * out.points(row - 1, c) + std::sqrt(1 - r * r) * fresh;
      }
    }
  }
  return out;
}

/// Product of neighbouring rows of a passage over the square, pooled: by its definition.
template <class Points>
double next_row_correlation(const Points& x, const atlas::row_labels& labels, index_t column) {
  long double mean = 0, products = 0, squares = 0;
  const index_t n = labels.context.extent(0);
  for (index_t i = 0; i < n; ++i) mean += x(i, column) / static_cast<long double>(n);
  index_t pairs = 0;
  for (index_t i = 0; i + 1 < n; ++i) {
    squares += (x(i, column) - mean) * (x(i, column) - mean) / static_cast<long double>(n - 1);
    if (labels.context[i] != labels.context[i + 1]) continue;
    products += (x(i, column) - mean) * (x(i + 1, column) - mean);
    ++pairs;
  }
  return static_cast<double>(products / pairs / squares);
}

/// Variance over passages of the logarithm of the mean square about the passage's mean.
template <class Points>
double scale_spread(const Points& x, index_t passages, index_t rows, index_t d) {
  std::vector<double> logs;
  for (index_t p = 0; p < passages; ++p) {
    double square = 0;
    for (index_t c = 0; c < d; ++c) {
      double mean = 0;
      for (index_t i = 0; i < rows; ++i) mean += x(p * rows + i, c) / static_cast<double>(rows);
      for (index_t i = 0; i < rows; ++i) square += std::pow(x(p * rows + i, c) - mean, 2);
    }
    logs.push_back(std::log(square));
  }
  const double sd = atlas::summarize(logs).sd;
  return sd * sd;
}

/// The censored TwoNN whose neighbours are of two different other contexts, by comparing all rows.
template <class Points>
double dimension_of_distinct(const Points& x, const atlas::row_labels& labels) {
  const index_t n = x.extent(0), d = x.extent(1);
  std::vector<double> logs;
  for (index_t i = 0; i < n; ++i) {
    std::vector<double> of_context(static_cast<std::size_t>(n),
                                   std::numeric_limits<double>::infinity());
    for (index_t j = 0; j < n; ++j) {
      if (labels.context[i] == labels.context[j]) continue;
      double square = 0;
      for (index_t k = 0; k < d; ++k) square += (x(i, k) - x(j, k)) * (x(i, k) - x(j, k));
      double& least = of_context[static_cast<std::size_t>(labels.context[j])];
      least = std::min(least, square);
    }
    std::partial_sort(of_context.begin(), of_context.begin() + 2, of_context.end());
    logs.push_back(0.5 * std::log(of_context[1] / of_context[0]));
  }
  std::sort(logs.begin(), logs.end());
  const auto kept = static_cast<std::size_t>(0.9 * static_cast<double>(n));
  double sum = 0;
  for (const double x_i : logs) sum += std::min(x_i, logs[kept - 1]);
  return static_cast<double>(kept - 1) / sum;
}

double third_moment(const atlas::tensor_view<const double, 2>& x) {
  double sum = 0;
  for (index_t i = 0; i < x.extent(0); ++i) sum += std::pow(x(i, 0), 3);
  return sum;
}

}  // namespace

TEST_CASE("surrogates of every Gaussian kind have exactly the mean and covariance of their cloud") {
  const passages_cloud data = serial_cloud(20, 8, {0.9, 0.5, 0.0}, 3);
  const Eigen::MatrixXd x = (data.points * normal_cloud(3, 3)).array() + 5;
  const auto wanted = atlas::detail::moments<double>(atlas::as_view<2>(x));
  for (const auto kind :
       {surrogate_kind::independent, surrogate_kind::serial, surrogate_kind::passages}) {
    const atlas::cloud_surrogates<double> source(atlas::as_view<2>(x), kind, data.labels);
    const auto got = atlas::detail::moments<double>(source.draw(1, 0));
    CHECK((got.mean - wanted.mean).norm() < 1e-12 * wanted.mean.norm());
    CHECK((got.covariance - wanted.covariance).norm() < 1e-12 * wanted.covariance.norm());
  }
}

TEST_CASE("serial surrogates hang together as their cloud does, component by component") {
  // Variances keep the components apart: principal coordinates are the given ones.
  passages_cloud data = serial_cloud(60, 30, {0.95, 0.6, 0.0, -0.5}, 5);
  data.points *= Eigen::Vector4d(8, 4, 2, 1).asDiagonal();
  for (const auto kind : {surrogate_kind::serial, surrogate_kind::passages}) {
    const atlas::cloud_surrogates<double> source(atlas::as_view<2>(data.points), kind, data.labels);
    for (index_t c = 0; c < 4; ++c) {
      double mean = 0;
      for (std::uint64_t i = 0; i < 10; ++i)
        mean += next_row_correlation(source.draw(2, i), data.labels, c) / 10;
      // sd of one correlation of 1740 pairs is below 0.03, and components that agree within 0.1
      // share theirs.
      CHECK(mean == Approx(next_row_correlation(data.points, data.labels, c)).margin(0.1));
    }
  }
  const atlas::cloud_surrogates<double> independent(atlas::as_view<2>(data.points));
  CHECK(std::abs(next_row_correlation(independent.draw(2, 0), data.labels, 0)) < 0.15);
}

TEST_CASE("long contexts are drawn block by block, and hang together across blocks") {
  const passages_cloud data = serial_cloud(3, 700, {0.9, 0.9}, 6);
  const atlas::cloud_surrogates<double> source(atlas::as_view<2>(data.points),
                                               surrogate_kind::serial, data.labels);
  double mean = 0;
  for (std::uint64_t i = 0; i < 10; ++i)
    mean += next_row_correlation(source.draw(2, i), data.labels, 0) / 10;
  CHECK(mean == Approx(next_row_correlation(data.points, data.labels, 0)).margin(0.05));
  // Rows 63 and 64 of a context are of different blocks; their products over draws.
  double across = 0;
  for (std::uint64_t i = 0; i < 100; ++i) {
    const auto x = source.draw(3, i);
    for (index_t context = 0; context < 3; ++context)
      for (index_t edge = 64; edge < 700; edge += 64)
        across += x(700 * context + edge - 1, 0) * x(700 * context + edge, 0) / 3000;
  }
  CHECK(across > 0.7);
}

TEST_CASE("rows of contexts of one row are independent in every kind") {
  passages_cloud data = serial_cloud(50, 1, {0.9, 0.5}, 7);
  const auto of = [&](surrogate_kind kind) {
    return surrogate_null_of(data.points, third_moment, {.kind = kind, .labels = data.labels});
  };
  CHECK(of(surrogate_kind::serial).draws == of(surrogate_kind::independent).draws);
  CHECK(of(surrogate_kind::passages).draws == of(surrogate_kind::independent).draws);
  CHECK(of(surrogate_kind::automatic).kind == surrogate_kind::independent);
}

TEST_CASE("automatic surrogates are of passages where rows share contexts") {
  const passages_cloud data = serial_cloud(20, 6, {0.9, 0.5}, 8);
  const auto of = [&](const atlas::row_labels& labels) {
    return surrogate_null_of(data.points, third_moment, {.labels = labels}).kind;
  };
  CHECK(of(data.labels) == surrogate_kind::passages);
  CHECK(of({data.labels.context, {}}) == surrogate_kind::passages);
  CHECK(of({}) == surrogate_kind::independent);
  atlas::owned_tensor<index_t, 1> one({120});
  CHECK(of({one, {}}) == surrogate_kind::independent);
}

TEST_CASE("without positions rows of one context have one correlation") {
  const passages_cloud data = serial_cloud(200, 5, {0.97}, 9, 3);
  const atlas::row_labels contexts{data.labels.context, {}};
  const Eigen::MatrixXd x = data.points;
  const auto places = atlas::detail::places_of(contexts, 1000);
  const atlas::detail::principal_shape<double> shape(atlas::as_view<2>(x));
  const auto r =
      atlas::detail::pooled_autocorrelation(shape.coordinates(atlas::as_view<2>(x)), places);
  REQUIRE(r.lags.size() == 1);
  double mean = 0;  // of 0.97^lag over the ten pairs of a context
  for (int lag = 1; lag < 5; ++lag) mean += (5 - lag) * std::pow(0.97, 3 * lag) / 10;
  CHECK(r.values(0, 0) == Approx(mean).margin(0.12));
}

TEST_CASE("surrogates of passages keep how far their scales differ, serial ones do not") {
  const passages_cloud data = serial_cloud(40, 10, {0.5, 0.5, 0.5, 0.5}, 10, 2, 0.8);
  const auto mean_spread = [&](surrogate_kind kind) {
    const atlas::cloud_surrogates<double> source(atlas::as_view<2>(data.points), kind, data.labels);
    double sum = 0;
    for (std::uint64_t i = 0; i < 10; ++i) sum += scale_spread(source.draw(4, i), 40, 10, 4) / 10;
    return sum;
  };
  const double wanted = scale_spread(data.points, 40, 10, 4);  // near 4 * 0.64
  CHECK(mean_spread(surrogate_kind::passages) == Approx(wanted).epsilon(0.35));
  CHECK(mean_spread(surrogate_kind::serial) < 0.2 * wanted);
}

TEST_CASE(
    "z is that of chance under serial surrogates of a serial process, not under independent") {
  std::vector<double> serial, passages, independent;
  for (std::uint64_t seed = 0; seed < 40; ++seed) {
    const passages_cloud data = serial_cloud(12, 12, {0.97, 0.97, 0.97, 0.97}, 100 + seed, 4);
    const auto z_of = [&](surrogate_kind kind) {
      return surrogate_null_of(
                 data.points,
                 [&](const auto& cloud) { return dimension_of_distinct(cloud, data.labels); },
                 {.draws = 10, .kind = kind, .labels = data.labels, .seed = seed})
          .z;
    };
    serial.push_back(z_of(surrogate_kind::serial));
    passages.push_back(z_of(surrogate_kind::passages));
    independent.push_back(z_of(surrogate_kind::independent));
  }
  // A bias of 0.4 and five errors of 40 values of sd 1.2.
  CHECK(std::abs(atlas::summarize(serial).mean) < 1.35);
  CHECK(std::abs(atlas::summarize(passages).mean) < 1.35);
  CHECK(atlas::summarize(serial).sd < 2);
  CHECK(std::abs(atlas::summarize(independent).mean) >
        std::abs(atlas::summarize(serial).mean) + 0.5);
}

TEST_CASE("marginal surrogates keep the values of every coordinate and nearly the covariance") {
  atlas::random_stream random(12);
  Eigen::MatrixXd x(300, 4);
  for (index_t i = 0; i < 300; ++i)
    for (index_t k = 0; k < 4; ++k) x(i, k) = k < 2 ? random.uniform() : random.exponential();
  x.col(3) += 0.5 * x.col(0);
  const atlas::cloud_surrogates<double> source(atlas::as_view<2>(x), surrogate_kind::marginal);
  const auto cloud = source.draw(1, 0);
  for (index_t k = 0; k < 4; ++k) {
    std::vector<double> before, after;
    for (index_t i = 0; i < 300; ++i) {
      before.push_back(x(i, k));
      after.push_back(cloud(i, k));
    }
    CHECK(before != after);
    std::sort(before.begin(), before.end());
    std::sort(after.begin(), after.end());
    CHECK(before == after);
  }
  const auto wanted = atlas::detail::moments<double>(atlas::as_view<2>(x));
  const auto got = atlas::detail::moments<double>(cloud);
  CHECK((got.covariance - wanted.covariance).norm() < 0.03 * wanted.covariance.norm());
}

TEST_CASE("a cube is not explained by its covariance but by its marginals, a circle by neither") {
  atlas::random_stream random(13);
  Eigen::MatrixXd cube(600, 10);
  for (index_t i = 0; i < 600; ++i)
    for (index_t k = 0; k < 10; ++k) cube(i, k) = random.uniform();
  const auto null_of = [](const Eigen::MatrixXd& x, surrogate_kind kind) {
    return atlas::two_nn_null(x, atlas::two_nn(x), {.kind = kind});
  };
  const auto gaussian = null_of(cube, surrogate_kind::independent);
  const auto marginal = null_of(cube, surrogate_kind::marginal);
  CHECK(marginal.p > 1e-6);
  // Both are held against the same estimate: what differs is the mean of 20 draws each, by more
  // than a t of 38 degrees of freedom is once in 10^6 times.
  CHECK((gaussian.mean - marginal.mean) / std::hypot(gaussian.sd, marginal.sd) * std::sqrt(20.0) >
        5.8);
  Eigen::MatrixXd circle(400, 2);
  for (index_t i = 0; i < 400; ++i) {
    const double angle = 6.283 * random.uniform();
    circle.row(i) << std::cos(angle), std::sin(angle);
  }
  // Below all draws, and a false alarm once in a hundred times.
  for (const auto kind : {surrogate_kind::marginal, surrogate_kind::independent}) {
    const auto null = null_of(circle, kind);
    CHECK(null.observed < *std::min_element(null.draws.begin(), null.draws.end()));
    CHECK(null.p < 0.01);
  }
}

TEST_CASE("p by ranks counts the rarer side twice") {
  const std::vector<double> draws = {1, 2, 3, 4, 5, 6, 7, 8, 9};
  CHECK(atlas::detail::two_sided_rank_p(0.5, draws) == Approx(2.0 / 10));
  CHECK(atlas::detail::two_sided_rank_p(8.5, draws) == Approx(4.0 / 10));
  CHECK(atlas::detail::two_sided_rank_p(9, draws) == Approx(4.0 / 10));
  CHECK(atlas::detail::two_sided_rank_p(5, draws) == 1);
  CHECK(std::isnan(atlas::detail::two_sided_rank_p(std::nan(""), draws)));
}

TEST_CASE("nulls of other streams have other draws, of the same stream the same ones") {
  const Eigen::MatrixXd x = normal_cloud(60, 3);
  const auto draws = [&](std::uint64_t stream, int threads) {
    return surrogate_null_of(x, third_moment, {.seed = 5, .stream = stream, .threads = threads})
        .draws;
  };
  CHECK(draws(0, 1) == draws(0, 3));
  CHECK(draws(2, 1) == draws(2, 2));
  CHECK(draws(0, 1) != draws(1, 1));
  CHECK(draws(1, 1) != draws(2, 1));
}

TEST_CASE(
    "surrogates of passages are the same on every number of threads, in one block and in several") {
  for (const index_t rows : {12, 150}) {  // blocks are of 128
    const passages_cloud cloud = serial_cloud(6, rows, {0.9, 0.5, 0.9, 0, 0.2}, 4, 1, 0.4);
    const auto points = atlas::copy_as<float>(atlas::as_view<2>(cloud.points));
    const auto draws = [&](int threads) {
      return surrogate_null_of(points, [](const auto& c) { return static_cast<double>(c(1, 1)); },
                               {.labels = cloud.labels, .threads = threads})
          .draws;
    };
    CHECK(draws(1) == draws(3));
  }
}

TEST_CASE("the null of a statistic carries what was observed") {
  const Eigen::MatrixXd x = normal_cloud(60, 3);
  const auto null = surrogate_null_of(x, third_moment, {.draws = 15});
  CHECK(null.observed == Approx(x.col(0).array().cube().sum()).epsilon(tolerance::double_rounding));
  CHECK(null.draws.size() == 15);
  CHECK(null.kind == surrogate_kind::independent);
  const auto found = atlas::two_nn(x);
  CHECK(atlas::two_nn_null(x, found).observed == found.dimension);
}

TEST_CASE("the null of a cloud with coincident rows is of the rows that are left") {
  const Eigen::MatrixXd x = normal_cloud(120, 3);
  Eigen::MatrixXd twice(180, 3);
  twice << x, x.topRows(60);
  const auto plain = atlas::two_nn_null(x, atlas::two_nn(x));
  const auto merged = atlas::two_nn_null(twice, atlas::two_nn(twice));
  CHECK(merged.observed == Approx(plain.observed).epsilon(1e-12));
  CHECK(merged.mean == Approx(plain.mean).epsilon(1e-9));
  CHECK(merged.z == Approx(plain.z).epsilon(1e-9).margin(1e-9));
}

TEST_CASE("surrogates of rows that are equal are these rows, whatever their contexts") {
  const Eigen::MatrixXd x = Eigen::MatrixXd::Constant(6, 3, 1.5);
  atlas::row_labels labels;
  labels.context = atlas::owned_tensor<index_t, 1>({6});
  for (index_t i = 3; i < 6; ++i) labels.context.mutable_view()(i) = 1;
  for (const surrogate_kind kind : {surrogate_kind::serial, surrogate_kind::passages}) {
    const atlas::cloud_surrogates<double> source(atlas::as_view<2>(x), kind, labels);
    const auto drawn = source.draw(1, 0);
    for (index_t i = 0; i < 6; ++i)
      for (index_t k = 0; k < 3; ++k) CHECK(drawn(i, k) == 1.5);
  }
}

TEST_CASE("kinds of surrogates have names") {
  CHECK(name_of(surrogate_kind::automatic) == "automatic");
  CHECK(name_of(surrogate_kind::marginal) == "marginal");
}

TEST_CASE("labels that surrogates cannot go by are refused") {
  const passages_cloud data = serial_cloud(10, 4, {0.9, 0.5}, 14);
  const auto with = [&](surrogate_kind kind, const atlas::row_labels& labels) {
    return surrogate_null_of(data.points, third_moment, {.kind = kind, .labels = labels}).z;
  };
  CHECK_REFUSED(atlas::value_error, with(surrogate_kind::serial, {}), "labels", "serial");
  CHECK_REFUSED(atlas::value_error, with(surrogate_kind::passages, {}), "labels", "passages");
  atlas::row_labels repeating = data.labels;
  repeating.position = atlas::owned_tensor<index_t, 1>({40});
  CHECK_REFUSED(atlas::value_error, with(surrogate_kind::automatic, repeating), "labels.position",
                "0 twice");
  atlas::row_labels other = data.labels;
  other.context = atlas::owned_tensor<index_t, 1>({39});
  CHECK_REFUSED(atlas::shape_error, with(surrogate_kind::automatic, other), "labels.context", "39");
  other = data.labels;
  other.position = atlas::owned_tensor<index_t, 1>({41});
  CHECK_REFUSED(atlas::shape_error, with(surrogate_kind::serial, other), "labels.position", "41");
}

TEST_CASE("surrogates that their scalar cannot hold are named") {
  const Eigen::MatrixXf wide =
      (2 * atlas_test::uniform_cloud(300, 4).cast<float>().array() - 1) * 3.3e38F;
  CHECK_REFUSED(atlas::value_error, atlas::two_nn_null(wide, atlas::two_nn(wide)), "points",
                "surrogates beyond its range");
  const Eigen::MatrixXf half = 0.125F * wide;
  CHECK(std::isfinite(atlas::two_nn_null(half, atlas::two_nn(half)).z));
}

TEST_CASE("surrogates are of the scale of their cloud") {
  const Eigen::MatrixXd x = normal_cloud(200, 4);
  const auto plain = atlas::two_nn_null(x, atlas::two_nn(x), {.draws = 10});
  for (const int power : {-900, -530, 530, 900}) {
    const Eigen::MatrixXd y = std::ldexp(1.0, power) * x;
    const auto null = atlas::two_nn_null(y, atlas::two_nn(y), {.draws = 10});
    CHECK(null.mean == Approx(plain.mean).epsilon(1e-12));
    CHECK(null.z == Approx(plain.z).epsilon(1e-9).margin(1e-9));
  }
}
