// SPDX-License-Identifier: MIT
/// \file
/// Central numbers on hard inputs against the same definitions in 50 decimal digits. Each result
/// prints its largest error beside the bound that it is held to.

#include <Eigen/Dense>
#include <algorithm>
#include <boost/multiprecision/cpp_bin_float.hpp>
#include <cmath>
#include <cstdio>
#include <limits>
#include <numeric>
#include <string>
#include <utility>
#include <vector>

#include "../catch.hpp"
#include "atlas/boltzmann/density_matrix.hpp"
#include "atlas/boltzmann/observables.hpp"
#include "atlas/boltzmann/softmax.hpp"
#include "atlas/dimension/estimate_dimensions.hpp"
#include "atlas/dimension/pca_rank.hpp"
#include "atlas/dimension/two_nn.hpp"
#include "atlas/linalg/frame.hpp"
#include "atlas/quantize/effective_rank.hpp"
#include "atlas/quantize/gptq.hpp"
#include "atlas/quantize/ldlq.hpp"
#include "atlas/stats/kolmogorov_smirnov.hpp"
#include "atlas/subspace/overlap.hpp"
#include "atlas/subspace/principal_angles.hpp"
#include "hard_clouds.hpp"

namespace fifty_digits_test {

using namespace atlas_test;
using atlas::index_t;
using real = boost::multiprecision::number<boost::multiprecision::cpp_bin_float<50>,
                                           boost::multiprecision::et_off>;
using column = std::vector<real>;
using matrix = std::vector<column>;  ///< of rows

double relative(double found, const real& wanted) {
  if (wanted == 0) return std::abs(found);
  return static_cast<double>(abs((real(found) - wanted) / wanted));
}

/// The largest error of one result, and on which input.
class largest_error {
 public:
  largest_error(std::string name, double bound) : name_(std::move(name)), bound_(bound) {}
  ~largest_error() {
    std::printf("%-44s largest error %.1e (%s), bound %.0e, of %d numbers\n", name_.c_str(),
                largest_, where_.c_str(), bound_, count_);
  }
  largest_error(const largest_error&) = delete;
  largest_error& operator=(const largest_error&) = delete;

  void add(const std::string& input, double error) {
    INFO(name_ << ", " << input);
    CHECK(error <= bound_);
    ++count_;
    if (!(error <= largest_)) {
      largest_ = error;
      where_ = input;
    }
  }

 private:
  std::string name_, where_ = "all";
  double bound_, largest_ = 0;
  int count_ = 0;
};

struct named_cloud {
  std::string name;
  Eigen::MatrixXd x;
};

Eigen::MatrixXd with_condition(Eigen::MatrixXd x, double condition) {
  const auto last = static_cast<double>(std::max<index_t>(1, x.cols() - 1));
  for (index_t c = 0; c < x.cols(); ++c)
    x.col(c) *= std::pow(condition, -static_cast<double>(c) / last);
  return x;
}

/// A lattice whose points are moved by a share of its step: ratios of distances are near 1.
Eigen::MatrixXd near_lattice(atlas::random_stream& random, double moved) {
  Eigen::MatrixXd x = moved * normal_numbers(random, 49, 2);
  for (index_t i = 0; i < 49; ++i) {
    x(i, 0) += static_cast<double>(i % 7);
    x(i, 1) += static_cast<double>(i / 7);
  }
  return x;
}

std::vector<named_cloud> hard_inputs() {
  atlas::random_stream random(50);
  const Eigen::MatrixXd x = normal_numbers(random, 60, 5);
  return {{"plain", x},
          {"N = 3", x.topRows(3)},
          {"offset 1e8", (x.array() + 1e8).matrix()},
          {"condition 1e12", with_condition(x, 1e12)},
          {"offset 1e8, condition 1e6", (with_condition(x, 1e6).array() + 1e8).matrix()},
          {"subnormal", x * 0x1p-1030},
          {"near overflow", x * 0x1p1019},
          {"70 columns", normal_numbers(random, 40, 70)}};
}

/// Distances to the other rows, ascending.
column distances_of(const Eigen::MatrixXd& x, index_t row) {
  column out;
  for (index_t j = 0; j < x.rows(); ++j) {
    if (j == row) continue;
    real sum = 0;
    for (index_t c = 0; c < x.cols(); ++c) {
      const real gap = real(x(row, c)) - real(x(j, c));
      sum += gap * gap;
    }
    out.push_back(sqrt(sum));
  }
  std::sort(out.begin(), out.end());
  return out;
}

/// `ln(r_b / r_a)` of every row, a and b from 1.
column log_ratios(const Eigen::MatrixXd& x, std::size_t a, std::size_t b) {
  column out;
  for (index_t i = 0; i < x.rows(); ++i) {
    const column r = distances_of(x, i);
    out.push_back(log(r[b - 1] / r[a - 1]));
  }
  return out;
}

real two_nn_of(column logs, std::size_t kept, atlas::two_nn_estimator estimator) {
  std::sort(logs.begin(), logs.end());
  real sum = 0, xx = 0, xy = 0;
  for (std::size_t i = 0; i < kept; ++i) sum += logs[i];
  const real total = sum + real(logs.size() - kept) * logs[kept - 1];
  switch (estimator) {
    case atlas::two_nn_estimator::censored:
      return real(kept - 1) / total;
    case atlas::two_nn_estimator::truncated:
      return real(kept) / sum;
    case atlas::two_nn_estimator::bayesian:
      return (real(kept) + real(1e-3)) / (total + real(1e-3));
    case atlas::two_nn_estimator::regression:
      break;
  }
  for (std::size_t i = 0; i < (kept == logs.size() ? kept - 1 : kept); ++i) {
    const real y = -log(1 - real(i + 1) / real(logs.size()));
    xx += logs[i] * logs[i];
    xy += logs[i] * y;
  }
  return xy / xx;
}

TEST_CASE("TwoNN of hard clouds against 50 digits") {
  for (const auto& [estimator, name] :
       {std::pair{atlas::two_nn_estimator::censored, "two_nn, censored"},
        std::pair{atlas::two_nn_estimator::regression, "two_nn, regression"},
        std::pair{atlas::two_nn_estimator::truncated, "two_nn, truncated"},
        std::pair{atlas::two_nn_estimator::bayesian, "two_nn, Bayesian"}}) {
    largest_error error(name, 1e-13);
    for (const named_cloud& input : hard_inputs()) {
      const auto found = atlas::two_nn(input.x, {.estimator = estimator});
      REQUIRE(found.points_used == input.x.rows());
      error.add(input.name,
                relative(found.dimension,
                         two_nn_of(log_ratios(input.x, 1, 2),
                                   static_cast<std::size_t>(found.points_kept), estimator)));
    }
  }
  // The logarithm of a ratio that is nearly 1 has the rounding of the ratio, over itself.
  for (const double moved : {1e-3, 1e-6}) {
    atlas::random_stream random(5);
    const Eigen::MatrixXd x = near_lattice(random, moved);
    char name[64];
    std::snprintf(name, sizeof name, "two_nn, lattice moved by %.0e", moved);
    largest_error error(name, 4e-16 / moved + 1e-13);
    const auto found = atlas::two_nn(x);
    error.add("censored",
              relative(found.dimension,
                       two_nn_of(log_ratios(x, 1, 2), static_cast<std::size_t>(found.points_kept),
                                 atlas::two_nn_estimator::censored)));
  }
}

/// The root of Gride's score, which falls with d, within 1 % of what was found.
real gride_of(const column& logs, real n1, real n2, double near) {
  real sum = 0;
  for (const real& l : logs) sum += l;
  const auto score = [&](const real& d) {
    real part = 0;
    for (const real& l : logs) part += l / (1 - exp(-d * l));
    return real(logs.size() - 1) / d + (n2 - n1 - 1) * part - (n2 - 1) * sum;
  };
  real low = real(near) * 0.99, high = real(near) * 1.01;
  if (!(score(low) > 0 && score(high) < 0)) return 0;
  for (int i = 0; i < 70; ++i) {
    const real middle = (low + high) / 2;
    (score(middle) > 0 ? low : high) = middle;
  }
  return low;
}

TEST_CASE("Gride and the likelihood of k distances of hard clouds against 50 digits") {
  largest_error gride("gride, n1 = 1, n2 = 2", 1e-12), wide("gride, n1 = 2, n2 = 4", 1e-12),
      mle("mle, k = 5", 1e-13), shortest("mle, k = 2", 1e-13);
  const std::vector<atlas::any_estimator> list = {
      atlas::estimators::gride{1, 2}, atlas::estimators::gride{2, 4},
      atlas::estimators::mle{.k = 5}, atlas::estimators::mle{.k = 2}};
  for (const named_cloud& input : hard_inputs()) {
    const auto found = atlas::estimate_dimensions(input.x, list, {.errors = false});
    gride.add(input.name, relative(found[0].dimension,
                                   gride_of(log_ratios(input.x, 1, 2), 1, 2, found[0].dimension)));
    const auto mle_of = [&](index_t k) {
      real sum = 0;
      for (index_t i = 0; i < input.x.rows(); ++i) {
        const column r = distances_of(input.x, i);
        for (index_t j = 0; j + 1 < k; ++j)
          sum += log(r[static_cast<std::size_t>(k - 1)] / r[static_cast<std::size_t>(j)]);
      }
      return real(input.x.rows()) * real(k - 1) / sum;
    };
    shortest.add(input.name, relative(found[3].dimension, mle_of(2)));
    if (input.x.rows() < 6) {
      // Three rows have no fourth neighbour: that is said, and no number given.
      CHECK(std::isnan(found[1].dimension));
      CHECK_FALSE(found[1].remark.empty());
      CHECK(std::isnan(found[2].dimension));
      CHECK_FALSE(found[2].remark.empty());
      continue;
    }
    wide.add(input.name, relative(found[1].dimension,
                                  gride_of(log_ratios(input.x, 2, 4), 2, 4, found[1].dimension)));
    mle.add(input.name, relative(found[2].dimension, mle_of(5)));
  }
}

TEST_CASE("clouds of which a double holds nothing are refused") {
  atlas::random_stream random(50);
  const Eigen::MatrixXd x = normal_numbers(random, 60, 5);
  const Eigen::MatrixXd lost = x.array() + 0x1p60, unmoved = near_lattice(random, 1e-17),
                        hardly = near_lattice(random, 1e-9);
  CHECK_THROWS_AS(atlas::two_nn(lost), atlas::value_error);
  CHECK_THROWS_AS(atlas::two_nn(unmoved), atlas::value_error);
  CHECK_THROWS_AS(atlas::two_nn(hardly), atlas::value_error);
  CHECK_THROWS_AS(atlas::pca_rank(lost), atlas::value_error);
}

/// Eigenvalues of a symmetric matrix, descending: Jacobi's rotations.
column eigenvalues_of(matrix a) {
  const std::size_t d = a.size();
  for (int sweep = 0; sweep < 60; ++sweep) {
    real off = 0, diagonal = 0;
    for (std::size_t i = 0; i < d; ++i)
      for (std::size_t j = 0; j < d; ++j) (i == j ? diagonal : off) += a[i][j] * a[i][j];
    if (off <= diagonal * real("1e-98")) break;
    for (std::size_t p = 0; p < d; ++p)
      for (std::size_t q = p + 1; q < d; ++q) {
        if (a[p][q] == 0) continue;
        const real theta = (a[q][q] - a[p][p]) / (2 * a[p][q]);
        const real size = abs(theta) + sqrt(theta * theta + 1), t = (theta < 0 ? -1 : 1) / size;
        const real c = 1 / sqrt(t * t + 1), s = t * c;
        for (std::size_t k = 0; k < d; ++k) {
          const real kp = a[k][p], kq = a[k][q];
          a[k][p] = c * kp - s * kq;
          a[k][q] = s * kp + c * kq;
        }
        for (std::size_t k = 0; k < d; ++k) {
          const real pk = a[p][k], qk = a[q][k];
          a[p][k] = c * pk - s * qk;
          a[q][k] = s * pk + c * qk;
        }
      }
  }
  column out;
  for (std::size_t i = 0; i < d; ++i) out.push_back(a[i][i]);
  std::sort(out.rbegin(), out.rend());
  return out;
}

matrix to_matrix(const Eigen::MatrixXd& x) {
  matrix out(static_cast<std::size_t>(x.rows()), column(static_cast<std::size_t>(x.cols())));
  for (index_t i = 0; i < x.rows(); ++i)
    for (index_t j = 0; j < x.cols(); ++j)
      out[static_cast<std::size_t>(i)][static_cast<std::size_t>(j)] = x(i, j);
  return out;
}

/// `a^T b`.
matrix product_of(const matrix& a, const matrix& b) {
  matrix out(a[0].size(), column(b[0].size(), 0));
  for (std::size_t k = 0; k < a.size(); ++k)
    for (std::size_t i = 0; i < a[0].size(); ++i)
      for (std::size_t j = 0; j < b[0].size(); ++j) out[i][j] += a[k][i] * b[k][j];
  return out;
}

TEST_CASE("spectra of hard clouds against 50 digits") {
  largest_error values("pca_rank: eigenvalues, over the largest", 1e-13),
      ratio("pca_rank: participation ratio", 1e-13);
  for (const named_cloud& input : hard_inputs()) {
    if (input.x.cols() > 10) continue;
    matrix rows = to_matrix(input.x);
    for (std::size_t c = 0; c < rows[0].size(); ++c) {
      real mean = 0;
      for (const column& row : rows) mean += row[c];
      mean /= rows.size();
      for (column& row : rows) row[c] -= mean;
    }
    matrix covariance = product_of(rows, rows);
    for (column& row : covariance)
      for (real& v : row) v /= rows.size() - 1;
    const column wanted = eigenvalues_of(covariance);
    const auto found = atlas::pca_rank(input.x, {.variance = 0.9});
    real sum = 0, squares = 0, held = 0;
    for (const real& v : wanted) {
      sum += v;
      squares += v * v;
    }
    index_t rank = 0;
    while (held < real(0.9) * sum) held += wanted[static_cast<std::size_t>(rank++)];
    CHECK(found.rank == rank);
    ratio.add(input.name, relative(found.participation_ratio, sum * sum / squares));
    if (wanted[0] > real(1e300) || wanted[0] < real(1e-300)) {
      // Beyond what a double can hold: 0 or infinite, as its documentation says.
      CHECK((found.eigenvalues[0] == 0 || std::isinf(found.eigenvalues[0])));
      continue;
    }
    for (std::size_t i = 0; i < wanted.size(); ++i)
      values.add(input.name, static_cast<double>(
                                 abs(real(found.eigenvalues[static_cast<index_t>(i)]) - wanted[i]) /
                                 wanted[0]));
  }
}

TEST_CASE("effective ranks against 50 digits, about a large mean as far as it leaves digits") {
  largest_error ratio("effective rank of second moments", 1e-13);
  atlas::random_stream random(54);
  const Eigen::MatrixXd x = normal_numbers(random, 60, 5);
  const auto rank_of = [](const matrix& f) {
    real trace = 0, squares = 0;
    for (std::size_t i = 0; i < f.size(); ++i) {
      trace += f[i][i];
      for (const real& v : f[i]) squares += v * v;
    }
    return trace * trace / squares;
  };
  for (const double condition : {1.0, 1e6, 1e12}) {
    const Eigen::MatrixXd f =
        with_condition(x, condition).transpose() * with_condition(x, condition);
    ratio.add("condition of rows " + std::to_string(condition),
              relative(atlas::second_moment_ranks(f).second_moments, rank_of(to_matrix(f))));
  }
  for (const double offset : {1.0, 1e2, 1e4, 1e6, 1e8}) {
    const Eigen::MatrixXd moved = x.array() + offset;
    const atlas::row_matrix<double> mean = moved.colwise().mean();
    const Eigen::MatrixXd f = moved.transpose() * moved / static_cast<double>(x.rows());
    const double found = atlas::second_moment_ranks(f, mean).about_mean;
    if (offset >= 1e6) {
      CHECK(std::isnan(found));  // nothing is left, and it says so
      continue;
    }
    // The moments that are given are rounded themselves.
    largest_error about(
        "effective rank about a mean of " + std::to_string(static_cast<long>(offset)),
        1e-15 * (1e2 + 5 * offset * offset));
    matrix rows = to_matrix(moved);
    for (std::size_t c = 0; c < rows[0].size(); ++c) {
      real middle = 0;
      for (const column& row : rows) middle += row[c] / real(rows.size());
      for (column& row : rows) row[c] -= middle;
    }
    about.add("all", relative(found, rank_of(product_of(rows, rows))));
  }
}

/// Orthonormal columns with the span of a's, in their order.
matrix orthonormal(matrix a) {
  for (std::size_t j = 0; j < a[0].size(); ++j) {
    for (int twice = 0; twice < 2; ++twice)
      for (std::size_t p = 0; p < j; ++p) {
        real dot = 0;
        for (const column& row : a) dot += row[p] * row[j];
        for (column& row : a) row[j] -= dot * row[p];
      }
    real norm = 0;
    for (const column& row : a) norm += row[j] * row[j];
    norm = sqrt(norm);
    for (column& row : a) row[j] /= norm;
  }
  return a;
}

TEST_CASE("principal angles down to rounding against 50 digits") {
  largest_error cosines("principal cosines, absolute", 1e-14),
      angles("principal angles, absolute", 1e-14), overlap("subspace_overlap, absolute", 1e-14);
  for (const double gap : {1.0, 1e-2, 1e-4, 1e-8, 1e-12, 0.0})
    for (const index_t d : {3, 8, 30}) {
      atlas::random_stream random(9, static_cast<std::uint64_t>(d));
      const index_t k = std::min<index_t>(d - 1, 4);
      const Eigen::MatrixXd a = atlas::random_frame(d, k, random);
      const Eigen::MatrixXd b =
          atlas::orthonormal_columns(a + gap * with_condition(normal_numbers(random, d, k), 1e6));
      const matrix left = orthonormal(to_matrix(a)), right = orthonormal(to_matrix(b));
      const matrix inner = product_of(left, right);
      matrix beyond = right;
      for (std::size_t i = 0; i < beyond.size(); ++i)
        for (std::size_t j = 0; j < beyond[0].size(); ++j)
          for (std::size_t p = 0; p < inner.size(); ++p) beyond[i][j] -= left[i][p] * inner[p][j];
      column squares = eigenvalues_of(product_of(inner, inner)),
             sines = eigenvalues_of(product_of(beyond, beyond));
      std::reverse(sines.begin(), sines.end());
      const auto found = atlas::principal_angles(a, b);
      char name[48];
      std::snprintf(name, sizeof name, "d = %d, apart by %.0e", static_cast<int>(d), gap);
      real mean = 0;
      for (std::size_t i = 0; i < squares.size(); ++i) {
        const real cosine = sqrt(std::max(real(0), squares[i]));
        const real angle = atan2(sqrt(std::max(real(0), sines[i])), cosine);
        mean += cosine / real(squares.size());
        const auto at = static_cast<index_t>(i);
        cosines.add(name, static_cast<double>(abs(real(found.cosines[at]) - cosine)));
        angles.add(name, static_cast<double>(abs(real(found.angles[at]) - angle)));
      }
      overlap.add(name,
                  static_cast<double>(abs(real(atlas::subspace_overlap(a, b).mean_cosine) - mean)));
    }
}

std::vector<std::pair<std::string, Eigen::VectorXd>> hard_logits() {
  atlas::random_stream random(51);
  const Eigen::VectorXd s = normal_numbers(random, 1000, 1);
  Eigen::VectorXd one = s.head(50), masked = s.head(50);
  one[7] = 600;
  masked.tail(20).setConstant(-std::numeric_limits<double>::infinity());
  return {{"plain", s},
          {"N = 3", s.head(3)},
          {"one key", s.head(1)},
          {"offset 1e8", (s.array() + 1e8).matrix()},
          {"nearly equal", (1e-9 * s.array() + 3).matrix()},
          {"spread by 100", 100 * s},
          {"all on one key, by e^600", one},
          {"masked", masked},
          {"subnormal", s * 0x1p-1040},
          {"near overflow", s * 0x1p1020}};
}

TEST_CASE("Boltzmann observables of hard rows against 50 digits") {
  largest_error entropy("entropy", 1e-13), capacity("heat capacity", 1e-13),
      energy("mean energy, over the largest logit", 1e-13),
      free_energy("free energy, over the largest logit", 1e-13), weights("softmax", 1e-12);
  for (const auto& [name, s] : hard_logits()) {
    const real top = s.maxCoeff();
    real z = 0, tail = 0, first = 0;
    bool met = false;
    column u, w;
    for (index_t i = 0; i < s.size(); ++i) {
      if (std::isinf(s[i])) continue;
      const real gap = real(s[i]) - top;
      u.push_back(gap);
      w.push_back(exp(gap));
      z += w.back();
      if (gap == 0 && !met)
        met = true;
      else
        tail += w.back();
      first += gap * w.back();
    }
    const real mean = first / z;
    real variance = 0;
    for (std::size_t i = 0; i < u.size(); ++i) variance += w[i] * (u[i] - mean) * (u[i] - mean);
    // ln(1 + tail) by its series where 50 digits do not hold 1 + tail.
    const real log_z = tail < real("1e-20") ? tail - tail * tail / 2 : log(1 + tail);
    const auto o = atlas::boltzmann_observables<1>(s);
    const real size = std::max(real(s.cwiseMax(-1e300).cwiseAbs().maxCoeff()), log_z);
    entropy.add(name, relative(o.entropy, log_z - mean));
    // Squares below the normal numbers are 0.
    if (variance / z > real("1e-290") || variance == 0)
      capacity.add(name, relative(o.heat_capacity, variance / z));
    energy.add(name, static_cast<double>(abs(real(o.mean_energy) + top + mean) / size));
    free_energy.add(name, static_cast<double>(abs(real(o.free_energy) + top + log_z) / size));
    const auto a = atlas::softmax<1>(s);
    std::size_t at = 0;
    for (index_t i = 0; i < s.size(); ++i) {
      if (std::isinf(s[i])) continue;
      const real wanted = w[at++] / z;
      if (wanted > real("1e-300")) weights.add(name, relative(a(i), wanted));
    }
  }
}

TEST_CASE("purity and von Neumann's entropy of hard heads against 50 digits") {
  largest_error purity("purity", 1e-13), entropy("von Neumann's entropy, absolute", 1e-13);
  atlas::random_stream random(52);
  const Eigen::MatrixXd plain = normal_numbers(random, 12, 5);
  const std::vector<named_cloud> values = {{"plain", plain},
                                           {"N = 3", plain.topRows(3)},
                                           {"offset 1e8", (plain.array() + 1e8).matrix()},
                                           {"condition 1e12", with_condition(plain, 1e12)},
                                           {"subnormal", plain * 0x1p-1030},
                                           {"near overflow", plain * 0x1p1019}};
  for (const named_cloud& input : values)
    for (const double sharp : {0.0, 1.0, 30.0}) {
      const index_t t = input.x.rows(), d = input.x.cols();
      const Eigen::MatrixXd logits = sharp * normal_numbers(random, 1, t);
      const auto weights = atlas::softmax<2>(logits);
      matrix rho(static_cast<std::size_t>(d), column(static_cast<std::size_t>(d), 0));
      real mass = 0;
      for (index_t i = 0; i < t; ++i) mass += real(weights(0, i));
      for (index_t i = 0; i < t; ++i) {
        real norm = 0;
        for (index_t c = 0; c < d; ++c) norm += real(input.x(i, c)) * real(input.x(i, c));
        for (index_t a = 0; a < d; ++a)
          for (index_t b = 0; b < d; ++b)
            rho[static_cast<std::size_t>(a)][static_cast<std::size_t>(b)] +=
                real(weights(0, i)) / mass * real(input.x(i, a)) * real(input.x(i, b)) / norm;
      }
      real pure = 0, wanted = 0;
      for (const real& p : eigenvalues_of(rho)) {
        pure += p * p;
        if (p > 0) wanted -= p * log(p);
      }
      const auto found = atlas::density_matrix(weights, input.x);
      purity.add(input.name, relative(found.purity(0), pure));
      entropy.add(input.name,
                  static_cast<double>(abs(real(found.von_neumann_entropy(0)) - wanted)));
    }
}

/// P(D >= d) of n uniform numbers by Steck's determinant (Ann. Math. Statist. 42, 1, 1971).
real steck_p(const real& d, std::size_t n) {
  matrix a(n, column(n, 0));
  for (std::size_t i = 0; i < n; ++i)
    for (std::size_t j = i == 0 ? 0 : i - 1; j < n; ++j) {
      const real upper = std::min(real(1), real(i) / n + d);
      const real lower = std::max(real(0), real(j + 1) / n - d);
      const std::size_t power = j + 1 - i;
      real value = power == 0 ? real(1) : std::max(real(0), upper - lower);
      if (power > 0) {
        const real base = value;
        for (std::size_t p = 2; p <= power; ++p) value *= base / p;
      }
      a[i][j] = value;
    }
  real determinant = 1;
  for (std::size_t i = 0; i < n; ++i) {
    std::size_t best = i;
    for (std::size_t r = i; r < n; ++r)
      if (abs(a[r][i]) > abs(a[best][i])) best = r;
    if (a[best][i] == 0) return 1;
    if (best != i) {
      std::swap(a[best], a[i]);
      determinant = -determinant;
    }
    determinant *= a[i][i] * real(i + 1);  // n! on the way
    for (std::size_t r = i + 1; r < n; ++r) {
      const real factor = a[r][i] / a[i][i];
      for (std::size_t c = i; c < n; ++c) a[r][c] -= factor * a[i][c];
    }
  }
  return 1 - determinant;
}

TEST_CASE("p of the Kolmogorov-Smirnov distance against 50 digits") {
  largest_error error("kolmogorov_smirnov_p", 1e-9);
  for (const index_t n : {1, 2, 3, 5, 10, 20, 30})
    for (const double share : {0.02, 0.1, 0.3, 0.5, 0.7, 0.9}) {
      const double least = 0.5 / static_cast<double>(n), d = least + share * (1 - least);
      const real wanted = steck_p(d, static_cast<std::size_t>(n));
      if (wanted < real("1e-25")) continue;  // what 50 digits leave of 1 - determinant
      error.add("n = " + std::to_string(n), relative(atlas::kolmogorov_smirnov_p(d, n), wanted));
    }
}

/// R of `H = R R^T`, upper triangular, from the last row up.
matrix upper_factor_of(const matrix& h) {
  const std::size_t d = h.size();
  matrix r(d, column(d, 0));
  for (std::size_t j = d; j-- > 0;) {
    real left = h[j][j];
    for (std::size_t k = j + 1; k < d; ++k) left -= r[j][k] * r[j][k];
    r[j][j] = sqrt(left);
    for (std::size_t i = 0; i < j; ++i) {
      real sum = h[i][j];
      for (std::size_t k = j + 1; k < d; ++k) sum -= r[i][k] * r[j][k];
      r[i][j] = sum / r[j][j];
    }
  }
  return r;
}

/// `R^-1 / its diagonal`, a row each: shares of an error that the other columns take.
matrix shares_of(const matrix& r) {
  const std::size_t d = r.size();
  matrix u(d, column(d, 0));
  for (std::size_t j = 0; j < d; ++j) {
    u[j][j] = 1 / r[j][j];
    for (std::size_t i = j; i-- > 0;) {
      real sum = 0;
      for (std::size_t k = i + 1; k <= j; ++k) sum -= r[i][k] * u[k][j];
      u[i][j] = sum / r[i][i];
    }
  }
  for (std::size_t i = 0; i < d; ++i) {
    const real diagonal = u[i][i];
    for (real& v : u[i]) v /= diagonal;
  }
  return u;
}

/// The code of a number, and whether it is too near to the middle of two to be known.
int code_of(const real& x, const real& step, int high, bool& known) {
  const real place = std::clamp(x / step, real(-high), real(high));
  const real low = floor(place), rest = place - low;
  known = known && abs(rest - real(0.5)) > real("1e-9");
  return static_cast<int>(low) + (rest > real(0.5) ? 1 : 0);
}

TEST_CASE("GPTQ and LDLQ on second moments of condition 1e12 against 50 digits") {
  largest_error factor("damped factor, R R^T over the diagonal", 1e-14),
      shares("GPTQ's shares over their largest", 1e-10);
  int compared = 0, wrong = 0;
  atlas::random_stream random_of_singular(55);
  for (const index_t d : {3, 6, 12})
    for (const double condition : {1.0, 1e6, 1e12})
      for (const double damping : {1e-2, 1e-6}) {
        atlas::random_stream random(53, static_cast<std::uint64_t>(d));
        const Eigen::MatrixXd x =
            with_condition(normal_numbers(random, 3 * d, d), std::sqrt(condition)) *
            atlas::random_frame(d, d, random);
        const Eigen::MatrixXd half = x.transpose() * x, f = 0.5 * (half + half.transpose());
        const Eigen::MatrixXd w = normal_numbers(random, 7, d);
        matrix h = to_matrix(f);
        real mean = 0;
        for (std::size_t i = 0; i < h.size(); ++i) mean += h[i][i] / real(h.size());
        for (std::size_t i = 0; i < h.size(); ++i) h[i][i] += real(damping) * mean;
        const matrix r = upper_factor_of(h), u = shares_of(r);
        const auto found = atlas::detail::factor_damped(f, damping);
        REQUIRE(found.repairs.damping_attempts == 1);
        const Eigen::MatrixXd made = atlas::detail::error_shares(found.upper, 1);
        char name[64];
        std::snprintf(name, sizeof name, "d = %d, condition %.0e, damping %.0e",
                      static_cast<int>(d), condition, damping);
        const auto at = [](index_t i) { return static_cast<std::size_t>(i); };
        double largest = 1;
        for (const column& row : u)
          for (const real& v : row) largest = std::max(largest, std::abs(static_cast<double>(v)));
        for (index_t i = 0; i < d; ++i)
          for (index_t j = i; j < d; ++j) {
            real sum = 0;
            for (index_t k = j; k < d; ++k)
              sum += real(found.upper(i, k)) * real(found.upper(j, k));
            factor.add(name, static_cast<double>(abs(sum - h[at(i)][at(j)]) /
                                                 sqrt(h[at(i)][at(i)] * h[at(j)][at(j)])));
            shares.add(name,
                       static_cast<double>(abs(real(made(i, j)) - u[at(i)][at(j)])) / largest);
          }
        const auto gptq = atlas::gptq_quantize(w, f, {.grid = {.bits = 3}, .damping = damping});
        const auto ldlq = atlas::ldlq_quantize(w, f, {.grid = {.bits = 3}, .damping = damping});
        for (index_t row = 0; row < w.rows(); ++row) {
          const real step = gptq.grid.scales(row, 0);
          column left, errors(at(d), 0);
          for (index_t c = 0; c < d; ++c) left.push_back(w(row, c));
          bool known = true;
          for (index_t c = 0; known && c < d; ++c) {
            const int code = code_of(left[at(c)], step, 3, known);
            const real error = left[at(c)] - step * code;
            for (index_t k = c + 1; k < d; ++k) left[at(k)] -= error * u[at(c)][at(k)];
            if (known) ++compared, wrong += gptq.codes(row, c) != code;
          }
          known = true;
          for (index_t c = 0; known && c < d; ++c) {
            real target = w(row, c);
            for (index_t k = 0; k < c; ++k)
              target += errors[at(k)] * r[at(k)][at(c)] / r[at(c)][at(c)];
            const int code = code_of(target, ldlq.grid.scales(row, 0), 3, known);
            errors[at(c)] = real(w(row, c)) - real(ldlq.grid.scales(row, 0)) * code;
            if (known) ++compared, wrong += ldlq.codes(row, c) != code;
          }
        }
      }
  // What has no factor is damped until it has one, which is said.
  const Eigen::VectorXd direction = normal_numbers(random_of_singular, 6, 1);
  const auto repaired = atlas::detail::factor_damped(direction * direction.transpose(), 0);
  CHECK(repaired.repairs.damping_attempts > 1);
  CHECK(repaired.repairs.damping > 0);
  std::printf("codes of GPTQ and LDLQ: %d of %d differ\n", wrong, compared);
  CHECK(wrong == 0);
  CHECK(compared > 500);
}

}  // namespace fifty_digits_test
