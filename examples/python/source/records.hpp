// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// Results of the library as objects of Python: a property each field, arrays where there are
/// several numbers, and a text that shows all.

#include <nanobind/nanobind.h>

#include <optional>
#include <string>
#include <type_traits>
#include <vector>

#include "arrays.hpp"
#include "names.hpp"

namespace atlas_python {

/// What Python calls a type of the library.
template <class T>
inline constexpr const char* python_name = nullptr;
template <>
inline constexpr const char* python_name<atlas::interval> = "Interval";

/// The type of a field, as a signature has it.
template <class T>
struct field_type {
  static std::string text() {
    if constexpr (std::is_same_v<T, bool>)
      return "bool";
    else if constexpr (std::is_integral_v<T>)
      return "int";
    else if constexpr (std::is_floating_point_v<T>)
      return "float";
    else if constexpr (std::is_enum_v<T>)
      return literal_of(T{});
    else if constexpr (std::is_same_v<T, std::string>)
      return "str";
    else
      return python_name<T>;
  }
};
template <class T>
std::string array_type() {
  const std::string bits = std::to_string(8 * sizeof(T));
  return "numpy.typing.NDArray[numpy." + ((std::is_integral_v<T> ? "int" : "float") + bits) + "]";
}
template <class T, std::size_t Rank>
struct field_type<atlas::owned_tensor<T, Rank>> {
  static std::string text() { return array_type<T>(); }
};
template <class T, int Rows, int Columns, int Options>
struct field_type<Eigen::Matrix<T, Rows, Columns, Options>> {
  static std::string text() { return array_type<T>(); }
};
template <class T>
struct field_type<std::vector<T>> {
  static std::string text() {
    if constexpr (std::is_arithmetic_v<T>) return array_type<T>();
    return "list[" + field_type<T>::text() + "]";
  }
};
template <class T>
struct field_type<std::optional<T>> {
  static std::string text() { return field_type<T>::text() + " | None"; }
};
template <>
struct field_type<nb::object> {
  static std::string text() { return "typing.Any"; }
};

/// A field as an object; arrays refer to the memory of `owner`.
template <class T>
nb::object field_of(const T& value, nb::handle owner) {
  if constexpr (std::is_same_v<T, nb::object>)
    return value;
  else if constexpr (std::is_enum_v<T>)
    return nb::cast(std::string(name_of_value(value)));
  else if constexpr (std::is_arithmetic_v<T> || std::is_same_v<T, std::string>)
    return nb::cast(value);
  else if constexpr (python_name<T> != nullptr)
    return nb::cast(value, nb::rv_policy::copy);
  else
    return array_of(value, owner);
}
template <class T>
nb::object field_of(const std::optional<T>& value, nb::handle owner) {
  return value ? field_of(*value, owner) : nb::none();
}
template <class T>
nb::object field_of(const std::vector<T>& value, nb::handle owner) {
  if constexpr (std::is_arithmetic_v<T>) {
    return array_of(value, owner);
  } else {
    nb::list list;
    for (const T& one : value) list.append(field_of(one, owner));
    return list;
  }
}

/// "Interval(lower=1.0, upper=2.0)", arrays by their type and shape.
std::string record_text(nb::handle record);

/// A class of the module, of results alone: Python makes none itself.
template <class T>
class record {
 public:
  record(nb::module_& m, const char* doc) : class_(m, python_name<T>, doc) {
    class_.def("__repr__", &record_text, nb::sig("def __repr__(self) -> str"));
    class_.attr("_fields") = nb::tuple();
  }

  /// \param get a member, or what returns a reference into the object or a number
  template <class Get>
  record& field(const char* name, Get get, const char* doc) {
    using value = std::remove_cvref_t<std::invoke_result_t<Get, const T&>>;
    return field_as(name, field_type<value>::text(), std::move(get), doc);
  }

  template <class Get>
  record& field_as(const char* name, const std::string& type, Get get, const char* doc) {
    return made_field(
        name, type,
        [get](nb::handle self) {
          return field_of(std::invoke(get, nb::cast<const T&>(self)), self);
        },
        doc);
  }

  /// \param get makes an object of the record's own
  template <class Get>
  record& made_field(const char* name, const std::string& type, Get get, const char* doc) {
    const std::string signature = "def " + std::string(name) + "(self) -> " + type;
    class_.def_prop_ro(name, get, nb::sig(signature.c_str()), doc);
    class_.attr("_fields") = nb::steal(
        PySequence_Concat(nb::object(class_.attr("_fields")).ptr(), nb::make_tuple(name).ptr()));
    return *this;
  }

 private:
  nb::class_<T> class_;
};

}  // namespace atlas_python
