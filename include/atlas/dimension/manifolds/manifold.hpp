// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// A manifold whose dimension is known, and how rows of it are drawn.

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "atlas/core/random.hpp"
#include "atlas/core/tensor_view.hpp"

namespace atlas::inline ATLAS_ABI {

/// Rows of a manifold. What a manifold does not have is empty.
template <class Scalar>
struct manifold_draw {
  owned_tensor<Scalar, 2> points;     ///< `[N, columns]`
  owned_tensor<index_t, 1> context;   ///< `[N]`, number of the passage that a row is of
  owned_tensor<index_t, 1> position;  ///< `[N]`, place within the passage, increasing
  std::vector<index_t> dimensions;    ///< `[N]`, of each row's own part, if parts differ
};

/// What draws `[rows, manifold.ambient]` in the manifold's own columns, without noise.
using manifold_generator = std::function<manifold_draw<double>(index_t rows, random_stream&)>;

/// A cloud of known dimension, and how to draw it.
struct manifold {
  std::string name;
  index_t dimension = 0;  ///< intrinsic; of parts of several, the greatest
  index_t ambient = 0;    ///< columns that it needs
  std::string about;      ///< what it is, in one line
  manifold_generator draw;
};

/// In how many columns, with how much noise and from which seed rows are drawn.
struct manifold_options {
  index_t ambient = 0;     ///< columns; 0: the manifold's own; more: turned into them at random
  double noise = 0;        ///< standard deviation of normal noise in each column
  std::uint64_t seed = 0;  ///< rows, turn and noise are of streams of their own
};

}  // namespace atlas::inline ATLAS_ABI
