// SPDX-License-Identifier: MIT
// Points in a type of one's own: one specialisation of one trait.
#include <cstdio>
#include <vector>

#include "atlas/core/as_view.hpp"
#include "atlas/core/random.hpp"
#include "atlas/dimension/two_nn.hpp"

namespace game {

/// Particles one after another, each with a mass after its position.
struct particles {
  std::vector<float> memory;
  std::ptrdiff_t count;
};

}  // namespace game

template <>
struct atlas::tensor_traits<game::particles> {
  static constexpr bool borrowed = false;  // a temporary takes its memory with it
  template <std::size_t Rank>
  requires(Rank == 2) static auto view(const game::particles& p) {
    return atlas::tensor_view<const float, 2>(p.memory.data(), {p.count, 3}, {4, 1});
  }
};

int main() {
  atlas::random_stream random(1);
  game::particles particles{std::vector<float>(8000), 2000};
  for (float& x : particles.memory) x = static_cast<float>(random.uniform());
  std::printf("dimension %.2f\n", atlas::two_nn(particles).dimension);
}
