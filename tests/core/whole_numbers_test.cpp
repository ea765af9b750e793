// SPDX-License-Identifier: MIT
#include "atlas/core/whole_numbers.hpp"

#include <Eigen/Core>
#include <array>
#include <cstdint>
#include <deque>
#include <limits>
#include <span>
#include <vector>

#include "../catch.hpp"
#include "../messages.hpp"
#include "atlas/neighbors/exclusion.hpp"
#include "atlas/stats/bootstrap.hpp"

namespace {

using atlas::row_numbers;

constexpr std::uint64_t too_large = std::uint64_t{1} << 63;

template <class Numbers>
std::vector<atlas::index_t> held(const Numbers& numbers) {
  const row_numbers rows = numbers;
  return {rows.begin(), rows.end()};
}

const std::vector<atlas::index_t> wanted = {3, 1, 2};

template <class Integer>
void check_integer() {
  CHECK(held(std::vector<Integer>{3, 1, 2}) == wanted);
  const std::array<Integer, 6> doubled = {3, 0, 1, 0, 2, 0};
  CHECK(held(std::span<const Integer>(doubled).first(1)) == std::vector<atlas::index_t>{3});
  CHECK(held(atlas::as_view<1>(doubled.data(), {3}, {2})) == wanted);
  CHECK(atlas::same_context(std::vector<Integer>{3, 3, 2}).rejects(0, 1));
}

}  // namespace

TEST_CASE("numbers of rows are made of integers of any type") {
  check_integer<int>();
  check_integer<short>();
  check_integer<signed char>();
  check_integer<unsigned>();
  check_integer<std::int64_t>();
  check_integer<std::uint64_t>();
  check_integer<std::size_t>();
  check_integer<long long>();
}

TEST_CASE("numbers of rows are made of any container") {
  CHECK(held(std::deque<int>{3, 1, 2}) == wanted);
  CHECK(held(std::vector<bool>{true, false}) == std::vector<atlas::index_t>{1, 0});
  const int plain[] = {3, 1, 2};
  CHECK(held(plain) == wanted);
  Eigen::VectorXi vector(3);
  vector << 3, 1, 2;
  CHECK(held(vector) == wanted);
  CHECK(held(vector.reverse().reverse()) == wanted);
  CHECK(row_numbers().empty());
}

TEST_CASE("numbers of rows share the memory of a tensor and can be passed on") {
  atlas::owned_tensor<atlas::index_t, 1> tensor({3});
  const row_numbers rows = tensor;
  CHECK(rows.data() == tensor.data());
  CHECK(atlas::as_view<1>(rows).data() == tensor.data());
  static_assert(atlas::whole_tensor<row_numbers, 1>);
  CHECK(atlas::same_context(rows).context.extent(0) == 3);
}

TEST_CASE("options take labels as the caller has them") {
  const std::vector<std::uint32_t> context = {7, 7, 9};
  const atlas::exclusion exclude{.context = context};
  CHECK(exclude.rejects(0, 1));
  CHECK(!exclude.rejects(0, 2));
}

TEST_CASE("negative labels are labels; numbers that an index cannot hold are refused") {
  CHECK(held(std::vector<int>{-1, 5}) == std::vector<atlas::index_t>{-1, 5});
  const std::vector<std::uint64_t> edge = {too_large - 1};
  CHECK(held(edge)[0] == std::numeric_limits<atlas::index_t>::max());
  const std::vector<std::uint64_t> wild = {1, too_large};
  CHECK_REFUSED(atlas::value_error, row_numbers(wild), "row numbers", "9223372036854775808");
  CHECK_REFUSED(atlas::value_error, atlas::same_context(wild), "context",
                "up to 9223372036854775807");
  CHECK_REFUSED(atlas::value_error, atlas::nearby_positions(wild, 2), "position",
                "9223372036854775808");
  CHECK_REFUSED(atlas::value_error, atlas::also_excluding({}, wild), "labels",
                "9223372036854775808");
  CHECK_REFUSED(atlas::value_error,
                atlas::bootstrap_groups(wild, [](auto rows) { return double(rows.size()); }),
                "labels", "9223372036854775808");
}
