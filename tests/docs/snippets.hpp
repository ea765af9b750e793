// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// What the examples in docstrings call by name: for the unit that `snippets.cmake` makes of them.
/// It is compiled, not run.

#include <cstdint>
#include <iostream>
#include <span>
#include <string>
#include <vector>

#include "atlas/atlas.hpp"
#include "atlas/io/model.hpp"
#include "atlas/io/safetensors.hpp"
#include "atlas/io/tokenizer.hpp"

extern const Eigen::MatrixXf points, w;
extern const Eigen::MatrixXd f;
extern const std::vector<Eigen::MatrixXd> clouds, batches;
extern const Eigen::MatrixXd weights;
extern const atlas::owned_tensor<float, 3> logits;
extern const atlas::owned_tensor<atlas::index_t, 2> blocks;
extern const std::vector<atlas::index_t> labels, context, position, tokens;
extern const std::vector<double> x, y;
extern const std::string folder, text;
extern const atlas::transformer model;
extern const atlas::transformer_config config;
extern const atlas::index_t d, h, t, q, n;
extern const double observed;
extern double sum;
double difference_of_means(std::span<const atlas::index_t> rows);

/// A matrix of somebody's own.
struct my_matrix {
  const float* ptr;
  atlas::index_t rows, cols, ld;
};
