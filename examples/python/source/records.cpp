// SPDX-License-Identifier: MIT
#include "records.hpp"

namespace atlas_python {

namespace {

std::string value_text(nb::handle value) {
  if (nb::hasattr(value, "dtype") && nb::hasattr(value, "shape"))
    return "<" + str_of(value.attr("dtype")) + " " + str_of(value.attr("shape")) + ">";
  return nb::cast<std::string>(nb::repr(value));
}

}  // namespace

std::string record_text(nb::handle record) {
  std::string text;
  for (const nb::handle name : record.type().attr("_fields"))
    text += (text.empty() ? "" : ", ") + nb::cast<std::string>(name) + "=" +
            value_text(record.attr(name));
  return nb::cast<std::string>(record.type().attr("__name__")) + "(" + text + ")";
}

}  // namespace atlas_python
