// SPDX-License-Identifier: MIT
/// \file
/// Neighbours of a cloud whose rows travel round a ring, here of threads, beside those of one
/// search.
#include "atlas/neighbors/ring_neighbors.hpp"

#include <condition_variable>
#include <cstring>
#include <exception>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "../catch.hpp"
#include "../clouds_for_tests.hpp"
#include "../messages.hpp"
#include "atlas/neighbors/nearest_neighbors.hpp"

namespace ring_neighbors_test {

namespace {

using namespace atlas_test;
using atlas::index_t, atlas::neighbor_table, atlas::owned_tensor;

/// A place for one message, from one thread to the next.
class mailbox {
 public:
  void put(std::string bytes) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return !held_; });
    held_ = std::move(bytes);
    changed_.notify_all();
  }
  std::string take() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return held_.has_value(); });
    std::string out = std::move(*held_);
    held_.reset();
    changed_.notify_all();
    return out;
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::optional<std::string> held_;
};

std::vector<index_t> range_of(index_t first, index_t last) {
  std::vector<index_t> rows;
  for (index_t i = first; i < last; ++i) rows.push_back(i);
  return rows;
}

template <class Scalar>
owned_tensor<Scalar, 2> some_rows(const owned_tensor<Scalar, 2>& points, index_t first,
                                  index_t last) {
  owned_tensor<Scalar, 2> out({last - first, points.extent(1)});
  std::copy(points.data() + first * points.extent(1), points.data() + last * points.extent(1),
            out.mutable_view().data());
  return out;
}

/// Tables of all processes, one after the other; blocks of different sizes.
template <class Scalar>
neighbor_table around(const owned_tensor<Scalar, 2>& points, const atlas::neighbor_options& wanted,
                      index_t processes) {
  const index_t n = points.extent(0);
  std::vector<mailbox> boxes(static_cast<std::size_t>(processes));
  std::vector<std::exception_ptr> failures(boxes.size());
  neighbor_table out{owned_tensor<double, 2>({n, wanted.k}),
                     owned_tensor<index_t, 2>({n, wanted.k})};
  const auto start = [&](index_t p) { return p * p * n / (processes * processes) + p; };
  std::vector<std::thread> threads;
  for (index_t p = 0; p < processes; ++p)
    threads.emplace_back([&, p] {
      const index_t first = start(p), last = p + 1 < processes ? start(p + 1) : n;
      try {
        const neighbor_table found = atlas::ring_neighbors(
            some_rows(points, first, last),
            {.k = wanted.k,
             .rows = n,
             .first_row = first,
             .processes = processes,
             .exclude = atlas::detail::gather_exclusion(wanted.exclude, range_of(first, last)),
             .periods = wanted.periods,
             .threads = 1},
            [&](std::string block) {
              boxes[static_cast<std::size_t>((p + 1) % processes)].put(std::move(block));
              return boxes[static_cast<std::size_t>(p)].take();
            });
        for (index_t i = 0; i < last - first; ++i)
          for (index_t s = 0; s < wanted.k; ++s) {
            out.distances.mutable_view()(first + i, s) = found.distances(i, s);
            out.indices.mutable_view()(first + i, s) = found.indices(i, s);
          }
      } catch (...) {
        failures[static_cast<std::size_t>(p)] = std::current_exception();
      }
    });
  for (std::thread& t : threads) t.join();
  for (const auto& f : failures)
    if (f) std::rethrow_exception(f);
  return out;
}

bool same_bytes(const neighbor_table& a, const neighbor_table& b) {
  return a.distances.extents() == b.distances.extents() &&
         std::memcmp(a.distances.data(), b.distances.data(),
                     static_cast<std::size_t>(a.distances.size()) * 8) == 0 &&
         std::memcmp(a.indices.data(), b.indices.data(),
                     static_cast<std::size_t>(a.indices.size()) * 8) == 0;
}

/// Coordinates that are whole numbers, so that many rows coincide and many pairs are equally far.
template <class Scalar>
owned_tensor<Scalar, 2> cloud(index_t n, index_t d, bool whole) {
  const Eigen::MatrixXd normal = normal_cloud(n, d, 5);
  owned_tensor<Scalar, 2> out({n, d});
  for (index_t i = 0; i < n; ++i)
    for (index_t c = 0; c < d; ++c)
      out.mutable_view()(i, c) =
          static_cast<Scalar>(whole ? std::round(2 * normal(i, c)) : normal(i, c));
  return out;
}

owned_tensor<index_t, 1> labels(index_t n, index_t run, index_t count) {
  owned_tensor<index_t, 1> out({n});
  for (index_t i = 0; i < n; ++i) out.mutable_view()[i] = i / run % count;
  return out;
}

owned_tensor<index_t, 1> places(index_t n, index_t run) {
  owned_tensor<index_t, 1> out({n});
  for (index_t i = 0; i < n; ++i) out.mutable_view()[i] = i % run;
  return out;
}

template <class Scalar>
void check_exclusions(const owned_tensor<Scalar, 2>& points, index_t k) {
  const index_t n = points.extent(0);
  const std::vector<atlas::exclusion> exclusions = {
      {},
      atlas::same_context(labels(n, 7, 50)),
      atlas::distinct_contexts(labels(n, 7, 50)),
      atlas::distinct_contexts(labels(n, 7, 3)),  // fewer contexts than neighbours
      atlas::same_context_within(labels(n, 20, 1000), places(n, 20), 4),
      atlas::nearby_positions(places(n, 50), 3),
      atlas::also_excluding(atlas::same_context(labels(n, 9, 20)), labels(n, 1, 11))};
  for (std::size_t e = 0; e < exclusions.size(); ++e)
    for (const index_t processes : {1, 2, 3, 7}) {
      CAPTURE(e, processes, n, k);
      const atlas::neighbor_options wanted{.k = k, .exclude = exclusions[e], .threads = 1};
      CHECK(
          same_bytes(around(points, wanted, processes), atlas::nearest_neighbors(points, wanted)));
    }
}

TEST_CASE("neighbours round a ring are those of one search, byte for byte") {
  check_exclusions(cloud<float>(331, 5, false), 2);
  check_exclusions(cloud<double>(331, 5, false), 5);
  check_exclusions(cloud<float>(1200, 33, false), 3);
}

TEST_CASE("so they are where rows coincide and where many are equally far") {
  check_exclusions(cloud<float>(400, 2, true), 4);
  check_exclusions(cloud<double>(400, 3, true), 9);
}

TEST_CASE("so they are where one search takes a tree, and in a periodic box") {
  const auto plane = cloud<float>(20000, 2, false);
  const atlas::neighbor_options two{.k = 2, .threads = 1};
  CHECK(same_bytes(around(plane, two, 3), atlas::nearest_neighbors(plane, two)));
  auto box = cloud<double>(300, 3, false);
  for (index_t i = 0; i < box.size(); ++i) {
    double& x = box.mutable_view().data()[i];
    x = x - std::floor(x);
  }
  const atlas::neighbor_options periodic{.k = 3, .periods = {1, 0, 2}, .threads = 1};
  CHECK(same_bytes(around(box, periodic, 3), atlas::nearest_neighbors(box, periodic)));
}

TEST_CASE("blocks that are not of the search are refused") {
  const auto points = cloud<float>(20, 3, false);
  const std::string good = atlas::ring_block_bytes(points, {}, 10, 10);
  const auto message = [&](const std::string& block, atlas::exclusion exclude = {}) {
    return message_of<atlas::error>([&] {
      (void)atlas::ring_neighbors(some_rows(points, 0, 10),
                                  {.rows = 20, .processes = 2, .exclude = exclude},
                                  [&](const std::string&) { return block; });
    });
  };
  const auto changed = [&](std::size_t member, std::int64_t value) {
    std::string block = good;
    std::memcpy(block.data() + 8 * member, &value, 8);
    return block;
  };
  CHECK(has(message(good.substr(0, 40)), "expected a head of 80 bytes, got 40"));
  CHECK(has(message(changed(0, 7)), "expected one of ring_neighbors"));
  CHECK(has(message(changed(1, 8)), "expected numbers of 4 bytes, got 8"));
  CHECK(has(message(changed(2, -1)), "in range"));
  CHECK(has(message(changed(2, 15)), "expected rows below 20, got 15 and 10 more"));
  CHECK(has(message(changed(3, 0)), "in range"));
  CHECK(has(message(changed(3, 1 << 30)), "bytes"));
  CHECK(has(message(changed(4, std::int64_t{1} << 62)), "in range"));
  CHECK(has(message(changed(4, std::int64_t{1} << 39)), "bytes"));
  CHECK(has(message(changed(5, 2)), "in range"));
  CHECK(has(message(changed(7, std::int64_t{1} << 39)), "bytes"));
  CHECK(has(message(good.substr(0, good.size() - 4)), "bytes"));
  CHECK(has(message(atlas::detail::block_bytes<float>(cloud<float>(10, 4, false), {}, 10)),
            "columns"));
  CHECK(has(message(atlas::ring_block_bytes(points, {}, 10, 5)),
            "expected all 20 rows on the ring, got 15"));
  CHECK(has(message(good, atlas::same_context(labels(10, 2, 5))), "contexts of both"));
}

TEST_CASE("options that no cloud has are refused") {
  const auto points = cloud<double>(10, 2, false);
  const auto message = [&](const atlas::ring_options& o, const owned_tensor<double, 2>& rows) {
    return message_of<atlas::error>(
        [&] { (void)atlas::ring_neighbors(rows, o, [](std::string block) { return block; }); });
  };
  CHECK(has(message({.k = 10, .rows = 10}, points), "k: expected"));
  CHECK(has(message({.k = 1, .rows = 9}, points), "first_row: expected"));
  CHECK(has(message({.k = 1, .rows = 10, .processes = 0}, points), "processes: expected"));
  // Clouds that one process would scale, and rows whose distance squares lose.
  auto huge = cloud<double>(10, 2, false), close = cloud<double>(10, 2, false);
  huge.mutable_view()(0, 0) = 1e160;
  close.mutable_view()(0, 0) = 0;
  close.mutable_view()(0, 1) = 0;
  close.mutable_view()(1, 0) = 1e-150;
  close.mutable_view()(1, 1) = 0;
  CHECK(has(message({.rows = 10}, huge), "points: expected coordinates that vary by 2^-200"));
  CHECK(has(message({.rows = 10}, close), "points: expected rows that are equal or differ by"));
}

TEST_CASE("what the transport throws ends the search") {
  const auto points = cloud<float>(20, 3, false);
  CHECK(has(message_of<atlas::error>([&] {
              (void)atlas::ring_neighbors(
                  some_rows(points, 0, 10), {.rows = 20, .processes = 2},
                  [](const std::string&) -> std::string { throw atlas::error("lost"); });
            }),
            "lost"));
}

}  // namespace

}  // namespace ring_neighbors_test
