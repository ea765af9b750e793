// SPDX-License-Identifier: MIT
#include <array>
#include <memory>
#include <vector>

#include "../catch.hpp"
#include "atlas/core/as_view.hpp"

namespace {

/// A tensor type that counts its references, as those of deep-learning libraries do.
struct counted_matrix {
  std::shared_ptr<const std::array<double, 4>> memory =
      std::make_shared<const std::array<double, 4>>(std::array{0.0, 1.0, 10.0, 11.0});
};

}  // namespace

template <>
struct atlas::tensor_traits<counted_matrix> {
  static constexpr bool borrowed = false;
  template <std::size_t Rank>
  requires(Rank == 2) static kept_tensor<double, 2> view(const counted_matrix& m) {
    return {{m.memory->data(), {2, 2}, {1, 2}}, m.memory};
  }
};

TEST_CASE("a kept tensor lends the memory of a temporary and keeps it alive") {
  static_assert(std::is_same_v<atlas::scalar_of<counted_matrix, 2>, double>);
  counted_matrix matrix;
  const double* memory = matrix.memory->data();
  const std::weak_ptr<const std::array<double, 4>> alive = matrix.memory;
  auto view = atlas::as_view<2>(std::move(matrix));
  matrix = {};
  CHECK(view.data() == memory);
  CHECK(!alive.expired());
  CHECK(view(0, 1) == 10);  // transposed
  auto again = atlas::as_view<2>(atlas::kept_tensor<double, 2>(view));
  CHECK(again.data() == memory);
  view = {};
  CHECK(!alive.expired());
  again = {};
  CHECK(alive.expired());
}

TEST_CASE("kept tensors nest") {
  const std::vector<counted_matrix> heads(3);
  const auto view = atlas::as_view<3>(heads);
  CHECK(view.extents() == atlas::shape<3>{3, 2, 2});
  CHECK(view(2, 1, 0) == 1);
}
