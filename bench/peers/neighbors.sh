#!/bin/bash
# Nearest neighbours beside FAISS, OpenBLAS, nanoflann and scikit-learn, alternately in one run:
# installs the former from Debian and the last from PyPI (into build/peers), builds this side and
# prints the ratios. Arguments go to neighbors.py, such as full:100000 --peers faiss --rounds 3.
set -euo pipefail
cd "$(dirname "$0")/../.."
. examples/packages.sh
install_missing "${packages[@]}" libopenblas-dev libfaiss-dev libnanoflann-dev python3-venv
[ -x build/peers/python/bin/python ] || python3 -m venv build/peers/python
build/peers/python/bin/python -c "import sklearn" 2>/dev/null ||
  build/peers/python/bin/python -m pip install --quiet scikit-learn numpy
cmake -S . -B build/peers/atlas -G Ninja -DATLAS_BUILD_BENCHMARKS=ON -DATLAS_NATIVE=ON \
  -DATLAS_BUILD_TESTS=OFF -DATLAS_BUILD_EXAMPLES=OFF >/dev/null
cmake --build build/peers/atlas --target peer_neighbors
build/peers/python/bin/python bench/peers/neighbors.py build/peers/atlas/bench/peer_neighbors "$@"
