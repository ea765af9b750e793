// SPDX-License-Identifier: MIT
#include "atlas/nn/mlp.hpp"

#include <cmath>
#include <vector>

#include "../catch.hpp"
#include "../clouds_for_tests.hpp"
#include "../messages.hpp"
#include "../tolerances.hpp"
#include "atlas/nn/mlp_pass.hpp"

namespace {

template <class Scalar>
atlas::basic_mlp<Scalar> random_mlp(const std::vector<atlas::index_t>& sizes,
                                    const std::vector<bool>& activated) {
  atlas::basic_mlp<Scalar> model(sizes, activated);
  atlas::random_stream random(11);
  atlas::initialize(model, random);
  return model;
}

/// The summed squared errors, and their gradient where asked.
double squared_errors(const atlas::basic_mlp<double>& model, const atlas::row_matrix<double>& x,
                      const atlas::row_matrix<double>& target,
                      std::vector<double>* gradient = nullptr) {
  std::vector<double> unwanted(model.parameters.size());
  atlas::detail::mlp_pass<double> pass(model);
  return pass.add_gradient(x, target, 1, gradient ? gradient->data() : unwanted.data());
}

}  // namespace

TEST_CASE("gradients of perceptrons are those of central differences") {
  const auto shapes = std::vector<std::vector<atlas::index_t>>{{4, 3}, {5, 6, 2}, {7, 9, 2, 8, 5}};
  for (const auto& sizes : shapes) {
    std::vector<bool> activated(sizes.size() - 1, true);
    activated.back() = false;
    if (sizes.size() == 5) activated[1] = false;
    auto model = random_mlp<double>(sizes, activated);
    const atlas::row_matrix<double> x = atlas_test::normal_cloud(13, sizes.front(), 2),
                                    target = atlas_test::normal_cloud(13, sizes.back(), 3);
    std::vector<double> gradient(model.parameters.size());
    squared_errors(model, x, target, &gradient);
    constexpr double step = 1e-5;
    double difference = 0, norm = 0;
    for (std::size_t i = 0; i < gradient.size(); ++i) {
      const double at = model.parameters[i];
      model.parameters[i] = at + step;
      const double above = squared_errors(model, x, target);
      model.parameters[i] = at - step;
      const double slope = (above - squared_errors(model, x, target)) / (2 * step);
      model.parameters[i] = at;
      difference += std::pow(slope - gradient[i], 2);
      norm += slope * slope;
    }
    CHECK(std::sqrt(difference / norm) < 1e-6);
  }
}

TEST_CASE("a perceptron is affine maps with GELUs between, written out") {
  const auto model = random_mlp<float>({3, 4, 2}, {true, false});
  const atlas::row_matrix<float> x = atlas_test::normal_cloud(5, 3).cast<float>();
  atlas::detail::mlp_pass<float> pass(model);
  const atlas::row_matrix<float> got = pass.forward(x, 0, 2);
  const auto p = [&](atlas::index_t at) {
    return static_cast<double>(model.parameters[static_cast<std::size_t>(at)]);
  };
  for (atlas::index_t i = 0; i < 5; ++i)
    for (atlas::index_t o = 0; o < 2; ++o) {
      double sum = p(16 + 8 + o);
      for (atlas::index_t h = 0; h < 4; ++h) {
        double in = p(12 + h);
        for (atlas::index_t k = 0; k < 3; ++k) in += p(h * 3 + k) * static_cast<double>(x(i, k));
        sum += p(16 + o * 4 + h) * 0.5 * in * std::erfc(-in / std::sqrt(2.0));
      }
      CHECK(static_cast<double>(got(i, o)) == Approx(sum).margin(1e-6));
    }
}

TEST_CASE("parameters start uniform on +-1 / sqrt(in), from the stream") {
  const auto model = random_mlp<float>({16, 200, 3}, {true, false});
  double mean = 0, square = 0, largest = 0;
  for (atlas::index_t i = 0; i < 17 * 200; ++i) {
    const auto v = static_cast<double>(model.parameters[static_cast<std::size_t>(i)]);
    mean += v / 3400, square += v * v / 3400;
    largest = std::max(largest, std::abs(v));
  }
  CHECK(mean == Approx(0).margin(4 * 0.25 / std::sqrt(3 * 3400)));
  CHECK(square == Approx(0.0625 / 3).epsilon(0.06));
  CHECK(largest < 0.25);
  CHECK(largest > 0.249);
  CHECK(model.parameters == random_mlp<float>({16, 200, 3}, {true, false}).parameters);
}

TEST_CASE("perceptrons without layers are refused") {
  CHECK_REFUSED(atlas::shape_error, atlas::mlp({3}, {}), "sizes", "1");
  CHECK_REFUSED(atlas::shape_error, atlas::mlp({3, 4}, {}), "activated", "0");
  CHECK_REFUSED(atlas::value_error, atlas::mlp({3, 0}, {false}), "sizes", "0");
}
