// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// Rows of a cloud that is divided among several processes, with their labels, as bytes that travel
/// between these.

#include <cstdint>
#include <cstring>
#include <numeric>
#include <string>
#include <vector>

#include "atlas/core/as_view.hpp"
#include "atlas/core/checks.hpp"
#include "atlas/neighbors/exclusion.hpp"

namespace atlas::inline ATLAS_ABI {

/// Some rows of a cloud.
template <class Scalar>
struct ring_block {
  index_t first_row = 0;                ///< number of the first of them in the whole cloud
  tensor_view<const Scalar, 2> points;  ///< `[n, d]`, in the bytes
  exclusion exclude;                    ///< of these rows
};

namespace detail {

/// Rows with their labels as they travel. In memory: this head, the labels, the rows.
struct ring_head {
  std::int64_t magic = 0x676E6972;  // of both the format and the order of bytes
  std::int64_t scalar_size = 0, first_row = 0, rows = 0, columns = 0;
  std::int64_t contexts = 0, positions = 0, sets = 0;  ///< labels of each kind: 0 or more of them
  std::int64_t window = -1, distinct = 0;
};

inline void append_labels(const row_numbers& labels, std::string& out) {
  const owned_tensor<index_t, 1> dense = labels;
  out.append(reinterpret_cast<const char*>(dense.data()),
             static_cast<std::size_t>(dense.size()) * sizeof(index_t));
}

/// \param exclude of these rows
template <class Scalar>
std::string block_bytes(const tensor_view<const Scalar, 2>& points, const exclusion& exclude,
                        index_t first_row) {
  ring_head head;
  head.scalar_size = sizeof(Scalar);
  head.first_row = first_row;
  head.rows = points.extent(0);
  head.columns = points.extent(1);
  head.contexts = exclude.context.empty() ? 0 : 1;
  head.positions = exclude.position.empty() ? 0 : 1;
  head.sets = static_cast<std::int64_t>(exclude.labels.size());
  head.window = exclude.window;
  head.distinct = exclude.distinct ? 1 : 0;
  std::string out;
  const std::int64_t label_bytes = (head.contexts + head.positions + head.sets) * 8;
  out.reserve(sizeof head + static_cast<std::size_t>(head.rows * label_bytes) +
              static_cast<std::size_t>(points.size()) * sizeof(Scalar));
  out.append(reinterpret_cast<const char*>(&head), sizeof head);
  if (head.contexts > 0) append_labels(exclude.context, out);
  if (head.positions > 0) append_labels(exclude.position, out);
  for (const row_numbers& set : exclude.labels) append_labels(set, out);
  std::vector<Scalar> row(static_cast<std::size_t>(head.columns));
  for (index_t i = 0; i < head.rows; ++i) {
    for (index_t c = 0; c < head.columns; ++c) row[static_cast<std::size_t>(c)] = points(i, c);
    out.append(reinterpret_cast<const char*>(row.data()), row.size() * sizeof(Scalar));
  }
  return out;
}

[[noreturn]] inline void refuse_block(const std::string& expected, const std::string& got) {
  throw value_error("block of the ring", expected, got);
}

/// \throws value_error for bytes that are no block of such rows
template <class Scalar>
ring_head head_of_block(const std::string& bytes) {
  ring_head head;
  if (bytes.size() < sizeof head)
    refuse_block("a head of " + std::to_string(sizeof head) + " bytes",
                 std::to_string(bytes.size()));
  std::memcpy(&head, bytes.data(), sizeof head);
  if (head.magic != ring_head().magic) refuse_block("one of ring_neighbors", "other bytes");
  if (head.scalar_size != sizeof(Scalar))
    refuse_block("numbers of " + std::to_string(sizeof(Scalar)) + " bytes",
                 std::to_string(head.scalar_size));
  constexpr std::int64_t most = std::int64_t{1} << 40;
  const bool sane = head.first_row >= 0 && head.first_row <= most && head.rows >= 1 &&
                    head.rows <= most && head.columns >= 1 && head.columns <= most &&
                    (head.contexts | head.positions | head.distinct) >> 1 == 0 && head.sets >= 0 &&
                    head.sets <= most;
  if (!sane) refuse_block("rows, columns and labels in range", "others");
  // By division, since the products may be more than can be held.
  const auto size = static_cast<std::int64_t>(bytes.size() - sizeof head);
  const std::int64_t each = size / head.rows, labels = head.contexts + head.positions + head.sets;
  const bool fits = size % head.rows == 0 && labels <= each / 8 &&
                    (each - 8 * labels) % head.scalar_size == 0 &&
                    (each - 8 * labels) / head.scalar_size == head.columns;
  if (!fits)
    refuse_block(std::to_string(head.rows) + " rows of " + std::to_string(head.columns) +
                     " numbers with " + std::to_string(labels) + " labels",
                 std::to_string(size) + " bytes");
  return head;
}

}  // namespace detail

/// The rows [first, first + count) of a cloud, and what excludes neighbours of them, as bytes for
/// `read_ring_block` in a process of the same order of bytes.
/// \param points  `[N, d]`, the whole cloud
/// \param exclude of the whole cloud
/// \throws value_error for rows that there are not, shape_error for labels of another length
///
/// O(count (d + labels)) time and memory.
template <real_tensor<2> Points>
[[nodiscard]] std::string ring_block_bytes(const Points& points, const exclusion& exclude,
                                           index_t first, index_t count) {
  using scalar = scalar_of<Points, 2>;
  const auto held = as_view<2>(points);
  const tensor_view<const scalar, 2>& view = held;
  check_between(first, 0, view.extent(0) - 1, "first");
  check_between(count, 1, view.extent(0) - first, "count");
  detail::check_exclusion(exclude, view.extent(0));
  std::vector<index_t> rows(static_cast<std::size_t>(count));
  std::iota(rows.begin(), rows.end(), first);
  const tensor_view<const scalar, 2> own(&view(first, index_t{0}), {count, view.extent(1)},
                                         view.strides());
  return detail::block_bytes<scalar>(own, detail::gather_exclusion(exclude, rows), first);
}

/// Rows and labels of such bytes, to which the rows refer.
/// \throws value_error for bytes that are no block of rows of this type
template <class Scalar>
[[nodiscard]] ring_block<Scalar> read_ring_block(const std::string& bytes) {
  const detail::ring_head head = detail::head_of_block<Scalar>(bytes);
  ring_block<Scalar> out;
  out.first_row = head.first_row;
  out.exclude.window = head.window;
  out.exclude.distinct = head.distinct != 0;
  const char* at = bytes.data() + sizeof head;
  const auto labels = [&] {
    owned_tensor<index_t, 1> all({head.rows});
    std::memcpy(all.mutable_view().data(), at, static_cast<std::size_t>(head.rows) * 8);
    at += head.rows * 8;
    return all;
  };
  if (head.contexts > 0) out.exclude.context = labels();
  if (head.positions > 0) out.exclude.position = labels();
  for (std::int64_t s = 0; s < head.sets; ++s) out.exclude.labels.push_back(labels());
  // What comes before is a multiple of 8 bytes, and a string's memory is aligned to as many.
  out.points = {reinterpret_cast<const Scalar*>(at), {head.rows, head.columns}};
  return out;
}

}  // namespace atlas::inline ATLAS_ABI
