#!/bin/bash
# SPDX-License-Identifier: MIT
# Installs what is missing, builds the atlas program for this machine and measures the embedded
# model. Arguments go to `atlas measure`.
set -euo pipefail
cd "$(dirname "$0")/.."
. examples/packages.sh
install_missing "${packages[@]}"
cmake -S . -B build/native -G Ninja -DATLAS_NATIVE=ON -DATLAS_UNITY=ON \
  -DATLAS_BUILD_TESTS=OFF >/dev/null
cmake --build build/native --target atlas_program
build/native/examples/atlas/atlas measure --perplexity "$@"
echo "The program is build/native/examples/atlas/atlas; see its --help."
