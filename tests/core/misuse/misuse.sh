#!/bin/bash
# SPDX-License-Identifier: MIT
# misuse.sh COMPILER INCLUDE FLAGS...: arguments of another rank or of other elements do not compile,
# and the first error is the library's own sentence. What is right compiles, so that every misuse
# fails by what it says.
set -euo pipefail
compiler=$1 include=$2
shift 2
work=$(mktemp -d) && trap 'rm -rf "$work"' EXIT
flags=(-std=c++20 -O0 -I"$include" "$@")

cat >"$work/all.hpp" <<'END'
#include "atlas/boltzmann/observables.hpp"
#include "atlas/dimension/two_nn.hpp"
#include "atlas/stats/correlation.hpp"
#include <array>
#include <cstdint>
#include <list>
#include <string>
#include <utility>
#include <vector>
struct own_matrix { const float* data() const; int rows() const; int cols() const; };
END
"$compiler" "${flags[@]}" -x c++-header "$work/all.hpp" -o "$work/all.hpp.gch"  # read once

compiles() {
  echo "void unit() { $1; }" >"$work/unit.cpp"
  "$compiler" "${flags[@]}" -fsyntax-only -include "$work/all.hpp" "$work/unit.cpp" 2>"$work/said"
}
right() {
  compiles "$1" || { echo "does not compile: $1" && cat "$work/said" && exit 1; }
}
misuse() { # statements, part of the sentence
  if compiles "$1"; then echo "compiles: $1" && exit 1; fi
  local first
  first=$(grep -m 1 -E 'error: ' "$work/said")
  [[ $first == *"atlas: "*"$2"* ]] || { echo "first error of $1: $first" && exit 1; }
}

matrix='a tensor of rank 2, [rows, cols]: a matrix; a flat container or a pointer needs as_view<2>(x, {rows, cols})'
heads='a tensor of rank 3, such as [heads, rows, cols]: a vector of matrices'
vector='a tensor of rank 1, [n]'
reals='elements of float or double'
whole='labels, positions and tokens are whole numbers'

misuse 'std::vector<double> x; atlas::two_nn(x)' "$matrix"
misuse 'std::vector<std::vector<std::vector<float>>> x; atlas::two_nn(x)' "$matrix"
misuse 'atlas::two_nn("points.npy")' "$matrix"
misuse 'const char* x = nullptr; atlas::two_nn(x)' "$matrix"
misuse 'own_matrix x; atlas::two_nn(x)' "$matrix"
misuse 'const float* x = nullptr; atlas::nearest_neighbors(x, {.k = 2})' "$matrix"
misuse 'Eigen::MatrixXi x; atlas::two_nn(x)' "$reals"
misuse 'Eigen::MatrixXd x; atlas::boltzmann_observables<3>(x)' "$heads"
misuse 'std::vector<std::string> x; (void)atlas::as_view<3>(x)' "$heads"
misuse 'std::vector<double> x; atlas::same_context(x)' "$whole"
misuse 'std::vector<std::vector<int>> x; atlas::same_context(x)' "$vector"
misuse 'std::array<std::array<double, 2>, 9> x; atlas::pearson(x, x)' "$vector"
misuse 'Eigen::VectorXcd x; atlas::pearson(x, x)' 'the real or the imaginary part'
right 'using float_points = decltype(atlas::two_nn(std::declval<Eigen::MatrixXf>()));
       using heads = decltype(
           atlas::boltzmann_observables<3>(std::declval<std::vector<Eigen::MatrixXd>>()));
       using labels = decltype(atlas::same_context(std::declval<std::list<std::uint32_t>>()));
       using counts = decltype(atlas::pearson(std::declval<std::vector<int>>(), std::vector<int>()));'
echo "every misuse is told in one sentence"
