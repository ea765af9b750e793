// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// Neighbours of one cloud by all ranks: rank 0, which has the cloud, deals its rows, and blocks of
/// them travel round (atlas/neighbors/ring_neighbors.hpp).

#include "atlas/dimension/estimate.hpp"
#include "atlas/neighbors/neighbor_table.hpp"

namespace atlas_program {

/// At rank 0, while the others serve: what `nearest_neighbors` gives.
template <class Scalar>
atlas::neighbor_table neighbors_by_ranks(const atlas::tensor_view<const Scalar, 2>& points,
                                         atlas::index_t k, const atlas::dimension_options& options);

/// At the other ranks: takes part in searches until rank 0 has no more.
void serve_searches(int threads, const atlas::progress_callback& on_progress);

/// At rank 0, after the last search.
void end_searches();

}  // namespace atlas_program
