#!/bin/bash
# SPDX-License-Identifier: MIT
# Prints a table of what units that include atlas cost to compile: seconds of user time, the median
# of seven, and the ratio to a unit that includes only Eigen/Dense, compiled in turn with it.
# Arguments: include folders to compare; `include` of this checkout where none is given.
# CXX is the compiler, CXXFLAGS are added. Nothing else should run meanwhile.
set -euo pipefail
cd "$(dirname "$0")/.."
[ $# -gt 0 ] || set -- include
read -ra eigen <<<"$(pkg-config --cflags-only-I eigen3 | sed 's/-I/-isystem /g')"
read -ra more <<<"${CXXFLAGS:-}"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# Seconds to compile a unit: its file, an include folder and flags.
seconds() {
  local TIMEFORMAT=%U
  { time "${CXX:-g++}" -std=c++20 "${@:3}" -DNDEBUG "${more[@]}" -I"$2" "${eigen[@]}" \
      -c "$1" -o "$work/unit.o" 2>"$work/errors"; } 2>&1 || { cat "$work/errors" >&2; return 1; }
}

median() { sort -n | sed -n 4p; }

# One line of the table: what it is, then flags. Compiles $work/unit.cpp.
row() {
  printf '| %s |' "$1"
  for folder in "${folders[@]}"; do
    : >"$work/mine"; : >"$work/eigen"
    for _ in 1 2 3 4 5 6 7; do
      seconds "$work/eigen.cpp" "$folder" "${@:2}" >>"$work/eigen"
      seconds "$work/unit.cpp" "$folder" "${@:2}" >>"$work/mine"
    done
    awk -v a="$(median <"$work/mine")" -v b="$(median <"$work/eigen")" \
      'BEGIN { printf " %.2f (%.2f) |", a, a / b }'
  done
  echo
}

echo '#include <Eigen/Dense>' >"$work/eigen.cpp"
folders=("$@")
echo "$("${CXX:-g++}" --version | head -1), -DNDEBUG: user seconds (ratio to Eigen/Dense)"
echo
printf '| unit |'; printf ' %s |' "${folders[@]}"; echo
printf '|---|'; printf -- '---|%.0s' "${folders[@]}"; echo
for header in atlas/core/as_view.hpp atlas/dimension/two_nn.hpp atlas/subspace/head_overlap.hpp \
  atlas/quantize/quantize_matrix.hpp atlas/reference/transformer.hpp \
  atlas/reference/gradients.hpp atlas/atlas.hpp atlas/io/model.hpp; do
  echo "#include <$header>" >"$work/unit.cpp"
  row "\`#include <$header>\` alone, -O2" -O2
done
sed -n '/^```cpp$/,/^```$/{/^```/d;p}' README.md >"$work/unit.cpp"
row "the README's example, -O2" -O2
row "the README's example, -O3" -O3
row "the README's example, -O2, with atlas::compiled" -O2 -DATLAS_COMPILED
