// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// What the examples in docstrings and pages call by name: for the units that `snippets.cmake` and
/// CMakeLists.txt make of them. They are compiled, not run.

#include <array>
#include <cstddef>
#include <cstdint>
#include <iostream>
#include <span>
#include <string>
#include <vector>

#include "atlas/adapters/mdspan.hpp"
#include "atlas/atlas.hpp"
#include "atlas/io/model.hpp"
#include "atlas/io/safetensors.hpp"
#include "atlas/io/tokenizer.hpp"

extern const Eigen::MatrixXf points, w;
extern const Eigen::MatrixXd f;
extern const std::vector<Eigen::MatrixXd> clouds, batches;
extern const Eigen::MatrixXd weights, distances;
extern const Eigen::MatrixXi spins;
extern const atlas::owned_tensor<float, 3> logits;
extern const atlas::owned_tensor<atlas::index_t, 2> blocks;
extern const std::vector<atlas::index_t> labels, context, position, tokens;
extern const std::vector<double> x, y, dimension, worth;
extern const std::vector<atlas::index_t> layer_of_head;
extern const Eigen::MatrixXd similarities;
extern const std::string folder, text;
extern const atlas::transformer model;
extern const atlas::transformer_config config;
extern const atlas::index_t d, h, t, q, n;
extern const atlas::index_t k, rows, cols, stride;
extern const double observed;
extern double sum;
extern const atlas::index_t first, processes;
void change_layer(const atlas::transformer& model, atlas::index_t layer);
std::string send_and_receive(const std::string& block);
double difference_of_means(std::span<const atlas::index_t> rows);

extern const Eigen::MatrixXf other;
extern const atlas::owned_tensor<double, 3> cube;
extern const float* const pointer;
extern void* const capsule_pointer;
extern const std::span<const float> span;
std::vector<float> read_numbers();

#ifndef __cpp_lib_mdspan
/// What pages call std::mdspan, where the library has none.
namespace std {
template <class Index, size_t Rank>
struct dextents {};
template <class Element, class Extents>
struct mdspan {
  using element_type = Element;
  using index_type = size_t;
  static constexpr size_t rank() { return 2; }
  mdspan(const Element* data, index_type rows, index_type cols);
};
}  // namespace std
#endif

/// A matrix of somebody's own.
struct my_matrix {
  const float* ptr;
  atlas::index_t rows, cols, ld;
};
