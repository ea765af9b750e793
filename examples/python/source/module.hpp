// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// The parts of the module, a unit each.

#include <nanobind/nanobind.h>

namespace atlas_python {

void add_neighbors(nanobind::module_& m);
void add_dimension(nanobind::module_& m);
void add_estimators(nanobind::module_& m);
void add_nulls(nanobind::module_& m);
void add_subspace(nanobind::module_& m);
void add_boltzmann(nanobind::module_& m);
void add_quantize(nanobind::module_& m);

}  // namespace atlas_python
