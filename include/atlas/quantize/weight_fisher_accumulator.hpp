// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// Fisher information of the inputs' weights of a linear layer `y = W a`, from gradients of single
/// samples that come in batches. The Kronecker factors are `second_moment_accumulator`s of a and
/// dL/dy.

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
#include "atlas/quantize/second_moment_accumulator.hpp"

namespace atlas::inline ATLAS_ABI {

/// `F_W = E[(dL/dW)^T (dL/dW)]`, `[in, in]`, over samples, and E[dL/dW] where `out` is given. In
/// double; the same bits however samples are cut into batches and however many threads work;
/// merging in a fixed order gives the same bits.
class weight_fisher_accumulator {
 public:
  /// \param out rows of dL/dW, of which the mean is kept too; 0: it is not
  /// \throws value_error for `in` below 1, `out` below 0
  template <class = lazy>
  explicit weight_fisher_accumulator(index_t in, index_t out = 0) : rows_(in) {
    check_between(out, 0, index_t{1} << 40, "out");
    sum_ = row_matrix<double>::Zero(out, in);
  }

  /// Adds samples.
  /// \param gradients `[n, out, in]`, dL/dW of each; out may differ from call to call where the
  ///                  mean is not kept
  /// \throws shape_error for another `in` or `out`; value_error for NaN, and numbers above 2^500;
  ///         then nothing has been added
  ///
  /// O(n out in^2) time.
  template <real_tensor<3> Gradients>
  void add(const Gradients& gradients, const thread_options& options = {}) {
    using scalar = scalar_of<Gradients, 3>;
    const auto view = as_view<3>(gradients);
    add_gradients<scalar>(view, options.threads);
  }

  /// Adds n samples whose gradients are `dL/dy a^T`, of one token each.
  /// \param output_gradients dL/dy, `[n, out]`
  /// \param inputs           a, `[n, in]`
  ///
  /// \throws as `add`
  ///
  /// O(n in^2) time, and O(n out in) for the mean.
  template <real_tensor<2> Outputs, real_tensor<2> Inputs>
  void add_rank_one(const Outputs& output_gradients, const Inputs& inputs,
                    const thread_options& options = {}) {
    const auto g = as_view<2>(output_gradients);
    const auto a = as_view<2>(inputs);
    add_products<scalar_of<Outputs, 2>, scalar_of<Inputs, 2>>(g, a, options.threads);
  }

  /// \throws shape_error for another `in`, or `out` as it was given
  template <class = lazy>
  void merge(const weight_fisher_accumulator& other, const thread_options& options = {});

  [[nodiscard]] index_t dimension() const { return rows_.dimension(); }
  /// Samples added.
  [[nodiscard]] index_t count() const { return samples_; }

  [[nodiscard]] bool keeps_mean() const { return sum_.rows() > 0; }

  /// `[out, in]`, E[dL/dW].
  ///
  /// \throws value_error before any sample, or where it is not kept
  template <class = lazy>
  [[nodiscard]] row_matrix<double> mean() const;

  /// `[in, in]`, exactly symmetric.
  ///
  /// \throws value_error before any sample, and where all gradients
  /// but 0 were below 2^-480
  template <class Real = double>
  [[nodiscard]] Eigen::MatrixX<Real> matrix(const thread_options& options = {}) const;

 private:
  template <class Scalar>
  void add_gradients(const tensor_view<const Scalar, 3>& gradients, int threads);

  template <class Scalar, class Input>
  void add_products(const tensor_view<const Scalar, 2>& g, const tensor_view<const Input, 2>& a,
                    int threads);

  second_moment_accumulator rows_;
  row_matrix<double> sum_;  // no rows: not kept
  index_t samples_ = 0;
};

template <class Scalar>
void weight_fisher_accumulator::add_gradients(const tensor_view<const Scalar, 3>& gradients,
                                              int threads) {
  check_extent(gradients.extent(2), rows_.dimension(), "gradients", "one column per input,");
  if (keeps_mean())
    check_extent(gradients.extent(1), sum_.rows(), "gradients", "one row per output,");
  check_finite(gradients, "gradients");
  if constexpr (!detail::can_be_squared<Scalar>)
    detail::check_squares_finite(detail::largest_magnitude(gradients), "gradients");
  for (index_t i = 0; i < gradients.extent(0); ++i) {
    rows_.add(gradients[i], {threads});
    for (index_t r = 0; r < sum_.rows(); ++r)
      for (index_t c = 0; c < sum_.cols(); ++c)
        sum_(r, c) += static_cast<double>(gradients(i, r, c));
  }
  samples_ += gradients.extent(0);
}

template <class Scalar, class Input>
void weight_fisher_accumulator::add_products(const tensor_view<const Scalar, 2>& g,
                                             const tensor_view<const Input, 2>& a, int threads) {
  detail::check_rank_one<const Scalar, const Input>(g, a, keeps_mean() ? sum_.rows() : -1,
                                                    rows_.dimension());
  row_matrix<double> rows = matrix_copy<double>(a);
  bool some = false;
  for (index_t i = 0; i < rows.rows(); ++i) {
    const double norm = detail::row_norm(g, i);
    some = some || (norm > 0 && detail::largest_magnitude(rows.row(i)) > 0);
    rows.row(i) *= norm;
  }
  const double largest = detail::largest_product(detail::largest_magnitude(rows), some);
  detail::check_squares_finite(largest, detail::product_of_both);
  if (largest == std::numeric_limits<double>::denorm_min())  // all of them are lost
    detail::check_squares_kept(largest, detail::product_of_both);
  rows_.add(rows, {threads});
  const row_matrix<double> wide = keeps_mean() ? matrix_copy<double>(a) : row_matrix<double>();
  parallel_for(sum_.rows(), threads, [&](index_t r) {
    for (index_t i = 0; i < wide.rows(); ++i)
      sum_.row(r) += static_cast<double>(g(i, r)) * wide.row(i);
  });
  samples_ += g.extent(0);
}

template <class>
void weight_fisher_accumulator::merge(const weight_fisher_accumulator& other,
                                      const thread_options& options) {
  const index_t samples = other.samples_;
  check_extent(other.sum_.rows(), sum_.rows(), "other", "outputs");
  rows_.merge(other.rows_, options);
  sum_ += other.sum_;
  samples_ += samples;
}

template <class>
row_matrix<double> weight_fisher_accumulator::mean() const {
  if (!keeps_mean()) throw value_error("accumulator", "one that was given out", "0");
  if (samples_ == 0) throw value_error("accumulator", "at least one sample", "none");
  return sum_ / static_cast<double>(samples_);
}

template <class Real>
Eigen::MatrixX<Real> weight_fisher_accumulator::matrix(const thread_options& options) const {
  if (samples_ == 0) throw value_error("accumulator", "at least one sample", "none");
  return rows_.template sum<Real>(options) / static_cast<double>(samples_);
}

}  // namespace atlas::inline ATLAS_ABI

#ifdef ATLAS_COMPILED
namespace atlas::inline ATLAS_ABI {
ATLAS_OF_QUANTIZE void weight_fisher_accumulator::add_gradients<float>(
    const tensor_view<const float, 3>&, int);
ATLAS_OF_QUANTIZE void weight_fisher_accumulator::add_gradients<double>(
    const tensor_view<const double, 3>&, int);
ATLAS_OF_QUANTIZE void weight_fisher_accumulator::add_products<float, float>(
    const tensor_view<const float, 2>&, const tensor_view<const float, 2>&, int);
ATLAS_OF_QUANTIZE void weight_fisher_accumulator::add_products<double, double>(
    const tensor_view<const double, 2>&, const tensor_view<const double, 2>&, int);
ATLAS_OF_QUANTIZE void weight_fisher_accumulator::merge<void>(const weight_fisher_accumulator&,
                                                              const thread_options&);
ATLAS_OF_QUANTIZE row_matrix<double> weight_fisher_accumulator::mean<void>() const;
ATLAS_OF_QUANTIZE Eigen::MatrixXd weight_fisher_accumulator::matrix<double>(
    const thread_options&) const;
}  // namespace atlas::inline ATLAS_ABI
#endif
