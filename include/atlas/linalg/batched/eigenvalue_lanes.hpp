// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// Eigenvalues of several symmetric tridiagonal matrices at once, by the QL iteration without
/// square roots of Pal, Walker and Kahan (Parlett, The Symmetric Eigenvalue Problem, 8.15), as
/// LAPACK's dsterf. A lane that is done goes along with the others: a further step turns its matrix
/// into a similar one.

#include <algorithm>
#include <cmath>

#include "atlas/core/compiled.hpp"
#include "atlas/linalg/batched/packet_lanes.hpp"
#include "atlas/linalg/eigenbasis.hpp"

namespace atlas::inline ATLAS_ABI::detail {

/// Vectors whose chains of divisions run side by side.
inline constexpr index_t interleaved = 4;

/// Of `interleaved * packet_lanes` matrices whose eigenvalues are at most about 1 in magnitude, to
/// some 1e-16 absolutely.
template <class Real>
class lane_eigenvalues {
 public:
  static constexpr index_t lanes = interleaved * packet_lanes<Real>;

  /// \param diagonal `[n, lanes]`, becomes the eigenvalues, in no order
  /// \param squares of the entries beside it, `[n - 1, lanes]`, overwritten
  /// \throws value_error for NaN, convergence_error where the iteration does not converge
  static void solve(Real* diagonal, Real* squares, index_t n);

 private:
  using packet = packet_of<Real>;
  static constexpr index_t size = packet_lanes<Real>;

  /// NaN where there is one.
  static Real largest(const Real* x) {
    using list = Eigen::Map<const Eigen::Array<Real, lanes, 1>, Eigen::AlignedMax>;
    const Real most = list(x).template maxCoeff<Eigen::PropagateNaN>();
    if (std::isnan(most))
      throw value_error("matrix", "a finite symmetric matrix", "one that is not");
    return most;
  }

  /// Wilkinson's shift: the eigenvalue of the leading 2 x 2 block that is closer to its first
  /// entry.
  static packet shift_of(const packet& first, const packet& second, const packet& square) {
    using namespace Eigen::internal;
    const packet none = same_lanes(Real(0));
    const packet half = pmul(same_lanes(Real(0.5)), psub(second, first));
    const packet root = psqrt(pmadd(half, half, square));
    const packet reach = padd(half, pselect(pcmp_lt(half, none), packet(pnegate(root)), root));
    return pselect(pcmp_eq(reach, none), first, packet(psub(first, pdiv(square, reach))));
  }

  struct chain {
    packet shift, gamma, p, s;
  };

  /// gamma, and never so near to 0 that its square, or that of p, is nothing: 1e-70 is nothing
  /// beside an eigenvalue.
  static packet away_from_zero(const packet& gamma) {
    using namespace Eigen::internal;
    const packet least = same_lanes(Real(1e-70));
    return pselect(pcmp_lt(pabs(gamma), least), least, gamma);
  }

  static chain start(const Real* diagonal, const Real* squares, index_t l, index_t m) {
    using namespace Eigen::internal;
    chain c;
    c.shift = shift_of(load_lanes(diagonal + l * lanes), load_lanes(diagonal + (l + 1) * lanes),
                       load_lanes(squares + l * lanes));
    c.gamma = away_from_zero(psub(load_lanes(diagonal + m * lanes), c.shift));
    c.p = pmul(c.gamma, c.gamma);
    c.s = same_lanes(Real(0));
    return c;
  }

  /// One rotation; with q = p / (p r): cosine^2 = p / r, sine^2 = b / r, gamma' = cosine^2 (alpha -
  /// shift) - sine^2 gamma, p' = gamma'^2 / cosine^2, all from one division.
  static void turn(chain& c, Real* diagonal, Real* squares) {
    using namespace Eigen::internal;
    const packet b = load_lanes(squares), alpha = load_lanes(diagonal);
    const packet r = padd(c.p, b), pb = pmul(c.p, b), pp = pmul(c.p, c.p);
    const packet inverse = pdiv(same_lanes(Real(1)), padd(pp, pb));
    store_lanes(squares + lanes, pmul(c.s, r));
    const packet old = c.gamma;
    c.s = pmul(pb, inverse);
    c.gamma = away_from_zero(pmul(minus_product(pb, old, pmul(pp, psub(alpha, c.shift))), inverse));
    store_lanes(diagonal + lanes, padd(old, psub(alpha, c.gamma)));
    c.p = pmul(pmul(c.gamma, c.gamma), pmul(pmul(r, r), inverse));
  }

  /// QL with an implicit shift on rows l to m. `squares` has room for one more row.
  static void sweep(Real* diagonal, Real* squares, index_t l, index_t m) {
    using namespace Eigen::internal;
    chain c[interleaved];
    for (index_t k = 0; k < interleaved; ++k)
      c[k] = start(diagonal + k * size, squares + k * size, l, m);
    for (index_t i = m - 1; i >= l; --i)
      for (index_t k = 0; k < interleaved; ++k)
        turn(c[k], diagonal + i * lanes + k * size, squares + i * lanes + k * size);
    for (index_t k = 0; k < interleaved; ++k) {
      store_lanes(squares + l * lanes + k * size, pmul(c[k].s, c[k].p));
      store_lanes(diagonal + l * lanes + k * size, padd(c[k].shift, c[k].gamma));
    }
  }
};

template <class Real>
void lane_eigenvalues<Real>::solve(Real* diagonal, Real* squares, index_t n) {
  constexpr Real negligible = Real(4e-34);  // of a square; entries of 2e-17
  constexpr int enough = 60;
  for (index_t l = 0; l + 1 < n; ++l)
    for (int sweeps = 0; largest(squares + l * lanes) > negligible; ++sweeps) {
      if (sweeps == enough) refuse_diverging();
      sweep(diagonal, squares, l, n - 1);
    }
}

}  // namespace atlas::inline ATLAS_ABI::detail

#ifdef ATLAS_COMPILED
namespace atlas::inline ATLAS_ABI::detail {
ATLAS_OF_LINALG void lane_eigenvalues<double>::solve(double*, double*, index_t);
}  // namespace atlas::inline ATLAS_ABI::detail
#endif
