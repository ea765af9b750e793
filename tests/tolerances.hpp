// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// Every tolerance of the tests, and why it is what it is.

namespace atlas_test::tolerance {

/// Golden tensors of the micro models, relative error in the norm. Two float32 programs that sum in
/// different orders differ by some 1e-6 after two layers; the softmax and the norms add a little.
inline constexpr double micro_golden = 2e-5;

/// Logits of the tiny models of other architectures, likewise.
inline constexpr double architecture_golden = 1e-5;

/// The same for the trained models: six layers, and activations a hundred times as large.
inline constexpr double tiny_golden = 1e-4;

/// Perplexities published with the models to six digits, of float32 arithmetic.
inline constexpr double perplexity = 5e-5;

/// Golden perplexities move by less than this where all linear maps are rounded to 8 bits.
inline constexpr double eight_bits = 0.01;

/// Perplexities under rules that keep everything: float32 sums in another order.
inline constexpr double same_perplexity = 1e-6;

/// Distances of a float32 cloud at offset 1e3 with gaps of 1e-3: the coordinates themselves are
/// rounded to 6e-5, the distance is of these rounded coordinates and exact to far less.
inline constexpr double offset_distance = 1e-3;

/// What is computed in double from the same numbers in another order.
inline constexpr double double_rounding = 1e-12;

/// The same in float, where the inputs are float and the sums double.
inline constexpr double float_rounding = 1e-5;

/// Published values of the Haar table have four digits and come from other samples.
inline constexpr double haar_table = 2e-3;

/// Mean of the censored TwoNN over 200 repetitions of a sample of 1000, whose relative standard
/// error is 1 / sqrt(200 * 900) = 0.24 %.
inline constexpr double two_nn_mean = 0.01;

/// GELU and its slope in float: the formula's 7.5e-8, and some roundings of numbers up to 1.
inline constexpr double float_gelu = 4e-7;

/// Quantiles of the Gamma distribution against its series, relative: the distribution is summed to
/// rounding, but at shape 1e8 its argument's rounding is seen 1e4 times as large, and at shape
/// 1e-3 the upper share is the difference of 1 and 0.999.
inline constexpr double gamma_quantile = 1e-10;

/// p of Student's t against its integral in long double, relative to the degrees of freedom: the
/// incomplete beta function is taken at 1 - t^2 / degrees, whose rounding is seen as many times as
/// large.
inline constexpr double student_t_of_a_degree = 1e-15;

/// Quantiles of the normal distribution: two rational functions of a dozen terms.
inline constexpr double normal_quantile = 4e-15;

}  // namespace atlas_test::tolerance
