// SPDX-License-Identifier: MIT
#include <Eigen/Dense>
#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <numbers>
#include <vector>

#include "../catch.hpp"
#include "../tolerances.hpp"
#include "atlas/boltzmann/density_matrix.hpp"
#include "atlas/boltzmann/observables.hpp"
#include "atlas/boltzmann/softmax.hpp"
#include "atlas/linalg/frame.hpp"
#include "atlas/quantize/quantize_matrix.hpp"
#include "atlas/stats/correlation.hpp"
#include "atlas/stats/kolmogorov_smirnov.hpp"
#include "atlas/stats/multiple_testing.hpp"
#include "atlas/subspace/haar.hpp"
#include "atlas/subspace/overlap.hpp"
#include "atlas/subspace/principal_angles.hpp"
#include "atlas/subspace/split_half.hpp"
#include "hard_clouds.hpp"
#include "random_cases.hpp"

namespace heads_properties_test {

using namespace atlas_test;
using atlas::index_t;

constexpr double epsilon = std::numeric_limits<double>::epsilon();

bool same_bits(double a, double b) {
  return std::memcmp(&a, &b, sizeof a) == 0 || (std::isnan(a) && std::isnan(b));
}

/// Logits of any size: nearly equal, equal, far apart, masked.
Eigen::VectorXd draw_logits(atlas::random_stream& random, index_t most) {
  const index_t n = chance(random, 0.2) ? whole(random, 1, 3) : whole(random, 1, most);
  Eigen::VectorXd s = normal_numbers(random, n, 1);
  switch (whole(random, 0, 5)) {
    case 0:
      s *= std::ldexp(1.0, static_cast<int>(whole(random, -1060, 1000)));
      break;
    case 1:
      s = s.array().round();
      break;
    case 2:
      s = s * 1e-9 + Eigen::VectorXd::Constant(n, 1e3 * random.normal());
      break;
    case 3:
      s *= 300;
      break;
    default:
      break;
  }
  for (index_t i = 1; i < n; ++i)
    if (chance(random, 0.1)) s[i] = -std::numeric_limits<double>::infinity();
  return s;
}

TEST_CASE("observables of softmax rows keep their bounds and identities") {
  for_each_case("Boltzmann observables: bounds, identities", 1, [](atlas::random_stream& random) {
    const Eigen::VectorXd s = draw_logits(random, 300);
    const double beta = std::ldexp(0.5 + random.uniform(), static_cast<int>(whole(random, -4, 4)));
    const double top = s.maxCoeff();
    const auto seen = static_cast<double>((s.array() > -1e308).count());
    const auto o = atlas::boltzmann_observables<1>(s, {.beta = beta});
    const double slack = 1e-13 * (1 + std::abs(top * beta));
    CAPTURE(s.size(), beta, top, o.entropy, o.log_partition, o.heat_capacity);
    REQUIRE(o.entropy >= 0);
    REQUIRE(o.entropy <= std::log(seen) + 1e-13);
    REQUIRE(o.effective_temperature >= 1);
    REQUIRE(o.effective_temperature <= seen * (1 + 1e-12));
    REQUIRE(o.heat_capacity >= 0);
    REQUIRE(o.mean_energy >= -top - slack / beta);
    REQUIRE(o.log_partition >= beta * top - slack);
    REQUIRE(o.log_partition <= beta * top + std::log(seen) + slack);
    REQUIRE(std::abs(o.free_energy - (o.mean_energy - o.entropy / beta)) <=
            1e-12 * (1 / beta + std::abs(top) + std::abs(o.mean_energy)));
    const auto w = atlas::softmax<1>(s, {.beta = beta});
    double sum = 0;
    for (index_t i = 0; i < w.size(); ++i) {
      REQUIRE(w(i) >= 0);
      REQUIRE(w(i) <= 1);
      if (std::isinf(s[i])) REQUIRE(w(i) == 0);
      sum += w(i);
    }
    REQUIRE(std::abs(sum - 1) <= 1e-13);
  });
}

TEST_CASE("colder rows have less entropy and less energy") {
  for_each_case(
      "Boltzmann observables: monotone in temperature", 1, [](atlas::random_stream& random) {
        const Eigen::VectorXd s = draw_logits(random, 60);
        if (s.maxCoeff() > 1e300) return;
        const double beta = std::ldexp(1.0, static_cast<int>(whole(random, -10, 8)));
        const auto warm = atlas::boltzmann_observables<1>(s, {.beta = beta});
        const auto cold =
            atlas::boltzmann_observables<1>(s, {.beta = beta * (1 + random.uniform())});
        REQUIRE(cold.entropy <= warm.entropy + 1e-13 * (1 + warm.entropy));
        // Rounding is of the largest magnitude that is not masked, and of beta times it where that
        // is subnormal.
        double size = 0;
        for (const double v : s)
          if (std::isfinite(v)) size = std::max(size, std::abs(v));
        const double least = 4 * std::numeric_limits<double>::denorm_min() * (1 + 1 / beta);
        REQUIRE(cold.mean_energy <= warm.mean_energy + 1e-13 * size + least);
      });
}

TEST_CASE("observables follow exact offsets, powers of two and the order of keys") {
  for_each_case(
      "Boltzmann observables: offset, power, order, storage, threads", 1,
      [](atlas::random_stream& random) {
        const index_t rows = whole(random, 1, 9), n = whole(random, 1, 200);
        const Eigen::MatrixXd s = (64 * normal_numbers(random, rows, n)).array().round() / 16;
        using row_major = Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
        const auto wanted = atlas::boltzmann_observables<2>(s, {.threads = 1});
        const auto shared = atlas::boltzmann_observables<2>(row_major(s), {.threads = 2});
        const Eigen::MatrixXd moved = s.array() + static_cast<double>(whole(random, -4096, 4096));
        const auto offset = atlas::boltzmann_observables<2>(moved);
        const auto e = static_cast<int>(whole(random, -300, 300));
        const auto power = atlas::boltzmann_observables<2>((s * std::ldexp(1.0, e)).eval(),
                                                           {.beta = std::ldexp(1.0, -e)});
        const auto order = atlas::random_permutation(n, random);
        Eigen::MatrixXd other(rows, n);
        for (index_t i = 0; i < n; ++i) other.col(i) = s.col(order[static_cast<std::size_t>(i)]);
        const auto keys = atlas::boltzmann_observables<2>(other);
        for (index_t r = 0; r < rows; ++r) {
          REQUIRE(same_bits(wanted.entropy(r), shared.entropy(r)));
          REQUIRE(same_bits(wanted.mean_energy(r), shared.mean_energy(r)));
          REQUIRE(same_bits(wanted.heat_capacity(r), shared.heat_capacity(r)));
          REQUIRE(same_bits(wanted.entropy(r), offset.entropy(r)));
          REQUIRE(same_bits(wanted.heat_capacity(r), offset.heat_capacity(r)));
          REQUIRE(same_bits(wanted.entropy(r), power.entropy(r)));
          REQUIRE(same_bits(std::ldexp(wanted.mean_energy(r), e), power.mean_energy(r)));
          REQUIRE(keys.entropy(r) == Approx(wanted.entropy(r)).epsilon(1e-12).margin(1e-15));
          REQUIRE(keys.heat_capacity(r) ==
                  Approx(wanted.heat_capacity(r)).epsilon(1e-12).margin(1e-15));
        }
      });
}

TEST_CASE("purity and von Neumann's entropy keep their bounds") {
  for_each_case("density matrices: bounds, threads, turns", 4, [](atlas::random_stream& random) {
    const index_t q = whole(random, 1, 9), t = whole(random, 1, 60), d = whole(random, 1, 24);
    Eigen::MatrixXd s(q, t);
    for (index_t r = 0; r < q; ++r)
      s.row(r) =
          std::ldexp(1.0, static_cast<int>(whole(random, -3, 9))) * normal_numbers(random, 1, t);
    const auto weights = atlas::softmax<2>(s);
    Eigen::MatrixXd v = normal_numbers(random, t, d);
    if (chance(random, 0.3)) v = normal_numbers(random, t, 1) * normal_numbers(random, 1, d);
    if (chance(random, 0.3)) v.row(random.uniform_index(t)).setZero();
    if (chance(random, 0.3)) v *= std::ldexp(1.0, static_cast<int>(whole(random, -900, 900)));
    const auto one = atlas::density_matrix(weights, v, {.threads = 1});
    const auto two = atlas::density_matrix(weights, v, {.threads = 2});
    const auto shannon = atlas::boltzmann_observables<2>(s);
    const Eigen::MatrixXd turned = v * atlas::random_frame(d, d, random);
    const auto rotated = atlas::density_matrix(weights, turned);
    const auto least = static_cast<double>(std::min(t, d));
    for (index_t r = 0; r < q; ++r) {
      REQUIRE(same_bits(one.purity(r), two.purity(r)));
      REQUIRE(same_bits(one.von_neumann_entropy(r), two.von_neumann_entropy(r)));
      if (std::isnan(one.purity(r))) {
        REQUIRE(one.undefined_rows > 0);
        continue;
      }
      const double pure = one.purity(r), entropy = one.von_neumann_entropy(r);
      CAPTURE(pure, entropy, shannon.entropy(r), t, d);
      REQUIRE(pure <= 1);
      REQUIRE(pure >= 1 / least * (1 - 1e-12));
      REQUIRE(entropy >= 0);
      REQUIRE(entropy <= std::log(least) + 1e-12);
      REQUIRE(std::exp(entropy) >= 1 / pure * (1 - 1e-9));
      if (one.zero_values == 0) REQUIRE(entropy <= shannon.entropy(r) + 1e-9);
      REQUIRE(rotated.purity(r) == Approx(pure).epsilon(1e-12));
      REQUIRE(rotated.von_neumann_entropy(r) == Approx(entropy).epsilon(1e-9).margin(1e-12));
    }
  });
}

TEST_CASE("principal angles of frames keep their bounds, and turn with both") {
  for_each_case(
      "principal angles, overlaps: bounds, turns, order of heads", 4,
      [](atlas::random_stream& random) {
        const index_t d = whole(random, 1, 24), k = whole(random, 1, d),
                      heads = whole(random, 2, 6);
        std::vector<Eigen::MatrixXd> frames;
        for (index_t h = 0; h < heads; ++h) frames.push_back(atlas::random_frame(d, k, random));
        if (chance(random, 0.5)) {  // nearly the same span, in another basis
          const double gap = std::pow(10.0, -16 * random.uniform());
          frames[1] = atlas::orthonormal_columns(frames[0] * atlas::random_frame(k, k, random) +
                                                 gap * normal_numbers(random, d, k));
        }
        const auto r = atlas::principal_angles(frames[0], frames[1]);
        const auto other = atlas::principal_angles(frames[1], frames[0]);
        const Eigen::MatrixXd turn = atlas::random_frame(d, d, random);
        const Eigen::MatrixXd a = atlas::orthonormal_columns(turn * frames[0]),
                              b = atlas::orthonormal_columns(turn * frames[1]);
        const auto turned = atlas::principal_angles(a, b);
        const double rounding = 64 * static_cast<double>(d) * epsilon;
        for (index_t i = 0; i < k; ++i) {
          REQUIRE(r.cosines[i] >= 0);
          REQUIRE(r.cosines[i] <= 1);
          REQUIRE(r.angles[i] >= 0);
          REQUIRE(r.angles[i] <= std::numbers::pi / 2 + 1e-15);
          if (i > 0) {
            REQUIRE(r.cosines[i] <= r.cosines[i - 1]);
            REQUIRE(r.angles[i] >= r.angles[i - 1] - rounding);
          }
          REQUIRE(std::abs(r.angles[i] - other.angles[i]) <= rounding);
          REQUIRE(std::abs(r.angles[i] - turned.angles[i]) <= rounding);
        }
        const Eigen::MatrixXd one = atlas::overlap_matrix(frames, {.threads = 1});
        REQUIRE(one == atlas::overlap_matrix(frames, {.threads = 2}));
        const auto order = atlas::random_permutation(heads, random);
        std::vector<Eigen::MatrixXd> moved;
        for (const index_t h : order) moved.push_back(frames[static_cast<std::size_t>(h)]);
        const Eigen::MatrixXd of_moved = atlas::overlap_matrix(moved);
        const auto at = [&](index_t h) { return order[static_cast<std::size_t>(h)]; };
        for (index_t i = 0; i < heads; ++i) {
          REQUIRE(one(i, i) == 1);
          for (index_t j = 0; j < heads; ++j) {
            REQUIRE(one(i, j) >= 0);
            REQUIRE(one(i, j) <= 1);
            REQUIRE(one(i, j) == one(j, i));
            REQUIRE(std::abs(of_moved(i, j) - one(at(i), at(j))) <= rounding);
            if (i == j) continue;
            const auto pair = atlas::subspace_overlap(frames[static_cast<std::size_t>(i)],
                                                      frames[static_cast<std::size_t>(j)]);
            REQUIRE(std::abs(pair.mean_cosine - one(i, j)) <= rounding);
            REQUIRE(pair.mean_squared_cosine <= pair.mean_cosine + rounding);
            REQUIRE(pair.mean_squared_cosine >= pair.mean_cosine * pair.mean_cosine - rounding);
          }
        }
      });
}

TEST_CASE("the Haar null lies between its bounds") {
  for_each_case("haar_overlap: bounds, threads", 10, [](atlas::random_stream& random) {
    const index_t d = whole(random, 1, 40), k = whole(random, 1, d);
    const auto one = atlas::haar_overlap(d, k, {.draws = 300, .threads = 1});
    const auto two = atlas::haar_overlap(d, k, {.draws = 300, .threads = 2});
    REQUIRE(same_bits(one.mean, two.mean));
    REQUIRE(same_bits(one.sd, two.sd));
    const double share = static_cast<double>(k) / static_cast<double>(d);
    REQUIRE(one.mean_squared == Approx(share).epsilon(1e-15));
    REQUIRE(one.mean >= share - 6 * one.standard_error - 1e-12);
    REQUIRE(one.mean <= std::sqrt(share) + 6 * one.standard_error + 1e-12);
    REQUIRE(one.sd >= 0);
    REQUIRE(one.sd <= 0.5);
  });
}

TEST_CASE("the ceiling of an overlap is a cosine, whatever the scale and the threads") {
  for_each_case(
      "split_half_overlap: bounds, powers of two, threads", 10, [](atlas::random_stream& random) {
        const index_t heads = whole(random, 1, 3), d = whole(random, 2, 6);
        std::vector<Eigen::MatrixXd> clouds, scaled;
        const auto e = static_cast<int>(whole(random, -300, 300));
        for (index_t h = 0; h < heads; ++h) {
          clouds.push_back(normal_numbers(random, 40, d));
          scaled.push_back(clouds.back() * std::ldexp(1.0, e));
        }
        const index_t k = whole(random, 1, d);
        const std::vector<int> rows;
        const auto one = atlas::split_half_overlap(clouds, rows, k, {.halvings = 3, .threads = 1});
        const auto two = atlas::split_half_overlap(clouds, rows, k, {.halvings = 3, .threads = 2});
        const auto power = atlas::split_half_overlap(scaled, rows, k, {.halvings = 3});
        REQUIRE(one.mean >= 0);
        REQUIRE(one.mean <= 1);
        REQUIRE(same_bits(one.mean, two.mean));
        REQUIRE(power.mean == Approx(one.mean).epsilon(1e-9));
      });
}

atlas::quantization<double> rounded(const Eigen::MatrixXd& w, const Eigen::MatrixXd& moments,
                                    const atlas::quantize_matrix_options& options) {
  return atlas::quantize_matrix(w, moments, options);
}

TEST_CASE("rounding to nearest is off by half a step at most, at any scale") {
  for_each_case(
      "round to nearest: half steps, codes, powers of two, order of columns", 2,
      [](atlas::random_stream& random) {
        const index_t out = whole(random, 1, 20), in = whole(random, 1, 30);
        Eigen::MatrixXd w = normal_numbers(random, out, in);
        if (chance(random, 0.3)) w = w.cwiseQuotient(normal_numbers(random, out, in));
        if (chance(random, 0.2)) w.col(random.uniform_index(in)).setZero();
        if (chance(random, 0.3)) w *= std::ldexp(1.0, static_cast<int>(whole(random, -250, 250)));
        const Eigen::MatrixXd moments = Eigen::MatrixXd::Identity(in, in);
        atlas::quantize_matrix_options o;
        o.method = atlas::quantization_method::identity;
        o.bits = static_cast<int>(whole(random, 2, 8));
        o.kind = chance(random, 0.5) ? atlas::grid_kind::symmetric : atlas::grid_kind::asymmetric;
        const atlas::granularity kinds[] = {atlas::granularity::tensor, atlas::granularity::column,
                                            atlas::granularity::row, atlas::granularity::group};
        o.granularity = kinds[whole(random, 0, 3)];
        o.inputs_per_scale = whole(random, 1, in);
        o.threads = 1;
        const auto q = rounded(w, moments, o);
        const int high = (1 << (o.bits - 1)) - 1,
                  low = o.kind == atlas::grid_kind::symmetric ? -high : -high - 1;
        for (index_t r = 0; r < out; ++r)
          for (index_t c = 0; c < in; ++c) {
            const double step = std::ldexp(
                q.grid.scales(q.grid.scale_row(r), q.grid.scale_column(c)), q.coordinates.exponent);
            CAPTURE(r, c, w(r, c), q.weights(r, c), step, o.bits);
            REQUIRE(q.codes(r, c) >= low);
            REQUIRE(q.codes(r, c) <= high);
            // The zero point of an asymmetric grid is itself rounded, by which its ends may be off.
            const double share = o.kind == atlas::grid_kind::symmetric ? 0.5 : 1.0;
            REQUIRE(std::abs(w(r, c) - q.weights(r, c)) <=
                    share * step * (1 + 1e-12) + 4 * epsilon * std::abs(w(r, c)));
            if (w(r, c) == 0) REQUIRE(q.weights(r, c) == 0);
          }
        o.threads = 2;
        REQUIRE(rounded(w, moments, o).codes == q.codes);
        const auto e = static_cast<int>(whole(random, -250, 250));
        Eigen::MatrixXd scaled;
        if (exact_power(w, e, scaled) && w.cwiseAbs().maxCoeff() > 0x1p-500) {
          const auto s = rounded(scaled, moments, o);
          REQUIRE(s.codes == q.codes);
          for (index_t i = 0; i < w.size(); ++i)
            REQUIRE(same_bits(s.weights.data()[i], std::ldexp(q.weights.data()[i], e)));
        }
        if (o.granularity == atlas::granularity::group) return;
        const auto order = atlas::random_permutation(in, random);
        Eigen::MatrixXd moved(out, in);
        for (index_t c = 0; c < in; ++c) moved.col(c) = w.col(order[static_cast<std::size_t>(c)]);
        const auto m = rounded(moved, moments, o);
        for (index_t c = 0; c < in; ++c)
          REQUIRE(m.codes.col(c) == q.codes.col(order[static_cast<std::size_t>(c)]));
      });
}

TEST_CASE("more bits never make the largest step larger") {
  for_each_case("round to nearest: steps by bits", 2, [](atlas::random_stream& random) {
    const index_t in = whole(random, 1, 12);
    const Eigen::MatrixXd w = normal_numbers(random, whole(random, 1, 12), in);
    const Eigen::MatrixXd moments = Eigen::MatrixXd::Identity(in, in);
    double before = std::numeric_limits<double>::infinity();
    for (int bits = 2; bits <= 8; ++bits) {
      const auto q =
          rounded(w, moments, {.method = atlas::quantization_method::identity, .bits = bits});
      const double step = q.grid.scales.maxCoeff();
      REQUIRE(step < before);
      before = step;
    }
  });
}

TEST_CASE("every quantizer gives the same codes for any threads and any power of two") {
  for_each_case("11 quantizers: threads, powers of two of weights and moments", 20,
                [](atlas::random_stream& random) {
                  const index_t out = whole(random, 1, 12), in = whole(random, 2, 16);
                  const Eigen::MatrixXd w = normal_numbers(random, out, in);
                  Eigen::MatrixXd x = normal_numbers(random, whole(random, 1, 40), in);
                  if (chance(random, 0.2)) x.col(0).setZero();
                  const Eigen::MatrixXd moments = x.transpose() * x;
                  const auto e = static_cast<int>(whole(random, -200, 200)),
                             f = static_cast<int>(whole(random, -200, 200));
                  const Eigen::MatrixXd scaled_w = w * std::ldexp(1.0, e),
                                        scaled_f = moments * std::ldexp(1.0, f);
                  for (const auto method : atlas::all_quantization_methods) {
                    atlas::quantize_matrix_options o;
                    o.method = method;
                    o.bits = static_cast<int>(whole(random, 2, 8));
                    o.threads = 1;
                    const auto one = rounded(w, moments, o);
                    o.threads = 2;
                    const auto two = rounded(w, moments, o);
                    CAPTURE(atlas::name_of(method), e, f);
                    REQUIRE(one.codes == two.codes);
                    REQUIRE(one.weights == two.weights);
                    REQUIRE(one.weights.allFinite());
                    REQUIRE(one.errors.output >= 0);
                    REQUIRE(rounded(scaled_w, scaled_f, o).codes == one.codes);
                  }
                });
}

TEST_CASE("correlations keep their bounds, and follow exact changes of scale") {
  for_each_case(
      "pearson, spearman: bounds, symmetry, powers of two, threads", 2,
      [](atlas::random_stream& random) {
        const index_t n = whole(random, 3, 40);
        Eigen::VectorXd x = normal_numbers(random, n, 1), y = normal_numbers(random, n, 1);
        if (chance(random, 0.3)) x = x.array().round();
        if (chance(random, 0.3)) y = x + 1e-8 * y;
        if (x.maxCoeff() == x.minCoeff() || y.maxCoeff() == y.minCoeff()) return;
        const atlas::permutation_options one{.permutations = 99, .threads = 1},
            two{.permutations = 99, .threads = 2};
        const Eigen::VectorXd moved =
            x * std::ldexp(1.0, static_cast<int>(whole(random, -900, 900)));
        for (const bool ranks : {false, true}) {
          const auto of = [&](const Eigen::VectorXd& a, const Eigen::VectorXd& b, const auto& o) {
            return ranks ? atlas::spearman(a, b, o) : atlas::pearson(a, b, o);
          };
          const auto r = of(x, y, one);
          REQUIRE(std::abs(r.coefficient) <= 1);
          REQUIRE(r.p > 0);
          REQUIRE(r.p <= 1);
          REQUIRE(same_bits(r.p, of(x, y, two).p));
          REQUIRE(same_bits(r.coefficient, of(moved, y, one).coefficient));
          REQUIRE(same_bits(r.p, of(moved, y, one).p));
          REQUIRE(of(y, x, one).coefficient == Approx(r.coefficient).epsilon(1e-12).margin(1e-14));
          REQUIRE(of((-x).eval(), y, one).coefficient ==
                  Approx(-r.coefficient).epsilon(1e-12).margin(1e-14));
        }
      });
}

TEST_CASE("adjusted p values are ordered, and no smaller than what they adjust") {
  for_each_case("Holm, Benjamini-Hochberg: bounds, order", 1, [](atlas::random_stream& random) {
    const index_t m = whole(random, 1, 60);
    std::vector<double> p;
    for (index_t i = 0; i < m; ++i) {
      const double u = random.uniform();
      p.push_back(chance(random, 0.2) ? std::round(4 * u) / 4 : std::pow(u, 40 * random.uniform()));
    }
    const auto holm = atlas::holm_correction(p), share = atlas::benjamini_hochberg(p);
    const auto order = atlas::random_permutation(m, random);
    std::vector<double> moved;
    for (const index_t i : order) moved.push_back(p[static_cast<std::size_t>(i)]);
    const auto of_moved = atlas::holm_correction(moved);
    for (std::size_t i = 0; i < p.size(); ++i) {
      REQUIRE(holm[i] >= p[i]);
      REQUIRE(holm[i] <= 1);
      REQUIRE(share[i] >= p[i] * (1 - 1e-15));
      REQUIRE(share[i] <= holm[i] * (1 + 1e-15));
      REQUIRE(same_bits(of_moved[i], holm[static_cast<std::size_t>(order[i])]));
      for (std::size_t j = 0; j < p.size(); ++j)
        if (p[i] <= p[j]) {
          REQUIRE(holm[i] <= holm[j]);
          REQUIRE(share[i] <= share[j]);
        }
    }
  });
}

TEST_CASE("p of the Kolmogorov-Smirnov distance falls from 1 to 0") {
  for_each_case("kolmogorov_smirnov_p: bounds, monotone", 4, [](atlas::random_stream& random) {
    const index_t n = chance(random, 0.5) ? whole(random, 1, 12) : whole(random, 13, 400);
    const double a = random.uniform(), b = a + (1 - a) * random.uniform() * random.uniform();
    const double p = atlas::kolmogorov_smirnov_p(a, n), q = atlas::kolmogorov_smirnov_p(b, n);
    CAPTURE(n, a, b, p, q);
    REQUIRE(p >= 0);
    REQUIRE(p <= 1);
    REQUIRE(q <= p * (1 + 1e-9) + 1e-300);
  });
}

}  // namespace heads_properties_test
