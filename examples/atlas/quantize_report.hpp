// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// What quantizing a model did, as JSON and as tables.

#include <string>
#include <vector>

#include "atlas/reference/perplexity_change.hpp"
#include "linear_maps.hpp"
#include "quantizers.hpp"

namespace atlas_program {

/// One matrix under one method.
struct matrix_errors {
  atlas::quantization_errors errors;  ///< means over draws
  std::vector<double> draws;          ///< output errors; empty where nothing is drawn
  atlas::moment_repairs repairs;
};

/// All matrices under one method at one number of bits.
struct quantize_outcome {
  std::string method;
  int bits = 0;
  std::vector<matrix_errors> matrices;
  std::vector<double> perplexities;  ///< of each draw
  atlas::perplexity_result read;     ///< of the first
  atlas::uncertain change;           ///< of the first
};

struct quantize_report {
  const std::vector<linear_map>& maps;
  const std::vector<atlas::effective_ranks>& ranks;  ///< of the inputs of each map
  const std::vector<quantize_outcome>& outcomes;
  const std::vector<int>& bits;
  const std::vector<std::string>& methods;

  json perplexity_json() const;
  json layers_json() const;
  /// Fisher against random bases, at each number of bits; empty unless both were tried.
  json verdict_json() const;
  std::string text() const;

 private:
  const quantize_outcome& outcome(const std::string& method, int bits) const;
  bool tried(const std::string& method) const;
  std::vector<atlas::index_t> layers() const;
  double layer_error(const quantize_outcome& o, atlas::index_t layer,
                     double atlas::quantization_errors::*which) const;
  double effective_rank(atlas::index_t layer, double atlas::effective_ranks::*which) const;
  std::string best(int bits, const std::vector<atlas::index_t>& layers) const;
  std::string perplexity_table() const;
  std::string errors_table(int bits) const;
  std::string verdict_text() const;
};

}  // namespace atlas_program
