// SPDX-License-Identifier: MIT
#include "atlas/boltzmann/observables.hpp"

#include <Eigen/Core>
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include "../catch.hpp"
#include "../messages.hpp"
#include "../tolerances.hpp"
#include "atlas/boltzmann/softmax.hpp"
#include "atlas/core/random.hpp"

using namespace atlas_test;
using numbers = std::vector<double>;

namespace {

constexpr double masked = -std::numeric_limits<double>::infinity();

/// The definitions, written out in long double.
struct oracle {
  long double log_partition = 0, free_energy = 0, energy = 0, capacity = 0, entropy = 0;

  oracle(const numbers& s, long double beta) {
    long double top = -INFINITY;
    for (const double x : s) top = std::max(top, static_cast<long double>(x));
    long double others = 0, below = 0;  // the top key apart, whose weight hides the small ones
    bool top_seen = false;
    for (const double x : s) {
      const long double u = beta * (static_cast<long double>(x) - top);
      if (x == masked) continue;
      if (u == 0 && !top_seen) {
        top_seen = true;
        continue;
      }
      others += std::exp(u);
      below += u * std::exp(u);
    }
    const long double z = 1 + others;
    log_partition = beta * top + std::log1p(others);
    free_energy = -log_partition / beta;
    energy = -top - below / z / beta;
    entropy = std::log1p(others) - below / z;
    for (const double x : s) {
      if (x == masked) continue;
      const long double p = std::exp(beta * (static_cast<long double>(x) - top)) / z;
      const long double apart = -static_cast<long double>(x) - energy;
      capacity += beta * beta * p * apart * apart;
    }
  }
};

void check_row(const numbers& s, double beta) {
  const atlas::row_observables got = atlas::boltzmann_observables<1>(s, {.beta = beta});
  const oracle wanted(s, static_cast<long double>(beta));
  const auto close = [](double a, long double b) {
    return Approx(static_cast<double>(b)).epsilon(tolerance::double_rounding).margin(1e-300) == a;
  };
  INFO("n " << s.size() << " beta " << beta << " S " << got.entropy << " against "
            << static_cast<double>(wanted.entropy));
  CHECK(close(got.log_partition, wanted.log_partition));
  CHECK(close(got.free_energy, wanted.free_energy));
  CHECK(close(got.mean_energy, wanted.energy));
  CHECK(close(got.heat_capacity, wanted.capacity));
  CHECK(close(got.entropy, wanted.entropy));
  CHECK(close(got.effective_temperature, std::exp(wanted.entropy)));
}

numbers random_row(atlas::index_t n, double spread, std::uint64_t seed) {
  atlas::random_stream random(seed);
  numbers s(static_cast<std::size_t>(n));
  for (double& x : s) x = spread * random.normal();
  return s;
}

}  // namespace

TEST_CASE("observables are those of their definitions in long double") {
  for (const atlas::index_t n : {1, 2, 7, 8, 9, 255, 256, 257, 1000})
    for (const double spread : {1e-6, 1.0, 30.0, 1e4})
      for (const double beta : {0.1, 1.0, 7.5})
        check_row(random_row(n, spread, static_cast<std::uint64_t>(n)), beta);
  numbers holes = random_row(600, 2, 4);
  for (std::size_t i = 0; i < holes.size(); i += 3) holes[i] = masked;
  std::fill(holes.begin() + 100, holes.begin() + 400, masked);
  check_row(holes, 1);
}

TEST_CASE("F = <E> - S / beta over 1e5 rows, small logits and large") {
  double worst = 0;
  for (const double size : {1.0, 80.0, 1e4}) {
    Eigen::MatrixXd logits(100000, 12);
    atlas::random_stream random(3);
    for (double& x : logits.reshaped()) x = size * (2 * random.uniform() - 1);
    for (const double beta : {1.0, 0.37}) {
      const auto o = atlas::boltzmann_observables<2>(logits, {.beta = beta});
      for (atlas::index_t i = 0; i < 100000; ++i) {
        const double right = o.mean_energy[i] - o.entropy[i] / beta;
        worst = std::max(worst, std::abs(o.free_energy[i] - right) /
                                    std::max(std::abs(o.mean_energy[i]), o.entropy[i] / beta));
      }
    }
  }
  CHECK(worst < tolerance::double_rounding);
}

TEST_CASE("the heat capacity is beta^2 times the second derivative of ln Z") {
  for (const double beta : {0.5, 1.0, 3.0}) {
    const numbers s = random_row(40, 1.5, 9);
    const auto ln_z = [&](long double b) { return oracle(s, b).log_partition; };
    const long double b = beta, h = 1e-3L;
    const long double second =
        (-ln_z(b + 2 * h) + 16 * ln_z(b + h) - 30 * ln_z(b) + 16 * ln_z(b - h) - ln_z(b - 2 * h)) /
        (12 * h * h);
    CHECK(atlas::boltzmann_observables<1>(s, {.beta = beta}).heat_capacity ==
          Approx(static_cast<double>(b * b * second)).epsilon(1e-9));
  }
}

TEST_CASE("closed forms: equal logits, one key, two keys, one key that has almost all") {
  for (const double x : {0.0, 3.7, -1e4}) {
    const auto o = atlas::boltzmann_observables<1>(numbers(300, x));
    CHECK(o.entropy == Approx(std::log(300.0)).epsilon(1e-15));
    CHECK(o.heat_capacity == 0);
    CHECK(o.mean_energy == -x);
    CHECK(o.effective_temperature == Approx(300).epsilon(1e-14));
  }
  const auto one = atlas::boltzmann_observables<1>(numbers{-7.25});
  CHECK(one.entropy == 0);
  CHECK(one.heat_capacity == 0);
  CHECK(one.free_energy == 7.25);
  CHECK(one.effective_temperature == 1);
  const auto hidden = atlas::boltzmann_observables<1>(numbers{masked, -7.25, masked});
  CHECK(hidden.free_energy == 7.25);
  CHECK(hidden.entropy == 0);
  // Two levels with a gap g: C = (g / 2)^2 / cosh^2(g / 2) (Schottky).
  const double g = 1.3;
  CHECK(atlas::boltzmann_observables<1>(numbers{0, g}).heat_capacity ==
        Approx(0.25 * g * g / std::pow(std::cosh(g / 2), 2)).epsilon(1e-14));
  // The other key has e^-60: S = 61 e^-60 to first order, far below what 1 + e^-60 can hold.
  CHECK(atlas::boltzmann_observables<1>(numbers{60, 0}).entropy ==
        Approx(61 * std::exp(-60.0)).epsilon(1e-12));
}

TEST_CASE("a shift of a row changes F and E by the shift and nothing else") {
  const numbers s = random_row(64, 2, 1);
  numbers moved = s;
  for (double& x : moved) x += 1024;  // exact, but for the last bits of the sums
  const auto a = atlas::boltzmann_observables<1>(s), b = atlas::boltzmann_observables<1>(moved);
  CHECK(b.free_energy - a.free_energy == Approx(-1024).epsilon(1e-15));
  CHECK(b.mean_energy - a.mean_energy == Approx(-1024).epsilon(1e-15));
  CHECK(b.entropy == Approx(a.entropy).epsilon(1e-11));
  CHECK(b.heat_capacity == Approx(a.heat_capacity).epsilon(1e-11));
}

TEST_CASE("ranks, strides, storage order, threads and scalars do not matter") {
  const Eigen::MatrixXd columns = Eigen::MatrixXd::Random(37, 300) * 5;
  const Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor> rows = columns;
  const auto a = atlas::boltzmann_observables<2>(columns, {.threads = 1});
  const auto b = atlas::boltzmann_observables<2>(rows, {.threads = 2});
  const atlas::tensor_view<const double, 3> cube(rows.data(), {1, 37, 300});
  const auto c = atlas::boltzmann_observables(cube, {.threads = 3});
  const atlas::tensor_view<const double, 4> deep(rows.data(), {37, 1, 1, 300});
  const auto d = atlas::boltzmann_observables(deep);
  for (atlas::index_t i = 0; i < 37; ++i) {
    const auto alone = atlas::boltzmann_observables<1>(columns.row(i));
    for (const auto* x : {&a.entropy, &b.entropy}) CHECK((*x)[i] == alone.entropy);
    CHECK(b.free_energy[i] == alone.free_energy);
    CHECK(a.heat_capacity[i] == alone.heat_capacity);
    CHECK(c.log_partition(0, i) == alone.log_partition);
    CHECK(d.mean_energy(i, 0, 0) == alone.mean_energy);
  }
  const Eigen::MatrixXf narrow = columns.cast<float>();
  const Eigen::MatrixXd widened = narrow.cast<double>();
  CHECK(atlas::boltzmann_observables<2>(narrow).entropy[5] ==
        atlas::boltzmann_observables<2>(widened).entropy[5]);
}

TEST_CASE("softmax weights sum to one, and are those of the definition") {
  numbers s = random_row(500, 3, 6);
  s[17] = masked;
  const auto w = atlas::softmax<1>(s, {.beta = 0.8});
  const oracle o(s, 0.8L);
  double sum = 0;
  for (atlas::index_t i = 0; i < 500; ++i) {
    sum += w[i];
    const auto wanted =
        std::exp(0.8L * static_cast<long double>(s[static_cast<std::size_t>(i)]) - o.log_partition);
    CHECK(w[i] == Approx(static_cast<double>(wanted)).epsilon(1e-12));
  }
  CHECK(sum == Approx(1).epsilon(1e-14));
  CHECK(w[17] == 0);
}

namespace {

/// The largest error of softmax of a row against its definition in long double, in units of the
/// last place of the weight.
template <class Scalar>
double softmax_error(const std::vector<Scalar>& s, double beta) {
  const auto w = atlas::softmax<1>(s, {.beta = beta});
  const oracle o(numbers(s.begin(), s.end()), static_cast<long double>(beta));
  double worst = 0;
  for (std::size_t i = 0; i < s.size(); ++i) {
    const Scalar got = w[static_cast<atlas::index_t>(i)];
    if (s[i] == static_cast<Scalar>(masked)) {
      CHECK(got == 0);
      continue;
    }
    const long double wanted =
        std::exp(static_cast<long double>(beta) * static_cast<long double>(s[i]) - o.log_partition);
    const Scalar place =
        std::nextafter(static_cast<Scalar>(wanted), Scalar(2)) - static_cast<Scalar>(wanted);
    worst = std::max(worst,
                     static_cast<double>(std::abs(static_cast<long double>(got) - wanted) / place));
  }
  return worst;
}

}  // namespace

TEST_CASE("softmax of floats is rounded once, of runs and masks of any length") {
  for (const atlas::index_t n : {1, 5, 8, 64, 250, 256, 257, 1030})
    for (const double spread : {0.1, 4.0, 30.0}) {
      const numbers wide = random_row(n, spread, static_cast<std::uint64_t>(n));
      std::vector<float> s(wide.begin(), wide.end());
      CHECK(softmax_error(s, 1) < 0.501);
      for (std::size_t i = 0; i < s.size(); ++i)  // masked before, after, and within
        if (i != s.size() / 2 && (i < s.size() / 3 || i > 4 * s.size() / 5 || i % 7 == 0))
          s[i] = static_cast<float>(masked);
      INFO("n " << n << " spread " << spread);
      CHECK(softmax_error(s, 1) < 0.501);
      // Differences of floats are exact in double, so only the exponential and the sum round.
      CHECK(softmax_error(numbers(s.begin(), s.end()), 1) < 8);
    }
}

TEST_CASE("runs of keys whose largest logits are far apart share one sum") {
  std::vector<float> s(600, 0.0F);
  for (std::size_t i = 0; i < 300; ++i) s[i] = -60;  // the first run is e^-60 of the second
  for (std::size_t i = 512; i < 600; ++i) s[i] = -900;
  const auto w = atlas::softmax<1>(s, {});
  CHECK(w[511] == Approx(1.0 / 212).epsilon(1e-7));
  CHECK(w[0] == Approx(std::exp(-60) / 212).epsilon(1e-7));
  CHECK(w[599] == 0);
}

TEST_CASE("softmax is the same for every storage order and number of threads") {
  const atlas::index_t rows = 37, n = 300;
  Eigen::MatrixXf columns(rows, n);
  for (atlas::index_t q = 0; q < rows; ++q) {
    const numbers row = random_row(n, 3, static_cast<std::uint64_t>(q));
    for (atlas::index_t k = 0; k < n; ++k)
      columns(q, k) = k <= 8 * q ? static_cast<float>(row[static_cast<std::size_t>(k)])
                                 : static_cast<float>(masked);
  }
  const Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor> in_rows = columns;
  const auto wanted = atlas::softmax<2>(in_rows, {.threads = 1});
  for (const int threads : {1, 2, 5})
    for (const auto& got : {atlas::softmax<2>(columns, {.threads = threads}),
                            atlas::softmax<2>(in_rows, {.threads = threads})})
      CHECK(std::equal(got.begin(), got.end(), wanted.begin()));
}

TEST_CASE("logits that have no distribution are refused") {
  const auto of = [](const numbers& s) { return atlas::boltzmann_observables<1>(s); };
  CHECK_REFUSED(atlas::value_error, of({masked, masked}), "logits", "-inf");
  CHECK_REFUSED(atlas::value_error, of({1, std::nan("")}), "logits", "NaN at [1]");
  CHECK_REFUSED(atlas::value_error, of({-masked, 1}), "logits", "+inf at [0]");
  CHECK_REFUSED(atlas::shape_error, of({}), "logits", "empty");
  for (const double beta : {0.0, -1.0, std::nan(""), -masked})
    CHECK_REFUSED(atlas::value_error,
                  atlas::boltzmann_observables<1>(numbers{1, 2}, {.beta = beta}), "beta",
                  "positive");
  Eigen::MatrixXd logits = Eigen::MatrixXd::Zero(40, 5);
  logits.row(33).setConstant(masked);
  CHECK_REFUSED(atlas::value_error, atlas::boltzmann_observables<2>(logits), "logits", "33");
  CHECK_REFUSED(atlas::value_error, atlas::softmax<2>(logits), "logits", "33");
  // Runs of whole vectors are read where they are, others from a copy.
  for (const std::size_t n : {std::size_t{5}, std::size_t{64}, std::size_t{600}}) {
    std::vector<float> s(n, 1.0F);
    const auto all = [&] {
      CHECK_REFUSED(atlas::value_error, atlas::softmax<1>(s), "logits",
                    "at [" + std::to_string(n - 2) + "]");
      CHECK_REFUSED(atlas::value_error, atlas::boltzmann_observables<1>(s), "logits",
                    "at [" + std::to_string(n - 2) + "]");
    };
    s[n - 2] = std::nanf("");
    all();
    s[n - 2] = static_cast<float>(-masked);
    all();
    s.assign(n, static_cast<float>(masked));
    s[n - 2] = -std::nanf("");
    all();
  }
  std::vector<float> none(64, static_cast<float>(masked));
  CHECK_REFUSED(atlas::value_error, atlas::softmax<1>(none), "logits", "all");
  // More elements than memory can have, of one that a view repeats.
  const float one = 1;
  const atlas::tensor_view<const float, 2> repeated(
      &one, {std::numeric_limits<atlas::index_t>::max() / 2, 2}, {0, 0});
  CHECK_REFUSED(atlas::shape_error, atlas::softmax(repeated), "extents", "");
}
