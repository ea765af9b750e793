#pragma once
/// \file
/// Fisher information of the weights of a linear layer `y = W a`, from gradients of single samples
/// that come in batches. The Kronecker factors are `second_moment_accumulator`s of a and dL/dy.

#include <Eigen/Core>
#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "atlas/core/as_view.hpp"
#include "atlas/core/checks.hpp"
#include "atlas/core/parallel.hpp"
#include "atlas/linalg/tiled_product.hpp"
#include "atlas/quantize/second_moment_accumulator.hpp"

namespace atlas {

namespace detail {

/// \throws shape_error unless `[n, out]` and `[n, in]`; value_error for NaN
template <class A, class B>
void check_rank_one(const tensor_view<A, 2>& output_gradients, const tensor_view<B, 2>& inputs,
                    index_t out, index_t in) {
  if (out >= 0)
    check_extent(output_gradients.extent(1), out, "output_gradients", "one column per output,");
  check_extent(inputs.extent(1), in, "inputs", "one column per input,");
  check_extent(inputs.extent(0), output_gradients.extent(0), "inputs",
               "as many rows as output_gradients,");
  check_finite(output_gradients, "output_gradients");
  check_finite(inputs, "inputs");
}

}  // namespace detail

/// `F_W = E[(dL/dW)^T (dL/dW)]`, `[in, in]`, over samples. In double; the same bits however samples
/// are cut into batches and however many threads work; merging in a fixed order gives the same
/// bits.
class weight_fisher_accumulator {
 public:
  template <class = void>
  explicit weight_fisher_accumulator(index_t in) : rows_(in) {}

  /// Adds samples.
  /// \param gradients `[n, out, in]`, dL/dW of each; out may differ from call to call
  /// \throws shape_error for another `in`; value_error for NaN; then nothing has been added
  ///
  /// O(n out in^2) time.
  template <tensor_like<3> Gradients>
  void add(const Gradients& gradients, int threads = 0) {
    using scalar = scalar_of<Gradients, 3>;
    const auto held = as_view<3>(gradients);
    const tensor_view<const scalar, 3>& view = held;
    detail::check_extent(view.extent(2), rows_.dimension(), "gradients", "one column per input,");
    detail::check_finite(view, "gradients");
    for (index_t i = 0; i < view.extent(0); ++i) rows_.add(view[i], threads);
    samples_ += view.extent(0);
  }

  /// Adds n samples whose gradients are `dL/dy a^T`, of one token each.
  /// \param output_gradients dL/dy, `[n, out]`
  /// \param inputs           a, `[n, in]`
  ///
  /// O(n in^2) time.
  template <tensor_like<2> Outputs, tensor_like<2> Inputs>
  void add_rank_one(const Outputs& output_gradients, const Inputs& inputs, int threads = 0) {
    using scalar = scalar_of<Outputs, 2>;
    const auto held = as_view<2>(output_gradients);
    const tensor_view<const scalar, 2>& g = held;
    const auto a = as_view<2>(inputs);
    detail::check_rank_one<const scalar, const scalar_of<Inputs, 2>>(g, a, -1, rows_.dimension());
    std::vector<double> squares(static_cast<std::size_t>(g.extent(0)));
    for (index_t i = 0; i < g.extent(0); ++i)
      for (index_t k = 0; k < g.extent(1); ++k)
        squares[static_cast<std::size_t>(i)] +=
            static_cast<double>(g(i, k)) * static_cast<double>(g(i, k));
    rows_.add_weighted(a, squares, threads);
    samples_ += g.extent(0);
  }

  /// \throws shape_error for another `in`
  template <class = void>
  void merge(const weight_fisher_accumulator& other, int threads = 0) {
    const index_t samples = other.samples_;
    rows_.merge(other.rows_, threads);
    samples_ += samples;
  }

  index_t dimension() const { return rows_.dimension(); }
  /// Samples added.
  index_t count() const { return samples_; }

  /// `[in, in]`, exactly symmetric. \throws value_error before any sample
  template <class Real = double>
  Eigen::MatrixX<Real> matrix(int threads = 0) const {
    if (samples_ == 0) throw value_error("accumulator", "at least one sample", "none");
    return rows_.template sum<Real>(threads) / static_cast<double>(samples_);
  }

 private:
  second_moment_accumulator rows_;
  index_t samples_ = 0;
};

/// The diagonal Fisher information `E[g^2]` of each weight, `[out, in]`, over samples. In double;
/// the same bits for every number of threads.
class diagonal_fisher_accumulator {
 public:
  /// \throws value_error for extents below 1
  template <class = void>
  diagonal_fisher_accumulator(index_t out, index_t in) {
    detail::check_between(out, 1, index_t{1} << 40, "out");
    detail::check_between(in, 1, index_t{1} << 40, "in");
    sum_ = row_matrix<double>::Zero(out, in);
  }

  /// Adds samples.
  /// \param gradients `[n, out, in]`, dL/dW of each
  /// \throws shape_error for other extents; value_error for NaN; then nothing has been added
  template <tensor_like<3> Gradients>
  void add(const Gradients& gradients, int threads = 0) {
    using scalar = scalar_of<Gradients, 3>;
    const auto held = as_view<3>(gradients);
    const tensor_view<const scalar, 3>& view = held;
    detail::check_extent(view.extent(1), sum_.rows(), "gradients", "one row per output,");
    detail::check_extent(view.extent(2), sum_.cols(), "gradients", "one column per input,");
    detail::check_finite(view, "gradients");
    parallel_for(sum_.rows(), threads, [&](index_t r) {
      for (index_t i = 0; i < view.extent(0); ++i)
        for (index_t c = 0; c < sum_.cols(); ++c) {
          const auto g = static_cast<double>(view(i, r, c));
          sum_(r, c) += g * g;
        }
    });
    count_ += view.extent(0);
  }

  /// Adds n samples whose gradients are `dL/dy a^T`, of one token each.
  /// \param output_gradients dL/dy, `[n, out]`
  /// \param inputs           a, `[n, in]`
  template <tensor_like<2> Outputs, tensor_like<2> Inputs>
  void add_rank_one(const Outputs& output_gradients, const Inputs& inputs, int threads = 0) {
    const auto g = as_view<2>(output_gradients);
    const auto a = as_view<2>(inputs);
    detail::check_rank_one<const scalar_of<Outputs, 2>, const scalar_of<Inputs, 2>>(
        g, a, sum_.rows(), sum_.cols());
    const auto g2 = squares<scalar_of<Outputs, 2>>(g);
    const auto a2 = squares<scalar_of<Inputs, 2>>(a);
    sum_ += detail::tiled_product(g2.transpose(), a2, threads);
    count_ += g2.rows();
  }

  /// \throws shape_error for other extents
  template <class = void>
  void merge(const diagonal_fisher_accumulator& other) {
    detail::check_extent(other.sum_.rows(), sum_.rows(), "other", "outputs");
    detail::check_extent(other.sum_.cols(), sum_.cols(), "other", "inputs");
    sum_ += other.sum_;
    count_ += other.count_;
  }

  /// Samples added.
  index_t count() const { return count_; }

  /// `[out, in]`. \throws value_error before any sample
  template <class = void>
  row_matrix<double> matrix() const {
    if (count_ == 0) throw value_error("accumulator", "at least one sample", "none");
    return sum_ / static_cast<double>(count_);
  }

 private:
  template <class Scalar>
  static row_matrix<double> squares(const tensor_view<const Scalar, 2>& x) {
    return detail::matrix_copy<double>(x).cwiseAbs2();
  }

  row_matrix<double> sum_;
  index_t count_ = 0;
};

}  // namespace atlas
