// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// How many parameters a model has, and models of other architectures with as many.

#include <limits>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "atlas/core/checks.hpp"
#include "atlas/core/errors.hpp"
#include "atlas/core/lazy.hpp"
#include "atlas/reference/parameters.hpp"

namespace atlas::inline ATLAS_ABI {

namespace detail {

/// Stands for a tensor of which the extents alone are asked for.
class weight_without_values final : public stored_weight {
 public:
  using stored_weight::stored_weight;
  void read(const weight_tile&, float*) const override {
    throw value_error(place(), "values", "extents alone");
  }
};

/// \throws value_error where it is more than index_t can hold
inline index_t product_of_counts(index_t a, index_t b) {
  constexpr index_t most = (std::numeric_limits<index_t>::max)();
  if (b > 0 && a > most / b)
    throw value_error("config", "sizes of at most " + std::to_string(most) + " parameters", "more");
  return a * b;
}
/// \throws value_error where it is more than index_t can hold
inline index_t sum_of_counts(index_t a, index_t b) {
  constexpr index_t most = (std::numeric_limits<index_t>::max)();
  if (a > most - b)
    throw value_error("config", "sizes of at most " + std::to_string(most) + " parameters", "more");
  return a + b;
}

}  // namespace detail

/// The numbers that training changes: weights, biases and norms of all layers, embeddings, and the
/// output matrix where it is not the embedding. Counted from the list of tensors that a model
/// reads. \throws as check_config; value_error where there are 2^63 or more
///
/// O(1) time and memory.
template <class = lazy>
[[nodiscard]] index_t parameter_count(transformer_config config) {
  check_config(config);
  const index_t layers = config.layers;
  config.layers = 1;  // all are alike
  config.windows.clear();
  const std::string_view layer = detail::names_of(config.family).layers;
  index_t count = 0;
  const weight_source source = [&](const std::string& name, const std::vector<index_t>& extents) {
    index_t here = name.starts_with(layer) ? layers : 1;
    for (const index_t e : extents) here = detail::product_of_counts(here, e);
    count = detail::sum_of_counts(count, here);
    const index_t rows = extents.size() == 2 ? extents.front() : 1;
    return weight_tensor(
        std::make_shared<detail::weight_without_values>(name, rows, extents.back()));
  };
  std::vector<parameter> of_one;
  detail::read_parameters(config, source, of_one);
  return count;
}

/// The `mlp_dimension` with which a model has as nearly as possible so many parameters; of two that
/// are as near the smaller. What fewer keys and values or another norm save goes to the MLP, of
/// whose units a gated one has three rows of weights and a plain one two. The number differs from
/// what is asked for by at most half of what one unit has in all layers.
/// \param config the other settings; its own `mlp_dimension` is not looked at
/// \param parameters as `parameter_count` counts them
/// \throws as parameter_count; value_error naming the number where a model with an MLP of one unit
///         has more, or where the MLP would be of more than 2^31
///
/// O(1) time and memory.
template <class = lazy>
[[nodiscard]] index_t matched_mlp_dimension(transformer_config config, index_t parameters) {
  config.mlp_dimension = 1;
  const index_t least = parameter_count(config);
  config.mlp_dimension = 2;
  const index_t unit = parameter_count(config) - least;
  if (parameters < least)
    throw value_error("parameters",
                      "at least " + std::to_string(least) + ", with an mlp_dimension of 1",
                      std::to_string(parameters));
  const index_t more = parameters - least, units = more / unit, rest = more % unit;
  const index_t matched = 1 + units + (rest > unit - rest ? 1 : 0);
  constexpr index_t large = index_t{1} << 31;
  if (matched > large)
    throw value_error("parameters", "as many as an mlp_dimension of up to 2^31 has",
                      std::to_string(parameters));
  return matched;
}

}  // namespace atlas::inline ATLAS_ABI
