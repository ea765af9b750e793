// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// Every quantizer of a linear layer under one name.

#include <Eigen/Core>
#include <array>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "atlas/core/as_view.hpp"
#include "atlas/core/compiled.hpp"
#include "atlas/core/progress.hpp"
#include "atlas/linalg/eigenbasis.hpp"
#include "atlas/quantize/awq.hpp"
#include "atlas/quantize/block_fisher.hpp"
#include "atlas/quantize/diagonal_fisher.hpp"
#include "atlas/quantize/gptq.hpp"
#include "atlas/quantize/ldlq.hpp"
#include "atlas/quantize/quantization.hpp"

namespace atlas::inline ATLAS_ABI {

enum class quantization_method {
  identity,        ///< round to nearest, in the coordinates of the weights themselves
  random,          ///< in a random orthogonal basis
  hadamard,        ///< in a randomized Hadamard basis
  fisher,          ///< in the eigenbasis of the second moments
  fisher_lambda,   ///< the same with the steps of columns times lambda^-1/2
  diagonal,        ///< steps by the diagonal of the second moments
  gptq,            ///< columns as stored
  gptq_act_order,  ///< columns by descending second moment
  awq,             ///< scaled by input magnitudes
  ldlq,            ///< linear feedback, without incoherence
  quip,            ///< LDLQ with rescaling and Hadamard incoherence
};

/// All of them, in the order of the enumeration.
inline constexpr std::array all_quantization_methods = {
    quantization_method::identity,      quantization_method::random,
    quantization_method::hadamard,      quantization_method::fisher,
    quantization_method::fisher_lambda, quantization_method::diagonal,
    quantization_method::gptq,          quantization_method::gptq_act_order,
    quantization_method::awq,           quantization_method::ldlq,
    quantization_method::quip};

/// The name in reports and on command lines: "gptq-act-order" and so on.
[[nodiscard]] inline std::string_view name_of(quantization_method method) {
  using m = quantization_method;
  switch (method) {
    case m::identity:
      return "identity";
    case m::random:
      return "random";
    case m::hadamard:
      return "hadamard";
    case m::fisher:
      return "fisher";
    case m::fisher_lambda:
      return "fisher-lambda";
    case m::diagonal:
      return "diagonal";
    case m::gptq:
      return "gptq";
    case m::gptq_act_order:
      return "gptq-act-order";
    case m::awq:
      return "awq";
    case m::ldlq:
      return "ldlq";
    case m::quip:
      return "quip";
  }
  throw value_error("method", "a quantization_method", std::to_string(static_cast<int>(method)));
}

/// Whether its bits can differ between the directions of its basis: where it has one, no scales or
/// order of its own, and no feedback between columns.
[[nodiscard]] inline bool can_allocate_bits(quantization_method method) {
  using m = quantization_method;
  switch (method) {
    case m::identity:
    case m::random:
    case m::hadamard:
    case m::fisher:
      return true;
    case m::fisher_lambda:
    case m::diagonal:
    case m::gptq:
    case m::gptq_act_order:
    case m::awq:
    case m::ldlq:
    case m::quip:
      return false;
  }
  return false;
}

/// The scales that methods are compared with: per column, so that they differ in nothing but the
/// method; per row for AWQ, which per column would be round to nearest.
[[nodiscard]] inline granularity usual_granularity(quantization_method method) {
  return method == quantization_method::awq ? granularity::row : granularity::column;
}

struct quantize_matrix_options {
  quantization_method method = quantization_method::fisher;
  int bits = 4;  ///< 2 to 8
  grid_kind kind = grid_kind::symmetric;
  /// None: `usual_granularity(method)`. Per column alone for fisher_lambda and diagonal.
  std::optional<atlas::granularity> granularity = {};
  index_t inputs_per_scale = 128;  ///< with granularity::group
  /// Reverse water-filling at this average instead of `bits`: for methods that `can_allocate_bits`,
  /// with scales per column.
  std::optional<double> average_bits = {};
  int min_bits = 0;        ///< of the water-filling: 0 (directions may be dropped) or 2 to 8
  double damping = 0.01;   ///< of the first attempt of GPTQ, LDLQ and QuIP
  std::uint64_t seed = 0;  ///< of random bases
  int threads = 0;         ///< 0: all of the machine
  progress_callback on_progress = {};  ///< may cancel
  /// The eigenbasis of the second moments, where the caller has it: any `eigenbasis` that outlives
  /// the call, given by its name; temporaries do not compile.
  std::optional<std::reference_wrapper<const eigenbasis>> known_eigenbasis = {};
  /// E[a], `[in]`, where it is known: for the effective rank about the mean.
  Eigen::VectorXd input_mean = {};
};

namespace detail {

template <class Scalar>
quantization<Scalar> quantize_in_basis(const quantizer_input<Scalar>& input, basis_kind basis,
                                       const grid_options& grid, const quantize_matrix_options& o) {
  const bool lambda = o.method == quantization_method::fisher_lambda;
  return block_fisher_quantize(input, {.basis = basis,
                                       .grid = grid,
                                       .lambda_scales = lambda,
                                       .average_bits = o.average_bits,
                                       .min_bits = o.min_bits,
                                       .seed = o.seed,
                                       .threads = o.threads,
                                       .on_progress = o.on_progress,
                                       .known_eigenbasis = o.known_eigenbasis});
}

template <class Scalar>
quantization<Scalar> quantize_by_diagonal(const quantizer_input<Scalar>& input,
                                          const quantize_matrix_options& o) {
  if (o.kind != grid_kind::symmetric)
    throw value_error("kind", "a symmetric grid for this method", "an asymmetric one");
  if (o.granularity.value_or(granularity::column) != granularity::column)
    throw value_error("granularity", "scales per column for this method", "others");
  const row_matrix<double> lambda = input.moments.diagonal().cwiseMax(0.0).transpose();
  return diagonal_fisher_quantize(
      input, lambda, {.bits = o.bits, .threads = o.threads, .on_progress = o.on_progress});
}

template <class Scalar>
quantization<Scalar> quantize_by_ldlq(const quantizer_input<Scalar>& input,
                                      const grid_options& grid, const quantize_matrix_options& o) {
  const bool quip = o.method == quantization_method::quip;
  return ldlq_quantize(input, {.grid = grid,
                               .damping = o.damping,
                               .incoherence = quip ? basis_kind::hadamard : basis_kind::identity,
                               .rescale = quip,
                               .seed = o.seed,
                               .threads = o.threads,
                               .on_progress = o.on_progress});
}

template <class Scalar>
quantization<Scalar> quantize_by_gptq(const quantizer_input<Scalar>& input,
                                      const grid_options& grid, const quantize_matrix_options& o) {
  return gptq_quantize(input, {.grid = grid,
                               .damping = o.damping,
                               .act_order = o.method == quantization_method::gptq_act_order,
                               .threads = o.threads,
                               .on_progress = o.on_progress});
}

template <class Scalar>
quantization<Scalar> quantize_by_awq(const quantizer_input<Scalar>& input, const grid_options& grid,
                                     const quantize_matrix_options& o) {
  return awq_quantize(input, input_magnitudes(input),
                      {.grid = grid, .threads = o.threads, .on_progress = o.on_progress});
}

inline void check_average_bits(const quantize_matrix_options& o) {
  if (o.average_bits && !can_allocate_bits(o.method))
    throw value_error("average_bits", "a method without scales or an order of its own",
                      std::string(name_of(o.method)));
}

template <class Scalar>
quantization<Scalar> quantize_matrix(const quantizer_input<Scalar>& input,
                                     const quantize_matrix_options& o) {
  using m = quantization_method;
  check_average_bits(o);
  const grid_options grid{.bits = o.bits,
                          .kind = o.kind,
                          .granularity = o.granularity.value_or(usual_granularity(o.method)),
                          .inputs_per_scale = o.inputs_per_scale};
  switch (o.method) {
    case m::identity:
      return quantize_in_basis(input, basis_kind::identity, grid, o);
    case m::random:
      return quantize_in_basis(input, basis_kind::random_orthogonal, grid, o);
    case m::hadamard:
      return quantize_in_basis(input, basis_kind::hadamard, grid, o);
    case m::diagonal:
      return quantize_by_diagonal(input, o);
    case m::gptq:
    case m::gptq_act_order:
      return quantize_by_gptq(input, grid, o);
    case m::awq:
      return quantize_by_awq(input, grid, o);
    case m::ldlq:
    case m::quip:
      return quantize_by_ldlq(input, grid, o);
    case m::fisher:
    case m::fisher_lambda:
      return quantize_in_basis(input, basis_kind::fisher, grid, o);
  }
  throw value_error("method", "a quantization_method", std::to_string(static_cast<int>(o.method)));
}

}  // namespace detail

/// Quantizes a linear layer by the method asked for.
///
/// \param weights        `[out, in]`
/// \param second_moments E[a a^T], `[in, in]`
/// \throws as the quantizer; value_error for average_bits with a method that cannot vary its bits
/// \code
/// for (const auto method : atlas::all_quantization_methods) {
///   const auto q = atlas::quantize_matrix(w, f, {.method = method, .bits = 3});
///   std::cout << atlas::name_of(method) << ' ' << q.errors.output << '\n';
/// }
/// \endcode
template <real_tensor<2> Weights, real_tensor<2> Moments>
[[nodiscard]] quantization<scalar_of<Weights, 2>> quantize_matrix(
    const Weights& weights, const Moments& second_moments,
    const quantize_matrix_options& options = {}) {
  return detail::quantize_matrix(detail::checked_input(weights, second_moments, options.input_mean),
                                 options);
}

}  // namespace atlas::inline ATLAS_ABI

#ifdef ATLAS_COMPILED
namespace atlas::inline ATLAS_ABI::detail {
ATLAS_OF_QUANTIZE quantization<float> quantize_matrix<float>(const quantizer_input<float>&,
                                                             const quantize_matrix_options&);
ATLAS_OF_QUANTIZE quantization<double> quantize_matrix<double>(const quantizer_input<double>&,
                                                               const quantize_matrix_options&);
}  // namespace atlas::inline ATLAS_ABI::detail
#endif
