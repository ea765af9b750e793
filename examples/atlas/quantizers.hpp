// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// Quantizers by their names on the command line.

#include <Eigen/Core>
#include <optional>
#include <string>
#include <vector>

#include "atlas/linalg/eigenbasis.hpp"
#include "atlas/linalg/row_matrix.hpp"
#include "atlas/quantize/grid.hpp"
#include "atlas/quantize/quantization.hpp"
#include "common.hpp"

namespace atlas_program {

/// What all quantizers of a run are given.
struct quantizer_settings {
  std::string kind = "symmetric", granularity;  ///< empty granularity: the method's usual one
  atlas::index_t inputs_per_scale = 128;
  double damping = 0.01;
  int min_bits = 0;  ///< where they are allocated
};
void add_quantizer_options(CLI::App& app, quantizer_settings& settings);
/// Refuses options that none of the quantizers looks at, and what one of them cannot do.
void check_quantizer_options(const CLI::App& command, const quantizer_settings& settings,
                             const std::vector<std::string>& quantizers);
json settings_json(const quantizer_settings& settings);

/// The names of the library, `NAME-allocated` where bits can be allocated to directions by reverse
/// water-filling, and `kronecker` and `kronecker-lambda` where there are gradients.
std::vector<std::string> quantizer_names(bool with_gradients);

/// Whether its result depends on the seed.
bool is_random(const std::string& quantizer);

/// What a layer is quantized with.
template <class Scalar>
struct quantizer_task {
  const atlas::row_matrix<Scalar>& weights;
  const Eigen::MatrixXd& input_moments;
  const Eigen::VectorXd& input_mean;
  const Eigen::MatrixXd* output_moments = nullptr;  ///< for kronecker
  /// Where it is known; outlives the task.
  std::optional<std::reference_wrapper<const atlas::eigenbasis>> input_eigenbasis = {};
};

/// \param bits 2 to 8; the average where they are allocated
/// \throws as the library
template <class Scalar>
atlas::quantization<Scalar> run_quantizer(const std::string& quantizer,
                                          const quantizer_task<Scalar>& task, int bits,
                                          const quantizer_settings& settings, std::uint64_t seed,
                                          int threads);

/// Participation ratios of the second moments and about the mean.
json effective_rank_json(const atlas::effective_ranks& ranks);

/// What had to be done to the moments; empty if nothing.
json repairs_json(const atlas::moment_repairs& repairs);

}  // namespace atlas_program
