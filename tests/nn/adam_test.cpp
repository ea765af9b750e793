// SPDX-License-Identifier: MIT
#include "atlas/nn/adam.hpp"

#include <cmath>
#include <vector>

#include "../catch.hpp"
#include "../messages.hpp"
#include "../tolerances.hpp"
#include "atlas/core/random.hpp"

namespace {

/// Adam and AdamW of one number in long hand.
struct long_adam {
  long double value, first = 0, second = 0;

  void step(const atlas::adam_options& o, int number, long double gradient) {
    const long double b1 = o.beta1, b2 = o.beta2, rate = o.learning_rate;
    value -= rate * static_cast<long double>(o.weight_decay) * value;
    first = b1 * first + (1 - b1) * gradient;
    second = b2 * second + (1 - b2) * gradient * gradient;
    const long double m = first / (1 - std::pow(b1, static_cast<long double>(number)));
    const long double v = second / (1 - std::pow(b2, static_cast<long double>(number)));
    value -= rate * m / (std::sqrt(v) + static_cast<long double>(o.epsilon));
  }
};

/// The largest relative gap to the long hand over steps of random gradients.
template <class Scalar>
double worst_adam_gap(const atlas::adam_options& o) {
  constexpr std::size_t n = 37;
  atlas::random_stream random(9);
  std::vector<Scalar> values(n), gradients(n);
  std::vector<long_adam> wanted;
  for (Scalar& v : values) {
    v = static_cast<Scalar>(1 + random.uniform());
    wanted.push_back({static_cast<long double>(v)});
  }
  atlas::adam_moments<Scalar> moments(n);
  double worst = 0;
  for (int step = 1; step <= 25; ++step) {
    for (std::size_t i = 0; i < n; ++i) {
      gradients[i] = static_cast<Scalar>(
          i == 0 ? 0 : random.normal() * std::pow(10.0, 3.0 - static_cast<double>(i % 7)));
      wanted[i].step(o, step, static_cast<long double>(gradients[i]));
    }
    atlas::detail::adam_step(o, step, 0, 20, gradients.data(), values.data(), moments);
    atlas::detail::adam_step(o, step, 20, 17, gradients.data(), values.data(), moments);
    for (std::size_t i = 0; i < n; ++i)
      worst = std::max(
          worst,
          static_cast<double>(std::abs(static_cast<long double>(values[i]) / wanted[i].value - 1)));
  }
  return worst;
}

}  // namespace

TEST_CASE("Adam and AdamW are those written out in long double") {
  for (const double decay : {0.0, 0.1}) {
    const atlas::adam_options o{.learning_rate = 1e-2, .weight_decay = decay};
    CHECK(worst_adam_gap<double>(o) < atlas_test::tolerance::double_rounding);
    CHECK(worst_adam_gap<float>(o) < atlas_test::tolerance::float_rounding);
  }
  CHECK(
      worst_adam_gap<double>({.learning_rate = 3e-3, .beta1 = 0, .beta2 = 0.95, .epsilon = 1e-3}) <
      atlas_test::tolerance::double_rounding);
}

TEST_CASE("settings that Adam cannot use are refused") {
  using atlas::detail::check_adam;
  CHECK_REFUSED(atlas::value_error, (check_adam({.learning_rate = 0}), 0), "learning_rate", "0");
  CHECK_REFUSED(atlas::value_error, (check_adam({.learning_rate = NAN}), 0), "learning_rate",
                "NaN");
  CHECK_REFUSED(atlas::value_error, (check_adam({.beta1 = 1}), 0), "beta1", "1");
  CHECK_REFUSED(atlas::value_error, (check_adam({.beta2 = -0.5}), 0), "beta2", "-0.5");
  CHECK_REFUSED(atlas::value_error, (check_adam({.epsilon = 0}), 0), "epsilon", "0");
  CHECK_REFUSED(atlas::value_error, (check_adam({.weight_decay = -1}), 0), "weight_decay", "-1");
}
