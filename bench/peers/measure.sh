#!/bin/bash
# SPDX-License-Identifier: MIT
# `atlas measure` on a model of 135 M parameters beside its forward pass. Arguments go to measure.py,
# such as --rounds 7.
set -euo pipefail
. "$(dirname "$0")/beside.sh"
python_with numpy
peer transformer
cmake -S . -B build/native -G Ninja -DATLAS_NATIVE=ON -DATLAS_BUILD_TESTS=OFF >/dev/null
cmake --build build/native --target atlas_program -- --quiet
$python bench/peers/measure.py build/peers/atlas/bench/peer_transformer \
  build/native/examples/atlas/atlas build/peers/model "$@"
