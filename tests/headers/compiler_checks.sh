#!/bin/bash
# SPDX-License-Identifier: MIT
# compiler_checks.sh COMPILER INCLUDE EXPONENTIALS.cpp: flags and macros under which results would be
# wrong do not compile, in a sentence that names them; under all others exponentials are right.
set -euo pipefail
compiler=$1 include=$2 exponentials=$3
work=$(mktemp -d) && trap 'rm -rf "$work"' EXIT
echo '#include "atlas/core/tensor_view.hpp"' >"$work/unit.cpp"

compiles() { "$compiler" -std=c++20 -I"$include" "$@" -fsyntax-only "$work/unit.cpp" 2>"$work/said"; }
refuses() { # what its sentence names, flags...
  local named=$1
  shift
  if compiles "$@"; then echo "compiled under $*" && exit 1; fi
  grep -qe "atlas: $named" "$work/said" || { echo "no word of $named under $*" && exit 1; }
}
keeps_digits() {
  "$compiler" -std=c++20 -I"$include" "$@" "$exponentials" -o "$work/exponentials"
  "$work/exponentials" || { echo "under $*" && exit 1; }
}

compiles || { cat "$work/said" && exit 1; }
refuses -ffast-math -O2 -ffast-math
refuses -ffast-math -Ofast
refuses -ffinite-math-only -ffinite-math-only
refuses EIGEN_DEFAULT_TO_ROW_MAJOR -DEIGEN_DEFAULT_TO_ROW_MAJOR
unordered="-O2 -fassociative-math -fno-signed-zeros -fno-trapping-math"
macros=$("$compiler" $unordered -dM -E -x c++ /dev/null)  # whole: a pipe that is closed early fails
if grep -q __ASSOCIATIVE_MATH__ <<<"$macros"; then
  refuses -fassociative-math $unordered
  refuses -fassociative-math -funsafe-math-optimizations
else # Clang has no macro that tells
  keeps_digits $unordered
  keeps_digits -O2 -funsafe-math-optimizations
fi
keeps_digits -O2
keeps_digits -O2 -fno-signed-zeros -fno-trapping-math -fno-math-errno -freciprocal-math
echo "as it should be"
