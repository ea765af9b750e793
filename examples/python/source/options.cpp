// SPDX-License-Identifier: MIT
#include "options.hpp"

#include <algorithm>

namespace atlas_python {

namespace {

[[noreturn]] void raise_type_error(const std::string& text) {
  PyErr_SetString(PyExc_TypeError, text.c_str());
  throw nb::python_error();
}

}  // namespace

void keyword_reader::refuse(const char* name, const std::string& expected, nb::handle got) const {
  raise_type_error(function_ + "(): " + name + ": expected " + expected + ", got " +
                   nb::cast<std::string>(nb::repr(got)) + " of type " +
                   nb::cast<std::string>(got.type().attr("__name__")));
}

void keyword_reader::refuse_others() const {
  for (const auto& [key, value] : given_) {
    const auto name = nb::cast<std::string>(key);
    if (std::find(names_.begin(), names_.end(), name) != names_.end()) continue;
    std::string all;
    for (const std::string& one : names_) all += (all.empty() ? "" : ", ") + one;
    raise_type_error(function_ + "() got an unexpected keyword argument '" + name + "'; " +
                     (all.empty() ? "it has none" : "it has " + all));
  }
}

std::int64_t keyword_reader::read_whole(nb::handle given, const char* name) const {
  if (PyBool_Check(given.ptr()) || !PyIndex_Check(given.ptr()))
    refuse(name, "a whole number", given);
  const nb::object whole = nb::steal(PyNumber_Index(given.ptr()));
  if (!whole.is_valid()) throw nb::python_error();
  int overflow = 0;
  const long long value = PyLong_AsLongLongAndOverflow(whole.ptr(), &overflow);
  if (overflow != 0)
    throw atlas::value_error(name, "a whole number of 64 bits",
                             nb::cast<std::string>(nb::repr(whole)));
  return value;
}

std::uint64_t keyword_reader::read_seed(nb::handle given, const char* name) const {
  if (PyBool_Check(given.ptr()) || !PyIndex_Check(given.ptr()))
    refuse(name, "a whole number", given);
  const nb::object whole = nb::steal(PyNumber_Index(given.ptr()));
  if (!whole.is_valid()) throw nb::python_error();
  const unsigned long long value = PyLong_AsUnsignedLongLong(whole.ptr());
  if (PyErr_Occurred() != nullptr) {
    PyErr_Clear();
    throw atlas::value_error(name, "a whole number from 0 to 2^64 - 1",
                             nb::cast<std::string>(nb::repr(whole)));
  }
  return value;
}

double keyword_reader::read_number(nb::handle given, const char* name) const {
  const bool number = !PyBool_Check(given.ptr()) && PyNumber_Check(given.ptr()) != 0;
  const double value = number ? PyFloat_AsDouble(given.ptr()) : 0;
  if (!number || PyErr_Occurred() != nullptr) {
    PyErr_Clear();
    refuse(name, "a number", given);
  }
  return value;
}

bool keyword_reader::read_truth(nb::handle given, const char* name) const {
  if (!PyBool_Check(given.ptr())) refuse(name, "True or False", given);
  return given.ptr() == Py_True;
}

std::string keyword_reader::read_text(nb::handle given, const char* name,
                                      const std::string& expected) const {
  if (!PyUnicode_Check(given.ptr())) refuse(name, expected, given);
  return nb::cast<std::string>(given);
}

void keyword_reader::read_progress(const nb::object& given) {
  if (!given.is_none() && PyCallable_Check(given.ptr()) == 0)
    refuse("progress", "what can be called with (stage, done, total), or None", given);
  call_.report_to(given);
}

}  // namespace atlas_python
