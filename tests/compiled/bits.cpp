// SPDX-License-Identifier: MIT
// Prints results of every kind in full. Compiled from the headers alone and with the compiled form,
// it must print the same.
#include <Eigen/Dense>
#include <cstdio>
#include <vector>

#include "atlas/atlas.hpp"

namespace {

void print(const char* what, double value) {
  std::printf("%s %a\n", what, value);
}

void print(const char* what, const atlas::interval& i) {
  std::printf("%s %a %a\n", what, i.lower, i.upper);
}

template <class Scalar>
void print_dimensions() {
  atlas::random_stream random(1);
  const auto points = atlas::simulate_swiss_roll<Scalar>(400, random);
  const auto found = atlas::two_nn(points, {.threads = 2});
  print("dimension", found.dimension);
  print("interval", found.interval);
  const auto null = atlas::two_nn_null(points, found, {.draws = 10, .threads = 2});
  print("surrogates", null.mean);
  print("p", null.p);
  print("rank", atlas::pca_rank(points).participation_ratio);
}

template <class Scalar>
void print_overlaps() {
  atlas::random_stream random(2);
  const auto frames = atlas::simulate_frames(4, 8, 3, {}, random);
  const auto clouds = atlas::simulate_heads<Scalar>(frames, 100, 0.1, random);
  const auto overlap = atlas::head_overlap(atlas::principal_frames(clouds, 3), {.haar_draws = 100});
  print("overlap", overlap.global.mean);
  print("its interval", overlap.global.interval);
  print("its z", overlap.global.z);
}

template <class Scalar>
void print_quantization() {
  Eigen::MatrixX<Scalar> weights(6, 8);
  Eigen::MatrixXd inputs(40, 8);
  atlas::random_stream random(3);
  for (Scalar& w : weights.reshaped()) w = static_cast<Scalar>(random.normal());
  for (double& x : inputs.reshaped()) x = random.normal();
  const Eigen::MatrixXd moments = inputs.transpose() * inputs / 40;
  for (const auto method : {atlas::quantization_method::fisher, atlas::quantization_method::gptq}) {
    const auto found = atlas::quantize_matrix(weights, moments, {.method = method});
    print("output error", found.errors.output);
  }
}

template <class Scalar>
void print_observables() {
  Eigen::MatrixX<Scalar> logits(5, 7);
  atlas::random_stream random(4);
  for (Scalar& x : logits.reshaped()) x = static_cast<Scalar>(random.normal());
  const auto found = atlas::boltzmann_observables<2>(logits);
  for (int i = 0; i < 5; ++i) print("entropy", static_cast<double>(found.entropy[i]));
}

template <class Scalar>
void print_all() {
  print_dimensions<Scalar>();
  print_overlaps<Scalar>();
  print_quantization<Scalar>();
  print_observables<Scalar>();
}

}  // namespace

int main() {
  print_all<float>();
  print_all<double>();
}
