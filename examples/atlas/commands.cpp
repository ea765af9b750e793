// SPDX-License-Identifier: MIT
#include "common.hpp"

namespace atlas_program {

void add_commands(CLI::App& program) {
  add_measure(program);
  add_two_nn(program);
  add_dimension(program);
  add_estimators(program);
  add_rank(program);
  add_overlap(program);
  add_haar(program);
  add_thermo(program);
  add_crystallize(program);
  add_boltzmann(program);
  add_quantize(program);
  add_quantize_matrix(program);
  add_uncertainty(program);
  add_pareto(program);
  add_study(program);
  add_autoencode(program);
  add_ablate(program);
  add_redundancy(program);
  add_compare(program);
  add_calibrate(program);
  add_report(program);
}

}  // namespace atlas_program
