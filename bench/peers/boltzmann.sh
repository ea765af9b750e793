#!/bin/bash
# Boltzmann observables and density matrices beside PyTorch, alternately in one run: installs PyTorch from PyPI into build/peers,
# builds this side and prints the ratios. Arguments go to boltzmann.py, such as --rounds 7.
set -euo pipefail
cd "$(dirname "$0")/../.."
. examples/packages.sh
install_missing "${packages[@]}" python3-venv
[ -x build/peers/python/bin/python ] || python3 -m venv build/peers/python
build/peers/python/bin/python -c "import torch" 2>/dev/null ||
  build/peers/python/bin/python -m pip install --quiet torch numpy
cmake -S . -B build/peers/atlas -G Ninja -DATLAS_BUILD_BENCHMARKS=ON -DATLAS_NATIVE=ON \
  -DATLAS_BUILD_TESTS=OFF -DATLAS_BUILD_EXAMPLES=OFF >/dev/null
cmake --build build/peers/atlas --target peer_boltzmann
build/peers/python/bin/python bench/peers/boltzmann.py build/peers/atlas/bench/peer_boltzmann "$@"
