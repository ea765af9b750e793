// SPDX-License-Identifier: MIT
#include "atlas/nn/gelu.hpp"

#include <cmath>
#include <vector>

#include "../catch.hpp"
#include "../tolerances.hpp"

namespace {

double exact_gelu(double x) {
  return 0.5 * x * std::erfc(-x / std::sqrt(2.0));
}

double exact_gelu_slope(double x) {
  return 0.5 * std::erfc(-x / std::sqrt(2.0)) +
         x * std::exp(-0.5 * x * x) / std::sqrt(2 * std::acos(-1.0));
}

/// The largest errors of values and slopes on [-15, 15].
template <class Scalar>
double worst_gelu_error() {
  std::vector<Scalar> x;
  for (int i = -15000; i <= 15000; ++i) x.push_back(static_cast<Scalar>(i) / Scalar(1000));
  std::vector<Scalar> value = x, slope(x.size());
  atlas::detail::gelu(value.data(), static_cast<atlas::index_t>(x.size()), slope.data());
  double worst = 0;
  for (std::size_t i = 0; i < x.size(); ++i) {
    const auto at = static_cast<double>(x[i]);
    worst = std::max(worst, std::abs(static_cast<double>(value[i]) - exact_gelu(at)) /
                                std::max(1.0, std::abs(at)));
    worst = std::max(worst, std::abs(static_cast<double>(slope[i]) - exact_gelu_slope(at)));
  }
  return worst;
}

}  // namespace

TEST_CASE("GELU is x Phi(x), and its slope the derivative") {
  CHECK(worst_gelu_error<float>() < atlas_test::tolerance::float_gelu);
  CHECK(worst_gelu_error<double>() < 1e-15);
}

TEST_CASE("GELU of far and of no numbers") {
  // Filled up to 40: GCC 12 takes vectors that are longer than the numbers for an overflow.
  std::vector<float> x = {-1e30F, -100.0F, -0.0F, 1e-35F, 100.0F, 1e30F}, slope(40);
  x.resize(40);
  atlas::detail::gelu(x.data(), 40, slope.data());
  for (const std::size_t i : {0U, 1U, 2U}) CHECK(x[i] == Approx(0).margin(1e-7));
  CHECK(x[3] == Approx(5e-36F));
  CHECK(x[4] == 100);
  CHECK(x[5] == 1e30F);
  CHECK(slope[0] == Approx(0).margin(1e-7));
  CHECK(slope[2] == Approx(0.5F));
  CHECK(slope[3] == Approx(0.5F));
  CHECK(slope[5] == Approx(1));
  atlas::detail::gelu<float>(nullptr, 0, nullptr);
}
