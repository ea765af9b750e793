#!/bin/bash
# Eigenbases and quantization beside PyTorch, alternately in one run: installs OpenBLAS from Debian
# and PyTorch from PyPI (into build/peers), builds this side and prints the ratios. Arguments go to
# quantize.py, such as 768 3072 --rounds 3.
set -euo pipefail
cd "$(dirname "$0")/../.."
. examples/packages.sh
install_missing "${packages[@]}" libopenblas-dev python3-venv
[ -x build/peers/python/bin/python ] || python3 -m venv build/peers/python
build/peers/python/bin/python -c "import torch" 2>/dev/null ||
  build/peers/python/bin/python -m pip install --quiet torch numpy
cmake -S . -B build/peers/atlas -G Ninja -DATLAS_BUILD_BENCHMARKS=ON -DATLAS_NATIVE=ON \
  -DATLAS_BUILD_TESTS=OFF -DATLAS_BUILD_EXAMPLES=OFF >/dev/null
cmake --build build/peers/atlas --target peer_quantize
build/peers/python/bin/python bench/peers/quantize.py build/peers/atlas/bench/peer_quantize "$@"
