// SPDX-License-Identifier: MIT
#include "atlas/core/checks.hpp"

#include <cstdlib>
#include <limits>
#include <vector>

#include "../catch.hpp"
#include "../messages.hpp"

using namespace atlas;
using atlas::detail::number_text;

namespace {

template <class Call>
bool passes_check(Call&& call) {
  return atlas_test::message_of<atlas::error>(call) == "nothing was thrown";
}

}  // namespace

TEST_CASE("the first value that is not finite is named with its place") {
  std::vector<double> x(12, 1.0);
  CHECK_NOTHROW(check_finite(as_view<2>(x, {3, 4}), "x"));
  x[7] = std::numeric_limits<double>::quiet_NaN();
  x[9] = std::numeric_limits<double>::infinity();
  CHECK_REFUSED(atlas::value_error, (check_finite(as_view<2>(x, {3, 4}), "x")),
                "x: ", "NaN at [1, 3]");
  CHECK_REFUSED(atlas::value_error, (check_finite(as_view<1>(x, {12}), "x")), "NaN", "[7]");
  x[7] = 0;
  CHECK_REFUSED(atlas::value_error, (check_finite(as_view<2>(x, {3, 4}), "x")), "+inf", "[2, 1]");
}

TEST_CASE("large finite values are finite") {
  const std::vector<float> x(100, std::numeric_limits<float>::max());
  CHECK_NOTHROW(check_finite(as_view<1>(x), "x"));
}

TEST_CASE("checks name the argument, what was expected and what came") {
  CHECK_REFUSED(atlas::shape_error, check_extent(3, 4, "weights", "rows"), "weights",
                "rows 4, got 3");
  CHECK_REFUSED(atlas::value_error, check_between(9, 1, 8, "k"), "k: ", "from 1 to 8, got 9");
  CHECK_REFUSED(atlas::value_error, check_half_open(1.0, 0, 1, "share"), "share", "got 1");
  CHECK_REFUSED(atlas::value_error, check_open_unit(std::nan(""), "level"), "level", "NaN");
  CHECK_REFUSED(atlas::value_error, check_positive(0, "rate"), "rate", "positive number, got 0");
  CHECK_REFUSED(atlas::value_error, check_positive(INFINITY, "rate"), "rate", "+inf");
  const std::vector<double> six(6);
  const auto view = as_view<2>(six, {2, 3});
  CHECK_NOTHROW(check_shape(view, {2, 3}, "weights"));
  CHECK_REFUSED(atlas::shape_error, check_shape(view, {3, 2}, "weights"), "weights",
                "[3, 2], got [2, 3]");
  const std::vector<double> none;
  CHECK_REFUSED(atlas::shape_error, (check_not_empty(as_view<2>(none, {0, 3}), "cloud")), "cloud",
                "0");
}

TEST_CASE("checks take what as_view gives, views and evaluated expressions alike") {
  const Eigen::MatrixXd points = Eigen::MatrixXd::Ones(4, 3);
  const auto borrowed = as_view<2>(points);
  const auto evaluated = as_view<2>(points + points);
  for (const index_t rows : {4, 5}) {
    const bool right = rows == 4;
    CHECK(right == passes_check([&] { check_shape(borrowed, {rows, 3}, "points"); }));
    CHECK(right == passes_check([&] { check_shape(evaluated, {rows, 3}, "points"); }));
  }
  CHECK_NOTHROW(check_finite(evaluated, "points"));
  CHECK_NOTHROW(check_not_empty(evaluated, "points"));
}

TEST_CASE("numbers in messages are short and read back as the same") {
  CHECK(number_text(-0.5) == "-0.5");
  CHECK(number_text(2) == "2");
  CHECK(number_text(-1e-9) == "-1e-09");
  CHECK(number_text(std::numeric_limits<double>::quiet_NaN()) == "NaN");
  CHECK(number_text(-std::numeric_limits<double>::infinity()) == "-inf");
  for (const double x : {0.1, 1.0 / 3, -1e-300, 1.7e308, std::numeric_limits<double>::denorm_min()})
    CHECK(std::strtod(number_text(x).c_str(), nullptr) == x);
}
