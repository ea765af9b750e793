// SPDX-License-Identifier: MIT
#include "atlas/core/errors.hpp"

#include <cmath>
#include <limits>
#include <memory>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <utility>

#include "../catch.hpp"
#include "atlas/linalg/eigenbasis.hpp"

namespace {

/// The `Error` that `call` throws; what else it does fails the test.
template <class Error, class Call>
Error thrown_by(Call&& call) {
  try {
    call();
  } catch (const Error& e) {
    return e;
  }
  FAIL("nothing was thrown");
  throw std::logic_error("unreachable");
}

template <class Error>
void check_fields() {
  const auto e = thrown_by<atlas::error>([] { throw Error("k", "1 or more", "0"); });
  CHECK(e.argument() == "k");
  CHECK(e.expected() == "1 or more");
  CHECK(e.got() == "0");
  CHECK(std::string(e.what()) == "k: expected 1 or more, got 0");
}

}  // namespace

TEST_CASE("errors carry what their message says") {
  check_fields<atlas::shape_error>();
  check_fields<atlas::value_error>();
  check_fields<atlas::format_error>();
  check_fields<atlas::convergence_error>();
}

TEST_CASE("errors can be copied while another is in flight, and outlive the first") {
  static_assert(std::is_nothrow_copy_constructible_v<atlas::value_error>);
  static_assert(std::is_base_of_v<std::runtime_error, atlas::error>);
  auto first = std::make_unique<atlas::value_error>("p", "a number in [0, 1]", "2");
  const atlas::value_error copy = *first;
  first.reset();
  CHECK(copy.argument() == "p");
  CHECK(copy.got() == "2");
  const atlas::value_error last = std::move(copy);
  CHECK(copy.expected() == "a number in [0, 1]");
  CHECK(last.expected() == "a number in [0, 1]");
}

TEST_CASE("a message alone has no fields") {
  const atlas::error plain("no more disk");
  CHECK(std::string(plain.what()) == "no more disk");
  CHECK((plain.argument() + plain.expected() + plain.got()).empty());
  CHECK(atlas::cancelled().argument().empty());
}

TEST_CASE("errors of files name the path and the place in it") {
  const atlas::format_error whole("model/config.json", "JSON", "a mistake at byte 7");
  CHECK(whole.path() == "model/config.json");
  CHECK(whole.place().empty());
  const atlas::format_error part("a.safetensors: wte.weight", "F32", "I8");
  CHECK(part.path() == "a.safetensors");
  CHECK(part.place() == "wte.weight");
  CHECK(part.argument() == "a.safetensors: wte.weight");
}

TEST_CASE("an iteration without an end is an error of its own, NaN is one of values") {
  static_assert(!std::is_base_of_v<atlas::value_error, atlas::convergence_error>);
  const auto endless =
      thrown_by<atlas::convergence_error>([] { atlas::detail::refuse_diverging(); });
  CHECK(endless.argument() == "matrix");
  for (const int d : {4, 300}) {
    Eigen::MatrixXd matrix = Eigen::MatrixXd::Identity(d, d);
    matrix(d - 1, 0) = std::numeric_limits<double>::quiet_NaN();
    CHECK_THROWS_AS(atlas::symmetric_eigenbasis(matrix), atlas::value_error);
    CHECK_THROWS_AS(atlas::symmetric_eigenvalues(matrix), atlas::value_error);
  }
  Eigen::MatrixXd lower = Eigen::MatrixXd::Identity(4, 4);
  lower(0, 3) = std::numeric_limits<double>::quiet_NaN();  // the upper triangle is not read
  CHECK(atlas::symmetric_eigenbasis(lower).values == Eigen::VectorXd::Ones(4));
}
