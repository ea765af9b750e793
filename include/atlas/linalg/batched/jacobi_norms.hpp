// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// Nuclear norms (sums of the singular values) of eight small square matrices by one-sided Jacobi
/// rotations (Hestenes, J. SIAM 6, 51, 1958), each of them of the same two columns of all eight.

#include <Eigen/Core>
#include <vector>

#include "atlas/core/tensor_view.hpp"
#include "atlas/linalg/eight_numbers.hpp"

namespace atlas::inline ATLAS_ABI::detail {

/// For matrices of any size of numbers, each to rounding of its own norm. What a lane gives does
/// not depend on the other lanes' numbers beyond rounding: it may go through a sweep more than it
/// needs.
template <class Real = double>
class jacobi_norms {
 public:
  static constexpr index_t lanes = lane_count;
  using numbers = eight_numbers<Real>;

  explicit jacobi_norms(index_t k) : k_(k), squares_(lanes, k), order_(round_robin(k)) {}

  /// O(k^3) time a sweep, 4 to 6 sweeps.
  ///
  /// The error of a sum of column norms is the square of what the columns lack in being orthogonal,
  /// and what they lack is squared by each of the last sweeps: one that began at cosines of 1e-6 is
  /// the last.
  /// \param elements of eight matrices, `[k, k, 8]`, column after column, overwritten
  numbers compute(Real* elements) {
    constexpr int most_sweeps = 40;
    elements_ = elements;
    for (int sweep = 0; sweep < most_sweeps; ++sweep) {
      refresh_squares();
      excess_ = zero();
      for (const column_pair& pair : order_) rotate(pair.first, pair.second);
      if (!numbers::any_above(excess_, zero())) break;
    }
    refresh_squares();
    numbers sum = zero();
    for (index_t c = 0; c < k_; ++c) sum = sum + numbers::square_root(square(c));
    return sum;
  }

 private:
  using simd = typename numbers::simd;
  using vector = typename numbers::vector;

  struct column_pair {
    index_t first = 0, second = 0;
  };

  /// Every pair once, neighbours in the order without a column in common where that can be: their
  /// rotations overlap in the processor.
  static std::vector<column_pair> round_robin(index_t k) {
    const index_t teams = k + k % 2;
    std::vector<column_pair> order;
    for (index_t round = 0; round + 1 < teams; ++round)
      for (index_t i = 0; i < teams / 2; ++i) {
        const index_t a = i == 0 ? teams - 1 : (round + i) % (teams - 1);
        const index_t b = (round + teams - 1 - i) % (teams - 1);
        if (a < k && b < k) order.push_back({a < b ? a : b, a < b ? b : a});
      }
    return order;
  }

  static numbers zero() { return numbers(Real(0)); }
  Real* column(index_t c) { return elements_ + lanes * c * k_; }
  Real* square_place(index_t c) { return squares_.data() + lanes * c; }
  numbers square(index_t c) { return numbers(square_place(c)); }

  /// Products of the entries of two columns, added up.
  numbers product_of(const Real* a, const Real* b) const {
    numbers sum = numbers(a) * numbers(b);
    for (index_t r = 1; r < k_; ++r)
      sum = numbers::multiply_add(numbers(a + r * lanes), numbers(b + r * lanes), sum);
    return sum;
  }

  void refresh_squares() {
    for (index_t c = 0; c < k_; ++c) product_of(column(c), column(c)).store(square_place(c));
  }

  /// Makes two columns orthogonal; `excess_` is above 0 where the cosine of their angle was above
  /// 1e-6.
  void rotate(index_t p, index_t q) {
    constexpr Real least = Real(1e-12);  // of the square of a cosine
    constexpr Real tiny = Real(1e-200);  // keeps 0 / 0 away
    const numbers one(Real(1));
    Real *const left = column(p), *const right = column(q);
    const numbers product = product_of(left, right), p_square = square(p), q_square = square(q);
    const numbers squared = product * product;
    excess_ =
        numbers::larger(excess_, numbers::subtract_product(least * p_square, q_square, squared));
    const numbers gap = q_square - p_square;
    const numbers root =
        numbers::square_root(numbers::multiply_add(Real(4) * product, product, gap * gap));
    const numbers reach = numbers::magnitude(gap) + root + numbers(tiny);
    const numbers ratio = (Real(2) * product) / reach;
    const numbers tangent = ratio * numbers::with_sign_of(gap, one);
    const numbers cosine = one / numbers::square_root(numbers::multiply_add(tangent, tangent, one));
    const numbers sine = cosine * tangent;
    numbers::subtract_product(tangent, product, p_square).store(square_place(p));
    numbers::multiply_add(tangent, product, q_square).store(square_place(q));
    for (int part = 0; part < numbers::parts; ++part)
      turn(cosine.part(part), sine.part(part), left + part * simd::lanes,
           right + part * simd::lanes);
  }

  /// Rotates a vector of the matrices in the plane of two columns.
  void turn(vector cosine, vector sine, Real* left, Real* right) const {
    for (index_t r = 0; r < k_ * lanes; r += lanes) {
      const vector a = simd::load_aligned(left + r), b = simd::load_aligned(right + r);
      simd::store(left + r, simd::subtract_product(sine, b, cosine * a));
      simd::store(right + r, simd::multiply_add(cosine, b, sine * a));
    }
  }

  index_t k_;
  Real* elements_ = nullptr;
  Eigen::Matrix<Real, lanes, Eigen::Dynamic> squares_;  ///< of the columns
  std::vector<column_pair> order_;
  numbers excess_{Real(0)};  ///< above 0 where a cosine of this sweep was too large
};

}  // namespace atlas::inline ATLAS_ABI::detail
