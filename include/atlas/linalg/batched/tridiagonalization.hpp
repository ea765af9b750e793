// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// Householder tridiagonalization of several symmetric matrices at once, one matrix a lane of a
/// vector (Golub & Van Loan, Matrix Computations, 8.3.1), for eigenvalues alone: no reflection is
/// kept. The update by one reflection and
/// the product that the next one needs share a pass over the matrices, which are the traffic.

#include <Eigen/Core>
#include <algorithm>

#include "atlas/core/compiled.hpp"
#include "atlas/core/vector_of.hpp"
#include "atlas/linalg/batched/packed_triangles.hpp"

namespace atlas::inline ATLAS_ABI::detail {

/// Of as many matrices of one size as a vector has lanes. One object serves many of them.
template <class Real>
class batched_tridiagonalization {
 public:
  /// \param a packed lower triangles, at a multiple of 16 bytes, overwritten
  /// \param diagonal, squares where the tridiagonals go: n diagonal entries and n - 1 squares of
  ///        those beside it, a vector every `stride` numbers
  void reduce(Real* a, index_t n, Real* diagonal, Real* squares, index_t stride);

 private:
  using simd = vector_of<Real>;
  using vector = typename simd::type;
  static constexpr index_t lanes = simd::lanes;
  /// Rows that are worked on together, as many as the registers hold.
  static constexpr index_t together = vector_registers >= 32 ? 4 : 2;
  using list = Eigen::ArrayX<Real>;

  static vector entry(const list& x, index_t i) { return simd::load_aligned(x.data() + i * lanes); }

  /// What is at a place of row i and column j after the update, given -v_i and -w_i.
  static vector updated(const Real* place, const vector& vi, const vector& wi, const vector& vj,
                        const vector& wj) {
    return simd::multiply_add(vi, wj, simd::multiply_add(wi, vj, simd::load_aligned(place)));
  }

  /// `row -= v_i w^T + w_i v^T`
  void update_row(Real* row, index_t i) {
    const vector vi = -entry(old_v_, i), wi = -entry(old_w_, i);
    for (index_t j = 0; j <= i; ++j)
      simd::store(row + j * lanes,
                  updated(row + j * lanes, vi, wi, entry(old_v_, j), entry(old_w_, j)));
  }

  /// Makes v, of which `1 - scale v v^T` turns the row's first i entries into its last alone;
  /// returns the scale. It is 0 where the squares of the others add up to less than 1e-200, which
  /// is nothing beside a trace of 1.
  vector reflect(const Real* row, index_t i, Real* square) {
    const vector zero{}, last = simd::load_aligned(row + (i - 1) * lanes);
    vector others{};
    for (index_t j = 0; j + 1 < i; ++j) {
      const vector x = simd::load_aligned(row + j * lanes);
      simd::store(v_.data() + j * lanes, x);
      others = simd::multiply_add(x, x, others);
    }
    const vector whole = simd::multiply_add(last, last, others), norm = simd::square_root(whole);
    simd::store(v_.data() + (i - 1) * lanes, last + simd::where_above(zero, last, -norm, norm));
    simd::store(square, whole);
    const vector reach = simd::multiply_add(norm, simd::magnitude(last), whole);
    return simd::where_above(others, simd::all(Real(1e-200)), simd::all(Real(1)) / reach, zero);
  }

  /// Updates the leading i rows and multiplies them by v.
  void pass(Real* a, index_t i) {
    index_t r = 0;
    for (; r + together <= i; r += together) pass_rows<together>(a, r);
    for (; r < i; ++r) pass_rows<1>(a, r);
  }

  template <index_t Rows>
  void pass_rows(Real* a, index_t r) {
    vector vr[Rows], wr[Rows], turned[Rows], sum[Rows];
    Real* row[Rows];
    for (index_t q = 0; q < Rows; ++q) {
      vr[q] = -entry(old_v_, r + q);
      wr[q] = -entry(old_w_, r + q);
      turned[q] = entry(v_, r + q);
      sum[q] = simd::all(Real(0));
      row[q] = a + packed_place(r + q, 0) * lanes;
    }
    for (index_t j = 0; j < r; ++j) {
      const vector vj = entry(old_v_, j), wj = entry(old_w_, j), tj = entry(v_, j);
      vector below = entry(product_, j);
      for (index_t q = 0; q < Rows; ++q) {
        Real* const place = row[q] + j * lanes;
        const vector x = updated(place, vr[q], wr[q], vj, wj);
        simd::store(place, x);
        sum[q] = simd::multiply_add(x, tj, sum[q]);
        below = simd::multiply_add(x, turned[q], below);
      }
      simd::store(product_.data() + j * lanes, below);
    }
    // The triangle on the diagonal.
    for (index_t q = 0; q < Rows; ++q)
      for (index_t s = 0; s <= q; ++s) {
        Real* const place = row[q] + (r + s) * lanes;
        const vector x = updated(place, vr[q], wr[q], -vr[s], -wr[s]);
        simd::store(place, x);
        sum[q] = simd::multiply_add(x, turned[s], sum[q]);
        if (s < q) sum[s] = simd::multiply_add(x, turned[q], sum[s]);
      }
    for (index_t q = 0; q < Rows; ++q) simd::store(product_.data() + (r + q) * lanes, sum[q]);
  }

  /// With p = scale A v: `w = p - (scale / 2) (p . v) v`.
  void next_update(index_t i, const vector& scale) {
    vector dot = simd::all(Real(0));
    for (index_t j = 0; j < i; ++j) {
      const vector p = scale * entry(product_, j);
      simd::store(product_.data() + j * lanes, p);
      dot = simd::multiply_add(p, entry(v_, j), dot);
    }
    const vector share = simd::all(Real(0.5)) * (scale * dot);
    for (index_t j = 0; j < i; ++j)
      simd::store(old_w_.data() + j * lanes,
                  simd::subtract_product(share, entry(v_, j), entry(product_, j)));
    old_v_.swap(v_);
  }

  list old_v_, old_w_, v_, product_;
};

template <class Real>
void batched_tridiagonalization<Real>::reduce(Real* a, index_t n, Real* diagonal, Real* squares,
                                              index_t stride) {
  for (auto* x : {&old_v_, &old_w_, &v_, &product_}) x->setZero((std::max)(n, index_t{1}) * lanes);
  for (index_t i = n - 1; i >= 1; --i) {
    Real* row = a + packed_place(i, 0) * lanes;
    update_row(row, i);
    simd::store(diagonal + i * stride, simd::load_aligned(row + i * lanes));
    const vector scale = reflect(row, i, squares + (i - 1) * stride);
    pass(a, i);
    next_update(i, scale);
  }
  if (n > 0) simd::store(diagonal, simd::load_aligned(a));
}

}  // namespace atlas::inline ATLAS_ABI::detail

#ifdef ATLAS_COMPILED
namespace atlas::inline ATLAS_ABI::detail {
ATLAS_OF_LINALG void batched_tridiagonalization<double>::reduce(double*, index_t, double*, double*,
                                                                index_t);
}  // namespace atlas::inline ATLAS_ABI::detail
#endif
