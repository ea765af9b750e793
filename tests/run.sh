#!/bin/bash
# SPDX-License-Identifier: MIT
# Installs what is missing, builds everything with warnings as errors and runs all tests.
# Arguments go to ctest.
set -euo pipefail
cd "$(dirname "$0")/.."
. tests/packages.sh
install_missing "${packages[@]}"
# -O2 takes three quarters of the time that -O3 takes to compile.
cmake -S . -B build/tests -G Ninja -DATLAS_WERROR=ON -DATLAS_COMPILED=ON -DATLAS_UNITY=ON \
  -DCMAKE_CXX_FLAGS_RELEASE="-O2 -DNDEBUG" >/dev/null
cmake --build build/tests
ctest --test-dir build/tests --output-on-failure -j "$(nproc)" "$@"
