#!/bin/bash
# SPDX-License-Identifier: MIT
# other_flags.sh COMPILER INCLUDE EIGEN LIBRARY: a unit links with the library of its own flags, and with
# other alignment, vectors or threads it does not: the linker names what is missing.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
printf '#include "atlas/core/compiled.hpp"\nint main() {}\n' >"$folder/unit.cpp"
link() {
  "$1" -std=c++20 -DATLAS_COMPILED -I "$2" -isystem "$3" "${@:5}" "$folder/unit.cpp" "$4" \
    -o "$folder/unit" 2>"$folder/log"
}
link "$@" || { cat "$folder/log"; exit 1; }
for flag in -DEIGEN_MAX_ALIGN_BYTES=64 -DATLAS_PLAIN_VECTORS -DATLAS_USE_OPENMP -DEIGEN_USE_BLAS; do
  if link "$@" $flag; then
    echo "$flag links with a library that was compiled without it"
    exit 1
  fi
  grep -q "compiled_with_alignment_" "$folder/log" || { cat "$folder/log"; exit 1; }
done
