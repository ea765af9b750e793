// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// LibTorch tensors, wherever the library takes a tensor. Needs ATen's headers and the libraries
/// `torch_cpu` and `c10` (CMake target `atlas::torch`).
///
/// \code
/// at::Tensor points = model.forward(x);                      // [N, d], float32, any strides
/// auto r = atlas::two_nn(points);                            // borrowed, nothing is copied
/// auto s = atlas::two_nn(points.t());                        // a temporary may be passed
/// auto t = atlas::two_nn(atlas::torch_as<double>(points64));  // other elements by their type
/// auto e = atlas::same_context(atlas::torch_as<std::int64_t>(labels));
/// \endcode

#include <ATen/core/Tensor.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <type_traits>
#include <utility>

#include "atlas/core/as_view.hpp"
#include "atlas/core/errors.hpp"
#include "atlas/core/lazy.hpp"
#include "atlas/core/tensor_view.hpp"

namespace atlas::inline ATLAS_ABI {

/// A tensor together with the type of its elements, which at::Tensor knows only at run time. Made
/// by `torch_as` and `with_scalar`.
template <class Scalar>
struct torch_elements {
  at::Tensor tensor;
};

namespace detail {

/// The dtypes that a tensor of `Scalar` may be of, for messages.
template <class Scalar>
std::string torch_expected() {
  if constexpr (std::is_same_v<Scalar, float>)
    return "dtype Float, Half or BFloat16";
  else
    return std::string("dtype ") + c10::toString(c10::CppTypeToScalarType<Scalar>::value);
}

/// How a tensor of another dtype is read or made readable.
template <class = lazy>
std::string torch_hint(at::ScalarType type) {
  if (c10::isQIntType(type)) return " (quantized: pass tensor.dequantize())";
  if (c10::isComplexType(type)) return " (complex: pass at::real(tensor), at::imag or at::abs)";
  const bool narrow = type == at::kFloat || type == at::kHalf || type == at::kBFloat16;
  const char* scalar = narrow                ? "float"
                       : type == at::kDouble ? "double"
                       : type == at::kLong   ? "std::int64_t"
                       : type == at::kInt    ? "std::int32_t"
                       : type == at::kShort  ? "std::int16_t"
                       : type == at::kChar   ? "std::int8_t"
                       : type == at::kByte   ? "std::uint8_t"
                       : type == at::kBool   ? "bool"
                                             : nullptr;
  return scalar ? std::string(" (pass atlas::torch_as<") + scalar + ">(tensor))"
                : " (convert it with tensor.to)";
}

/// \throws value_error for what is no dense memory of this process
template <class = lazy>
void check_torch_memory(const at::Tensor& tensor) {
  if (!tensor.defined()) throw value_error("tensor", "a defined tensor", "an undefined one");
  if (tensor.is_nested())
    throw value_error("tensor", "one strided tensor", "a nested tensor (pass its parts)");
  if (tensor.layout() != at::kStrided)
    throw value_error("tensor", "a strided layout (pass tensor.to_dense())",
                      "layout " + c10::str(tensor.layout()));
  if (!tensor.device().is_cpu())
    throw value_error("tensor", "a tensor on the cpu (pass tensor.cpu() or tensor.to(at::kCPU))",
                      "device " + tensor.device().str());
  if (!tensor.has_storage())
    throw value_error("tensor", "a tensor with memory of its own", "a functional wrapper (vmap?)");
}

template <class = lazy>
void check_torch_rank(const at::Tensor& tensor, std::size_t rank) {
  if (tensor.dim() != static_cast<std::int64_t>(rank))
    throw shape_error("tensor", std::to_string(rank) + (rank == 1 ? " dimension" : " dimensions"),
                      std::to_string(tensor.dim()) + ": shape " + c10::str(tensor.sizes()));
}

/// The tensor itself where its memory holds its values as `Scalar`, one that does otherwise: half
/// precision is widened, what is stored negated or not at all (zeros) is written out.
template <class Scalar>
at::Tensor readable_torch(const at::Tensor& tensor) {
  constexpr at::ScalarType wanted = c10::CppTypeToScalarType<Scalar>::value;
  const at::ScalarType type = tensor.scalar_type();
  const bool half = type == at::kHalf || type == at::kBFloat16;
  if (type != wanted && !(half && std::is_same_v<Scalar, float>))
    throw value_error("tensor", torch_expected<Scalar>(),
                      std::string("dtype ") + c10::toString(type) + torch_hint(type));
  if (tensor._is_zerotensor())
    return tensor.new_zeros(tensor.sizes(), tensor.options().dtype(wanted));
  const at::Tensor plain = tensor.is_neg() ? tensor.detach().resolve_neg() : tensor;
  return half ? plain.detach().to(wanted) : plain;
}

/// In newer versions the mutable pointer of a tensor that is copied on writing makes that copy.
template <class Scalar, class Tensor>
const Scalar* torch_data(const Tensor& tensor) {
  if constexpr (requires { tensor.template const_data_ptr<Scalar>(); })
    return tensor.template const_data_ptr<Scalar>();
  else
    return tensor.template data_ptr<Scalar>();
}

template <class Scalar, std::size_t Rank>
kept_tensor<Scalar, Rank> torch_view(const at::Tensor& given) {
  check_torch_memory(given);
  check_torch_rank(given, Rank);
  const auto keeper = std::make_shared<const at::Tensor>(readable_torch<Scalar>(given));
  shape<Rank> extents{}, strides{};
  for (std::size_t i = 0; i < Rank; ++i) {
    extents[i] = keeper->sizes()[i];
    strides[i] = keeper->strides()[i];
  }
  return {{torch_data<Scalar>(*keeper), extents, strides}, keeper};
}

}  // namespace detail

/// A tensor whose elements are `Scalar`: float (half precision as well, it is widened), double,
/// std::int64_t, std::int32_t and what else ATen has a dtype for. Checked where it is used: see
/// `tensor_traits<torch_elements>`.
template <class Scalar>
[[nodiscard]] torch_elements<Scalar> torch_as(at::Tensor tensor) {
  return {std::move(tensor)};
}

/// Calls `visit` with `torch_as<float>(tensor)` or `torch_as<double>(tensor)`, by the tensor's
/// dtype, and returns what it returns (the same type for both).
/// \code
/// auto r = atlas::with_scalar(tensor, [](const auto& points) { return atlas::two_nn(points); });
/// \endcode
/// \throws value_error for an undefined tensor or another dtype, and what `visit` throws
template <class Visit>
auto with_scalar(const at::Tensor& tensor, Visit&& visit) {
  if (!tensor.defined()) throw value_error("tensor", "a defined tensor", "an undefined one");
  const at::ScalarType type = tensor.scalar_type();
  if (type == at::kDouble) return visit(torch_as<double>(tensor));
  if (type == at::kFloat || type == at::kHalf || type == at::kBFloat16)
    return visit(torch_as<float>(tensor));
  throw value_error("tensor", "dtype Float, Double, Half or BFloat16",
                    std::string("dtype ") + c10::toString(type));
}

/// Tensors on the CPU with any strides are borrowed and their reference is held; half precision is
/// widened once to float, lazily negated tensors are written out once.
/// \throws value_error for a tensor that is undefined, on another device, not strided (sparse,
///         nested), quantized, complex or otherwise of another dtype; shape_error for another
///         number of dimensions. The message says what to pass instead.
template <class Scalar>
struct tensor_traits<torch_elements<Scalar>> {
  static_assert(std::is_arithmetic_v<Scalar>,
                "atlas::torch_as takes float, double, std::int64_t, ...");
  static constexpr bool borrowed = false;
  template <std::size_t Rank>
  static kept_tensor<Scalar, Rank> view(const torch_elements<Scalar>& x) {
    return detail::torch_view<Scalar, Rank>(x.tensor);
  }
};

/// A tensor reads as float.
template <>
struct tensor_traits<at::Tensor> {
  static constexpr bool borrowed = false;
  template <std::size_t Rank>
  static kept_tensor<float, Rank> view(const at::Tensor& x) {
    return detail::torch_view<float, Rank>(x);
  }
};

}  // namespace atlas::inline ATLAS_ABI
