#!/bin/bash
# Forward passes of the reference transformer beside the peak of the machine, alternately in one run: installs OpenBLAS from Debian,
# builds this side and prints the ratios. Arguments go to transformer.py, such as --rounds 7.
set -euo pipefail
cd "$(dirname "$0")/../.."
. examples/packages.sh
install_missing "${packages[@]}" libopenblas-dev python3
cmake -S . -B build/peers/atlas -G Ninja -DATLAS_BUILD_BENCHMARKS=ON -DATLAS_NATIVE=ON \
  -DATLAS_BUILD_TESTS=OFF -DATLAS_BUILD_EXAMPLES=OFF >/dev/null
cmake --build build/peers/atlas --target peer_transformer
python3 bench/peers/transformer.py build/peers/atlas/bench/peer_transformer "$@"
