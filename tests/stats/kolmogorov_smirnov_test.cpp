// SPDX-License-Identifier: MIT
#include "atlas/stats/kolmogorov_smirnov.hpp"

#include <algorithm>
#include <cmath>
#include <vector>

#include "../catch.hpp"
#include "../messages.hpp"

using atlas::index_t;

namespace {

/// P(D < d) of n uniform numbers, in long double: n! times the volume of what lies between the
/// bounds i/n - d and (i - 1)/n + d of each order statistic, by integrating polynomials piece by
/// piece between all bounds. The i-th function is a polynomial on each piece.
long double brute_cdf(long double d, int n) {
  std::vector<long double> cuts = {0, 1};
  const auto low = [&](int i) { return std::max(0.0L, static_cast<long double>(i) / n - d); };
  const auto high = [&](int i) { return std::min(1.0L, static_cast<long double>(i - 1) / n + d); };
  for (int i = 1; i <= n; ++i) {
    cuts.push_back(low(i));
    cuts.push_back(high(i));
  }
  std::sort(cuts.begin(), cuts.end());
  const std::size_t pieces = cuts.size() - 1;
  // before[p]: coefficients, in (x - cuts[p]), of the volume with the last number below x.
  std::vector<std::vector<long double>> before(pieces, {1});
  for (int i = 1; i <= n; ++i) {
    std::vector<std::vector<long double>> after(pieces);
    long double base = 0;
    for (std::size_t p = 0; p < pieces; ++p) {
      const long double width = cuts[p + 1] - cuts[p], middle = cuts[p] + width / 2;
      after[p] = {base};
      if (width <= 0 || middle < low(i) || middle > high(i)) continue;
      long double power = 1;
      for (std::size_t c = 0; c < before[p].size(); ++c) {
        const long double coefficient = before[p][c] / static_cast<long double>(c + 1);
        after[p].push_back(coefficient);
        base += coefficient * (power *= width);
      }
    }
    before = after;
  }
  long double volume = before.back()[0], power = 1;
  const long double width = cuts[pieces] - cuts[pieces - 1];
  for (std::size_t c = 1; c < before.back().size(); ++c)
    volume += before.back()[c] * (power *= width);
  for (int i = 2; i <= n; ++i) volume *= i;
  return volume;
}

}  // namespace

TEST_CASE("p of Kolmogorov and Smirnov is the volume that it stands for") {
  for (const int n : {1, 2, 3, 5, 8, 12})
    for (const double d : {0.05, 0.15, 0.21, 0.274, 0.35, 0.5, 0.62, 0.75, 0.9, 0.99}) {
      const long double p = 1 - brute_cdf(d, n);
      INFO(n << " numbers, d " << d);
      if (2 * n * d <= 1)
        CHECK(atlas::kolmogorov_smirnov_p(d, n) == 1);
      else
        CHECK(atlas::kolmogorov_smirnov_p(d, n) ==
              Approx(static_cast<double>(p)).epsilon(1e-9).margin(1e-14));
    }
}

TEST_CASE("p of Kolmogorov and Smirnov has its published values") {
  // Marsaglia, Tsang and Wang's own example.
  CHECK(1 - atlas::kolmogorov_smirnov_p(0.274, 10) == Approx(0.6284796154565).epsilon(1e-12));
  struct known {
    index_t n;
    double d, p;
  };
  // SciPy's kstwo.sf up to 100 numbers; beyond, the same matrix with 60 digits (mpmath).
  for (const known k : std::vector<known>{{20, 0.2683281572999747, 0.09223025450588507},
                                          {20, 0.436033255612459, 0.0005626918550467597},
                                          {20, 0.8944271909999159, 5.921672319663853e-20},
                                          {100, 0.03, 0.9999692479033473},
                                          {100, 0.12, 0.10330374901819939},
                                          {100, 0.205, 0.0003665614428891795},
                                          {100, 0.4, 5.947617451361663e-15},
                                          {400, 0.03, 0.8534112291333409},
                                          {400, 0.08, 0.01127992289055916},
                                          {1000, 0.028460498941515415, 0.38554935151798419},
                                          {1000, 0.0616644143732834, 0.00095123154209835142},
                                          {1000, 0.08221921916437787, 2.500187458471668e-06}}) {
    INFO(k.n << " numbers, d " << k.d);
    CHECK(atlas::kolmogorov_smirnov_p(k.d, k.n) == Approx(k.p).epsilon(1e-9));
  }
  for (const known k : std::vector<known>{{2000, 0.006708203932499369, 0.9999872796471603},
                                          {2000, 0.013416407864998738, 0.859380051904739},
                                          {2000, 0.026832815729997475, 0.11024479729203418},
                                          {2000, 0.043603325561245895, 0.0009650717443660346},
                                          {10000, 0.009, 0.3904392120331218},
                                          {10000, 0.012, 0.11135257403749388}}) {
    INFO(k.n << " numbers, d " << k.d);
    CHECK(atlas::kolmogorov_smirnov_p(k.d, k.n) == Approx(k.p).margin(1e-5));
  }
  CHECK(atlas::kolmogorov_smirnov_p(0.04, 10000) == Approx(2.4399624749525048e-14).epsilon(1e-9));
}

TEST_CASE("distances and counts that are none have no p") {
  CHECK_REFUSED(atlas::value_error, atlas::kolmogorov_smirnov_p(1.5, 10), "d", "1.5");
  CHECK_REFUSED(atlas::value_error, atlas::kolmogorov_smirnov_p(0.5, 0), "n", "0");
}
