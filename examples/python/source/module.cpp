// SPDX-License-Identifier: MIT
#include "module.hpp"

#include <nanobind/nanobind.h>

#include <string>

#include "atlas/version.hpp"
#include "calls.hpp"
#include "records.hpp"

NB_MODULE(_atlas, m) {
  using namespace atlas_python;
  m.doc() = "The functions of atlas.";
  m.attr("version") = std::to_string(ATLAS_VERSION_MAJOR) + "." +
                      std::to_string(ATLAS_VERSION_MINOR) + "." +
                      std::to_string(ATLAS_VERSION_PATCH);
  add_errors(m);
  record<atlas::interval>(m, "An interval of an estimate; NaN where there is none.")
      .field("lower", &atlas::interval::lower, "its lower end")
      .field("upper", &atlas::interval::upper, "its upper end");
  add_neighbors(m);
  add_dimension(m);
  add_estimators(m);
  add_nulls(m);
  add_subspace(m);
  add_boltzmann(m);
  add_quantize(m);
}
