// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// Multilayer perceptrons: affine maps with a GELU after those that say so.

#include <cmath>
#include <string>
#include <vector>

#include "atlas/core/checks.hpp"
#include "atlas/core/compiled.hpp"
#include "atlas/core/random.hpp"
#include "atlas/linalg/row_matrix.hpp"
#include "atlas/nn/gelu.hpp"

namespace atlas::inline ATLAS_ABI {

/// One affine map `y = W x + b`. Its weight, `[out, in]` row-major, is at `offset` of the
/// parameters, its bias, `[out]`, right after it.
struct mlp_layer {
  index_t in = 0;
  index_t out = 0;
  bool activated = false;  ///< followed by a GELU
  index_t offset = 0;
};

/// Numbers whose memory begins where vectors of any width may: results depend on that otherwise.
template <class Scalar>
using aligned_list = std::vector<Scalar, Eigen::aligned_allocator<Scalar>>;

/// Float; the same code in double is what derivatives are checked with.
template <class Scalar>
struct basic_mlp {
  std::vector<mlp_layer> layers;
  aligned_list<Scalar> parameters;

  basic_mlp() = default;
  /// All parameters 0.
  /// \param sizes of the input, of what each layer puts out
  /// \param activated whether a GELU follows, for each layer
  /// \throws value_error for sizes below 1, shape_error for fewer than two or for another number of
  ///         `activated`
  basic_mlp(const std::vector<index_t>& sizes, const std::vector<bool>& activated) {
    if (sizes.size() < 2)
      throw shape_error("sizes", "an input and at least one layer", std::to_string(sizes.size()));
    check_extent(static_cast<index_t>(activated.size()), static_cast<index_t>(sizes.size()) - 1,
                 "activated", "layers");
    for (const index_t size : sizes) check_between(size, 1, index_t{1} << 24, "sizes");
    index_t offset = 0;
    for (std::size_t l = 0; l + 1 < sizes.size(); ++l) {
      layers.push_back({sizes[l], sizes[l + 1], activated[l], offset});
      offset += (sizes[l] + 1) * sizes[l + 1];
    }
    parameters.resize(static_cast<std::size_t>(offset));
  }
};
using mlp = basic_mlp<float>;

namespace detail {

/// The weight in a list laid out as the parameters are: those, their gradients.
template <class Scalar>
auto weight_of(Scalar* parameters, const mlp_layer& layer) {
  using matrix =
      std::conditional_t<std::is_const_v<Scalar>, const row_matrix<std::remove_const_t<Scalar>>,
                         row_matrix<Scalar>>;
  return Eigen::Map<matrix>(parameters + layer.offset, layer.out, layer.in);
}

template <class Scalar>
auto bias_of(Scalar* parameters, const mlp_layer& layer) {
  using vector =
      std::conditional_t<std::is_const_v<Scalar>, const row_vector<std::remove_const_t<Scalar>>,
                         row_vector<Scalar>>;
  return Eigen::Map<vector>(parameters + layer.offset + layer.out * layer.in, layer.out);
}

}  // namespace detail

/// Draws weights and biases as PyTorch's nn.Linear does: uniform on `+-1 / sqrt(in)`.
template <class Scalar>
void initialize(basic_mlp<Scalar>& model, random_stream& random) {
  for (const mlp_layer& layer : model.layers) {
    const double bound = 1 / std::sqrt(static_cast<double>(layer.in));
    Scalar* at = model.parameters.data() + layer.offset;
    for (index_t i = 0; i < (layer.in + 1) * layer.out; ++i)
      at[i] = static_cast<Scalar>(bound * (2 * random.uniform() - 1));
  }
}

}  // namespace atlas::inline ATLAS_ABI

#ifdef ATLAS_COMPILED
namespace atlas::inline ATLAS_ABI {
ATLAS_OF_NN void initialize<float>(basic_mlp<float>&, random_stream&);
ATLAS_OF_NN void initialize<double>(basic_mlp<double>&, random_stream&);
}  // namespace atlas::inline ATLAS_ABI
#endif
