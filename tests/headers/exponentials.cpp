// SPDX-License-Identifier: MIT
// Exponentials keep their digits under the flags that compile. No Eigen: it compiles in no time.

#include <cmath>
#include <cstdio>

#include "atlas/boltzmann/vector_exp.hpp"

int main() {
  constexpr double share = 1e-15;  // 3e-16 as the header says, and some for the flags' liberties
  for (int step = 0; step < 4000; ++step) {
    double x[atlas::detail::exp_lanes], u[atlas::detail::exp_lanes], w[atlas::detail::exp_lanes];
    for (int l = 0; l < 8; ++l) x[l] = 3.0 - 0.0217 * (8 * step + l);
    atlas::detail::shifted_exp(x, atlas::detail::exp_lanes, 3.0, 0.75, u, w);
    for (int l = 0; l < 8; ++l) {
      const long double wanted = u[l] > -708 ? std::exp(static_cast<long double>(u[l])) : 0.0L;
      if (std::abs(static_cast<long double>(w[l]) - wanted) <=
          static_cast<long double>(share) * wanted)
        continue;
      std::printf("e^%.17g came out as %.17g\n", u[l], w[l]);
      return 1;
    }
  }
  return 0;
}
