// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// Which rank measures which heads of which layers.

#include <cstddef>
#include <vector>

#include "atlas/core/tensor_view.hpp"

namespace atlas_program {

/// A head by the place of its layer among those that are measured.
struct head_place {
  std::size_t layer = 0;
  atlas::index_t head = 0;
};

/// Layer i is of rank i mod P. Where there are fewer layers than ranks, the ranks r with
/// r mod L = i divide its heads in turn. Each rank looks at few layers, and runs a model no deeper
/// than these.
class layer_division {
 public:
  /// \param heads of each layer
  explicit layer_division(const std::vector<atlas::index_t>& heads);

  /// Of all layers, one layer after the other.
  [[nodiscard]] atlas::index_t heads() const { return static_cast<atlas::index_t>(all_.size()); }
  [[nodiscard]] head_place at(atlas::index_t i) const { return all_[static_cast<std::size_t>(i)]; }
  [[nodiscard]] int owner(const head_place& of) const;
  /// Heads of this rank.
  [[nodiscard]] atlas::index_t own_heads() const;

  /// Whether this rank looks at a layer.
  static bool is_of_this_rank(std::size_t place, std::size_t layers);

 private:
  std::size_t layers_;
  std::vector<head_place> all_;
};

}  // namespace atlas_program
