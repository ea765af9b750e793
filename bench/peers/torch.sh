# Sourced by the scripts that run beside PyTorch: `beside_torch NAME ARGUMENTS...` installs PyTorch from
# PyPI (into build/peers), builds peer_NAME and hands it to NAME.py, which runs both sides alternately
# and prints the ratios.
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
. examples/packages.sh

beside_torch() {
  local name=$1 python=build/peers/python/bin/python
  shift
  install_missing "${packages[@]}" libopenblas-dev python3-venv
  [ -x $python ] || python3 -m venv build/peers/python
  $python -c "import torch" 2>/dev/null || $python -m pip install --quiet torch numpy
  cmake -S . -B build/peers/atlas -G Ninja -DATLAS_BUILD_BENCHMARKS=ON -DATLAS_NATIVE=ON \
    -DATLAS_BUILD_TESTS=OFF -DATLAS_BUILD_EXAMPLES=OFF >/dev/null
  cmake --build build/peers/atlas --target "peer_$name"
  $python "bench/peers/$name.py" "build/peers/atlas/bench/peer_$name" "$@"
}
