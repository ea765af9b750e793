# SPDX-License-Identifier: MIT
# Sourced by the scripts of this folder. `beside NAME MODULE ARGUMENTS...` builds peer_NAME and hands it
# to NAME.py, which runs both sides alternately and prints the ratios; Python's MODULE (torch or
# sklearn, or nothing) is installed from PyPI, into build/peers.
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
. examples/packages.sh
install_missing "${packages[@]}" libopenblas-dev python3-venv
python=build/peers/python/bin/python

python_with() {
  local module=${1:-}
  [ -x $python ] || python3 -m venv build/peers/python
  [ -z "$module" ] || $python -c "import $module" 2>/dev/null ||
    $python -m pip install --quiet "${module/sklearn/scikit-learn}" numpy
}

peer() {
  cmake -S . -B build/peers/atlas -G Ninja -DATLAS_BUILD_BENCHMARKS=ON -DATLAS_NATIVE=ON \
    -DATLAS_BUILD_TESTS=OFF -DATLAS_BUILD_EXAMPLES=OFF >/dev/null
  cmake --build build/peers/atlas --target "peer_$1" -- --quiet
}

beside() {
  local name=$1 module=$2
  shift 2
  python_with "$module"
  peer "$name"
  $python "bench/peers/$name.py" "build/peers/atlas/bench/peer_$name" "$@"
}
