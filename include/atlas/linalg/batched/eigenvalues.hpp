// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// Eigenvalues of several symmetric tridiagonal matrices at once, one matrix a lane of a vector, by
/// the QL iteration without square roots of Pal, Walker and Kahan (Parlett, The Symmetric
/// Eigenvalue Problem, 8.15), as LAPACK's dsterf. A lane that has converged goes along with the
/// others: a further step turns its matrix into a similar one.

#include <cmath>

#include "atlas/core/compiled.hpp"
#include "atlas/core/tensor_view.hpp"
#include "atlas/core/vector_of.hpp"
#include "atlas/linalg/eigenbasis.hpp"

namespace atlas::inline ATLAS_ABI::detail {

/// Vectors whose chains of divisions run side by side.
inline constexpr int interleaved = 4;

/// Of `interleaved` vectors of matrices whose eigenvalues are at most about 1 in magnitude, to some
/// 1e-16 absolutely.
template <class Real>
class batched_eigenvalues {
 public:
  static constexpr index_t lanes = interleaved * vector_of<Real>::lanes;

  /// \param diagonal `[n, lanes]`, becomes the eigenvalues, in no order
  /// \param squares  of the entries beside it, `[n - 1, lanes]`, overwritten; both at a multiple of
  ///        16 bytes
  /// \throws value_error for NaN, convergence_error where the iteration does not converge
  static void solve(Real* diagonal, Real* squares, index_t n);

  /// The same for matrices that may have several eigenvalues so close to 0 that rounding hides
  /// them.
  ///
  /// \param least squares beside the diagonal from which on they count
  /// \return whether all were found in a few sweeps each; otherwise, and with NaN, what is in
  ///         `diagonal` is nothing
  static bool try_solve(Real* diagonal, Real* squares, index_t n, Real least, int enough);

 private:
  using simd = vector_of<Real>;
  using vector = typename simd::type;
  static constexpr index_t size = simd::lanes;

  /// Whether all squares of a row are below the least that counts. NaN is not.
  static bool negligible(const Real* squares, Real least) {
    constexpr unsigned every_lane = (1U << size) - 1;
    unsigned below = every_lane;
    for (int k = 0; k < interleaved; ++k)
      below &= simd::above(simd::all(least), simd::load_aligned(squares + k * size));
    return below == every_lane;
  }

  /// Wilkinson's shift: the eigenvalue of the leading 2 x 2 block that is closer to its first
  /// entry.
  static vector shift_of(const vector& first, const vector& second, const vector& square) {
    const vector zero{}, half = simd::all(Real(0.5)) * (second - first);
    const vector root = simd::square_root(simd::multiply_add(half, half, square));
    const vector reach = half + simd::where_above(zero, half, -root, root);
    return simd::where_equal(reach, zero, first, first - square / reach);
  }

  struct chain {
    vector shift, gamma, p, s;
  };

  /// gamma, or 1e-70 where its magnitude is less, so that neither its square nor that of p
  /// underflows: 1e-70 is nothing beside an eigenvalue.
  static vector away_from_zero(const vector& gamma) {
    const vector least = simd::all(Real(1e-70));
    return simd::where_above(least, simd::magnitude(gamma), least, gamma);
  }

  static chain start(const Real* diagonal, const Real* squares, index_t l, index_t m) {
    chain c;
    c.shift = shift_of(simd::load_aligned(diagonal + l * lanes),
                       simd::load_aligned(diagonal + (l + 1) * lanes),
                       simd::load_aligned(squares + l * lanes));
    c.gamma = away_from_zero(simd::load_aligned(diagonal + m * lanes) - c.shift);
    c.p = c.gamma * c.gamma;
    c.s = vector{};
    return c;
  }

  /// One rotation; with q = p / (p r): cosine^2 = p / r, sine^2 = b / r, gamma' = cosine^2 (alpha -
  /// shift) - sine^2 gamma, p' = gamma'^2 / cosine^2, all from one division.
  static void turn(chain& c, Real* diagonal, Real* squares) {
    const vector b = simd::load_aligned(squares), alpha = simd::load_aligned(diagonal);
    const vector r = c.p + b, pb = c.p * b, pp = c.p * c.p;
    const vector inverse = simd::all(Real(1)) / (pp + pb);
    simd::store(squares + lanes, c.s * r);
    const vector old = c.gamma;
    c.s = pb * inverse;
    const vector kept = pp * (alpha - c.shift);
    c.gamma = away_from_zero(simd::subtract_product(pb, old, kept) * inverse);
    simd::store(diagonal + lanes, old + (alpha - c.gamma));
    c.p = (c.gamma * c.gamma) * ((r * r) * inverse);
  }

  /// QL with an implicit shift on rows l to m. `squares` has room for one more row.
  static void sweep(Real* diagonal, Real* squares, index_t l, index_t m) {
    chain c[interleaved];
#pragma GCC unroll 4
    for (int k = 0; k < interleaved; ++k)
      c[k] = start(diagonal + k * size, squares + k * size, l, m);
    for (index_t i = m - 1; i >= l; --i)
#pragma GCC unroll 4
      for (int k = 0; k < interleaved; ++k)
        turn(c[k], diagonal + i * lanes + k * size, squares + i * lanes + k * size);
#pragma GCC unroll 4
    for (int k = 0; k < interleaved; ++k) {
      simd::store(squares + l * lanes + k * size, c[k].s * c[k].p);
      simd::store(diagonal + l * lanes + k * size, c[k].shift + c[k].gamma);
    }
  }
};

/// Names why eigenvalues were not found: NaN spreads to every row of its matrix.
template <class Real>
[[noreturn]] void refuse_unsolved(const Real* diagonal, index_t count) {
  for (index_t i = 0; i < count; ++i)
    if (!std::isfinite(diagonal[i]))
      throw value_error("matrix", "a finite symmetric matrix", "one that is not");
  refuse_diverging();
}

template <class Real>
bool batched_eigenvalues<Real>::try_solve(Real* diagonal, Real* squares, index_t n, Real least,
                                          int enough) {
  for (index_t l = 0; l + 1 < n; ++l)
    for (int sweeps = 0; !negligible(squares + l * lanes, least); ++sweeps) {
      if (sweeps == enough) return false;
      sweep(diagonal, squares, l, n - 1);
    }
  return true;
}

template <class Real>
void batched_eigenvalues<Real>::solve(Real* diagonal, Real* squares, index_t n) {
  constexpr Real least = Real(4e-34);  // entries of 2e-17
  constexpr int enough = 60;
  if (!try_solve(diagonal, squares, n, least, enough)) refuse_unsolved(diagonal, n * lanes);
}

}  // namespace atlas::inline ATLAS_ABI::detail

#ifdef ATLAS_COMPILED
namespace atlas::inline ATLAS_ABI::detail {
ATLAS_OF_LINALG void batched_eigenvalues<double>::solve(double*, double*, index_t);
ATLAS_OF_LINALG bool batched_eigenvalues<double>::try_solve(double*, double*, index_t, double, int);
}  // namespace atlas::inline ATLAS_ABI::detail
#endif
