// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// Options of the library as keywords of Python. What `visit_options` says of a struct once, a
/// name, a member and a sentence for each, reads them from a call and makes the signature and the
/// text that `help` shows.

#include <nanobind/nanobind.h>

#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <type_traits>
#include <vector>

#include "arrays.hpp"
#include "atlas/neighbors/exclusion.hpp"
#include "calls.hpp"
#include "names.hpp"

namespace atlas_python {

/// The type of a value, as a signature has it.
template <class T>
std::string type_of() {
  if constexpr (std::is_same_v<T, bool>)
    return "bool";
  else if constexpr (std::is_integral_v<T>)
    return "int";
  else if constexpr (std::is_floating_point_v<T>)
    return "float";
  else if constexpr (std::is_enum_v<T>)
    return literal_of(T{});
  else if constexpr (std::is_same_v<T, atlas::exclusion>)
    return "Exclusion | None";
  else if constexpr (std::is_same_v<T, atlas::progress_callback>)
    return "atlas.types.Progress | None";
  else if constexpr (std::is_same_v<T, atlas::row_numbers>)
    return "atlas.types.Labels | None";
  else if constexpr (std::is_same_v<T, Eigen::VectorXd> || std::is_same_v<T, std::vector<double>>)
    return "atlas.types.Numbers | None";
  else
    return type_of<typename T::value_type>() + " | None";  // std::optional
}

/// A value as Python writes it.
template <class T>
std::string text_of(const T& value) {
  if constexpr (std::is_same_v<T, bool>)
    return value ? "True" : "False";
  else if constexpr (std::is_enum_v<T>)
    return "'" + std::string(name_of_value(value)) + "'";
  else if constexpr (std::is_arithmetic_v<T>)
    return nb::cast<std::string>(nb::repr(nb::cast(value)));
  else
    return "None";
}

/// Reads keywords into options.
class keyword_reader {
 public:
  /// \param function that was called, for messages
  keyword_reader(std::string function, const nb::kwargs& given, watched_call& call)
      : function_(std::move(function)), given_(given), call_(call) {}

  template <class T>
  void operator()(const char* name, T& value, const char* = "") {
    names_.push_back(name);
    constexpr bool reports = std::is_same_v<T, atlas::progress_callback>;
    if (given_.contains(name)) {
      const nb::object given = given_[name];
      if constexpr (reports)
        read_progress(given);
      else
        value = read(given, name, value);
    }
    if constexpr (reports) value = call_.callback();
  }

  /// \throws TypeError naming a keyword that nothing read
  void refuse_others() const;

 private:
  [[noreturn]] void refuse(const char* name, const std::string& expected, nb::handle got) const;
  std::int64_t read_whole(nb::handle given, const char* name) const;
  double read_number(nb::handle given, const char* name) const;
  bool read_truth(nb::handle given, const char* name) const;
  std::string read_text(nb::handle given, const char* name, const std::string& expected) const;
  std::uint64_t read_seed(nb::handle given, const char* name) const;
  void read_progress(const nb::object& given);

  template <class T>
  T read(nb::handle given, const char* name, const T& before) const {
    if constexpr (std::is_same_v<T, bool>) {
      return read_truth(given, name);
    } else if constexpr (std::is_same_v<T, std::uint64_t>) {
      return read_seed(given, name);
    } else if constexpr (std::is_integral_v<T>) {
      const std::int64_t whole = read_whole(given, name);
      if (whole < std::numeric_limits<T>::min() || whole > std::numeric_limits<T>::max())
        throw atlas::value_error(name, "a number that fits", std::to_string(whole));
      return static_cast<T>(whole);
    } else if constexpr (std::is_floating_point_v<T>) {
      return read_number(given, name);
    } else if constexpr (std::is_enum_v<T>) {
      return value_named(read_text(given, name, names_text(T{})), name, T{});
    } else if constexpr (std::is_same_v<T, atlas::row_numbers>) {
      return row_numbers_of(given, name);
    } else if constexpr (std::is_same_v<T, Eigen::VectorXd>) {
      return numbers_of(given, name);
    } else if constexpr (std::is_same_v<T, std::vector<double>>) {
      const Eigen::VectorXd numbers = numbers_of(given, name);
      return {numbers.begin(), numbers.end()};
    } else if constexpr (std::is_same_v<T, atlas::exclusion>) {
      if (given.is_none()) return {};
      if (!nb::isinstance<atlas::exclusion>(given))
        refuse(name, "what same_context, distinct_contexts, ... return, or None", given);
      return nb::cast<atlas::exclusion>(given);
    } else {  // std::optional
      if (given.is_none()) return before;
      return read<typename T::value_type>(given, name, {});
    }
  }

  std::string function_;
  const nb::kwargs& given_;
  watched_call& call_;
  std::vector<std::string> names_;
};

/// Writes the end of a signature, and what each keyword is.
class keyword_writer {
 public:
  template <class T>
  void operator()(const char* name, const T& value, const char* doc = "") {
    const std::string entry = name + (": " + type_of<T>()) + " = " + text_of(value);
    signature_ += ", " + entry;
    doc_ += std::string("\n    ") + name + " = " + text_of(value);
    if constexpr (std::is_enum_v<T>) doc_ += std::string(" (") + names_text(T{}) + ")";
    if (*doc != '\0') doc_ += std::string(": ") + doc;
  }

  [[nodiscard]] std::string signature() const {
    return signature_.empty() ? "" : ", *" + signature_;
  }
  [[nodiscard]] std::string doc() const { return doc_.empty() ? "" : "\n\nKeywords:" + doc_; }

 private:
  std::string signature_, doc_;
};

/// Options of calls that have none of their own.
template <class Visit>
void visit_threads(Visit& visit, int& threads) {
  visit("threads", threads, "0 is all of the machine; results are the same bits for any number");
}
template <class Visit>
void visit_work(Visit& visit, int& threads, atlas::progress_callback& on_progress) {
  visit_threads(visit, threads);
  visit("progress", on_progress,
        "called with (stage, done, total), some 50 times a second at most; False stops the call");
}
struct no_options {};
template <class Visit>
void visit_options(Visit&, no_options&) {}
template <class Visit>
void visit_options(Visit& visit, atlas::thread_options& o) {
  visit_threads(visit, o.threads);
}
template <class Visit>
void visit_options(Visit& visit, atlas::work_options& o) {
  visit_work(visit, o.threads, o.on_progress);
}

template <std::size_t>
using an_object = nb::object;

template <class Options, std::size_t N, class Body, std::size_t... Place>
void define_with(nb::module_& m, const char* name, const char* const (&arguments)[N],
                 const std::string& returns, const std::string& doc, Options defaults, Body body,
                 std::index_sequence<Place...>) {
  keyword_writer writer;
  Options shown = defaults;
  visit_options(writer, shown);
  std::string signature = "def " + std::string(name) + "(";
  std::vector<std::string> names;
  for (const std::string argument : arguments) {
    names.push_back(argument.substr(0, argument.find(':')));
    signature += (names.size() > 1 ? ", " : "") + argument;
  }
  signature += writer.signature() + ") -> " + returns;
  const std::string text = doc + writer.doc();
  m.def(
      name,
      [name = std::string(name), defaults, body](an_object<Place>... given,
                                                 const nb::kwargs& keywords) {
        watched_call call;
        Options options = defaults;
        keyword_reader reader(name, keywords, call);
        visit_options(reader, options);
        reader.refuse_others();
        return body(call, given..., options);
      },
      nb::arg(names[Place].c_str()).none()..., nb::arg("keywords"), nb::sig(signature.c_str()),
      text.c_str());
}

/// Makes a function of the module.
/// \param arguments by position, with their types: "points: atlas.types.Array"
/// \param returns   the type that the function returns
/// \param doc       what it does, with shapes and units
/// \param defaults  options where no keyword is given
/// \param body      called with a watched_call, the arguments as nb::object, and the options
template <class Options, std::size_t N, class Body>
void define(nb::module_& m, const char* name, const char* const (&arguments)[N],
            const std::string& returns, const std::string& doc, Options defaults, Body body) {
  define_with(m, name, arguments, returns, doc, std::move(defaults), std::move(body),
              std::make_index_sequence<N>());
}

}  // namespace atlas_python
