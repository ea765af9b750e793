// SPDX-License-Identifier: MIT
#include "ring_search.hpp"

#include <algorithm>
#include <cstring>
#include <string>
#include <vector>

#include "atlas/neighbors/nearest_neighbors.hpp"
#include "atlas/neighbors/ring_neighbors.hpp"
#include "common.hpp"
#include "ranks.hpp"
#include "share_work.hpp"

namespace atlas_program {

namespace {

using atlas::index_t;

/// Rank r holds the rows from `first_of(r, n)` on.
index_t first_of(int r, index_t n) {
  return r * (n / ranks()) + std::min<index_t>(r, n % ranks());
}

/// The rows of a rank, with their labels, as they travel.
template <class Scalar>
std::string part_of(const atlas::tensor_view<const Scalar, 2>& points,
                    const atlas::exclusion& exclude, int r) {
  const index_t n = points.extent(0), first = first_of(r, n);
  return atlas::ring_block_bytes(points, exclude, first, first_of(r + 1, n) - first);
}

std::string bytes_of(const atlas::neighbor_table& table) {
  const auto size = static_cast<std::size_t>(table.distances.size());
  std::string out(reinterpret_cast<const char*>(table.distances.data()), 8 * size);
  return out.append(reinterpret_cast<const char*>(table.indices.data()), 8 * size);
}

/// One search, of which every rank does the part of its rows.
template <class Scalar>
std::string search(const json& wanted, const std::string& part, int threads,
                   const atlas::progress_callback& on_progress) {
  const auto block = atlas::read_ring_block<Scalar>(part);
  return bytes_of(atlas::ring_neighbors(block.points,
                                        {.k = wanted.at("k"),
                                         .rows = wanted.at("rows"),
                                         .first_row = block.first_row,
                                         .processes = ranks(),
                                         .exclude = block.exclude,
                                         .periods = wanted.at("periods"),
                                         .threads = threads,
                                         .on_progress = on_progress},
                                        pass_on));
}

atlas::neighbor_table table_of(const std::vector<std::string>& parts, index_t n, index_t k) {
  atlas::neighbor_table out{atlas::owned_tensor<double, 2>({n, k}),
                            atlas::owned_tensor<index_t, 2>({n, k})};
  double* distances = out.distances.mutable_view().data();
  index_t* indices = out.indices.mutable_view().data();
  for (const std::string& part : parts) {
    const std::size_t half = part.size() / 2;
    std::memcpy(distances, part.data(), half);
    std::memcpy(indices, part.data() + half, half);
    distances += half / 8;
    indices += half / 8;
  }
  return out;
}

}  // namespace

template <class Scalar>
atlas::neighbor_table neighbors_by_ranks(const atlas::tensor_view<const Scalar, 2>& points,
                                         index_t k, const atlas::dimension_options& o) {
  const index_t n = points.extent(0);
  if (n < ranks())  // not a row for each
    return atlas::nearest_neighbors(points, {.k = k,
                                             .exclude = o.exclude,
                                             .periods = o.periods,
                                             .threads = o.threads,
                                             .on_progress = o.on_progress});
  const json wanted = {{"k", k}, {"rows", n}, {"scalar", sizeof(Scalar)}, {"periods", o.periods}};
  broadcast(packed(wanted));
  const std::string part = scatter([&](int r) { return part_of(points, o.exclude, r); });
  return table_of(gather(search<Scalar>(wanted, part, o.threads, o.on_progress)), n, k);
}

template atlas::neighbor_table neighbors_by_ranks(const atlas::tensor_view<const float, 2>&,
                                                  index_t, const atlas::dimension_options&);
template atlas::neighbor_table neighbors_by_ranks(const atlas::tensor_view<const double, 2>&,
                                                  index_t, const atlas::dimension_options&);

void serve_searches(int threads, const atlas::progress_callback& on_progress) {
  for (;;) {
    const std::string request = broadcast({});
    if (request.empty()) return;
    const json wanted = unpacked(request);
    const std::string part = scatter({});
    gather(wanted.at("scalar") == sizeof(float)
               ? search<float>(wanted, part, threads, on_progress)
               : search<double>(wanted, part, threads, on_progress));
  }
}

void end_searches() {
  broadcast({});
}

}  // namespace atlas_program
