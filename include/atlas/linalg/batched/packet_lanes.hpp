// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// Several small problems at once, one in each lane of a vector: what is a chain of dependent steps
/// for one of them is full vectors for all. The vectors are Eigen's packets, of whatever width the
/// compiler is allowed.

#include <Eigen/Core>

#include "atlas/core/tensor_view.hpp"

namespace atlas::inline ATLAS_ABI::detail {

template <class Real>
using packet_of = typename Eigen::internal::packet_traits<Real>::type;

/// Problems that share a vector.
template <class Real>
inline constexpr index_t packet_lanes = Eigen::internal::unpacket_traits<packet_of<Real>>::size;

/// The vector at a place that is aligned as Eigen aligns.
template <class Real>
packet_of<Real> load_lanes(const Real* at) {
  return Eigen::internal::ploadt<packet_of<Real>, Eigen::AlignedMax>(at);
}
template <class Real>
void store_lanes(Real* to, const packet_of<Real>& x) {
  Eigen::internal::pstoret<Real, packet_of<Real>, Eigen::AlignedMax>(to, x);
}

template <class Real>
packet_of<Real> same_lanes(Real x) {
  return Eigen::internal::pset1<packet_of<Real>>(x);
}

/// `c - a b`
template <class Packet>
Packet minus_product(const Packet& a, const Packet& b, const Packet& c) {
  return Eigen::internal::pmadd(Eigen::internal::pnegate(a), b, c);
}

/// Place of entry (row, column), column <= row, of packed lower triangles, in vectors.
constexpr index_t packed_place(index_t row, index_t column) {
  return row * (row + 1) / 2 + column;
}

}  // namespace atlas::inline ATLAS_ABI::detail
