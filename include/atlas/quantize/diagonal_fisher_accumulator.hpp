// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// The diagonal of the Fisher information of a linear layer's weights, from gradients of single
/// samples that come in batches.

#include <Eigen/Core>
#include <algorithm>
#include <cmath>
#include <string>
#include <utility>
#include <vector>

#include "atlas/core/as_view.hpp"
#include "atlas/core/checks.hpp"
#include "atlas/core/compiled.hpp"
#include "atlas/core/lazy.hpp"
#include "atlas/core/parallel.hpp"
#include "atlas/core/work_options.hpp"
#include "atlas/linalg/tiled_product.hpp"
#include "atlas/quantize/magnitude.hpp"
#include "atlas/quantize/rank_one_gradients.hpp"

namespace atlas::inline ATLAS_ABI {

/// The diagonal Fisher information `E[g^2]` of each weight, `[out, in]`, over samples. In double;
/// the same bits for every number of threads.
class diagonal_fisher_accumulator {
 public:
  /// \throws value_error for extents below 1
  template <class = lazy>
  diagonal_fisher_accumulator(index_t out, index_t in) {
    check_between(out, 1, index_t{1} << 40, "out");
    check_between(in, 1, index_t{1} << 40, "in");
    sum_ = row_matrix<double>::Zero(out, in);
  }

  /// Adds samples.
  /// \param gradients `[n, out, in]`, dL/dW of each
  /// \throws shape_error for other extents; value_error for NaN, and numbers above 2^500; then
  ///         nothing has been added
  template <real_tensor<3> Gradients>
  void add(const Gradients& gradients, const thread_options& options = {}) {
    using scalar = scalar_of<Gradients, 3>;
    const auto view = as_view<3>(gradients);
    add_gradients<scalar>(view, options.threads);
  }

  /// Adds n samples whose gradients are `dL/dy a^T`, of one token each.
  /// \param output_gradients dL/dy, `[n, out]`
  /// \param inputs           a, `[n, in]`
  template <real_tensor<2> Outputs, real_tensor<2> Inputs>
  void add_rank_one(const Outputs& output_gradients, const Inputs& inputs,
                    const thread_options& options = {}) {
    const auto g = as_view<2>(output_gradients);
    const auto a = as_view<2>(inputs);
    add_products<scalar_of<Outputs, 2>, scalar_of<Inputs, 2>>(g, a, options.threads);
  }

  /// \throws shape_error for other extents
  template <class = lazy>
  void merge(const diagonal_fisher_accumulator& other);

  /// Samples added.
  [[nodiscard]] index_t count() const { return count_; }

  /// `[out, in]`.
  ///
  /// \throws value_error before any sample, and where all gradients but 0 were below
  /// 2^-480
  template <class = lazy>
  [[nodiscard]] row_matrix<double> matrix() const;

 private:
  /// `squares 4^exponent`.
  struct scaled_squares {
    row_matrix<double> squares;
    double largest = 0;  ///< magnitude of what was squared
    int exponent = 0;
  };

  template <class Scalar>
  void add_gradients(const tensor_view<const Scalar, 3>& gradients, int threads);

  template <class Scalar, class Input>
  void add_products(const tensor_view<const Scalar, 2>& g, const tensor_view<const Input, 2>& a,
                    int threads);

  template <class Scalar>
  static scaled_squares squares_of(const tensor_view<const Scalar, 2>& x) {
    row_matrix<double> wide = matrix_copy<double>(x);
    const double largest = detail::largest_magnitude(wide);
    const int exponent = detail::extreme_exponent(largest);
    return {detail::times_power(std::move(wide), -exponent).cwiseAbs2(), largest, exponent};
  }

  row_matrix<double> sum_;
  double largest_ = 0;  // magnitude, or the least that can be squared where all can
  index_t count_ = 0;
};

template <class Scalar>
void diagonal_fisher_accumulator::add_gradients(const tensor_view<const Scalar, 3>& gradients,
                                                int threads) {
  check_extent(gradients.extent(1), sum_.rows(), "gradients", "one row per output,");
  check_extent(gradients.extent(2), sum_.cols(), "gradients", "one column per input,");
  check_finite(gradients, "gradients");
  double largest = detail::smallest_to_square;
  if constexpr (!detail::can_be_squared<Scalar>) largest = detail::largest_magnitude(gradients);
  detail::check_squares_finite(largest, "gradients");
  largest_ = (std::max)(largest_, largest);
  parallel_for(sum_.rows(), threads, [&](index_t r) {
    for (index_t i = 0; i < gradients.extent(0); ++i)
      for (index_t c = 0; c < sum_.cols(); ++c) {
        const auto g = static_cast<double>(gradients(i, r, c));
        sum_(r, c) += g * g;
      }
  });
  count_ += gradients.extent(0);
}

template <class Scalar, class Input>
void diagonal_fisher_accumulator::add_products(const tensor_view<const Scalar, 2>& g,
                                               const tensor_view<const Input, 2>& a, int threads) {
  detail::check_rank_one<const Scalar, const Input>(g, a, sum_.rows(), sum_.cols());
  const scaled_squares g2 = squares_of<Scalar>(g), a2 = squares_of<Input>(a);
  const double largest =
      detail::largest_product(g2.largest * a2.largest, g2.largest > 0 && a2.largest > 0);
  detail::check_squares_finite(largest, detail::product_of_both);
  largest_ = (std::max)(largest_, largest);
  sum_ += detail::times_power(detail::tiled_product(g2.squares.transpose(), a2.squares, threads),
                              2 * (g2.exponent + a2.exponent));
  count_ += g2.squares.rows();
}

template <class>
void diagonal_fisher_accumulator::merge(const diagonal_fisher_accumulator& other) {
  check_extent(other.sum_.rows(), sum_.rows(), "other", "outputs");
  check_extent(other.sum_.cols(), sum_.cols(), "other", "inputs");
  sum_ += other.sum_;
  count_ += other.count_;
  largest_ = (std::max)(largest_, other.largest_);
}

template <class>
row_matrix<double> diagonal_fisher_accumulator::matrix() const {
  if (count_ == 0) throw value_error("accumulator", "at least one sample", "none");
  detail::check_squares_kept(largest_, "gradients");
  return sum_ / static_cast<double>(count_);
}

}  // namespace atlas::inline ATLAS_ABI

#ifdef ATLAS_COMPILED
namespace atlas::inline ATLAS_ABI {
ATLAS_OF_QUANTIZE void diagonal_fisher_accumulator::add_gradients<float>(
    const tensor_view<const float, 3>&, int);
ATLAS_OF_QUANTIZE void diagonal_fisher_accumulator::add_gradients<double>(
    const tensor_view<const double, 3>&, int);
ATLAS_OF_QUANTIZE void diagonal_fisher_accumulator::add_products<float, float>(
    const tensor_view<const float, 2>&, const tensor_view<const float, 2>&, int);
ATLAS_OF_QUANTIZE void diagonal_fisher_accumulator::add_products<double, double>(
    const tensor_view<const double, 2>&, const tensor_view<const double, 2>&, int);
ATLAS_OF_QUANTIZE void diagonal_fisher_accumulator::merge<void>(const diagonal_fisher_accumulator&);
ATLAS_OF_QUANTIZE row_matrix<double> diagonal_fisher_accumulator::matrix<void>() const;
}  // namespace atlas::inline ATLAS_ABI
#endif
