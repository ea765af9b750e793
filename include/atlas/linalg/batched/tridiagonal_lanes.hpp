// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// Householder tridiagonalization of several symmetric matrices at once (Golub & Van Loan, Matrix
/// Computations, 8.3.1), eigenvalues alone: no reflection is kept. The update by one reflection and
/// the product that the next one needs share a pass over the matrices, which are the traffic.

#include <algorithm>

#include "atlas/core/compiled.hpp"
#include "atlas/linalg/batched/packet_lanes.hpp"

namespace atlas::inline ATLAS_ABI::detail {

/// Works on `packet_lanes` matrices of one size. One object serves many of them.
template <class Real>
class lane_tridiagonalization {
 public:
  /// \param a packed lower triangles, overwritten
  /// \param diagonal, squares where the tridiagonals go: n diagonal entries and n - 1 squares of
  ///        those beside it, a vector every `stride` numbers
  void reduce(Real* a, index_t n, Real* diagonal, Real* squares, index_t stride);

 private:
  static constexpr index_t lanes = packet_lanes<Real>;
  /// Rows that are worked on together, as many as the registers hold.
  static constexpr index_t together = EIGEN_ARCH_DEFAULT_NUMBER_OF_REGISTERS >= 32 ? 4 : 2;
  using packet = packet_of<Real>;
  using list = Eigen::ArrayX<Real>;

  static packet at(const list& x, index_t i) { return load_lanes(x.data() + i * lanes); }

  static packet minus(const packet& x) { return Eigen::internal::pnegate(x); }

  /// What is at a place of row i and column j after the update, given -v_i and -w_i.
  static packet updated(const Real* place, const packet& vi, const packet& wi, const packet& vj,
                        const packet& wj) {
    using Eigen::internal::pmadd;
    return pmadd(vi, wj, pmadd(wi, vj, load_lanes(place)));
  }

  /// `row -= v_i w^T + w_i v^T`
  void update_row(Real* row, index_t i) {
    const packet vi = minus(at(old_v_, i)), wi = minus(at(old_w_, i));
    for (index_t j = 0; j <= i; ++j)
      store_lanes(row + j * lanes, updated(row + j * lanes, vi, wi, at(old_v_, j), at(old_w_, j)));
  }

  /// Makes v, of which `1 - scale v v^T` turns the row's first i entries into its last alone.
  /// Entries that are nothing beside a trace of 1 are left alone: scale 0.
  packet reflect(const Real* row, index_t i, Real* square) {
    using namespace Eigen::internal;
    const packet none = same_lanes(Real(0)), last = load_lanes(row + (i - 1) * lanes);
    packet others = none;
    for (index_t j = 0; j + 1 < i; ++j) {
      const packet x = load_lanes(row + j * lanes);
      store_lanes(v_.data() + j * lanes, x);
      others = pmadd(x, x, others);
    }
    const packet whole = pmadd(last, last, others), norm = psqrt(whole);
    const packet negative = pcmp_lt(last, none);
    store_lanes(v_.data() + (i - 1) * lanes,
                padd(last, pselect(negative, packet(pnegate(norm)), norm)));
    store_lanes(square, whole);
    const packet reach = pmadd(norm, pabs(last), whole);
    return pselect(pcmp_lt(same_lanes(Real(1e-200)), others),
                   packet(pdiv(same_lanes(Real(1)), reach)), none);
  }

  /// Updates the leading i rows and multiplies them by v.
  void pass(Real* a, index_t i) {
    index_t r = 0;
    for (; r + together <= i; r += together) pass_rows<together>(a, r);
    for (; r < i; ++r) pass_rows<1>(a, r);
  }

  template <index_t Rows>
  void pass_rows(Real* a, index_t r) {
    using Eigen::internal::pmadd;
    packet vr[Rows], wr[Rows], turned[Rows], sum[Rows];
    Real* row[Rows];
    for (index_t q = 0; q < Rows; ++q) {
      vr[q] = minus(at(old_v_, r + q));
      wr[q] = minus(at(old_w_, r + q));
      turned[q] = at(v_, r + q);
      sum[q] = same_lanes(Real(0));
      row[q] = a + packed_place(r + q, 0) * lanes;
    }
    for (index_t j = 0; j < r; ++j) {
      const packet vj = at(old_v_, j), wj = at(old_w_, j), tj = at(v_, j);
      packet below = at(product_, j);
      for (index_t q = 0; q < Rows; ++q) {
        Real* const place = row[q] + j * lanes;
        const packet x = updated(place, vr[q], wr[q], vj, wj);
        store_lanes(place, x);
        sum[q] = pmadd(x, tj, sum[q]);
        below = pmadd(x, turned[q], below);
      }
      store_lanes(product_.data() + j * lanes, below);
    }
    // The triangle on the diagonal.
    for (index_t q = 0; q < Rows; ++q)
      for (index_t s = 0; s <= q; ++s) {
        Real* const place = row[q] + (r + s) * lanes;
        const packet x = updated(place, vr[q], wr[q], minus(vr[s]), minus(wr[s]));
        store_lanes(place, x);
        sum[q] = pmadd(x, turned[s], sum[q]);
        if (s < q) sum[s] = pmadd(x, turned[q], sum[s]);
      }
    for (index_t q = 0; q < Rows; ++q) store_lanes(product_.data() + (r + q) * lanes, sum[q]);
  }

  /// With p = scale A v: `w = p - (scale / 2) (p . v) v`.
  void next_update(index_t i, const packet& scale) {
    using namespace Eigen::internal;
    packet dot = same_lanes(Real(0));
    for (index_t j = 0; j < i; ++j) {
      const packet p = pmul(scale, at(product_, j));
      store_lanes(product_.data() + j * lanes, p);
      dot = pmadd(p, at(v_, j), dot);
    }
    const packet share = pmul(pmul(scale, dot), same_lanes(Real(0.5)));
    for (index_t j = 0; j < i; ++j)
      store_lanes(old_w_.data() + j * lanes, minus_product(share, at(v_, j), at(product_, j)));
    old_v_.swap(v_);
  }

  list old_v_, old_w_, v_, product_;
};

template <class Real>
void lane_tridiagonalization<Real>::reduce(Real* a, index_t n, Real* diagonal, Real* squares,
                                           index_t stride) {
  for (auto* x : {&old_v_, &old_w_, &v_, &product_}) x->setZero((std::max)(n, index_t{1}) * lanes);
  for (index_t i = n - 1; i >= 1; --i) {
    Real* row = a + packed_place(i, 0) * lanes;
    update_row(row, i);
    store_lanes(diagonal + i * stride, load_lanes(row + i * lanes));
    const packet scale = reflect(row, i, squares + (i - 1) * stride);
    pass(a, i);
    next_update(i, scale);
  }
  if (n > 0) store_lanes(diagonal, load_lanes(a));
}

}  // namespace atlas::inline ATLAS_ABI::detail

#ifdef ATLAS_COMPILED
namespace atlas::inline ATLAS_ABI::detail {
ATLAS_OF_LINALG void lane_tridiagonalization<double>::reduce(double*, index_t, double*, double*,
                                                             index_t);
}  // namespace atlas::inline ATLAS_ABI::detail
#endif
