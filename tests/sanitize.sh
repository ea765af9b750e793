#!/bin/bash
# Builds everything with the address and undefined behaviour sanitizers and runs all tests in it.
# Arguments go to ctest.
set -euo pipefail
cd "$(dirname "$0")/.."
. tests/packages.sh
install_missing "${packages[@]}"
cmake -S . -B build/sanitized -G Ninja -DATLAS_WERROR=ON -DATLAS_SANITIZE=ON \
  -DCMAKE_BUILD_TYPE=None >/dev/null
cmake --build build/sanitized
ctest --test-dir build/sanitized --output-on-failure -j "$(nproc)" "$@"
