// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// Arrays of NumPy, torch and others as the library's tensors, without a copy, and back.

#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>

#include <Eigen/Core>
#include <cstdint>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "atlas/adapters/dlpack.hpp"
#include "atlas/core/errors.hpp"
#include "atlas/core/tensor_view.hpp"
#include "atlas/core/whole_numbers.hpp"
#include "calls.hpp"

namespace atlas_python {

using atlas::index_t;

/// Memory that an object shares, kept alive as long as this is.
class borrowed_array {
 public:
  /// \param name of the argument, for messages
  /// \throws value_error for what is no array, or has elements of another type than float32,
  ///         float64, float16 and bfloat16
  borrowed_array(nb::handle given, std::string name);

  [[nodiscard]] int rank() const { return static_cast<int>(array_.ndim()); }
  [[nodiscard]] bool of_double() const;
  [[nodiscard]] const std::string& name() const { return name_; }
  [[nodiscard]] std::string type() const;

  /// Its elements as they lie; half precision, widened.
  /// \throws shape_error for another number of dimensions; value_error for another device, or
  ///         elements that are not aligned
  template <class Scalar, std::size_t Rank>
  [[nodiscard]] atlas::kept_tensor<Scalar, Rank> view() const {
    const atlas::dlpack::tensor tensor = described();
    try {
      return atlas::tensor_traits<atlas::dlpack_elements<Scalar>>::template view<Rank>(
          atlas::dlpack_as<Scalar>(tensor));
    } catch (const atlas::shape_error& e) {
      throw atlas::shape_error(name_, e.expected(), e.got());
    } catch (const atlas::value_error& e) {
      throw atlas::value_error(name_, e.expected(), e.got());
    }
  }

 private:
  [[nodiscard]] atlas::dlpack::tensor described() const;

  nb::ndarray<nb::ro> array_;
  std::string name_;
};

/// Calls `work(view)` with the elements of an array, without the interpreter's lock.
template <std::size_t Rank, class Work>
auto compute(const watched_call& call, const borrowed_array& x, Work&& work) {
  if (x.of_double()) {
    const auto view = x.view<double, Rank>();
    return call.run(
        [&] { return work(static_cast<const atlas::tensor_view<const double, Rank>&>(view)); });
  }
  const auto view = x.view<float, Rank>();
  return call.run(
      [&] { return work(static_cast<const atlas::tensor_view<const float, Rank>&>(view)); });
}

/// The same with two arrays, each of a type of its own.
template <std::size_t RankA, std::size_t RankB, class Work>
auto compute(const watched_call& call, const borrowed_array& a, const borrowed_array& b,
             Work&& work) {
  return compute<RankA>(call, a, [&](const auto& left) {
    if (b.of_double()) return work(left, b.view<double, RankB>());
    return work(left, b.view<float, RankB>());
  });
}

/// The same with two arrays of one type.
/// \throws value_error where they are not
template <std::size_t RankA, std::size_t RankB, class Work>
auto compute_alike(const watched_call& call, const borrowed_array& a, const borrowed_array& b,
                   Work&& work) {
  if (a.of_double() != b.of_double())
    throw atlas::value_error(b.name(), "elements of the type of " + a.name() + ", " + a.type(),
                             b.type());
  return compute<RankA>(call, a, [&](const auto& left) {
    using scalar = std::remove_const_t<std::remove_pointer_t<decltype(left.data())>>;
    return work(left, b.view<scalar, RankB>());
  });
}

/// Whole numbers of an array or a sequence, one for each row; None: none.
/// \throws value_error for other numbers
atlas::row_numbers row_numbers_of(nb::handle given, const std::string& name);

/// Numbers of an array or a sequence, copied; None: none.
Eigen::VectorXd numbers_of(nb::handle given, const std::string& name);

/// An array that refers to memory of `owner`, which it keeps alive; it cannot be written to.
template <class T>
nb::object array_of(const T* data, std::vector<std::size_t> extents, nb::handle owner,
                    std::vector<std::int64_t> strides = {}) {
  return nb::cast(nb::ndarray<nb::numpy, const T>(data, extents.size(), extents.data(), owner,
                                                  strides.empty() ? nullptr : strides.data()));
}
template <class T, std::size_t Rank>
nb::object array_of(const atlas::tensor_view<const T, Rank>& x, nb::handle owner) {
  std::vector<std::size_t> extents;
  std::vector<std::int64_t> strides;
  for (std::size_t r = 0; r < Rank; ++r) {
    extents.push_back(static_cast<std::size_t>(x.extent(r)));
    strides.push_back(x.stride(r));
  }
  return array_of(x.data(), std::move(extents), owner, std::move(strides));
}
template <class T>
nb::object array_of(const std::vector<T>& x, nb::handle owner) {
  return array_of(x.data(), {x.size()}, owner);
}
template <class T, int Rows, int Columns, int Options>
nb::object array_of(const Eigen::Matrix<T, Rows, Columns, Options>& x, nb::handle owner) {
  const auto rows = static_cast<std::size_t>(x.rows()),
             columns = static_cast<std::size_t>(x.cols());
  if constexpr (Columns == 1) return array_of(x.data(), {rows}, owner);
  return array_of(x.data(), {rows, columns}, owner, {x.rowStride(), x.colStride()});
}

/// An array that has the memory of `value`, whichever of the types above that is.
template <class Value>
nb::object array_of_own(Value value) {
  auto held = std::make_unique<Value>(std::move(value));
  const Value& kept = *held;
  const nb::capsule owner(held.release(), [](void* p) noexcept { delete static_cast<Value*>(p); });
  return array_of(kept, owner);
}

/// Matrices of one shape as one array, `[H, rows, columns]`.
nb::object array_of_frames(const std::vector<Eigen::MatrixXd>& frames);

}  // namespace atlas_python
