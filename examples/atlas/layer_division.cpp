// SPDX-License-Identifier: MIT
#include "layer_division.hpp"

#include <algorithm>

#include "ranks.hpp"

namespace atlas_program {

using atlas::index_t;

layer_division::layer_division(const std::vector<index_t>& heads) : layers_(heads.size()) {
  for (std::size_t layer = 0; layer < heads.size(); ++layer)
    for (index_t head = 0; head < heads[layer]; ++head) all_.push_back({layer, head});
}

int layer_division::owner(const head_place& of) const {
  const auto all = static_cast<std::size_t>(ranks());
  if (layers_ >= all) return static_cast<int>(of.layer % all);
  const std::size_t sharing = (all - of.layer + layers_ - 1) / layers_;
  return static_cast<int>(of.layer + layers_ * (static_cast<std::size_t>(of.head) % sharing));
}

index_t layer_division::own_heads() const {
  return std::count_if(all_.begin(), all_.end(),
                       [&](const head_place& of) { return owner(of) == rank(); });
}

bool layer_division::is_of_this_rank(std::size_t place, std::size_t layers) {
  const auto own = static_cast<std::size_t>(rank()), all = static_cast<std::size_t>(ranks());
  return layers >= all ? place % all == own : place == own % layers;
}

}  // namespace atlas_program
