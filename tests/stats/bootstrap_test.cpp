// SPDX-License-Identifier: MIT
#include "atlas/stats/bootstrap.hpp"

#include <algorithm>
#include <array>
#include <boost/math/distributions/normal.hpp>
#include <cmath>
#include <limits>
#include <numeric>
#include <set>
#include <span>
#include <vector>

#include "../catch.hpp"
#include "../messages.hpp"
#include "../tolerances.hpp"
#include "whole_numbers_for_tests.hpp"

using namespace atlas_test;
using atlas::bootstrap;
using rows_of_data = std::span<const atlas::index_t>;

namespace {

/// The law schools of Efron and Tibshirani (An Introduction to the Bootstrap, 1993, table 3.1).
const std::vector<double> lsat = {576, 635, 558, 578, 666, 580, 555, 661,
                                  651, 605, 653, 575, 545, 572, 594};
const std::vector<double> gpa = {3.39, 3.30, 2.81, 3.03, 3.44, 3.07, 3.00, 3.43,
                                 3.36, 3.13, 3.12, 2.74, 2.76, 2.88, 2.96};

/// In long double, and returned so.
long double exact_law_correlation(rows_of_data rows) {
  const auto n = static_cast<long double>(rows.size());
  long double mx = 0, my = 0, xy = 0, xx = 0, yy = 0;
  for (const atlas::index_t i : rows) {
    mx += static_cast<long double>(lsat[static_cast<std::size_t>(i)]) / n;
    my += static_cast<long double>(gpa[static_cast<std::size_t>(i)]) / n;
  }
  for (const atlas::index_t i : rows) {
    const auto x = static_cast<long double>(lsat[static_cast<std::size_t>(i)]) - mx;
    const auto y = static_cast<long double>(gpa[static_cast<std::size_t>(i)]) - my;
    xy += x * y;
    xx += x * x;
    yy += y * y;
  }
  return xy / std::sqrt(xx * yy);
}

double law_correlation(rows_of_data rows) {
  return static_cast<double>(exact_law_correlation(rows));
}

double mean_of(std::span<const double> x) {
  return std::accumulate(x.begin(), x.end(), 0.0) / static_cast<double>(x.size());
}

double median_of(std::span<const double> x) {
  std::vector<double> sorted(x.begin(), x.end());
  std::sort(sorted.begin(), sorted.end());
  return atlas::sorted_quantile(sorted, 0.5);
}

struct spelt_out {
  long double estimate = 0, z0 = 0, acceleration = 0;
  std::array<long double, 2> percentile, bca;
};

long double linear_quantile(const std::vector<long double>& sorted, long double level) {
  const long double place = level * static_cast<long double>(sorted.size() - 1);
  const auto low = static_cast<std::size_t>(place);
  const std::size_t high = std::min(low + 1, sorted.size() - 1);
  return sorted[low] + (place - static_cast<long double>(low)) * (sorted[high] - sorted[low]);
}

/// Efron's formulas in long double on the resamples that the library draws.
spelt_out law_schools_spelt_out(atlas::index_t resamples, std::uint64_t seed, long double tail) {
  const boost::math::normal_distribution<long double> normal;
  spelt_out out;
  std::vector<atlas::index_t> rows(15);
  std::iota(rows.begin(), rows.end(), atlas::index_t{0});
  out.estimate = exact_law_correlation(rows);
  long double mean = 0, squares = 0, cubes = 0, below = 0;
  std::vector<long double> jackknifed, replicates;
  for (atlas::index_t left = 0; left < 15; ++left) {
    std::vector<atlas::index_t> kept = rows;
    kept.erase(kept.begin() + left);
    jackknifed.push_back(exact_law_correlation(kept));
    mean += jackknifed.back() / 15;
  }
  for (const long double v : jackknifed) {
    squares += (mean - v) * (mean - v);
    cubes += (mean - v) * (mean - v) * (mean - v);
  }
  out.acceleration = cubes / (6 * std::pow(squares, 1.5L));
  for (atlas::index_t b = 0; b < resamples; ++b) {
    atlas::random_stream random(seed, static_cast<std::uint64_t>(b));
    for (atlas::index_t& row : rows) row = random.uniform_index(15);
    replicates.push_back(exact_law_correlation(rows));
    below += replicates.back() < out.estimate ? 1 : 0;
  }
  std::sort(replicates.begin(), replicates.end());
  out.z0 = boost::math::quantile(normal, below / static_cast<long double>(resamples));
  for (std::size_t end = 0; end < 2; ++end) {
    const long double level = end == 0 ? tail : 1 - tail;
    const long double z = out.z0 + boost::math::quantile(normal, level);
    out.percentile[end] = linear_quantile(replicates, level);
    out.bca[end] = linear_quantile(
        replicates, boost::math::cdf(normal, out.z0 + z / (1 - out.acceleration * z)));
  }
  return out;
}

/// Share of trials whose interval holds the true value.
struct coverage {
  double percentile = 0, bca = 0;
};

template <class Draw, class Statistic>
coverage cover(int trials, int n, double truth, Draw&& draw, Statistic&& statistic) {
  coverage c;
  for (int t = 0; t < trials; ++t) {
    atlas::random_stream random(77, static_cast<std::uint64_t>(t));
    std::vector<double> x;
    for (int i = 0; i < n; ++i) x.push_back(draw(random));
    const auto r = atlas::bootstrap_sample(
        x, statistic, {.resamples = 500, .seed = 1000 + static_cast<std::uint64_t>(t)});
    const auto holds = [&](const atlas::interval& i) {
      return i.lower <= truth && truth <= i.upper;
    };
    c.percentile += (holds(r.percentile) ? 1.0 : 0.0) / trials;
    c.bca += (holds(r.bca) ? 1.0 : 0.0) / trials;
  }
  return c;
}

}  // namespace

TEST_CASE("the law schools of Efron and Tibshirani have the intervals published for them") {
  const auto r = bootstrap(15, law_correlation, {.resamples = 50000});
  CHECK(r.estimate == Approx(0.7764).margin(5e-5));
  CHECK(r.standard_error == Approx(0.133).margin(0.002));
  // Of 5000 resamples MATLAB's manual prints [0.33, 0.94] (bootci, "Resampling Statistics").
  CHECK(r.bca.lower == Approx(0.33).margin(0.02));
  CHECK(r.bca.upper == Approx(0.94).margin(0.01));
  CHECK(r.percentile.lower > r.bca.lower + 0.1);  // it does not know of bias and skewness
  CHECK(r.units == 15);
  CHECK(r.replicates.size() == 50000);
}

TEST_CASE("both intervals are Efron's formulas, in long double on the same resamples") {
  for (const std::uint64_t seed : {0U, 9U}) {
    const auto wanted = law_schools_spelt_out(3000, seed, 0.05L);
    const auto r =
        bootstrap(15, law_correlation, {.resamples = 3000, .confidence = 0.9, .seed = seed});
    const auto close = [](double got, long double value) {
      CHECK(got == Approx(static_cast<double>(value)).epsilon(1e-10));
    };
    close(r.estimate, wanted.estimate);
    close(r.bias_correction, wanted.z0);
    close(r.acceleration, wanted.acceleration);
    close(r.percentile.lower, wanted.percentile[0]);
    close(r.percentile.upper, wanted.percentile[1]);
    close(r.bca.lower, wanted.bca[0]);
    close(r.bca.upper, wanted.bca[1]);
  }
}

TEST_CASE("the acceleration of a mean is its skewness over 6 sqrt(n)") {
  const std::vector<double> x = {1, 1, 2, 3, 5, 8, 13, 21};
  double squares = 0, cubes = 0;
  for (const double v : x) {
    squares += (v - 6.75) * (v - 6.75);
    cubes += (v - 6.75) * (v - 6.75) * (v - 6.75);
  }
  const auto r = atlas::bootstrap_sample(x, mean_of, {.resamples = 20000});
  CHECK(r.acceleration == Approx(cubes / (6 * std::pow(squares, 1.5))).epsilon(1e-9));
  // The bootstrap's variance of a mean is sum (x - mean)^2 / n^2.
  CHECK(r.standard_error == Approx(std::sqrt(squares) / 8).epsilon(0.03));
  CHECK(r.bias == Approx(0).margin(4 * r.standard_error / std::sqrt(20000.0)));
}

TEST_CASE("intervals of a normal mean cover nearly as they say") {
  const auto c = cover(
      1000, 40, 0, [](auto& random) { return random.normal(); }, mean_of);
  // 95 % less what 39 degrees of freedom cost normal quantiles; the error of 1000 trials is 0.7 %.
  CHECK(c.percentile == Approx(0.94).margin(0.025));
  CHECK(c.bca == Approx(0.94).margin(0.025));
}

TEST_CASE("BCa covers the variance of a skewed sample better than percentiles do") {
  const auto variance = [](std::span<const double> x) {
    const double sd = atlas::summarize(x).sd;
    return sd * sd;
  };
  const auto c = cover(
      1000, 40, 1, [](auto& random) { return random.exponential(); }, variance);
  CHECK(c.bca > c.percentile + 0.02);
  CHECK(c.bca > 0.8);
  const auto mean = cover(
      1000, 40, 1, [](auto& random) { return random.exponential(); }, mean_of);
  CHECK(mean.bca >= mean.percentile - 0.005);
  CHECK(mean.bca == Approx(0.93).margin(0.03));
}

TEST_CASE("whole groups are drawn, so that dependent rows count once") {
  // Thirty texts of ten rows that are all the same: as good as thirty rows.
  std::vector<double> x;
  std::vector<int> text;
  atlas::random_stream random(4);
  for (int t = 0; t < 30; ++t) {
    const double value = random.normal();
    for (int i = 0; i < 10; ++i) x.push_back(value), text.push_back(1000 - 7 * t);
  }
  const auto mean = [&](rows_of_data rows) {
    double sum = 0;
    for (const atlas::index_t i : rows) sum += x[static_cast<std::size_t>(i)];
    return sum / static_cast<double>(rows.size());
  };
  std::vector<double> firsts;
  for (std::size_t i = 0; i < x.size(); i += 10) firsts.push_back(x[i]);
  const auto by_group = atlas::bootstrap_groups(text, mean, {.resamples = 4000});
  const auto by_row = bootstrap(300, mean, {.resamples = 4000});
  CHECK(by_group.units == 30);
  CHECK(by_group.estimate == Approx(by_row.estimate).epsilon(tolerance::double_rounding));
  CHECK(by_group.standard_error == Approx(std::sqrt(10.0) * by_row.standard_error).epsilon(0.06));
  const auto wanted = atlas::bootstrap_sample(firsts, mean_of, {.resamples = 4000});
  CHECK(by_group.acceleration == Approx(wanted.acceleration).epsilon(1e-6));
}

TEST_CASE("groups of one row are rows") {
  std::vector<long> own(15);
  std::iota(own.begin(), own.end(), 50);
  const auto rows = bootstrap(15, law_correlation),
             groups = atlas::bootstrap_groups(own, law_correlation);
  CHECK(groups.replicates == rows.replicates);
  CHECK(groups.bca.lower == rows.bca.lower);
}

TEST_CASE("the bootstrap is the same for every number of threads, and another for another seed") {
  const auto one = bootstrap(15, law_correlation, {.threads = 1});
  for (const int threads : {2, 3}) {
    const auto more = bootstrap(15, law_correlation, {.threads = threads});
    CHECK(more.replicates == one.replicates);
    CHECK(more.bca.upper == one.bca.upper);
    CHECK(more.acceleration == one.acceleration);
  }
  CHECK(bootstrap(15, law_correlation, {.seed = 1}).replicates != one.replicates);
  const auto plain = bootstrap(15, law_correlation, {.bca = false});
  CHECK(plain.percentile.lower == one.percentile.lower);
  CHECK(std::isnan(plain.bca.lower));
}

TEST_CASE("resamples without a value are counted, and intervals that do not exist are NaN") {
  // Resamples of few different rows have no correlation: all of one row, in particular.
  const std::vector<double> x = {1, 2, 4}, y = {1, 3, 2};
  const auto slope = [&](rows_of_data rows) {
    double mx = 0, xx = 0, xy = 0;
    for (const atlas::index_t i : rows) mx += x[static_cast<std::size_t>(i)] / 3;
    for (const atlas::index_t i : rows) {
      const auto at = static_cast<std::size_t>(i);
      xx += (x[at] - mx) * (x[at] - mx);
      xy += (x[at] - mx) * y[at];
    }
    return rows.front() == rows.back() && rows[1] == rows[0] ? 0.0 / 0.0 : xy / xx;
  };
  const auto r = bootstrap(3, slope, {.resamples = 900});
  CHECK(r.undefined == Approx(100).margin(40));  // 3 of 27
  CHECK(static_cast<atlas::index_t>(r.replicates.size()) + r.undefined == 900);
  CHECK(std::isfinite(r.percentile.lower));
  const std::vector<double> constant(10, 3.0);
  const auto flat = atlas::bootstrap_sample(constant, mean_of);
  CHECK(flat.bca.lower == 3);
  CHECK(flat.percentile.upper == 3);
  CHECK(flat.acceleration == 0);
  // Different rows: the data have more than any resample, which no correction of bias can mend.
  const auto different = [](rows_of_data rows) {
    return static_cast<double>(std::set<atlas::index_t>(rows.begin(), rows.end()).size());
  };
  const auto shifted = bootstrap(20, different);
  CHECK(std::isnan(shifted.bca.lower));
  CHECK(std::isinf(shifted.bias_correction));
  CHECK(std::isfinite(shifted.percentile.lower));
}

TEST_CASE("the median of a sample has an interval between its order statistics") {
  std::vector<double> x(25);
  std::iota(x.begin(), x.end(), 1.0);
  const auto r = atlas::bootstrap_sample(x, median_of, {.resamples = 20000});
  CHECK(r.estimate == 13);
  CHECK(r.percentile.lower == Approx(8).margin(1));  // binomial: 8 to 18 holds 95.7 %
  CHECK(r.percentile.upper == Approx(18).margin(1));
  CHECK(std::abs(r.bias_correction) < 0.03);
}

TEST_CASE("data that cannot be resampled are refused") {
  const auto nan = [](rows_of_data) { return std::numeric_limits<double>::quiet_NaN(); };
  CHECK_REFUSED(atlas::shape_error, bootstrap(0, law_correlation), "rows", "0");
  CHECK_REFUSED(atlas::shape_error, bootstrap(1, law_correlation), "rows", "2 rows");
  CHECK_REFUSED(atlas::value_error, bootstrap(15, nan), "statistic", "NaN");
  CHECK_REFUSED(atlas::value_error, bootstrap(15, law_correlation, {.resamples = 1}), "resamples",
                "1");
  CHECK_REFUSED(atlas::value_error, bootstrap(15, law_correlation, {.confidence = 1}), "confidence",
                "1");
  CHECK_REFUSED(atlas::shape_error, atlas::bootstrap_groups(std::vector<int>{}, law_correlation),
                "labels", "empty");
  CHECK_REFUSED(atlas::shape_error,
                atlas::bootstrap_groups(std::vector<int>(15, 2), law_correlation), "labels", "1");
  CHECK_REFUSED(atlas::shape_error, atlas::bootstrap_sample(std::vector<double>{}, mean_of),
                "values", "empty");
  CHECK_REFUSED(atlas::value_error,
                atlas::bootstrap_sample(std::vector<double>{1, 0.0 / 0.0}, mean_of), "values",
                "[1]");
}

TEST_CASE("a bootstrap has the same shape at every offset and scale") {
  const integers x = draw_integers(40, 8);
  const auto mean = [](std::span<const double> v) { return atlas::summarize(v).mean; };
  const auto plain = atlas::bootstrap_sample(shifted(x, 0), mean, {.resamples = 200});
  for (const double offset : {1e3, 1e6, 1e9}) {
    const auto r = atlas::bootstrap_sample(shifted(x, offset), mean, {.resamples = 200});
    CHECK(r.standard_error == Approx(plain.standard_error).epsilon(1e-6));
    CHECK(r.acceleration == Approx(plain.acceleration).margin(1e-5));
    CHECK(r.bca.lower - offset == Approx(plain.bca.lower).margin(1e-5));
  }
  for (const double scale : {0x1p-900, 0x1p-400, 0x1p400, 0x1p900}) {
    const auto r = atlas::bootstrap_sample(shifted(x, 0, scale), mean, {.resamples = 200});
    CHECK(r.standard_error == plain.standard_error * scale);
    CHECK(r.acceleration == plain.acceleration);
    CHECK(r.bca.upper == plain.bca.upper * scale);
  }
}

TEST_CASE("resamples of the same rows are half below the estimate, in whatever order they sum") {
  const numbers x = {0.1, 0.2, 0.3};  // whose sum depends on the order
  const auto sum = [](std::span<const double> v) {
    return std::accumulate(v.begin(), v.end(), 0.0);
  };
  const auto r = atlas::bootstrap_sample(x, sum, {.resamples = 4000});
  CHECK(std::abs(r.bias_correction) < 0.06);  // symmetric: 0, to 1 / sqrt(4000) a few times
}
