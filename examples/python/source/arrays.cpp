// SPDX-License-Identifier: MIT
#include "arrays.hpp"

#include <iterator>
#include <memory>

namespace atlas_python {

namespace {

constexpr const char* real_types = "elements of float32 or float64, or of half precision";

std::string type_text(nb::handle given) {
  return nb::cast<std::string>(given.type().attr("__name__"));
}

/// What an object that shares no memory is, and what it says itself of why.
std::string why_not(nb::handle given) {
  std::string text = type_text(given);
  if (!nb::hasattr(given, "__dlpack__")) return text;
  try {
    (void)given.attr("__dlpack__")();
  } catch (nb::python_error& e) {
    text += " (" + str_of(e.value()) + ")";
  }
  return text;
}

/// Whether results would have to carry gradients, which the library's do not.
bool has_gradients(nb::handle given) {
  return nb::hasattr(given, "requires_grad") &&
         nb::object(given.attr("requires_grad")).ptr() == Py_True;
}

/// `[N]` of NumPy, of this type and row-major: a copy where it is not.
nb::object numpy_row(nb::handle given, const std::string& name) {
  const nb::module_ numpy = nb::module_::import_("numpy");
  nb::object array;
  try {
    array = numpy.attr("asarray")(given);
  } catch (nb::python_error& e) {
    throw atlas::value_error(name, "numbers in one dimension",
                             type_text(given) + " (" + str_of(e.value()) + ")");
  }
  const auto rank = nb::cast<int>(array.attr("ndim"));
  if (rank != 1) throw atlas::shape_error(name, "1 dimension", std::to_string(rank));
  return array;
}

std::string kind_of(const nb::object& array) {
  return nb::cast<std::string>(array.attr("dtype").attr("kind"));
}
std::string dtype_of(const nb::object& array) {
  return str_of(array.attr("dtype"));
}

template <class T>
atlas::tensor_view<const T, 1> row_view(const nb::ndarray<nb::ro>& x) {
  return {static_cast<const T*>(x.data()), {static_cast<index_t>(x.shape(0))}};
}

/// As `type` of native order, side by side.
nb::ndarray<nb::ro> converted(const nb::object& array, const char* type) {
  const nb::module_ numpy = nb::module_::import_("numpy");
  return nb::cast<nb::ndarray<nb::ro>>(
      numpy.attr("ascontiguousarray")(array, nb::arg("dtype") = type));
}

}  // namespace

borrowed_array::borrowed_array(nb::handle given, std::string name) : name_(std::move(name)) {
  if (has_gradients(given))
    throw atlas::value_error(name_, "a tensor without gradients (pass tensor.detach())",
                             "one that requires them");
  if (given.is_none() || !nb::try_cast(given, array_, false))
    throw atlas::value_error(
        name_,
        "an array that shares its memory through DLPack or the buffer protocol, "
        "of the machine's own byte order",
        why_not(given));
  const nb::dlpack::dtype type_of = array_.dtype();
  const auto code = static_cast<nb::dlpack::dtype_code>(type_of.code);
  const bool real = (code == nb::dlpack::dtype_code::Float &&
                     (type_of.bits == 16 || type_of.bits == 32 || type_of.bits == 64)) ||
                    (code == nb::dlpack::dtype_code::Bfloat && type_of.bits == 16);
  if (!real || type_of.lanes != 1) throw atlas::value_error(name_, real_types, type());
}

bool borrowed_array::of_double() const {
  return array_.dtype().bits == 64;
}

std::string borrowed_array::type() const {
  constexpr const char* names[] = {"int", "uint", "float", "handle", "bfloat", "complex", "bool"};
  const nb::dlpack::dtype type_of = array_.dtype();
  const std::string kind = type_of.code < std::size(names)
                               ? names[type_of.code]
                               : "type code " + std::to_string(type_of.code) + " of bits ";
  return kind == "bool" ? kind : kind + std::to_string(type_of.bits);
}

atlas::dlpack::tensor borrowed_array::described() const {
  const nb::dlpack::dtype type_of = array_.dtype();
  // The library writes to none of it.
  return {const_cast<void*>(array_.data()),
          {array_.device_type(), array_.device_id()},
          static_cast<std::int32_t>(array_.ndim()),
          {type_of.code, type_of.bits, type_of.lanes},
          const_cast<std::int64_t*>(array_.shape_ptr()),
          const_cast<std::int64_t*>(array_.stride_ptr()),
          0};
}

atlas::row_numbers row_numbers_of(nb::handle given, const std::string& name) {
  if (given.is_none()) return {};
  const nb::object array = numpy_row(given, name);
  const std::string kind = kind_of(array);
  if (kind != "i" && kind != "u") throw atlas::value_error(name, "whole numbers", dtype_of(array));
  if (kind == "u") return row_view<std::uint64_t>(converted(array, "uint64"));
  return row_view<std::int64_t>(converted(array, "int64"));
}

Eigen::VectorXd numbers_of(nb::handle given, const std::string& name) {
  if (given.is_none()) return {};
  const nb::object array = numpy_row(given, name);
  const std::string kind = kind_of(array);
  if (kind != "i" && kind != "u" && kind != "f")
    throw atlas::value_error(name, "numbers", dtype_of(array));
  const nb::ndarray<nb::ro> row = converted(array, "float64");
  return Eigen::Map<const Eigen::VectorXd>(static_cast<const double*>(row.data()),
                                           static_cast<index_t>(row.shape(0)));
}

nb::object array_of_frames(const std::vector<Eigen::MatrixXd>& frames) {
  const auto heads = static_cast<index_t>(frames.size());
  const index_t rows = frames.empty() ? 0 : frames.front().rows();
  const index_t columns = frames.empty() ? 0 : frames.front().cols();
  atlas::owned_tensor<double, 3> out({heads, rows, columns});
  const auto to = out.mutable_view();
  for (index_t h = 0; h < heads; ++h)
    for (index_t r = 0; r < rows; ++r)
      for (index_t c = 0; c < columns; ++c) to(h, r, c) = frames[static_cast<std::size_t>(h)](r, c);
  return array_of_own(std::move(out));
}

}  // namespace atlas_python
