#!/bin/bash
# SPDX-License-Identifier: MIT
# How the program's cost grows with rows, columns, heads and layers, and how it is shared by threads and
# ranks: builds it, measures seconds of the processor, prints tables and exponents, and draws
# docs/images/growth.svg and docs/images/scaling.svg with gnuplot. Takes some ten minutes. Arguments go to
# scaling.py, such as --repeats 5; PROGRAM=path takes a program that is built already.
set -euo pipefail
. "$(dirname "$0")/peers/beside.sh"
install_missing gnuplot-nox libopenmpi-dev openmpi-bin
python_with numpy
if [ -z "${PROGRAM:-}" ]; then
  cmake -S . -B build/scaling -G Ninja -DATLAS_NATIVE=ON -DATLAS_BUILD_TESTS=OFF >/dev/null
  cmake --build build/scaling --target atlas_program -- --quiet
  PROGRAM=build/scaling/examples/atlas/atlas
fi
$python bench/scaling.py "$PROGRAM" --images docs/images "$@"
