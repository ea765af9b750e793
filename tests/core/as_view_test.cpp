// SPDX-License-Identifier: MIT
#include "atlas/core/as_view.hpp"

#include <Eigen/Dense>
#include <array>
#include <span>
#include <string>
#include <vector>

#include "../catch.hpp"
#include "../messages.hpp"

using atlas::as_view;
using atlas::shape_error;

namespace {

using row_major = Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

/// Element (i, k) is 10 i + k.
template <class Matrix>
Matrix numbered(Eigen::Index rows, Eigen::Index cols) {
  Matrix m(rows, cols);
  for (Eigen::Index i = 0; i < rows; ++i)
    for (Eigen::Index k = 0; k < cols; ++k)
      m(i, k) =
          static_cast<typename Matrix::Scalar>(10 * static_cast<int>(i) + static_cast<int>(k));
  return m;
}

template <class View>
bool is_numbered(const View& view, atlas::index_t rows, atlas::index_t cols) {
  if (view.extent(0) != rows || view.extent(1) != cols) return false;
  for (atlas::index_t i = 0; i < rows; ++i)
    for (atlas::index_t k = 0; k < cols; ++k)
      if (static_cast<double>(view(i, k)) != static_cast<double>(10 * i + k)) return false;
  return true;
}

struct my_matrix {
  std::vector<float> values;
  atlas::index_t rows, cols;
};

}  // namespace

template <>
struct atlas::tensor_traits<my_matrix> {
  static constexpr bool borrowed = false;
  template <std::size_t Rank>
  static auto view(const my_matrix& m) {
    return atlas::tensor_view<const float, Rank>(m.values.data(), {m.rows, m.cols});
  }
};

TEST_CASE("Eigen matrices of both orders, maps and blocks are borrowed") {
  const auto columns = numbered<Eigen::MatrixXd>(3, 4);
  const auto rows = numbered<row_major>(3, 4);
  CHECK(is_numbered(as_view<2>(columns), 3, 4));
  CHECK(is_numbered(as_view<2>(rows), 3, 4));
  CHECK(as_view<2>(columns).data() == columns.data());
  CHECK(as_view<2>(rows).data() == rows.data());
  CHECK(as_view<2>(columns).stride(0) == 1);
  CHECK(as_view<2>(rows).stride(0) == 4);
  const Eigen::Map<const row_major> map(rows.data(), 3, 4);
  CHECK(as_view<2>(map).data() == rows.data());
  const auto block = as_view<2>(columns.topLeftCorner(2, 3));
  CHECK(is_numbered(block, 2, 3));
  CHECK(block.data() == columns.data());
  const Eigen::VectorXd vector = Eigen::VectorXd::LinSpaced(5, 0, 4);
  CHECK(as_view<1>(vector)[4] == 4);
}

TEST_CASE("lazy expressions and temporaries are evaluated into memory that lives on") {
  const auto m = numbered<Eigen::MatrixXd>(3, 4);
  const auto sum = as_view<2>(m + m);
  CHECK(sum(2, 3) == 46);
  const auto temporary = as_view<2>(numbered<Eigen::MatrixXd>(3, 4));
  CHECK(is_numbered(temporary, 3, 4));
  const auto nested = as_view<2>(std::vector<std::vector<double>>{{0, 1}, {10, 11}});
  CHECK(is_numbered(nested, 2, 2));
}

TEST_CASE("half precision is widened to float") {
  const auto halves = numbered<Eigen::Matrix<Eigen::half, Eigen::Dynamic, Eigen::Dynamic>>(3, 4);
  const auto brains =
      numbered<Eigen::Matrix<Eigen::bfloat16, Eigen::Dynamic, Eigen::Dynamic>>(3, 4);
  static_assert(std::is_same_v<atlas::scalar_of<decltype(halves), 2>, float>);
  static_assert(std::is_same_v<atlas::scalar_of<decltype(brains), 2>, float>);
  CHECK(is_numbered(as_view<2>(halves), 3, 4));
  CHECK(is_numbered(as_view<2>(brains), 3, 4));
}

TEST_CASE("pointers and ranges with a shape") {
  const std::vector<float> values = {0, 1, 2, 10, 11, 12};
  CHECK(is_numbered(as_view<2>(values.data(), {2, 3}), 2, 3));
  CHECK(is_numbered(as_view<2>(values, {2, 3}), 2, 3));
  CHECK(is_numbered(as_view<2>(std::span(values), {2, 3}), 2, 3));
  CHECK(is_numbered(as_view<2>(values.data(), {2, 2}, {3, 1}), 2, 2));
  CHECK(as_view<1>(values)[5] == 12);
  CHECK_REFUSED(shape_error, (as_view<2>(values, {2, 4})), "8", "6");
}

TEST_CASE("C arrays and containers of fixed-size points are borrowed") {
  const double grid[2][3] = {{0, 1, 2}, {10, 11, 12}};
  CHECK(is_numbered(as_view<2>(grid), 2, 3));
  CHECK(as_view<2>(grid).data() == &grid[0][0]);
  const std::vector<std::array<float, 2>> pairs = {{0, 1}, {10, 11}, {20, 21}};
  CHECK(is_numbered(as_view<2>(pairs), 3, 2));
  CHECK(as_view<2>(pairs).data() == pairs[0].data());
  const std::vector<Eigen::Vector3f> points = {{0, 1, 2}, {10, 11, 12}};
  CHECK(is_numbered(as_view<2>(points), 2, 3));
  CHECK(as_view<2>(points).data() == points[0].data());
  const std::array<std::array<std::array<int, 2>, 3>, 4> cube{};
  CHECK(as_view<3>(cube).extents() == atlas::shape<3>{4, 3, 2});
  static_assert(!atlas::tensor_like<decltype(pairs), 1>);
  static_assert(!atlas::tensor_like<decltype(pairs), 3>);
  const auto temporary = as_view<2>(std::vector<std::array<float, 2>>{{0, 1}, {10, 11}});
  CHECK(is_numbered(temporary, 2, 2));
}

TEST_CASE("null pointers and negative extents are refused") {
  const float* nothing = nullptr;
  CHECK_REFUSED(atlas::value_error, (as_view<2>(nothing, {2, 3})), "data", "null pointer");
  CHECK(as_view<2>(nothing, {0, 3}).empty());
  const float values[6] = {};
  CHECK_REFUSED(shape_error, (as_view<2>(&values[0], {-2, -3})), "negative extent", "[-2, -3]");
}

TEST_CASE("a vector of matrices is a tensor of rank 3") {
  const std::vector<Eigen::MatrixXd> heads = {numbered<Eigen::MatrixXd>(2, 3),
                                              numbered<Eigen::MatrixXd>(2, 3)};
  const auto view = as_view<3>(heads);
  CHECK(view.extents() == atlas::shape<3>{2, 2, 3});
  CHECK(view(1, 1, 2) == 12);
  const std::vector<Eigen::MatrixXd> ragged = {Eigen::MatrixXd(2, 3), Eigen::MatrixXd(2, 4)};
  CHECK_REFUSED(shape_error, (as_view<3>(ragged)), "4", "3");
}

TEST_CASE("arguments are of a rank and of a kind of elements") {
  static_assert(atlas::real_tensor<Eigen::MatrixXf, 2>);
  static_assert(atlas::real_tensor<std::vector<Eigen::MatrixXd>, 3>);
  static_assert(atlas::real_tensor<Eigen::Matrix<Eigen::half, 3, 3>, 2>);
  static_assert(atlas::number_tensor<std::vector<int>, 1>);
  static_assert(atlas::number_tensor<std::vector<Eigen::half>, 1>);
  static_assert(atlas::whole_tensor<std::vector<std::size_t>, 1>);
  static_assert(atlas::whole_tensor<Eigen::VectorXi, 1>);
  // What is no tensor, and not meant as one, leaves the call to other overloads.
  static_assert(!atlas::real_tensor<atlas::shape_error, 2>);
  static_assert(!atlas::real_tensor<double, 2>);
  // The question has an answer for every type.
  static_assert(!atlas::tensor_like<const float*, 2>);
  static_assert(!atlas::tensor_like<std::vector<std::vector<std::vector<int>>>, 2>);
  static_assert(!atlas::tensor_like<std::vector<std::string>, 3>);
}

TEST_CASE("a type of the user's own is one specialisation away") {
  const my_matrix m{{0, 1, 10, 11}, 2, 2};
  static_assert(atlas::tensor_like<my_matrix, 2>);
  CHECK(is_numbered(as_view<2>(m), 2, 2));
}
