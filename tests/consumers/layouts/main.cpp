// SPDX-License-Identifier: MIT
// Whether the headers are where they are said to be: a program that needs no others.
#include <cstdio>

#include "atlas/core/random.hpp"

int main() {
  atlas::random_stream random(1);
  const double u = random.uniform();
  std::printf(u >= 0 && u < 1 ? "found\n" : "not uniform\n");
}
