#!/bin/bash
# SPDX-License-Identifier: MIT
# Builds everything with the address and undefined behaviour sanitizers and runs all tests in it.
# Arguments go to ctest.
set -euo pipefail
cd "$(dirname "$0")/.."
. tests/packages.sh
install_missing "${packages[@]}" clang libclang-rt-14-dev
# Clang instruments in two thirds of GCC's time. It does not compile the headers of Debian's LibTorch
# as C++20, so that the tests of that adapter are built by GCC.
cmake -S . -B build/sanitized -G Ninja -DATLAS_WERROR=ON -DATLAS_UNITY=ON -DATLAS_SANITIZE=ON \
  -DCMAKE_BUILD_TYPE=None -DCMAKE_CXX_COMPILER=clang++ -DATLAS_TORCH_INCLUDE=OFF >/dev/null
cmake -S . -B build/sanitized-torch -G Ninja -DATLAS_WERROR=ON -DATLAS_UNITY=ON -DATLAS_SANITIZE=ON \
  -DCMAKE_BUILD_TYPE=None -DCMAKE_CXX_COMPILER=g++ >/dev/null
test_torch() {
  cmake --build build/sanitized-torch --target test_adapters_torch
  # LibTorch keeps what it allocated for its registries until the end.
  ASAN_OPTIONS=detect_leaks=0 build/sanitized-torch/tests/adapters/test_adapters_torch
}
test_torch >build/sanitized-torch/log 2>&1 &
torch=$!
cmake --build build/sanitized
if ! wait $torch; then
  cat build/sanitized-torch/log
  exit 1
fi
ctest --test-dir build/sanitized --output-on-failure -j "$(nproc)" "$@"
